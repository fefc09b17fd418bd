/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * goabi.bpf.h - Go's register ABI (ABIInternal), and reading the traced process's memory.
 */
#ifndef ANONTAP_GOABI_BPF_H
#define ANONTAP_GOABI_BPF_H

#include "count.bpf.h"
#include "kernel.bpf.h"

/* The first four integer arguments, in order (src/cmd/compile/abi-internal.md). */
#if defined(__TARGET_ARCH_x86)
#define GO_ARG0(ctx) ((ctx)->ax)
#define GO_ARG1(ctx) ((ctx)->bx)
#define GO_ARG2(ctx) ((ctx)->cx)
#define GO_ARG3(ctx) ((ctx)->di)
#else
#define GO_ARG0(ctx) ((ctx)->regs[0])
#define GO_ARG1(ctx) ((ctx)->regs[1])
#define GO_ARG2(ctx) ((ctx)->regs[2])
#define GO_ARG3(ctx) ((ctx)->regs[3])
#endif

struct go_slice {
	__u64 ptr;
	__s64 len;
	__s64 cap;
};

struct go_string {
	__u64 ptr;
	__s64 len;
};

struct go_iface {
	__u64 itab;
	__u64 data;
};

/* Read `size` bytes, a constant, of user memory. 0, or -1 and counted. */
static __always_inline int user_read(void *to, __u32 size, __u64 from)
{
	if (bpf_probe_read_user(to, size, (void *)from)) {
		count(TAP_COUNT_unreadable);
		return -1;
	}
	return 0;
}

static __always_inline __u64 user_u64(__u64 from)
{
	__u64 v = 0;

	(void)user_read(&v, sizeof(v), from); /* 0 leads nowhere: the next read fails too, and is counted */
	return v;
}

#endif
