/* SPDX-License-Identifier: Apache-2.0
 *
 * coverage - what an analysis amounts to: how much of what was on the wire is in the audit log, what is
 * missing from it and why, who called, who called anonymously, who failed to authenticate; hour by hour.
 *
 * A zeroed one is valid. Bounded: keys are counted by tell/top, hours up to COVERAGE_HOURS_MAX; what is
 * beyond those is in the totals and not in an hour.
 */
#ifndef ANONTAP_TELL_COVERAGE_H
#define ANONTAP_TELL_COVERAGE_H

#include "base/buf.h"
#include "base/counters.h"
#include "judge/join.h"
#include "tell/top.h"

#define COVERAGE_HOURS_MAX	(366 * 24)
#define COVERAGE_HOURS_SHOWN	48
#define COVERAGE_SKEWS		1024

struct coverage_hour {
	uint64_t hour;			/* since 1970 */
	uint64_t exchanges, matched, unaudited, mismatch;
	uint64_t requests, anonymous, rejected;	/* of the log */
};

struct coverage {
	uint64_t exchanges;		/* on the wire */
	uint64_t by_verdict[VERDICT_MAX];	/* of exchanges, and of requests that only the log has */
	uint64_t by_gap[GAP_MAX];
	uint64_t agrees[JOIN_FIELD_MAX], differs[JOIN_FIELD_MAX];	/* of matched and mismatch */
	uint64_t identity_mismatches;
	uint64_t before_log, after_log;	/* exchanges outside the log's time: pending */
	uint64_t outside_wire;		/* audited requests outside the recordings' time: in no verdict */
	uint64_t skews[COVERAGE_SKEWS], nr_skews;
	struct top unaudited[GAP_MAX], mismatches, audit_only;	/* paths */
	uint64_t requests;		/* in the log */
	uint64_t anonymous, anonymous_allowed, rejected;
	struct top users, anonymous_paths, rejected_sources;
	struct coverage_hour *hours;	/* in order */
	size_t nr_hours, hours_cap, at_hour;
	uint64_t hours_left_out;	/* exchanges and requests of no hour */
};

/* What the run was, beside what was pushed. Times are the wall clock's, 0: there was none. */
struct coverage_run {
	const struct counters *counters;
	bool has_wire, has_log;
	uint64_t log_from_ns, log_to_ns, wire_from_ns, wire_to_ns;
	uint64_t wire_lost;		/* records that the sensor lost, as the recordings say */
	unsigned nr_unended, nr_cut;	/* recordings without a Summary; cut short */
};

/* One that is told. An exchange that is outside the log's time goes to one of the next two instead; an
 * audited request outside the recordings' to the third. */
void coverage_match(struct coverage *c, const struct match *m);
void coverage_before_log(struct coverage *c, const struct identity *id);
void coverage_after_log(struct coverage *c, const struct identity *id);
void coverage_outside_wire(struct coverage *c);

/* An event of the log that stands for its request: of the last stage, which is ResponseComplete or Panic,
 * of a failed authentication ResponseStarted. Others are not counted. */
bool coverage_is_request(const struct event *e);
void coverage_event(struct coverage *c, const struct event *e);
void coverage_done(struct coverage *c);

/* matched of matched and unaudited, in thousand-millionths; UINT64_MAX: there is neither. */
uint64_t coverage_ratio(uint64_t matched, uint64_t unaudited);

/* An unaudited exchange that nothing explains, or an identity that is not the log's. */
bool coverage_has_findings(const struct coverage *c);

/* For a person; and the Summary line, with its newline. */
void coverage_print(const struct coverage *c, const struct coverage_run *run, bool is_colour, FILE *out);
void coverage_json(const struct coverage *c, const struct coverage_run *run, struct buf *out);

/* Nanoseconds, the upper of the two middle ones when they are two, within 7 %. 0 without any. */
int64_t coverage_skew_median(const struct coverage *c);

#endif
