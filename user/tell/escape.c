/* SPDX-License-Identifier: Apache-2.0 */
#include "tell/escape.h"

#include <string.h>

/* Length of the printable UTF-8 sequence at s (RFC 3629), 0 when there is none. C1 controls, the
 * direction overrides (U+202A to U+202E, U+2066 to U+2069) and the rest of the invisible formatters
 * (U+200B to U+200F, U+2028, U+2029, U+FEFF) are not printable. */
static size_t printable(const unsigned char *s, size_t n)
{
	static const unsigned char least[] = { 0, 0, 0x80, 0xa0, 0x90 };
	unsigned char c = s[0];
	size_t len = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
	uint32_t point;

	if (len == 1)
		return c >= 0x20 && c != 0x7f;
	if (!len || len > n)
		return 0;
	point = c & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (s[i] & 0x3f);
	}
	if ((c == 0xe0 || c == 0xf0) && s[1] < least[len])
		return 0; /* overlong */
	if (point < 0xa0 || (point >= 0xd800 && point < 0xe000) || point > 0x10ffff)
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
		const unsigned char *p = (const unsigned char *)s.p + i;
		size_t len = printable(p, s.n - i);

		if (n + (len ? len : 4) >= size)
			break;
		if (len) {
			memcpy(out + n, p, len);
			n += len;
			i += len;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[p[0] >> 4];
		out[n++] = hex[p[0] & 15];
		i++;
	}
	out[n] = '\0';
	return n;
}
