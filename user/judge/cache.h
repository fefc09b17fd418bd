/* SPDX-License-Identifier: Apache-2.0
 *
 * cache - what was worked out once for a key, kept within a number of entries and of bytes.
 *
 * An entry is one malloc'd block that begins with struct cache_entry; the cache owns it and frees it
 * with free(). A key is a 64-bit hash: the user of an entry compares what it stands for. The entry
 * that was not used for a round of the clock's hand goes first. An entry is valid until the next
 * cache_put().
 */
#ifndef ANONTAP_JUDGE_CACHE_H
#define ANONTAP_JUDGE_CACHE_H

#include "base/map.h"

struct cache_entry {
	uint64_t key;
	size_t size;		/* of the block, in bytes */
	uint32_t is_used;
};

struct cache {
	struct map index;
	struct cache_entry **ring;
	size_t cap, hand;	/* entries at most; where the next search for a place begins */
	size_t bytes, bytes_max;
};

int cache_init(struct cache *c, size_t entries_max, size_t bytes_max);	/* 0; -ENOMEM */
void cache_done(struct cache *c);
void *cache_get(struct cache *c, uint64_t key);				/* NULL: absent */

/* Takes the entry over, in place of one with the same key. Returns 0; -ENOMEM, -E2BIG (larger than
 * bytes_max): then it is freed. */
int cache_put(struct cache *c, struct cache_entry *entry);

#endif
