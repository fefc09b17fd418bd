/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap/elf.h"

/* An ELF with one segment at 0x1000 of `n` bytes that count up, after the headers. */
struct image {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[3];
	uint8_t bytes[256 << 10];
};

static void make_image(struct image *m, size_t n)
{
	*m = (struct image){ .eh = { .e_type = ET_EXEC, .e_machine = EM_X86_64, .e_phoff = sizeof(m->eh),
				     .e_phentsize = sizeof(m->ph[0]), .e_phnum = 1 } };
	memcpy(m->eh.e_ident, ELFMAG "\2\1\1", 7);
	m->ph[0] = (Elf64_Phdr){ PT_LOAD, PF_R | PF_X, offsetof(struct image, bytes), 0x1000, 0, n, n, 1 };
	for (size_t i = 0; i < n; i++)
		m->bytes[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
}

static size_t image_size(size_t n)
{
	return offsetof(struct image, bytes) + n;
}

static char *make_file(const void *p, size_t n)
{
	static char path[] = "/tmp/test_elf.XXXXXX";
	int fd;

	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	fd = mkstemp(path);
	CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
	return path;
}

static int open_image(struct elf *e, const struct image *m, size_t n, struct err *err)
{
	return elf_open_memory(e, m, image_size(n), "image", err);
}

static struct image *image;

static void test_elf__addresses_are_those_of_the_segments(void)
{
	struct elf e;
	uint64_t off, va;

	make_image(image, 100);
	CHECK_INT(open_image(&e, image, 100, NULL), 0);
	CHECK_INT(elf_off(&e, 0x1000, 100, &off), 0);
	CHECK_INT(off, offsetof(struct image, bytes));
	CHECK_INT(elf_off(&e, 0x1000, 101, &off), -ERANGE);
	CHECK_INT(elf_off(&e, 0x1063, 1, &off), 0);
	CHECK_INT(elf_off(&e, 0x1064, 0, &off), -ERANGE);
	CHECK_INT(elf_off(&e, 0xfff, 1, &off), -ERANGE);
	CHECK_INT(elf_off(&e, 0x1001, UINT64_MAX, &off), -ERANGE);
	CHECK_INT(elf_va(&e, offsetof(struct image, bytes) + 7, &va), 0);
	CHECK_INT(va, 0x1007);
	CHECK_INT(elf_va(&e, 3, &va), -ERANGE);
	CHECK(elf_load_of(&e, 0x1000)->is_exec && !elf_load_of(&e, 0x1000)->is_writable);
	elf_done(&e);
}

static void test_elf__a_file_reads_as_its_bytes_across_blocks(void)
{
	size_t n = sizeof(image->bytes);
	uint8_t *all = malloc(n);
	const uint8_t *p;
	struct elf e;
	char *path;

	make_image(image, n);
	path = make_file(image, image_size(n));
	CHECK_INT(elf_open(&e, path, NULL), 0);
	CHECK_INT(elf_read(&e, offsetof(struct image, bytes), all, n), 0);
	CHECK(memcmp(all, image->bytes, n) == 0);
	/* backwards, so that sets of the cache are filled over again */
	for (size_t at = n - ELF_SPAN_MAX; at >= 3001; at -= 3001) {
		CHECK_INT(elf_at(&e, offsetof(struct image, bytes) + at, ELF_SPAN_MAX, &p), 0);
		CHECK(memcmp(p, image->bytes + at, ELF_SPAN_MAX) == 0);
	}
	CHECK_INT(elf_read(&e, image_size(n) - 1, all, 2), -ERANGE);
	CHECK_INT(elf_at(&e, 0, ELF_SPAN_MAX + 1, &p), -ERANGE);
	CHECK_INT(elf_error(&e), 0);
	elf_done(&e);
	unlink(path);
	free(all);
}

static void test_elf__a_file_that_shrinks_is_an_error_and_no_signal(void)
{
	size_t n = sizeof(image->bytes);
	struct err err = { "" };
	uint8_t byte;
	struct elf e;
	char *path;

	make_image(image, n);
	path = make_file(image, image_size(n));
	CHECK_INT(elf_open(&e, path, NULL), 0);
	CHECK_INT(truncate(path, 100), 0);
	CHECK_INT(elf_read(&e, image_size(n) - 1, &byte, 1), -EIO);
	CHECK_INT(elf_error(&e), -EIO);
	CHECK_INT(elf_read(&e, 0, &byte, 1), -EIO);
	CHECK_INT(elf_say(&e, -EIO, &err), -EIO);
	CHECK(strstr(err.text, " cannot be read, or shrank while it was"));
	elf_done(&e);
	unlink(path);
}

static void test_elf__what_is_not_a_program_is_refused_by_name(void)
{
	struct err err = { "" };
	struct elf e;
	char *path;

	make_image(image, 100);
	image->eh.e_machine = EM_386;
	CHECK_INT(open_image(&e, image, 100, &err), -ENOEXEC);
	CHECK_STR(str_of(err.text), "image is not a program for x86-64 or arm64");
	CHECK_INT(elf_open_memory(&e, "\177ELF", 4, "it", &err), -ENOEXEC);
	CHECK_INT(elf_open(&e, "/", &err), -ENOEXEC);
	CHECK_STR(str_of(err.text), "/ is not a file");
	CHECK_INT(elf_open(&e, "/no/such/file", &err), -ENOENT);
	path = make_file("", 0);
	CHECK(unlink(path) == 0 && mkfifo(path, 0600) == 0);
	CHECK_INT(elf_open(&e, path, &err), -ENOEXEC); /* and does not wait for a writer */
	unlink(path);
}

static void test_elf__segments_outside_the_file_or_over_each_other_are_refused(void)
{
	struct err err = { "" };
	struct elf e;

	make_image(image, 100);
	CHECK_INT(elf_open_memory(&e, image, image_size(99), "image", &err), -ENOEXEC);
	CHECK_STR(str_of(err.text), "image is cut short: a segment ends after the file");
	image->ph[0].p_offset = UINT64_MAX - 50;
	CHECK_INT(open_image(&e, image, 100, &err), -ENOEXEC);
	make_image(image, 100);
	image->ph[0].p_vaddr = UINT64_MAX - 50;
	CHECK_INT(open_image(&e, image, 100, &err), -ENOEXEC);
	make_image(image, 100);
	image->eh.e_phnum = 2;
	image->ph[1] = image->ph[0];
	image->ph[1].p_vaddr = 0x1063;
	CHECK_INT(open_image(&e, image, 100, &err), -ENOEXEC);
	image->ph[1].p_vaddr = 0x1064;
	CHECK_INT(open_image(&e, image, 100, &err), 0);
	elf_done(&e);
}

static void test_elf__a_file_larger_than_the_cap_is_refused(void)
{
	char *path = make_file("", 0);
	struct elf e;

	CHECK_INT(truncate(path, ELF_FILE_MAX + 1), 0);
	CHECK_INT(elf_open(&e, path, NULL), -E2BIG);
	unlink(path);
}

static void test_elf__work_is_capped(void)
{
	uint8_t byte;
	struct elf e;
	int r = 0;

	make_image(image, 100);
	CHECK_INT(open_image(&e, image, 100, NULL), 0);
	for (uint32_t i = 0; i < ELF_COST_MAX && r == 0; i++)
		r = elf_read(&e, 0, &byte, 1);
	CHECK_INT(r, -E2BIG);
	CHECK_INT(elf_error(&e), -E2BIG);
	elf_done(&e);
}

static void test_elf__bytes_are_found_at_their_alignment_across_spans(void)
{
	size_t n = 3 * ELF_SPAN_MAX, base = offsetof(struct image, bytes), at = ELF_SPAN_MAX - 8;
	const struct elf_load *l;
	uint64_t off;
	struct elf e;

	make_image(image, n);
	memset(image->bytes, 0, n);
	memcpy(image->bytes + at + 4, "needle, here", 12); /* not at a multiple of 8 */
	memcpy(image->bytes + at + 24, "needle, here", 12);
	CHECK_INT(open_image(&e, image, n, NULL), 0);
	l = elf_load_of(&e, 0x1000);
	CHECK_INT(elf_find(&e, l, 0, "needle, here", 12, 8, &off), 0);
	CHECK_INT(off, base + at + 24);
	CHECK_INT(elf_find(&e, l, off + 8, "needle, here", 12, 8, &off), -ENOENT);
	CHECK_INT(elf_find(&e, l, 0, "needle, here", 12, 4, &off), 0);
	CHECK_INT(off, base + at + 4);
	elf_done(&e);
}

/* PIE with two words at the segment's begin, relocations after them, and a dynamic section. */
static void make_pie(struct image *m, uint64_t first, uint64_t second)
{
	uint64_t words[3] = { 1, 2, 3 };
	Elf64_Rela rela[2] = { { first, ELF64_R_INFO(0, R_X86_64_RELATIVE), 0x111 },
			       { second, ELF64_R_INFO(0, R_X86_64_RELATIVE), 0x222 } };
	Elf64_Dyn dyn[4] = { { DT_RELA, { 0x1018 } }, { DT_RELASZ, { sizeof(rela) } }, { DT_RELAENT, { sizeof(rela[0]) } } };

	make_image(m, 1000);
	memcpy(m->bytes, words, sizeof(words));
	memcpy(m->bytes + 0x18, rela, sizeof(rela));
	memcpy(m->bytes + 0x100, dyn, sizeof(dyn));
	m->eh.e_type = ET_DYN;
	m->eh.e_phnum = 2;
	m->ph[1] = (Elf64_Phdr){ PT_DYNAMIC, PF_R, offsetof(struct image, bytes) + 0x100, 0x1100, 0, sizeof(dyn), sizeof(dyn), 8 };
}

static void test_elf__a_relocation_says_what_a_pointer_is(void)
{
	uint64_t v, va, pos = 0;
	struct elf e;

	make_pie(image, 0x1000, 0x1010);
	CHECK_INT(open_image(&e, image, 1000, NULL), 0);
	CHECK(e.is_pie);
	CHECK(elf_word(&e, 0x1000, &v) == 0 && v == 0x111);
	CHECK(elf_word(&e, 0x1008, &v) == 0 && v == 2); /* none there: RELR, or a number */
	CHECK(elf_word(&e, 0x1010, &v) == 0 && v == 0x222);
	CHECK_INT(elf_word(&e, 0x1000 + 993, &v), -ERANGE);
	CHECK(elf_find_addend(&e, 0x222, &pos, &va) == 0 && va == 0x1010);
	CHECK_INT(elf_find_addend(&e, 0x222, &pos, &va), -ENOENT);
	elf_done(&e);
}

static void test_elf__unsorted_relocations_leave_the_bytes_in_the_file(void)
{
	uint64_t v;
	struct elf e;

	make_pie(image, 0x1010, 0x1000); /* as Go's own linker writes them, with the addends in place */
	CHECK_INT(open_image(&e, image, 1000, NULL), 0);
	CHECK(elf_word(&e, 0x1000, &v) == 0 && v == 1);
	elf_done(&e);
}

static void test_elf__a_section_is_found_by_name_and_a_damaged_one_is_not(void)
{
	Elf64_Shdr sh[3] = { { 0 }, { .sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = 10, .sh_size = 20 },
			     { .sh_type = SHT_STRTAB, .sh_size = 8 } };
	uint64_t off, size;
	struct elf e;

	make_image(image, 1000);
	memcpy(image->bytes, "\0.name\0\0", 8);
	sh[2].sh_offset = offsetof(struct image, bytes);
	memcpy(image->bytes + 16, sh, sizeof(sh));
	image->eh.e_shoff = offsetof(struct image, bytes) + 16;
	image->eh.e_shnum = 3;
	image->eh.e_shstrndx = 2;
	image->eh.e_shentsize = sizeof(sh[0]);
	CHECK_INT(open_image(&e, image, 1000, NULL), 0);
	CHECK_INT(elf_section(&e, ".name", &off, &size), 0);
	CHECK(off == 10 && size == 20);
	CHECK_INT(elf_section(&e, ".nam", &off, &size), -ENOENT);
	sh[1].sh_offset = UINT64_MAX - 3;
	memcpy(image->bytes + 16, sh, sizeof(sh));
	CHECK_INT(elf_section(&e, ".name", &off, &size), -ENOENT);
	elf_done(&e);
}

int main(void)
{
	image = malloc(sizeof(*image));
	if (!image)
		return 1;
	RUN(test_elf__addresses_are_those_of_the_segments);
	RUN(test_elf__a_file_reads_as_its_bytes_across_blocks);
	RUN(test_elf__a_file_that_shrinks_is_an_error_and_no_signal);
	RUN(test_elf__what_is_not_a_program_is_refused_by_name);
	RUN(test_elf__segments_outside_the_file_or_over_each_other_are_refused);
	RUN(test_elf__a_file_larger_than_the_cap_is_refused);
	RUN(test_elf__work_is_capped);
	RUN(test_elf__bytes_are_found_at_their_alignment_across_spans);
	RUN(test_elf__a_relocation_says_what_a_pointer_is);
	RUN(test_elf__unsorted_relocations_leave_the_bytes_in_the_file);
	RUN(test_elf__a_section_is_found_by_name_and_a_damaged_one_is_not);
	free(image);
	return test_end();
}
