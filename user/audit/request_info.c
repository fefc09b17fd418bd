/* SPDX-License-Identifier: Apache-2.0
 * One idea: the scratch has room for everything that decoding can give before decoding begins, so no
 * piece of it ever moves. */
#include "audit/request_info.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "audit/label_selector.h"

#define PARTS_MAX 12	/* further ones have no meaning */

void request_info_done(struct request_info *i)
{
	buf_done(&i->scratch);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Without percent signs, into the scratch. False: one of them begins no escape. */
static bool decode(struct buf *scratch, struct str s, bool is_query, struct str *ret)
{
	char *to = scratch->p + scratch->n, *from = to;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%') {
			if (i + 2 >= s.n || hex(s.p[i + 1]) < 0 || hex(s.p[i + 2]) < 0)
				return false;
			c = (char)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2]));
			i += 2;
		} else if (c == '+' && is_query) {
			c = ' ';
		}
		*to++ = c;
	}
	*ret = (struct str){ from, (size_t)(to - from) };
	scratch->n += ret->n;
	return true;
}

/* The length of the scheme before its colon; 0: none; -EINVAL: a colon and nothing before it. */
static ssize_t scheme_length(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			continue;
		if (c == ':')
			return i ? (ssize_t)i : -EINVAL;
		if (!i || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'))
			return 0;
	}
	return 0;
}

/* url.ParseRequestURI: the path, still encoded, and the query. The host of an absolute URI is not checked. */
static int split_uri(struct str uri, bool is_authority, struct str *ret_path, struct str *ret_query)
{
	ssize_t scheme = is_authority ? 0 : scheme_length(uri);
	bool is_star = str_eq(uri, STR("*"));
	struct str path;

	if (!uri.n || scheme < 0)
		return -EINVAL;
	for (size_t i = 0; i < uri.n; i++)
		if ((unsigned char)uri.p[i] < ' ' || uri.p[i] == 0x7f)
			return -EINVAL;
	if (scheme)
		uri = str_from(uri, (size_t)scheme + 1);
	path = str_take_until(&uri, '?');
	*ret_query = uri;
	if (is_authority || (scheme && str_starts(path, STR("//")))) {
		if (!is_authority)
			path = str_from(path, 2);
		while (path.n && path.p[0] != '/')
			path = str_from(path, 1);
	} else if (!path.n || path.p[0] != '/') {
		if (!scheme && !is_star)
			return -EINVAL;
		if (scheme)
			path = (struct str){ 0 }; /* opaque */
	}
	*ret_path = path;
	return 0;
}

/* ---- the options of a list */

struct option {
	struct str key, value;	/* the first value counts */
	bool is_there;
};

enum { WATCH, FIELD_SELECTOR, LABEL_SELECTOR, LIMIT, TIMEOUT, NR_OPTIONS };

/* url.ParseQuery: what does not decode, or holds a semicolon, is passed over. */
static void read_options(struct buf *scratch, struct str query, struct option options[NR_OPTIONS])
{
	while (query.n) {
		struct str raw = str_take_until(&query, '&'), raw_key, key, value;

		if (!raw.n || str_has(raw, ';'))
			continue;
		raw_key = str_take_until(&raw, '=');
		if (!decode(scratch, raw_key, true, &key) || !decode(scratch, raw, true, &value))
			continue;
		for (int i = 0; i < NR_OPTIONS; i++)
			if (!options[i].is_there && str_eq(options[i].key, key)) {
				options[i].is_there = true;
				options[i].value = value;
			}
	}
}

static bool is_int64(struct str s)
{
	bool is_negative = s.n && s.p[0] == '-';
	uint64_t v;

	if (is_negative || (s.n && s.p[0] == '+'))
		s = str_from(s, 1);
	return !str_u64(s, (uint64_t)INT64_MAX + is_negative, &v);
}

/* strings.EqualFold folds the long s (U+017F) too; strings.ToLower does not. */
static bool is_false(struct str s, bool is_folded)
{
	static const char long_s[] = "\xc5\xbf";

	if (str_eq(s, STR("0")) || str_ieq(s, STR("false")))
		return true;
	return is_folded && s.n == 6 && str_ieq(str_first(s, 3), STR("fal")) &&
	       str_eq(str_first(str_from(s, 3), 2), str_of(long_s)) && str_ieq(str_from(s, 5), STR("e"));
}

/* Take a term off a field selector; a backslash guards the comma behind it. */
static struct str take_term(struct str *s)
{
	struct str term;
	size_t n = 0;

	while (n < s->n && s->p[n] != ',')
		n += s->p[n] == '\\' && n + 1 < s->n ? 2 : 1;
	term = str_first(*s, n);
	*s = str_from(*s, n + 1);
	return term;
}

static int compare(struct str a, struct str b)
{
	int r = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return r ? r : a.n < b.n ? -1 : a.n > b.n;
}

/* "field=value", "==", "!=". False: none of them, or a value with a bad or missing escape. */
static bool read_term(struct buf *scratch, struct str term, struct str *ret_field, struct str *ret_value, bool *ret_is_not)
{
	char *to = scratch->p + scratch->n, *from = to;
	struct str value;
	size_t at = 0;

	while (at < term.n && term.p[at] != '=' && !(term.p[at] == '!' && at + 1 < term.n && term.p[at + 1] == '='))
		at++;
	if (at == term.n)
		return false;
	*ret_is_not = term.p[at] == '!';
	*ret_field = str_first(term, at);
	value = str_from(term, at + 1);
	if (value.n && value.p[0] == '=') /* of "!=" or "==" */
		value = str_from(value, 1);
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == ',' || c == '=')
			return false;
		if (c == '\\') {
			if (++i == value.n || !strchr("\\,=", value.p[i]) || !value.p[i])
				return false;
			c = value.p[i];
		}
		*to++ = c;
	}
	*ret_value = (struct str){ from, (size_t)(to - from) };
	scratch->n += ret_value->n;
	return true;
}

/* The name that a field selector asks for; the terms are sorted, and the first that names it counts.
 * False: the server does not take the selector. */
static bool name_of_selector(struct buf *scratch, struct str selector, struct str *ret_name)
{
	struct str first = { 0 };

	while (selector.n) {
		struct str term = take_term(&selector), field, value;
		bool is_not;

		if (!term.n)
			continue;
		if (!read_term(scratch, term, &field, &value, &is_not))
			return false;
		if (is_not || !str_eq(field, STR("metadata.name")) || (first.n && compare(term, first) >= 0))
			continue;
		first = term;
		*ret_name = value;
	}
	return true;
}

static bool is_path_segment(struct str s)
{
	return !str_has(s, '/') && !str_has(s, '%') && !str_eq(s, STR(".")) && !str_eq(s, STR(".."));
}

static void read_list(struct request_info *info, struct str query)
{
	struct option o[NR_OPTIONS] = { [WATCH] = { .key = STR("watch") },
					[FIELD_SELECTOR] = { .key = STR("fieldSelector") },
					[LABEL_SELECTOR] = { .key = STR("labelSelector") },
					[LIMIT] = { .key = STR("limit") },
					[TIMEOUT] = { .key = STR("timeoutSeconds") } };
	struct str name = { 0 };
	bool is_good;

	read_options(&info->scratch, query, o);
	is_good = (!o[LIMIT].is_there || is_int64(o[LIMIT].value)) &&
		  (!o[TIMEOUT].is_there || is_int64(o[TIMEOUT].value)) && label_selector_is_valid(o[LABEL_SELECTOR].value) &&
		  name_of_selector(&info->scratch, o[FIELD_SELECTOR].value, &name);
	info->verb = o[WATCH].is_there && !is_false(o[WATCH].value, is_good) ? STR("watch") : STR("list");
	if (is_good && is_path_segment(name))
		info->name = name;
}

/* ---- the path */

static size_t split_path(struct str path, struct str parts[PARTS_MAX])
{
	size_t nr = 0;

	while (path.n && path.p[0] == '/')
		path = str_from(path, 1);
	while (path.n && path.p[path.n - 1] == '/')
		path = str_first(path, path.n - 1);
	while (path.n) {
		struct str part = str_take_until(&path, '/');

		if (nr < PARTS_MAX)
			parts[nr] = part;
		nr++;
	}
	return nr;
}

static struct str verb_of(struct str method)
{
	static const struct {
		struct str method, verb;
	} verbs[] = {
		{ STR("POST"), STR("create") }, { STR("GET"), STR("get") },	{ STR("HEAD"), STR("get") },
		{ STR("PUT"), STR("update") },	{ STR("PATCH"), STR("patch") }, { STR("DELETE"), STR("delete") },
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (str_eq(method, verbs[i].method))
			return verbs[i].verb;
	return (struct str){ 0 };
}

static bool is_one_of(struct str s, struct str a, struct str b)
{
	return str_eq(s, a) || str_eq(s, b);
}

static void read_resource(struct request_info *info, struct str method, struct str query)
{
	struct str parts[PARTS_MAX], *p = parts;
	size_t n = split_path(info->path, parts);

	if (n < 3 || !is_one_of(p[0], STR("api"), STR("apis")))
		return;
	info->api_prefix = p[0];
	p++, n--;
	if (str_eq(info->api_prefix, STR("apis"))) {
		if (n < 3)
			return;
		info->api_group = p[0];
		p++, n--;
	}
	info->is_resource = true;
	info->api_version = p[0];
	p++, n--;
	if (is_one_of(p[0], STR("proxy"), STR("watch"))) {
		if (n < 2) {
			info->is_refused = true;
			return;
		}
		info->verb = p[0];
		p++, n--;
	} else {
		info->verb = verb_of(method);
	}
	if (str_eq(p[0], STR("namespaces")) && n > 1) {
		info->ns = p[1];
		if (n > 2 && !is_one_of(p[2], STR("status"), STR("finalize"))) {
			p += 2;
			n -= 2;
		}
	}
	info->resource = p[0];
	if (n >= 2)
		info->name = p[1];
	if (n >= 3 && !str_eq(info->verb, STR("proxy")))
		info->subresource = p[2];
	if (!info->name.n && str_eq(info->verb, STR("get")))
		read_list(info, query);
	if (!info->name.n && str_eq(info->verb, STR("delete")))
		info->verb = STR("deletecollection");
}

/* Everything decoded once is at most the URI; the values of a field selector are decoded twice. */
static int make_room(struct buf *scratch, size_t n)
{
	char *p;

	buf_reset(scratch);
	if (n <= scratch->cap)
		return 0;
	p = realloc(scratch->p, n);
	if (!p)
		return -ENOMEM;
	scratch->p = p;
	scratch->cap = n;
	return 0;
}

int request_info_parse(struct request_info *i, struct str method, struct str uri)
{
	bool is_authority = str_eq(method, STR("CONNECT")) && uri.n && uri.p[0] != '/';
	struct request_info info = { 0 };
	struct str path, query;
	char *lower;
	int r;

	r = split_uri(uri, is_authority, &path, &query);
	if (r)
		return r;
	r = make_room(&i->scratch, 2 * uri.n + method.n + 1);
	if (r)
		return r;
	info.scratch = i->scratch;
	r = decode(&info.scratch, path, false, &info.path) ? 0 : -EINVAL;
	if (r)
		return r;
	lower = info.scratch.p + info.scratch.n;
	for (size_t k = 0; k < method.n; k++)
		lower[k] = method.p[k] >= 'A' && method.p[k] <= 'Z' ? (char)(method.p[k] + 'a' - 'A') : method.p[k];
	info.verb = (struct str){ lower, method.n };
	info.scratch.n += method.n;
	read_resource(&info, method, query);
	*i = info;
	return 0;
}
