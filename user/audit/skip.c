/* SPDX-License-Identifier: Apache-2.0
 * One idea: only quotes and brackets matter, and between two quotes only quotes and backslashes;
 * eight bytes at a time are asked whether they hold one. */
#include "audit/skip.h"

#include <string.h>

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* A high bit for each byte of v that is c; false ones only above a true one. */
static uint64_t bytes_equal(uint64_t v, unsigned char c)
{
	uint64_t x = v ^ (ONES * c);

	return (x - ONES) & ~x & HIGHS;
}

/* p is behind the opening quote. The closing one, or NULL. */
static const char *string_end(const char *p, const char *end)
{
	while (p < end) {
		if (end - p >= 8) {
			uint64_t v;

			memcpy(&v, p, sizeof(v));
			if (!(bytes_equal(v, '"') | bytes_equal(v, '\\'))) {
				p += sizeof(v);
				continue;
			}
		}
		if (*p == '"')
			return p;
		p += *p == '\\' ? 2 : 1;
	}
	return NULL;
}

struct nesting {
	uint64_t is_object[(SKIP_DEPTH_MAX + 64) / 64];	/* a bit per level */
	size_t depth;
};

static bool open_level(struct nesting *n, bool is_object)
{
	uint64_t bit = UINT64_C(1) << n->depth % 64, *word = &n->is_object[n->depth / 64];

	*word = is_object ? *word | bit : *word & ~bit;
	return n->depth++ < SKIP_DEPTH_MAX;
}

static bool close_level(struct nesting *n, bool is_object)
{
	n->depth--; /* there is one: the walk ends with the last */
	return (n->is_object[n->depth / 64] >> n->depth % 64 & 1) == is_object;
}

/* p is at the first bracket. Behind the one that closes it, or NULL. */
static const char *brackets_end(const char *p, const char *end)
{
	struct nesting n;
	bool is_good = true;

	n.depth = 0;
	do {
		switch (*p++) {
		case '"':
			p = string_end(p, end);
			if (!p)
				return NULL;
			p++;
			break;
		case '{':
			is_good = open_level(&n, true);
			break;
		case '[':
			is_good = open_level(&n, false);
			break;
		case '}':
			is_good = close_level(&n, true);
			break;
		case ']':
			is_good = close_level(&n, false);
			break;
		}
	} while (is_good && n.depth && p < end);
	return is_good && !n.depth ? p : NULL;
}

bool skip_value(struct jread *r, struct str *ret_raw)
{
	enum jread_kind kind = jread_peek(r);
	const char *from = r->p, *to;

	if (kind != JREAD_OBJECT && kind != JREAD_ARRAY) {
		if (!jread_skip(r))
			return false;
	} else {
		to = brackets_end(from, r->end);
		if (!to) {
			r->is_bad = true;
			return false;
		}
		r->p = to;
	}
	*ret_raw = (struct str){ from, (size_t)(r->p - from) };
	return true;
}
