/* SPDX-License-Identifier: Apache-2.0
 * One idea: nearly all requests need nothing of this, so each function first looks whether it must
 * do anything, by one walk over the bytes. */
#include "judge/gotext.h"

#include <string.h>
#include "base/hex.h"
#include "base/utf8.h"
#include "judge/redact.h"

#define TRUNCATED STR("...TRUNCATED")

/* The symbol at the front of *s: a byte, a code point above 0x7f, or 0xfffd for what is none. */
static uint32_t take_symbol(struct str *s)
{
	unsigned char c = (unsigned char)s->p[0];
	size_t n = c < 0x80 ? 1 : utf8_length(*s);
	uint32_t symbol = c < 0x80 ? c : n ? utf8_code(*s) : 0xfffd;

	*s = str_from(*s, n ? n : 1);
	return symbol;
}

bool gotext_eq(struct str wire, struct str logged)
{
	if (str_eq(wire, logged))
		return true;
	while (wire.n && logged.n)
		if (take_symbol(&wire) != take_symbol(&logged))
			return false;
	return !wire.n && !logged.n;
}

bool gotext_user_agent_eq(struct str wire, struct str logged)
{
	struct str tail;

	if (wire.n <= GOTEXT_USER_AGENT_MAX)
		return gotext_eq(wire, logged);
	if (logged.n < TRUNCATED.n)
		return false;
	tail = str_from(logged, logged.n - TRUNCATED.n);
	return str_eq(tail, TRUNCATED) &&
	       gotext_eq(str_first(wire, GOTEXT_USER_AGENT_MAX), str_first(logged, logged.n - TRUNCATED.n));
}

static bool is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* net/url shouldEscape(c, encodePath) is false */
static bool is_path_plain(unsigned char c)
{
	return is_alnum(c) || (c && strchr("-_.~$&+,/:;=@", c));
}

/* net/url validEncoded(path, encodePath): may the path stay as it was sent? */
static bool is_path_valid(struct str path)
{
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];

		if (!is_path_plain(c) && !(c && strchr("!'()*[]%", c)))
			return false;
	}
	return true;
}

/* escape(unescape(path)); a broken escape is a 400 in Go and stays here */
static void add_path(struct str path, struct buf *out)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];

		if (hex_escape(str_from(path, i)) >= 0) {
			c = (unsigned char)hex_escape(str_from(path, i));
			i += 2;
		}
		if (is_path_plain(c)) {
			(void)buf_add_c(out, (char)c); /* errors are sticky */
		} else {
			char escaped[3] = { '%', hex[c >> 4], hex[c & 15] };

			(void)buf_add(out, escaped, sizeof(escaped));
		}
	}
}

/* net/url getScheme(): the length of "scheme:" at the front, 0 without one */
static size_t scheme_length(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == ':')
			return i ? i + 1 : 0;
		if (!is_alnum(c) && !(i && strchr("+-.", c)))
			return 0;
		if (!i && c >= '0' && c <= '9')
			return 0;
	}
	return 0;
}

struct str gotext_uri_wire(struct str target, struct str method, struct buf *out)
{
	struct str path, query = target, scheme = { 0 };
	bool has_query = str_has(target, '?');

	path = str_take_until(&query, '?');
	if (str_starts(path, STR("/")) && is_path_valid(path))
		return target;
	if (str_eq(target, STR("*")) || !target.n)
		return target;
	buf_reset(out);
	if (!str_starts(path, STR("/"))) {
		if (str_eq(method, STR("CONNECT"))) { /* net/http reads "http://" before it */
			scheme = STR("http:");
		} else {
			scheme = str_first(path, scheme_length(path));
			path = str_from(path, scheme.n);
			if (!scheme.n)
				return target; /* refused */
			if (path.n && !str_starts(path, STR("/"))) { /* opaque */
				(void)buf_add_str(out, path);
				goto add_query;
			}
		}
		if (str_starts(path, STR("//")) || str_eq(method, STR("CONNECT"))) {
			size_t at = str_starts(path, STR("//")) ? 2 : 0;

			while (at < path.n && path.p[at] != '/')
				at++;
			path = str_from(path, at);
		}
		if (!path.n)
			path = STR("/");
	}
	if (is_path_valid(path))
		(void)buf_add_str(out, path); /* errors are sticky */
	else
		add_path(path, out);
add_query:
	if (has_query) {
		(void)buf_add_c(out, '?');
		(void)buf_add_str(out, query);
	}
	return buf_error(out) ? target : buf_str(out);
}

struct str gotext_uri_log(struct str uri, struct buf *out)
{
	struct redaction secrets;

	if (!str_has(uri, '='))
		return uri;
	redact_find(uri, &secrets);
	if (!secrets.nr_secrets)
		return uri;
	buf_reset(out);
	return redact_fmt(uri, &secrets, out) ? (struct str){ 0 } : buf_str(out);
}

struct str gotext_canonical(struct str s, struct buf *out)
{
	size_t i = 0;

	while (i < s.n && (unsigned char)s.p[i] < 0x80)
		i++;
	if (i == s.n)
		return s;
	buf_reset(out);
	for (struct str rest = s; rest.n;) {
		struct str before = rest;
		uint32_t symbol = take_symbol(&rest);

		if (symbol == 0xfffd)
			(void)buf_add_c(out, '\xff'); /* errors are sticky */
		else
			(void)buf_add(out, before.p, before.n - rest.n);
	}
	return buf_error(out) ? s : buf_str(out);
}
