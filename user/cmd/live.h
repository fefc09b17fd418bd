/* SPDX-License-Identifier: Apache-2.0
 *
 * live - the processes being traced: found, attached to, followed through restarts and upgrades.
 *
 * Processes are chosen by pid or by name. By name, those that come later are picked up too: at once
 * where the kernel tells of executed programs, else by a look every second. A program file is read and
 * attached to once, however many processes run it. When the last traced process has ended, tracing by
 * pid is over; tracing by name waits for the next.
 */
#ifndef ANONTAP_CMD_LIVE_H
#define ANONTAP_CMD_LIVE_H

#include "base/counters.h"
#include "tap/probe.h"
#include "tap/ring.h"
#include "tap/target.h"

#define LIVE_NAMES_MAX 16
#define LIVE_PIDS_MAX 64

struct live_options {
	uint32_t pids[LIVE_PIDS_MAX];
	size_t nr_pids;
	const char *names[LIVE_NAMES_MAX];	/* none, and no pids: kube-apiserver */
	size_t nr_names;
	bool is_waiting;			/* no process yet is no error */
	struct probes_options probes;
};

/* What happened to a process, for the person who watches. */
typedef void live_note_fn(void *ctx, const char *text);

struct live;

/* push: every record; of traced processes also what the agent knows: TAP_PROCESS and TAP_TRUST.
 * Returns 0; -ESRCH nothing to trace (and not waiting); or as probes_new(), goabi_read(),
 * probes_attach() say. */
int live_open(const struct live_options *options, record_push_fn *push, live_note_fn *note, void *ctx,
	      struct live **ret, struct err *err);

/* Wait at most timeout_ms, push what is there, follow processes. Returns 0; 1: all traced pids have
 * ended and no name is followed; -errno. */
int live_poll(struct live *l, int timeout_ms);

void live_read_counters(const struct live *l, struct counters *counters);
void live_close(struct live *l);

#endif
