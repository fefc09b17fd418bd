/* SPDX-License-Identifier: Apache-2.0
 *
 * One idea: Space-Saving (Metwally, Agrawal, El Abbadi 2005). When the table is full, a new key takes
 * over the rarest entry and its count, and remembers that count as its possible error. */
#include "tell/top.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tell/escape.h"

/* FNV-1a: whoever aims at collisions makes the search compare keys, no more. */
static uint32_t hash_of(struct str s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619u;
	return h;
}

/* Where the key is; nr when it is not. */
static size_t find(const struct top_entries *e, size_t nr, uint32_t hash, struct str key)
{
	for (size_t i = 0; i < nr; i++)
		if (e->hash[i] == hash && str_eq(str_of(e->key[i]), key))
			return i;
	return nr;
}

static size_t rarest(const struct top_entries *e)
{
	size_t at = 0;

	for (size_t i = 1; i < TOP_MAX; i++)
		if (e->n[i] < e->n[at])
			at = i;
	return at;
}

void top_add(struct top *t, struct str key)
{
	struct top_entries *e = t->entries;
	uint32_t hash;
	size_t at;

	key = str_first(key, TOP_KEY_MAX);
	hash = hash_of(key);
	if (!e)
		e = t->entries = calloc(1, sizeof(*e));
	if (!e) {
		t->is_approximate = true;
		return;
	}
	at = find(e, t->nr, hash, key);
	if (at == t->nr && t->nr == TOP_MAX) {
		at = rarest(e);
		e->error[at] = e->n[at];
		t->is_approximate = true;
	} else if (at == t->nr) {
		t->nr++;
	} else {
		e->n[at]++;
		return;
	}
	e->hash[at] = hash;
	if (key.n)
		memcpy(e->key[at], key.p, key.n);
	e->key[at][key.n] = '\0';
	e->n[at]++;
}

void top_done(struct top *t)
{
	free(t->entries);
	*t = (struct top){ 0 };
}

/* The entry that comes next: most first, then by key; `last` is the one before, nr at first. */
static size_t next_most(const struct top *t, size_t last)
{
	const struct top_entries *e = t->entries;
	size_t best = t->nr;

	for (size_t i = 0; i < t->nr; i++) {
		bool is_told = last < t->nr && (e->n[i] > e->n[last] || (e->n[i] == e->n[last] && strcmp(e->key[i], e->key[last]) <= 0));

		if (is_told)
			continue;
		if (best == t->nr || e->n[i] > e->n[best] || (e->n[i] == e->n[best] && strcmp(e->key[i], e->key[best]) < 0))
			best = i;
	}
	return best;
}

void top_print(const struct top *t, const char *title, FILE *out)
{
	const struct top_entries *e = t->entries;

	if (!t->nr)
		return;
	fprintf(out, "%s%s:\n", title, t->is_approximate ? " (approximate: too many to count each)" : "");
	for (size_t n = 0, i = next_most(t, t->nr); n < TOP_SHOWN && i < t->nr; n++, i = next_most(t, i)) {
		char key[4 * TOP_KEY_MAX + 1];

		(void)escape(str_of(e->key[i]), key, sizeof(key)); /* it fits: four bytes for each */
		fprintf(out, "  %8" PRIu64 "  %s", e->n[i], key);
		if (e->error[i])
			fprintf(out, "  (%" PRIu64 " at least)", e->n[i] - e->error[i]);
		fputc('\n', out);
	}
	if (t->nr > TOP_SHOWN)
		fprintf(out, "            and %zu more\n", t->nr - TOP_SHOWN);
}
