/* SPDX-License-Identifier: Apache-2.0
 *
 * buf - bytes that grow, up to a cap given at init.
 *
 * A zeroed buf is valid and empty with no cap. Errors are sticky: after a failed append the buf keeps
 * what it had, every later append fails too, and buf_error() says why, so that a formatter may append
 * many times and check once.
 */
#ifndef ANONTAP_BASE_BUF_H
#define ANONTAP_BASE_BUF_H

#include "base/str.h"

struct buf {
	char *p;
	size_t n;	/* bytes in use */
	size_t cap;	/* bytes allocated */
	size_t max;	/* bytes allowed; 0: no cap */
	int error;	/* 0, -ENOMEM, or -E2BIG for the cap */
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);		/* frees; leaves a valid empty buf with the same cap */
void buf_reset(struct buf *b);		/* empties and clears the error; keeps the memory */
void buf_wipe(struct buf *b);		/* overwrites all the memory, then as buf_done() */

int buf_add(struct buf *b, const void *p, size_t n);	/* 0, or the sticky error */
int buf_add_str(struct buf *b, struct str s);
int buf_add_c(struct buf *b, char c);
int buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int buf_error(const struct buf *b);
struct str buf_str(const struct buf *b);	/* borrowed: valid until the next append */

#endif
