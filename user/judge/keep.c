/* SPDX-License-Identifier: Apache-2.0
 * One idea: a text is its length in base 128 and its bytes; which texts there are, and in what order,
 * stands in one table for each struct, read by the writer and by the reader. */
#include "judge/keep.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct kept_conn {
	struct conn conn;
	struct process process;
	struct kept_sender *last;	/* of the connection's newest exchange; a reference */
	uint32_t refs;
	bool is_newest;			/* it is in the map */
};

#define AT(type, field) offsetof(struct type, field)

static const size_t EXCHANGE_TEXTS[] = {
	AT(exchange, method), AT(exchange, request_uri), AT(exchange, audit_id), AT(exchange, request_audit_id),
	AT(exchange, impersonate_user), AT(exchange, impersonate_uid), AT(exchange, remote_user),
	AT(exchange, forwarded_for), AT(exchange, real_ip),
};
static const size_t CREDENTIAL_TEXTS[] = {
	AT(credential, subject), AT(credential, issuer), AT(credential, serial), AT(credential, credential_id),
};
static const size_t USER_TEXTS[] = {
	AT(audit_user, username), AT(audit_user, uid), AT(audit_user, credential_id),
};
static const size_t EVENT_TEXTS[] = {
	AT(event, audit_id), AT(event, request_uri), AT(event, verb), AT(event, user_agent),
	AT(event, object.resource), AT(event, object.ns), AT(event, object.name), AT(event, object.uid),
	AT(event, object.api_group), AT(event, object.api_version), AT(event, object.subresource),
	AT(event, status_message), AT(event, status_reason), AT(event, decision), AT(event, reason),
	AT(event, annotations),
};

#define NR(array) (sizeof(array) / sizeof(*(array)))

/* ---- texts */

static void add_text(struct buf *b, struct str s)
{
	char length[10];
	size_t n = 0, v = s.n;

	for (; v > 127; v >>= 7)
		length[n++] = (char)(v | 128);
	length[n++] = (char)v;
	(void)buf_add(b, length, n); /* errors are sticky */
	(void)buf_add(b, s.p, s.n);
}

static void add_texts(struct buf *b, const void *object, const size_t *at, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		add_text(b, *(const struct str *)(const void *)((const char *)object + at[i]));
}

static void add_list(struct buf *b, const struct str *list, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		add_text(b, list[i]);
}

static struct str take_text(const char **p)
{
	struct str s = { 0 };
	unsigned char c;
	int shift = 0;

	do {
		c = (unsigned char)*(*p)++;
		s.n |= (size_t)(c & 127) << shift;
		shift += 7;
	} while (c & 128);
	s.p = *p;
	*p += s.n;
	return s;
}

static void take_texts(const char **p, void *object, const size_t *at, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		*(struct str *)(void *)((char *)object + at[i]) = take_text(p);
}

static void take_list(const char **p, struct str *list, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		list[i] = take_text(p);
}

/* ---- what the exchanges of a connection have in common */

static void sender_unref(struct keep *k, struct kept_sender *s)
{
	if (!s || --s->refs)
		return;
	k->bytes -= sizeof(*s) + s->size;
	free(s);
}

static void conn_unref(struct keep *k, struct kept_conn *c)
{
	if (!c || --c->refs)
		return;
	if (c->is_newest)
		(void)map_del(&k->conns, c->conn.serial); /* it is there */
	sender_unref(k, c->last);
	k->bytes -= sizeof(*c);
	free(c);
}

static bool conn_is_same(const struct kept_conn *kept, const struct conn *c)
{
	const struct conn *o = &kept->conn;

	return o->is_described == c->is_described && o->has_address == c->has_address && o->fd == c->fd &&
	       o->client_port == c->client_port && o->server_port == c->server_port &&
	       o->nr_certs == c->nr_certs && o->cert_hash == c->cert_hash &&
	       (c->process ? o->process && o->process->pid == c->process->pid : !o->process) &&
	       !memcmp(o->client_ip, c->client_ip, sizeof(o->client_ip)) && !strcmp(o->alpn, c->alpn);
}

/* A reference; NULL: no memory. */
static struct kept_conn *conn_ref(struct keep *k, const struct conn *c)
{
	struct kept_conn *kept = map_get(&k->conns, c->serial), *older = kept;

	if (kept && conn_is_same(kept, c)) {
		kept->refs++;
		return kept;
	}
	kept = calloc(1, sizeof(*kept));
	if (!kept)
		return NULL;
	kept->conn = *c;
	kept->conn.cert = NULL;
	if (c->process) {
		kept->process = *c->process;
		kept->conn.process = &kept->process;
	}
	if (map_put(&k->conns, c->serial, kept)) {
		free(kept);
		return NULL;
	}
	if (older)
		older->is_newest = false;
	kept->is_newest = true;
	kept->refs = 1;
	k->bytes += sizeof(*kept);
	return kept;
}

static void add_sender(struct buf *b, const struct identity *id)
{
	struct credential numbers;

	memset(&numbers, 0, sizeof(numbers)); /* the padding too: senders are compared as bytes */
	numbers.kind = id->credential.kind;
	numbers.outcome = id->credential.outcome;
	numbers.also = id->credential.also;
	numbers.token_type = id->credential.token_type;
	numbers.is_unverified = id->credential.is_unverified;
	memcpy(numbers.id, id->credential.id, sizeof(numbers.id));
	numbers.nr_groups = id->credential.nr_groups;
	numbers.expires_s = id->credential.expires_s;
	numbers.not_before_s = id->credential.not_before_s;
	add_text(b, (struct str){ (const char *)&numbers, AT(credential, subject) });
	add_text(b, (struct str){ (const char *)&numbers + AT(credential, nr_groups), sizeof(numbers) - AT(credential, nr_groups) });
	add_texts(b, &id->credential, CREDENTIAL_TEXTS, NR(CREDENTIAL_TEXTS));
	add_list(b, id->credential.groups, id->credential.nr_groups);
	add_text(b, id->exchange->host);
	add_text(b, id->exchange->user_agent);
}

/* The numbers of a credential stand before and behind its texts. */
_Static_assert(AT(credential, subject) > AT(credential, id) && AT(credential, nr_groups) < AT(credential, expires_s) &&
	       AT(credential, nr_groups) < AT(credential, not_before_s), "layout of struct credential");

static void show_sender(const struct kept_sender *sender, struct identity *id, struct exchange *x)
{
	const char *p = sender->text;
	struct str numbers = take_text(&p);

	memcpy(&id->credential, numbers.p, numbers.n);
	numbers = take_text(&p);
	memcpy(&id->credential.nr_groups, numbers.p, numbers.n);
	take_texts(&p, &id->credential, CREDENTIAL_TEXTS, NR(CREDENTIAL_TEXTS));
	take_list(&p, id->credential.groups, id->credential.nr_groups);
	x->host = take_text(&p);
	x->user_agent = take_text(&p);
}

/* A reference; NULL: no memory. */
static struct kept_sender *sender_ref(struct keep *k, struct kept_conn *c, const struct identity *id)
{
	struct kept_sender *s;
	struct str text;

	buf_reset(&k->text);
	add_sender(&k->text, id);
	if (buf_error(&k->text))
		return NULL;
	text = buf_str(&k->text);
	if (c->last && c->last->size == text.n && !memcmp(c->last->text, text.p, text.n)) {
		c->last->refs++;
		return c->last;
	}
	s = malloc(sizeof(*s) + text.n);
	if (!s)
		return NULL;
	*s = (struct kept_sender){ .refs = 2, .size = (uint32_t)text.n };
	memcpy(s->text, text.p, text.n);
	k->bytes += sizeof(*s) + text.n;
	sender_unref(k, c->last);
	c->last = s;
	return s;
}

/* ---- exchanges */

struct kept_exchange *keep_exchange(struct keep *k, const struct identity *id)
{
	const struct exchange *x = id->exchange;
	struct kept_conn *conn = conn_ref(k, x->conn);
	struct kept_sender *sender = conn ? sender_ref(k, conn, id) : NULL;
	struct kept_exchange *copy = NULL;
	struct str text;

	if (!sender)
		goto out;
	buf_reset(&k->text);
	add_texts(&k->text, x, EXCHANGE_TEXTS, NR(EXCHANGE_TEXTS));
	add_list(&k->text, x->impersonate_groups, x->nr_impersonate_groups);
	add_list(&k->text, x->remote_groups, x->nr_remote_groups);
	text = buf_str(&k->text);
	if (!buf_error(&k->text))
		copy = malloc(sizeof(*copy) + text.n);
	if (!copy)
		goto out;
	*copy = (struct kept_exchange){
		.kept.size = (uint32_t)(sizeof(*copy) + text.n),
		.conn = conn,
		.sender = sender,
		.time_ns = id->time_ns,
		.request_ns = x->request_ns,
		.first_byte_ns = x->first_byte_ns,
		.end_ns = x->end_ns,
		.request_bytes = x->request_bytes,
		.response_bytes = x->response_bytes,
		.stream = x->stream,
		.doubts = x->doubts,
		.status = x->status,
		.protocol = (uint8_t)x->protocol,
		.authorization_seen = (uint8_t)x->authorization_seen,
		.ws_protocol_seen = (uint8_t)x->ws_protocol_seen,
		.websocket_seen = (uint8_t)x->websocket_seen,
		.nr_impersonate_groups = (uint8_t)x->nr_impersonate_groups,
		.nr_remote_groups = (uint8_t)x->nr_remote_groups,
		.has_request = x->has_request,
		.has_response = x->has_response,
		.has_flow_schema = x->has_flow_schema,
		.is_upgraded = x->is_upgraded,
		.is_goaway = x->is_goaway,
		.has_request_bytes = x->has_request_bytes,
	};
	memcpy(copy->text, text.p, text.n);
	k->bytes += copy->kept.size;
	return copy;
out:
	sender_unref(k, sender);
	conn_unref(k, conn);
	return NULL;
}
_Static_assert(EXCHANGE_GROUPS_MAX <= UINT8_MAX && EVENT_GROUPS_MAX <= UINT8_MAX && EVENT_SOURCE_IPS_MAX <= UINT8_MAX, "u8");

void kept_exchange_show(const struct kept_exchange *copy, struct shown_exchange *ret)
{
	struct exchange *x = &ret->x;
	const char *p = copy->text;

	x->conn = &copy->conn->conn;
	x->stream = copy->stream;
	x->protocol = (enum protocol)copy->protocol;
	x->doubts = copy->doubts;
	x->request_ns = copy->request_ns;
	x->first_byte_ns = copy->first_byte_ns;
	x->end_ns = copy->end_ns;
	x->has_request = copy->has_request;
	x->has_response = copy->has_response;
	x->authorization_seen = (enum seen)copy->authorization_seen;
	x->ws_protocol_seen = (enum seen)copy->ws_protocol_seen;
	x->websocket_seen = (enum seen)copy->websocket_seen;
	x->nr_impersonate_groups = copy->nr_impersonate_groups;
	x->nr_remote_groups = copy->nr_remote_groups;
	x->status = copy->status;
	x->has_flow_schema = copy->has_flow_schema;
	x->is_upgraded = copy->is_upgraded;
	x->is_goaway = copy->is_goaway;
	x->has_request_bytes = copy->has_request_bytes;
	x->request_bytes = copy->request_bytes;
	x->response_bytes = copy->response_bytes;
	x->authorization = x->ws_protocol = (struct secret){ 0 };
	x->text[0] = x->text[1] = NULL;
	take_texts(&p, x, EXCHANGE_TEXTS, NR(EXCHANGE_TEXTS));
	take_list(&p, x->impersonate_groups, x->nr_impersonate_groups);
	take_list(&p, x->remote_groups, x->nr_remote_groups);
	ret->id.exchange = x;
	ret->id.time_ns = copy->time_ns;
	show_sender(copy->sender, &ret->id, x);
}

/* ---- events */

static void add_user(struct buf *b, const struct audit_user *u)
{
	add_texts(b, u, USER_TEXTS, NR(USER_TEXTS));
	add_list(b, u->groups, u->nr_groups);
}

static void take_user(const char **p, struct audit_user *u, size_t nr_groups)
{
	take_texts(p, u, USER_TEXTS, NR(USER_TEXTS));
	take_list(p, u->groups, nr_groups);
	u->nr_groups = nr_groups;
}

struct kept_event *keep_event(struct keep *k, const struct event *e)
{
	bool has_request = e->request_object.n <= KEEP_OBJECT_MAX, has_response = e->response_object.n <= KEEP_OBJECT_MAX;
	struct kept_event *copy = NULL;
	struct str text;

	buf_reset(&k->text);
	add_texts(&k->text, e, EVENT_TEXTS, NR(EVENT_TEXTS));
	add_user(&k->text, &e->user);
	add_user(&k->text, &e->impersonated);
	add_list(&k->text, e->source_ips, e->nr_source_ips);
	add_text(&k->text, has_request ? e->request_object : (struct str){ 0 });
	add_text(&k->text, has_response ? e->response_object : (struct str){ 0 });
	text = buf_str(&k->text);
	if (!buf_error(&k->text))
		copy = malloc(sizeof(*copy) + text.n);
	if (!copy)
		return NULL;
	*copy = (struct kept_event){
		.kept.size = (uint32_t)(sizeof(*copy) + text.n),
		.kept.is_event = true,
		.received_ns = e->received_ns,
		.stage_ns = e->stage_ns,
		.code = e->code,
		.level = (uint8_t)e->level,
		.stage = (uint8_t)e->stage,
		.nr_groups = (uint8_t)e->user.nr_groups,
		.nr_impersonated_groups = (uint8_t)e->impersonated.nr_groups,
		.nr_source_ips = (uint8_t)e->nr_source_ips,
		.is_cut = e->is_cut || !has_request || !has_response,
	};
	memcpy(copy->text, text.p, text.n);
	k->bytes += copy->kept.size;
	return copy;
}

void kept_event_show(const struct kept_event *copy, struct event *ret)
{
	const char *p = copy->text;

	ret->level = (enum audit_level)copy->level;
	ret->stage = (enum audit_stage)copy->stage;
	ret->code = copy->code;
	ret->received_ns = copy->received_ns;
	ret->stage_ns = copy->stage_ns;
	ret->is_cut = copy->is_cut;
	ret->nr_source_ips = copy->nr_source_ips;
	take_texts(&p, ret, EVENT_TEXTS, NR(EVENT_TEXTS));
	take_user(&p, &ret->user, copy->nr_groups);
	take_user(&p, &ret->impersonated, copy->nr_impersonated_groups);
	take_list(&p, ret->source_ips, copy->nr_source_ips);
	ret->request_object = take_text(&p);
	ret->response_object = take_text(&p);
}

void keep_drop(struct keep *k, struct kept *copy)
{
	if (!copy)
		return;
	k->bytes -= copy->size;
	if (!copy->is_event) {
		struct kept_exchange *x = (struct kept_exchange *)(void *)copy;

		sender_unref(k, x->sender);
		conn_unref(k, x->conn);
	}
	free(copy);
}

void keep_done(struct keep *k)
{
	map_done(&k->conns);
	buf_done(&k->text);
}
