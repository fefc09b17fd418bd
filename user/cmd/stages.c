/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/stages.h"

#include <errno.h>

static void push_run(void *ctx, const struct run *run)
{
	http_push(ctx, run);
}

static void push_message(void *ctx, const struct message *m)
{
	exchange_push(ctx, m);
}

static void push_exchange(void *ctx, struct exchange *x)
{
	cred_push(ctx, x);
}

int stages_init(struct stages *s, const uint8_t key[CRED_KEY_SIZE], int64_t wall_offset_ns, identity_push_fn *push,
		void *ctx)
{
	*s = (struct stages){ 0 };
	s->cred = cred_new(key, wall_offset_ns, &s->counters, push, ctx);
	if (!s->cred)
		return -ENOMEM;
	flow_init(&s->flow, &s->counters, push_run, &s->http);				/* record   -> run       */
	http_init(&s->http, &s->counters, push_message, &s->exchanges);			/* run      -> message   */
	exchange_init(&s->exchanges, &s->counters, push_exchange, s->cred);		/* message  -> exchange  */
	return 0;									/* exchange -> identity  */
}

void stages_push(void *stages, const void *record, size_t size)
{
	struct stages *s = stages;

	flow_push(&s->flow, record, size);
}

void stages_finish(struct stages *s, uint64_t now_ns)
{
	exchange_finish(&s->exchanges, now_ns);
	flow_finish(&s->flow);
}

void stages_done(struct stages *s)
{
	exchange_done(&s->exchanges);
	flow_done(&s->flow);
	http_done(&s->http);
	cred_free(s->cred);
	s->cred = NULL;
}
