/* SPDX-License-Identifier: Apache-2.0
 * One idea: an IPv6 address is filled from the left; what stood behind "::" is moved to the right end. */
#include "base/ip.h"

#include <errno.h>
#include <string.h>
#include "base/hex.h"

static int parse_v4(struct str s, uint8_t out[4])
{
	for (int i = 0; i < 4; i++) {
		struct str part;
		uint64_t v;

		if (i < 3 && !str_has(s, '.'))
			return -EINVAL;
		part = i < 3 ? str_take_until(&s, '.') : s;
		if (str_u64(part, 255, &v))
			return -EINVAL;
		out[i] = (uint8_t)v;
	}
	return 0;
}

static int parse_v6(struct str s, uint8_t out[16])
{
	int n = 0, gap = -1; /* bytes filled; where "::" stood */
	size_t i = 0;

	memset(out, 0, 16);
	if (str_starts(s, STR("::"))) {
		gap = 0;
		i = 2;
	}
	while (i < s.n) {
		unsigned int v = 0;
		size_t begin = i;

		while (i < s.n && i - begin < 5 && hex_value(s.p[i]) >= 0)
			v = v << 4 | (unsigned int)hex_value(s.p[i++]);
		if (i == begin || i - begin > 4 || n > 14)
			return -EINVAL;
		if (i < s.n && s.p[i] == '.') {
			if (n > 12 || parse_v4(str_from(s, begin), out + n))
				return -EINVAL;
			n += 4;
			break;
		}
		out[n++] = (uint8_t)(v >> 8);
		out[n++] = (uint8_t)v;
		if (i == s.n)
			break;
		if (s.p[i++] != ':' || i == s.n)
			return -EINVAL;
		if (s.p[i] == ':') {
			if (gap >= 0)
				return -EINVAL;
			gap = n;
			i++;
		}
	}
	if (gap < 0)
		return n == 16 ? 0 : -EINVAL;
	if (n == 16)
		return -EINVAL;
	memmove(out + 16 - (n - gap), out + gap, (size_t)(n - gap));
	memset(out + gap, 0, (size_t)(16 - n));
	return 0;
}

int ip_parse(struct str s, uint8_t ret[16])
{
	uint8_t ip[16] = { [10] = 0xff, [11] = 0xff };
	int r = str_has(s, ':') ? parse_v6(s, ip) : parse_v4(s, ip + 12);

	if (!r)
		memcpy(ret, ip, 16);
	return r;
}

bool ip_is_v6_link_local(const uint8_t ip[16])
{
	return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}
