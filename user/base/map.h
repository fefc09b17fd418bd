/* SPDX-License-Identifier: Apache-2.0
 *
 * map - from a 64-bit key to a pointer. Open addressing, power-of-two table, deletion without
 * tombstones. It owns the table, not what the pointers point to. A zeroed map is valid and empty.
 */
#ifndef ANONTAP_BASE_MAP_H
#define ANONTAP_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_slot {
	uint64_t key;
	void *value;	/* NULL: free slot */
};

struct map {
	struct map_slot *slots;
	size_t cap;	/* 0 or a power of two */
	size_t n;
};

void map_done(struct map *m);
void *map_get(const struct map *m, uint64_t key);		/* NULL: absent */
int map_put(struct map *m, uint64_t key, void *value);		/* replaces; 0, -ENOMEM. value is not NULL */
void *map_del(struct map *m, uint64_t key);			/* what was there, or NULL */

/* Walk all: *pos from 0; returns NULL at the end. The map must not change during the walk. */
void *map_next(const struct map *m, size_t *pos, uint64_t *ret_key);

#endif
