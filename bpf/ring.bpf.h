/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * ring.bpf.h - the only writer of the ring.
 *
 * Every record takes a sequence number of its connection and direction whether it fits or not, so
 * that user space sees a hole; a record that does not fit is counted by kind, and leaves its
 * direction unsynced: the next mark of the server joins it again, with an HPACK snapshot.
 *
 * Functions that are not static are verified once, by themselves, instead of once for every path that
 * leads to them (0.4 s of loading became 0.04); the price is that they must check their pointers.
 *
 * A slot must have a constant size, so records are put into the smallest of a few size classes.
 * Wake-ups cost more than all else (25 ns a record without, 1.4 us with one): none until WAKE_BYTES
 * wait; the agent looks by itself every 20 ms.
 */
#ifndef ANONTAP_RING_BPF_H
#define ANONTAP_RING_BPF_H

#include "goabi.bpf.h"
#include "maps.bpf.h"

#define WAKE_BYTES (256 << 10)

static __always_inline __u64 wake(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > WAKE_BYTES ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline enum tap_count loss_of(__u8 kind)
{
	switch (kind) {
	case TAP_CONN:
		return TAP_COUNT_lost_connection;
	case TAP_CLOSE:
		return TAP_COUNT_lost_close;
	case TAP_DATA:
		return TAP_COUNT_lost_data;
	case TAP_SNAPSHOT:
		return TAP_COUNT_lost_snapshot;
	case TAP_HEAD:
		return TAP_COUNT_lost_head;
	case TAP_END:
		return TAP_COUNT_lost_end;
	case TAP_PROCESS:
		return TAP_COUNT_lost_process;
	default:
		return TAP_COUNT_lost_frame;
	}
}

/* The next record of this direction: its header. */
static __always_inline void next_header(struct tap_hdr *h, struct conn *c, __u8 dir, __u8 kind, __u16 size)
{
	h->kind = kind;
	h->flags = dir;
	h->size = size;
	h->seq = c->dir[dir & TAP_DIR].seq++;
	h->conn = c->serial;
	h->ktime_ns = bpf_ktime_get_ns();
}

static __always_inline int lost(struct direction *d, __u8 kind)
{
	count(loss_of(kind));
	d->state = STATE_UNSYNCED;
	d->data_frames = 0;
	return -1;
}

/* A record without a payload. 0, or -1: lost, counted, unsynced. */
static __always_inline int send(struct direction *d, const void *record, __u32 size, __u8 kind)
{
	return bpf_ringbuf_output(&ring, (void *)record, size, wake()) ? lost(d, kind) : 0;
}

/* A record with a payload: 40 bytes given in full, then bytes of the process's memory. */
#define PREFIX_SIZE 40

struct prefix {
	struct tap_hdr hdr;
	__u64 fixed[2];
};
_Static_assert(sizeof(struct prefix) == PREFIX_SIZE, "prefix");

#define SLOT(bytes) \
	if (len <= (bytes)-PREFIX_SIZE) { \
		__u8 *slot = bpf_ringbuf_reserve(&ring, (bytes), 0); \
		if (!slot) \
			return lost(d, p->hdr.kind); \
		__builtin_memcpy(slot, p, PREFIX_SIZE); \
		if (len && bpf_probe_read_user(slot + PREFIX_SIZE, len, (void *)from)) { \
			bpf_ringbuf_discard(slot, BPF_RB_NO_WAKEUP); \
			count(TAP_COUNT_unreadable); \
			return lost(d, p->hdr.kind); \
		} \
		bpf_ringbuf_submit(slot, wake()); \
		return 0; \
	}

int send_payload(struct direction *d, const struct prefix *p, __u64 from, __u32 len);

__noinline int send_payload(struct direction *d, const struct prefix *p, __u64 from, __u32 len)
{
	if (!d || !p)
		return -1;
	SLOT(96)
	SLOT(160)
	SLOT(256)
	SLOT(512)
	SLOT(1024)
	SLOT(2048)
	SLOT(4096 + PREFIX_SIZE)
	SLOT(8192 + PREFIX_SIZE)
	SLOT(TAP_PAYLOAD_MAX + PREFIX_SIZE)
	return lost(d, p->hdr.kind); /* not reached: callers cut at TAP_PAYLOAD_MAX */
}

#endif
