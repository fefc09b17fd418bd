/* SPDX-License-Identifier: Apache-2.0
 * One idea: nearly every type that anontap asks for is used through a pointer, a pointer type has no
 * name, and the linker lists unnamed types sorted by their string. So "*tls.Conn" is a binary search,
 * and only what that cannot reach costs a walk over all descriptors.
 *
 * Layouts: Go src/internal/abi/type.go. Descriptors are pointer-aligned in [types, etypes); type
 * strings and package paths are offsets from `types`, field names and field types are addresses.
 */
#include "tap/gotype.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	KIND_ARRAY = 17,
	KIND_CHAN = 18,
	KIND_FUNC = 19,
	KIND_INTERFACE = 20,
	KIND_MAP = 21,
	KIND_POINTER = 22,
	KIND_SLICE = 23,
	KIND_STRUCT = 25,
	KIND_MASK = 31,
};

enum {
	TFLAG_UNCOMMON = 1,
	TFLAG_EXTRA_STAR = 2,
	TFLAG_NAMED = 4,
};

/* struct abi.Type and the two words that most kinds go on with. */
struct desc {
	uint64_t size, ptr_bytes;
	uint32_t hash;
	uint8_t tflag, align, field_align, kind;
	uint64_t equal, gc_data;
	uint32_t str, ptr_to_this;
};
_Static_assert(sizeof(struct desc) == 48, "desc");

enum {
	ELEM = 48, /* of pointer, slice, array, chan; the key of a map */
	MAP_ELEM = 56,
	STRUCT_FIELDS = 56, /* address and number */
	FIELD_SIZE = 24,    /* name, type, offset */
};

static bool is_type(const struct gosym *g, uint64_t t)
{
	return t >= g->types && t < g->etypes && t % 8 == 0;
}

static int read_desc(struct gosym *g, uint64_t t, struct desc *d)
{
	uint64_t off;
	int r;

	if (!is_type(g, t))
		return -ERANGE;
	r = elf_off(g->elf, t, sizeof(*d), &off);
	if (r < 0)
		return r;
	r = elf_read(g->elf, off, d, sizeof(*d));
	d->kind &= KIND_MASK; /* Go 1.23 and before keep two flags above */
	return r;
}

/* abi.Name at address `va`: flags, varint length, bytes. Borrowed as elf_at() has it, and cut at what
 * that gives: longer than any name we compare with. */
static int read_name(struct gosym *g, uint64_t va, struct str *ret)
{
	uint64_t off, len = 0;
	size_t have, i = 1;
	const uint8_t *p;
	int r = elf_off(g->elf, va, 2, &off);

	if (r == 0)
		r = elf_some(g->elf, off, &p, &have);
	if (r < 0)
		return r;
	for (unsigned int shift = 0; shift < 28 && i < have; shift += 7) {
		len |= (uint64_t)(p[i] & 0x7f) << shift;
		if (p[i++] < 0x80) {
			*ret = str_first((struct str){ (const char *)p + i, have - i }, (size_t)len);
			return 0;
		}
	}
	return -ERANGE;
}

static int read_string(struct gosym *g, const struct desc *d, struct str *ret)
{
	int r;

	if (d->str >= g->etypes - g->types)
		return -ERANGE;
	r = read_name(g, g->types + d->str, ret);
	if (r == 0 && (d->tflag & TFLAG_EXTRA_STAR))
		*ret = str_from(*ret, 1); /* T shares the bytes of *T */
	return r;
}

/* The package path of a named struct, in the uncommon part after its own. */
static int read_package(struct gosym *g, uint64_t t, const struct desc *d, struct str *ret)
{
	uint64_t off;
	uint32_t path;
	int r;

	if (d->kind != KIND_STRUCT || !(d->tflag & TFLAG_UNCOMMON))
		return -ENOENT;
	r = elf_off(g->elf, t + 80, sizeof(path), &off);
	if (r == 0)
		r = elf_read(g->elf, off, &path, sizeof(path));
	if (r < 0)
		return r;
	return path < g->etypes - g->types ? read_name(g, g->types + path, ret) : -ERANGE;
}

static int is_wanted(struct gosym *g, uint64_t t, const struct desc *d, const struct gotype_want *w,
		     bool *ret)
{
	struct str s;
	int r;

	*ret = false;
	if (d->kind != KIND_STRUCT || !(d->tflag & TFLAG_NAMED))
		return 0;
	r = read_string(g, d, &s);
	if (r < 0 || !str_eq(s, str_of(w->name)))
		return r;
	r = read_package(g, t, d, &s);
	if (r == 0)
		*ret = gosym_is_name(s, str_of(w->package));
	return r == -ENOENT ? 0 : r;
}

int gotype_elem(struct gosym *g, uint64_t type, uint64_t *ret_type)
{
	uint64_t elem;
	struct desc d;
	int r = read_desc(g, type, &d);

	if (r < 0)
		return r;
	if (d.kind != KIND_POINTER && d.kind != KIND_SLICE && d.kind != KIND_ARRAY)
		return -ENOENT;
	r = elf_word(g->elf, type + ELEM, &elem);
	if (r < 0)
		return r;
	if (!is_type(g, elem))
		return -ERANGE;
	*ret_type = elem;
	return 0;
}

int gotype_size(struct gosym *g, uint64_t type, uint64_t *ret_size)
{
	struct desc d;
	int r = read_desc(g, type, &d);

	if (r == 0)
		*ret_size = d.size;
	return r;
}

int gotype_string(struct gosym *g, uint64_t type, char ret[GOTYPE_NAME_MAX])
{
	struct desc d;
	struct str s;
	int r = read_desc(g, type, &d);

	if (r == 0)
		r = read_string(g, &d, &s);
	if (r < 0)
		return r;
	s = str_first(s, GOTYPE_NAME_MAX - 1);
	(void)snprintf(ret, GOTYPE_NAME_MAX, "%.*s", STR_ARG(s));
	return 0;
}

/* ---- fields ---------------------------------------------------------------------------------- */

static int read_fields(struct gosym *g, uint64_t t, const struct desc *d, uint64_t *ret_va, uint64_t *ret_nr)
{
	uint64_t va, nr, off;
	int r;

	if (d->kind != KIND_STRUCT)
		return -ENOENT;
	r = elf_word(g->elf, t + STRUCT_FIELDS, &va);
	if (r == 0)
		r = elf_word(g->elf, t + STRUCT_FIELDS + 8, &nr);
	if (r < 0)
		return r;
	if (nr > GOTYPE_FIELDS_MAX || (nr && elf_off(g->elf, va, nr * FIELD_SIZE, &off) < 0))
		return -ERANGE;
	*ret_va = va;
	*ret_nr = nr;
	return 0;
}

static int find_field(struct gosym *g, uint64_t t, struct str name, uint64_t *ret_off, uint64_t *ret_type)
{
	uint64_t va, nr, name_va, type, off;
	struct desc d;
	struct str s;
	int r = read_desc(g, t, &d);

	if (r == 0)
		r = read_fields(g, t, &d, &va, &nr);
	if (r < 0)
		return r;
	for (; nr; nr--, va += FIELD_SIZE) {
		r = elf_word(g->elf, va, &name_va);
		if (r == 0)
			r = read_name(g, name_va, &s);
		if (r < 0)
			return r;
		if (!str_eq(s, name))
			continue;
		r = elf_word(g->elf, va + 8, &type);
		if (r == 0)
			r = elf_word(g->elf, va + 16, &off);
		if (r < 0)
			return r;
		off >>= g->offsets_are_shifted;
		if (!is_type(g, type) || off > d.size)
			return -ERANGE;
		*ret_type = type;
		*ret_off = off;
		return 0;
	}
	return -ENOENT;
}

int gotype_field(struct gosym *g, uint64_t type, const char *path, uint64_t *ret_off, uint64_t *ret_type)
{
	struct str left = str_of(path);
	uint64_t sum = 0, off = 0;

	while (left.n) {
		int r = find_field(g, type, str_take_until(&left, '.'), &off, &type);

		if (r < 0)
			return r;
		if (off > UINT32_MAX - sum)
			return -ERANGE;
		sum += off;
	}
	*ret_off = sum;
	*ret_type = type;
	return 0;
}

/* ---- search ---------------------------------------------------------------------------------- */

static int typelink(struct gosym *g, uint64_t i, uint64_t *ret)
{
	uint64_t off;
	uint32_t at;
	int r = elf_off(g->elf, g->typelinks + 4 * i, sizeof(at), &off);

	if (r == 0)
		r = elf_read(g->elf, off, &at, sizeof(at));
	if (r < 0)
		return r;
	*ret = g->types + at;
	return is_type(g, *ret) ? 0 : -ERANGE;
}

/* Compare the type's string with "*" name, as the linker sorts: bytewise. */
static int compare(struct gosym *g, uint64_t t, struct str name, int *ret)
{
	struct str s;
	struct desc d;
	int r = read_desc(g, t, &d);

	if (r == 0)
		r = read_string(g, &d, &s);
	if (r < 0)
		return r;
	*ret = s.n == 0 ? -1 : (uint8_t)s.p[0] - '*';
	if (*ret)
		return 0;
	s = str_from(s, 1);
	*ret = s.n ? memcmp(s.p, name.p, s.n < name.n ? s.n : name.n) : 0;
	if (*ret == 0)
		*ret = (s.n > name.n) - (s.n < name.n);
	return 0;
}

/* Is what the pointer type `t` points to the wanted one? */
static int try_pointer(struct gosym *g, uint64_t t, struct gotype_want *w)
{
	uint64_t elem;
	struct desc d;
	bool yes;
	int r = gotype_elem(g, t, &elem);

	if (r == 0)
		r = read_desc(g, elem, &d);
	if (r == 0)
		r = is_wanted(g, elem, &d, w, &yes);
	if (r == 0 && yes)
		w->type = elem;
	return r == -ENOENT ? 0 : r;
}

static int search(struct gosym *g, struct gotype_want *w)
{
	uint64_t low = 0, high = g->nr_typelinks, t;
	struct str name = str_of(w->name);
	int order, r = 0;

	while (low < high) {
		uint64_t mid = low + (high - low) / 2;

		r = typelink(g, mid, &t);
		if (r == 0)
			r = compare(g, t, name, &order);
		if (r < 0)
			return r;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (uint64_t i = low; i < g->nr_typelinks && i - low < GOTYPE_SAME_MAX && !w->type; i++) {
		r = typelink(g, i, &t);
		if (r == 0)
			r = compare(g, t, name, &order);
		if (r < 0 || order != 0)
			return r;
		r = try_pointer(g, t, w);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Bytes of a descriptor with all that follows it: abi.Type.DescriptorSize of Go 1.27. */
static int desc_bytes(struct gosym *g, uint64_t t, const struct desc *d, uint64_t *ret)
{
	uint64_t base = 48, more = 0, off, va, nr = 0;
	uint16_t counts[2] = { 0 }, methods = 0;
	int r = 0;

	switch (d->kind) {
	case KIND_ARRAY:
		base = 72;
		break;
	case KIND_CHAN:
		base = 64;
		break;
	case KIND_POINTER:
	case KIND_SLICE:
		base = 56;
		break;
	case KIND_MAP:
		base = 136;
		break;
	case KIND_FUNC:
		base = 56;
		r = elf_off(g->elf, t + 48, sizeof(counts), &off);
		if (r == 0)
			r = elf_read(g->elf, off, counts, sizeof(counts));
		more = 8ull * (counts[0] + (counts[1] & 0x7fffu));
		break;
	case KIND_INTERFACE:
		base = 80;
		r = elf_word(g->elf, t + 64, &nr);
		more = 8 * nr;
		break;
	case KIND_STRUCT:
		base = 80;
		r = read_fields(g, t, d, &va, &nr);
		more = FIELD_SIZE * nr;
		break;
	}
	if (r == 0 && (d->tflag & TFLAG_UNCOMMON)) {
		r = elf_off(g->elf, t + base + 4, sizeof(methods), &off);
		if (r == 0)
			r = elf_read(g->elf, off, &methods, sizeof(methods));
		more += 16 + 16ull * methods;
	}
	if (r < 0)
		return r;
	if (nr > GOTYPE_BYTES_MAX / FIELD_SIZE)
		return -ERANGE;
	*ret = base + more;
	return 0;
}

/* Where the next one begins, when they stand one after the other. */
static int next_desc(struct gosym *g, uint64_t t, uint64_t *ret)
{
	uint64_t n;
	struct desc d;
	int r = read_desc(g, t, &d);

	if (r == 0)
		r = desc_bytes(g, t, &d, &n);
	if (r == 0)
		*ret = (t + n + 7) & ~7ull;
	return r;
}

/* Of unequal lengths, so no binary search; still, only pointers are looked at, and none followed. */
static int search_descs(struct gosym *g, struct gotype_want *wants, size_t nr)
{
	for (uint64_t t = g->descs, next; t < g->edescs; t = next) {
		uint64_t same = 0; /* a bit per want: package names repeat */
		struct desc d;
		struct str s;
		int r = next_desc(g, t, &next);

		if (r == 0)
			r = read_desc(g, t, &d);
		if (r < 0)
			return r;
		if (d.kind != KIND_POINTER || read_string(g, &d, &s) < 0)
			continue;
		for (size_t i = 0; i < nr; i++)
			same |= (uint64_t)str_eq(str_from(s, 1), str_of(wants[i].name)) << i;
		for (size_t i = 0; i < nr && same; i++) {
			r = same >> i & 1 && !wants[i].type ? try_pointer(g, t, &wants[i]) : 0;
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* A walk over all types: each is looked at once, `seen` has a bit per aligned address. */
struct walk {
	struct gosym *g;
	struct gotype_want *wants;
	size_t nr_wants, nr_left;
	uint8_t *seen;
	uint32_t *todo; /* offsets from types */
	size_t nr_todo, cap_todo;
	uint32_t nr_types;
};

static int walk_add(struct walk *w, uint64_t t)
{
	uint64_t off = t - w->g->types;

	if (!is_type(w->g, t) || (w->seen[off / 64] >> (off / 8 % 8) & 1))
		return 0;
	if (w->nr_types == GOTYPE_TYPES_MAX)
		return -E2BIG;
	if (w->nr_todo == w->cap_todo) {
		size_t cap = w->cap_todo ? 2 * w->cap_todo : 4096;
		uint32_t *p = realloc(w->todo, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		w->todo = p;
		w->cap_todo = cap;
	}
	w->seen[off / 64] |= (uint8_t)(1 << (off / 8 % 8));
	w->todo[w->nr_todo++] = (uint32_t)off;
	w->nr_types++;
	return 0;
}

static int walk_word(struct walk *w, uint64_t va)
{
	uint64_t t;
	int r = elf_word(w->g->elf, va, &t);

	return r < 0 ? r : walk_add(w, t);
}

/* Damage in one type must not hide the others: only what ends every read ends the walk. */
static int walk_on(struct walk *w, int r)
{
	return r == -ENOMEM || r == -E2BIG ? r : elf_error(w->g->elf);
}

static int walk_type(struct walk *w, uint64_t t)
{
	uint64_t va, nr;
	struct desc d;
	bool yes;
	int r = read_desc(w->g, t, &d);

	if (r < 0)
		return walk_on(w, r);
	for (size_t i = 0; i < w->nr_wants; i++) {
		if (w->wants[i].type || is_wanted(w->g, t, &d, &w->wants[i], &yes) < 0 || !yes)
			continue;
		w->wants[i].type = t;
		w->nr_left--;
	}
	switch (d.kind) {
	case KIND_MAP:
		r = walk_on(w, walk_word(w, t + MAP_ELEM));
		if (r < 0)
			return r;
		__attribute__((fallthrough));
	case KIND_POINTER:
	case KIND_SLICE:
	case KIND_ARRAY:
	case KIND_CHAN:
		return walk_on(w, walk_word(w, t + ELEM));
	case KIND_STRUCT:
		r = read_fields(w->g, t, &d, &va, &nr);
		for (; r == 0 && nr; nr--, va += FIELD_SIZE)
			r = walk_word(w, va + 8);
		return walk_on(w, r);
	}
	return walk_on(w, 0);
}

static int walk_from(struct walk *w, uint64_t t)
{
	int r = walk_on(w, walk_add(w, t));

	/* Follow at once: what is todo stays small, and what is near in the file is read together. */
	while (r == 0 && w->nr_todo && w->nr_left)
		r = walk_type(w, w->g->types + w->todo[--w->nr_todo]);
	return r;
}

static int walk(struct walk *w)
{
	struct gosym *g = w->g;
	int r = 0;

	for (uint64_t i = 0; i < g->nr_typelinks && i < GOTYPE_TYPES_MAX && r == 0 && w->nr_left; i++) {
		uint64_t t;

		r = typelink(g, i, &t);
		r = r == 0 ? walk_from(w, t) : walk_on(w, r);
	}
	for (uint64_t t = g->descs, next; t < g->edescs && r == 0 && w->nr_left; t = next) {
		r = next_desc(g, t, &next);
		if (r == 0)
			r = walk_from(w, t);
	}
	return r;
}

int gotype_find(struct gosym *g, struct gotype_want *wants, size_t nr)
{
	struct walk w = { .g = g, .wants = wants, .nr_wants = nr };
	int r = 0;

	if (nr > GOTYPE_WANTED_MAX)
		return -E2BIG;
	for (size_t i = 0; i < nr; i++)
		wants[i].type = 0;
	for (size_t i = 0; i < nr && r == 0 && g->nr_typelinks; i++)
		r = search(g, &wants[i]);
	if (g->descs)
		r = search_descs(g, wants, nr);
	/* Not sorted after all, or damaged in one place: the walk may still find what is missing. */
	if (elf_error(g->elf))
		return elf_error(g->elf);
	for (size_t i = 0; i < nr; i++)
		w.nr_left += !wants[i].type;
	if (!w.nr_left)
		return 0;
	if (g->etypes - g->types > GOTYPE_BYTES_MAX)
		return -E2BIG;
	w.seen = calloc(1, (g->etypes - g->types) / 64 + 1);
	if (!w.seen)
		return -ENOMEM;
	r = walk(&w);
	free(w.todo);
	free(w.seen);
	return r;
}
