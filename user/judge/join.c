/* SPDX-License-Identifier: Apache-2.0
 * One idea: pair at once only what nothing contradicts and no better one can come for; let all else wait
 * for its window, and decide then. So the order of arrival does not change what is told. */
#include "judge/join.h"

#include <errno.h>
#include <stdlib.h>
#include "judge/class.h"
#include "judge/pairs.h"
#include "judge/settled.h"
#include "judge/sources.h"
#include "judge/spans.h"
#include "judge/unlogged.h"
#include "judge/verdict.h"

#define TIMED_OUT_NS 90000000000ULL	/* a 504's handler goes on for longer than its client waited: twice the
					 * default --request-timeout, less the window */
#define OPEN_NS 300000000000ULL		/* an ordinary request without a response stage, before it is given up */

struct join {
	struct join_options o;
	struct counters *counters;
	match_push_fn *push;
	void *ctx;
	const struct policy *policy;
	struct pairs pairs;
	struct settled settled;
	struct classes classes;
	struct sources sources;
	struct route route;		/* of what is judged */
	struct spans events_lost, log_gone, wire_lost;
	uint64_t wall_ns, clock_ns;	/* of the last call; the join's own clock, which never jumps */
	uint64_t newest_event_ns;	/* greatest stage time seen: up to here the log is alive */
	bool is_apf_seen;
};

/* One side of a pair: as it was pushed, or a copy that waits, or both. */
struct wire_side {
	const struct identity *id;
	struct kept_exchange *copy;	/* NULL: it does not wait */
};

struct log_side {
	const struct event *event;
	struct kept_event *copy;	/* of this request, perhaps of an earlier stage; NULL: it does not wait */
	uint64_t arrived_ns;
};

static void advance(struct join *j, uint64_t now_ns)
{
	if (now_ns == JOIN_ALL_IN)
		return;
	if (now_ns > j->wall_ns) {
		uint64_t passed = j->wall_ns ? now_ns - j->wall_ns : 0;

		j->clock_ns += passed < JOIN_STEP_MAX_NS ? passed : JOIN_STEP_MAX_NS;
	} else if (j->wall_ns - now_ns <= JOIN_STEP_MAX_NS) {
		return; /* a little out of order */
	}
	j->wall_ns = now_ns;
}

/* NULL: no memory. */
static const struct route *route_of(struct join *j, const struct exchange *x)
{
	return route_parse(&j->route, x->method, x->request_uri) ? NULL : &j->route;
}

/* ---- keys of what was told */

static uint64_t request_key(uint64_t id_hash, uint64_t received_ns)
{
	return hash_mix(id_hash, received_ns) | 1;
}

static uint64_t id_key(uint64_t id_hash, enum settled_note note)
{
	return hash_mix(id_hash, note) & ~1ULL;
}

/* What is not remembered may come back as if it were new: do not blame anybody for it then. */
static void remember(struct join *j, uint64_t key, enum settled_note note, uint64_t at_ns)
{
	if (settled_put(&j->settled, key, note))
		spans_add(&j->wire_lost, at_ns, at_ns, COMPARE_SLACK_NS);
}

/* ---- telling */

static void drop(struct join *j, struct kept *k)
{
	if (!k)
		return;
	pending_remove(&j->pairs.pending, k);
	keep_drop(&j->pairs.pending.keep, k);
}

static void tell_pair(struct join *j, struct wire_side *w, struct log_side *l, enum join_by by, const struct agreement *a)
{
	const struct event *e = l->event;
	uint64_t id_hash = compare_id_hash(&j->pairs.compare, e->audit_id);
	const struct route *r = route_of(j, w->id->exchange);
	struct match m = {
		.verdict = a->differs & PAIR_CONTRADICTIONS ? VERDICT_MISMATCH : VERDICT_MATCHED,
		.by = by,
		.agrees = a->agrees,
		.differs = a->differs,
		.identity = w->id,
		.event = e,
		.lag_ns = e->stage_ns ? (int64_t)(l->arrived_ns - e->stage_ns) : 0,
		.skew_ns = e->received_ns && w->id->time_ns ? (int64_t)(e->received_ns - w->id->time_ns) : 0,
	};

	compare_learn(&j->pairs.compare, w->id, a);
	if (r && class_note_audited(&j->classes, class_of(&j->classes, w->id, r)))
		count(j->counters, COUNT_join_classes_full);
	/* of an earlier stage it may be another's: then the last stage must still find its own exchange */
	remember(j, request_key(id_hash, e->received_ns),
		 by == JOINED_BY_AUDIT_ID || pairs_is_last_stage(e) ? SETTLED_MATCHED : SETTLED_BY_REQUEST, e->received_ns);
	j->push(j->ctx, &m);
	drop(j, w->copy ? &w->copy->kept : NULL);
	drop(j, l->copy ? &l->copy->kept : NULL);
}

static bool spans_have_part_of(const struct spans *s, const struct identity *id)
{
	const struct exchange *x = id->exchange;
	uint64_t end = x->request_ns && x->end_ns > x->request_ns ? id->time_ns + (x->end_ns - x->request_ns) : id->time_ns;

	return s->nr && (spans_have(s, id->time_ns) || spans_have(s, compare_answered_ns(id)) || spans_have(s, end));
}

static void explain_gap(struct join *j, const struct identity *id, const struct route *r, struct match *m)
{
	uint64_t class = class_of(&j->classes, id, r);

	if (j->policy && unlogged_by(j->policy, id, r)) {
		m->gap = GAP_POLICY;
		m->why = STR("the audit policy logs nothing of it");
		return;
	}
	if (spans_have_part_of(&j->events_lost, id)) {
		m->verdict = VERDICT_PENDING;
		m->why = STR("cannot be judged: audit events of that time may be missing");
		return;
	}
	if (spans_have_part_of(&j->log_gone, id)) {
		m->gap = GAP_LOG_GONE;
		m->why = STR("the audit log was deleted, replaced or truncated at that time");
		return;
	}
	if (class_is_never_audited(&j->classes, class)) {
		m->gap = GAP_LEARNED;
		m->why = STR("no request of this class was ever in the log: the policy seems not to log them");
	}
	if (j->newest_event_ns >= compare_answered_ns(id) && class_note_missing(&j->classes, class))
		count(j->counters, COUNT_join_classes_full);
}

/* The exchange's final word without an event. cause: why it cannot be judged, whatever it is; or empty. */
static void tell_rest(struct join *j, struct wire_side *w, struct str cause)
{
	const struct exchange *x = w->id->exchange;
	const struct route *r = route_of(j, x);
	struct remainder rest = verdict_of_rest(w->id, r, j->is_apf_seen);
	uint64_t id_hash = compare_id_hash(&j->pairs.compare, verdict_audit_id(x));
	struct match m = { .verdict = rest.verdict, .why = rest.why, .identity = w->id };

	if (m.verdict == VERDICT_UNAUDITED && id_hash &&
	    settled_get(&j->settled, id_key(id_hash, SETTLED_AUDIT_ONLY)) == SETTLED_AUDIT_ONLY)
		cause = STR("cannot be judged: an event with this Audit-Id came long before the exchange ended");
	if (m.verdict == VERDICT_UNAUDITED && cause.n) {
		m.verdict = VERDICT_PENDING;
		m.why = cause;
	}
	if (m.verdict == VERDICT_UNAUDITED)
		explain_gap(j, w->id, r, &m);
	if (m.verdict == VERDICT_PENDING)
		count(j->counters, COUNT_join_unjudged);
	if (id_hash)
		remember(j, id_key(id_hash, SETTLED_UNMATCHED), SETTLED_UNMATCHED, w->id->time_ns);
	else if (m.verdict == VERDICT_PENDING)
		spans_add(&j->wire_lost, w->id->time_ns, compare_answered_ns(w->id), COMPARE_SLACK_NS);
	j->push(j->ctx, &m);
	drop(j, w->copy ? &w->copy->kept : NULL);
}

static void tell_event(struct join *j, struct kept_event *copy)
{
	const struct event *e = pairs_show_event(&j->pairs, &copy->kept);
	uint64_t late = id_key(copy->kept.id_hash, SETTLED_UNMATCHED), request = request_key(copy->kept.id_hash, e->received_ns);
	struct match m = { .verdict = VERDICT_AUDIT_ONLY, .event = e };
	enum settled_note told = settled_get(&j->settled, request);

	if (told == SETTLED_BY_REQUEST || told == SETTLED_MATCHED) {
		count(j->counters, COUNT_join_events_repeated);
		goto out;
	}
	if (settled_get(&j->settled, late) == SETTLED_UNMATCHED) {
		count(j->counters, COUNT_join_events_late);
		remember(j, request, SETTLED_MATCHED, e->received_ns);
		goto out;
	}
	if (!j->o.is_audit_only_told || e->received_ns < j->o.wire_since_ns + COMPARE_SLACK_NS)
		goto out;
	m.lag_ns = e->stage_ns ? (int64_t)(copy->arrived_ns - e->stage_ns) : 0;
	if (spans_have(&j->wire_lost, e->received_ns)) {
		m.verdict = VERDICT_PENDING;
		m.why = STR("cannot be judged: requests of that time may not have been seen");
		count(j->counters, COUNT_join_unjudged);
	} else if (sources_note_log(&j->sources, e)) {
		m.why = STR("this source was never seen on the wire: another listener, or another server's log");
	} else {
		m.why = copy->kept.list == PENDING_COMPLETE ? STR("not seen on the wire") :
							     STR("not seen on the wire, and no response was logged");
	}
	remember(j, request, SETTLED_AUDIT_ONLY, e->received_ns);
	remember(j, id_key(copy->kept.id_hash, SETTLED_AUDIT_ONLY), SETTLED_AUDIT_ONLY, e->received_ns);
	j->push(j->ctx, &m);
out:
	drop(j, &copy->kept);
}

/* ---- bounds */

static void drop_event(struct join *j, uint64_t received_ns, enum counter which)
{
	count(j->counters, which);
	spans_add(&j->events_lost, received_ns, received_ns, COMPARE_SLACK_NS);
}

static void shed_exchange(struct join *j)
{
	struct pending *p = &j->pairs.pending;
	struct kept *k = p->oldest[PENDING_ROUTINE];
	struct wire_side w;

	k = k ? k : p->oldest[PENDING_SLOW] ? p->oldest[PENDING_SLOW] : p->oldest[PENDING_NOTABLE];
	w = (struct wire_side){ pairs_show_exchange(&j->pairs, k), kept_as_exchange(k) };
	count(j->counters, COUNT_join_dropped_exchanges);
	tell_rest(j, &w, STR("cannot be judged: too many exchanges waited for their audit events"));
}

/* From the longest list: the others are not the trouble. */
static void shed_event(struct join *j)
{
	enum pending_list longest = PENDING_COMPLETE;
	struct kept *k;

	for (enum pending_list i = PENDING_OPEN; i <= PENDING_LONG; i++)
		if (j->pairs.pending.nr[i] > j->pairs.pending.nr[longest])
			longest = i;
	k = j->pairs.pending.oldest[longest];
	drop_event(j, kept_as_event(k)->received_ns, COUNT_join_dropped_events);
	drop(j, k);
}

static void hold_bounds(struct join *j)
{
	struct pending *p = &j->pairs.pending;

	while (pending_exchanges(p) > j->o.pending_max)
		shed_exchange(j);
	while (pending_events(p) > j->o.pending_max)
		shed_event(j);
	while (p->keep.bytes > j->o.bytes_max && pending_exchanges(p) + pending_events(p))
		if (pending_exchanges(p) >= pending_events(p))
			shed_exchange(j);
		else
			shed_event(j);
}

/* ---- judging what has waited */

enum last_word {
	WINDOW_OVER,
	ALL_IN,		/* nothing more will come */
	CUT_SHORT,	/* it did not wait for its window */
};

static void judge_exchange(struct join *j, struct kept_exchange *copy, enum last_word word)
{
	struct wire_side w = { pairs_show_exchange(&j->pairs, &copy->kept), copy };
	bool is_early;
	struct pair best = pairs_event_late(&j->pairs, copy, w.id, word == ALL_IN ? UINT64_MAX : j->clock_ns, &is_early);

	if (best.copy && (best.is_whole || word != CUT_SHORT) && !(is_early && !best.is_whole)) {
		struct log_side l = { pairs_show_event(&j->pairs, best.copy), kept_as_event(best.copy), kept_as_event(best.copy)->arrived_ns };

		tell_pair(j, &w, &l, best.by, &best.a);
	} else if (is_early && word == WINDOW_OVER) {
		copy->is_postponed = true;
		pending_move(&j->pairs.pending, &copy->kept, (enum pending_list)copy->kept.list, j->clock_ns + j->o.window_ns);
	} else {
		tell_rest(j, &w, word == CUT_SHORT ? STR("cannot be judged: the run ended before its window was over") :
						     (struct str){ 0 });
	}
}

static void judge_event(struct join *j, struct kept_event *copy)
{
	if (pairs_is_wanted(&j->pairs, copy))
		pending_move(&j->pairs.pending, &copy->kept, (enum pending_list)copy->kept.list, j->clock_ns + j->o.window_ns);
	else
		tell_event(j, copy);
}

void join_tick(struct join *j, uint64_t now_ns)
{
	struct kept **oldest = j->pairs.pending.oldest;

	advance(j, now_ns);
	for (enum pending_list i = PENDING_ROUTINE; i <= PENDING_NOTABLE; i++)
		while (oldest[i] && oldest[i]->due_ns <= j->clock_ns)
			judge_exchange(j, kept_as_exchange(oldest[i]), WINDOW_OVER);
	for (enum pending_list i = PENDING_COMPLETE; i <= PENDING_OPEN; i++)
		while (oldest[i] && oldest[i]->due_ns <= j->clock_ns)
			judge_event(j, kept_as_event(oldest[i]));
}

void join_finish(struct join *j, uint64_t now_ns)
{
	struct kept **oldest = j->pairs.pending.oldest;
	enum last_word word = now_ns == JOIN_ALL_IN ? ALL_IN : CUT_SHORT;

	join_tick(j, now_ns == JOIN_ALL_IN ? j->wall_ns : now_ns);
	for (enum pending_list i = PENDING_ROUTINE; i <= PENDING_NOTABLE; i++)
		while (oldest[i])
			judge_exchange(j, kept_as_exchange(oldest[i]), word);
	for (enum pending_list i = PENDING_COMPLETE; i <= PENDING_LONG; i++)
		while (oldest[i])
			if (word == ALL_IN)
				tell_event(j, kept_as_event(oldest[i]));
			else
				drop(j, oldest[i]); /* its exchange may be under way */
}

/* ---- what comes in */

/* Requests that this exchange hides: their events must not be called audit-only. */
static void note_hidden(struct join *j, const struct identity *id, bool is_joinable)
{
	uint64_t answered = compare_answered_ns(id), begin = id->time_ns;

	if (is_joinable && !(id->exchange->doubts & (DOUBT_RECORDS_LOST | DOUBT_OUT_OF_MEMORY)))
		return;
	if (!id->exchange->request_ns)
		begin = begin > j->o.window_ns ? begin - j->o.window_ns : 0;
	spans_add(&j->wire_lost, begin, answered, COMPARE_SLACK_NS);
}

static void keep_waiting(struct join *j, const struct identity *id, uint64_t id_hash, uint64_t uri_hash)
{
	const struct exchange *x = id->exchange;
	struct kept_exchange *copy = keep_exchange(&j->pairs.pending.keep, id);
	struct wire_side w = { id, NULL };
	enum pending_list list = PENDING_NOTABLE;
	uint64_t wait = j->o.window_ns;
	int r;

	if (!copy) {
		count(j->counters, COUNT_join_dropped_exchanges);
		tell_rest(j, &w, STR("cannot be judged: no memory to wait for the audit event"));
		return;
	}
	copy->kept.id_hash = id_hash;
	copy->kept.uri_hash = uri_hash;
	copy->is_id_unique = verdict_is_id_unique(x);
	if (x->status == 504) {
		list = PENDING_SLOW;
		wait += TIMED_OUT_NS;
	} else if (id->credential.outcome == OUTCOME_ACCEPTED) {
		list = PENDING_ROUTINE;
	}
	r = pending_add(&j->pairs.pending, &copy->kept, list, j->clock_ns + wait);
	if (r) {
		keep_drop(&j->pairs.pending.keep, &copy->kept);
		count(j->counters, r == -ENOMEM ? COUNT_join_dropped_exchanges : COUNT_join_same_id);
		tell_rest(j, &w, r == -ENOMEM ? STR("cannot be judged: no memory to wait for the audit event") :
						STR("cannot be judged: too many requests with this Audit-Id wait"));
		return;
	}
	hold_bounds(j);
}

void join_push_identity(struct join *j, const struct identity *id, uint64_t now_ns)
{
	const struct exchange *x = id->exchange;
	uint64_t id_hash = compare_id_hash(&j->pairs.compare, verdict_audit_id(x)), uri_hash = 0;
	struct wire_side w = { id, NULL };
	const struct route *r = id_hash ? NULL : route_of(j, x);
	struct pair best;

	advance(j, now_ns);
	j->is_apf_seen |= x->has_flow_schema;
	sources_note_wire(&j->sources, x->conn);
	if (!id_hash && verdict_may_join_by_request(x, r))
		uri_hash = compare_uri_hash_of_wire(&j->pairs.compare, x);
	note_hidden(j, id, id_hash || uri_hash || verdict_of_rest(id, r, true).verdict == VERDICT_UNAUDITABLE);
	if (!id_hash && !uri_hash) {
		tell_rest(j, &w, (struct str){ 0 });
		return;
	}
	best = pairs_event_now(&j->pairs, id, id_hash, uri_hash, verdict_is_id_unique(x));
	if (best.copy) {
		struct log_side l = { pairs_show_event(&j->pairs, best.copy), kept_as_event(best.copy), kept_as_event(best.copy)->arrived_ns };

		tell_pair(j, &w, &l, best.by, &best.a);
		return;
	}
	keep_waiting(j, id, id_hash, uri_hash);
}

static enum pending_list list_of(const struct event *e)
{
	static const char *const subresources[] = { "attach", "exec", "proxy", "log", "portforward" };

	if (pairs_is_last_stage(e))
		return PENDING_COMPLETE;
	if (str_eq(e->verb, STR("watch")) || str_eq(e->verb, STR("proxy")) ||
	    str_starts(e->request_uri, STR("/debug/pprof/")) || e->stage == STAGE_RESPONSE_STARTED)
		return PENDING_LONG;
	for (size_t i = 0; i < sizeof(subresources) / sizeof(*subresources); i++)
		if (str_eq(e->object.subresource, str_of(subresources[i])))
			return PENDING_LONG;
	return PENDING_OPEN;
}

static uint64_t due_of(const struct join *j, enum pending_list list)
{
	return list == PENDING_COMPLETE ? j->clock_ns + j->o.window_ns :
	       list == PENDING_OPEN	? j->clock_ns + j->o.window_ns + OPEN_NS :
					  UINT64_MAX;
}

static void keep_event_waiting(struct join *j, struct log_side *l, uint64_t id_hash, uint64_t uri_hash)
{
	const struct event *e = l->event;
	struct kept_event *copy = keep_event(&j->pairs.pending.keep, e);
	enum pending_list list = list_of(e);
	int r;

	if (!copy) {
		drop_event(j, e->received_ns, COUNT_join_dropped_events);
		return;
	}
	copy->arrived_ns = l->arrived_ns;
	copy->stages_seen = (uint8_t)(1 << e->stage);
	if (l->copy) {
		copy->stages_seen |= l->copy->stages_seen;
		pending_replace(&j->pairs.pending, &l->copy->kept, &copy->kept);
		pending_move(&j->pairs.pending, &copy->kept, list, due_of(j, list));
		hold_bounds(j);
		return;
	}
	copy->kept.id_hash = id_hash;
	copy->kept.uri_hash = uri_hash;
	r = pending_add(&j->pairs.pending, &copy->kept, list, due_of(j, list));
	if (r) {
		keep_drop(&j->pairs.pending.keep, &copy->kept);
		drop_event(j, e->received_ns, r == -ENOMEM ? COUNT_join_dropped_events : COUNT_join_same_id);
		return;
	}
	hold_bounds(j);
}

void join_push_event(struct join *j, const struct event *e, uint64_t now_ns)
{
	uint64_t id_hash = compare_id_hash(&j->pairs.compare, e->audit_id), uri_hash = compare_uri_hash_of_log(&j->pairs.compare, e);
	struct log_side l = { .event = e, .arrived_ns = now_ns };
	enum settled_note told;
	bool is_repeated;

	advance(j, now_ns);
	if (e->stage_ns > j->newest_event_ns)
		j->newest_event_ns = e->stage_ns;
	told = settled_get(&j->settled, request_key(id_hash, e->received_ns));
	if (told == SETTLED_MATCHED || told == SETTLED_AUDIT_ONLY) {
		count(j->counters, COUNT_join_events_repeated);
		return;
	}
	l.copy = pairs_find_request(&j->pairs, e, id_hash, uri_hash, &is_repeated);
	if (is_repeated) {
		count(j->counters, COUNT_join_events_repeated);
		return;
	}
	if (l.copy && l.copy->stage > e->stage) { /* out of order: the later stage says more */
		l.copy->stages_seen |= (uint8_t)(1 << e->stage);
		return;
	}
	if (pairs_is_last_stage(e)) {
		struct pair best = pairs_exchange_now(&j->pairs, e, id_hash, uri_hash);

		if (best.copy) {
			struct wire_side w = { pairs_show_exchange(&j->pairs, best.copy), kept_as_exchange(best.copy) };

			tell_pair(j, &w, &l, best.by, &best.a);
			return;
		}
	}
	keep_event_waiting(j, &l, id_hash, uri_hash);
}

/* ---- the rest */

void join_events_lost(struct join *j, uint64_t from_ns, uint64_t to_ns)
{
	spans_add(&j->events_lost, from_ns, to_ns, COMPARE_SLACK_NS);
}

void join_log_gone(struct join *j, uint64_t from_ns, uint64_t to_ns)
{
	spans_add(&j->log_gone, from_ns, to_ns, COMPARE_SLACK_NS);
}

void join_wire_lost(struct join *j, uint64_t from_ns, uint64_t to_ns)
{
	spans_add(&j->wire_lost, from_ns, to_ns, COMPARE_SLACK_NS);
}

void join_set_policy(struct join *j, const struct policy *policy)
{
	j->policy = policy;
}

struct join_waiting join_waiting(const struct join *j)
{
	return (struct join_waiting){ pending_exchanges(&j->pairs.pending), pending_events(&j->pairs.pending), j->pairs.pending.keep.bytes };
}

struct join *join_new(const struct join_options *options, struct counters *counters, match_push_fn *push, void *ctx)
{
	struct join *j = calloc(1, sizeof(*j));
	struct hash_key key = { { options->seed[0], options->seed[1] } };

	if (!j || settled_init(&j->settled)) {
		free(j);
		return NULL;
	}
	j->o = *options;
	j->o.window_ns = j->o.window_ns ? j->o.window_ns : JOIN_WINDOW_NS;
	j->o.pending_max = j->o.pending_max ? j->o.pending_max : JOIN_PENDING_MAX;
	j->o.bytes_max = j->o.bytes_max ? j->o.bytes_max : JOIN_BYTES_MAX;
	j->counters = counters;
	j->push = push;
	j->ctx = ctx;
	j->pairs.compare.issuers.key = j->classes.key = j->sources.key = key;
	return j;
}

void join_free(struct join *j)
{
	if (!j)
		return;
	pairs_done(&j->pairs);
	settled_done(&j->settled);
	classes_done(&j->classes);
	sources_done(&j->sources);
	route_done(&j->route);
	free(j);
}
