/* SPDX-License-Identifier: Apache-2.0
 * One idea: the kernel has decided by ALPN which protocol it is, and shows it by the kinds it sends. */
#include "wire/http.h"

#include <stdlib.h>
#include "wire/http1.h"
#include "wire/http2.h"

/* What is kept of a connection: one of the two, made at the first record that tells which. */
struct http_conn {
	struct http1 *http1;
	struct http2 *http2;
};

void http_init(struct http *h, struct counters *counters, message_push_fn *push, void *ctx)
{
	*h = (struct http){ .counters = counters, .push = push, .ctx = ctx };
}

void http_done(struct http *h)
{
	fields_done(&h->fields);
}

static void tell(struct http *h, const struct run *run, enum message_kind kind)
{
	struct message m = {
		.kind = kind,
		.dir = run->dir,
		.is_cut = run->is_cut,
		.conn = run->conn,
		.ktime_ns = run->ktime_ns,
	};

	h->push(h->ctx, &m);
}

/* The connection's state for this record. NULL: no memory, or a record of the other protocol; counted. */
static struct http_conn *conn_of(struct http *h, const struct run *run)
{
	bool is_http1 = run->rec->kind == TAP_HEAD || run->rec->kind == TAP_END;
	struct http_conn *c = *run->state;

	if (!c) {
		c = calloc(1, sizeof(*c));
		if (c && is_http1)
			c->http1 = http1_new();
		else if (c)
			c->http2 = http2_new();
		if (!c || (!c->http1 && !c->http2)) {
			free(c);
			count(h->counters, COUNT_out_of_memory);
			return NULL;
		}
		*run->state = c;
	}
	if (is_http1 ? !c->http1 : !c->http2) {
		count(h->counters, COUNT_record_bad);
		return NULL;
	}
	return c;
}

void http_push(void *http, const struct run *run)
{
	struct http *h = http;
	struct http_conn *c = run->kind == RUN_RECORD ? conn_of(h, run) : *run->state;

	if (c && c->http1)
		http1_push(c->http1, h, run);
	else if (c && c->http2)
		http2_push(c->http2, h, run);
	if (run->kind == RUN_GAP) { /* to http1 and http2 it came first: what it interrupts is told before */
		tell(h, run, MESSAGE_LOST);
	} else if (run->kind == RUN_END) {
		tell(h, run, MESSAGE_CLOSED);
		if (c) {
			http1_free(c->http1);
			http2_free(c->http2);
			free(c);
			*run->state = NULL;
		}
	}
}
