/* SPDX-License-Identifier: Apache-2.0
 * One idea: pread() into a small cache of blocks, never mmap(). The owner of the file can truncate it
 * while we read; touching a mapping past the new end is SIGBUS, which a library cannot handle without
 * taking the process's signal handler, whereas pread() just returns less. It also makes what was
 * checked be what is used (the bytes cannot change under us), and bounds the resident set: the pages
 * of a 100 MB file touched through a mapping would count as ours.
 *
 * A block is read with ELF_SPAN_MAX bytes of the next one, so that any span that begins in it is
 * contiguous. Sets of four ways, because a walk reads three or four places of the file in turn.
 */
#include "tap/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK	    (32u << 10)
#define WAYS	    4
#define SETS	    16
#define RELA_SAMPLE 64

struct block {
	uint64_t number_plus_1; /* 0: empty */
	uint32_t used;
	uint32_t n;
	uint8_t bytes[BLOCK + ELF_SPAN_MAX];
};

struct elf_cache {
	uint32_t clock;
	struct block blocks[SETS][WAYS];
};

int elf_error(const struct elf *e)
{
	return e->error;
}

int elf_say(const struct elf *e, int r, struct err *err)
{
	if (e->error == -E2BIG)
		return err_set(err, r, "%s takes more work to read than is done for one file", e->name);
	if (e->error == -EIO)
		return err_set(err, r, "%s cannot be read, or shrank while it was", e->name);
	return err_set(err, r, "%s is damaged", e->name);
}

static int charge(struct elf *e, uint32_t cost)
{
	if (e->error)
		return e->error;
	if (cost > ELF_COST_MAX - e->cost)
		return e->error = -E2BIG;
	e->cost += cost;
	return 0;
}

/* Fill `b` from the file. The size was taken at open: fewer bytes than that is a file that shrank. */
static int fill(struct elf *e, struct block *b, uint64_t number)
{
	uint64_t off = number * BLOCK;
	size_t want = e->size - off < sizeof(b->bytes) ? (size_t)(e->size - off) : sizeof(b->bytes);
	int r = charge(e, ELF_COST_MISS);

	b->number_plus_1 = 0;
	if (r < 0)
		return r;
	for (b->n = 0; b->n < want;) {
		ssize_t got = pread(e->fd_plus_1 - 1, b->bytes + b->n, want - b->n, (off_t)(off + b->n));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return e->error = -EIO;
		b->n += (uint32_t)got;
	}
	b->number_plus_1 = number + 1;
	return 0;
}

static int block_of(struct elf *e, uint64_t number, struct block **ret)
{
	struct block *set = e->cache->blocks[number % SETS], *oldest = set;
	int r;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].number_plus_1 == number + 1) {
			set[i].used = ++e->cache->clock;
			*ret = &set[i];
			return 0;
		}
		if (set[i].used < oldest->used)
			oldest = &set[i];
	}
	r = fill(e, oldest, number);
	if (r < 0)
		return r;
	oldest->used = ++e->cache->clock;
	*ret = oldest;
	return 0;
}

int elf_at(struct elf *e, uint64_t off, size_t n, const uint8_t **ret)
{
	struct block *b;
	int r;

	if (n > ELF_SPAN_MAX || off > e->size || n > e->size - off)
		return -ERANGE;
	r = charge(e, 1);
	if (r < 0)
		return r;
	if (e->mem) {
		*ret = e->mem + off;
		return 0;
	}
	r = block_of(e, off / BLOCK, &b);
	if (r < 0)
		return r;
	*ret = b->bytes + off % BLOCK;
	return 0;
}

int elf_some(struct elf *e, uint64_t off, const uint8_t **ret, size_t *ret_n)
{
	size_t n;
	int r;

	if (off >= e->size)
		return -ERANGE;
	n = e->size - off < ELF_SPAN_MAX ? (size_t)(e->size - off) : ELF_SPAN_MAX;
	r = elf_at(e, off, n, ret);
	if (r < 0)
		return r;
	*ret_n = n;
	return 0;
}

int elf_read(struct elf *e, uint64_t off, void *out, size_t n)
{
	const uint8_t *p;

	if (off > e->size || n > e->size - off)
		return -ERANGE;
	for (size_t done = 0; done < n;) {
		size_t some = n - done < ELF_SPAN_MAX ? n - done : ELF_SPAN_MAX;
		int r = elf_at(e, off + done, some, &p);

		if (r < 0)
			return r;
		memcpy((uint8_t *)out + done, p, some);
		done += some;
	}
	return 0;
}

const struct elf_load *elf_load_of(const struct elf *e, uint64_t va)
{
	for (size_t i = 0; i < e->nr_loads; i++)
		if (va >= e->loads[i].va && va - e->loads[i].va < e->loads[i].size)
			return &e->loads[i];
	return NULL;
}

int elf_off(const struct elf *e, uint64_t va, uint64_t n, uint64_t *ret_off)
{
	const struct elf_load *l = elf_load_of(e, va);

	if (!l || n > l->size - (va - l->va))
		return -ERANGE;
	*ret_off = l->off + (va - l->va);
	return 0;
}

int elf_va(const struct elf *e, uint64_t off, uint64_t *ret_va)
{
	for (size_t i = 0; i < e->nr_loads; i++) {
		const struct elf_load *l = &e->loads[i];

		if (off >= l->off && off - l->off < l->size) {
			*ret_va = l->va + (off - l->off);
			return 0;
		}
	}
	return -ERANGE;
}

static uint64_t relative_type(const struct elf *e)
{
	return e->machine == ELF_X86_64 ? R_X86_64_RELATIVE : R_AARCH64_RELATIVE;
}

/* GNU ld and lld sort these by address; Go's own linker does not, but leaves every addend in the file
 * as well. So: binary search where it is sorted, the bytes in the file where nothing is found. */
static int addend_at(struct elf *e, uint64_t va, uint64_t *ret)
{
	uint64_t low = 0, high = e->nr_rela;
	Elf64_Rela rela;

	while (low < high) {
		uint64_t mid = low + (high - low) / 2;
		int r = elf_read(e, e->rela_off + mid * sizeof(rela), &rela, sizeof(rela));

		if (r < 0)
			return r;
		if (rela.r_offset == va) {
			if (ELF64_R_TYPE(rela.r_info) != relative_type(e))
				return -ENOENT;
			*ret = (uint64_t)rela.r_addend;
			return 0;
		}
		if (rela.r_offset < va)
			low = mid + 1;
		else
			high = mid;
	}
	return -ENOENT;
}

int elf_word(struct elf *e, uint64_t va, uint64_t *ret)
{
	uint64_t off;
	int r = elf_off(e, va, 8, &off);

	if (r < 0)
		return r;
	if (e->rela_is_sorted) {
		r = addend_at(e, va, ret);
		if (r != -ENOENT)
			return r;
	}
	return elf_read(e, off, ret, 8);
}

int elf_find_addend(struct elf *e, uint64_t addend, uint64_t *pos, uint64_t *ret_va)
{
	Elf64_Rela rela;

	for (; *pos < e->nr_rela; ++*pos) {
		int r = elf_read(e, e->rela_off + *pos * sizeof(rela), &rela, sizeof(rela));

		if (r < 0)
			return r;
		if ((uint64_t)rela.r_addend == addend && ELF64_R_TYPE(rela.r_info) == relative_type(e)) {
			++*pos;
			*ret_va = rela.r_offset;
			return 0;
		}
	}
	return -ENOENT;
}

int elf_find(struct elf *e, const struct elf_load *load, uint64_t from, const void *bytes, size_t n,
	     unsigned int align, uint64_t *ret_off)
{
	uint64_t end = load->off + load->size, off = from < load->off ? load->off : from;
	uint32_t first;

	memcpy(&first, bytes, sizeof(first));
	for (off = (off + align - 1) & ~(uint64_t)(align - 1); off < end && end - off >= n;) {
		size_t some = end - off < ELF_SPAN_MAX ? (size_t)(end - off) : ELF_SPAN_MAX, i;
		const uint8_t *p;
		int r = elf_at(e, off, some, &p);

		if (r < 0)
			return r;
		for (i = 0; i + n <= some; i += align) {
			uint32_t word;

			memcpy(&word, p + i, sizeof(word));
			if (word == first && memcmp(p + i, bytes, n) == 0) {
				*ret_off = off + i;
				return 0;
			}
		}
		off += i; /* what did not fit in this span is looked at in the next */
	}
	return -ENOENT;
}

int elf_section(struct elf *e, const char *name, uint64_t *ret_off, uint64_t *ret_size)
{
	size_t len = strlen(name) + 1;
	Elf64_Shdr names, sh;
	const uint8_t *p;
	int r;

	if (!e->nr_sections)
		return -ENOENT;
	r = elf_read(e, e->sections_off + e->names_section * sizeof(names), &names, sizeof(names));
	for (uint32_t i = 0; r == 0 && i < e->nr_sections; i++) {
		r = elf_read(e, e->sections_off + i * sizeof(sh), &sh, sizeof(sh));
		if (r < 0)
			break;
		if (sh.sh_name >= names.sh_size || len > names.sh_size - sh.sh_name ||
		    sh.sh_type == SHT_NOBITS || names.sh_offset > e->size || sh.sh_offset > e->size ||
		    sh.sh_size > e->size - sh.sh_offset)
			continue;
		if (elf_at(e, names.sh_offset + sh.sh_name, len, &p) == 0 && memcmp(p, name, len) == 0) {
			*ret_off = sh.sh_offset;
			*ret_size = sh.sh_size;
			return 0;
		}
	}
	return elf_error(e) ? elf_error(e) : -ENOENT;
}

/* ---- open ------------------------------------------------------------------------------------ */

static int add_load(struct elf *e, const Elf64_Phdr *ph, struct err *err)
{
	struct elf_load *l = &e->loads[e->nr_loads];

	if (ph->p_filesz == 0)
		return 0;
	if (e->nr_loads == ELF_LOADS_MAX)
		return err_set(err, -E2BIG, "%s has more than %d loaded segments", e->name, ELF_LOADS_MAX);
	if (ph->p_offset > e->size || ph->p_filesz > e->size - ph->p_offset)
		return err_set(err, -ENOEXEC, "%s is cut short: a segment ends after the file", e->name);
	if (ph->p_vaddr + ph->p_filesz < ph->p_vaddr || (e->nr_loads && ph->p_vaddr < l[-1].va + l[-1].size))
		return err_set(err, -ENOEXEC, "%s is malformed: its segments overlap", e->name);
	*l = (struct elf_load){ ph->p_vaddr, ph->p_offset, ph->p_filesz, ph->p_flags & PF_X,
				ph->p_flags & PF_W };
	e->nr_loads++;
	return 0;
}

/* Relocations are used only where they are well-formed; where not, words are the bytes in the file,
 * and what the program's tables then say is checked like everything else. */
static void read_dynamic(struct elf *e, const Elf64_Phdr *ph)
{
	uint64_t rela = 0, bytes = 0, each = 0, count = UINT64_MAX, last = 0;

	for (uint64_t i = 0; i < ph->p_filesz / sizeof(Elf64_Dyn) && i < 256; i++) {
		Elf64_Dyn d;

		if (elf_read(e, ph->p_offset + i * sizeof(d), &d, sizeof(d)) < 0 || d.d_tag == DT_NULL)
			break;
		if (d.d_tag == DT_RELA)
			rela = d.d_un.d_ptr;
		if (d.d_tag == DT_RELASZ)
			bytes = d.d_un.d_val;
		if (d.d_tag == DT_RELAENT)
			each = d.d_un.d_val;
		if (d.d_tag == DT_RELACOUNT)
			count = d.d_un.d_val;
	}
	if (each != sizeof(Elf64_Rela) || elf_off(e, rela, bytes, &e->rela_off) < 0)
		return;
	e->nr_rela = bytes / sizeof(Elf64_Rela);
	if (count < e->nr_rela)
		e->nr_rela = count; /* the relative ones come first, and only they are sorted by address */
	e->rela_is_sorted = e->nr_rela > 0;
	for (uint64_t i = 0; i < RELA_SAMPLE && e->rela_is_sorted; i++) {
		Elf64_Rela r;

		if (elf_read(e, e->rela_off + (e->nr_rela - 1) * i / (RELA_SAMPLE - 1) * sizeof(r), &r,
			     sizeof(r)) < 0 ||
		    r.r_offset < last)
			e->rela_is_sorted = false;
		else
			last = r.r_offset;
	}
}

static int read_headers(struct elf *e, struct err *err)
{
	Elf64_Phdr ph, dynamic = { .p_type = PT_NULL };
	Elf64_Ehdr eh;
	int r = elf_read(e, 0, &eh, sizeof(eh));

	if (r == -ERANGE || (r == 0 && memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0))
		return err_set(err, -ENOEXEC, "%s is not an ELF program", e->name);
	if (r < 0)
		return elf_say(e, r, err);
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB ||
	    (eh.e_machine != EM_X86_64 && eh.e_machine != EM_AARCH64))
		return err_set(err, -ENOEXEC, "%s is not a program for x86-64 or arm64", e->name);
	if ((eh.e_type != ET_EXEC && eh.e_type != ET_DYN) || eh.e_phentsize != sizeof(ph) ||
	    eh.e_phnum > ELF_PHDRS_MAX)
		return err_set(err, -ENOEXEC, "%s is not a program the kernel could load", e->name);
	e->machine = eh.e_machine == EM_X86_64 ? ELF_X86_64 : ELF_ARM64;
	e->is_pie = eh.e_type == ET_DYN;

	for (unsigned int i = 0; i < eh.e_phnum; i++) {
		if (eh.e_phoff > e->size)
			r = -ERANGE;
		else
			r = elf_read(e, eh.e_phoff + i * sizeof(ph), &ph, sizeof(ph));
		if (r < 0)
			return err_set(err, r == -ERANGE ? -ENOEXEC : r, "%s is cut short", e->name);
		if (ph.p_type == PT_DYNAMIC)
			dynamic = ph;
		if (ph.p_type == PT_LOAD) {
			r = add_load(e, &ph, err);
			if (r < 0)
				return r;
		}
	}
	if (eh.e_shentsize == sizeof(Elf64_Shdr) && eh.e_shoff && eh.e_shoff < e->size &&
	    eh.e_shstrndx < eh.e_shnum) {
		e->sections_off = eh.e_shoff;
		e->nr_sections = eh.e_shnum < ELF_SECTIONS_MAX ? eh.e_shnum : ELF_SECTIONS_MAX;
		e->names_section = eh.e_shstrndx;
	}
	if (e->is_pie && dynamic.p_type == PT_DYNAMIC && dynamic.p_offset < e->size)
		read_dynamic(e, &dynamic);
	if (e->error)
		return elf_say(e, e->error, err);
	return 0;
}

int elf_open_memory(struct elf *e, const void *p, size_t n, const char *name, struct err *err)
{
	*e = (struct elf){ .name = name, .mem = p, .size = n };
	if (n > ELF_FILE_MAX)
		return err_set(err, -E2BIG, "%s is larger than %llu MiB", name, ELF_FILE_MAX >> 20);
	return read_headers(e, err);
}

int elf_open(struct elf *e, const char *path, struct err *err)
{
	struct stat st;
	int fd, r;

	*e = (struct elf){ .name = path };
	/* NONBLOCK and NOCTTY: a FIFO or a terminal put in the file's place must not hold us. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		r = -errno;
		return err_set(err, r, "%s cannot be opened: %s", path, strerror(-r));
	}
	e->fd_plus_1 = fd + 1;
	if (fstat(fd, &st) < 0) {
		r = -errno;
		err_set(err, r, "%s cannot be read: %s", path, strerror(-r));
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		r = err_set(err, -ENOEXEC, "%s is not a file", path);
		goto out;
	}
	if ((uint64_t)st.st_size > ELF_FILE_MAX) {
		r = err_set(err, -E2BIG, "%s is larger than %llu MiB", path, ELF_FILE_MAX >> 20);
		goto out;
	}
	e->size = (uint64_t)st.st_size;
	e->cache = calloc(1, sizeof(*e->cache));
	if (!e->cache) {
		r = err_set(err, -ENOMEM, "no memory to read %s", path);
		goto out;
	}
	r = read_headers(e, err);
out:
	if (r < 0)
		elf_done(e);
	return r;
}

void elf_done(struct elf *e)
{
	if (!e)
		return;
	if (e->fd_plus_1)
		(void)close(e->fd_plus_1 - 1); /* read only: nothing can be lost */
	free(e->cache);
	*e = (struct elf){ .name = e->name };
}
