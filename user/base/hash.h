/* SPDX-License-Identifier: Apache-2.0
 *
 * hash - a keyed hash of bytes that an attacker may choose, for tables.
 *
 * SipHash-1-3 (Aumasson, Bernstein 2012; the reduced rounds as in Rust and Python): without the key,
 * collisions cannot be aimed at. The key is random in a live run and fixed in a test. Not for secrets:
 * judge/cred has its own.
 */
#ifndef ANONTAP_BASE_HASH_H
#define ANONTAP_BASE_HASH_H

#include "base/str.h"

struct hash_key {
	uint64_t k[2];
};

uint64_t hash_str(const struct hash_key *key, struct str s);

/* Two hashes, or a hash and a number, as one: order matters. */
uint64_t hash_mix(uint64_t a, uint64_t b);

#endif
