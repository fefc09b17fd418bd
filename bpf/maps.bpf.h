/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * maps.bpf.h - the state of the kernel side: who is traced, the layouts of their programs, and the
 * connections. Sizes marked "knob" are set by the agent before it loads the object.
 */
#ifndef ANONTAP_MAPS_BPF_H
#define ANONTAP_MAPS_BPF_H

#include "kernel.bpf.h"
#include "tap_abi.h"

/* Where a direction of a connection stands. */
enum state {
	STATE_NEW = 0,		/* nothing of it was seen */
	STATE_UNSYNCED,		/* joined in the middle, or after a loss: skipped until a mark of the server */
	STATE_AT,		/* skipped until stream offset `at`, where a frame or head begins */
	STATE_FRAMES,		/* HTTP/2 frames */
	STATE_HEAD,		/* inside an HTTP/1 head: crosses up to the blank line */
	STATE_DIRECT,		/* the same, of a head that net/http's response did not write */
	STATE_AWAIT,		/* HTTP/1 writes: a request is in, no response head has begun */
	STATE_BODY,		/* HTTP/1: only counted, until the next mark */
};

struct direction {
	__u64 off;		/* plaintext bytes so far, since first seen */
	__u64 at;		/* STATE_AT */
	__u64 data_first_ns;	/* DATA held back: struct tap_data, not yet sent */
	__u64 data_last_ns;
	__u32 data_stream;
	__u32 data_bytes;
	__u16 data_frames;	/* 0: nothing is held back */
	__u8 data_fflags;
	__u8 state;		/* enum state */
	__u32 seq;
	__u32 stream;		/* of the current frame */
	__u32 length;
	__u32 remaining;	/* payload bytes of it still to come */
	__u32 last;		/* HTTP/1 head: its last three bytes so far */
	__u8 type;
	__u8 fflags;
	__u8 is_crossing;	/* its payload goes to user space */
	__u8 has_begun;		/* its TAP_FRAME, or the head's TAP_HEAD_START, was sent */
	__u8 is_pad_due;	/* DATA with PADDED: the first payload byte says how much is padding */
	__u8 header_len;	/* bytes in header */
	__u8 pad[2];
	__u8 header[32];	/* a frame header that came in pieces: 9 bytes; room for the verifier */
};

struct conn_key {
	__u64 ptr;		/* *tls.Conn; reused after Close */
	__u32 tgid;
	__u32 pad;
};

struct conn {
	__u64 serial;
	__u64 tcp;		/* .conn's data pointer: another one is another connection */
	__u32 tgid;
	__u16 layout;
	__u8 is_http2;
	__u8 is_description_due;	/* TAP_CONN was lost: send it again */
	__u8 is_from_start;
	__u8 pad[7];
	struct direction dir[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);	/* knob */
	__type(key, struct conn_key);
	__type(value, struct conn);
} conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);		/* tgid */
	__type(value, __u32);		/* not used */
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TAP_LAYOUTS_MAX);
	__type(key, __u32);
	__type(value, struct tap_layout);
} layouts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);	/* knob */
} ring SEC(".maps");

__u64 next_serial = 1;

#endif
