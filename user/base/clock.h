/* SPDX-License-Identifier: Apache-2.0
 *
 * clock - the kernel's monotonic time against the wall clock, and RFC 3339.
 *
 * Records carry CLOCK_MONOTONIC (ktime). The map to wall time is taken when the agent asks, so that a
 * stepped wall clock shows as drift, not as disorder. Only cmd/ and tell/ call clock_read().
 */
#ifndef ANONTAP_BASE_CLOCK_H
#define ANONTAP_BASE_CLOCK_H

#include <stdint.h>
#include "base/str.h"

struct clock_map {
	int64_t offset_ns;	/* wall - monotonic */
};

uint64_t clock_mono_ns(void);
uint64_t clock_wall_ns(void);

/* Read both clocks, closely together. */
void clock_read(struct clock_map *m);

#define CLOCK_RFC3339_MAX 36

/* "2026-11-22T03:27:18.123456789Z" into out; returns its length. UTC. */
size_t clock_rfc3339(uint64_t wall_ns, char out[CLOCK_RFC3339_MAX]);

/* The reverse; fraction of 0 to 9 digits, 'Z' or an offset. Returns 0; -EINVAL. */
int clock_parse_rfc3339(struct str s, uint64_t *ret_wall_ns);

#endif
