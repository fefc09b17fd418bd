/* SPDX-License-Identifier: Apache-2.0
 * One idea: an id that the server made belongs to one request, so that agreement is only checked; one
 * that the client chose says where to look, and agreement decides. */
#include "judge/pairs.h"

#define NEAR_NS 50000000ULL		/* times of one request on both sides, when the id alone proves nothing */
#define WALK_MAX PENDING_SAME_ID_MAX	/* of those under one URI that are looked at */

#define DIFFERS(a, field) ((a).differs & 1u << JOIN_##field)
#define AGREES(a, field) ((a).agrees & 1u << JOIN_##field)

const struct identity *pairs_show_exchange(struct pairs *p, const struct kept *k)
{
	kept_exchange_show((const struct kept_exchange *)(const void *)k, &p->shown);
	return &p->shown.id;
}

const struct event *pairs_show_event(struct pairs *p, const struct kept *k)
{
	kept_event_show((const struct kept_event *)(const void *)k, &p->event);
	return &p->event;
}

struct kept_exchange *kept_as_exchange(struct kept *k)
{
	return (struct kept_exchange *)(void *)k;
}

struct kept_event *kept_as_event(struct kept *k)
{
	return (struct kept_event *)(void *)k;
}

bool pairs_is_last_stage(const struct event *e)
{
	return e->stage == STAGE_RESPONSE_COMPLETE || e->stage == STAGE_PANIC ||
	       (e->stage == STAGE_RESPONSE_STARTED && !e->user.username.n);
}

static bool is_better(const struct pair *old, const struct agreement *a, bool is_whole)
{
	int was = __builtin_popcount(old->a.agrees) - __builtin_popcount(old->a.differs);
	int is = __builtin_popcount(a->agrees) - __builtin_popcount(a->differs);

	if (!old->copy || is_whole != old->is_whole)
		return !old->copy || is_whole;
	return is != was ? is > was : a->distance_ns < old->a.distance_ns;
}

/* Nothing contradicts; and where the id may be another request's too, the time agrees. */
static bool is_whole(const struct agreement *a, bool is_id_unique)
{
	return !(a->differs & PAIR_CONTRADICTIONS) && (is_id_unique || !DIFFERS(*a, TIME));
}

/* They need not wait for better. */
static bool is_certain(const struct agreement *a, bool is_id_unique)
{
	return is_whole(a, is_id_unique) && (is_id_unique || (AGREES(*a, TIME) && a->distance_ns <= NEAR_NS));
}

/* Without an id. */
static bool is_same_request(const struct agreement *a)
{
	return !a->differs && AGREES(*a, TIME) && AGREES(*a, REQUEST_URI);
}

/* An id that others may have too, and contradictions: yet the same request, told otherwise. */
static bool is_about_the_same(const struct agreement *a)
{
	return !(DIFFERS(*a, REQUEST_URI) || DIFFERS(*a, VERB) || DIFFERS(*a, SOURCE_IP)) && AGREES(*a, TIME) &&
	       a->distance_ns <= NEAR_NS;
}

static struct kept *first_of_id(const struct pairs *p, uint64_t id_hash)
{
	return id_hash ? pending_same_id(&p->pending, id_hash) : NULL;
}

static void event_by_uri(struct pairs *p, const struct identity *id, uint64_t uri_hash, bool is_now, struct pair *best)
{
	struct kept *k = uri_hash ? pending_same_uri(&p->pending, uri_hash) : NULL;

	for (size_t n = 0; k && n < WALK_MAX; n++, k = k->same_uri_next) {
		struct agreement a;

		/* What was hijacked has no Audit-Id on the wire: no other exchange will want it. */
		if (!k->is_event || (is_now && (k->list != PENDING_COMPLETE || kept_as_event(k)->code != 101)))
			continue;
		a = compare(&p->compare, id, pairs_show_event(p, k));
		if ((is_now || k->list != PENDING_COMPLETE) && a.distance_ns > NEAR_NS)
			continue; /* perhaps of one that is still under way */
		if (is_same_request(&a) && is_better(best, &a, true))
			*best = (struct pair){ k, a, JOINED_BY_REQUEST, true };
	}
}

struct pair pairs_event_now(struct pairs *p, const struct identity *id, uint64_t id_hash, uint64_t uri_hash,
			    bool is_id_unique)
{
	struct pair best = { 0 };

	for (struct kept *k = first_of_id(p, id_hash); k; k = k->same_id_next) {
		struct agreement a;

		if (!k->is_event || k->list != PENDING_COMPLETE)
			continue;
		a = compare(&p->compare, id, pairs_show_event(p, k));
		if (is_certain(&a, is_id_unique) && is_better(&best, &a, true))
			best = (struct pair){ k, a, JOINED_BY_AUDIT_ID, true };
	}
	if (!best.copy)
		event_by_uri(p, id, uri_hash, true, &best);
	return best;
}

struct pair pairs_exchange_now(struct pairs *p, const struct event *e, uint64_t id_hash, uint64_t uri_hash)
{
	struct pair best = { 0 };
	struct kept *k;

	for (k = first_of_id(p, id_hash); k; k = k->same_id_next) {
		struct agreement a;

		if (k->is_event)
			continue;
		a = compare(&p->compare, pairs_show_exchange(p, k), e);
		if (is_certain(&a, kept_as_exchange(k)->is_id_unique) && is_better(&best, &a, true))
			best = (struct pair){ k, a, JOINED_BY_AUDIT_ID, true };
	}
	if (best.copy || e->code != 101)
		return best;
	k = uri_hash ? pending_same_uri(&p->pending, uri_hash) : NULL;
	for (size_t n = 0; k && n < WALK_MAX; n++, k = k->same_uri_next) {
		struct agreement a;

		if (k->is_event || !kept_as_exchange(k)->status)
			continue;
		a = compare(&p->compare, pairs_show_exchange(p, k), e);
		if (is_same_request(&a) && a.distance_ns <= NEAR_NS && is_better(&best, &a, true))
			best = (struct pair){ k, a, JOINED_BY_REQUEST, true };
	}
	return best;
}

struct pair pairs_event_late(struct pairs *p, const struct kept_exchange *copy, const struct identity *id,
			     uint64_t clock_ns, bool *ret_is_early)
{
	struct pair best = { 0 };

	*ret_is_early = false;
	for (struct kept *k = first_of_id(p, copy->kept.id_hash); k; k = k->same_id_next) {
		bool whole;
		struct agreement a;

		if (!k->is_event)
			continue;
		a = compare(&p->compare, id, pairs_show_event(p, k));
		whole = is_whole(&a, copy->is_id_unique);
		if (!whole && !copy->is_id_unique) {
			if (k->list != PENDING_COMPLETE || !is_about_the_same(&a))
				continue; /* another request with the same id */
			if (k->due_ns > clock_ns && !copy->is_postponed) {
				*ret_is_early = true;
				continue;
			}
		}
		if (is_better(&best, &a, whole))
			best = (struct pair){ k, a, JOINED_BY_AUDIT_ID, whole };
	}
	if (!best.copy)
		event_by_uri(p, id, copy->kept.uri_hash, false, &best);
	return best;
}

bool pairs_is_wanted(struct pairs *p, const struct kept_event *copy)
{
	const struct event *e = pairs_show_event(p, &copy->kept);
	struct agreement a;
	struct kept *k;

	for (k = first_of_id(p, copy->kept.id_hash); k; k = k->same_id_next) {
		if (k->is_event)
			continue;
		a = compare(&p->compare, pairs_show_exchange(p, k), e);
		if (kept_as_exchange(k)->is_id_unique || !DIFFERS(a, TIME))
			return true;
	}
	k = copy->kept.uri_hash ? pending_same_uri(&p->pending, copy->kept.uri_hash) : NULL;
	for (size_t n = 0; k && n < WALK_MAX; n++, k = k->same_uri_next) {
		if (k->is_event)
			continue;
		a = compare(&p->compare, pairs_show_exchange(p, k), e);
		if (is_same_request(&a))
			return true;
	}
	return false;
}

struct kept_event *pairs_find_request(struct pairs *p, const struct event *e, uint64_t id_hash, uint64_t uri_hash,
				      bool *ret_is_repeated)
{
	*ret_is_repeated = false;
	for (struct kept *k = first_of_id(p, id_hash); k; k = k->same_id_next) {
		struct kept_event *copy = kept_as_event(k);

		if (!k->is_event || copy->received_ns != e->received_ns || k->uri_hash != uri_hash)
			continue;
		if (!(copy->stages_seen & 1 << e->stage))
			return copy;
		if (copy->stage_ns == e->stage_ns || copy->stage != e->stage) {
			*ret_is_repeated = true;
			return copy;
		}
	}
	return NULL;
}

void pairs_done(struct pairs *p)
{
	pending_done(&p->pending);
	compare_done(&p->compare);
}
