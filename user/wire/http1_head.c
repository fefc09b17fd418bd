/* SPDX-License-Identifier: Apache-2.0
 * One idea: the head is copied once and worked on in place; unfolding a line only makes it shorter. */
#include "wire/http1_head.h"

#include <string.h>

/* The next line without its end. false: there is no whole one. */
static bool take_line(struct str *rest, struct str *ret)
{
	const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

	if (!end)
		return false;
	*ret = (struct str){ rest->p, (size_t)(end - rest->p) };
	*rest = str_from(*rest, ret->n + 1);
	if (ret->n && ret->p[ret->n - 1] == '\r')
		ret->n--;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 9110 5.6.2 */
static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c && strchr("!#$%&'*+-.^_`|~", c))))
			return false;
	}
	return s.n;
}

/* No control characters but the tab (textproto.validHeaderValueByte). */
static bool is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((uint8_t)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return true;
}

/* Append the lines that continue `line` to it, in place, a space between. false: the head is cut before
 * that is known to be all. */
static bool unfold(struct str *rest, struct str *line)
{
	char *end = (char *)line->p + line->n; /* the arena's, ours to write */
	struct str more;

	for (;;) {
		if (!rest->n)
			return false;
		if (!is_blank(rest->p[0]))
			break;
		if (!take_line(rest, &more))
			return false;
		more = str_trim(more);
		*end++ = ' ';
		if (more.n)
			memmove(end, more.p, more.n);
		end += more.n;
	}
	line->n = (size_t)(end - line->p);
	return true;
}

/* Returns whether the blank line was reached. */
static bool read_fields(struct str rest, struct fields *fields, struct http1_head *h)
{
	struct str line;

	while (take_line(&rest, &line)) {
		bool is_continuation = line.n && is_blank(line.p[0]); /* of nothing: net/http refuses it */
		struct str name, value;

		if (!line.n)
			return true;
		while (line.n && is_blank(line.p[line.n - 1]))
			line.n--;
		if (!unfold(&rest, &line))
			break;
		value = line;
		name = str_take_until(&value, ':');
		while (value.n && is_blank(value.p[0]))
			value = str_from(value, 1);
		if (is_continuation || name.n == line.n || !is_token(name) || !is_value(value))
			h->has_bad_lines = h->is_malformed = true;
		else
			fields_link(fields, name, value);
	}
	return false;
}

/* "HTTP/1.1" (http.ParseHTTPVersion, http1ServerSupportsRequest) */
static bool read_version(struct str s, uint8_t *ret_minor)
{
	if (s.n != 8 || !str_starts(s, STR("HTTP/1.")) || s.p[7] < '0' || s.p[7] > '9')
		return false;
	*ret_minor = s.p[7] > '0';
	return true;
}

/* Take "scheme:" off the front. false: there is none (url.getScheme). */
static bool take_scheme(struct str *target)
{
	struct str rest = *target, scheme = str_take_until(&rest, ':');

	if (!scheme.n || scheme.n == target->n)
		return false;
	for (size_t i = 0; i < scheme.n; i++) {
		char c = scheme.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (i && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'))))
			return false;
	}
	*target = rest;
	return true;
}

/* The host of "[user@]host[/…][?…]". */
static struct str host_of(struct str s)
{
	size_t at = 0;

	while (at < s.n && s.p[at] != '/' && s.p[at] != '?')
		at++;
	s.n = at;
	for (at = s.n; at; at--)
		if (s.p[at - 1] == '@')
			return str_from(s, at);
	return s;
}

/* The authority that the target itself names (url.ParseRequestURI, http.readRequest). */
static struct str authority_of(struct str method, struct str target)
{
	if (!target.n || target.p[0] == '/')
		return (struct str){ 0 };
	if (str_eq(method, STR("CONNECT")))
		return host_of(target);
	if (!take_scheme(&target) || !str_starts(target, STR("//")))
		return (struct str){ 0 };
	return host_of(str_from(target, 2));
}

static bool is_target(struct str method, struct str target)
{
	struct str rest = target;

	if (!is_value(target))
		return false;
	return str_starts(target, STR("/")) || str_eq(target, STR("*")) || str_eq(method, STR("CONNECT")) ||
	       take_scheme(&rest);
}

/* "GET /path HTTP/1.1" (http.parseRequestLine) */
static void read_request_line(struct str line, struct http1_head *h)
{
	struct str version = line;

	h->method = str_take_until(&version, ' ');
	h->target = str_take_until(&version, ' ');
	if (!is_token(h->method)) {
		h->is_malformed = true;
		h->method = h->target = (struct str){ 0 }; /* not HTTP at all */
	} else if (!read_version(version, &h->minor) || !is_target(h->method, h->target)) {
		h->is_malformed = true;
	}
}

/* RFC 9112 3.2; net/http refuses a second Host, and none in HTTP/1.1. */
static void read_host(const struct fields *fields, struct http1_head *h, bool is_whole)
{
	bool is_absolute;
	size_t nr = 0;

	h->authority = authority_of(h->method, h->target);
	is_absolute = h->authority.n;
	for (size_t i = 0; i < fields->nr; i++) {
		if (!str_ieq(fields->list[i].name, STR("host")))
			continue;
		if (!nr++ && !is_absolute)
			h->authority = fields->list[i].value;
	}
	if (nr > 1 || (is_whole && !nr && h->minor && !str_eq(h->method, STR("CONNECT"))))
		h->is_malformed = true;
}

/* A copy of the head to work on. */
static struct str copy_of(struct str bytes, struct fields *fields)
{
	char *p = fields_copy(fields, bytes);

	if (!p)
		fields->is_truncated = true;
	return (struct str){ p, p ? bytes.n : 0 };
}

struct http1_head http1_read_request(struct str bytes, struct fields *fields)
{
	struct http1_head h = { .minor = 1 };
	struct str rest = copy_of(bytes, fields), line;

	if (!take_line(&rest, &line)) {
		h.method = str_take_until(&rest, ' ');
		h.target = str_take_until(&rest, ' ');
		h.is_malformed = !is_token(h.method);
		if (h.is_malformed || h.method.n == bytes.n)
			h.method = h.target = (struct str){ 0 }; /* not HTTP at all, or not known yet */
		return h;
	}
	read_request_line(line, &h);
	read_host(fields, &h, read_fields(rest, fields, &h));
	return h;
}

struct http1_head http1_read_response(struct str bytes, struct fields *fields)
{
	struct http1_head h = { .minor = 1 };
	struct str rest = copy_of(bytes, fields), line, code;
	uint64_t status = 0;

	if (!take_line(&rest, &line))
		line = rest;
	code = line;
	if (!read_version(str_take_until(&code, ' '), &h.minor) ||
	    str_u64(str_take_until(&code, ' '), 999, &status) || status < 100) {
		h.is_malformed = true;
		status = 0;
	}
	h.status = (uint32_t)status;
	(void)read_fields(rest, fields, &h); /* a cut head tells what it has */
	return h;
}
