/* SPDX-License-Identifier: Apache-2.0
 *
 * join - sets every exchange of the wire against the audit log, and says what it found.
 *
 * Identities and audit events are pushed in, in any order and with any delay within the window; one
 * struct match is emitted for every exchange, and one for every audited request that the wire does not
 * have. The first stage that matches is enough. Time is told from outside (join_tick), so that live
 * and offline runs are the same. Memory is bounded; what a bound drops is counted, and never becomes a
 * verdict.
 *
 * A verdict is proved, not guessed: no `unaudited` for an exchange in doubt because records were lost,
 * nor for a time in which audit events were lost; no `audit-only` is blamed on the server when the loss
 * was ours.
 */
#ifndef ANONTAP_JUDGE_JOIN_H
#define ANONTAP_JUDGE_JOIN_H

#include "audit/event.h"
#include "judge/cred.h"

#define VERDICTS(X) \
	X(PENDING,	"pending") \
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

enum join_by {
	JOINED_BY_NOTHING = 0,
	JOINED_BY_AUDIT_ID,	/* and what else agrees: `agrees` */
	JOINED_BY_REQUEST,	/* no Audit-Id on the wire (101): URI, source, user agent and time */
};

/* Why an exchange is unaudited, as far as is known. */
enum gap_reason {
	GAP_UNEXPLAINED = 0,
	GAP_POLICY,		/* the policy file says that nothing of it is logged */
	GAP_LEARNED,		/* nothing of its class was ever logged in this run */
	GAP_LOG_GONE,		/* the log was deleted, replaced or truncated */
};

struct match {
	enum verdict verdict;
	enum join_by by;
	enum gap_reason gap;
	uint32_t agrees, differs;	/* bit per enum join_field; neither: could not be compared */
	const struct identity *identity;	/* NULL for audit-only */
	const struct event *event;		/* NULL for unaudited and unauditable */
	struct str why;			/* a sentence for a person; may be empty */
	int64_t lag_ns;			/* from the event's stage time to when it was pushed */
	int64_t skew_ns;		/* the event's received time minus the wire's request time */
};

typedef void match_push_fn(void *ctx, const struct match *m);

const char *verdict_word(enum verdict v);
const char *join_field_word(enum join_field f);

struct join_options {
	uint64_t window_ns;		/* 0: 35 s, above the webhook's 30 s batch wait */
	size_t pending_max;		/* exchanges and audited requests that wait; 0: 65536 */
	bool is_audit_only_told;	/* emit audit-only matches for requests received after wire_since_ns */
	uint64_t wire_since_ns;		/* wall clock: when the sensor began to see */
};

struct join;

struct join *join_new(const struct join_options *options, struct counters *counters, match_push_fn *push, void *ctx);
void join_free(struct join *j);

void join_push_identity(struct join *j, const struct identity *id);
void join_push_event(struct join *j, const struct event *e, uint64_t now_ns);

/* The audit source says that events between these times may be missing, or that all up to this time are in. */
void join_events_lost(struct join *j, uint64_t from_ns, uint64_t to_ns);

void join_tick(struct join *j, uint64_t now_ns);	/* wall clock: judge what is older than the window */
void join_finish(struct join *j, uint64_t now_ns);	/* no more of either: judge all that waits */

#endif
