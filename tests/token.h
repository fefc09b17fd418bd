/* SPDX-License-Identifier: Apache-2.0
 *
 * token.h - makes tokens for tests: base64url and unsigned JWTs.
 */
#ifndef ANONTAP_TESTS_TOKEN_H
#define ANONTAP_TESTS_TOKEN_H

#include <stdio.h>
#include <string.h>
#include "base/str.h"

/* s in base64url into out, with a NUL. */
static inline char *token_base64url(struct str s, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t at = 0;

	for (size_t i = 0; i < s.n; i += 3) {
		size_t have = s.n - i < 3 ? s.n - i : 3;
		unsigned int v = (unsigned int)(unsigned char)s.p[i] << 16;

		if (have > 1)
			v |= (unsigned int)(unsigned char)s.p[i + 1] << 8;
		if (have > 2)
			v |= (unsigned char)s.p[i + 2];
		for (size_t k = 0; k <= have; k++)
			out[at++] = digits[v >> (18 - 6 * k) & 63];
	}
	out[at] = '\0';
	return out;
}

#define TOKEN_SIGNATURE "c2lnbmF0dXJlLW9mLXRoZS1jYW5hcnk"

/* "HEADER.CLAIMS.signature" into out. */
static inline char *token_jwt(const char *header, struct str claims, char *out)
{
	size_t n;

	token_base64url(str_of(header), out);
	n = strlen(out);
	out[n++] = '.';
	token_base64url(claims, out + n);
	n += strlen(out + n);
	(void)snprintf(out + n, sizeof("." TOKEN_SIGNATURE), "." TOKEN_SIGNATURE); /* it fits: the size is its own */
	return out;
}

#endif
