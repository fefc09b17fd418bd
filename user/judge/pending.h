/* SPDX-License-Identifier: Apache-2.0
 *
 * pending - where exchanges and audited requests wait for each other.
 *
 * A copy (judge/keep) that is added is in one list, and may be found under two hashes: of its Audit-Id
 * and of its request URI. Each list is for one length of waiting, so its oldest is the first that is
 * due. pending owns what is in it until pending_remove().
 *
 * Under one Audit-Id at most PENDING_SAME_ID_MAX copies wait: a client chooses the id, and could make
 * every look-up walk over all that waits. More are refused with -EMLINK; the same number bounds how many
 * under one URI a walk should look at.
 *
 * What it does not do: decide who belongs to whom, or who goes when there is no room.
 */
#ifndef ANONTAP_JUDGE_PENDING_H
#define ANONTAP_JUDGE_PENDING_H

#include "judge/keep.h"

#define PENDING_SAME_ID_MAX 1024

enum pending_list {
	PENDING_ROUTINE,	/* exchanges, by what is lost when they are dropped: least first */
	PENDING_SLOW,		/* exchanges whose event may come long after them */
	PENDING_NOTABLE,	/* exchanges without an accepted credential */
	PENDING_COMPLETE,	/* audited requests: no further stage will come */
	PENDING_OPEN,		/* one will, soon */
	PENDING_LONG,		/* one will, at any time: a watch, an exec */
	PENDING_LIST_MAX,
};

struct pending {
	struct keep keep;
	struct map by_id, by_uri;	/* hash -> first struct kept of a chain */
	struct kept *oldest[PENDING_LIST_MAX], *newest[PENDING_LIST_MAX];
	size_t nr[PENDING_LIST_MAX];
};

void pending_done(struct pending *p);		/* drops what waits; a zeroed one is valid */
size_t pending_exchanges(const struct pending *p);
size_t pending_events(const struct pending *p);

/* Take the copy over, with id_hash and uri_hash as it has them. A due time before that of the list's
 * newest becomes the same. Returns 0; -EMLINK; -ENOMEM: then the copy is still the caller's. */
int pending_add(struct pending *p, struct kept *copy, enum pending_list list, uint64_t due_ns);

/* Give it back to the caller, who shows and drops it. */
void pending_remove(struct pending *p, struct kept *copy);

/* To the end of a list, with a new due time. */
void pending_move(struct pending *p, struct kept *copy, enum pending_list list, uint64_t due_ns);

/* Put `newer` (a later stage of the same audited request) in the place of `older`, which is dropped. */
void pending_replace(struct pending *p, struct kept *older, struct kept *newer);

/* The first of a chain, newest first; then ->same_id_next, ->same_uri_next. */
struct kept *pending_same_id(const struct pending *p, uint64_t id_hash);
struct kept *pending_same_uri(const struct pending *p, uint64_t uri_hash);

#endif
