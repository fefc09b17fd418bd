/* SPDX-License-Identifier: Apache-2.0
 * One idea: lines are told from where they were read to; only an unfinished one is ever moved. */
#include "audit/linebuf.h"

#include <stdlib.h>
#include <string.h>

void linebuf_done(struct linebuf *b)
{
	free(b->p);
	*b = (struct linebuf){ .counters = b->counters };
}

void linebuf_reset(struct linebuf *b)
{
	b->from = b->to = b->seen = 0;
	b->is_skipping = false;
	b->mark.n = 0;
}

static void drop_line(struct linebuf *b, enum counter why)
{
	count(b->counters, why);
	b->is_skipping = true;
}

static bool resize(struct linebuf *b, size_t cap)
{
	char *p = realloc(b->p, cap);

	if (!p)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

static void move_to_front(struct linebuf *b)
{
	if (!b->from)
		return;
	memmove(b->p, b->p + b->from, b->to - b->from);
	b->to -= b->from;
	b->seen -= b->from;
	b->from = 0;
}

char *linebuf_room(struct linebuf *b, size_t *ret_n)
{
	if (b->from == b->to) {
		b->from = b->to = b->seen = 0;
		if (b->cap > LINEBUF_KEPT)
			(void)resize(b, LINEBUF_KEPT); /* where that fails the old size serves */
	}
	if (b->cap - b->to < b->cap / 4 || b->to == b->cap)
		move_to_front(b);
	if (b->cap - b->to < b->cap / 4 || b->to == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : LINEBUF_KEPT;

		if (!resize(b, cap) && b->to == b->cap) {
			count(b->counters, COUNT_out_of_memory);
			return NULL;
		}
	}
	*ret_n = b->cap - b->to;
	return b->p + b->to;
}

static void mark_add(struct mark *m, const char *p, size_t n)
{
	size_t keep;

	if (n >= MARK_MAX) {
		p += n - MARK_MAX;
		n = MARK_MAX;
	}
	keep = m->n + n > MARK_MAX ? MARK_MAX - n : m->n;
	memmove(m->bytes, m->bytes + m->n - keep, keep);
	memcpy(m->bytes + keep, p, n);
	m->n = (uint16_t)(keep + n);
}

/* Consume what waits of a line that is dropped. */
static void skip_waiting(struct linebuf *b)
{
	b->from = b->seen = b->to;
}

size_t linebuf_push(struct linebuf *b, size_t n, line_push_fn *push, void *ctx)
{
	size_t from = b->from;
	char *end;

	b->to += n;
	while (b->seen < b->to && (end = memchr(b->p + b->seen, '\n', b->to - b->seen))) {
		struct str line = { b->p + b->from, (size_t)(end - (b->p + b->from)) };

		b->seen = b->from = (size_t)(end - b->p) + 1;
		if (b->is_skipping)
			b->is_skipping = false;
		else if (line.n > AUDIT_LINE_MAX)
			count(b->counters, COUNT_audit_lines_long);
		else
			push(ctx, line);
	}
	b->seen = b->to;
	if (b->to - b->from > AUDIT_LINE_MAX)
		drop_line(b, COUNT_audit_lines_long);
	if (b->is_skipping)
		skip_waiting(b);
	if (b->from > from)
		mark_add(&b->mark, b->p + from, b->from - from);
	return b->from - from;
}

struct str linebuf_waiting(const struct linebuf *b)
{
	return b->to == b->from ? (struct str){ 0 } : (struct str){ b->p + b->from, b->to - b->from };
}

size_t linebuf_finish(struct linebuf *b, line_push_fn *push, void *ctx)
{
	struct str line = linebuf_waiting(b);

	b->is_skipping = false;
	if (!line.n)
		return 0;
	push(ctx, line);
	mark_add(&b->mark, line.p, line.n);
	skip_waiting(b);
	return line.n;
}
