/* SPDX-License-Identifier: Apache-2.0
 *
 * join - sets every exchange of the wire against the audit log, and says what it found.
 *
 * Identities and audit events are pushed in, in any order and with any delay within the window. Every
 * identity gets exactly one struct match, its final word; so does every audited request (all stages
 * under one Audit-Id of one request) that no exchange has. Time is told from outside (now_ns, wall
 * clock), so that live and offline runs are the same. Memory is bounded.
 *
 * How two are found to be one request:
 * - by Audit-Id, at once when nothing contradicts and the event is the last of its request's stages. A
 *   client may choose the id, and repeat it: then the times must be near as well, and what is left when
 *   the window is over is paired by best agreement, one exchange to one audited request; what differs in
 *   URI, verb, source or time then is another request, not a mismatch.
 * - without an Audit-Id on the wire (a hijacked connection, a response not seen) by URI, source, user
 *   agent, verb and time, all of which must agree.
 * What contradicts is told when both have waited for their window, so that nothing better can come.
 *
 * A verdict is proved, not guessed: no `unaudited` for an exchange in doubt because records were lost,
 * nor for a time in which audit events were lost; no `audit-only` is blamed on the server when the loss
 * was ours. Where proof is not possible the final word is `pending`, with a `why` that begins "cannot be
 * judged:", counted as join_unjudged.
 *
 * What an exchange is missing in the log for (enum gap_reason) is told as far as it is known. A class of
 * requests that was never in the log of this run, while others were, is learned (judge/class).
 *
 * Limits: an exchange is emitted by wire/ when it ends, so a watch without an event is told only then;
 * its events wait as long. Clients that stall their response for longer than the window make their
 * request audit-only first and `pending` later.
 */
#ifndef ANONTAP_JUDGE_JOIN_H
#define ANONTAP_JUDGE_JOIN_H

#include "audit/event.h"
#include "audit/policy.h"
#include "judge/cred.h"

#define VERDICTS(X) \
	X(PENDING,	"pending")		/* cannot be judged; or, in live output, not yet */ \
	X(MATCHED,	"matched") \
	X(UNAUDITED,	"unaudited")		/* on the wire, past the window, not in the log */ \
	X(UNAUDITABLE,	"unauditable")		/* never reaches the audit chain */ \
	X(AUDIT_ONLY,	"audit-only")		/* in the log, not seen on the wire */ \
	X(MISMATCH,	"mismatch")		/* both, and they contradict each other */

enum verdict {
#define X(name, word) VERDICT_##name,
	VERDICTS(X)
#undef X
	VERDICT_MAX,
};

#define JOIN_FIELDS(X) \
	X(REQUEST_URI,	"requestURI") \
	X(VERB,		"verb") \
	X(SOURCE_IP,	"sourceIP") \
	X(STATUS,	"status") \
	X(TIME,		"time") \
	X(USER_AGENT,	"userAgent") \
	X(IDENTITY,	"identity")		/* the wire's certificate or token subject, the event's user */ \
	X(CREDENTIAL_ID, "credentialID") \
	X(IMPERSONATED,	"impersonatedUser")

enum join_field {
#define X(name, word) JOIN_##name,
	JOIN_FIELDS(X)
#undef X
	JOIN_FIELD_MAX,
};

#define JOINED_BYS(X) \
	X(NOTHING,	"") \
	X(AUDIT_ID,	"auditID")		/* and what else agrees: `agrees` */ \
	X(REQUEST,	"request")		/* no Audit-Id on the wire (101): URI, source, user agent and time */

enum join_by {
#define X(name, word) JOINED_BY_##name,
	JOINED_BYS(X)
#undef X
	JOINED_BY_MAX,
};

/* Why an exchange is unaudited, as far as is known. */
#define GAP_REASONS(X) \
	X(UNEXPLAINED,	"unexplained") \
	X(POLICY,	"policy")		/* the policy file says that nothing of it is logged */ \
	X(LEARNED,	"learned")		/* nothing of its class was ever logged in this run */ \
	X(LOG_GONE,	"log-gone")		/* the log was deleted, replaced or truncated */

enum gap_reason {
#define X(name, word) GAP_##name,
	GAP_REASONS(X)
#undef X
	GAP_MAX,
};

struct match {
	enum verdict verdict;
	enum join_by by;
	enum gap_reason gap;
	uint32_t agrees, differs;	/* bit per enum join_field; neither: could not be compared */
	const struct identity *identity;	/* NULL for audit-only */
	const struct event *event;		/* NULL for unaudited and unauditable */
	struct str why;			/* a sentence for a person; may be empty; valid for ever */
	int64_t lag_ns;			/* from the event's stage time to when it was pushed; 0 without an event */
	int64_t skew_ns;		/* the event's received time minus the wire's request time; 0 without both */
};

typedef void match_push_fn(void *ctx, const struct match *m);

const char *verdict_word(enum verdict v);
const char *join_field_word(enum join_field f);
const char *join_by_word(enum join_by by);
const char *gap_reason_word(enum gap_reason gap);

#define JOIN_WINDOW_NS 35000000000ULL	/* above the webhook's 30 s batch wait */
#define JOIN_PENDING_MAX 65536
#define JOIN_BYTES_MAX (48u * 1024 * 1024)

struct join_options {
	uint64_t window_ns;		/* 0: JOIN_WINDOW_NS */
	size_t pending_max;		/* exchanges, and again audited requests, that wait; 0: JOIN_PENDING_MAX */
	size_t bytes_max;		/* of both; 0: JOIN_BYTES_MAX */
	bool is_audit_only_told;	/* emit audited requests that the wire does not have */
	uint64_t wire_since_ns;		/* wall clock: when the sensor began to see; older ones are not audit-only */
	uint64_t seed[2];		/* for the hashes of what clients choose: random, but in tests */
};

struct join;

/* NULL: no memory. push must not call the join. */
struct join *join_new(const struct join_options *options, struct counters *counters, match_push_fn *push, void *ctx);
void join_free(struct join *j);		/* emits nothing: join_finish() first */

/* now_ns is the wall clock of the push, in a live run; offline, the time of the end of the exchange, or
 * of the event's stage. A step of the clock, or of time in which nobody called, counts for
 * JOIN_STEP_MAX_NS at most: whoever was stopped for a minute has not waited for a minute. Times may be
 * out of order by as much; more is a clock that was set back. */
#define JOIN_STEP_MAX_NS 5000000000ULL
void join_push_identity(struct join *j, const struct identity *id, uint64_t now_ns);
void join_push_event(struct join *j, const struct event *e, uint64_t now_ns);

/* Wall clock, at least once a second: judge what has waited for the window. */
void join_tick(struct join *j, uint64_t now_ns);

/* Nothing more will come: a word for all that waits. What has not waited for its window cannot be
 * judged - unless now_ns is JOIN_ALL_IN: the log was read to its end, so what is missing is missing. */
#define JOIN_ALL_IN UINT64_MAX
void join_finish(struct join *j, uint64_t now_ns);

/* What is known of stretches of wall clock time, told before they are judged. Audit events may be
 * missing because anontap did not read them; because the log was deleted, replaced or truncated;
 * requests may be missing because records, or whole connections, were lost, or because the wire was not
 * looked at any more (to_ns JOIN_ALL_IN). */
void join_events_lost(struct join *j, uint64_t from_ns, uint64_t to_ns);
void join_log_gone(struct join *j, uint64_t from_ns, uint64_t to_ns);
void join_wire_lost(struct join *j, uint64_t from_ns, uint64_t to_ns);

/* The server's audit policy: it explains gaps (judge/unlogged). Borrowed until it is replaced; NULL:
 * none. */
void join_set_policy(struct join *j, const struct policy *policy);

/* What waits: figures for metrics. */
struct join_waiting {
	size_t exchanges, events, bytes;
};
struct join_waiting join_waiting(const struct join *j);

#endif
