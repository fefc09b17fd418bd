/* SPDX-License-Identifier: Apache-2.0
 * One idea: the clock algorithm. A hand goes round; what was used since it last came by gets another
 * round, what was not is freed. A flood of new keys costs the old ones at most one round. */
#include "judge/cache.h"

#include <errno.h>
#include <stdlib.h>

int cache_init(struct cache *c, size_t entries_max, size_t bytes_max)
{
	*c = (struct cache){ .cap = entries_max, .bytes_max = bytes_max };
	c->ring = calloc(entries_max, sizeof(struct cache_entry *));
	return c->ring ? 0 : -ENOMEM;
}

void cache_done(struct cache *c)
{
	for (size_t i = 0; c->ring && i < c->cap; i++)
		free(c->ring[i]);
	free(c->ring);
	map_done(&c->index);
	*c = (struct cache){ 0 };
}

/* The index points to the slot of the ring, so that an entry can be found there too. */
void *cache_get(struct cache *c, uint64_t key)
{
	struct cache_entry **slot = map_get(&c->index, key);

	if (!slot)
		return NULL;
	(*slot)->is_used = 1;
	return *slot;
}

static void empty(struct cache *c, struct cache_entry **slot)
{
	(void)map_del(&c->index, (*slot)->key); /* it is there */
	c->bytes -= (*slot)->size;
	free(*slot);
	*slot = NULL;
}

/* One step of the hand: the slot it stood at, if that is free now. */
static struct cache_entry **step(struct cache *c)
{
	struct cache_entry **slot = &c->ring[c->hand];

	c->hand = c->hand + 1 < c->cap ? c->hand + 1 : 0;
	if (*slot && (*slot)->is_used) {
		(*slot)->is_used = 0;
		return NULL;
	}
	if (*slot)
		empty(c, slot);
	return slot;
}

int cache_put(struct cache *c, struct cache_entry *entry)
{
	struct cache_entry **slot = map_get(&c->index, entry->key);

	if (entry->size > c->bytes_max) {
		free(entry);
		return -E2BIG;
	}
	if (slot)
		empty(c, slot);
	while (!slot || c->bytes + entry->size > c->bytes_max) {
		struct cache_entry **next = step(c); /* two rounds empty it: this ends */

		slot = next ? next : slot;
	}
	if (map_put(&c->index, entry->key, slot)) {
		free(entry);
		return -ENOMEM;
	}
	entry->is_used = 0;
	*slot = entry;
	c->bytes += entry->size;
	return 0;
}

