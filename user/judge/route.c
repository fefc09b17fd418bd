/* SPDX-License-Identifier: Apache-2.0
 * One idea: the path is taken apart from the left, and each segment says what the next one is. */
#include "judge/route.h"

#include "base/hex.h"

/* The server takes the decoded path apart, so an escaped slash separates as well. */
static size_t slash_at(struct str s)
{
	if (s.n && s.p[0] == '/')
		return 1;
	return str_istarts(s, STR("%2f")) ? 3 : 0;
}

/* The next segment of a path; empty ones in between do not count (splitPath trims only the ends, but a
 * path with empty segments inside names no resource that exists). */
static bool take_segment(struct str *path, struct str *ret)
{
	while (slash_at(*path))
		*path = str_from(*path, slash_at(*path));
	if (!path->n)
		return false;
	*ret = *path;
	while (path->n && !slash_at(*path))
		*path = str_from(*path, 1);
	ret->n -= path->n;
	return true;
}

/* Is the segment, decoded, this word? */
static bool is_word(struct str s, struct str word)
{
	size_t at = 0;

	for (size_t i = 0; i < s.n; i++, at++) {
		char c = s.p[i];

		if (hex_escape(str_from(s, i)) >= 0) {
			c = (char)hex_escape(str_from(s, i));
			i += 2;
		}
		if (at == word.n || c != word.p[at])
			return false;
	}
	return at == word.n;
}

static bool is_one_of(struct str s, const char *const *words)
{
	for (; *words; words++)
		if (is_word(s, str_of(*words)))
			return true;
	return false;
}

static struct str verb_of(struct str method)
{
	if (str_eq(method, STR("GET")) || str_eq(method, STR("HEAD")))
		return STR("get");
	if (str_eq(method, STR("POST")))
		return STR("create");
	if (str_eq(method, STR("PUT")))
		return STR("update");
	if (str_eq(method, STR("PATCH")))
		return STR("patch");
	if (str_eq(method, STR("DELETE")))
		return STR("delete");
	return STR("");
}

/* ?watch, with any value but false and 0 (the first one counts) */
static bool asks_to_watch(struct str query)
{
	while (query.n) {
		struct str value = str_take_until(&query, '&'), key = str_take_until(&value, '=');

		if (is_word(key, STR("watch")))
			return !str_ieq(value, STR("false")) && !str_eq(value, STR("0"));
	}
	return false;
}

struct route route_of(struct str method, struct str uri)
{
	static const char *const prefix_verbs[] = { "proxy", "watch", NULL };
	static const char *const no_subresources[] = { "proxy", NULL };
	static const char *const of_namespaces[] = { "status", "finalize", NULL };
	static const char *const long_subresources[] = { "attach", "exec", "proxy", "log", "portforward", NULL };
	static const char *const long_verbs[] = { "watch", "proxy", NULL };
	struct str query = uri, path = str_take_until(&query, '?'), whole = path, part, next, rest, name = { 0 };
	struct route r = { .verb = method };

	if (!take_segment(&path, &r.resource))
		return r;
	if (!is_word(r.resource, STR("api")) && !is_word(r.resource, STR("apis")))
		goto out;
	rest = path;
	if (is_word(r.resource, STR("apis")) && !take_segment(&rest, &part))
		goto out;
	else if (is_word(r.resource, STR("apis")))
		r.group = part;
	if (!take_segment(&rest, &next) || !take_segment(&rest, &part)) { /* version, then what it is about */
		r.group = (struct str){ 0 };
		goto out;
	}
	r.is_resource = true;
	r.resource = part;
	r.verb = verb_of(method);
	if (is_one_of(part, prefix_verbs)) {
		r.verb = part;
		if (!take_segment(&rest, &r.resource)) {
			r.is_unroutable = true;
			return r;
		}
	}
	if (is_word(r.resource, STR("namespaces")) && take_segment(&rest, &name)) {
		path = rest;
		if (take_segment(&path, &part) && !is_one_of(part, of_namespaces)) {
			r.resource = part;
			name = (struct str){ 0 };
			rest = path;
		}
	}
	if (name.n || take_segment(&rest, &name))
		if (take_segment(&rest, &part) && !is_one_of(r.verb, no_subresources))
			r.subresource = part;
	if (!name.n && str_eq(r.verb, STR("get")))
		r.verb = asks_to_watch(query) ? STR("watch") : STR("list");
	if (!name.n && str_eq(r.verb, STR("delete")))
		r.verb = STR("deletecollection");
	r.is_long_running = is_one_of(r.verb, long_verbs) || is_one_of(r.subresource, long_subresources);
	r.may_upgrade = is_word(r.verb, STR("proxy")) ||
			(is_one_of(r.subresource, long_subresources) && !is_word(r.subresource, STR("log")));
	return r;
out:
	r.is_long_running = str_starts(whole, STR("/debug/pprof/"));
	return r;
}
