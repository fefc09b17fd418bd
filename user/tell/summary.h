/* SPDX-License-Identifier: Apache-2.0
 *
 * summary - what a run amounts to: by credential and outcome, by status class, who and what came without
 * a credential, and what was lost.
 *
 * Bounded: paths and clients of credential-less calls are counted in tables of SUMMARY_TOP_MAX entries by
 * the Space-Saving rule, so that a count may be too high by at most what it says, and never too low.
 */
#ifndef ANONTAP_TELL_SUMMARY_H
#define ANONTAP_TELL_SUMMARY_H

#include <stdio.h>
#include "base/buf.h"
#include "base/counters.h"
#include "judge/cred.h"

#define SUMMARY_TOP_MAX		1024	/* distinct keys counted; beyond, the rarest is taken over */
#define SUMMARY_TOP_SHOWN	8
#define SUMMARY_TARGETS_MAX	64
#define SUMMARY_KEY_MAX		120	/* bytes of a path that tell it apart */

/* Hashes and counts stand apart from the keys: a search reads 4 KiB, not 140. */
struct summary_entries {
	uint32_t hash[SUMMARY_TOP_MAX];
	uint64_t n[SUMMARY_TOP_MAX];
	uint64_t error[SUMMARY_TOP_MAX];	/* n may be too high by this much */
	char key[SUMMARY_TOP_MAX][SUMMARY_KEY_MAX + 1];
};

struct summary_top {
	struct summary_entries *entries;	/* allocated at the first use */
	size_t nr;
	bool is_approximate;
};

struct summary {
	uint64_t exchanges;
	uint64_t by_kind[CRED_KIND_MAX];
	uint64_t by_outcome[OUTCOME_MAX];
	uint64_t by_both[CRED_KIND_MAX][OUTCOME_MAX];
	uint64_t by_class[6];		/* status / 100; 0: no response seen */
	uint64_t by_doubt[DOUBT_MAX];
	uint64_t in_doubt;		/* exchanges with any doubt */
	struct summary_top paths, clients;
	char targets[SUMMARY_TARGETS_MAX][TAP_TARGET_MAX + 16];	/* "kube-apiserver (pid 812)" */
	uint32_t pids[SUMMARY_TARGETS_MAX];
	size_t nr_targets;
};

/* What the run was, beside its exchanges. */
struct summary_run {
	const struct counters *counters;
	uint64_t ring_bytes, ring_records;	/* 0 for a replay */
	uint64_t wall_ns;
};

void summary_push(struct summary *s, const struct identity *id);	/* a zeroed summary is valid */
void summary_done(struct summary *s);

/* For a person: several lines. */
void summary_print(const struct summary *s, const struct summary_run *run, bool is_colour, FILE *out);

/* The Summary line, with its newline. */
void summary_json(const struct summary *s, const struct summary_run *run, struct buf *out);

/* Is the caller anonymous to the server: nothing sent, or nothing that it takes? */
bool credential_is_none(const struct credential *c);

#endif
