/* SPDX-License-Identifier: Apache-2.0
 * One idea: an open exchange is a small record with two blocks of text; struct exchange, which is large,
 * exists only while one is emitted. */
#include "wire/exchange.h"

#include <stdlib.h>
#include <string.h>
#include "wire/head.h"

/* One open exchange. */
struct stream {
	struct stream *older, *newer;
	uint32_t id;
	uint32_t doubts;
	uint8_t protocol;		/* enum protocol */
	uint16_t status;
	bool has_request, has_response;
	bool is_request_ended;
	bool is_extended_connect, is_goaway, has_flow_schema;
	bool has_framed_body;		/* HTTP/1: its bytes hold chunk framing, too */
	uint64_t body_max;		/* what the request's head says of its body */
	bool is_silent;			/* nothing of it was seen since records were lost, at lost_ns */
	uint32_t audit_id_len;
	char *audit_id;
	struct head *head;		/* NULL: no request, or no memory */
	uint64_t request_ns, first_byte_ns, lost_ns;
	uint64_t bytes[2];
};

/* One connection. */
struct peer {
	struct conn *conn;
	struct map streams;		/* id -> struct stream */
	struct stream *oldest, *newest;
	uint32_t max_request;		/* greatest stream of a request seen */
	uint32_t nr_silent;
	uint64_t silent_since_ns;	/* the first of them */
	bool has_lost;			/* requests may have been lost */
	uint8_t next_cancelled;
	uint32_t cancelled[EXCHANGE_CANCELLED_MAX];
};

const char *doubt_word(enum doubt_bit bit)
{
	static const char *const words[DOUBT_MAX] = {
#define X(name, word, help) [DOUBT_BIT_##name] = word,
		DOUBTS(X)
#undef X
	};

	return words[bit];
}

const char *doubt_help(enum doubt_bit bit)
{
	static const char *const helps[DOUBT_MAX] = {
#define X(name, word, help) [DOUBT_BIT_##name] = help,
		DOUBTS(X)
#undef X
	};

	return helps[bit];
}

const char *protocol_name(enum protocol p)
{
	static const char *const names[] = {
		[PROTOCOL_UNKNOWN] = "",
		[PROTOCOL_HTTP1_0] = "HTTP/1.0",
		[PROTOCOL_HTTP1_1] = "HTTP/1.1",
		[PROTOCOL_HTTP2] = "HTTP/2.0",
	};

	return names[p];
}

void exchange_init(struct exchanges *e, struct counters *counters, exchange_emit_fn *emit, void *ctx)
{
	*e = (struct exchanges){ .counters = counters, .emit = emit, .ctx = ctx };
}

/* ---- streams of a connection ---- */

static struct peer *peer_new(struct exchanges *e, struct conn *conn)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p || map_put(&e->open, conn->serial, p)) {
		free(p);
		count(e->counters, COUNT_out_of_memory);
		return NULL;
	}
	p->conn = conn;
	return p;
}

static void stream_free(struct peer *p, struct stream *s)
{
	*(s->older ? &s->older->newer : &p->oldest) = s->newer;
	*(s->newer ? &s->newer->older : &p->newest) = s->older;
	p->nr_silent -= s->is_silent;
	(void)map_del(&p->streams, s->id); /* it is there */
	head_free(s->head);
	free(s->audit_id);
	free(s);
}

static struct stream *stream_new(struct exchanges *e, struct peer *p, uint32_t id)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s || map_put(&p->streams, id, s)) {
		free(s);
		count(e->counters, COUNT_out_of_memory);
		p->has_lost = true;
		return NULL;
	}
	s->id = id;
	s->older = p->newest;
	*(p->newest ? &p->newest->newer : &p->oldest) = s;
	p->newest = s;
	return s;
}

static void emit(struct exchanges *e, struct peer *p, struct stream *s, uint64_t end_ns, uint32_t doubts)
{
	uint64_t body_max = s->status == 101 ? UINT64_MAX : s->body_max; /* what follows an upgrade is no body */
	struct conn *c = p->conn;
	struct exchange x = {
		.conn = c,
		.stream = s->id,
		.protocol = s->protocol,
		.doubts = s->doubts | doubts,
		.request_ns = s->request_ns,
		.first_byte_ns = s->first_byte_ns,
		.end_ns = end_ns,
		.has_request = s->has_request,
		.has_response = s->has_response,
		.status = s->status,
		.audit_id = { s->audit_id, s->audit_id_len },
		.has_flow_schema = s->has_flow_schema,
		.is_upgraded = s->status == 101 || (s->is_extended_connect && s->status / 100 == 2),
		.is_goaway = s->is_goaway,
		.has_request_bytes = s->has_request && !s->has_framed_body,
		.request_bytes = s->bytes[TAP_READ] < body_max ? s->bytes[TAP_READ] : body_max,
		.response_bytes = s->bytes[TAP_WRITE],
		.text[TAP_WRITE] = s->audit_id,
	};

	if (!s->has_request) {
		x.doubts |= DOUBT_REQUEST_UNSEEN;
		count(e->counters, COUNT_response_unpaired);
	}
	if (!s->has_response)
		count(e->counters, COUNT_request_unpaired);
	if (!c->is_described)
		x.doubts |= DOUBT_CONNECTION_UNKNOWN;
	if (c->is_cert_cut)
		x.doubts |= DOUBT_TRUNCATED;
	if (s->head)
		head_show(s->head, &x);
	if (s->protocol != PROTOCOL_HTTP2 && str_eq(x.method, STR("HEAD")))
		x.response_bytes = 0; /* net/http counts what the handler wrote, and sends none of it */
	e->emit(e->ctx, &x);
	secret_wipe(&x.authorization);
	secret_wipe(&x.ws_protocol);
	stream_free(p, s);
}

static void emit_all(struct exchanges *e, struct peer *p, uint64_t end_ns, bool is_cut)
{
	while (p->oldest) {
		struct stream *s = p->oldest;

		emit(e, p, s, end_ns,
		     is_cut ? DOUBT_UNFINISHED : s->has_response ? DOUBT_RESET : DOUBT_RESPONSE_UNSEEN);
	}
}

/* Emits nothing. */
static void peer_free(struct peer *p)
{
	while (p->oldest)
		stream_free(p, p->oldest);
	map_done(&p->streams);
	free(p);
}

/* ---- after a loss ---- */

static void saw(struct peer *p, struct stream *s)
{
	p->nr_silent -= s->is_silent;
	s->is_silent = false;
}

static void push_lost(struct peer *p, const struct message *m)
{
	p->has_lost |= m->dir == TAP_READ;
	if (!p->nr_silent)
		p->silent_since_ns = m->ktime_ns;
	for (struct stream *s = p->oldest; s; s = s->newer) {
		s->doubts |= DOUBT_RECORDS_LOST;
		p->nr_silent += !s->is_silent;
		s->is_silent = true;
		s->lost_ns = m->ktime_ns;
	}
}

/* Emit what has been silent for too long since. */
static void emit_overdue(struct exchanges *e, struct peer *p, uint64_t now_ns)
{
	uint64_t since_ns = now_ns;
	struct stream *s, *newer;

	if (!p->nr_silent || now_ns < p->silent_since_ns + EXCHANGE_LOST_NS)
		return;
	for (s = p->oldest; s; s = newer) {
		newer = s->newer;
		if (!s->is_silent)
			continue;
		if (now_ns >= s->lost_ns + EXCHANGE_LOST_NS)
			emit(e, p, s, now_ns, 0);
		else if (s->lost_ns < since_ns)
			since_ns = s->lost_ns;
	}
	p->silent_since_ns = since_ns;
}

/* Is there room for another stream? An exchange whose end may have been lost makes way. */
static bool has_room(struct exchanges *e, struct peer *p, uint64_t now_ns)
{
	struct stream *s = p->oldest;

	if (p->streams.n < EXCHANGE_STREAMS_MAX)
		return true;
	while (s && !s->is_silent)
		s = s->newer;
	if (!s) {
		count(e->counters, COUNT_streams_dropped);
		return false;
	}
	emit(e, p, s, now_ns, 0);
	return true;
}

/* ---- messages ---- */

static enum protocol protocol_of(const struct message *m)
{
	if (m->is_http2)
		return PROTOCOL_HTTP2;
	return m->http_minor ? PROTOCOL_HTTP1_1 : PROTOCOL_HTTP1_0;
}

/* What an HTTP/1 head says of its body: framed by a transfer coding, or at most so many bytes. The bytes
 * counted may be one too many: net/http takes the next request's first byte while it still answers. */
static void look_at_body(struct stream *s, const struct message *m)
{
	bool is_said = !m->is_http2 && !m->is_truncated && !m->is_malformed && !m->is_unknown;

	s->body_max = is_said ? 0 : UINT64_MAX;
	for (size_t i = 0; !m->is_http2 && i < m->nr_fields; i++) {
		if (str_ieq(m->fields[i].name, STR("transfer-encoding")))
			s->has_framed_body = true;
		else if (str_ieq(m->fields[i].name, STR("content-length")) &&
			 str_u64(str_trim(m->fields[i].value), UINT64_MAX, &s->body_max))
			s->body_max = UINT64_MAX; /* not a number: net/http refuses it */
	}
}

static void push_request(struct exchanges *e, struct peer *p, struct stream *s, const struct message *m)
{
	if (s ? s->has_request : m->stream <= p->max_request)
		return; /* trailers, of this one or of one that is over */
	if (!s) {
		emit_overdue(e, p, m->ktime_ns);
		p->max_request = m->stream;
		if (has_room(e, p, m->ktime_ns))
			s = stream_new(e, p, m->stream);
		if (!s)
			return;
	}
	s->has_request = true;
	s->protocol = protocol_of(m);
	s->request_ns = m->ktime_ns;
	s->is_extended_connect = m->protocol.n;
	look_at_body(s, m);
	s->head = head_new(m, &s->doubts);
	if (s->doubts & DOUBT_OUT_OF_MEMORY)
		count(e->counters, COUNT_out_of_memory);
}

/* May there be a request on this stream that was not seen? Else it is of one that is over. */
static bool may_be_unseen(const struct peer *p, uint32_t id)
{
	if (id > p->max_request)
		return true;
	if (!p->has_lost && p->conn->is_described && !p->conn->is_before_attach)
		return false;
	for (size_t i = 0; i < EXCHANGE_CANCELLED_MAX; i++)
		if (p->cancelled[i] == id)
			return false;
	return true;
}

static void push_response(struct exchanges *e, struct peer *p, struct stream *s, const struct message *m)
{
	struct response_head head;

	if (s ? s->has_response && (s->status || !m->code) : !may_be_unseen(p, m->stream))
		return; /* trailers, or of a stream that is over */
	if (!s) {
		if (has_room(e, p, m->ktime_ns))
			s = stream_new(e, p, m->stream);
		if (!s)
			return;
		s->protocol = protocol_of(m);
	}
	head = head_of_response(m);
	s->doubts |= head.doubts;
	s->status = (uint16_t)m->code;
	s->has_flow_schema = head.has_flow_schema;
	if (!s->has_response)
		s->first_byte_ns = m->ktime_ns;
	s->has_response = true;
	free(s->audit_id);
	s->audit_id = NULL;
	s->audit_id_len = 0;
	if (!head.audit_id.n)
		return;
	s->audit_id = str_dup(head.audit_id);
	if (s->audit_id) {
		s->audit_id_len = (uint32_t)head.audit_id.n;
	} else {
		s->doubts |= DOUBT_OUT_OF_MEMORY;
		count(e->counters, COUNT_out_of_memory);
	}
}

static void push_end(struct exchanges *e, struct peer *p, struct stream *s, const struct message *m)
{
	uint32_t doubts = 0;

	if (m->bytes)
		s->bytes[m->dir] = m->bytes;
	if (m->dir == TAP_READ) {
		s->is_request_ended = true;
		return;
	}
	if (!s->has_response)
		doubts |= DOUBT_RESPONSE_UNSEEN;
	if (s->has_request && !s->is_request_ended)
		doubts |= DOUBT_REQUEST_UNFINISHED;
	emit(e, p, s, m->ktime_ns, doubts);
}

static void push_reset(struct exchanges *e, struct peer *p, struct stream *s, const struct message *m)
{
	uint32_t doubts = DOUBT_RESET;

	if (m->dir == TAP_READ) {
		p->cancelled[p->next_cancelled] = s->id;
		p->next_cancelled = (p->next_cancelled + 1) % EXCHANGE_CANCELLED_MAX;
	} else if (!s->has_response && m->code == 1) {
		doubts |= DOUBT_MALFORMED; /* PROTOCOL_ERROR, RFC 9113 8.1.1 */
	}
	emit(e, p, s, m->ktime_ns, doubts);
}

/* An event of a stream. s is NULL when it is not open: only a head opens it. */
static void push_stream(struct exchanges *e, struct peer *p, struct stream *s, const struct message *m)
{
	if (s)
		saw(p, s);
	if (m->kind == MESSAGE_HEAD && m->dir == TAP_READ)
		push_request(e, p, s, m);
	else if (m->kind == MESSAGE_HEAD)
		push_response(e, p, s, m);
	else if (!s)
		return;
	else if (m->kind == MESSAGE_BODY)
		s->bytes[m->dir] += m->bytes;
	else if (m->kind == MESSAGE_END)
		push_end(e, p, s, m);
	else if (m->kind == MESSAGE_RESET)
		push_reset(e, p, s, m);
	else
		s->is_goaway |= m->dir == TAP_WRITE; /* GOAWAY */
}

void exchange_push(void *exchanges, const struct message *m)
{
	struct exchanges *e = exchanges;
	struct peer *p = map_get(&e->open, m->conn->serial);

	if (!p && (m->kind == MESSAGE_HEAD || m->kind == MESSAGE_LOST))
		p = peer_new(e, m->conn);
	if (!p)
		return;
	if (m->kind == MESSAGE_LOST) {
		push_lost(p, m);
	} else if (m->kind == MESSAGE_CLOSED) {
		emit_all(e, p, m->ktime_ns, m->is_cut);
		(void)map_del(&e->open, m->conn->serial); /* it is there */
		peer_free(p);
	} else {
		push_stream(e, p, map_get(&p->streams, m->stream), m);
	}
}

void exchange_finish(struct exchanges *e, uint64_t ktime_ns)
{
	struct peer *p;
	size_t pos = 0;

	while ((p = map_next(&e->open, &pos, NULL)))
		emit_all(e, p, ktime_ns, true);
	exchange_done(e);
}

void exchange_done(struct exchanges *e)
{
	struct peer *p;
	size_t pos = 0;

	while ((p = map_next(&e->open, &pos, NULL)))
		peer_free(p);
	map_done(&e->open);
}
