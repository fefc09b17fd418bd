/* SPDX-License-Identifier: Apache-2.0
 * One idea: a short ordered array; one that is added swallows those that it touches. */
#include "judge/spans.h"

#include <string.h>

static void join_closest(struct spans *s)
{
	size_t best = 0;

	for (size_t i = 1; i + 1 < s->nr; i++)
		if (s->list[i + 1].from - s->list[i].to < s->list[best + 1].from - s->list[best].to)
			best = i;
	s->list[best].to = s->list[best + 1].to;
	s->nr--;
	memmove(&s->list[best + 1], &s->list[best + 2], (s->nr - best - 1) * sizeof(s->list[0]));
}

void spans_add(struct spans *s, uint64_t from, uint64_t to, uint64_t slack)
{
	size_t at = 0, end;

	if (from > to)
		return;
	from = from > slack ? from - slack : 0;
	to = to < UINT64_MAX - slack ? to + slack : UINT64_MAX;
	while (at < s->nr && s->list[at].to < from)
		at++;
	for (end = at; end < s->nr && s->list[end].from <= to; end++) {
		from = s->list[end].from < from ? s->list[end].from : from;
		to = s->list[end].to > to ? s->list[end].to : to;
	}
	if (at == end && s->nr == SPANS_MAX) {
		join_closest(s);
		spans_add(s, from, to, 0);
		return;
	}
	memmove(&s->list[at + 1], &s->list[end], (s->nr - end) * sizeof(s->list[0]));
	s->list[at] = (struct span){ from, to };
	s->nr = s->nr - (end - at) + 1;
}

bool spans_have(const struct spans *s, uint64_t at)
{
	size_t low = 0, high = s->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->list[middle].to < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->nr && s->list[low].from <= at;
}
