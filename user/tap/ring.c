/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/ring.h"

#include <errno.h>
#include <string.h>
#include <bpf/libbpf.h>

static int on_record(void *ctx, void *data, size_t size)
{
	struct ring *r = ctx;

	r->push(r->ctx, data, size);
	return 0;
}

int ring_init(struct ring *r, int map_fd, record_push_fn *push, void *ctx, struct err *err)
{
	*r = (struct ring){ .push = push, .ctx = ctx };
	r->buffer = ring_buffer__new(map_fd, on_record, r, NULL);
	if (!r->buffer)
		return err_set(err, -errno, "cannot map the ring buffer: %s", strerror(errno));
	return 0;
}

void ring_done(struct ring *r)
{
	ring_buffer__free(r->buffer);
	*r = (struct ring){ 0 };
}

int ring_poll(struct ring *r, int timeout_ms)
{
	int polled = ring_buffer__poll(r->buffer, timeout_ms), rest;

	if (polled < 0)
		return polled;
	rest = ring_buffer__consume(r->buffer);
	return rest < 0 ? rest : polled + rest;
}
