/* SPDX-License-Identifier: Apache-2.0
 *
 * ring - takes records out of the kernel's ring buffer, in order.
 *
 * The kernel side wakes nobody until 256 KiB wait, so ring_poll() also looks after its timeout: that
 * timeout is the latency of a quiet system.
 */
#ifndef ANONTAP_TAP_RING_H
#define ANONTAP_TAP_RING_H

#include <stddef.h>
#include "base/err.h"

typedef void record_push_fn(void *ctx, const void *record, size_t size);

struct ring_buffer;

struct ring {
	struct ring_buffer *buffer;
	record_push_fn *push;
	void *ctx;
};

/* The ring is used in place: it must not move until ring_done(). Returns 0 or -errno. */
int ring_init(struct ring *r, int map_fd, record_push_fn *push, void *ctx, struct err *err);
void ring_done(struct ring *r);

/* Wait at most timeout_ms, then push all that is there. Returns how many records; -EINTR, -errno. */
int ring_poll(struct ring *r, int timeout_ms);

#endif
