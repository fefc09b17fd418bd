/* SPDX-License-Identifier: Apache-2.0
 * One idea: read each part in place, take the few claims that are shown, and forget the rest. */
#include "judge/jwt.h"

#include <errno.h>
#include <string.h>

#include "base/jread.h"
#include "judge/base64url.h"

#define LAST_SECOND 253402300799 /* 9999-12-31T23:59:59Z: the last that RFC 3339 can say */

static const struct str sa_prefix = { "system:serviceaccount:", 22 };
static const struct str legacy_issuer = { "kubernetes/serviceaccount", 25 };

/* The claims that are read: bit in `seen`, and for texts the row of jwt.text. */
enum claim {
	CLAIM_SUB,
	CLAIM_ISS,
	CLAIM_JTI,
	CLAIM_NAMESPACE,	/* kubernetes.io/serviceaccount/namespace: tokens before 1.24 */
	CLAIM_NAME,		/* kubernetes.io/serviceaccount/service-account.name */
	CLAIM_TEXTS,
	CLAIM_EXP = CLAIM_TEXTS,
	CLAIM_NBF,
	CLAIM_IAT,
	CLAIM_KUBERNETES,	/* kubernetes.io: an object with the namespace and the account */
	CLAIM_MAX,
};

static const char *const claim_names[CLAIM_MAX] = {
	[CLAIM_SUB] = "sub",
	[CLAIM_ISS] = "iss",
	[CLAIM_JTI] = "jti",
	[CLAIM_NAMESPACE] = "kubernetes.io/serviceaccount/namespace",
	[CLAIM_NAME] = "kubernetes.io/serviceaccount/service-account.name",
	[CLAIM_EXP] = "exp",
	[CLAIM_NBF] = "nbf",
	[CLAIM_IAT] = "iat",
	[CLAIM_KUBERNETES] = "kubernetes.io",
};

static enum claim claim_of(struct jtext key)
{
	for (int i = 0; i < CLAIM_MAX; i++)
		if (jtext_eq(key, str_of(claim_names[i])))
			return (enum claim)i;
	return CLAIM_MAX;
}

/* A whole number of seconds; a fraction is cut, as go-jose's NumericDate does. 0 when it is no time. */
static int64_t take_time(struct jread *r)
{
	struct str number, whole;
	uint64_t s;

	if (!jread_number(r, &number))
		return 0;
	whole = str_take_until(&number, '.');
	return str_u64(whole, LAST_SECOND, &s) ? 0 : (int64_t)s;
}

static struct str take_text(struct jread *r, struct jwt *j, enum claim which)
{
	char room[JWT_TEXT_MAX * 6]; /* each character may be written as \uXXXX */
	struct jtext t;
	size_t n;

	if (!jread_text(r, &t))
		return (struct str){ 0 };
	n = t.raw.n <= sizeof(room) ? jtext_copy(t, room) : SIZE_MAX;
	if (n > JWT_TEXT_MAX) {
		j->is_cut = true;
		return (struct str){ 0 };
	}
	if (n && memchr(room, '\0', n)) {
		r->is_bad = true;
		return (struct str){ 0 };
	}
	memcpy(j->text[which], room, n);
	return (struct str){ j->text[which], n };
}

struct claims {
	uint32_t seen;
	struct str text[CLAIM_TEXTS];
	int64_t time[CLAIM_MAX];
};

/* A claim of the wrong type is passed over: the server will refuse the token, but what else it says
 * may still be worth showing. */
static void take_claim(struct jread *r, struct jwt *j, struct claims *c, enum claim which)
{
	enum jread_kind kind = jread_peek(r);

	if (which < CLAIM_TEXTS && kind == JREAD_STRING)
		c->text[which] = take_text(r, j, which);
	else if (which >= CLAIM_EXP && which <= CLAIM_IAT && kind == JREAD_NUMBER)
		c->time[which] = take_time(r);
	else
		(void)jread_skip(r); /* badness is sticky */
}

static bool is_object(struct str json)
{
	struct jread r;

	jread_init(&r, json);
	return jread_peek(&r) == JREAD_OBJECT && jread_skip(&r) && jread_end(&r);
}

static int read_claims(struct str json, struct jwt *j, struct claims *c)
{
	struct jread r;
	struct jtext key;

	jread_init(&r, json);
	if (!jread_enter(&r, '{'))
		return -EINVAL;
	while (jread_member(&r, &key)) {
		enum claim which = claim_of(key);

		if (which == CLAIM_MAX) {
			(void)jread_skip(&r); /* badness is sticky */
			continue;
		}
		if (c->seen & 1u << which)
			return -EINVAL;
		c->seen |= 1u << which;
		take_claim(&r, j, c, which);
	}
	return jread_end(&r) ? 0 : -EINVAL;
}

/* system:serviceaccount:NAMESPACE:NAME, as apiserver's serviceaccount.SplitUsername demands. */
static bool is_service_account(struct str subject)
{
	struct str ns;

	if (!str_starts(subject, sa_prefix))
		return false;
	subject = str_from(subject, sa_prefix.n);
	ns = str_take_until(&subject, ':');
	return ns.n && subject.n && !str_has(subject, ':');
}

/* The subject of a token of old, which says it in two claims of its own, if it says it nowhere else. */
static struct str legacy_subject(struct jwt *j, const struct claims *c)
{
	struct str ns = c->text[CLAIM_NAMESPACE], name = c->text[CLAIM_NAME];
	char *at = j->text[CLAIM_SUB];

	if (!ns.n || !name.n || sa_prefix.n + ns.n + 1 + name.n > JWT_TEXT_MAX)
		return (struct str){ 0 };
	memcpy(at, sa_prefix.p, sa_prefix.n);
	memcpy(at + sa_prefix.n, ns.p, ns.n);
	at[sa_prefix.n + ns.n] = ':';
	memcpy(at + sa_prefix.n + ns.n + 1, name.p, name.n);
	return (struct str){ at, sa_prefix.n + ns.n + 1 + name.n };
}

static int decode_part(struct str part, char out[BASE64URL_DECODED(JWT_MAX)], struct str *ret)
{
	size_t n;
	int r = part.n ? base64url_decode(part, out, &n) : -EINVAL;

	if (!r)
		*ret = (struct str){ out, n };
	return r;
}

int jwt_parse(struct str token, struct jwt *ret)
{
	char decoded[BASE64URL_DECODED(JWT_MAX)];
	struct claims claims = { 0 };
	struct str head, payload, json;
	int r;

	if (token.n > JWT_MAX)
		return -E2BIG;
	head = str_take_until(&token, '.');
	payload = str_take_until(&token, '.');
	if (!head.n || !payload.n || !token.n || str_has(token, '.'))
		return -EINVAL;
	r = decode_part(head, decoded, &json);
	if (!r && !is_object(json))
		r = -EINVAL;
	if (!r)
		r = decode_part(payload, decoded, &json);
	if (!r) {
		ret->is_cut = false;
		r = read_claims(json, ret, &claims);
	}
	explicit_bzero(decoded, sizeof(decoded)); /* claims are public, but they need not lie about */
	if (r)
		return r;
	ret->subject = claims.seen & 1u << CLAIM_SUB ? claims.text[CLAIM_SUB] : legacy_subject(ret, &claims);
	ret->issuer = claims.text[CLAIM_ISS];
	ret->id = claims.text[CLAIM_JTI];
	ret->expires_s = claims.time[CLAIM_EXP];
	ret->not_before_s = claims.time[claims.seen & 1u << CLAIM_NBF ? CLAIM_NBF : CLAIM_IAT];
	ret->is_service_account = is_service_account(ret->subject) || str_eq(ret->issuer, legacy_issuer) ||
				  claims.seen & 1u << CLAIM_KUBERNETES;
	return 0;
}

static bool is_lower_alnum(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9')))
			return false;
	return true;
}

bool jwt_is_bootstrap_token(struct str token)
{
	struct str id = str_take_until(&token, '.');

	return id.n == 6 && token.n == 16 && is_lower_alnum(id) && is_lower_alnum(token);
}
