/* SPDX-License-Identifier: Apache-2.0
 * One idea: a ring of keys says whose turn it is to be forgotten. */
#include "judge/settled.h"

#include <errno.h>
#include <stdlib.h>

int settled_init(struct settled *s)
{
	*s = (struct settled){ .ring = calloc(SETTLED_MAX, sizeof(*s->ring)) };
	return s->ring ? 0 : -ENOMEM;
}

void settled_done(struct settled *s)
{
	map_done(&s->notes);
	free(s->ring);
	*s = (struct settled){ 0 };
}

int settled_put(struct settled *s, uint64_t key, enum settled_note note)
{
	bool is_known = map_get(&s->notes, key);
	int r;

	if (!is_known && s->ring[s->next])
		(void)map_del(&s->notes, s->ring[s->next]); /* forgotten */
	r = map_put(&s->notes, key, (void *)(uintptr_t)note);
	if (is_known)
		return r;
	s->ring[s->next] = r ? 0 : key;
	s->next = (s->next + 1) % SETTLED_MAX;
	return r;
}

enum settled_note settled_get(const struct settled *s, uint64_t key)
{
	return (enum settled_note)(uintptr_t)map_get(&s->notes, key);
}
