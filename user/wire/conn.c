/* SPDX-License-Identifier: Apache-2.0
 * One idea: an address is 16 bytes everywhere, and becomes text only here. */
#include "wire/conn.h"

#include <string.h>

static char *put_str(char *at, struct str s)
{
	memcpy(at, s.p, s.n);
	return at + s.n;
}

static char *put_digits(char *at, uint64_t v, unsigned base)
{
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	return put_str(at, (struct str){ digits + n, sizeof(digits) - n });
}

/* Ends the text that began at `out`; its length. */
static size_t finish(char *out, char *at)
{
	*at = '\0';
	return (size_t)(at - out);
}

size_t conn_fmt_id(const struct conn *c, char out[CONN_ID_MAX])
{
	char *at = out;

	if (c->is_described && c->process) {
		at = put_digits(at, c->process->pid, 10);
		*at++ = '.';
		if (c->fd < 0)
			*at++ = '-';
		at = put_digits(at, (uint64_t)(c->fd < 0 ? -(int64_t)c->fd : c->fd), 10);
		*at++ = '.';
	} else {
		at = put_str(at, STR("-.-."));
	}
	return finish(out, put_digits(at, c->serial, 10));
}

/* RFC 5952: the longest run of zero groups, the first of equals, becomes "::". */
static char *put_ipv6(char *at, const uint8_t ip[16])
{
	size_t best = 8, best_len = 1, len = 0;

	for (size_t i = 8; i-- > 0;) {
		len = ip[2 * i] || ip[2 * i + 1] ? 0 : len + 1;
		if (len > 1 && len >= best_len) {
			best = i;
			best_len = len;
		}
	}
	for (size_t i = 0; i < 8; i++) {
		if (i == best) {
			at = put_str(at, STR("::"));
			i += best_len - 1;
			continue;
		}
		if (i && i != best + best_len)
			*at++ = ':';
		at = put_digits(at, (uint64_t)ip[2 * i] << 8 | ip[2 * i + 1], 16);
	}
	return at;
}

size_t conn_fmt_address(const uint8_t ip[16], uint16_t port, char out[CONN_ADDRESS_MAX])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char *at = out;

	if (!memcmp(ip, mapped, sizeof(mapped))) {
		for (int i = 12; i < 16; i++) {
			at = put_digits(at, ip[i], 10);
			if (i < 15)
				*at++ = '.';
		}
	} else {
		*at++ = '[';
		at = put_ipv6(at, ip);
		*at++ = ']';
	}
	*at++ = ':';
	return finish(out, put_digits(at, port, 10));
}
