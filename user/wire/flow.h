/* SPDX-License-Identifier: Apache-2.0
 *
 * flow - records of many connections in, each connection's runs and gaps out.
 *
 * A record is checked against the ABI, its sequence number against its connection and direction; a
 * hole becomes a stated gap before the record that showed it. Connections are born at the first record
 * that names them, described by TAP_CONN, and end at TAP_CLOSE, whose counts show losses at the tail.
 * When the push of RUN_END has returned, the connection is freed.
 *
 * `seq` begins at 0 in each direction whenever the sensor came, so a first record that is not number 0
 * is a gap too; so is what is missing when a connection that was dropped for want of room speaks again.
 * A TAP_CONN that was lost is repeated by the kernel; what came before it was of an undescribed
 * connection. An executed program ends the connections that its process held before.
 */
#ifndef ANONTAP_WIRE_FLOW_H
#define ANONTAP_WIRE_FLOW_H

#include "base/counters.h"
#include "base/map.h"
#include "wire/conn.h"

#define FLOW_CONNECTIONS_MAX 65536	/* the one longest silent is dropped, and counted */
#define FLOW_IDLE_NS 1000000000ULL	/* of silence: waking costs 10 us, at most once a second then */

enum run_kind {
	RUN_RECORD,	/* `rec`, in order */
	RUN_GAP,	/* records of this direction were lost before what comes next */
	RUN_END,	/* the connection ended: at TAP_CLOSE or at its process's end; or, is_cut, it goes on
			 * and is given up here: dropped for want of room, or no more records will come */
	RUN_IDLE,	/* nothing was seen of the connection for FLOW_IDLE_NS: put its state aside */
};

struct run {
	enum run_kind kind;
	uint8_t dir;			/* RUN_RECORD, RUN_GAP */
	bool is_cut;			/* RUN_END */
	struct conn *conn;
	void **state;			/* the protocol stage's own, per connection; NULL at first. It must be
					 * freed and set to NULL at RUN_END */
	const struct tap_hdr *rec;	/* RUN_RECORD; at RUN_END the TAP_CLOSE, or NULL */
	uint64_t ktime_ns;
};

typedef void run_push_fn(void *ctx, const struct run *run);

struct flow_conn;

struct flow {
	struct counters *counters;
	run_push_fn *push;
	void *ctx;
	struct map conns;		/* serial -> struct flow_conn */
	struct flow_conn *oldest, *newest; /* by last record */
	struct flow_conn *awake;	/* the oldest that was not told to be idle; NULL: none */
	struct map sockets;		/* process and descriptor -> struct flow_conn: one at a time */
	struct map processes;		/* pid -> struct process; kept until flow_done() */
	uint64_t last_ns;		/* greatest ktime seen */
};

void flow_init(struct flow *f, struct counters *counters, run_push_fn *push, void *ctx);

/* One record in `size` bytes, aligned to 8. A record that contradicts the ABI is counted and dropped;
 * the hole that it leaves is then told as a gap. TAP_CONN and TAP_PROCESS are not pushed on;
 * TAP_CLOSE goes with RUN_END. */
void flow_push(struct flow *f, const void *rec, size_t size);

/* No more records: end every connection (RUN_END without a record, is_cut). */
void flow_finish(struct flow *f);
void flow_done(struct flow *f);		/* finishes first: the stages behind must still be there */

#endif
