/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * http1.bpf.h - which bytes of an HTTP/1 connection cross: heads, up to the blank line, nothing else.
 *
 * Where a head begins is net/http's own knowledge, taken where it reads the next request and where it
 * writes a response head; so a head is found whatever a body contains, pipelined or split, and on
 * connections older than the sensor. What net/http has read already is taken from its buffer.
 */
#ifndef ANONTAP_HTTP1_BPF_H
#define ANONTAP_HTTP1_BPF_H

#include "conn.bpf.h"

#define SCAN_BLOCK 64

struct scan {
	__u64 from;
	__u32 n;
	__u32 end;		/* bytes up to and with the blank line; 0: not found */
	__u32 last;		/* the last three bytes, carried from piece to piece of a head */
};

/* A head ends at an empty line: LF LF, or LF CR LF (net/textproto takes both). */
static long scan_step(__u32 block, void *ctx)
{
	struct scan *s = ctx;
	__u32 at = block * SCAN_BLOCK, last = s->last, n;
	__u8 bytes[SCAN_BLOCK];

	if (at >= s->n)
		return 1;
	n = s->n - at;
	if (n > SCAN_BLOCK)
		n = SCAN_BLOCK;
	if (bpf_probe_read_user(bytes, n, (void *)(s->from + at))) {
		count(TAP_COUNT_unreadable);
		return 1;
	}
	for (__u32 i = 0; i < SCAN_BLOCK && i < n; i++) {
		last = last << 8 | bytes[i];
		if ((last & 0xffff) == 0x0a0a || (last & 0xffffff) == 0x0a0d0a) {
			s->end = at + i + 1;
			return 1;
		}
	}
	s->last = last;
	return 0;
}

/* How many line ends stand in front of a head: net/http passes over up to four, which old clients leave
 * behind a POST. They are sent with the head, but must not look like its end. */
static __always_inline __u32 padding_of(__u64 from, __u32 n)
{
	__u8 bytes[4] = {};
	__u32 k = 0;

	if (n < sizeof(bytes) || bpf_probe_read_user(bytes, sizeof(bytes), (void *)from))
		return 0; /* unreadable: the scan counts it */
	while (k < sizeof(bytes) && (bytes[k] == '\r' || bytes[k] == '\n'))
		k++;
	return k;
}

/* Send a piece of a head that begins at stream offset `off`. Leaves the state at STATE_BODY when the
 * piece holds the blank line. */
int head_send(struct conn *c, __u8 dir, __u64 from, __u32 n, __u64 off);

__noinline int head_send(struct conn *c, __u8 dir, __u64 from, __u32 n, __u64 off)
{
	struct direction *d;
	struct scan s = { .from = from, .n = n };
	__u32 padding = 0;
	struct prefix p = {};
	struct tap_head *r = (void *)&p;

	if (!c)
		return -1;
	d = dir == TAP_READ ? &c->dir[0] : &c->dir[1];
	s.last = d->last;
	if (!d->has_begun) {
		padding = padding_of(from, n);
		s.from += padding;
		s.n -= padding;
	}
	(void)bpf_loop(TAP_PAYLOAD_MAX / SCAN_BLOCK, scan_step, &s, 0);
	d->last = s.last;
	if (s.end) {
		n = s.end + padding;
		r->how |= TAP_HEAD_END;
	}
	if (n > TAP_PAYLOAD_MAX) {
		n = TAP_PAYLOAD_MAX;
		r->how |= TAP_HEAD_CUT;
		count(TAP_COUNT_head_overrun);
	}
	if (!d->has_begun)
		r->how |= TAP_HEAD_START;
	if (d->state == STATE_DIRECT)
		r->how |= TAP_HEAD_DIRECT;
	r->off = off;
	r->got = n;
	next_header(&r->hdr, c, dir, TAP_HEAD, PREFIX_SIZE + n);
	d->has_begun = 1;
	if (s.end)
		d->state = STATE_BODY;
	return send_payload(d, &p, from, n);
}

static __always_inline void head_begin(struct direction *d, __u8 state)
{
	d->state = state;
	d->has_begun = 0;
	d->last = 0;
}

static __noinline void http1_read(struct conn *c, __u64 from, __u32 n)
{
	struct direction *d = &c->dir[0];

	if (d->state == STATE_NEW) {
		if (!c->is_from_start) {
			d->state = STATE_UNSYNCED;
		} else { /* net/http reads the first request straight away, before the first hit */
			head_begin(d, STATE_HEAD);
			c->dir[1].state = STATE_AWAIT;
		}
	}
	if (d->state == STATE_HEAD)
		(void)head_send(c, TAP_READ, from, n, d->off); /* a loss is counted there */
}

/* A write while no response head has begun: 100 Continue, an upgrade, or net/http's own refusal. */
static __always_inline void http1_direct(struct conn *c, __u64 from, __u32 n)
{
	struct direction *d = &c->dir[1];
	char line[12] = {};

	if (n < sizeof(line) || user_read(line, sizeof(line), from) || line[0] != 'H' || line[1] != 'T' ||
	    line[2] != 'T' || line[3] != 'P' || line[4] != '/') {
		d->state = STATE_BODY; /* a hijacked connection */
		return;
	}
	if (line[9] == '1' && !(line[10] == '0' && line[11] == '1'))
		return; /* informational: the response is still to come */
	head_begin(d, STATE_DIRECT);
	(void)head_send(c, TAP_WRITE, from, n, d->off);
}

static __noinline void http1_write(struct conn *c, __u64 from, __u32 n)
{
	struct direction *d = &c->dir[1];

	if (d->state == STATE_NEW)
		d->state = c->is_from_start ? STATE_AWAIT : STATE_UNSYNCED;
	if (d->state == STATE_AT) {
		__u64 skip = d->at - d->off;

		if (skip >= n)
			return;
		head_begin(d, STATE_HEAD);
		(void)head_send(c, TAP_WRITE, from + skip, n - skip, d->at);
	} else if (d->state == STATE_HEAD || d->state == STATE_DIRECT) {
		(void)head_send(c, TAP_WRITE, from, n, d->off);
	} else if (d->state == STATE_AWAIT) {
		http1_direct(c, from, n);
	}
}

/* The connection of a net/http conn, if we know it. */
static __always_inline struct conn *http1_conn(const struct tap_layout *l, __u64 http_conn)
{
	struct conn *c = conn_find(user_u64(http_conn + l->h1_rwc + 8));

	return c && !c->is_http2 ? c : NULL;
}

/* How much net/http has read from the connection and not used: its buffer, then the byte that its
 * background read may have taken. */
struct read_ahead {
	__u64 from;
	__u32 n;
	__u64 byte_from;
	__u8 has_byte;
};

static __always_inline int read_ahead_of(const struct tap_layout *l, __u64 http_conn, struct read_ahead *ret)
{
	__u64 bufr = user_u64(http_conn + l->h1_bufr), reader = user_u64(http_conn + l->h1_r);
	__s64 r = 0, w = 0;

	if (!bufr || !reader || user_read(&r, 8, bufr + l->reader_r) || user_read(&w, 8, bufr + l->reader_w) ||
	    user_read(&ret->has_byte, 1, reader + l->cr_has_byte) || r < 0 || w < r || w - r > TAP_PAYLOAD_MAX)
		return -1;
	ret->from = user_u64(bufr + l->reader_buf) + r;
	ret->n = w - r;
	ret->byte_from = reader + l->cr_byte;
	ret->has_byte &= 1;
	return 0;
}

/* net/http is about to read a request head. */
static __noinline void http1_request(const struct tap_layout *l, __u64 http_conn)
{
	struct conn *c = http1_conn(l, http_conn);
	struct read_ahead ahead = {};
	struct direction *d;

	if (!c)
		return;
	d = &c->dir[0];
	if (read_ahead_of(l, http_conn, &ahead)) {
		d->state = STATE_UNSYNCED;
		return;
	}
	head_begin(d, STATE_HEAD);
	c->dir[1].state = STATE_AWAIT;
	if (ahead.n && head_send(c, TAP_READ, ahead.from, ahead.n, d->off - ahead.n - ahead.has_byte))
		return;
	if (ahead.has_byte && d->state == STATE_HEAD)
		(void)head_send(c, TAP_READ, ahead.byte_from, 1, d->off - 1);
}

/* net/http is about to write a response head into its buffer. */
static __noinline void http1_response(const struct tap_layout *l, __u64 http_conn)
{
	struct conn *c = http1_conn(l, http_conn);
	struct direction *d;

	if (!c)
		return;
	d = &c->dir[1];
	d->at = d->off + user_u64(user_u64(http_conn + l->h1_bufw) + l->writer_n);
	d->state = STATE_AT;
}

/* net/http has written all of the response. */
static __noinline void http1_finish(const struct tap_layout *l, __u64 http_conn)
{
	struct conn *c = http1_conn(l, http_conn);
	__u64 response = user_u64(http_conn + l->h1_cur_req);
	struct read_ahead ahead = {};
	struct tap_end r = {};

	if (!c || c->dir[1].state == STATE_UNSYNCED)
		return;
	(void)read_ahead_of(l, http_conn, &ahead); /* then told as consumed, all of it */
	next_header(&r.hdr, c, TAP_WRITE, TAP_END, sizeof(r));
	r.read_off = c->dir[0].off - ahead.n - ahead.has_byte;
	r.body_bytes = response ? user_u64(response + l->res_written) : 0;
	(void)send(&c->dir[1], &r, sizeof(r), TAP_END);
}

#endif
