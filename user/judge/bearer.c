/* SPDX-License-Identifier: Apache-2.0
 * One idea: the same steps as the Go source, in the same order. */
#include "judge/bearer.h"

#include "base/utf8.h"
#include "judge/base64url.h"

static bool is_white(uint32_t c)
{
	return (c >= 0x09 && c <= 0x0d) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	       c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* strings.TrimSpace: Unicode's white space, of which a header value may hold some in UTF-8. */
static struct str trim_space(struct str s)
{
	size_t n;

	while ((n = utf8_length(s)) && is_white(utf8_code(s)))
		s = str_from(s, n);
	while (s.n) {
		struct str last;

		for (n = 1; n < 4 && n < s.n && ((unsigned char)s.p[s.n - n] & 0xc0) == 0x80; n++)
			;
		last = str_from(s, s.n - n);
		if (utf8_length(last) != n || !is_white(utf8_code(last)))
			break;
		s.n -= n;
	}
	return s;
}

/* parts := strings.SplitN(auth, " ", 3); len(parts) < 2 || strings.ToLower(parts[0]) != "bearer" */
void bearer_of_authorization(struct str value, bool is_cut, struct bearer *ret)
{
	struct str rest = trim_space(value), scheme;
	bool has_space = str_has(rest, ' ');

	*ret = (struct bearer){ .state = AUTHN_TOKEN_IGNORED, .token = rest };
	scheme = str_take_until(&rest, ' ');
	if (str_ieq(scheme, STR("basic"))) {
		ret->state = AUTHN_TOKEN_ABSENT;
		ret->is_basic = true;
		ret->is_token_cut = is_cut;
		ret->token = trim_space(rest);
	} else if (has_space && str_ieq(scheme, STR("bearer"))) {
		ret->is_token_cut = is_cut && !str_has(rest, ' ');
		ret->token = str_take_until(&rest, ' ');
		ret->state = ret->token.n ? AUTHN_TOKEN_TRIED : AUTHN_TOKEN_IGNORED;
	} else if (str_ieq(scheme, STR("bearer"))) {
		ret->token = (struct str){ 0 };
	} else {
		ret->is_token_cut = is_cut;
	}
}

void bearer_of_websocket(struct str value, char *room, struct bearer *ret)
{
	static const struct str prefix = { "base64url.bearer.authorization.k8s.io.", 38 };
	size_t nr_others = 0, nr_tokens = 0, n = 0;
	bool is_broken = false, has_more = value.n > 0;

	*ret = (struct bearer){ .state = AUTHN_TOKEN_ABSENT };
	while (has_more) {
		struct str protocol;

		has_more = str_has(value, ',');
		protocol = trim_space(str_take_until(&value, ','));
		if (!str_starts(protocol, prefix)) {
			nr_others++;
			continue;
		}
		if (nr_tokens++ || base64url_decode(str_from(protocol, prefix.n), room, &n) ||
		    !utf8_is_valid((struct str){ room, n })) {
			is_broken = true; /* the server stops here */
			break;
		}
	}
	if (!nr_tokens)
		return;
	if (is_broken) {
		ret->state = AUTHN_TOKEN_BROKEN;
	} else if (n) {
		/* without another protocol the server refuses it unseen; it was sent all the same */
		ret->state = nr_others ? AUTHN_TOKEN_TRIED : AUTHN_TOKEN_BROKEN;
		ret->token = (struct str){ room, n };
	} else {
		ret->state = AUTHN_TOKEN_IGNORED;
	}
}
