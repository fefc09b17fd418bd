/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8 - what is text and what is not (RFC 3629: no overlong forms, no surrogates).
 */
#ifndef ANONTAP_BASE_UTF8_H
#define ANONTAP_BASE_UTF8_H

#include "base/str.h"

/* Length of the character that s begins with, 1 to 4; 0 when it is none or s is empty. */
size_t utf8_length(struct str s);

/* The code point of the character that s begins with; utf8_length(s) is not 0. */
uint32_t utf8_code(struct str s);

bool utf8_is_valid(struct str s);

#endif
