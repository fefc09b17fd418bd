/* SPDX-License-Identifier: Apache-2.0
 * One idea: linear probing, and on deletion the run behind the hole is moved up (no tombstones), so
 * that a table through which millions of connections pass stays as fast as a new one. */
#include "base/map.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static size_t home_of(const struct map *m, uint64_t key)
{
	key ^= key >> 32;
	key *= 0x9e3779b97f4a7c15ULL;
	return (size_t)(key >> 20) & (m->cap - 1);
}

void map_done(struct map *m)
{
	free(m->slots);
	*m = (struct map){ 0 };
}

/* Slot of the key, or the free slot where it would go. The table is never full. */
static size_t slot_of(const struct map *m, uint64_t key)
{
	size_t i = home_of(m, key);

	while (m->slots[i].value && m->slots[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return i;
}

void *map_get(const struct map *m, uint64_t key)
{
	return m->cap ? m->slots[slot_of(m, key)].value : NULL;
}

static int grow(struct map *m)
{
	struct map bigger = { .cap = m->cap ? m->cap * 2 : 16, .n = m->n };

	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].value)
			bigger.slots[slot_of(&bigger, m->slots[i].key)] = m->slots[i];
	free(m->slots);
	*m = bigger;
	return 0;
}

int map_put(struct map *m, uint64_t key, void *value)
{
	size_t i;

	assert(value);
	if (m->n + 1 > m->cap - m->cap / 4) {
		int r = grow(m);

		if (r)
			return r;
	}
	i = slot_of(m, key);
	if (!m->slots[i].value)
		m->n++;
	m->slots[i] = (struct map_slot){ key, value };
	return 0;
}

void *map_del(struct map *m, uint64_t key)
{
	size_t hole, i;
	void *value;

	if (!m->cap)
		return NULL;
	hole = slot_of(m, key);
	value = m->slots[hole].value;
	if (!value)
		return NULL;
	for (i = (hole + 1) & (m->cap - 1); m->slots[i].value; i = (i + 1) & (m->cap - 1)) {
		size_t home = home_of(m, m->slots[i].key);

		/* may this one stand in the hole? only if its home is not between the hole and it */
		if (((i - home) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole].value = NULL;
	m->n--;
	return value;
}

void *map_next(const struct map *m, size_t *pos, uint64_t *ret_key)
{
	for (; *pos < m->cap; (*pos)++) {
		if (m->slots[*pos].value) {
			if (ret_key)
				*ret_key = m->slots[*pos].key;
			return m->slots[(*pos)++].value;
		}
	}
	return NULL;
}
