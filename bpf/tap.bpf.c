/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * tap.bpf.c - the programs: one for each probe of user/tap/goabi.h, and the watch on processes.
 *
 * Each finds what it needs in the registers and leaves the rest to the headers: conn (which
 * connection), http2 and http1 (what crosses), ring (how).
 */
#include "http1.bpf.h"
#include "http2.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 abi_version = TAP_ABI_VERSION;

/* CALL runtime.memmove(to, from, n) in (*Conn).Read(b): the receiver is spilled above the frame. */
SEC("uprobe")
int tls_read(struct pt_regs *ctx)
{
	const struct tap_layout *l = layout_of(ctx);
	__u64 from = GO_ARG1(ctx), ptr = 0;
	__s64 n = GO_ARG2(ctx);
	struct conn *c;

	if (!l || n <= 0 || user_read(&ptr, sizeof(ptr), ctx->sp + l->read_frame + 8))
		return 0;
	c = conn_of(ctx, l, ptr, TAP_READ);
	if (!c)
		return 0;
	if (c->is_http2)
		http2_bytes(c, TAP_READ, from, n);
	else
		http1_read(c, from, n);
	c->dir[0].off += n;
	return 0;
}

/* CALL writeRecordLocked(c, type, data) in (*Conn).Write. */
SEC("uprobe")
int tls_write(struct pt_regs *ctx)
{
	const struct tap_layout *l = layout_of(ctx);
	__u64 from = GO_ARG2(ctx);
	__s64 n = GO_ARG3(ctx);
	struct conn *c;

	if (!l || n <= 0)
		return 0;
	c = conn_of(ctx, l, GO_ARG0(ctx), TAP_WRITE);
	if (!c)
		return 0;
	if (c->is_http2)
		http2_bytes(c, TAP_WRITE, from, n);
	else
		http1_write(c, from, n);
	c->dir[1].off += n;
	return 0;
}

/* (*Conn).Close: the end of the connection, and of the pointer's meaning. */
SEC("uprobe")
int tls_close(struct pt_regs *ctx)
{
	struct conn_key key = { .ptr = GO_ARG0(ctx), .tgid = tgid_now() };
	struct conn *c = bpf_map_lookup_elem(&conns, &key);
	struct tap_close r = {};

	if (!c)
		return 0;
	(void)data_flush(c, TAP_READ); /* losses are counted there */
	(void)data_flush(c, TAP_WRITE);
	r.hdr.kind = TAP_CLOSE;
	r.hdr.size = sizeof(r);
	r.hdr.conn = c->serial;
	r.hdr.ktime_ns = bpf_ktime_get_ns();
	r.next_seq[0] = c->dir[0].seq;
	r.next_seq[1] = c->dir[1].seq;
	r.bytes[0] = c->dir[0].off;
	r.bytes[1] = c->dir[1].off;
	(void)send(&c->dir[0], &r, sizeof(r), TAP_CLOSE);
	(void)bpf_map_delete_elem(&conns, &key); /* gone already: evicted meanwhile */
	return 0;
}

/* (*Framer).readMetaFrame(frame). A server's Framer reads from the *tls.Conn itself; a client's does
 * not, so that it is no connection we know. */
SEC("uprobe")
int h2_request(struct pt_regs *ctx)
{
	const struct tap_layout *l = layout_of(ctx);
	__u32 stack = TAP_COOKIE_STACK(bpf_get_attach_cookie(ctx));
	__u64 framer = GO_ARG0(ctx);
	struct conn *c;

	if (!l)
		return 0;
	c = conn_find(user_u64(framer + l->h2[stack & 1].framer_r + 8));
	if (c && is_to_join(c, TAP_READ))
		http2_join_reads(&l->h2[stack & 1], c, framer, GO_ARG1(ctx));
	return 0;
}

/* (*writeResHeaders).writeFrame(ctx writeContext): an interface that holds the *serverConn. */
SEC("uprobe")
int h2_response(struct pt_regs *ctx)
{
	const struct tap_layout *l = layout_of(ctx);
	__u32 stack = TAP_COOKIE_STACK(bpf_get_attach_cookie(ctx));
	__u64 server_conn = GO_ARG2(ctx);
	struct conn *c;

	if (!l)
		return 0;
	c = conn_find(user_u64(server_conn + l->h2[stack & 1].sc_conn + 8));
	if (c && is_to_join(c, TAP_WRITE))
		http2_join_writes(l, &l->h2[stack & 1], c, server_conn, GO_ARG0(ctx));
	return 0;
}

/* net/http.(*conn).readRequest */
SEC("uprobe")
int h1_request(struct pt_regs *ctx)
{
	const struct tap_layout *l = layout_of(ctx);

	if (l)
		http1_request(l, GO_ARG0(ctx));
	return 0;
}

/* net/http.(*chunkWriter).writeHeader */
SEC("uprobe")
int h1_response(struct pt_regs *ctx)
{
	const struct tap_layout *l = layout_of(ctx);

	if (l)
		http1_response(l, user_u64(user_u64(GO_ARG0(ctx) + l->cw_res) + l->res_conn));
	return 0;
}

/* CALL (*connReader).abortPendingRead in (*response).finishRequest */
SEC("uprobe")
int h1_finish(struct pt_regs *ctx)
{
	const struct tap_layout *l = layout_of(ctx);

	if (l)
		http1_finish(l, user_u64(GO_ARG0(ctx) + l->cr_conn));
	return 0;
}

/* ---- processes: raw tracepoints need neither tracefs nor kprobes */

static __always_inline int process_event(__u32 is_exit)
{
	struct tap_process r = { .hdr = { .kind = TAP_PROCESS, .size = sizeof(r) }, .is_exit = is_exit };

	r.hdr.ktime_ns = bpf_ktime_get_ns();
	r.tgid = tgid_now();
	(void)bpf_get_current_comm(r.comm, sizeof(r.comm)); /* cannot fail with this size */
	if (bpf_ringbuf_output(&ring, &r, sizeof(r), BPF_RB_FORCE_WAKEUP))
		count(TAP_COUNT_lost_process);
	return 0;
}

SEC("raw_tp/sched_process_exec")
int process_exec(void *ctx)
{
	return process_event(0);
}

SEC("raw_tp/sched_process_exit")
int process_exit(void *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32;

	if ((__u32)id != tgid || !bpf_map_lookup_elem(&targets, &tgid))
		return 0;
	return process_event(1);
}
