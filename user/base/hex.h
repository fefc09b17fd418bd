/* SPDX-License-Identifier: Apache-2.0
 *
 * hex - hexadecimal digits, and the %XX escapes of URIs.
 */
#ifndef ANONTAP_BASE_HEX_H
#define ANONTAP_BASE_HEX_H

#include "base/str.h"

int hex_value(char c);		/* 0 to 15; -EINVAL: not a digit */
int hex_escape(struct str s);	/* the byte that "%XX" at the front of s stands for; -EINVAL: there is none */

#endif
