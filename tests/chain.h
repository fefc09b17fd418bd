/* SPDX-License-Identifier: Apache-2.0
 *
 * chain.h - flow, http and exchange in a row, and what came out of them, copied: for tests of wire/.
 */
#ifndef ANONTAP_TESTS_CHAIN_H
#define ANONTAP_TESTS_CHAIN_H

#include "records.h"
#include "wire/exchange.h"
#include "wire/flow.h"
#include "wire/http.h"

/* What is compared of an exchange, as text. */
#define CHAIN_FIELDS(X) \
	X(METHOD) X(HOST) X(URI) X(USER_AGENT) X(FORWARDED_FOR) X(REAL_IP) X(REQUEST_AUDIT_ID) \
	X(AUTHORIZATION) X(WS_PROTOCOL) X(WEBSOCKET) X(IMPERSONATE_USER) X(IMPERSONATE_UID) X(IMPERSONATE_GROUPS) \
	X(REMOTE_USER) X(REMOTE_GROUPS) X(STATUS) X(AUDIT_ID) X(FLOW_SCHEMA) X(UPGRADED) X(GOAWAY) \
	X(REQUEST_BYTES) X(RESPONSE_BYTES)

enum chain_field {
#define X(name) FIELD_##name,
	CHAIN_FIELDS(X)
#undef X
	FIELD_MAX,
};

static const char *const chain_field_name[FIELD_MAX] = {
#define X(name) #name,
	CHAIN_FIELDS(X)
#undef X
};

struct told {
	uint64_t serial;
	uint32_t stream, doubts;
	bool has_request, has_response;
	enum seen authorization_seen;
	enum protocol protocol;
	uint64_t request_ns, first_byte_ns, end_ns;
	struct conn conn;		/* pointers in it are not valid any more */
	char *field[FIELD_MAX];
};

struct chain {
	struct counters counters;
	struct flow flow;
	struct http http;
	struct exchanges exchanges;
	struct told *told;
	size_t nr;
};

static inline char *chain_text(const char *fmt, ...)
{
	va_list ap, again;
	char *text;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	text = malloc((size_t)n + 1);
	RECORDS_MUST(n >= 0 && text);
	vsnprintf(text, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return text;
}

static inline char *chain_list(const struct str *list, size_t nr)
{
	char *all = chain_text("%s", "");

	for (size_t i = 0; i < nr; i++) {
		char *more = chain_text("%s%s%.*s", all, i ? "," : "", STR_ARG(list[i]));

		free(all);
		all = more;
	}
	return all;
}

static inline char *chain_str(struct str s)
{
	return chain_text("%.*s", STR_ARG(s));
}

static inline char *chain_secret(enum seen seen, const struct secret *s)
{
	return seen == SEEN_PRESENT ? chain_text("=%.*s", STR_ARG(secret_str(s))) :
				      chain_text("%s", seen == SEEN_ABSENT ? "none" : "");
}

static inline void chain_emit(void *ctx, struct exchange *x)
{
	struct chain *c = ctx;
	struct told *t;

	c->told = realloc(c->told, (c->nr + 1) * sizeof(*c->told));
	RECORDS_MUST(c->told);
	t = &c->told[c->nr++];
	*t = (struct told){ .serial = x->conn->serial, .stream = x->stream, .doubts = x->doubts,
			    .has_request = x->has_request, .has_response = x->has_response,
			    .authorization_seen = x->authorization_seen, .protocol = x->protocol,
			    .request_ns = x->request_ns, .first_byte_ns = x->first_byte_ns, .end_ns = x->end_ns,
			    .conn = *x->conn };
	t->field[FIELD_METHOD] = chain_str(x->method);
	t->field[FIELD_HOST] = chain_str(x->host);
	t->field[FIELD_URI] = chain_str(x->request_uri);
	t->field[FIELD_USER_AGENT] = chain_str(x->user_agent);
	t->field[FIELD_FORWARDED_FOR] = chain_str(x->forwarded_for);
	t->field[FIELD_REAL_IP] = chain_str(x->real_ip);
	t->field[FIELD_REQUEST_AUDIT_ID] = chain_str(x->request_audit_id);
	t->field[FIELD_AUTHORIZATION] = chain_secret(x->authorization_seen, &x->authorization);
	t->field[FIELD_WS_PROTOCOL] = chain_secret(x->ws_protocol_seen, &x->ws_protocol);
	t->field[FIELD_WEBSOCKET] = chain_text("%s", x->websocket_seen == SEEN_PRESENT ? "yes" :
						     x->websocket_seen == SEEN_ABSENT ? "no" : "");
	t->field[FIELD_IMPERSONATE_USER] = chain_str(x->impersonate_user);
	t->field[FIELD_IMPERSONATE_UID] = chain_str(x->impersonate_uid);
	t->field[FIELD_IMPERSONATE_GROUPS] = chain_list(x->impersonate_groups, x->nr_impersonate_groups);
	t->field[FIELD_REMOTE_USER] = chain_str(x->remote_user);
	t->field[FIELD_REMOTE_GROUPS] = chain_list(x->remote_groups, x->nr_remote_groups);
	t->field[FIELD_STATUS] = chain_text(x->status ? "%u" : "", x->status);
	t->field[FIELD_AUDIT_ID] = chain_str(x->audit_id);
	t->field[FIELD_FLOW_SCHEMA] = chain_text("%s", x->has_flow_schema ? "yes" : "");
	t->field[FIELD_UPGRADED] = chain_text("%s", x->is_upgraded ? "yes" : "");
	t->field[FIELD_GOAWAY] = chain_text("%s", x->is_goaway ? "yes" : "");
	t->field[FIELD_REQUEST_BYTES] = chain_text("%llu", (unsigned long long)x->request_bytes);
	t->field[FIELD_RESPONSE_BYTES] = chain_text("%llu", (unsigned long long)x->response_bytes);
}


static inline void chain_init(struct chain *c)
{
	*c = (struct chain){ 0 };
	exchange_init(&c->exchanges, &c->counters, chain_emit, c);
	http_init(&c->http, &c->counters, exchange_push, &c->exchanges);
	flow_init(&c->flow, &c->counters, http_push, &c->http);
}

static inline void chain_push(void *ctx, const void *rec, size_t size)
{
	struct chain *c = ctx;

	flow_push(&c->flow, rec, size);
}

/* No more records will come. */
static inline void chain_finish(struct chain *c)
{
	flow_finish(&c->flow);
}

static inline void chain_done(struct chain *c)
{
	flow_done(&c->flow);
	http_done(&c->http);
	exchange_done(&c->exchanges);
	for (size_t i = 0; i < c->nr; i++)
		for (int f = 0; f < FIELD_MAX; f++)
			free(c->told[i].field[f]);
	free(c->told);
}

/* Play the whole of a script through a new chain; returns how many records it makes. */
static inline long chain_play(struct chain *c, const struct script *s, size_t piece, long lose, bool has_resync)
{
	struct play p = { .piece = piece, .lose = lose, .has_resync = has_resync, .push = chain_push, .ctx = c };

	chain_init(c);
	play(&p, s);
	chain_finish(c);
	return p.nr;
}

/* The n-th exchange told of a stream. */
static inline const struct told *chain_find(const struct chain *c, uint64_t serial, uint32_t stream)
{
	for (size_t i = 0; i < c->nr; i++)
		if (c->told[i].serial == serial && c->told[i].stream == stream)
			return &c->told[i];
	return NULL;
}

static inline void chain_print(const struct chain *c)
{
	for (size_t i = 0; i < c->nr; i++) {
		const struct told *t = &c->told[i];

		printf("      %llu/%u %s%s", (unsigned long long)t->serial, t->stream, t->has_request ? "req " : "",
		       t->has_response ? "res " : "");
		for (int b = 0; b < DOUBT_MAX; b++)
			if (t->doubts >> b & 1)
				printf("%s ", doubt_word(b));
		for (int f = 0; f < FIELD_MAX; f++)
			if (t->field[f][0])
				printf(" %s=%s", chain_field_name[f], t->field[f]);
		printf("\n");
	}
	for (int i = 0; i < COUNT_MAX; i++)
		if (c->counters.v[i])
			printf("      %s %llu\n", counter_name(i), (unsigned long long)c->counters.v[i]);
}

#endif
