/* SPDX-License-Identifier: Apache-2.0
 * One idea: each kind of credential gets a fate of its own (could the server have accepted it?), and
 * the fates in the server's order leave one reading, or several. */
#include "judge/authn.h"

enum fate {
	NOT_SENT = 0,
	UNSEEN,		/* it cannot be seen whether it was sent */
	IGNORED,	/* the server does not look at it */
	NEVER,		/* passed over or wrong, but never accepted */
	WRONG,		/* makes the answer 401 unless another is right */
	UNSURE,		/* passed over, wrong or right */
	MAYBE,		/* wrong or right */
	RIGHT,
};

/* The order in which the server tries them, and the two that it does not try. */
static const enum cred_kind order[] = {
	CRED_FRONT_PROXY, CRED_CLIENT_CERT, CRED_BEARER, CRED_WS_BEARER, CRED_BASIC, CRED_QUERY_TOKEN,
};

#define NR_KINDS (sizeof(order) / sizeof(*order))

struct fates {
	enum fate of[CRED_KIND_MAX];
};

static bool is_sent(enum fate f)
{
	return f > UNSEEN;
}

static bool may_be_right(enum fate f)
{
	return f == UNSEEN || f >= UNSURE;
}

/* "OPTIONS *" is answered by net/http, a CORS preflight by an outer filter with 204. */
static bool is_answered_outside(const struct exchange *x)
{
	return str_eq(x->method, STR("OPTIONS")) && (str_eq(x->request_uri, STR("*")) || x->status == 204);
}

/* Is this a path under which the server hands on what a pod, service or node answers? */
static bool is_proxied(struct str uri)
{
	struct str path = str_take_until(&uri, '?');
	int nr = 0;

	if (!str_starts(path, STR("/api/")))
		return false;
	while (path.n) {
		struct str segment = str_take_until(&path, '/');

		if (nr++ > 1 && str_eq(segment, STR("proxy")))
			return true;
	}
	return false;
}

enum authn_answer authn_answer_of(const struct exchange *x)
{
	if (!x->has_response)
		return AUTHN_UNTOLD;
	if (x->has_flow_schema || x->is_upgraded)
		return AUTHN_PASSED; /* priority and fairness comes after authentication */
	switch (x->status) {
	case 401:
		/* what stands behind a proxy path has its own 401; the server's own ends an HTTP/2 connection
		 * (filters/authentication.go: Unauthorized) */
		return is_proxied(x->request_uri) && !x->is_goaway ? AUTHN_UNTOLD : AUTHN_REFUSED;
	case 0:
	case 400: /* net/http, ?timeout= */
	case 417: case 431: case 501: case 505: /* net/http */
	case 429: /* shutting down */
	case 500: /* a panic, GET /api/v1/watch */
	case 503: case 504: /* shutting down, timeout */
		return AUTHN_UNTOLD;
	default:
		return is_answered_outside(x) ? AUTHN_UNTOLD : AUTHN_PASSED;
	}
}

static enum fate fate_of_cert(const struct authn_request *q)
{
	if (q->cert != SEEN_PRESENT)
		return q->cert == SEEN_ABSENT ? NOT_SENT : UNSEEN;
	if (!q->is_cert_known)
		return UNSURE;
	if (q->belief[AUTHORITY_CLIENT] == BELIEF_UNUSED)
		return IGNORED;
	if (!q->has_subject)
		return NEVER;
	switch (q->belief[AUTHORITY_CLIENT]) {
	case BELIEF_VALID:
		return RIGHT;
	case BELIEF_INVALID:
		return WRONG;
	default:
		return MAYBE;
	}
}

static enum fate fate_of_front_proxy(const struct authn_request *q)
{
	enum belief belief = q->is_cert_known ? q->belief[AUTHORITY_FRONT_PROXY] : BELIEF_UNKNOWN;

	if (q->cert == SEEN_ABSENT || belief == BELIEF_UNUSED)
		return q->has_remote_user ? IGNORED : NOT_SENT;
	if (!q->has_remote_user)
		return q->is_head_known || q->cert == SEEN_UNKNOWN || belief == BELIEF_INVALID ? NOT_SENT : UNSEEN;
	switch (belief) {
	case BELIEF_VALID:
		return RIGHT;
	case BELIEF_INVALID:
		return WRONG;
	default:
		/* without a connection's description, the certificate's own fate decides: it is UNSEEN */
		return q->cert == SEEN_UNKNOWN ? IGNORED : UNSURE;
	}
}

static enum fate fate_of_token(enum authn_token token)
{
	static const enum fate fates[] = {
		[AUTHN_TOKEN_ABSENT] = NOT_SENT, [AUTHN_TOKEN_UNKNOWN] = UNSEEN, [AUTHN_TOKEN_IGNORED] = IGNORED,
		[AUTHN_TOKEN_BROKEN] = WRONG, [AUTHN_TOKEN_MAYBE] = UNSURE, [AUTHN_TOKEN_TRIED] = MAYBE,
	};

	return fates[token];
}

/* The first kind of which the fate is so; CRED_NONE when there is none. */
static enum cred_kind first(const struct fates *f, bool (*is_so)(enum fate), enum cred_kind after)
{
	bool is_on = after == CRED_NONE;

	for (size_t i = 0; i < NR_KINDS; i++) {
		if (is_on && is_so(f->of[order[i]]))
			return order[i];
		is_on = is_on || order[i] == after;
	}
	return CRED_NONE;
}

static bool is_tried(enum fate f)
{
	return f >= NEVER;
}

static bool is_unseen(enum fate f)
{
	return f == UNSEEN;
}

static bool is_wrong(enum fate f)
{
	return f == WRONG;
}

/* One of these is right, if the answer was more than anonymous. */
static bool is_right_or_refused(enum fate f)
{
	return f == MAYBE || f == RIGHT;
}

static bool comes_before(enum cred_kind a, enum cred_kind b)
{
	for (size_t i = 0; i < NR_KINDS; i++)
		if (order[i] == a || order[i] == b)
			return order[i] == a && a != b;
	return false;
}

/* What the server tries first of what was sent, or else the first of what it ignores; unknown when
 * something that cannot be seen may stand before it. */
static enum cred_kind first_sent(const struct fates *f)
{
	enum cred_kind tried = first(f, is_tried, CRED_NONE), unseen = first(f, is_unseen, CRED_NONE);

	if (unseen && (!tried || comes_before(unseen, tried)))
		return CRED_UNKNOWN;
	return tried ? tried : first(f, is_sent, CRED_NONE);
}

/* The server went on: by which credential? */
static void judge_passed(const struct fates *f, struct authn_result *ret)
{
	enum cred_kind kind = first(f, may_be_right, CRED_NONE);
	bool has_other = kind && first(f, may_be_right, kind);
	bool is_proved = first(f, is_right_or_refused, CRED_NONE);

	ret->kind = kind;
	ret->outcome = OUTCOME_ACCEPTED;
	if (!kind) {
		/* nothing that it could have accepted: then nothing wrong was there either, or we are mistaken */
		ret->kind = first_sent(f);
		ret->outcome = ret->kind ? OUTCOME_IGNORED : OUTCOME_NONE;
		if (first(f, is_wrong, CRED_NONE))
			ret->outcome = OUTCOME_UNKNOWN;
		if (f->of[CRED_FRONT_PROXY] == WRONG || f->of[CRED_CLIENT_CERT] == WRONG)
			ret->doubts |= DOUBT_AUTHORITY_UNKNOWN; /* an authority was exchanged, say */
		return;
	}
	switch (f->of[kind]) {
	case UNSEEN:
		ret->kind = CRED_UNKNOWN;
		ret->outcome = is_proved ? OUTCOME_ACCEPTED : OUTCOME_UNKNOWN;
		break;
	case UNSURE:
		/* a front proxy's word and its own certificate name two different users: no choice is made */
		ret->outcome = is_proved && kind != CRED_FRONT_PROXY ? OUTCOME_ACCEPTED : OUTCOME_UNKNOWN;
		ret->doubts |= kind != CRED_WS_BEARER ? DOUBT_AUTHORITY_UNKNOWN : 0;
		break;
	case MAYBE:
		if (has_other)
			ret->doubts |= kind == CRED_CLIENT_CERT ? DOUBT_AUTHORITY_UNKNOWN : DOUBT_SEVERAL_CREDENTIALS;
		break;
	default:
		break;
	}
}

static void judge_refused(const struct fates *f, struct authn_result *ret)
{
	ret->kind = first_sent(f);
	if (first(f, is_sent, CRED_NONE))
		ret->outcome = OUTCOME_REJECTED;
	else
		ret->outcome = ret->kind == CRED_NONE ? OUTCOME_NONE : OUTCOME_UNKNOWN;
}

static void judge_untold(const struct fates *f, struct authn_result *ret)
{
	ret->kind = first_sent(f);
	ret->outcome = ret->kind == CRED_NONE ? OUTCOME_NONE : OUTCOME_UNKNOWN;
}

void authn_judge(const struct authn_request *q, struct authn_result *ret)
{
	struct fates f = { 0 };

	*ret = (struct authn_result){ 0 };
	f.of[CRED_FRONT_PROXY] = fate_of_front_proxy(q);
	f.of[CRED_CLIENT_CERT] = fate_of_cert(q);
	f.of[CRED_BEARER] = fate_of_token(q->bearer);
	f.of[CRED_WS_BEARER] = fate_of_token(q->ws_bearer);
	f.of[CRED_BASIC] = q->has_basic ? IGNORED : NOT_SENT;
	f.of[CRED_QUERY_TOKEN] = q->has_query_token ? IGNORED : NOT_SENT;
	if (q->answer == AUTHN_PASSED)
		judge_passed(&f, ret);
	else if (q->answer == AUTHN_REFUSED)
		judge_refused(&f, ret);
	else
		judge_untold(&f, ret);
	for (size_t i = 0; i < NR_KINDS; i++)
		if (is_sent(f.of[order[i]]) && order[i] != ret->kind)
			ret->also |= 1u << order[i];
	if (ret->kind == CRED_FRONT_PROXY && f.of[CRED_FRONT_PROXY] == RIGHT)
		ret->also &= ~(1u << CRED_CLIENT_CERT); /* the proxy's: a part of it, not another credential */
	if (q->cert == SEEN_UNKNOWN)
		ret->doubts |= DOUBT_CONNECTION_UNKNOWN;
}
