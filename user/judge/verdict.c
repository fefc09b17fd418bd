/* SPDX-License-Identifier: Apache-2.0
 * One idea: ask in the order in which the server could have answered, from the outside in; the first
 * place that could not have been passed is the verdict. */
#include "judge/verdict.h"

#include <assert.h>

const char *verdict_word(enum verdict v)
{
	static const char *const words[] = {
#define X(name, word) word,
		VERDICTS(X)
#undef X
	};

	assert(v < VERDICT_MAX);
	return words[v];
}

const char *join_field_word(enum join_field f)
{
	static const char *const words[] = {
#define X(name, word) word,
		JOIN_FIELDS(X)
#undef X
	};

	assert(f < JOIN_FIELD_MAX);
	return words[f];
}

const char *join_by_word(enum join_by by)
{
	static const char *const words[] = {
#define X(name, word) word,
		JOINED_BYS(X)
#undef X
	};

	assert(by < JOINED_BY_MAX);
	return words[by];
}

const char *gap_reason_word(enum gap_reason gap)
{
	static const char *const words[] = {
#define X(name, word) word,
		GAP_REASONS(X)
#undef X
	};

	assert(gap < GAP_MAX);
	return words[gap];
}

static struct remainder unjudged(struct str why)
{
	return (struct remainder){ VERDICT_PENDING, why };
}

static struct remainder unauditable(struct str why)
{
	return (struct remainder){ VERDICT_UNAUDITABLE, why };
}

struct str verdict_audit_id(const struct exchange *x)
{
	struct str id = x->audit_id.n ? x->audit_id : x->request_audit_id;

	return id.n < EXCHANGE_VALUE_MAX ? id : (struct str){ 0 }; /* it may be cut */
}

bool verdict_is_id_unique(const struct exchange *x)
{
	return x->audit_id.n && x->has_request && !x->request_audit_id.n &&
	       !(x->doubts & (DOUBT_HEADER_UNKNOWN | DOUBT_RECORDS_LOST | DOUBT_REQUEST_UNSEEN | DOUBT_TRUNCATED |
			      DOUBT_OUT_OF_MEMORY));
}

/* An Audit-Id would not have been seen, or the chain may have handled it without sending one. */
bool verdict_may_join_by_request(const struct exchange *x, const struct route *r)
{
	if (!x->request_uri.n || !x->method.n || verdict_audit_id(x).n)
		return false;
	return x->is_upgraded || !x->status || x->audit_id.n || !r || r->may_upgrade ||
	       (x->doubts & (DOUBT_HEADER_UNKNOWN | DOUBT_RECORDS_LOST | DOUBT_OUT_OF_MEMORY));
}

/* net/http itself answers these, before any handler (server.go; x/net/http2 server.go) */
static bool is_refused_by_net_http(uint16_t status)
{
	return status == 400 || status == 431 || status == 501 || status == 505 || status == 417;
}

static struct remainder without_audit_id(const struct exchange *x, const struct route *r)
{
	if (str_eq(x->method, STR("OPTIONS")) && str_eq(x->request_uri, STR("*")))
		return unauditable(STR("OPTIONS * is answered by net/http, before the handlers"));
	if (x->is_upgraded && r->may_upgrade)
		return (struct remainder){ VERDICT_UNAUDITED, STR("the connection was upgraded, and no audit event fits the "
								  "request") };
	if (r->may_upgrade && !x->is_upgraded)
		return unjudged(STR("cannot be judged: without an Audit-Id this is the answer of a backend on a hijacked "
				    "connection, or of net/http"));
	if (is_refused_by_net_http(x->status))
		return unauditable(STR("net/http refused the request before the handlers: no Audit-Id"));
	return unauditable(STR("the response has no Audit-Id: it does not come from kube-apiserver's handlers"));
}

static struct remainder with_audit_id(const struct exchange *x, const struct route *r, bool is_apf_seen)
{
	/* API priority and fairness labels every response behind it, but not those of long-running requests
	 * other than watches (priority-and-fairness.go) */
	bool is_before_apf = !x->has_flow_schema && !(r->is_long_running && !str_eq(r->info.verb, STR("watch")));

	if (is_before_apf && (x->doubts & DOUBT_HEADER_UNKNOWN) &&
	    (x->status == 500 || x->status == 204 || x->status == 429 || x->status == 503))
		return unjudged(STR("cannot be judged: a response header that was not decoded may say where it was answered"));
	if (r->info.is_refused && x->status == 500 && !x->has_flow_schema)
		return unauditable(STR("the path ends in a verb: the server fails to route it, before audit"));
	if (str_eq(x->method, STR("OPTIONS")) && x->status == 204 && !x->has_flow_schema)
		return unauditable(STR("a CORS preflight is answered before audit"));
	if (is_before_apf && (x->status == 429 || x->status == 503)) {
		if (!is_apf_seen)
			return unjudged(STR("cannot be judged: the server may be shutting down, or limits requests without "
					    "priority and fairness"));
		return unauditable(STR("the server is shutting down: it answers 429 and 503 before audit"));
	}
	if (is_before_apf && x->status == 500)
		return (struct remainder){ VERDICT_UNAUDITED, STR("no audit event, and answered before flow control: the "
								  "server panicked before audit, or could not write its log") };
	return (struct remainder){ VERDICT_UNAUDITED, STR("the response has an Audit-Id, and no audit event has it") };
}

struct remainder verdict_of_rest(const struct identity *id, const struct route *r, bool is_apf_seen)
{
	const struct exchange *x = id->exchange;

	if (!r || (x->doubts & DOUBT_OUT_OF_MEMORY))
		return unjudged(STR("cannot be judged: memory ran out, fields are missing"));
	if (!x->has_request || (x->doubts & DOUBT_REQUEST_UNSEEN))
		return unjudged(STR("cannot be judged: the request was not seen"));
	if (x->doubts & DOUBT_RECORDS_LOST)
		return unjudged(STR("cannot be judged: records of this connection were lost"));
	if (!x->status) {
		if ((x->doubts & DOUBT_MALFORMED) && !x->has_response)
			return unauditable(STR("the request broke the protocol: it was refused before the handlers"));
		return unjudged(x->has_response ? STR("cannot be judged: the status was not decoded") :
						  STR("cannot be judged: no response was seen"));
	}
	if (!x->request_uri.n || !x->method.n) {
		if ((x->doubts & DOUBT_MALFORMED) && !(x->doubts & DOUBT_HEADER_UNKNOWN) && !x->audit_id.n &&
		    is_refused_by_net_http(x->status))
			return unauditable(STR("net/http refused what is no request, before the handlers: no Audit-Id"));
		return unjudged(STR("cannot be judged: the request line was not decoded"));
	}
	if (x->request_uri.n >= EXCHANGE_VALUE_MAX)
		return unjudged(STR("cannot be judged: the request URI is longer than is kept"));
	/* Go writes header fields in the order of their names: a head that was cut still has its Audit-Id */
	if (!x->audit_id.n && (x->doubts & DOUBT_HEADER_UNKNOWN))
		return unjudged(STR("cannot be judged: the Audit-Id may be in a header that was not decoded"));
	if (x->audit_id.n >= EXCHANGE_VALUE_MAX)
		return unjudged(STR("cannot be judged: the Audit-Id is longer than is kept"));
	return x->audit_id.n ? with_audit_id(x, r, is_apf_seen) : without_audit_id(x, r);
}
