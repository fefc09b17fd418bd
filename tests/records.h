/* SPDX-License-Identifier: Apache-2.0
 *
 * records.h - makes record streams as the kernel side would, for tests of wire/ and what follows.
 *
 * A script is a list of events on connections: frames, DATA, heads, ends. Playing it numbers and cuts them
 * into records and hands those to a function, whole, in small pieces, or with one of them lost, followed or
 * not by the kernel's resynchronisation (skip to the next header block, with a snapshot before it).
 *
 * Header blocks are encoded as Go's encoder does it: everything is inserted, and referred to afterwards. So
 * a decoder that is off by one entry tells a wrong header, not none.
 */
#ifndef ANONTAP_TESTS_RECORDS_H
#define ANONTAP_TESTS_RECORDS_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "tap_abi.h"

#define RECORDS_MUST(claim) \
	do { \
		if (!(claim)) { \
			fprintf(stderr, "%s:%d: must be: %s\n", __FILE__, __LINE__, #claim); \
			abort(); \
		} \
	} while (0)

/* ---- HPACK as Go encodes it: a table of 4096 bytes */

struct encoder {
	char *name[TAP_TABLE_MAX], *value[TAP_TABLE_MAX];	/* newest first */
	size_t nr, size;
	struct buf block;					/* being written */
};

static inline void encoder_done(struct encoder *e)
{
	for (size_t i = 0; i < e->nr; i++) {
		free(e->name[i]);
		free(e->value[i]);
	}
	buf_done(&e->block);
	*e = (struct encoder){ 0 };
}

static inline void encode_int(struct buf *b, uint8_t first, unsigned bits, size_t v)
{
	size_t mask = (1u << bits) - 1;

	if (v < mask) {
		buf_add_c(b, (char)(first | v));
		return;
	}
	buf_add_c(b, (char)(first | mask));
	for (v -= mask; v >= 0x80; v >>= 7)
		buf_add_c(b, (char)(v | 0x80));
	buf_add_c(b, (char)v);
}

static inline void encode(struct encoder *e, const char *name, const char *value)
{
	size_t by_name = 0, room = 32 + strlen(name) + strlen(value);

	for (size_t i = 0; i < e->nr; i++) {
		if (strcmp(e->name[i], name))
			continue;
		if (!strcmp(e->value[i], value)) {
			encode_int(&e->block, 0x80, 7, 62 + i);
			return;
		}
		by_name = by_name ? by_name : 62 + i;
	}
	encode_int(&e->block, 0x40, 6, by_name);
	if (!by_name) {
		encode_int(&e->block, 0, 7, strlen(name));
		buf_add(&e->block, name, strlen(name));
	}
	encode_int(&e->block, 0, 7, strlen(value));
	buf_add(&e->block, value, strlen(value));
	for (e->size += room; e->size > 4096; e->nr--) {
		e->size -= 32 + strlen(e->name[e->nr - 1]) + strlen(e->value[e->nr - 1]);
		free(e->name[e->nr - 1]);
		free(e->value[e->nr - 1]);
	}
	memmove(e->name + 1, e->name, e->nr * sizeof(e->name[0]));
	memmove(e->value + 1, e->value, e->nr * sizeof(e->value[0]));
	e->name[0] = str_dup(str_of(name));
	e->value[0] = str_dup(str_of(value));
	RECORDS_MUST(e->name[0] && e->value[0]);
	e->nr++;
}

/* ---- events */

enum event_kind { EVENT_RAW, EVENT_FRAME, EVENT_DATA, EVENT_HEAD, EVENT_END };

struct event {
	enum event_kind kind;
	uint64_t serial, ktime_ns;
	uint8_t dir;
	uint32_t stream;
	uint8_t type, flags;
	uint64_t off, read_off;
	struct buf bytes;	/* RAW: the record; FRAME: the payload; HEAD: the text */
	uint64_t count;		/* DATA, END: bytes of body */
	struct buf table;	/* FRAME: the snapshot's data before this block */
	uint32_t table_size;
	uint16_t table_nr;
};

#define SCRIPT_EVENTS_MAX 256

struct script {
	struct event event[SCRIPT_EVENTS_MAX];
	size_t nr;
	uint64_t now_ns;
	uint64_t serial;		/* of the events that follow */
	struct encoder encoder[2];	/* of that connection, by direction */
	uint64_t off[2];		/* of an HTTP/1 connection: bytes so far */
};

static inline struct event *script_add(struct script *s, enum event_kind kind, uint8_t dir)
{
	struct event *e = &s->event[s->nr++];

	RECORDS_MUST(s->nr <= SCRIPT_EVENTS_MAX);
	s->now_ns += 1000000;
	*e = (struct event){ .kind = kind, .serial = s->serial, .dir = dir, .ktime_ns = s->now_ns };
	return e;
}

static inline void script_done(struct script *s)
{
	for (size_t i = 0; i < s->nr; i++) {
		buf_done(&s->event[i].bytes);
		buf_done(&s->event[i].table);
	}
	encoder_done(&s->encoder[0]);
	encoder_done(&s->encoder[1]);
	*s = (struct script){ 0 };
}

/* A new connection, whose events follow. TAP_CONN is left out if how is 0xff. */
static inline void script_conn(struct script *s, uint64_t serial, uint8_t how, const char *alpn)
{
	static const char sni[] = "kubernetes";
	struct tap_conn r = { .tgid = 812, .fd = 7, .client_port = 51234, .server_port = 6443, .tls_version = 0x0304,
			      .how = how, .alpn_len = strlen(alpn), .sni_len = sizeof(sni) - 1 };
	struct event *e;

	s->serial = serial;
	s->off[0] = s->off[1] = 0;
	encoder_done(&s->encoder[0]);
	encoder_done(&s->encoder[1]);
	if (how == 0xff)
		return;
	memcpy(r.alpn, alpn, strlen(alpn));
	memcpy(r.client_ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x09", 16);
	memcpy(r.server_ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x01", 16);
	e = script_add(s, EVENT_RAW, 0);
	r.hdr = (struct tap_hdr){ .kind = TAP_CONN, .size = sizeof(r) + sizeof(sni) - 1, .conn = serial,
				  .ktime_ns = e->ktime_ns };
	buf_add(&e->bytes, &r, sizeof(r));
	buf_add(&e->bytes, sni, sizeof(sni) - 1);
}

static inline void script_process(struct script *s, uint32_t pid, const char *comm, const char *target, bool is_exit)
{
	struct tap_process r = { .tgid = pid, .is_exit = is_exit };
	struct event *e = script_add(s, EVENT_RAW, 0);

	memcpy(r.comm, comm, strlen(comm));
	memcpy(r.target, target, strlen(target));
	r.hdr = (struct tap_hdr){ .kind = TAP_PROCESS, .size = sizeof(r), .ktime_ns = e->ktime_ns };
	buf_add(&e->bytes, &r, sizeof(r));
}

static inline void script_frame(struct script *s, uint8_t dir, uint8_t type, uint8_t flags, uint32_t stream,
				const void *payload, size_t n)
{
	struct event *e = script_add(s, EVENT_FRAME, dir);

	e->type = type;
	e->flags = flags;
	e->stream = stream;
	buf_add(&e->bytes, payload, n);
}

/* A header block: name, value, …, NULL. parts > 1 makes CONTINUATION frames. */
static inline void script_headers(struct script *s, uint8_t dir, uint32_t stream, uint8_t flags, int parts, ...)
{
	struct encoder *enc = &s->encoder[dir];
	struct event *e = script_add(s, EVENT_FRAME, dir);
	size_t n, at = 0;
	const char *name;
	va_list ap;

	for (size_t i = enc->nr; i-- > 0;) {
		uint16_t len[2] = { strlen(enc->name[i]), strlen(enc->value[i]) };

		buf_add(&e->table, len, sizeof(len));
		buf_add(&e->table, enc->name[i], len[0]);
		buf_add(&e->table, enc->value[i], len[1]);
	}
	e->table_nr = enc->nr;
	e->table_size = enc->size;
	buf_reset(&enc->block);
	va_start(ap, parts);
	while ((name = va_arg(ap, const char *)))
		encode(enc, name, va_arg(ap, const char *));
	va_end(ap);
	n = enc->block.n / parts;
	e->stream = stream;
	for (int i = 0; i < parts; i++) {
		bool is_last = i == parts - 1;

		if (i) {
			e = script_add(s, EVENT_FRAME, dir);
			e->stream = stream;
		}
		e->type = i ? 9 : 1;
		e->flags = (i ? 0 : flags) | (is_last ? 0x04 : 0);
		buf_add(&e->bytes, enc->block.p + at, is_last ? enc->block.n - at : n);
		at += n;
	}
}

static inline void script_data(struct script *s, uint8_t dir, uint32_t stream, uint32_t bytes, bool is_end)
{
	struct event *e = script_add(s, EVENT_DATA, dir);

	e->stream = stream;
	e->count = bytes;
	e->flags = is_end;
}

static inline void script_reset(struct script *s, uint8_t dir, uint32_t stream, uint8_t code)
{
	script_frame(s, dir, 3, 0, stream, (uint8_t[]){ 0, 0, 0, code }, 4);
}

/* An HTTP/1 head; body bytes that follow it on the wire. */
static inline void script_head(struct script *s, uint8_t dir, uint8_t how, const char *text, uint64_t body)
{
	struct event *e = script_add(s, EVENT_HEAD, dir);

	e->off = s->off[dir];
	e->flags = how;
	buf_add(&e->bytes, text, strlen(text));
	s->off[dir] += strlen(text) + body;
}

static inline void script_end(struct script *s, uint64_t body_bytes)
{
	struct event *e = script_add(s, EVENT_END, TAP_WRITE);

	e->read_off = s->off[TAP_READ];
	e->count = body_bytes;
}

static inline void script_close(struct script *s)
{
	struct tap_close r = { .bytes = { s->off[0], s->off[1] } };
	struct event *e = script_add(s, EVENT_RAW, 0);

	r.hdr = (struct tap_hdr){ .kind = TAP_CLOSE, .size = sizeof(r), .conn = s->serial, .ktime_ns = e->ktime_ns };
	buf_add(&e->bytes, &r, sizeof(r));
}

/* ---- playing */

typedef void record_fn(void *ctx, const void *rec, size_t size);

#define PLAY_CONNS_MAX 8

struct play {
	size_t piece;		/* payload bytes of a record at most; 0: TAP_PAYLOAD_MAX */
	long lose;		/* the record that is lost, counted from 0; -1: none */
	long lose_too;		/* another one; 0: none */
	bool has_resync;	/* the kernel notices, skips, and sends a snapshot */
	bool is_slow;		/* between two events pass four seconds, and something else happens */
	record_fn *push;
	void *ctx;
	/* what has been played */
	long nr;		/* records */
	uint8_t lost_kind;
	struct {
		uint64_t serial;
		uint32_t seq[2];
		bool is_unsynced[2];
	} conn[PLAY_CONNS_MAX];
};

static inline int play_conn(struct play *p, uint64_t serial)
{
	int i = 0;

	while (i < PLAY_CONNS_MAX && p->conn[i].serial && p->conn[i].serial != serial)
		i++;
	RECORDS_MUST(i < PLAY_CONNS_MAX);
	p->conn[i].serial = serial;
	return i;
}

/* Hand over a record of hdr.size; one with a direction gets its number. Returns whether it got through. */
static inline bool play_record(struct play *p, const struct event *e, void *rec, bool is_numbered)
{
	struct tap_hdr *h = rec;
	int c = play_conn(p, e->serial);

	h->conn = h->kind == TAP_PROCESS ? 0 : e->serial;
	h->ktime_ns = p->is_slow ? e->ktime_ns * 4000 : e->ktime_ns;
	if (is_numbered) {
		h->flags = e->dir;
		h->seq = p->conn[c].seq[e->dir]++;
	}
	if (p->nr == p->lose || (p->lose_too && p->nr == p->lose_too)) {
		p->nr++;
		p->lost_kind = h->kind;
		p->conn[c].is_unsynced[e->dir] = is_numbered && p->has_resync;
		return false;
	}
	p->nr++;
	p->push(p->ctx, rec, h->size);
	return true;
}

static inline void play_snapshot(struct play *p, const struct event *e)
{
	struct tap_snapshot *r = calloc(1, sizeof(*r) + e->table.n);

	RECORDS_MUST(r);
	r->hdr.kind = TAP_SNAPSHOT;
	r->hdr.size = sizeof(*r) + e->table.n;
	r->stream = e->stream;
	r->table_size = e->table_size;
	r->max_size = 4096;
	r->nr = e->table_nr;
	r->len = e->table.n;
	if (e->table.n)
		memcpy(r->data, e->table.p, e->table.n);
	if (play_record(p, e, r, true))
		p->conn[play_conn(p, e->serial)].is_unsynced[e->dir] = false;
	free(r);
}

/* The payload in pieces: the first as `kind`, the others as TAP_MORE or TAP_HEAD. */
static inline void play_pieces(struct play *p, const struct event *e)
{
	size_t max = p->piece ? p->piece : TAP_PAYLOAD_MAX, at = 0;
	int c = play_conn(p, e->serial);

	do {
		size_t n = e->bytes.n - at < max ? e->bytes.n - at : max;
		union {
			struct tap_hdr hdr;
			struct tap_frame frame;
			struct tap_more more;
			struct tap_head head;
		} *r = calloc(1, sizeof(*r) + n);
		bool is_last = at + n == e->bytes.n, is_through;

		RECORDS_MUST(r);
		r->hdr.size = sizeof(struct tap_frame) + n;
		if (e->kind == EVENT_HEAD) {
			r->hdr.kind = TAP_HEAD;
			r->head.off = e->off + at;
			r->head.got = n;
			r->head.how = e->flags & ~(TAP_HEAD_START | TAP_HEAD_END);
			r->head.how |= at ? 0 : e->flags & TAP_HEAD_START;
			r->head.how |= is_last ? e->flags & TAP_HEAD_END : 0;
		} else if (at) {
			r->hdr.kind = TAP_MORE;
			r->more.got = n;
		} else {
			r->hdr.kind = TAP_FRAME;
			r->frame.length = e->bytes.n;
			r->frame.stream = e->stream;
			r->frame.type = e->type;
			r->frame.fflags = e->flags;
			r->frame.got = n;
		}
		if (n)
			memcpy((char *)r + sizeof(struct tap_frame), e->bytes.p + at, n);
		is_through = play_record(p, e, r, true);
		free(r);
		if (!is_through && p->conn[c].is_unsynced[e->dir])
			return; /* the kernel has given this frame up */
		at += n;
	} while (at < e->bytes.n);
}

static inline void play_event(struct play *p, const struct event *e)
{
	int c = play_conn(p, e->serial);
	bool is_begin = (e->kind == EVENT_FRAME && e->type == 1) ||
			(e->kind == EVENT_HEAD && (e->flags & TAP_HEAD_START));
	struct tap_data data = { .hdr = { .kind = TAP_DATA, .size = sizeof(data) }, .stream = e->stream,
				 .bytes = e->count, .frames = 1, .fflags = e->flags };
	struct tap_end end = { .hdr = { .kind = TAP_END, .size = sizeof(end) }, .read_off = e->read_off,
			       .body_bytes = e->count };

	if (e->kind == EVENT_RAW) {
		struct tap_hdr *rec = malloc(e->bytes.n);

		RECORDS_MUST(rec);
		memcpy(rec, e->bytes.p, e->bytes.n);
		if (rec->kind == TAP_CONN && !(((struct tap_conn *)rec)->how & TAP_CONN_FROM_START))
			p->conn[c].is_unsynced[0] = p->conn[c].is_unsynced[1] = true;
		if (rec->kind == TAP_CLOSE)
			memcpy(((struct tap_close *)rec)->next_seq, p->conn[c].seq, sizeof(p->conn[c].seq));
		(void)play_record(p, e, rec, false);
		free(rec);
		return;
	}
	if (p->conn[c].is_unsynced[e->dir]) {
		if (!is_begin)
			return;
		if (e->kind == EVENT_FRAME) {
			play_snapshot(p, e);
			if (p->conn[c].is_unsynced[e->dir])
				return;
		}
		p->conn[c].is_unsynced[e->dir] = false;
	}
	if (e->kind == EVENT_DATA)
		(void)play_record(p, e, &data, true);
	else if (e->kind == EVENT_END)
		(void)play_record(p, e, &end, true);
	else
		play_pieces(p, e);
}

static inline void play(struct play *p, const struct script *s)
{
	for (size_t i = 0; i < s->nr; i++) {
		struct tap_process other = { .hdr = { .kind = TAP_PROCESS, .size = sizeof(other),
						      .ktime_ns = s->event[i].ktime_ns * 4000 + 2000000000 }, .tgid = 1 };

		play_event(p, &s->event[i]);
		if (p->is_slow)
			p->push(p->ctx, &other, sizeof(other));
	}
}

#endif
