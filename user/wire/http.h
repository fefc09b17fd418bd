/* SPDX-License-Identifier: Apache-2.0
 *
 * http - runs and gaps of connections in, HTTP messages out: hands each connection to http1 or http2 by
 * the kind of its records, and owns what they keep of it.
 *
 * Of one connection, in the order of its records: HEAD, BODY, END, RESET, GOAWAY as message.h has them;
 * LOST for every gap, after what the gap left incomplete has been told as such; CLOSED as the last.
 * Faults in the bytes are counted and never end a connection: what follows is told as far as it can be.
 */
#ifndef ANONTAP_WIRE_HTTP_H
#define ANONTAP_WIRE_HTTP_H

#include "base/counters.h"
#include "wire/fields.h"
#include "wire/flow.h"

struct http {
	struct counters *counters;
	message_push_fn *push;
	void *ctx;
	struct fields fields;		/* of the head being told */
};

void http_init(struct http *h, struct counters *counters, message_push_fn *push, void *ctx);
void http_push(void *http, const struct run *run);	/* a run_push_fn */
void http_done(struct http *h);				/* after flow_done(), which ends the connections */

#endif
