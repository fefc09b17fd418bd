/* SPDX-License-Identifier: Apache-2.0
 *
 * keep - owned copies of identities and audit events, small enough to keep tens of thousands of them.
 *
 * What the stages pass on is borrowed and, with room for 64 groups, kilobytes large. A copy is one
 * block: the numbers, then the texts one behind the other, each with its length before it. What the
 * exchanges of one connection have in common (the connection, and host, user agent and credential as
 * long as they do not change) is kept once. _show() makes the large form again, for one callback.
 *
 * A copy begins with struct kept, whose links are judge/pending's. `bytes` counts all blocks, so that
 * the owner can hold a bound. Not kept: the DER of the client certificate (conn->cert is NULL in what is
 * shown; nr_certs and cert_hash say that there was one), raw secrets (there are none behind cred), and
 * request and response objects longer than KEEP_OBJECT_MAX: is_cut is set then.
 */
#ifndef ANONTAP_JUDGE_KEEP_H
#define ANONTAP_JUDGE_KEEP_H

#include "audit/event.h"
#include "judge/cred.h"

#define KEEP_OBJECT_MAX (64 * 1024)	/* of each of the two objects of an event */

struct keep {
	struct map conns;	/* serial -> the newest struct kept_conn of it */
	struct buf text;	/* scratch */
	size_t bytes;		/* of all copies */
};

/* What judge/pending needs of a copy, and the join to choose among copies without looking inside. */
struct kept {
	struct kept *same_id_next, *same_id_prev;
	struct kept *same_uri_next, *same_uri_prev;
	struct kept *later, *earlier;	/* in its list */
	uint64_t id_hash, uri_hash;	/* 0: not in that index */
	uint64_t due_ns;
	uint8_t list;
	bool is_event;
	uint32_t size;			/* of the block */
};

struct kept_conn;

/* The shared part of an exchange. */
struct kept_sender {
	uint32_t refs;
	uint32_t size;			/* of what follows */
	char text[];
};

struct kept_exchange {
	struct kept kept;
	struct kept_conn *conn;
	struct kept_sender *sender;
	uint64_t time_ns, request_ns, first_byte_ns, end_ns, request_bytes, response_bytes;
	uint32_t stream, doubts;
	uint16_t status;
	uint8_t protocol, authorization_seen, ws_protocol_seen, websocket_seen;
	uint8_t nr_impersonate_groups, nr_remote_groups;
	bool has_request, has_response, has_flow_schema, is_upgraded, is_goaway, has_request_bytes;
	bool is_postponed, is_id_unique;	/* the join's */
	char text[];
};

struct kept_event {
	struct kept kept;
	uint64_t received_ns, stage_ns;
	uint64_t arrived_ns;		/* the join's: wall clock when the event was pushed */
	uint16_t code;
	uint8_t level, stage, stages_seen;	/* stages_seen: bit per stage, the join's */
	uint8_t nr_groups, nr_impersonated_groups, nr_source_ips;
	bool is_cut;
	char text[];
};

/* An exchange in its large form. */
struct shown_exchange {
	struct identity id;
	struct exchange x;
};

void keep_done(struct keep *k);		/* all copies must have been dropped */

/* NULL: no memory. */
struct kept_exchange *keep_exchange(struct keep *k, const struct identity *id);
struct kept_event *keep_event(struct keep *k, const struct event *e);

void keep_drop(struct keep *k, struct kept *copy);	/* either kind; NULL is fine */

/* Valid until the copy is dropped. */
void kept_exchange_show(const struct kept_exchange *copy, struct shown_exchange *ret);
void kept_event_show(const struct kept_event *copy, struct event *ret);

#endif
