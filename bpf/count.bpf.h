/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * count.bpf.h - what was lost or could not be done, one number for each KERNEL line of counters.def.
 * Losses are rare, so one shared array costs nothing and user space reads it through the mapping.
 */
#ifndef ANONTAP_COUNT_BPF_H
#define ANONTAP_COUNT_BPF_H

#include "kernel.bpf.h"

enum tap_count {
#define KERNEL(name, help) TAP_COUNT_##name,
#define USER(name, help)
#include "counters.def"
#undef KERNEL
#undef USER
	TAP_COUNT_MAX,
};

__u64 counted[TAP_COUNT_MAX];

static __always_inline void count(enum tap_count which)
{
	__sync_fetch_and_add(&counted[which], 1);
}

#endif
