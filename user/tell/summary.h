/* SPDX-License-Identifier: Apache-2.0
 *
 * summary - what a run amounts to: by credential and outcome, by status class, who and what came without
 * a credential, and what was lost.
 *
 * Bounded: paths and clients of credential-less calls are counted by tell/top.
 */
#ifndef ANONTAP_TELL_SUMMARY_H
#define ANONTAP_TELL_SUMMARY_H

#include <stdio.h>
#include "base/buf.h"
#include "base/counters.h"
#include "judge/cred.h"
#include "tell/top.h"

#define SUMMARY_TARGETS_MAX	64

struct summary {
	uint64_t exchanges;
	uint64_t by_kind[CRED_KIND_MAX];
	uint64_t by_outcome[OUTCOME_MAX];
	uint64_t by_both[CRED_KIND_MAX][OUTCOME_MAX];
	uint64_t by_class[6];		/* status / 100; 0: no response seen */
	uint64_t by_doubt[DOUBT_MAX];
	uint64_t in_doubt;		/* exchanges with any doubt */
	struct top paths, clients;
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

/* The sum of all that a Summary line says was lost. Returns 0; -EINVAL: it is none. */
int summary_parse_lost(struct str line, uint64_t *ret);

/* Is the caller anonymous to the server: nothing sent, or nothing that it takes? */
bool credential_is_none(const struct credential *c);

#endif
