/* SPDX-License-Identifier: Apache-2.0
 * One idea: framing and header knowledge fail apart. A gap costs the frame or block it interrupts and the
 * table's older entries; frames after it are whole again at once, and blocks as far as they say. */
#include "wire/http2.h"

#include <errno.h>
#include <stdlib.h>
#include "base/buf.h"
#include "wire/hpack.h"

enum { FRAME_HEADERS = 1, FRAME_RST_STREAM = 3, FRAME_SETTINGS = 4, FRAME_PUSH_PROMISE = 5, FRAME_GOAWAY = 7,
       FRAME_CONTINUATION = 9 };
enum { FLAG_ACK = 0x01, FLAG_END_STREAM = 0x01, FLAG_END_HEADERS = 0x04, FLAG_PADDED = 0x08, FLAG_PRIORITY = 0x20 };
enum { SETTINGS_HEADER_TABLE_SIZE = 1 };

#define STREAM_MASK 0x7fffffff

struct frame {
	uint32_t stream;
	uint32_t length;
	uint8_t type, flags;
	uint64_t ktime_ns;		/* of its first piece */
};

/* One direction. */
struct half {
	struct hpack table;
	struct hpack next;		/* from a snapshot: takes the table's place at the HEADERS of next_stream */
	uint32_t next_stream;
	bool has_next;
	bool has_begun;			/* a record was seen */
	bool has_block;			/* a header block was, so that `table` is settled */
	bool is_joined;			/* it was a gap or a snapshot that settled it */
	bool began_with_settings;
	bool in_frame, in_block;
	struct frame frame;		/* in_frame: its payload so far is in `pieces` */
	struct buf pieces;
	struct frame first;		/* in_block: the HEADERS or PUSH_PROMISE; fragments so far are in `block` */
	struct buf block;
};

struct http2 {
	struct half half[2];
};

/* What every step needs: one record's way through. */
struct turn {
	struct http2 *s;
	struct http *h;
	const struct run *run;
	struct half *d;
	uint8_t dir;
};

struct http2 *http2_new(void)
{
	struct http2 *s = calloc(1, sizeof(*s));

	for (int dir = 0; s && dir < 2; dir++) {
		buf_init(&s->half[dir].pieces, HTTP2_BLOCK_MAX);
		buf_init(&s->half[dir].block, HTTP2_BLOCK_MAX);
	}
	return s;
}

void http2_free(struct http2 *s)
{
	for (int dir = 0; s && dir < 2; dir++) {
		struct half *d = &s->half[dir];

		hpack_done(&d->table);
		hpack_done(&d->next);
		buf_wipe(&d->pieces);
		buf_wipe(&d->block);
	}
	free(s);
}

/* ---- telling ---- */

static struct message message_of(const struct turn *t, enum message_kind kind, uint32_t stream)
{
	return (struct message){
		.kind = kind,
		.dir = t->dir,
		.is_http2 = true,
		.conn = t->run->conn,
		.stream = stream,
		.ktime_ns = t->run->ktime_ns,
	};
}

static void tell(const struct turn *t, enum message_kind kind, uint32_t stream, uint64_t bytes, uint32_t code)
{
	struct message m = message_of(t, kind, stream);

	m.bytes = bytes;
	m.code = code;
	t->h->push(t->h->ctx, &m);
}

static void tell_end(const struct turn *t, const struct frame *f)
{
	if (f->flags & FLAG_END_STREAM)
		tell(t, MESSAGE_END, f->stream, 0, 0);
}

static void tell_unknown(const struct turn *t, uint8_t dir, const struct frame *f)
{
	struct message m = message_of(t, MESSAGE_HEAD, f->stream);

	count(t->h->counters, COUNT_header_unknown);
	m.dir = dir;
	m.is_unknown = true;
	m.ktime_ns = f->ktime_ns;
	t->h->push(t->h->ctx, &m);
}

/* What of a head its pseudo-header fields say. */
struct pseudo {
	struct str method, target, scheme, authority, protocol, status;
	bool has_any, is_bad;
};

static struct str *slot_of(struct pseudo *p, struct str name)
{
	if (str_eq(name, STR(":method")))
		return &p->method;
	if (str_eq(name, STR(":path")))
		return &p->target;
	if (str_eq(name, STR(":scheme")))
		return &p->scheme;
	if (str_eq(name, STR(":authority")))
		return &p->authority;
	if (str_eq(name, STR(":status")))
		return &p->status;
	return str_eq(name, STR(":protocol")) ? &p->protocol : NULL;
}

/* Take the pseudo-header fields out of the list; the first of a name counts. (http2.checkPseudos) */
static struct pseudo take_pseudo(struct fields *fields)
{
	struct pseudo p = { 0 };
	bool has_regular = false;
	size_t kept = 0;

	for (size_t i = 0; i < fields->nr; i++) {
		const struct field *f = &fields->list[i];
		struct str *slot;

		if (!f->is_name_known || !f->name.n || f->name.p[0] != ':') {
			has_regular |= f->is_name_known;
			if (kept != i)
				fields->list[kept] = *f;
			kept++;
			continue;
		}
		p.has_any = true;
		slot = slot_of(&p, f->name);
		if (!slot || slot->p || has_regular)
			p.is_bad = true; /* no such one, twice, or behind a regular field */
		if (slot && !slot->p)
			*slot = f->value;
	}
	fields->nr = kept;
	return p;
}

/* Would net/http take a request of these? (http2.(*serverConn).newWriterAndRequest) */
static bool is_request_whole(const struct pseudo *p)
{
	if (str_eq(p->method, STR("CONNECT")))
		return p->protocol.n || (!p->target.n && !p->scheme.n && p->authority.n);
	return p->method.n && p->target.n && (str_eq(p->scheme, STR("https")) || str_eq(p->scheme, STR("http")));
}

static void tell_request(const struct turn *t, const struct frame *f, bool is_whole)
{
	struct fields *fields = &t->h->fields;
	struct pseudo p = take_pseudo(fields);
	struct message m = message_of(t, MESSAGE_HEAD, f->stream);

	if (is_whole && !p.has_any)
		return; /* trailers */
	m.ktime_ns = f->ktime_ns;
	m.method = p.method;
	m.target = p.target;
	m.authority = p.authority;
	m.protocol = p.protocol;
	for (size_t i = 0; !m.authority.n && i < fields->nr; i++)
		if (str_eq(fields->list[i].name, STR("host")))
			m.authority = fields->list[i].value;
	m.is_malformed = p.is_bad || p.status.p || (is_whole && !is_request_whole(&p));
	m.is_truncated = fields->is_truncated;
	m.fields = fields->list;
	m.nr_fields = fields->nr;
	t->h->push(t->h->ctx, &m);
}

static void tell_response(const struct turn *t, const struct frame *f, bool is_whole)
{
	struct fields *fields = &t->h->fields;
	struct pseudo p = take_pseudo(fields);
	struct message m = message_of(t, MESSAGE_HEAD, f->stream);
	uint64_t status = 0;

	if (is_whole && !p.status.p)
		return; /* trailers */
	if (p.status.p && (str_u64(p.status, 999, &status) || status < 100)) {
		count(t->h->counters, COUNT_head_bad);
		status = 0;
	}
	if (status && status < 200)
		return; /* informational: the response is still to come (RFC 9113 8.1) */
	m.ktime_ns = f->ktime_ns;
	m.code = (uint32_t)status;
	m.is_truncated = fields->is_truncated;
	m.fields = fields->list;
	m.nr_fields = fields->nr;
	t->h->push(t->h->ctx, &m);
}

/* ---- header blocks ---- */

/* Settle what is known of the table before the block that begins with f. */
static void settle_table(const struct turn *t, const struct frame *f)
{
	const struct conn *c = t->run->conn;
	struct half *d = t->d;

	if (d->has_next && f->type == FRAME_HEADERS && f->stream == d->next_stream) {
		hpack_allow(&d->next, d->table.limit); /* SETTINGS that came in between */
		hpack_done(&d->table);
		d->table = d->next;
		d->next = (struct hpack){ 0 };
		d->has_next = false;
		d->is_joined = true;
	} else if (!d->has_block && !d->is_joined &&
		   (c->is_described ? !c->is_before_attach : d->began_with_settings)) {
		hpack_start(&d->table);
	}
	d->has_block = true;
}

static void push_block(const struct turn *t, const struct frame *f, struct str block)
{
	struct fields *fields = &t->h->fields;
	int r = fields_reset(fields);
	bool is_whole;

	settle_table(t, f);
	if (r)
		hpack_seed_unknown(&t->d->table); /* the block goes by undecoded */
	else
		r = hpack_decode(&t->d->table, block, fields);
	if (r)
		count(t->h->counters, r == -ENOMEM ? COUNT_out_of_memory : COUNT_hpack_bad);
	if (f->type != FRAME_HEADERS)
		return;
	if (r) {
		tell_unknown(t, t->dir, f);
	} else {
		t->h->counters->v[COUNT_header_unknown] += fields->nr_unknown;
		if (fields->is_truncated)
			count(t->h->counters, COUNT_head_truncated);
		is_whole = !fields->nr_unknown && !fields->is_truncated;
		if (t->dir == TAP_READ)
			tell_request(t, f, is_whole);
		else
			tell_response(t, f, is_whole);
	}
	tell_end(t, f);
}

/* The block that f began, or is part of, cannot be had whole. */
static void lose_block(const struct turn *t, const struct frame *f)
{
	hpack_seed_unknown(&t->d->table);
	t->d->is_joined = true;
	if (f->type == FRAME_HEADERS) {
		tell_unknown(t, t->dir, f);
		tell_end(t, f);
	}
}

/* Give up the frame and the block that are incomplete. */
static void abandon(const struct turn *t)
{
	struct half *d = t->d;
	bool is_header = d->in_frame && (d->frame.type == FRAME_HEADERS || d->frame.type == FRAME_PUSH_PROMISE ||
					 d->frame.type == FRAME_CONTINUATION);

	if (d->in_block)
		lose_block(t, &d->first);
	else if (is_header)
		lose_block(t, &d->frame);
	d->in_block = d->in_frame = false;
	buf_wipe(&d->pieces);
	buf_wipe(&d->block);
}

static void push_fragment(const struct turn *t, const struct frame *f, struct str fragment)
{
	struct half *d = t->d;
	int r;

	if (!d->in_block && (f->flags & FLAG_END_HEADERS)) {
		push_block(t, f, fragment);
		return;
	}
	if (!d->in_block)
		d->first = *f;
	d->in_block = true;
	r = buf_add_str(&d->block, fragment);
	if (r) {
		count(t->h->counters, r == -ENOMEM ? COUNT_out_of_memory : COUNT_head_truncated);
		abandon(t);
	} else if (f->flags & FLAG_END_HEADERS) {
		d->in_block = false;
		push_block(t, &d->first, buf_str(&d->block));
		buf_wipe(&d->block);
	}
}

static uint32_t be32(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* HEADERS or PUSH_PROMISE: without padding and what stands before the fragment. */
static void push_headers(const struct turn *t, const struct frame *f, struct str payload)
{
	size_t pad = 0, before = 0;

	if (f->flags & FLAG_PADDED) {
		pad = payload.n ? (uint8_t)payload.p[0] : SIZE_MAX / 2;
		before = 1;
	}
	if (f->type == FRAME_PUSH_PROMISE)
		before += 4;
	else if (f->flags & FLAG_PRIORITY)
		before += 5;
	if (!f->stream || payload.n < before + pad) {
		count(t->h->counters, COUNT_frame_bad);
		lose_block(t, f);
		return;
	}
	push_fragment(t, f, str_first(str_from(payload, before), payload.n - before - pad));
}

static void push_continuation(const struct turn *t, const struct frame *f, struct str payload)
{
	struct half *d = t->d;

	if (d->in_block && f->stream == d->first.stream) {
		push_fragment(t, f, payload);
		return;
	}
	if (d->in_block || d->table.is_exact)
		count(t->h->counters, COUNT_frame_bad); /* else what it continues was lost */
	abandon(t);
	hpack_seed_unknown(&d->table);
	d->is_joined = true;
}

/* ---- frames ---- */

/* The server answers a request whose header block is still incomplete here: part of it was lost. */
static void tell_answered(const struct turn *t, uint32_t stream)
{
	const struct half *d = &t->s->half[TAP_READ];

	if (t->dir != TAP_WRITE)
		return;
	if (d->in_block && d->first.stream == stream)
		tell_unknown(t, TAP_READ, &d->first);
	else if (d->in_frame && d->frame.type == FRAME_HEADERS && d->frame.stream == stream)
		tell_unknown(t, TAP_READ, &d->frame);
}

static void push_settings(const struct turn *t, const struct frame *f, struct str payload)
{
	if (f->flags & FLAG_ACK)
		return;
	for (; payload.n >= 6; payload = str_from(payload, 6))
		if (payload.p[0] == 0 && payload.p[1] == SETTINGS_HEADER_TABLE_SIZE)
			hpack_allow(&t->s->half[!t->dir].table, be32(payload.p + 2));
}

static void push_frame(const struct turn *t, const struct frame *f, struct str payload)
{
	struct half *d = t->d;

	if (d->in_block && f->type != FRAME_CONTINUATION) {
		count(t->h->counters, COUNT_frame_bad);
		abandon(t);
	}
	switch (f->type) {
	case FRAME_HEADERS:
		tell_answered(t, f->stream);
		push_headers(t, f, payload);
		break;
	case FRAME_PUSH_PROMISE:
		push_headers(t, f, payload);
		break;
	case FRAME_CONTINUATION:
		push_continuation(t, f, payload);
		break;
	case FRAME_SETTINGS:
		push_settings(t, f, payload);
		break;
	case FRAME_RST_STREAM:
		tell_answered(t, f->stream);
		if (payload.n == 4)
			tell(t, MESSAGE_RESET, f->stream, 0, be32(payload.p));
		else
			count(t->h->counters, COUNT_frame_bad);
		break;
	case FRAME_GOAWAY:
		if (payload.n < 8)
			count(t->h->counters, COUNT_frame_bad);
		else if (t->dir == TAP_WRITE)
			tell(t, MESSAGE_GOAWAY, be32(payload.p) & STREAM_MASK, 0, be32(payload.p + 4));
		break;
	default:
		break; /* of no meaning here */
	}
}

/* A piece of the current frame's payload. */
static void push_piece(const struct turn *t, struct str piece)
{
	struct half *d = t->d;
	struct frame f = d->frame;
	int r;

	if (piece.n > f.length - d->pieces.n) {
		count(t->h->counters, COUNT_record_bad);
		abandon(t);
		return;
	}
	r = buf_add_str(&d->pieces, piece);
	if (r) {
		count(t->h->counters, r == -ENOMEM ? COUNT_out_of_memory : COUNT_head_truncated);
		abandon(t);
	} else if (d->pieces.n == f.length) {
		struct buf whole = d->pieces;

		buf_init(&d->pieces, HTTP2_BLOCK_MAX);
		d->in_frame = false;
		push_frame(t, &f, buf_str(&whole));
		buf_wipe(&whole);
	}
}

static void push_first(const struct turn *t, const struct tap_frame *r)
{
	struct str payload = { (const char *)r->payload, r->got };
	struct half *d = t->d;
	struct frame f = {
		.stream = r->stream & STREAM_MASK,
		.length = r->length,
		.type = r->type,
		.flags = r->fflags,
		.ktime_ns = r->hdr.ktime_ns,
	};

	if (d->in_frame) {
		count(t->h->counters, COUNT_record_bad);
		abandon(t);
	}
	if (!d->has_begun)
		d->began_with_settings = f.type == FRAME_SETTINGS && !(f.flags & FLAG_ACK);
	d->has_begun = true;
	if (r->got == r->length) {
		push_frame(t, &f, payload);
		return;
	}
	d->in_frame = true;
	d->frame = f;
	push_piece(t, payload);
}

static void push_snapshot(const struct turn *t, const struct tap_snapshot *r)
{
	struct half *d = t->d;
	int error;

	if (!d->has_block)
		d->is_joined = true; /* whatever the description says, this direction was joined here */
	d->next_stream = r->stream & STREAM_MASK;
	d->has_next = true;
	error = hpack_seed(&d->next, r);
	if (error)
		count(t->h->counters, error == -ENOMEM ? COUNT_out_of_memory : COUNT_record_bad);
}

static void push_data(const struct turn *t, const struct tap_data *r)
{
	uint32_t stream = r->stream & STREAM_MASK;

	if (r->bytes)
		tell(t, MESSAGE_BODY, stream, r->bytes, 0);
	if (r->fflags & FLAG_END_STREAM)
		tell(t, MESSAGE_END, stream, 0, 0);
}

/* Records before this one were lost. */
static void push_gap(const struct turn *t)
{
	struct half *d = t->d;

	abandon(t);
	hpack_seed_unknown(&d->table);
	hpack_done(&d->next);
	d->has_next = false;
	d->has_begun = d->is_joined = true;
}

static void push_record(const struct turn *t)
{
	const void *rec = t->run->rec;

	if (!t->d->has_begun && t->run->rec->seq) { /* for want of memory: the gap was not ours to see */
		push_gap(t);
		tell(t, MESSAGE_LOST, 0, 0, 0);
	}
	switch (t->run->rec->kind) {
	case TAP_FRAME:
		push_first(t, rec);
		break;
	case TAP_MORE:
		if (t->d->in_frame) /* else its beginning was lost, or given up */
			push_piece(t, (struct str){ (const char *)((const struct tap_more *)rec)->payload,
						    ((const struct tap_more *)rec)->got });
		break;
	case TAP_DATA:
		push_data(t, rec);
		break;
	case TAP_SNAPSHOT:
		push_snapshot(t, rec);
		break;
	default:
		break; /* http hands over no other kind */
	}
	t->d->has_begun = true;
}

void http2_push(struct http2 *s, struct http *h, const struct run *run)
{
	struct turn t = { .s = s, .h = h, .run = run, .d = &s->half[run->dir], .dir = run->dir };

	if (run->kind == RUN_RECORD) {
		push_record(&t);
	} else if (run->kind == RUN_GAP) {
		push_gap(&t);
	} else if (run->kind == RUN_IDLE) {
		hpack_put_aside(&s->half[TAP_READ].table);
		hpack_put_aside(&s->half[TAP_WRITE].table);
	} else {
		for (t.dir = 0; t.dir < 2; t.dir++) {
			t.d = &s->half[t.dir];
			abandon(&t);
		}
	}
}
