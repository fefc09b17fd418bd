/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/logged.h"

#include "base/ip.h"
#include "judge/gotext.h"

/* The method of a verb; the verb itself where several methods have it, or none is known. */
static struct str method_of(struct str verb)
{
	static const struct {
		struct str verb, method;
	} rows[] = {
		{ STR("get"), STR("GET") },	  { STR("list"), STR("GET") },	    { STR("watch"), STR("GET") },
		{ STR("create"), STR("POST") },	  { STR("update"), STR("PUT") },    { STR("patch"), STR("PATCH") },
		{ STR("delete"), STR("DELETE") }, { STR("deletecollection"), STR("DELETE") },
		{ STR("post"), STR("POST") },	  { STR("put"), STR("PUT") },	    { STR("head"), STR("HEAD") },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (str_eq(verb, rows[i].verb))
			return rows[i].method;
	return verb;
}

const struct identity *logged_identity(struct logged *l, const struct event *e)
{
	buf_reset(&l->uri);
	l->conn = (struct conn){ 0 };
	l->exchange = (struct exchange){
		.conn = &l->conn,
		.has_request = true,
		.has_response = e->code != 0,
		.method = method_of(e->verb),
		.request_uri = gotext_uri_log(e->request_uri, &l->uri),
		.user_agent = e->user_agent,
		.audit_id = e->audit_id,
		.status = e->code,
		.request_ns = e->received_ns,
		.end_ns = e->stage_ns,
		.impersonate_user = e->impersonated.username,
	};
	l->identity = (struct identity){
		.exchange = &l->exchange,
		.time_ns = e->received_ns,
		.credential = { .kind = CRED_UNKNOWN, .outcome = OUTCOME_UNKNOWN, .subject = e->user.username },
	};
	if (e->nr_source_ips)
		l->conn.has_address = !ip_parse(e->source_ips[e->nr_source_ips - 1], l->conn.client_ip);
	return &l->identity;
}

void logged_done(struct logged *l)
{
	buf_done(&l->uri);
}
