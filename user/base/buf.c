/* SPDX-License-Identifier: Apache-2.0
 * One idea: errors stick, so that callers append freely and check once. */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_done(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->error = 0;
}

void buf_wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_done(b);
}

/* Room for n more bytes. Growing moves the bytes; the old copy is not wiped, so a buf is no place
 * for secrets unless it is sized first. */
static int reserve(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 64;
	char *p;

	if (b->error)
		return b->error;
	if (n > SIZE_MAX / 2 - b->n || (b->max && b->n + n > b->max))
		return b->error = -E2BIG;
	if (b->n + n <= b->cap)
		return 0;
	while (cap < b->n + n)
		cap *= 2;
	p = realloc(b->p, cap);
	if (!p)
		return b->error = -ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

int buf_add(struct buf *b, const void *p, size_t n)
{
	int r = reserve(b, n);

	if (r)
		return r;
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	return 0;
}

int buf_add_str(struct buf *b, struct str s)
{
	return buf_add(b, s.p, s.n);
}

int buf_add_c(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n, r;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	r = n < 0 ? (b->error = -EINVAL) : reserve(b, (size_t)n + 1);
	if (!r) {
		(void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again); /* cannot fail: it just fitted */
		b->n += (size_t)n;
	}
	va_end(again);
	return r;
}

int buf_error(const struct buf *b)
{
	return b->error;
}

struct str buf_str(const struct buf *b)
{
	return (struct str){ b->p, b->n };
}
