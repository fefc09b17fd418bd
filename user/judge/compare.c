/* SPDX-License-Identifier: Apache-2.0
 * One idea: each field has three answers, and "cannot be compared" is the one that must be proved
 * wrong first. */
#include "judge/compare.h"

#include "base/ip.h"
#include "judge/gotext.h"

#define ANONYMOUS STR("system:anonymous")

enum answer {
	ANSWER_NONE,	/* cannot be compared */
	ANSWER_AGREES,
	ANSWER_DIFFERS,
};

static enum answer answer(bool agrees)
{
	return agrees ? ANSWER_AGREES : ANSWER_DIFFERS;
}

/* A header that is not there may have been there. */
static bool has_hidden_headers(const struct exchange *x)
{
	return !x->has_request || (x->doubts & (DOUBT_HEADER_UNKNOWN | DOUBT_RECORDS_LOST | DOUBT_REQUEST_UNSEEN |
						DOUBT_OUT_OF_MEMORY | DOUBT_TRUNCATED));
}

/* ---- the request */

static enum answer compare_uri(struct compare *c, const struct exchange *x, const struct event *e)
{
	struct str wire, logged;

	if (!x->request_uri.n || !e->request_uri.n)
		return ANSWER_NONE;
	if (str_eq(x->request_uri, e->request_uri))
		return ANSWER_AGREES;
	logged = gotext_uri_log(e->request_uri, &c->log_uri);
	if (!logged.n)
		return ANSWER_NONE;
	wire = gotext_uri_wire(x->request_uri, x->method, &c->wire_uri);
	if (gotext_eq(wire, logged))
		return ANSWER_AGREES;
	return x->request_uri.n >= EXCHANGE_VALUE_MAX || buf_error(&c->wire_uri) ? ANSWER_NONE : ANSWER_DIFFERS;
}

/* The verbs that requestinfo.go may give a method. */
static enum answer compare_verb(const struct exchange *x, const struct event *e)
{
	static const struct {
		struct str method;
		struct str verbs[5];
	} families[] = {
		{ { "GET", 3 }, { { "get", 3 }, { "list", 4 }, { "watch", 5 }, { "proxy", 5 } } },
		{ { "HEAD", 4 }, { { "get", 3 }, { "list", 4 }, { "watch", 5 }, { "head", 4 }, { "proxy", 5 } } },
		{ { "POST", 4 }, { { "create", 6 }, { "post", 4 }, { "proxy", 5 }, { "watch", 5 } } },
		{ { "PUT", 3 }, { { "update", 6 }, { "put", 3 }, { "proxy", 5 }, { "watch", 5 } } },
		{ { "PATCH", 5 }, { { "patch", 5 }, { "proxy", 5 }, { "watch", 5 } } },
		{ { "DELETE", 6 }, { { "delete", 6 }, { "deletecollection", 16 }, { "proxy", 5 }, { "watch", 5 } } },
	};

	if (!x->method.n)
		return ANSWER_NONE;
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		if (!str_eq(x->method, families[i].method))
			continue;
		for (size_t k = 0; k < 5 && families[i].verbs[k].n; k++)
			if (str_eq(e->verb, families[i].verbs[k]))
				return ANSWER_AGREES;
		return ANSWER_DIFFERS;
	}
	/* another method: of a resource "", or the prefix verb; else the method in lower case */
	return answer(!e->verb.n || str_ieq(e->verb, x->method) || str_eq(e->verb, STR("proxy")) ||
		      str_eq(e->verb, STR("watch")));
}

static enum answer compare_source(const struct exchange *x, const struct event *e)
{
	uint8_t logged[16];

	if (!x->conn->has_address || !e->nr_source_ips || e->nr_source_ips >= EVENT_SOURCE_IPS_MAX)
		return ANSWER_NONE;
	if (ip_parse(e->source_ips[e->nr_source_ips - 1], logged))
		return ANSWER_DIFFERS;
	for (int i = 0; i < 16; i++)
		if (logged[i] != x->conn->client_ip[i]) /* an address with a zone is left out by the server */
			return ip_is_v6_link_local(x->conn->client_ip) ? ANSWER_NONE : ANSWER_DIFFERS;
	return ANSWER_AGREES;
}

static enum answer compare_user_agent(const struct exchange *x, const struct event *e)
{
	if (gotext_user_agent_eq(x->user_agent, e->user_agent))
		return x->user_agent.n ? ANSWER_AGREES : ANSWER_NONE;
	return (!x->user_agent.n && has_hidden_headers(x)) || x->user_agent.n >= EXCHANGE_VALUE_MAX ? ANSWER_NONE :
												      ANSWER_DIFFERS;
}

uint64_t compare_answered_ns(const struct identity *id)
{
	const struct exchange *x = id->exchange;
	uint64_t at = x->first_byte_ns ? x->first_byte_ns : x->end_ns;

	return x->request_ns && at > x->request_ns ? id->time_ns + (at - x->request_ns) : id->time_ns;
}

/* The server notes the time when it has read the request's head: after its first byte, and before the
 * first of the response. */
static enum answer compare_time(const struct identity *id, const struct event *e, uint64_t *ret_distance_ns)
{
	uint64_t answered = compare_answered_ns(id);

	*ret_distance_ns = 0;
	if (!e->received_ns || !id->time_ns)
		return ANSWER_NONE;
	*ret_distance_ns = e->received_ns > id->time_ns ? e->received_ns - id->time_ns : id->time_ns - e->received_ns;
	if (!id->exchange->request_ns)
		return ANSWER_NONE;
	return answer(e->received_ns + COMPARE_SLACK_NS >= id->time_ns && e->received_ns <= answered + COMPARE_SLACK_NS);
}

/* ---- the response */

static enum answer compare_status(const struct exchange *x, const struct event *e)
{
	if (!x->status || !e->code || e->stage == STAGE_REQUEST_RECEIVED)
		return ANSWER_NONE;
	if (x->status == e->code)
		return ANSWER_AGREES;
	if (x->status == 504)		/* written beside the handler, which goes on (timeout.go) */
		return ANSWER_NONE;
	if (e->code == 101 && !x->audit_id.n) /* the backend's answer on the hijacked connection (upgradeaware.go) */
		return ANSWER_NONE;
	if (x->is_upgraded && (e->code == 101 || e->code == 200)) /* faked before a hijack, or for want of one */
		return ANSWER_NONE;
	if (e->stage == STAGE_PANIC)	/* after the response had begun */
		return ANSWER_NONE;
	return ANSWER_DIFFERS;
}

/* ---- who */

uint64_t compare_id_hash(struct compare *c, struct str audit_id)
{
	return audit_id.n ? hash_str(&c->issuers.key, gotext_canonical(audit_id, &c->log_uri)) | 1 : 0;
}

static bool is_own_issuer(const struct issuers *known, struct str issuer)
{
	uint64_t hash = hash_str(&known->key, issuer);

	for (size_t i = 0; i < known->nr; i++)
		if (known->list[i] == hash)
			return true;
	return false;
}

/* Which of several credentials was accepted is not known. */
static bool is_one_of_several(const struct exchange *x)
{
	return x->doubts & (DOUBT_SEVERAL_CREDENTIALS | DOUBT_AUTHORITY_UNKNOWN | DOUBT_CONNECTION_UNKNOWN);
}

static enum answer compare_subject(struct compare *c, const struct identity *id, const struct event *e)
{
	const struct credential *k = &id->credential;

	if (!k->subject.n)
		return ANSWER_NONE;
	if (gotext_eq(k->subject, e->user.username))
		return ANSWER_AGREES;
	if (k->outcome != OUTCOME_ACCEPTED || is_one_of_several(id->exchange) || k->subject.n >= CRED_TEXT_MAX)
		return ANSWER_NONE;
	switch (k->kind) {
	case CRED_CLIENT_CERT:
		return ANSWER_DIFFERS;
	case CRED_FRONT_PROXY:
		return k->is_unverified ? ANSWER_NONE : ANSWER_DIFFERS;
	case CRED_BEARER:
	case CRED_WS_BEARER:
		if (k->token_type == TOKEN_BOOTSTRAP)
			return ANSWER_DIFFERS;
		if (k->token_type == TOKEN_SERVICE_ACCOUNT &&
		    (is_own_issuer(&c->issuers, k->issuer) ||
		     str_starts(e->user.username, STR("system:serviceaccount:")))) /* no mapping may make these */
			return ANSWER_DIFFERS;
		return ANSWER_NONE;
	default:
		return ANSWER_NONE;
	}
}

static enum answer compare_identity(struct compare *c, const struct identity *id, const struct event *e)
{
	const struct exchange *x = id->exchange;
	const struct credential *k = &id->credential;

	if (!e->user.username.n) {
		/* authentication failed, or the request was refused before it: the user is empty */
		if (x->status == 401)
			return k->outcome == OUTCOME_ACCEPTED ? ANSWER_NONE : ANSWER_AGREES;
		if (!x->status || x->status >= 400 || e->stage == STAGE_RESPONSE_STARTED)
			return ANSWER_NONE;
		return k->outcome == OUTCOME_UNKNOWN ? ANSWER_NONE : ANSWER_DIFFERS;
	}
	if (k->kind == CRED_UNKNOWN || k->outcome == OUTCOME_UNKNOWN || k->outcome == OUTCOME_REJECTED)
		return k->subject.n && gotext_eq(k->subject, e->user.username) ? ANSWER_AGREES : ANSWER_NONE;
	if (k->outcome == OUTCOME_NONE || k->outcome == OUTCOME_IGNORED)
		return x->status == 401 ? ANSWER_NONE : answer(str_eq(e->user.username, ANONYMOUS));
	return compare_subject(c, id, e);
}

static enum answer compare_credential_id(const struct identity *id, const struct event *e)
{
	const struct credential *k = &id->credential;

	if (!k->credential_id.n || !e->user.credential_id.n ||
	    (k->kind != CRED_CLIENT_CERT && k->kind != CRED_BEARER && k->kind != CRED_WS_BEARER))
		return ANSWER_NONE;
	if (gotext_eq(k->credential_id, e->user.credential_id))
		return ANSWER_AGREES;
	return k->outcome == OUTCOME_ACCEPTED && !is_one_of_several(id->exchange) &&
	       k->credential_id.n < CRED_TEXT_MAX ? ANSWER_DIFFERS : ANSWER_NONE;
}

/* Impersonation follows authentication and the audit's first stage, and precedes all else that is
 * authorized: a denied one leaves no trace in the event. */
static enum answer compare_impersonated(const struct exchange *x, const struct event *e)
{
	bool is_past = x->has_flow_schema || (x->status && x->status < 400);

	if (e->stage == STAGE_REQUEST_RECEIVED)
		return ANSWER_NONE;
	if (!x->impersonate_user.n) {
		if (!e->impersonated.username.n)
			return ANSWER_NONE;
		return has_hidden_headers(x) ? ANSWER_NONE : ANSWER_DIFFERS;
	}
	if (e->impersonated.username.n)
		return answer(gotext_eq(x->impersonate_user, e->impersonated.username));
	return is_past && e->user.username.n ? ANSWER_DIFFERS : ANSWER_NONE;
}

/* ---- all of it */

struct agreement compare(struct compare *c, const struct identity *id, const struct event *e)
{
	const struct exchange *x = id->exchange;
	struct agreement a = { 0 };
	enum answer answers[JOIN_FIELD_MAX] = {
		[JOIN_REQUEST_URI] = compare_uri(c, x, e),
		[JOIN_VERB] = compare_verb(x, e),
		[JOIN_SOURCE_IP] = compare_source(x, e),
		[JOIN_STATUS] = compare_status(x, e),
		[JOIN_TIME] = compare_time(id, e, &a.distance_ns),
		[JOIN_USER_AGENT] = compare_user_agent(x, e),
		[JOIN_IDENTITY] = compare_identity(c, id, e),
		[JOIN_CREDENTIAL_ID] = compare_credential_id(id, e),
		[JOIN_IMPERSONATED] = compare_impersonated(x, e),
	};

	for (int i = 0; i < JOIN_FIELD_MAX; i++) {
		a.agrees |= (uint32_t)(answers[i] == ANSWER_AGREES) << i;
		a.differs |= (uint32_t)(answers[i] == ANSWER_DIFFERS) << i;
	}
	return a;
}

void compare_learn(struct compare *c, const struct identity *id, const struct agreement *a)
{
	const struct credential *k = &id->credential;

	if (k->token_type != TOKEN_SERVICE_ACCOUNT || k->outcome != OUTCOME_ACCEPTED || a->differs || !k->issuer.n ||
	    !(a->agrees & 1u << JOIN_IDENTITY) || c->issuers.nr == ISSUERS_MAX || is_own_issuer(&c->issuers, k->issuer))
		return;
	c->issuers.list[c->issuers.nr++] = hash_str(&c->issuers.key, k->issuer);
}

uint64_t compare_uri_hash_of_wire(struct compare *c, const struct exchange *x)
{
	struct str uri = gotext_uri_wire(x->request_uri, x->method, &c->wire_uri);

	return x->request_uri.n ? hash_str(&c->issuers.key, gotext_canonical(uri, &c->log_uri)) | 1 : 0;
}

uint64_t compare_uri_hash_of_log(struct compare *c, const struct event *e)
{
	struct str uri = gotext_uri_log(e->request_uri, &c->log_uri);

	return uri.n ? hash_str(&c->issuers.key, gotext_canonical(uri, &c->wire_uri)) | 1 : 0;
}

void compare_done(struct compare *c)
{
	buf_done(&c->wire_uri);
	buf_done(&c->log_uri);
}
