/* SPDX-License-Identifier: Apache-2.0
 *
 * date - seconds of Unix time as RFC 3339 in UTC, and back: for the dates of certificates and tokens,
 * which reach from year 0 to 9999 and have no fraction (clock's nanoseconds end in 2554).
 */
#ifndef ANONTAP_TELL_DATE_H
#define ANONTAP_TELL_DATE_H

#include "base/str.h"

#define DATE_MAX 21		/* "2026-11-22T03:27:18Z" with a NUL */

/* Returns the length; 0, and nothing written, when the year has more than four digits. */
size_t date_fmt(int64_t unix_s, char out[DATE_MAX]);

/* Of exactly that form. Returns 0; -EINVAL. */
int date_parse(struct str s, int64_t *ret_unix_s);

#endif
