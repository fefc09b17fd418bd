/* SPDX-License-Identifier: Apache-2.0
 *
 * counters - one number for each line of include/counters.def. A stage counts a loss or a fault the
 * moment it happens; tell/ prints them.
 */
#ifndef ANONTAP_BASE_COUNTERS_H
#define ANONTAP_BASE_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

enum counter {
#define KERNEL(name, help) COUNT_##name,
#define USER(name, help)
#include "counters.def"
#undef USER
	COUNT_KERNEL_END,	/* kernel counters have the indices of the BPF map */
	COUNT_USER_BEFORE = COUNT_KERNEL_END - 1,
#define USER(name, help) COUNT_##name,
#undef KERNEL
#define KERNEL(name, help)
#include "counters.def"
#undef KERNEL
#undef USER
	COUNT_MAX,
};

struct counters {
	uint64_t v[COUNT_MAX];
};

static inline void count(struct counters *c, enum counter which)
{
	c->v[which]++;
}

const char *counter_name(enum counter which);
const char *counter_help(enum counter which);
bool counter_is_loss(enum counter which);	/* records or knowledge that anontap itself lost */

#endif
