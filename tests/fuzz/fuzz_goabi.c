/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a program file: an answer or a refusal with a sentence, the same from memory and from a
 * file, and every place to probe is in the file, with the bytes that are there.
 *
 * The corpus begins with what tests/fuzz/seed_goabi.c makes.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tap/elf.h"
#include "tap/goabi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int claim)
{
	if (!claim)
		abort();
}

static int read_memory(const uint8_t *data, size_t size, struct goabi *abi, struct err *err)
{
	struct elf e;
	int r = elf_open_memory(&e, data, size, "it", err);

	if (r < 0)
		return r;
	r = goabi_parse(&e, abi, err);
	elf_done(&e);
	return r;
}

static int read_file(const uint8_t *data, size_t size, struct goabi *abi)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC), r;
	char path[32];

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = goabi_read(path, abi, NULL);
	close(fd);
	return r;
}

static void require_same(const struct goabi *a, const struct goabi *b)
{
	require(strcmp(a->go_version, b->go_version) == 0 && a->is_pie == b->is_pie && a->sees_h1 == b->sees_h1 &&
		a->sees_h2[0] == b->sees_h2[0] && a->sees_h2[1] == b->sees_h2[1] && a->nr_sites == b->nr_sites);
	require(memcmp(&a->layout, &b->layout, sizeof(a->layout)) == 0);
	for (size_t i = 0; i < a->nr_sites; i++)
		require(a->sites[i].off == b->sites[i].off && a->sites[i].probe == b->sites[i].probe);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct goabi abi, again;
	struct err err = { "" };
	int r, s;

	memset(&abi, 0, sizeof(abi));
	memset(&again, 0, sizeof(again));
	r = read_memory(data, size, &abi, &err);
	s = read_file(data, size, &again);
	require(r <= 0 && (r == 0) == (err.text[0] == '\0'));
	/* What the work costs differs between the two, and so whether it is too much. */
	require(r == s || r == -E2BIG || s == -E2BIG);
	if (r == s)
		require_same(&abi, &again);
	if (r < 0)
		return 0;
	require(abi.nr_sites > 0 && abi.nr_sites <= GOABI_SITES_MAX);
	for (size_t i = 0; i < abi.nr_sites; i++) {
		const struct goabi_site *site = &abi.sites[i];

		require(site->len && site->len <= sizeof(site->bytes) && site->off < size && site->len <= size - site->off);
		require(memcmp(data + site->off, site->bytes, site->len) == 0);
	}
	return 0;
}
