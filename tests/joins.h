/* SPDX-License-Identifier: Apache-2.0
 *
 * joins.h - the two sides of one request for tests of the join, and a join that writes down what it tells.
 *
 * A struct both is a GET by a client certificate over HTTP/2, answered 200 after 2 ms, and its
 * ResponseComplete event as the server writes it. A test changes what it is about.
 */
#ifndef ANONTAP_TESTS_JOINS_H
#define ANONTAP_TESTS_JOINS_H

#include <stdlib.h>
#include "judge/join.h"
#include "test.h"

#define SECOND UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define T0 (UINT64_C(1795400000) * SECOND)

struct both {
	struct process process;
	struct conn conn;
	struct exchange x;
	struct identity id;
	struct event e;
};

static inline void both_init(struct both *b, const char *audit_id, uint64_t at_ns)
{
	*b = (struct both){
		.process = { .pid = 812, .comm = "kube-apiserver", .target = "kube-apiserver" },
		.conn = { .serial = 31, .is_described = true, .fd = 7, .has_address = true,
			  .client_ip = { [10] = 0xff, 0xff, 10, 0, 0, 9 }, .client_port = 51234, .server_port = 6443,
			  .alpn = "h2" },
		.x = { .stream = 5, .protocol = PROTOCOL_HTTP2, .has_request = true, .has_response = true,
		       .method = STR("GET"), .host = STR("10.0.0.1:6443"), .request_uri = STR("/api/v1/namespaces/d/pods"),
		       .user_agent = STR("kubectl/v1.34.2"), .status = 200, .has_flow_schema = true,
		       .authorization_seen = SEEN_ABSENT },
		.id = { .credential = { .kind = CRED_CLIENT_CERT, .outcome = OUTCOME_ACCEPTED, .subject = STR("alice"),
					.credential_id = STR("X509SHA256=ab"), .id = "hk1:0" } },
		.e = { .level = LEVEL_METADATA, .stage = STAGE_RESPONSE_COMPLETE,
		       .request_uri = STR("/api/v1/namespaces/d/pods"), .verb = STR("list"),
		       .user = { .username = STR("alice"), .credential_id = STR("X509SHA256=ab") },
		       .source_ips = { STR("10.0.0.9") }, .nr_source_ips = 1, .user_agent = STR("kubectl/v1.34.2"),
		       .object = { .resource = STR("pods"), .ns = STR("d") }, .code = 200, .decision = STR("allow") },
	};
	b->conn.process = &b->process;
	b->x.conn = &b->conn;
	b->id.exchange = &b->x;
	b->x.audit_id = b->e.audit_id = str_of(audit_id);
	b->id.time_ns = at_ns;
	b->x.request_ns = at_ns - T0 + 1000 * SECOND;
	b->x.first_byte_ns = b->x.request_ns + 2 * MS;
	b->x.end_ns = b->x.request_ns + 2 * MS;
	b->e.received_ns = at_ns + 100000;
	b->e.stage_ns = at_ns + 2 * MS;
}

static inline void both_uri(struct both *b, const char *uri)
{
	b->x.request_uri = b->e.request_uri = str_of(uri);
}

static inline void both_status(struct both *b, uint16_t status)
{
	b->x.status = b->e.code = status;
}

static inline void both_anonymous(struct both *b)
{
	b->id.credential = (struct credential){ .kind = CRED_NONE, .outcome = OUTCOME_NONE };
	b->e.user = (struct audit_user){ .username = STR("system:anonymous") };
}

/* ---- what was told */

#define TOLD_MAX 8192

struct told {
	enum verdict verdict;
	enum join_by by;
	enum gap_reason gap;
	uint32_t agrees, differs;
	char wire_id[64], log_id[64];	/* Audit-Ids; "" without that side */
	uint32_t stream;
	enum audit_stage stage;
	struct str why;
	int64_t lag_ns, skew_ns;
};

struct play {
	struct join *j;
	struct counters counters;
	struct told *told;
	size_t nr;
};

static inline void play_write(void *ctx, const struct match *m)
{
	struct play *p = ctx;
	struct told *t = &p->told[p->nr];

	if (p->nr == TOLD_MAX)
		return;
	p->nr++;
	*t = (struct told){ .verdict = m->verdict, .by = m->by, .gap = m->gap, .agrees = m->agrees, .differs = m->differs,
			    .why = m->why, .lag_ns = m->lag_ns, .skew_ns = m->skew_ns };
	if (m->identity) {
		(void)snprintf(t->wire_id, sizeof(t->wire_id), "%.*s", STR_ARG(m->identity->exchange->audit_id));
		t->stream = m->identity->exchange->stream;
	}
	if (m->event) {
		(void)snprintf(t->log_id, sizeof(t->log_id), "%.*s", STR_ARG(m->event->audit_id));
		t->stage = m->event->stage;
	}
}

static inline void play_init_as(struct play *p, const struct join_options *o)
{
	*p = (struct play){ .told = calloc(TOLD_MAX, sizeof(*p->told)) };
	p->j = join_new(o, &p->counters, play_write, p);
	CHECK(p->told && p->j);
	join_tick(p->j, T0);
}

static inline void play_init(struct play *p)
{
	play_init_as(p, &(struct join_options){ .is_audit_only_told = true, .wire_since_ns = T0 - 100 * SECOND });
}

static inline void play_done(struct play *p)
{
	join_free(p->j);
	free(p->told);
}

/* Tick second by second from one time to another. */
static inline void play_wait(struct play *p, uint64_t from_ns, uint64_t to_ns)
{
	for (uint64_t t = from_ns; t <= to_ns; t += SECOND)
		join_tick(p->j, t);
}

static inline size_t play_count(const struct play *p, enum verdict v)
{
	size_t n = 0;

	for (size_t i = 0; i < p->nr; i++)
		n += p->told[i].verdict == v;
	return n;
}

static inline void play_wire(struct play *p, const struct both *b)
{
	join_push_identity(p->j, &b->id, b->id.time_ns + 3 * MS);
}

static inline void play_log(struct play *p, const struct both *b)
{
	join_push_event(p->j, &b->e, b->e.stage_ns + MS);
}

/* The whole of a window, and a little more, after T0. */
static inline void play_window(struct play *p)
{
	play_wait(p, T0, T0 + 80 * SECOND);
}

#endif
