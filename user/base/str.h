/* SPDX-License-Identifier: Apache-2.0
 *
 * str - a borrowed run of bytes: pointer and length together.
 *
 * A str owns nothing and is valid as long as what it was taken from; bytes handed to a callback are
 * valid until the callback returns. Keeping them means str_dup(). The zero value is the empty string.
 */
#ifndef ANONTAP_BASE_STR_H
#define ANONTAP_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	const char *p;
	size_t n;
};

/* A str of a string literal; and printf arguments for "%.*s". */
#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_ARG(s) (int)(s).n, (s).n ? (s).p : ""

struct str str_of(const char *z);			/* of a C string; NULL gives the empty str */
bool str_eq(struct str a, struct str b);
bool str_ieq(struct str a, struct str b);		/* ASCII letters without case */
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_has(struct str s, char c);
struct str str_from(struct str s, size_t at);		/* without the first `at` bytes; empty when shorter */
struct str str_first(struct str s, size_t n);		/* at most the first n bytes */
struct str str_trim(struct str s);			/* without spaces and tabs at both ends */

/* Take what stands before the first `sep` off the front of *s, and the separator with it.
 * Without a separator all of *s is taken. Returns the part taken. */
struct str str_take_until(struct str *s, char sep);

/* Parse all of s as an unsigned decimal, at most `max`. Returns 0; -EINVAL; -ERANGE. */
int str_u64(struct str s, uint64_t max, uint64_t *ret);

/* Does s match the shell-like pattern? '*' any run, '?' any one byte; all else literal.
 * Linear in s for each '*', no recursion: safe on patterns and strings from outside. */
bool str_glob(struct str pattern, struct str s);

/* A malloc'd, NUL-terminated copy; NULL when there is no memory. */
char *str_dup(struct str s);

#endif
