/* SPDX-License-Identifier: Apache-2.0
 * One idea: names first. The linker writes each function name once, so one scan over the name table
 * turns the wanted names into a few offsets, and the walk over all functions compares only numbers:
 * 138,442 functions of kube-apiserver cost no string comparison.
 *
 * Layouts: Go src/runtime/symtab.go (pcHeader, moduledata, _func, functab), src/debug/buildinfo.
 */
#include "tap/gosym.h"

#include <errno.h>
#include <string.h>

#define PCLNTAB_1_20 0xfffffff1u
#define PCLNTAB_1_18 0xfffffff0u

/* struct runtime.pcHeader */
struct pc_header {
	uint32_t magic;
	uint8_t pad[2];
	uint8_t min_lc, ptr_size;
	uint64_t nr_funcs, nr_files;
	uint64_t text_start; /* 0 since Go 1.26: moduledata.text says it for all */
	uint64_t names, cu, files, pc, funcs;
};
_Static_assert(sizeof(struct pc_header) == 72, "pc_header");

/* Words of struct runtime.moduledata that have not moved from 1.18 on. */
enum {
	MD_PC_HEADER = 0,
	MD_NAMES = 1,
	MD_PCLNTABLE = 13,
	MD_FTAB = 16,
	MD_FTAB_LEN = 17,
	MD_TEXT = 22,
};

/* And those that have; each form is checked in full before it is believed. */
static const struct md_form {
	uint8_t types, etypes, descs_len, itab_off, textsect, typelinks;
} md_forms[] = {
	{ .types = 37, .etypes = 39, .descs_len = 38, .itab_off = 40, .textsect = 45 }, /* 1.27 */
	{ .types = 37, .etypes = 38, .textsect = 42, .typelinks = 45 },			/* 1.26 */
	{ .types = 37, .etypes = 38, .textsect = 41, .typelinks = 44 },			/* 1.20 to 1.25 */
	{ .types = 35, .etypes = 36, .textsect = 39, .typelinks = 42 },			/* 1.18, 1.19 */
};

bool gosym_is_name(struct str whole, struct str name)
{
	static const char vendor[] = "/vendor/";
	struct str before;

	if (whole.n < name.n || memcmp(whole.p + whole.n - name.n, name.p, name.n) != 0)
		return false;
	before = str_first(whole, whole.n - name.n);
	return before.n == 0 || (before.n >= sizeof(vendor) - 1 &&
				 str_eq(str_from(before, before.n - (sizeof(vendor) - 1)), STR("/vendor/")));
}

/* ---- .gopclntab ------------------------------------------------------------------------------ */

/* Is there a function table at file offset `off`? The magic alone also stands in the code of every
 * program that links debug/gosym. Returns 0; -ENOENT no; -E2BIG yes, over a cap; elf.h's. */
static int check_pclntab(struct gosym *g, uint64_t off)
{
	const struct elf_load *l;
	struct pc_header h;
	uint32_t first[2], entry;
	uint64_t va, left;

	if (off % 8 || elf_va(g->elf, off, &va) < 0 || elf_read(g->elf, off, &h, sizeof(h)) < 0)
		return elf_error(g->elf) ? elf_error(g->elf) : -ENOENT;
	if ((h.magic != PCLNTAB_1_20 && h.magic != PCLNTAB_1_18) || h.pad[0] || h.pad[1] ||
	    (h.min_lc != 1 && h.min_lc != 4) || h.ptr_size != 8)
		return -ENOENT;
	l = elf_load_of(g->elf, va);
	left = l->size - (va - l->va);
	if (h.names < sizeof(h) || h.cu <= h.names || h.files < h.cu || h.pc < h.files || h.funcs < h.pc ||
	    h.funcs >= left || h.nr_funcs == 0 || h.nr_funcs > (left - h.funcs) / 8)
		return -ENOENT;
	if (elf_read(g->elf, off + h.funcs, first, sizeof(first)) < 0 || first[1] > left - h.funcs ||
	    elf_read(g->elf, off + h.funcs + first[1], &entry, sizeof(entry)) < 0 || entry != first[0])
		return elf_error(g->elf) ? elf_error(g->elf) : -ENOENT;
	if (h.nr_funcs > GOSYM_FUNCS_MAX)
		return -E2BIG;

	g->nr_funcs = (uint32_t)h.nr_funcs;
	g->pclntab = off;
	g->names = off + h.names;
	g->names_end = off + h.cu;
	g->functab = off + h.funcs;
	g->functab_end = off + left;
	return 0;
}

static int find_pclntab_in(struct gosym *g, const struct elf_load *l, uint32_t magic)
{
	uint8_t bytes[6] = { 0 };
	int r;

	memcpy(bytes, &magic, sizeof(magic));
	for (uint64_t off = 0;; off += 8) {
		r = elf_find(g->elf, l, off, bytes, sizeof(bytes), 8, &off);
		if (r < 0)
			return r;
		r = check_pclntab(g, off);
		if (r != -ENOENT)
			return r;
	}
}

/* Where section headers are gone or say nothing (an external linker merges the table into
 * .data.rel.ro), look through the segments; code last, it is the largest and the least likely. */
static int find_pclntab(struct gosym *g)
{
	static const char *const sections[] = { ".gopclntab", ".data.rel.ro.gopclntab" };
	static const uint32_t magics[] = { PCLNTAB_1_20, PCLNTAB_1_18 };
	uint64_t off, size;
	int r;

	for (size_t i = 0; i < 2; i++) {
		r = elf_section(g->elf, sections[i], &off, &size);
		if (r == 0)
			r = check_pclntab(g, off);
		if (r != -ENOENT)
			return r;
	}
	for (size_t m = 0; m < 2; m++) {
		for (int code = 0; code <= 1; code++) {
			for (size_t i = 0; i < g->elf->nr_loads; i++) {
				if (g->elf->loads[i].is_exec != code)
					continue;
				r = find_pclntab_in(g, &g->elf->loads[i], magics[m]);
				if (r != -ENOENT)
					return r;
			}
		}
	}
	return -ENOENT;
}

/* ---- moduledata ------------------------------------------------------------------------------ */

static uint64_t word(struct gosym *g, uint64_t md, unsigned int i)
{
	uint64_t v;

	return elf_word(g->elf, md + 8 * i, &v) == 0 ? v : 0;
}

static bool is_mapped(const struct gosym *g, uint64_t va, uint64_t n)
{
	uint64_t off;

	return elf_off(g->elf, va, n, &off) == 0;
}

/* A Go slice header of `size` byte elements that is in the file, full. */
static bool is_slice(struct gosym *g, uint64_t md, unsigned int i, uint64_t size)
{
	uint64_t n = word(g, md, i + 1);

	return n == word(g, md, i + 2) && n <= ELF_FILE_MAX &&
	       (n == 0 || is_mapped(g, word(g, md, i), n * size));
}

static bool is_module(struct gosym *g, uint64_t md)
{
	uint64_t pclntab, text = word(g, md, MD_TEXT);
	const struct elf_load *l = elf_load_of(g->elf, text);

	return elf_va(g->elf, g->pclntab, &pclntab) == 0 && word(g, md, MD_PC_HEADER) == pclntab &&
	       word(g, md, MD_NAMES) == pclntab + (g->names - g->pclntab) &&
	       word(g, md, MD_PCLNTABLE) == pclntab + (g->functab - g->pclntab) &&
	       word(g, md, MD_FTAB) == word(g, md, MD_PCLNTABLE) &&
	       word(g, md, MD_FTAB_LEN) == (uint64_t)g->nr_funcs + 1 && l && l->is_exec;
}

static int find_module_in(struct gosym *g, const struct elf_load *l, uint64_t pclntab, uint64_t *ret)
{
	for (uint64_t off = 0;; off += 8) {
		uint64_t va;
		int r = elf_find(g->elf, l, off, &pclntab, sizeof(pclntab), 8, &off);

		if (r < 0)
			return r;
		va = l->va + (off - l->off);
		if (is_module(g, va)) {
			*ret = va;
			return 0;
		}
	}
}

static int find_module(struct gosym *g, uint64_t *ret)
{
	uint64_t off, size, pclntab, va, pos = 0;
	int r = elf_va(g->elf, g->pclntab, &pclntab);

	if (r < 0)
		return r;
	if (elf_section(g->elf, ".go.module", &off, &size) == 0 && elf_va(g->elf, off, &va) == 0 &&
	    is_module(g, va)) {
		*ret = va;
		return 0;
	}
	for (size_t i = 0; i < g->elf->nr_loads; i++) {
		if (!g->elf->loads[i].is_writable)
			continue;
		r = find_module_in(g, &g->elf->loads[i], pclntab, ret);
		if (r != -ENOENT)
			return r;
	}
	/* An external linker leaves zeros where a relocation will write. */
	while ((r = elf_find_addend(g->elf, pclntab, &pos, &va)) == 0) {
		if (is_module(g, va)) {
			*ret = va;
			return 0;
		}
	}
	return r;
}

/* Slices of one form can stand where another one has its own; textsectmap cannot be mistaken, as its
 * first {address before linking, end, address} is that of the text. */
static bool fits(struct gosym *g, uint64_t md, const struct md_form *f)
{
	uint64_t types = word(g, md, f->types), etypes = word(g, md, f->etypes), size = etypes - types;

	if (etypes <= types || !is_mapped(g, types, size) || !is_slice(g, md, f->textsect, 24) ||
	    word(g, md, f->textsect + 1) == 0 ||
	    word(g, word(g, md, f->textsect), 2) != word(g, md, MD_TEXT))
		return false;
	if (f->typelinks)
		return is_slice(g, md, f->typelinks, 4) && word(g, md, f->typelinks + 1) != 0;
	return word(g, md, f->descs_len) > 8 && word(g, md, f->descs_len) <= word(g, md, f->itab_off) &&
	       word(g, md, f->itab_off) <= size;
}

static int read_module(struct gosym *g, uint64_t md, struct err *err)
{
	const struct md_form *f = md_forms, *end = md_forms + sizeof(md_forms) / sizeof(*md_forms);

	while (f < end && !fits(g, md, f))
		f++;
	if (elf_error(g->elf))
		return elf_say(g->elf, elf_error(g->elf), err);
	if (f == end)
		return err_set(err, -ENOTSUP, "%s (%s): its runtime.moduledata is of no known form",
			       g->elf->name, g->version);
	if (word(g, md, f->textsect + 1) != 1)
		return err_set(err, -ENOTSUP, "%s (%s): its code is in several sections", g->elf->name,
			       g->version);
	g->text = word(g, md, MD_TEXT);
	g->types = word(g, md, f->types);
	g->etypes = word(g, md, f->etypes);
	if (f->typelinks) {
		g->typelinks = word(g, md, f->typelinks);
		g->nr_typelinks = word(g, md, f->typelinks + 1);
	} else {
		g->descs = g->types + 8; /* runtime.moduleTypelinks() says why 8 */
		g->edescs = g->types + word(g, md, f->descs_len);
	}
	return 0;
}

/* ---- build information ----------------------------------------------------------------------- */

/* The version stands in the line form since Go 1.18: 32 bytes of header, a length, the bytes. */
static int read_version(struct gosym *g, uint64_t off)
{
	uint8_t head[33];
	size_t n, i;
	int r = elf_read(g->elf, off, head, sizeof(head));

	if (r < 0)
		return r;
	n = head[32];
	if (!(head[15] & 2) || n == 0 || n > 127)
		return -ENOENT;
	if (n >= sizeof(g->version))
		n = sizeof(g->version) - 1;
	r = elf_read(g->elf, off + 33, g->version, n);
	for (i = 0; r == 0 && i < n; i++)
		if (g->version[i] < ' ' || g->version[i] > '~')
			g->version[i] = '?';
	g->version[r == 0 ? n : 0] = '\0';
	return r;
}

static void find_version(struct gosym *g)
{
	static const char magic[] = "\xff Go buildinf:";
	uint64_t off, size;
	int r = elf_section(g->elf, ".go.buildinfo", &off, &size);

	if (r == 0)
		r = read_version(g, off);
	for (int writable = 1; r != 0 && writable >= 0; writable--) {
		for (size_t i = 0; r != 0 && i < g->elf->nr_loads; i++) {
			const struct elf_load *l = &g->elf->loads[i];

			if (l->is_writable != writable || l->is_exec)
				continue;
			for (off = 0;
			     r != 0 && elf_find(g->elf, l, off, magic, sizeof(magic) - 1, 16, &off) == 0;
			     off += 16)
				r = read_version(g, off);
		}
	}
	if (r != 0)
		memcpy(g->version, "unknown", sizeof("unknown"));
}

int gosym_open(struct gosym *g, struct elf *e, struct err *err)
{
	uint32_t magic;
	uint64_t md = 0;
	int r;

	*g = (struct gosym){ .elf = e };
	r = find_pclntab(g);
	if (r == -ENOENT)
		return err_set(err, -ENODATA, "%s is not a Go program (1.18 or later): it has no .gopclntab",
			       e->name);
	if (r == -E2BIG && !elf_error(e))
		return err_set(err, r, "%s has more than %u functions", e->name, GOSYM_FUNCS_MAX);
	if (r < 0)
		return elf_say(e, r, err);
	find_version(g);
	r = find_module(g, &md);
	if (r == -ENOENT)
		return err_set(err, -ENODATA, "%s (%s): its runtime.moduledata was not found", e->name,
			       g->version);
	if (r < 0)
		return elf_say(e, r, err);
	r = elf_read(e, g->pclntab, &magic, sizeof(magic));
	if (r < 0)
		return elf_say(e, r, err);
	g->offsets_are_shifted = magic == PCLNTAB_1_18 && str_starts(str_of(g->version), STR("go1.18"));
	return read_module(g, md, err);
}

/* ---- functions ------------------------------------------------------------------------------- */

/* Where the wanted names are in the name table. */
struct hits {
	size_t nr;
	struct hit {
		uint32_t name;
		uint32_t want;
	} v[GOSYM_WANTED_MAX * GOSYM_SAME_MAX];
	uint64_t filter[4]; /* a bit per low byte of `name`: most functions end here */
};

static int match_name(struct hits *h, const struct str *wants, size_t nr, struct str name, uint32_t at)
{
	for (size_t i = 0; i < nr; i++) {
		/* The last byte but one differs in most names, and is in the cache already. */
		if (name.n < wants[i].n || name.p[name.n - 2] != wants[i].p[wants[i].n - 2] ||
		    !gosym_is_name(name, wants[i]))
			continue;
		if (h->nr == sizeof(h->v) / sizeof(*h->v))
			return -E2BIG;
		h->v[h->nr++] = (struct hit){ at, (uint32_t)i };
		h->filter[(at & 0xff) / 64] |= 1ull << (at & 63);
	}
	return 0;
}

static int scan_names(struct gosym *g, const struct str *wants, size_t nr, struct hits *h)
{
	uint64_t at = g->names;
	bool in_long_name = false; /* one longer than a span: nobody asks for it */

	while (at < g->names_end) {
		size_t n, used = 0;
		const uint8_t *p, *end;
		int r = elf_some(g->elf, at, &p, &n);

		if (r < 0)
			return r;
		if (n > g->names_end - at)
			n = (size_t)(g->names_end - at);
		while (used < n && (end = memchr(p + used, 0, n - used))) {
			struct str name = { (const char *)p + used, (size_t)(end - p) - used };

			if (!in_long_name) {
				r = match_name(h, wants, nr, name, (uint32_t)(at + used - g->names));
				if (r < 0)
					return r;
			}
			in_long_name = false;
			used = (size_t)(end - p) + 1;
		}
		in_long_name = in_long_name || used == 0;
		at += used ? used : n;
	}
	return 0;
}

static int add_func(struct gosym *g, struct gofunc *f, uint32_t entry, uint32_t next)
{
	uint64_t off;

	if (next <= entry || next - entry > GOSYM_FUNC_MAX ||
	    elf_off(g->elf, g->text + entry, next - entry, &off) < 0 ||
	    !elf_load_of(g->elf, g->text + entry)->is_exec)
		return -ERANGE;
	if (f->nr == GOSYM_SAME_MAX)
		return -E2BIG;
	f->va[f->nr] = g->text + entry;
	f->size[f->nr++] = next - entry;
	return 0;
}

/* The functab is {entry, offset of _func} pairs and one more entry; a _func begins {entry, name}. */
static int scan_functions(struct gosym *g, struct gofunc *funcs, const struct hits *h)
{
	enum { STEP = 256 };
	uint32_t tab[2 * STEP + 1], func[2];

	for (uint32_t i = 0; i < g->nr_funcs; i += STEP) {
		uint32_t n = g->nr_funcs - i < STEP ? g->nr_funcs - i : STEP;
		int r = elf_read(g->elf, g->functab + 8ull * i, tab, (2 * n + 1) * sizeof(*tab));

		for (uint32_t k = 0; r == 0 && k < n; k++) {
			if (g->functab + tab[2 * k + 1] > g->functab_end)
				return -ERANGE;
			r = elf_read(g->elf, g->functab + tab[2 * k + 1], func, sizeof(func));
			if (r < 0 || !(h->filter[(func[1] & 0xff) / 64] >> (func[1] & 63) & 1))
				continue;
			for (size_t m = 0; r == 0 && m < h->nr; m++)
				if (h->v[m].name == func[1])
					r = add_func(g, &funcs[h->v[m].want], tab[2 * k], tab[2 * k + 2]);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int gosym_find(struct gosym *g, struct gofunc *funcs, size_t nr)
{
	struct str wants[GOSYM_WANTED_MAX];
	struct hits h = { 0 };
	int r;

	if (nr > GOSYM_WANTED_MAX || g->names_end - g->names > GOSYM_NAMES_MAX)
		return -E2BIG;
	for (size_t i = 0; i < nr; i++) {
		funcs[i] = (struct gofunc){ .name = funcs[i].name };
		wants[i] = str_of(funcs[i].name);
		if (wants[i].n < 2)
			return -EINVAL;
	}
	r = scan_names(g, wants, nr, &h);
	if (r < 0)
		return r;
	return scan_functions(g, funcs, &h);
}
