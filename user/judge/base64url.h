/* SPDX-License-Identifier: Apache-2.0
 *
 * base64url - decodes the base64 of JWTs and websocket tokens: URL alphabet, no padding (RFC 4648,
 * section 5), the bits left over not checked: as Go's base64.RawURLEncoding does.
 */
#ifndef ANONTAP_JUDGE_BASE64URL_H
#define ANONTAP_JUDGE_BASE64URL_H

#include "base/str.h"

#define BASE64URL_DECODED(n) ((n) / 4 * 3 + 2)	/* bytes that n characters decode to, at most */

/* Decode s into out (BASE64URL_DECODED(s.n) bytes). Returns 0; -EINVAL. */
int base64url_decode(struct str s, char *out, size_t *ret_n);

#endif
