/* SPDX-License-Identifier: Apache-2.0
 *
 * class - learns which kinds of requests the audit policy never logs.
 *
 * A class is verb, resource (or the first segment of a path that is none), kind of user and class of
 * the status: what audit policies tell apart, as far as the wire shows it. Each counts how many of its
 * exchanges were in the log and how many were not. A class of which CLASS_LEARNED_MIN were missing and
 * none was ever there is taken for one that the policy does not log; one that was there and is missing
 * is not.
 *
 * Whoever asks must not count while the log as a whole is silent: that is no policy.
 */
#ifndef ANONTAP_JUDGE_CLASS_H
#define ANONTAP_JUDGE_CLASS_H

#include "base/hash.h"
#include "base/map.h"
#include "judge/cred.h"
#include "judge/route.h"

#define CLASS_MAX 4096		/* classes that are learned; requests of further ones are never explained */
#define CLASS_LEARNED_MIN 20

struct class;

struct classes {
	struct hash_key key;
	struct map list;	/* hash of the class -> struct class */
};

void classes_done(struct classes *c);

/* The class of an exchange, as a hash. */
uint64_t class_of(const struct classes *c, const struct identity *id, const struct route *r);

/* Both return 0; -ENOSPC: CLASS_MAX are known; -ENOMEM. */
int class_note_audited(struct classes *c, uint64_t class);
int class_note_missing(struct classes *c, uint64_t class);

bool class_is_never_audited(const struct classes *c, uint64_t class);

#endif
