/* SPDX-License-Identifier: Apache-2.0
 *
 * flow - records of many connections in, each connection's runs and gaps out.
 *
 * A record is checked against the ABI, its sequence number against its connection and direction; a
 * hole becomes a stated gap before the record that showed it. Connections are born at the first record
 * that names them, described by TAP_CONN, and end at TAP_CLOSE, whose counts show losses at the tail.
 * After `ended` has returned, the connection is freed.
 */
#ifndef ANONTAP_WIRE_FLOW_H
#define ANONTAP_WIRE_FLOW_H

#include "base/counters.h"
#include "base/map.h"
#include "wire/conn.h"

#define FLOW_CONNECTIONS_MAX 65536	/* the one longest silent is dropped, and counted */

enum run_kind {
	RUN_RECORD,	/* `rec`, in order */
	RUN_GAP,	/* records of this direction were lost before what comes next */
	RUN_END,	/* the connection ended: at TAP_CLOSE, at its process's exit, or dropped */
};

struct run {
	enum run_kind kind;
	uint8_t dir;
	struct conn *conn;
	void **state;			/* the protocol stage's own, per connection; NULL at first. It must be
					 * freed and set to NULL at RUN_END */
	const struct tap_hdr *rec;	/* RUN_RECORD; at RUN_END the TAP_CLOSE, or NULL */
	uint64_t ktime_ns;
};

typedef void run_push_fn(void *ctx, const struct run *run);

struct flow {
	struct counters *counters;
	run_push_fn *push;
	void *ctx;
	struct map conns;		/* serial -> struct flow_conn */
	struct map processes;		/* pid -> struct process; kept until flow_done() */
	uint64_t last_ns;
};

void flow_init(struct flow *f, struct counters *counters, run_push_fn *push, void *ctx);

/* One record of `size` bytes. A record that contradicts the ABI is counted and dropped. */
void flow_push(struct flow *f, const void *rec, size_t size);

/* No more records: end every connection (RUN_END without a record). */
void flow_finish(struct flow *f);
void flow_done(struct flow *f);

#endif
