/* SPDX-License-Identifier: Apache-2.0
 *
 * settled - a memory of what was told, for what comes after: a later stage of an audited request, a
 * line read twice, an event that came too late.
 *
 * Keys are hashes; the SETTLED_MAX newest are known. What it holds of a key is a note, small numbers
 * that the join gives a meaning.
 */
#ifndef ANONTAP_JUDGE_SETTLED_H
#define ANONTAP_JUDGE_SETTLED_H

#include <stdbool.h>
#include "base/map.h"

#define SETTLED_MAX 65536

enum settled_note {
	SETTLED_NOT = 0,
	SETTLED_MATCHED,	/* an audited request that was told with its exchange */
	SETTLED_BY_REQUEST,	/* the same, joined without an Audit-Id by an early stage: perhaps another's */
	SETTLED_AUDIT_ONLY,	/* an audited request that was told without an exchange */
	SETTLED_UNMATCHED,	/* an exchange that was told without an event */
};

struct settled {
	struct map notes;	/* key -> note */
	uint64_t *ring;		/* the keys, in the order in which they came */
	size_t next;
};

int settled_init(struct settled *s);		/* 0; -ENOMEM */
void settled_done(struct settled *s);

/* Returns 0; -ENOMEM: then it is not remembered. A key that is known gets the new note. */
int settled_put(struct settled *s, uint64_t key, enum settled_note note);
enum settled_note settled_get(const struct settled *s, uint64_t key);

#endif
