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

/* What the agent knows of a server, told to cred past the stages between. */
static void push_trust(struct stages *s, const struct tap_trust *r)
{
	struct str rest = { (const char *)r->data, r->hdr.size - sizeof(*r) }, client = str_first(rest, r->client_len), proxy;

	rest = str_from(rest, client.n);
	proxy = str_first(rest, r->proxy_len);
	rest = str_from(rest, proxy.n);
	if (cred_trust(s->cred, r->tgid, client, proxy, str_first(rest, r->names_len), NULL))
		count(&s->counters, COUNT_trust_bad);
}

void stages_push(void *stages, const void *record, size_t size)
{
	struct stages *s = stages;
	const struct tap_hdr *h = record;

	if (size >= sizeof(struct tap_trust) && h->kind == TAP_TRUST && h->size >= sizeof(struct tap_trust) && h->size <= size) {
		push_trust(s, record);
		return;
	}
	flow_push(&s->flow, record, size);
	if (size >= sizeof(struct tap_process) && h->kind == TAP_PROCESS && ((const struct tap_process *)record)->is_exit)
		cred_forget(s->cred, ((const struct tap_process *)record)->tgid); /* the pid may come back as another */
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
