/* SPDX-License-Identifier: Apache-2.0
 *
 * pairs - finds which waiting audited request belongs to an exchange, and the reverse.
 *
 * "Now": a partner that nothing contradicts and for which no better one can come. "Late": the window is
 * over, so the best there is. Choosing changes nothing; the caller takes the pair out.
 *
 * What is shown in its large form is valid until the next call that shows one of the same kind; every
 * function below but the first two may.
 */
#ifndef ANONTAP_JUDGE_PAIRS_H
#define ANONTAP_JUDGE_PAIRS_H

#include "judge/compare.h"
#include "judge/pending.h"

/* Differences that contradict. Time does not: clocks are set. */
#define PAIR_CONTRADICTIONS (~(1u << JOIN_TIME))

struct pairs {
	struct pending pending;
	struct compare compare;
	struct shown_exchange shown;
	struct event event;
};

struct pair {
	struct kept *copy;	/* the partner; NULL: there is none */
	struct agreement a;
	enum join_by by;
	bool is_whole;		/* nothing contradicts */
};

void pairs_done(struct pairs *p);

const struct identity *pairs_show_exchange(struct pairs *p, const struct kept *k);
const struct event *pairs_show_event(struct pairs *p, const struct kept *k);

struct kept_exchange *kept_as_exchange(struct kept *k);
struct kept_event *kept_as_event(struct kept *k);

/* No further stage of this request will come. */
bool pairs_is_last_stage(const struct event *e);

/* is_id_unique: the server made the id (verdict_is_id_unique()). */
struct pair pairs_event_now(struct pairs *p, const struct identity *id, uint64_t id_hash, uint64_t uri_hash,
			    bool is_id_unique);
struct pair pairs_exchange_now(struct pairs *p, const struct event *e, uint64_t id_hash, uint64_t uri_hash);

/* For an exchange whose window is over. clock_ns says which events have waited for theirs; one with
 * contradictions that has not is left out, and *ret_is_early is set: its own exchange may come. */
struct pair pairs_event_late(struct pairs *p, const struct kept_exchange *copy, const struct identity *id,
			     uint64_t clock_ns, bool *ret_is_early);

/* Does an exchange wait that may yet take this event? */
bool pairs_is_wanted(struct pairs *p, const struct kept_event *copy);

/* The copy that waits of another stage of the same request: the time at which the request was received
 * is the same in all. *ret_is_repeated: this very stage of it is known. */
struct kept_event *pairs_find_request(struct pairs *p, const struct event *e, uint64_t id_hash, uint64_t uri_hash,
				      bool *ret_is_repeated);

#endif
