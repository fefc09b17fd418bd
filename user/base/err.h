/* SPDX-License-Identifier: Apache-2.0
 *
 * err - one finished sentence for a person: what failed, about what, and what to do.
 *
 * Functions that take a `struct err *` write it only when they fail and a person must act; it may be
 * NULL. The number that the function returns is for the program, the sentence for the person.
 */
#ifndef ANONTAP_BASE_ERR_H
#define ANONTAP_BASE_ERR_H

struct err {
	char text[512];
};

/* Sets the sentence and returns `error`, so that `return err_set(err, -EINVAL, "…")` reads well. */
int err_set(struct err *err, int error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
