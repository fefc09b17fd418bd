/* SPDX-License-Identifier: Apache-2.0
 * One idea: chains and lists run through the copies themselves, so that adding, finding and removing
 * one costs no memory but a slot of each index. The first of a chain is the value in the index; it has
 * no place to point back to, so its `prev` is NULL and the index is written instead. */
#include "judge/pending.h"

#include <errno.h>

/* ---- lists */

static void list_link(struct pending *p, struct kept *c, enum pending_list list, uint64_t due_ns)
{
	struct kept *newest = p->newest[list];

	c->list = (uint8_t)list;
	c->due_ns = newest && newest->due_ns > due_ns ? newest->due_ns : due_ns;
	c->later = NULL;
	c->earlier = newest;
	*(newest ? &newest->later : &p->oldest[list]) = c;
	p->newest[list] = c;
	p->nr[list]++;
}

static void list_unlink(struct pending *p, struct kept *c)
{
	*(c->earlier ? &c->earlier->later : &p->oldest[c->list]) = c->later;
	*(c->later ? &c->later->earlier : &p->newest[c->list]) = c->earlier;
	p->nr[c->list]--;
}

/* ---- chains: the same code for both indices */

static struct kept **next_of(struct kept *c, bool is_id)
{
	return is_id ? &c->same_id_next : &c->same_uri_next;
}

static struct kept **prev_of(struct kept *c, bool is_id)
{
	return is_id ? &c->same_id_prev : &c->same_uri_prev;
}

static uint64_t hash_of(const struct kept *c, bool is_id)
{
	return is_id ? c->id_hash : c->uri_hash;
}

static struct map *index_of(struct pending *p, bool is_id)
{
	return is_id ? &p->by_id : &p->by_uri;
}

/* map_put() in place of a value may grow the table; after map_del() there is room without. */
static void index_put(struct pending *p, uint64_t hash, struct kept *first, bool is_id)
{
	(void)map_del(index_of(p, is_id), hash); /* it is there */
	(void)map_put(index_of(p, is_id), hash, first); /* so this cannot fail */
}

static int chain_link(struct pending *p, struct kept *c, bool is_id)
{
	struct kept *first;
	int r;

	*next_of(c, is_id) = *prev_of(c, is_id) = NULL;
	if (!hash_of(c, is_id))
		return 0;
	first = map_get(index_of(p, is_id), hash_of(c, is_id));
	r = map_put(index_of(p, is_id), hash_of(c, is_id), c);
	if (r)
		return r;
	*next_of(c, is_id) = first;
	if (first)
		*prev_of(first, is_id) = c;
	return 0;
}

static void chain_unlink(struct pending *p, struct kept *c, bool is_id)
{
	struct kept *next = *next_of(c, is_id), *prev = *prev_of(c, is_id);

	if (!hash_of(c, is_id))
		return;
	if (next)
		*prev_of(next, is_id) = prev;
	if (prev)
		*next_of(prev, is_id) = next;
	else if (next)
		index_put(p, hash_of(c, is_id), next, is_id);
	else
		(void)map_del(index_of(p, is_id), hash_of(c, is_id)); /* it is there */
}

static size_t chain_length(const struct kept *first)
{
	size_t n = 0;

	for (; first && n < PENDING_SAME_ID_MAX; first = first->same_id_next)
		n++;
	return n;
}

int pending_add(struct pending *p, struct kept *copy, enum pending_list list, uint64_t due_ns)
{
	int r;

	if (copy->id_hash && chain_length(pending_same_id(p, copy->id_hash)) >= PENDING_SAME_ID_MAX)
		return -EMLINK;
	r = chain_link(p, copy, true);
	if (r)
		return r;
	r = chain_link(p, copy, false);
	if (r) {
		chain_unlink(p, copy, true);
		return r;
	}
	list_link(p, copy, list, due_ns);
	return 0;
}

void pending_remove(struct pending *p, struct kept *copy)
{
	chain_unlink(p, copy, true);
	chain_unlink(p, copy, false);
	list_unlink(p, copy);
}

void pending_move(struct pending *p, struct kept *copy, enum pending_list list, uint64_t due_ns)
{
	list_unlink(p, copy);
	list_link(p, copy, list, due_ns);
}

void pending_replace(struct pending *p, struct kept *older, struct kept *newer)
{
	for (int is_id = 0; is_id < 2; is_id++) {
		struct kept *next = *next_of(older, is_id), *prev = *prev_of(older, is_id);

		*next_of(newer, is_id) = next;
		*prev_of(newer, is_id) = prev;
		if (next)
			*prev_of(next, is_id) = newer;
		if (prev)
			*next_of(prev, is_id) = newer;
		else if (hash_of(older, is_id))
			index_put(p, hash_of(older, is_id), newer, is_id);
	}
	newer->id_hash = older->id_hash;
	newer->uri_hash = older->uri_hash;
	newer->list = older->list;
	newer->due_ns = older->due_ns;
	newer->later = older->later;
	newer->earlier = older->earlier;
	*(newer->earlier ? &newer->earlier->later : &p->oldest[newer->list]) = newer;
	*(newer->later ? &newer->later->earlier : &p->newest[newer->list]) = newer;
	keep_drop(&p->keep, older);
}

struct kept *pending_same_id(const struct pending *p, uint64_t id_hash)
{
	return map_get(&p->by_id, id_hash);
}

struct kept *pending_same_uri(const struct pending *p, uint64_t uri_hash)
{
	return map_get(&p->by_uri, uri_hash);
}

size_t pending_exchanges(const struct pending *p)
{
	return p->nr[PENDING_ROUTINE] + p->nr[PENDING_SLOW] + p->nr[PENDING_NOTABLE];
}

size_t pending_events(const struct pending *p)
{
	return p->nr[PENDING_COMPLETE] + p->nr[PENDING_OPEN] + p->nr[PENDING_LONG];
}

void pending_done(struct pending *p)
{
	for (size_t i = 0; i < PENDING_LIST_MAX; i++)
		while (p->oldest[i]) {
			struct kept *c = p->oldest[i];

			pending_remove(p, c);
			keep_drop(&p->keep, c);
		}
	map_done(&p->by_id);
	map_done(&p->by_uri);
	keep_done(&p->keep);
}
