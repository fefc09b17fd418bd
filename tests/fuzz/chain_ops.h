/* SPDX-License-Identifier: Apache-2.0
 *
 * chain_ops.h - flow, http and exchange under a fuzzer: what is told is checked and hashed.
 *
 * An input is a list of operations, so that what the fuzzer changes is mostly what records say and not
 * whether they are records. Records are numbered as the kernel does; an operation may lose some.
 */
#ifndef ANONTAP_FUZZ_CHAIN_OPS_H
#define ANONTAP_FUZZ_CHAIN_OPS_H

#include <stdlib.h>
#include <string.h>
#include "wire/exchange.h"
#include "wire/flow.h"
#include "wire/http.h"

#define OPS_CONNS 2

struct ops {
	struct counters counters;
	struct flow flow;
	struct http http;
	struct exchanges exchanges;
	uint64_t hash;			/* of all that was told */
	size_t piece;			/* payload bytes of a record at most */
	uint64_t now_ns;
	struct {
		uint64_t serial;
		uint32_t seq[2];
	} conn[OPS_CONNS];
	uint64_t next_serial;
	_Alignas(8) uint8_t rec[65536];
};

static inline void ops_hash(struct ops *o, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		o->hash = (o->hash ^ ((const uint8_t *)p)[i]) * 0x100000001b3ULL;
	o->hash = (o->hash ^ 0x100) * 0x100000001b3ULL;
}

static inline void ops_str(struct ops *o, struct str s)
{
	ops_hash(o, s.p, s.n);
}

#define OPS_MUST(claim) \
	do { \
		if (!(claim)) \
			abort(); \
	} while (0)

static inline void ops_emit(void *ctx, struct exchange *x)
{
	struct ops *o = ctx;
	uint32_t how = x->doubts | (uint32_t)x->has_request << 30 | (uint32_t)x->has_response << 31;

	OPS_MUST(x->has_request || (x->doubts & DOUBT_REQUEST_UNSEEN));
	OPS_MUST(x->has_request || x->authorization_seen == SEEN_UNKNOWN);
	OPS_MUST(x->authorization_seen == SEEN_PRESENT || !x->authorization.p);
	OPS_MUST(x->ws_protocol_seen == SEEN_PRESENT || !x->ws_protocol.p);
	OPS_MUST(x->status < 1000);
	OPS_MUST(x->conn->is_described || (x->doubts & DOUBT_CONNECTION_UNKNOWN));
	ops_hash(o, &x->conn->serial, sizeof(x->conn->serial));
	ops_hash(o, &x->stream, sizeof(x->stream));
	ops_hash(o, &how, sizeof(how));
	ops_hash(o, &x->status, sizeof(x->status));
	ops_hash(o, &x->request_bytes, sizeof(x->request_bytes));
	ops_hash(o, &x->response_bytes, sizeof(x->response_bytes));
	ops_hash(o, &x->request_ns, sizeof(x->request_ns));
	ops_hash(o, &x->first_byte_ns, sizeof(x->first_byte_ns));
	ops_hash(o, &x->end_ns, sizeof(x->end_ns));
	ops_str(o, x->method);
	ops_str(o, x->host);
	ops_str(o, x->request_uri);
	ops_str(o, x->user_agent);
	ops_str(o, x->forwarded_for);
	ops_str(o, x->real_ip);
	ops_str(o, x->request_audit_id);
	ops_str(o, secret_str(&x->authorization));
	ops_str(o, secret_str(&x->ws_protocol));
	ops_str(o, x->impersonate_user);
	ops_str(o, x->impersonate_uid);
	ops_str(o, x->remote_user);
	for (size_t i = 0; i < x->nr_impersonate_groups; i++)
		ops_str(o, x->impersonate_groups[i]);
	for (size_t i = 0; i < x->nr_remote_groups; i++)
		ops_str(o, x->remote_groups[i]);
	ops_str(o, x->audit_id);
}

static inline void ops_init(struct ops *o, size_t piece)
{
	struct fields fields = o->http.fields; /* large: allocated once for all inputs */

	memset(o, 0, offsetof(struct ops, rec));
	o->piece = piece;
	o->next_serial = 1;
	for (int i = 0; i < OPS_CONNS; i++)
		o->conn[i].serial = o->next_serial++;
	exchange_init(&o->exchanges, &o->counters, ops_emit, o);
	http_init(&o->http, &o->counters, exchange_push, &o->exchanges);
	o->http.fields = fields;
	flow_init(&o->flow, &o->counters, http_push, &o->http);
}

static inline void ops_done(struct ops *o)
{
	flow_finish(&o->flow);
	flow_done(&o->flow);
	exchange_done(&o->exchanges);
}

/* Push what stands in rec, with its header filled in. */
static inline void ops_push(struct ops *o, unsigned conn, uint8_t kind, uint8_t dir, size_t size)
{
	struct tap_hdr *h = (struct tap_hdr *)o->rec;
	bool is_numbered = kind != TAP_CONN && kind != TAP_CLOSE && kind != TAP_PROCESS;

	*h = (struct tap_hdr){
		.kind = kind,
		.flags = dir,
		.size = (uint16_t)size,
		.seq = is_numbered ? o->conn[conn].seq[dir]++ : 0,
		.conn = o->conn[conn].serial,
		.ktime_ns = o->now_ns,
	};
	flow_push(&o->flow, o->rec, size);
}

static inline void ops_conn(struct ops *o, unsigned conn, uint8_t how, const char *alpn)
{
	struct tap_conn *r = (struct tap_conn *)o->rec;

	memset(r, 0, sizeof(*r));
	r->tgid = 812;
	r->fd = (int)conn;
	r->how = how;
	r->alpn_len = (uint8_t)strlen(alpn);
	memcpy(r->alpn, alpn, strlen(alpn));
	ops_push(o, conn, TAP_CONN, 0, sizeof(*r));
}

static inline void ops_close(struct ops *o, unsigned conn, uint8_t missing, uint64_t read, uint64_t written)
{
	struct tap_close *r = (struct tap_close *)o->rec;

	memset(r, 0, sizeof(*r));
	r->next_seq[0] = o->conn[conn].seq[0] + (missing & 1);
	r->next_seq[1] = o->conn[conn].seq[1] + (missing >> 1 & 1);
	r->bytes[0] = read;
	r->bytes[1] = written;
	ops_push(o, conn, TAP_CLOSE, 0, sizeof(*r));
	o->conn[conn].serial = o->next_serial++;
	o->conn[conn].seq[0] = o->conn[conn].seq[1] = 0;
}

/* ---- reading an input */

static inline uint8_t ops_u8(struct str *in)
{
	uint8_t v = in->n ? (uint8_t)in->p[0] : 0;

	*in = str_from(*in, 1);
	return v;
}

static inline struct str ops_bytes(struct str *in, size_t n)
{
	struct str s = str_first(*in, n);

	*in = str_from(*in, n);
	return s;
}

#endif
