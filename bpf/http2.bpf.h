/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * http2.bpf.h - the frame filter: which bytes of an HTTP/2 connection cross.
 *
 * HEADERS, CONTINUATION, RST_STREAM, SETTINGS, GOAWAY and PUSH_PROMISE cross whole; DATA is added up
 * per stream; PING, WINDOW_UPDATE, PRIORITY and unknown types do not cross. Reads come as nine bytes,
 * then the payload; writes are a buffered mix in which frames begin and end anywhere: one walker
 * serves both.
 */
#ifndef ANONTAP_HTTP2_BPF_H
#define ANONTAP_HTTP2_BPF_H

#include "conn.bpf.h"

#define FRAME_HEADER	9
#define PREFACE		24
#define WALK_MAX	4096	/* frames of one write: 32 KiB of empty ones */

#define FRAME_DATA	0
#define FRAME_HEADERS	1
#define FRAME_CONTINUATION 9
#define FRAME_CROSSING	(1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 9)
#define FLAG_END_STREAM	0x01
#define FLAG_PADDED	0x08
#define FLAG_PRIORITY	0x20

static __always_inline struct direction *direction_of(struct conn *c, __u8 dir)
{
	return dir == TAP_READ ? &c->dir[0] : &c->dir[1];
}

/* Send the DATA held back, so that what follows is in order. */
int data_flush(struct conn *c, __u8 dir);

__noinline int data_flush(struct conn *c, __u8 dir)
{
	struct direction *d;
	struct tap_data r = {};

	if (!c)
		return -1;
	d = direction_of(c, dir);
	if (!d->data_frames)
		return 0;
	next_header(&r.hdr, c, dir, TAP_DATA, sizeof(r));
	r.hdr.ktime_ns = d->data_last_ns;
	r.stream = d->data_stream;
	r.bytes = d->data_bytes;
	r.span_us = (d->data_last_ns - d->data_first_ns) / 1000;
	r.frames = d->data_frames;
	r.fflags = d->data_fflags;
	d->data_frames = 0;
	return send(d, &r, sizeof(r), TAP_DATA);
}

static __always_inline int data_add(struct conn *c, __u8 dir, __u32 bytes)
{
	struct direction *d = direction_of(c, dir);
	__u64 now = bpf_ktime_get_ns();

	if (d->data_frames &&
	    (d->data_stream != d->stream || d->data_frames == 0xffff || d->data_bytes > 0xf0000000u ||
	     now - d->data_first_ns > 4000000000000ull) &&
	    data_flush(c, dir))
		return -1;
	if (!d->data_frames) {
		d->data_stream = d->stream;
		d->data_first_ns = now;
		d->data_bytes = 0;
	}
	d->data_frames++;
	d->data_bytes += bytes;
	d->data_last_ns = now;
	d->data_fflags = d->fflags & FLAG_END_STREAM;
	return d->data_fflags ? data_flush(c, dir) : 0;
}

/* Send `got` payload bytes of the current frame. */
static __always_inline int frame_send(struct conn *c, __u8 dir, __u64 from, __u32 got)
{
	struct direction *d = direction_of(c, dir);
	struct prefix p = {};

	if (data_flush(c, dir))
		return -1;
	if (d->has_begun) {
		struct tap_more *r = (void *)&p;

		next_header(&r->hdr, c, dir, TAP_MORE, PREFIX_SIZE + got);
		r->got = got;
	} else {
		struct tap_frame *r = (void *)&p;

		next_header(&r->hdr, c, dir, TAP_FRAME, PREFIX_SIZE + got);
		r->length = d->length;
		r->stream = d->stream;
		r->type = d->type;
		r->fflags = d->fflags;
		r->got = got;
		d->has_begun = 1;
	}
	return send_payload(d, &p, from, got);
}

/* Nine bytes of header are in d->header. */
static __always_inline int frame_begin(struct conn *c, __u8 dir)
{
	struct direction *d = direction_of(c, dir);
	const __u8 *h = d->header;

	d->length = (__u32)h[0] << 16 | (__u32)h[1] << 8 | h[2];
	d->type = h[3];
	d->fflags = h[4];
	d->stream = ((__u32)h[5] << 24 | (__u32)h[6] << 16 | (__u32)h[7] << 8 | h[8]) & 0x7fffffff;
	d->remaining = d->length;
	d->header_len = 0;
	d->has_begun = 0;
	d->is_pad_due = 0;
	d->is_crossing = d->type < 16 && (FRAME_CROSSING >> d->type & 1);
	if (d->type == FRAME_DATA) {
		if ((d->fflags & FLAG_PADDED) && d->length) {
			d->is_pad_due = 1;
			return 0;
		}
		return data_add(c, dir, d->length);
	}
	return d->is_crossing && !d->length ? frame_send(c, dir, 0, 0) : 0;
}

struct walk {
	struct conn *c;
	__u64 from;
	__u32 n;
	__u32 pos;
	__u8 dir;
	__u8 is_lost;
};

/* One step: a piece of payload, or a piece of header. 1 ends the walk. */
static long walk_step(__u32 i, void *ctx)
{
	struct walk *w = ctx;
	struct conn *c = w->c;
	__u8 dir = w->dir;
	struct direction *d = direction_of(c, dir);
	__u32 left, take;

	if (w->pos >= w->n)
		return 1;
	left = w->n - w->pos;
	if (d->remaining) {
		__u64 from = w->from + w->pos;

		take = d->remaining < left ? d->remaining : left;
		if (d->is_pad_due) {
			__u8 pad = 0;

			d->is_pad_due = 0;
			(void)user_read(&pad, 1, from); /* unreadable: counted, told as no padding */
			if (data_add(c, dir, pad < d->length ? d->length - 1 - pad : 0))
				w->is_lost = 1;
		}
		if (d->is_crossing) {
			if (take > TAP_PAYLOAD_MAX)
				take = TAP_PAYLOAD_MAX;
			if (frame_send(c, dir, from, take))
				w->is_lost = 1;
		}
		d->remaining -= take;
	} else {
		__u32 have = d->header_len & 15;

		take = FRAME_HEADER - have;
		if (have >= FRAME_HEADER) {
			w->is_lost = 1; /* cannot be: keeps the verifier sure of the bounds */
			return 1;
		}
		if (take > left)
			take = left;
		if (bpf_probe_read_user(&d->header[have], take & 15, (void *)(w->from + w->pos))) {
			count(TAP_COUNT_unreadable);
			w->is_lost = 1;
			return 1;
		}
		d->header_len = have + take;
		if (d->header_len == FRAME_HEADER && frame_begin(c, dir))
			w->is_lost = 1;
	}
	w->pos += take;
	return w->is_lost ? 1 : 0;
}

static __always_inline void frames_reset(struct direction *d)
{
	d->state = STATE_FRAMES;
	d->remaining = 0;
	d->header_len = 0;
	d->is_crossing = 0;
	d->is_pad_due = 0;
}

/* n plaintext bytes of a HTTP/2 direction. The caller adds n to d->off afterwards. */
int http2_bytes(struct conn *c, __u8 dir, __u64 from, __u32 n);

__noinline int http2_bytes(struct conn *c, __u8 dir, __u64 from, __u32 n)
{
	struct direction *d;
	struct walk w = { .c = c, .from = from, .n = n, .dir = dir };

	if (!c)
		return -1;
	d = direction_of(c, dir);
	if (d->state == STATE_NEW) {
		if (!c->is_from_start) {
			d->state = STATE_UNSYNCED;
		} else {
			frames_reset(d);
			if (dir == TAP_READ)
				d->remaining = PREFACE; /* skipped like a frame that does not cross */
		}
	}
	if (d->state == STATE_AT) {
		__u64 skip = d->at - d->off;

		if (skip >= n)
			return 0;
		w.pos = skip;
		frames_reset(d);
	}
	if (d->state != STATE_FRAMES)
		return 0;
	(void)bpf_loop(WALK_MAX, walk_step, &w, 0); /* the number of steps says nothing */
	if (w.is_lost) {
		d->state = STATE_UNSYNCED;
		d->data_frames = 0;
	} else if (w.pos < n) {
		count(TAP_COUNT_frames_overrun);
		d->seq++; /* a hole: what was not walked is a loss */
		d->state = STATE_UNSYNCED;
		d->data_frames = 0;
	}
	return 0;
}

/* ---- HPACK snapshots */

struct table_walk {
	__u8 *data;		/* 3 * room bytes: see table_copy() */
	__u64 ents;
	__u32 at;
	__u32 nr;
	__u16 field_size, name, value;
	__u8 is_cut;
};

/* Copy entry i: lengths, name, value. `room` is a constant power of two. What is copied fits in it; the
 * verifier, which cannot add up, is shown that each of three parts is smaller than room by itself. */
static __always_inline long table_copy(struct table_walk *t, __u32 i, __u32 room)
{
	__u64 field = t->ents + (__u64)i * t->field_size;
	struct go_string name, value;
	__u32 at = t->at & (room - 1), nlen, vlen;
	__u16 lengths[2];

	if (i >= t->nr)
		return 1;
	if (user_read(&name, sizeof(name), field + t->name) || user_read(&value, sizeof(value), field + t->value) ||
	    name.len < 0 || value.len < 0 || name.len >= room || value.len >= room ||
	    at + sizeof(lengths) + name.len + value.len >= room) {
		t->is_cut = 1;
		return 1;
	}
	nlen = name.len & (room - 1);
	vlen = value.len & (room - 1);
	lengths[0] = nlen;
	lengths[1] = vlen;
	__builtin_memcpy(t->data + at, lengths, sizeof(lengths));
	at = (at + sizeof(lengths)) & (room - 1);
	if (nlen && bpf_probe_read_user(t->data + at, nlen, (void *)name.ptr))
		t->is_cut = 1;
	at = (at + nlen) & (room - 1);
	if (vlen && bpf_probe_read_user(t->data + at, vlen, (void *)value.ptr))
		t->is_cut = 1;
	t->at = at + vlen;
	return t->is_cut ? 1 : 0;
}

static long table_step_small(__u32 i, void *ctx)
{
	return table_copy(ctx, i, TAP_TABLE_BYTES / 4);
}

static long table_step_large(__u32 i, void *ctx)
{
	return table_copy(ctx, i, 2 * TAP_TABLE_BYTES);
}

#define TABLE_SLOT(room, step) \
	if (size < (room)) { \
		__u8 *slot = bpf_ringbuf_reserve(&ring, sizeof(*r) + 3 * (room), 0); \
		if (!slot) { \
			d->seq++; \
			return lost(d, TAP_SNAPSHOT); \
		} \
		t.data = slot + sizeof(*r); \
		if (!t.is_cut) \
			(void)bpf_loop(TAP_TABLE_MAX, step, &t, 0); \
		if (t.is_cut) { \
			count(TAP_COUNT_snapshot_big); \
			r->how = TAP_SNAPSHOT_CUT; \
			t.at = t.nr = 0; \
		} \
		r->nr = t.nr; \
		r->len = t.at; \
		next_header(&r->hdr, c, dir, TAP_SNAPSHOT, sizeof(*r) + t.at); \
		__builtin_memcpy(slot, r, sizeof(*r)); \
		bpf_ringbuf_submit(slot, wake()); \
		return 0; \
	}

/* Send the dynamic table of the hpack.Decoder or Encoder at `coder`. 0; -1 lost. */
int snapshot_send(const struct tap_h2_layout *h, struct conn *c, __u8 dir, __u64 coder, __u32 stream);

__noinline int snapshot_send(const struct tap_h2_layout *h, struct conn *c, __u8 dir, __u64 coder, __u32 stream)
{
	struct direction *d;
	bool is_read = dir == TAP_READ;
	struct tap_snapshot record = { .stream = stream }, *r = &record;
	struct table_walk t = {};
	struct go_slice ents = {};
	__u32 size;

	if (!h || !c)
		return -1;
	d = direction_of(c, dir);
	t.field_size = h->field_size;
	t.name = h->field_name;
	t.value = h->field_value;
	if (user_read(&r->table_size, 4, coder + (is_read ? h->dec_size : h->enc_size)) ||
	    user_read(&r->max_size, 4, coder + (is_read ? h->dec_max : h->enc_max)) ||
	    user_read(&ents, sizeof(ents), coder + (is_read ? h->dec_table : h->enc_table) + h->table_ents) ||
	    ents.len < 0 || ents.len > TAP_TABLE_MAX || r->table_size > TAP_TABLE_BYTES)
		t.is_cut = 1;
	t.ents = ents.ptr;
	t.nr = ents.len;
	size = t.is_cut ? 0 : r->table_size; /* 32 bytes an entry more than its text */
	TABLE_SLOT(TAP_TABLE_BYTES / 4, table_step_small)
	TABLE_SLOT(2 * TAP_TABLE_BYTES, table_step_large)
	return lost(d, TAP_SNAPSHOT); /* not reached */
}

/* Is the direction skipped until somebody tells where it stands? */
static __always_inline bool is_to_join(struct conn *c, __u8 dir)
{
	__u8 state = direction_of(c, dir)->state;

	return c->is_http2 && (state == STATE_UNSYNCED || (state == STATE_NEW && !c->is_from_start));
}

struct fragment {
	struct conn *c;
	__u64 from;
	__u32 left;
	__u8 is_lost;
};

static long fragment_step(__u32 i, void *ctx)
{
	struct fragment *f = ctx;
	__u32 take = f->left < TAP_PAYLOAD_MAX ? f->left : TAP_PAYLOAD_MAX;

	if (frame_send(f->c, TAP_READ, f->from, take)) {
		f->is_lost = 1;
		return 1;
	}
	f->from += take;
	f->left -= take;
	return f->left ? 0 : 1;
}

/* The server has read a HEADERS frame whole and decoded nothing of it: join the reads here, with the
 * decoder's table and the frame as the server holds it (padding and priority are already off). */
static __noinline void http2_join_reads(const struct tap_h2_layout *h, struct conn *c, __u64 framer, __u64 frame)
{
	struct direction *d = &c->dir[0];
	struct go_slice block = {};
	struct fragment f = { .c = c };

	frames_reset(d);
	if (user_read(&d->stream, 4, frame + h->frame_stream) || user_read(&d->fflags, 1, frame + h->frame_flags) ||
	    user_read(&block, sizeof(block), frame + h->frame_frag) || block.len < 0 || block.len > 0xffffff) {
		d->state = STATE_UNSYNCED;
		return;
	}
	if (snapshot_send(h, c, TAP_READ, user_u64(framer + h->framer_meta), d->stream))
		return;
	d->type = FRAME_HEADERS;
	d->fflags &= ~(FLAG_PADDED | FLAG_PRIORITY);
	d->length = block.len;
	d->has_begun = 0;
	f.from = block.ptr;
	f.left = block.len;
	(void)bpf_loop(1024 + 1, fragment_step, &f, 0); /* 16 MiB, the largest frame, in pieces */
	if (f.is_lost || f.left)
		d->state = STATE_UNSYNCED;
}

/* The server is about to encode response headers: join the writes where they will begin, behind what
 * still waits in its buffer. */
static __noinline void http2_join_writes(const struct tap_layout *l, const struct tap_h2_layout *h, struct conn *c,
					 __u64 server_conn, __u64 response)
{
	struct direction *d = &c->dir[1];
	__u64 bufio = user_u64(user_u64(server_conn + h->sc_bw) + h->bw_bw);
	__u32 stream = 0;

	if (user_read(&stream, 4, response + h->res_stream))
		return;
	d->data_frames = 0;
	d->at = d->off + (bufio ? user_u64(bufio + l->writer_n) : 0);
	if (!snapshot_send(h, c, TAP_WRITE, user_u64(server_conn + h->sc_encoder), stream))
		d->state = STATE_AT;
}

#endif
