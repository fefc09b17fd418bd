/* SPDX-License-Identifier: Apache-2.0
 * One idea: first find the secrets, then copy what stands between them. A key may begin after '&' or
 * ';'; a secret value ends only at '&', because what a server takes for its end is not known. */
#include "judge/redact.h"

#include <string.h>

#include "base/hex.h"

#define KEY_MAX 64 /* characters of a key that are compared; no longer one is listed */

static const char *const secret_keys[] = {
	"access_token", "token", "id_token", "refresh_token", "bearer", "bearer_token", "auth", "authorization",
	"password", "passwd", "pwd", "pass", "secret", "client_secret", "api_key", "apikey", "api-key", "private_key",
	"assertion", "client_assertion", "session", "sessionid", "sid", "signature", "sig", "x-amz-signature",
	"x-amz-security-token", "x-goog-signature", "credential", "credentials",
};

size_t redact_query_decode(struct str s, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (hex_escape(str_from(s, i)) >= 0) {
			out[n++] = (char)hex_escape(str_from(s, i));
			i += 2;
		} else {
			out[n++] = s.p[i] == '+' ? ' ' : s.p[i];
		}
	}
	return n;
}

/* Three parts, the first of which begins as base64 of '{"' does. */
static bool looks_like_jwt(struct str value)
{
	if (!str_starts(value, STR("eyJ")))
		return false;
	(void)str_take_until(&value, '.');
	return str_take_until(&value, '.').n && value.n;
}

static bool names_a_secret(struct str key, bool *ret_is_access_token)
{
	char room[3 * KEY_MAX];
	struct str decoded = { room, 0 };

	*ret_is_access_token = false;
	if (key.n > sizeof(room))
		return false;
	decoded.n = redact_query_decode(key, room);
	*ret_is_access_token = str_eq(decoded, STR("access_token"));
	decoded = str_trim(decoded);
	for (size_t i = 0; i < sizeof(secret_keys) / sizeof(*secret_keys); i++)
		if (str_ieq(decoded, str_of(secret_keys[i])))
			return true;
	return false;
}

static void add_secret(struct redaction *r, struct str secret)
{
	if (secret.n)
		r->secret[r->nr_secrets++] = secret;
}

/* "http://user:password@host/…": what stands before the '@'. */
static void find_userinfo(struct str uri, struct redaction *r)
{
	struct str authority = uri, before;

	if (str_istarts(uri, STR("http://")))
		authority = str_from(uri, 7);
	else if (str_istarts(uri, STR("https://")))
		authority = str_from(uri, 8);
	else
		return;
	for (size_t i = 0; i < authority.n; i++)
		if (strchr("/?#", authority.p[i]))
			authority.n = i;
	if (!str_has(authority, '@'))
		return;
	before = authority;
	while (before.n && before.p[before.n - 1] != '@')
		before.n--;
	before.n--;
	add_secret(r, before);
}

/* What stands between two '&': pairs separated by ';'. A secret value goes on to the end of it.
 * Returns whether there is one. */
static bool find_in_part(struct str part, struct redaction *r)
{
	while (part.n) {
		struct str pair = part, value, key;
		bool is_access_token, is_secret;

		(void)str_take_until(&part, ';'); /* now: what follows this pair */
		value = str_first(pair, pair.n - part.n);
		key = str_take_until(&value, '=');
		is_secret = names_a_secret(key, &is_access_token);
		if (!value.n || (!is_secret && !looks_like_jwt(value)))
			continue;
		value.n = (size_t)(pair.p + pair.n - value.p);
		if (is_access_token && !r->access_token.n)
			r->access_token = value;
		add_secret(r, value);
		return true;
	}
	return false;
}

void redact_find(struct str uri, struct redaction *ret)
{
	struct str query = uri;

	*ret = (struct redaction){ 0 };
	find_userinfo(uri, ret);
	(void)str_take_until(&query, '?');
	while (query.n)
		if (find_in_part(str_take_until(&query, '&'), ret) && ret->nr_secrets == REDACT_SPANS_MAX) {
			struct str *last = &ret->secret[REDACT_SPANS_MAX - 1];

			last->n = (size_t)(uri.p + uri.n - last->p);
			return;
		}
}

int redact_fmt(struct str uri, const struct redaction *what, struct buf *out)
{
	const char *from = uri.p;

	for (size_t i = 0; i < what->nr_secrets; i++) {
		(void)buf_add(out, from, (size_t)(what->secret[i].p - from)); /* errors are sticky */
		(void)buf_add_str(out, STR("REDACTED"));
		from = what->secret[i].p + what->secret[i].n;
	}
	return buf_add(out, from, (size_t)(uri.p + uri.n - from));
}
