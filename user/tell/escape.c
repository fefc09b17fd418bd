/* SPDX-License-Identifier: Apache-2.0 */
#include "tell/escape.h"

#include <string.h>

#include "base/utf8.h"

/* Length of the printable character at the beginning of s, 0 when there is none. C0 and C1 controls,
 * the direction overrides (U+202A to U+202E, U+2066 to U+2069) and the rest of the invisible formatters
 * (U+200B to U+200F, U+2028, U+2029, U+FEFF) are not printable. */
static size_t printable(struct str s)
{
	size_t len = utf8_length(s);
	uint32_t point = len ? utf8_code(s) : 0;

	if (point < 0x20 || (point >= 0x7f && point < 0xa0))
		return 0;
	if ((point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
	    (point >= 0x2066 && point <= 0x2069) || point == 0xfeff)
		return 0;
	return len;
}

size_t escape(struct str s, char *out, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < s.n;) {
		unsigned char c = (unsigned char)s.p[i];
		size_t len = printable(str_from(s, i));

		if (n + (len ? len : 4) >= size)
			break;
		if (len) {
			memcpy(out + n, s.p + i, len);
			n += len;
			i += len;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
		i++;
	}
	out[n] = '\0';
	return n;
}
