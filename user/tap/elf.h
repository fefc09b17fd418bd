/* SPDX-License-Identifier: Apache-2.0
 *
 * elf - a bounded view of an ELF program file (64 bit, little endian, x86-64 or arm64).
 *
 * For reading a file that somebody hostile may own, and may shrink or rewrite meanwhile. Only PT_LOAD
 * is believed: an address is valid where a segment has bytes in the file. Section headers are a hint
 * about where to look first. Every read is bounded, and everything read is a copy.
 *
 * Life: elf_open() or elf_open_memory(), reads, elf_done(). It holds one descriptor and ELF_CACHE
 * bytes; nothing is mapped.
 *
 * Reads return 0; -ERANGE what was asked for is not in the file; -EIO the file shrank or cannot be
 * read; -E2BIG ELF_COST_MAX is used up. After -EIO or -E2BIG everything fails likewise.
 *
 * It does not follow DT_NEEDED, symbols or notes. It cannot bound how long the file system takes to
 * answer one read: a file on FUSE can make it wait.
 */
#ifndef ANONTAP_TAP_ELF_H
#define ANONTAP_TAP_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ELF_FILE_MAX	(1ull << 30)	/* larger program files are refused */
#define ELF_LOADS_MAX	16		/* PT_LOAD segments */
#define ELF_PHDRS_MAX	64
#define ELF_SECTIONS_MAX 512		/* later ones are not looked at: a hint is lost, no more */
#define ELF_SPAN_MAX	4096		/* bytes elf_at() can give at once */
#define ELF_COST_MAX	(32u << 20)	/* a read costs 1, a read that goes to the file ELF_COST_MISS */
#define ELF_COST_MISS	256

enum elf_machine {
	ELF_X86_64 = 62,
	ELF_ARM64 = 183,
};

/* What of a segment is in the file. Ascending by address, without overlap. */
struct elf_load {
	uint64_t va, off, size;
	bool is_exec, is_writable;
};

struct elf {
	const char *name;		/* for sentences; borrowed */
	enum elf_machine machine;
	bool is_pie;			/* ET_DYN: pointers in the file are relocations */
	uint64_t size;
	struct elf_load loads[ELF_LOADS_MAX];
	size_t nr_loads;

	/* private */
	int fd_plus_1;
	const uint8_t *mem;
	struct elf_cache *cache;
	uint64_t sections_off, rela_off, nr_rela;
	uint32_t nr_sections, names_section;
	bool rela_is_sorted;
	uint32_t cost;
	int error;
};

/* Open the program file at `path`, which is kept for sentences and must outlive the elf.
 * Returns 0; -ENOEXEC not an ELF of the kind above, or cut short; -E2BIG over a cap; -EIO, -ENOMEM,
 * or what open() says. */
int elf_open(struct elf *e, const char *path, struct err *err);

/* The same on bytes in memory, borrowed until elf_done(). */
int elf_open_memory(struct elf *e, const void *p, size_t n, const char *name, struct err *err);

void elf_done(struct elf *e);

/* Where the `n` bytes at address `va` are in the file. -ERANGE: not all within one segment. */
int elf_off(const struct elf *e, uint64_t va, uint64_t n, uint64_t *ret_off);

/* The address that file offset `off` is loaded at. */
int elf_va(const struct elf *e, uint64_t off, uint64_t *ret_va);

/* The segment with the address, or NULL. */
const struct elf_load *elf_load_of(const struct elf *e, uint64_t va);

/* `n` <= ELF_SPAN_MAX bytes at a file offset; the pointer is valid until the next call on this elf. */
int elf_at(struct elf *e, uint64_t off, size_t n, const uint8_t **ret);

/* As many bytes as there are at `off`, at most ELF_SPAN_MAX, at least 1. */
int elf_some(struct elf *e, uint64_t off, const uint8_t **ret, size_t *ret_n);

/* Copy out. */
int elf_read(struct elf *e, uint64_t off, void *out, size_t n);

/* The pointer-sized word at address `va`, as the loader leaves it for a load address of 0: the addend
 * of an R_*_RELATIVE relocation (DT_RELA) there, else the bytes in the file. RELR needs no code: its
 * addends are in the file. */
int elf_word(struct elf *e, uint64_t va, uint64_t *ret);

/* Look for `n` <= 32 bytes at multiples of `align` (a power of two, >= 4) in the file part of `load`,
 * from file offset `from` on. -ENOENT: not there. */
int elf_find(struct elf *e, const struct elf_load *load, uint64_t from, const void *bytes, size_t n,
	     unsigned int align, uint64_t *ret_off);

/* The next address whose relocation has this addend; *pos from 0. -ENOENT: no more. */
int elf_find_addend(struct elf *e, uint64_t addend, uint64_t *pos, uint64_t *ret_va);

/* Where the section headers say that the section is. -ENOENT: they do not; a hint, to be verified. */
int elf_section(struct elf *e, const char *name, uint64_t *ret_off, uint64_t *ret_size);

/* 0, or the -EIO or -E2BIG that every read returns from now on. */
int elf_error(const struct elf *e);

/* The sentence for it, or for any other error `r` of a read. Returns r. */
int elf_say(const struct elf *e, int r, struct err *err);

#endif
