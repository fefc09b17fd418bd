/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on two HTTP/2 connections. Whole frames and frames cut into pieces must tell the same.
 */
#include "chain_ops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ops ops;

static void frame(struct ops *o, unsigned conn, uint8_t dir, struct str *in)
{
	uint8_t type = ops_u8(in), flags = ops_u8(in), stream = ops_u8(in), extra = ops_u8(in);
	size_t n = ops_u8(in), at = 0;
	struct str payload;

	n |= (size_t)(extra & 0x3f) << 8;
	payload = ops_bytes(in, n);
	do {
		size_t got = payload.n - at;

		if (o->piece && got > o->piece)
			got = o->piece;
		memset(o->rec, 0, sizeof(struct tap_frame));
		if (at) {
			((struct tap_more *)o->rec)->got = (uint16_t)got;
		} else {
			struct tap_frame *r = (struct tap_frame *)o->rec;

			r->length = (uint32_t)payload.n + (extra >> 6); /* more than comes */
			r->stream = stream;
			r->type = type;
			r->fflags = flags;
			r->got = (uint16_t)got;
		}
		memcpy(o->rec + sizeof(struct tap_frame), payload.n ? payload.p + at : "", got);
		ops_push(o, conn, at ? TAP_MORE : TAP_FRAME, dir, sizeof(struct tap_frame) + got);
		at += got;
	} while (at < payload.n);
}

static void snapshot(struct ops *o, unsigned conn, uint8_t dir, struct str *in)
{
	struct tap_snapshot *r = (struct tap_snapshot *)o->rec;
	uint8_t stream = ops_u8(in), nr = ops_u8(in) & 7, how = ops_u8(in);
	size_t len = 0;

	memset(r, 0, sizeof(*r));
	for (int i = 0; i < nr; i++) {
		uint16_t n[2] = { ops_u8(in) & 0x1f, ops_u8(in) };
		struct str text = ops_bytes(in, (size_t)n[0] + n[1]);

		if (!text.n || text.n < (size_t)n[0] + n[1])
			break;
		memcpy(r->data + len, n, sizeof(n));
		memcpy(r->data + len + sizeof(n), text.p, text.n);
		len += sizeof(n) + text.n;
		r->table_size += (uint32_t)(32 + text.n);
		r->nr++;
	}
	r->stream = stream;
	r->len = (uint16_t)len;
	r->max_size = how & 2 ? 65536 : 4096;
	r->how = how & 1;
	r->table_size += how >> 7;
	ops_push(o, conn, TAP_SNAPSHOT, dir, sizeof(*r) + len);
}

static void data_frames(struct ops *o, unsigned conn, uint8_t dir, struct str *in)
{
	struct tap_data *r = (struct tap_data *)o->rec;

	memset(r, 0, sizeof(*r));
	r->stream = ops_u8(in);
	r->bytes = ops_u8(in);
	r->fflags = ops_u8(in);
	r->frames = 1;
	ops_push(o, conn, TAP_DATA, dir, sizeof(*r));
}

static uint64_t run(struct str in, size_t piece)
{
	struct ops *o = &ops;

	ops_init(o, piece);
	while (in.n) {
		uint8_t op = ops_u8(&in), dir = op >> 3 & 1;
		unsigned conn = op >> 4 & 1;

		o->now_ns += op & 0x20 ? 600000000 : 1000;
		switch (op & 7) {
		case 0:
			ops_conn(o, conn, ops_u8(&in) & 0x1f, "h2");
			break;
		case 1:
			ops_close(o, conn, op >> 6, 0, 0);
			break;
		case 2:
			snapshot(o, conn, dir, &in);
			break;
		case 3:
			data_frames(o, conn, dir, &in);
			break;
		case 4:
			o->conn[conn].seq[dir] += op >> 6;
			break;
		default:
			frame(o, conn, dir, &in);
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
