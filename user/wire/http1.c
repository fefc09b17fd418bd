/* SPDX-License-Identifier: Apache-2.0
 * One idea: every record says where it stands in its byte stream, so requests, their ends and what the
 * server has consumed can be compared without having seen a byte of a body. */
#include "wire/http1.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "wire/http1_head.h"

/* A head while its records come in. */
struct part {
	bool is_open;
	bool is_cut;			/* bytes of it are missing, so that nothing more is kept */
	bool is_end_known;		/* next_off is where it ended */
	bool is_direct;
	bool is_doubtful;		/* of a request: response records were lost since it began */
	uint64_t start_ns;
	uint64_t start_off, next_off;	/* in the direction's byte stream */
	struct buf bytes;
};

/* A request that is not over. */
struct open_request {
	uint32_t ordinal;
	bool has_response;		/* its head was told, with a status */
	bool ends_at_close;		/* 101, or written past net/http: no TAP_END follows */
	bool is_doubtful;		/* response records were lost since it began */
	uint64_t start_ns;
	uint64_t start_off;
	bool has_body_off[2];
	uint64_t body_off[2];		/* by direction: where its head, and its response's, ended */
};

struct http1 {
	struct part part[2];
	struct open_request open[HTTP1_OPEN_MAX];
	size_t nr_open;
	uint32_t last_ordinal;
	bool has_begun[2];		/* a record of the direction was seen */
	bool is_upgraded;
	bool may_be_padded;		/* blank lines before a request are no request: net/http's tolerance after POST */
};

struct turn {
	struct http1 *s;
	struct http *h;
	const struct run *run;
};

struct http1 *http1_new(void)
{
	struct http1 *s = calloc(1, sizeof(*s));

	for (int dir = 0; s && dir < 2; dir++)
		buf_init(&s->part[dir].bytes, HTTP1_HEAD_MAX);
	if (s)
		s->may_be_padded = true; /* what came before is not known */
	return s;
}

void http1_free(struct http1 *s)
{
	for (int dir = 0; s && dir < 2; dir++)
		buf_wipe(&s->part[dir].bytes);
	free(s);
}

/* ---- telling ---- */

static void tell(const struct turn *t, enum message_kind kind, uint8_t dir, uint32_t ordinal, uint64_t bytes)
{
	struct message m = {
		.kind = kind,
		.dir = dir,
		.conn = t->run->conn,
		.stream = ordinal,
		.ktime_ns = t->run->ktime_ns,
		.bytes = bytes,
	};

	t->h->push(t->h->ctx, &m);
}

/* The request at `i` is over. */
static void close_request(const struct turn *t, size_t i, uint64_t response_bytes)
{
	struct http1 *s = t->s;
	uint32_t ordinal = s->open[i].ordinal;

	s->nr_open--;
	memmove(&s->open[i], &s->open[i + 1], (s->nr_open - i) * sizeof(s->open[0]));
	tell(t, MESSAGE_END, TAP_WRITE, ordinal, response_bytes);
}

/* The requests before `i` are over: net/http has gone on to a later one. */
static void close_older(const struct turn *t, size_t i)
{
	while (i--)
		close_request(t, 0, 0);
}

static struct open_request *open_request(const struct turn *t, uint64_t start_ns)
{
	struct http1 *s = t->s;
	struct open_request *r;

	if (s->nr_open == HTTP1_OPEN_MAX) {
		count(t->h->counters, COUNT_streams_dropped);
		close_request(t, 0, 0);
	}
	r = &s->open[s->nr_open++];
	*r = (struct open_request){ .ordinal = ++s->last_ordinal, .start_ns = start_ns };
	return r;
}

static struct message message_of(const struct turn *t, uint8_t dir, const struct part *p, uint32_t ordinal)
{
	const struct fields *fields = &t->h->fields;

	return (struct message){
		.kind = MESSAGE_HEAD,
		.dir = dir,
		.is_truncated = p->is_cut || fields->is_truncated,
		.conn = t->run->conn,
		.stream = ordinal,
		.ktime_ns = p->start_ns,
		.fields = fields->list,
		.nr_fields = fields->nr,
	};
}

/* Blank lines and nothing else. */
static bool is_padding(struct str bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		if (bytes.p[i] != '\r' && bytes.p[i] != '\n')
			return false;
	return true;
}

/* http.(*conn).readRequest discards up to four such bytes. */
static struct str skip_padding(struct str bytes)
{
	for (int i = 0; i < 4 && bytes.n && (bytes.p[0] == '\r' || bytes.p[0] == '\n'); i++)
		bytes = str_from(bytes, 1);
	return bytes;
}

static void flush_part(const struct turn *t, uint8_t dir);

/* How many requests there are up to the newest one whose response records may be lost. */
static size_t nr_doubtful(const struct http1 *s)
{
	size_t n = s->nr_open;

	while (n && !s->open[n - 1].is_doubtful)
		n--;
	return n;
}

/* Another request begins: whose end may have been lost has ended. */
static void close_doubtful(const struct turn *t)
{
	if (!nr_doubtful(t->s))
		return;
	flush_part(t, TAP_WRITE); /* of a response head the rest was lost */
	close_older(t, nr_doubtful(t->s));
}

static void tell_request(const struct turn *t, const struct part *p, struct str bytes)
{
	struct http1 *s = t->s;
	struct fields *fields = &t->h->fields;
	struct open_request *r;
	struct http1_head head = { 0 };
	struct message m;
	bool is_unknown;

	if (s->may_be_padded) {
		if (is_padding(bytes) && bytes.n <= 4)
			return;
		bytes = skip_padding(bytes);
	}
	close_doubtful(t);
	is_unknown = fields_reset(fields);
	if (is_unknown)
		count(t->h->counters, COUNT_out_of_memory);
	else
		head = http1_read_request(bytes, fields);
	r = open_request(t, p->start_ns);
	r->start_off = p->start_off;
	r->has_body_off[TAP_READ] = p->is_end_known;
	r->body_off[TAP_READ] = p->next_off;
	m = message_of(t, TAP_READ, p, r->ordinal);
	m.http_minor = head.minor;
	m.is_malformed = head.is_malformed;
	m.has_bad_lines = head.has_bad_lines;
	m.is_unknown = is_unknown;
	m.method = head.method;
	m.target = head.target;
	m.authority = head.authority;
	s->may_be_padded = p->is_cut || str_eq(head.method, STR("POST"));
	if (head.is_malformed)
		count(t->h->counters, COUNT_head_bad);
	t->h->push(t->h->ctx, &m);
	if (p->is_doubtful) {
		r->is_doubtful = true;
		tell(t, MESSAGE_LOST, TAP_WRITE, 0, 0); /* it was not open yet when the gap was told */
	}
}

/* Did net/http itself write this, instead of a handler? (http.(*conn).serve, errorHeaders) */
static bool is_refusal(const struct part *p, uint32_t status, const struct fields *fields)
{
	return p->is_direct && (status == 400 || status == 431 || status == 501 || status == 505) &&
	       fields->nr == 2 && str_eq(fields->list[0].name, STR("Content-Type")) &&
	       str_eq(fields->list[1].name, STR("Connection")) && str_eq(fields->list[1].value, STR("close"));
}

/* Take a place for the request of a response, before those that began after the response. */
static void open_unseen(const struct turn *t, uint64_t ns)
{
	struct http1 *s = t->s;
	struct open_request unseen = *open_request(t, ns);

	memmove(&s->open[1], &s->open[0], (s->nr_open - 1) * sizeof(s->open[0]));
	s->open[0] = unseen;
}

/* Make open[0] the request that a response which began at `ns` answers. */
static void find_answered(const struct turn *t, uint64_t ns)
{
	struct http1 *s = t->s;
	const struct part *request = &s->part[TAP_READ];
	bool is_doubtful = false;
	size_t n = 0;

	while (n < s->nr_open && s->open[n].has_response)
		n++;
	close_older(t, n); /* a later response has begun */
	if (!s->nr_open && request->is_open && request->start_ns <= ns)
		flush_part(t, TAP_READ);
	for (n = 0; n < s->nr_open && s->open[n].start_ns <= ns; n++)
		is_doubtful |= s->open[n].is_doubtful;
	if (!n)
		open_unseen(t, ns);
	else if (is_doubtful)
		close_older(t, n - 1);
}

/* "HTTP/1.1 1xx", but not 101. */
static bool is_informational(struct str bytes)
{
	return bytes.n >= 12 && str_starts(bytes, STR("HTTP/1.")) && bytes.p[9] == '1' && !(bytes.p[10] == '0' && bytes.p[11] == '1');
}

static void tell_response(const struct turn *t, const struct part *p, struct str bytes)
{
	struct http1 *s = t->s;
	struct fields *fields = &t->h->fields;
	struct open_request *r = &s->open[0];
	struct http1_head head = { 0 };
	struct message m;

	if (is_informational(bytes))
		return; /* the response is still to come */
	find_answered(t, p->start_ns);
	if (fields_reset(fields))
		count(t->h->counters, COUNT_out_of_memory);
	else
		head = http1_read_response(bytes, fields);
	r->has_response = head.status; /* else it may have been an informational one: see message.h */
	r->ends_at_close = p->is_direct || head.status == 101;
	r->has_body_off[TAP_WRITE] = p->is_end_known;
	r->body_off[TAP_WRITE] = p->next_off;
	s->is_upgraded = head.status == 101;
	m = message_of(t, TAP_WRITE, p, r->ordinal);
	m.http_minor = head.minor;
	m.code = head.status;
	m.is_unknown = !head.status;
	m.is_malformed = is_refusal(p, head.status, fields);
	if (head.is_malformed)
		count(t->h->counters, COUNT_head_bad);
	t->h->push(t->h->ctx, &m);
}

/* ---- heads ---- */

static void tell_part(const struct turn *t, uint8_t dir, struct str bytes)
{
	if (dir == TAP_READ)
		tell_request(t, &t->s->part[dir], bytes);
	else
		tell_response(t, &t->s->part[dir], bytes);
}

/* Tell the head whose bytes were kept. */
static void close_part(const struct turn *t, uint8_t dir, bool is_cut)
{
	struct part *p = &t->s->part[dir];
	struct buf bytes = p->bytes;

	p->is_open = false;
	p->is_cut = is_cut;
	buf_init(&p->bytes, HTTP1_HEAD_MAX);
	tell_part(t, dir, buf_str(&bytes));
	buf_wipe(&bytes);
}

/* No more of this head will come: tell what there is. */
static void flush_part(const struct turn *t, uint8_t dir)
{
	if (t->s->part[dir].is_open)
		close_part(t, dir, true);
}

static void keep(const struct turn *t, struct part *p, struct str piece)
{
	size_t room = HTTP1_HEAD_MAX - p->bytes.n;

	if (p->is_cut)
		return;
	if (buf_add_str(&p->bytes, str_first(piece, room))) {
		count(t->h->counters, COUNT_out_of_memory);
		p->is_cut = true;
	} else if (piece.n > room) {
		count(t->h->counters, COUNT_head_truncated);
		p->is_cut = true;
	}
}

static void push_head(const struct turn *t, const struct tap_head *r)
{
	uint8_t dir = t->run->dir;
	struct part *p = &t->s->part[dir];
	struct str piece = { (const char *)r->bytes, r->got };

	if (t->s->is_upgraded)
		return;
	if (r->how & TAP_HEAD_START) {
		flush_part(t, dir);
		p->is_open = true;
		p->is_cut = p->is_doubtful = false;
		p->is_direct = r->how & TAP_HEAD_DIRECT;
		p->start_ns = r->hdr.ktime_ns;
		p->start_off = p->next_off = r->off;
	} else if (!p->is_open) {
		return; /* its beginning was lost */
	}
	if (r->off != p->next_off)
		p->is_cut = true;
	p->next_off = r->off + r->got;
	p->is_end_known = (r->how & TAP_HEAD_END) && !(r->how & TAP_HEAD_CUT);
	if ((r->how & TAP_HEAD_START) && (r->how & TAP_HEAD_END)) { /* as most are: no copy */
		p->is_open = false;
		p->is_cut = r->how & TAP_HEAD_CUT;
		tell_part(t, dir, piece);
		return;
	}
	keep(t, p, piece);
	if (r->how & TAP_HEAD_CUT)
		p->is_cut = true;
	if (r->how & TAP_HEAD_END)
		close_part(t, dir, p->is_cut);
}

/* ---- ends ---- */

/* The request at `i` is over, and how much was read and written of it is known. */
static void end_request(const struct turn *t, size_t i, uint64_t read_off, uint64_t response_bytes)
{
	const struct open_request *r = &t->s->open[i];
	int64_t request_bytes = (int64_t)(read_off - r->body_off[TAP_READ]);

	if (r->has_body_off[TAP_READ] && request_bytes >= 0) {
		if (request_bytes)
			tell(t, MESSAGE_BODY, TAP_READ, r->ordinal, (uint64_t)request_bytes);
		tell(t, MESSAGE_END, TAP_READ, r->ordinal, 0);
	}
	close_request(t, i, response_bytes);
}

static void push_end(const struct turn *t, const struct tap_end *r)
{
	struct http1 *s = t->s;
	size_t n;

	flush_part(t, TAP_WRITE); /* its end was lost */
	n = s->nr_open;
	while (n && (int64_t)(r->read_off - s->open[n - 1].start_off) <= 0)
		n--; /* begins behind what was consumed */
	if (!n)
		return; /* of a request and a response that were both lost */
	close_older(t, n - 1);
	end_request(t, 0, r->read_off, r->body_bytes);
}

/* What follows 101, or was refused, ends here; the totals say how much that was. */
static void push_close(const struct turn *t, const struct tap_close *r)
{
	struct http1 *s = t->s;
	size_t i = 0;

	while (i < s->nr_open) {
		const struct open_request *o = &s->open[i];
		int64_t response_bytes = (int64_t)(r->bytes[TAP_WRITE] - o->body_off[TAP_WRITE]);

		if (o->ends_at_close)
			end_request(t, i, r->bytes[TAP_READ],
				    o->has_body_off[TAP_WRITE] && response_bytes > 0 ? (uint64_t)response_bytes : 0);
		else
			i++;
	}
}

/* Records of this direction were lost. */
static void push_gap(const struct turn *t)
{
	struct http1 *s = t->s;
	uint8_t dir = t->run->dir;

	s->has_begun[dir] = true;
	flush_part(t, dir);
	if (dir == TAP_READ)
		s->may_be_padded = true;
	else
		s->part[TAP_READ].is_doubtful = true;
	for (size_t i = 0; dir == TAP_WRITE && i < s->nr_open; i++)
		s->open[i].is_doubtful = true;
}

void http1_push(struct http1 *s, struct http *h, const struct run *run)
{
	struct turn t = { .s = s, .h = h, .run = run };
	const void *rec = run->rec;

	if (run->kind == RUN_GAP) {
		push_gap(&t);
	} else if (run->kind == RUN_END) {
		flush_part(&t, TAP_READ);
		flush_part(&t, TAP_WRITE);
		if (rec)
			push_close(&t, rec);
	} else if (run->kind == RUN_RECORD) {
		if (!s->has_begun[run->dir] && run->rec->seq) { /* for want of memory: the gap was not ours to see */
			push_gap(&t);
			tell(&t, MESSAGE_LOST, run->dir, 0, 0);
		}
		s->has_begun[run->dir] = true;
		if (run->rec->kind == TAP_HEAD)
			push_head(&t, rec);
		else
			push_end(&t, rec);
	}
}
