/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on two HTTP/1 connections. Whole heads and heads cut into pieces must tell the same.
 */
#include "chain_ops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ops ops;
static uint64_t off[OPS_CONNS][2];

static void head(struct ops *o, unsigned conn, uint8_t dir, struct str *in)
{
	uint8_t how = ops_u8(in) ^ (TAP_HEAD_START | TAP_HEAD_END), body = ops_u8(in);
	size_t n = ops_u8(in), at = 0;
	struct str text;

	n |= (size_t)ops_u8(in) << 8;
	text = ops_bytes(in, n);
	do {
		struct tap_head *r = (struct tap_head *)o->rec;
		size_t got = text.n - at;

		if (o->piece && got > o->piece)
			got = o->piece;
		if (got > TAP_PAYLOAD_MAX)
			got = TAP_PAYLOAD_MAX;
		memset(r, 0, sizeof(*r));
		r->off = off[conn][dir] + at;
		r->got = (uint16_t)got;
		r->how = how & TAP_HEAD_DIRECT;
		if (!at)
			r->how |= how & TAP_HEAD_START;
		if (at + got == text.n)
			r->how |= how & (TAP_HEAD_END | TAP_HEAD_CUT);
		memcpy(r->bytes, text.n ? text.p + at : "", got);
		ops_push(o, conn, TAP_HEAD, dir, sizeof(*r) + got);
		at += got;
	} while (at < text.n);
	off[conn][dir] += text.n + body;
}

static uint64_t run(struct str in, size_t piece)
{
	struct ops *o = &ops;

	ops_init(o, piece);
	memset(off, 0, sizeof(off));
	while (in.n) {
		uint8_t op = ops_u8(&in), dir = op >> 3 & 1;
		unsigned conn = op >> 4 & 1;
		struct tap_end *r = (struct tap_end *)o->rec;

		o->now_ns += op & 0x20 ? 600000000 : 1000;
		switch (op & 7) {
		case 0:
			ops_conn(o, conn, ops_u8(&in) & 0x1f, op & 0x40 ? "" : "http/1.1");
			break;
		case 1:
			ops_close(o, conn, op >> 6, off[conn][0] + ops_u8(&in), off[conn][1] + ops_u8(&in));
			off[conn][0] = off[conn][1] = 0;
			break;
		case 2:
		case 3:
			memset(r, 0, sizeof(*r));
			r->read_off = off[conn][0] + (op >> 6) - 1;
			r->body_bytes = ops_u8(&in);
			ops_push(o, conn, TAP_END, TAP_WRITE, sizeof(*r));
			break;
		case 4:
			o->conn[conn].seq[dir] += op >> 6;
			break;
		default:
			head(o, conn, dir, &in);
			break;
		}
	}
	ops_done(o);
	return o->hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	size_t piece = 1 + ops_u8(&in) % 40;

	OPS_MUST(run(in, 0) == run(in, piece));
	return 0;
}
