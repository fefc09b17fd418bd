/* SPDX-License-Identifier: Apache-2.0
 *
 * godata - real Go programs for tests, built once by the `go` that is installed, beside the test
 * programs ($BUILD/testdata). Without `go` there are none, and the tests that need one are skipped.
 */
#ifndef ANONTAP_TESTS_GODATA_H
#define ANONTAP_TESTS_GODATA_H

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct godata {
	const char *name, *source, *flags;
	char path[PATH_MAX];
};

#define GODATA_SERVER "tests/unit/goserver/main.go"

static struct godata godata_full = { "goserver", GODATA_SERVER, "", "" };
__attribute__((unused)) static struct godata godata_stripped = { "goserver-stripped", GODATA_SERVER, "-ldflags='-s -w'", "" };
__attribute__((unused)) static struct godata godata_pie = { "goserver-pie", GODATA_SERVER,
							     "-buildmode=pie -ldflags='-s -w'", "" };
static struct godata godata_dwarf = { "godwarf", "tests/unit/godwarf/main.go", "", "" };

/* The program's path; NULL: it cannot be built here. */
static const char *godata(struct godata *d)
{
	char self[PATH_MAX / 2], *cmd, *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct stat built, source;
	int r;

	if (n < 0)
		return NULL;
	self[n] = '\0';
	for (int i = 0; i < 3; i++) /* from BUILD/tests/unit/test_x */
		if ((slash = strrchr(self, '/')))
			*slash = '\0';
	snprintf(d->path, sizeof(d->path), "%s/testdata/%s", self, d->name);
	if (stat(d->source, &source) == 0 && stat(d->path, &built) == 0 && built.st_mtime >= source.st_mtime)
		return d->path;
	/* Another test program may build the same: each its own file, and the last one wins. */
	if (asprintf(&cmd,
		     "command -v go >/dev/null && mkdir -p '%s/testdata' && CGO_ENABLED=0 GOFLAGS= GOTOOLCHAIN=local "
		     "go build %s -o '%s.%d' %s && mv '%s.%d' '%s'",
		     self, d->flags, d->path, (int)getpid(), d->source, d->path, (int)getpid(), d->path) < 0)
		return NULL;
	r = system(cmd);
	free(cmd);
	return r == 0 ? d->path : NULL;
}

/* What the debug information says to the `nr` queries of tests/unit/godwarf; -1 where nothing.
 * Returns 0, or -1: it cannot be asked here. */
__attribute__((unused)) static int godata_ask(const char *const *queries, size_t nr, long long *ret)
{
	const char *elf = godata(&godata_full), *dwarf = godata(&godata_dwarf);
	char line[64], *cmd;
	size_t len = 2 * PATH_MAX, at, i;
	FILE *f;

	if (!elf || !dwarf)
		return -1;
	for (i = 0; i < nr; i++)
		len += strlen(queries[i]) + 4;
	cmd = malloc(len);
	if (!cmd)
		return -1;
	at = (size_t)snprintf(cmd, len, "'%s' '%s'", dwarf, elf);
	for (i = 0; i < nr; i++)
		at += (size_t)snprintf(cmd + at, len - at, " '%s'", queries[i]);
	f = popen(cmd, "r");
	free(cmd);
	if (!f)
		return -1;
	for (i = 0; i < nr && fgets(line, sizeof(line), f); i++)
		ret[i] = line[0] == '-' ? -1 : strtoll(line, NULL, 10);
	return pclose(f) == 0 && i == nr ? 0 : -1;
}

/* All of a file, malloc'd. */
__attribute__((unused)) static uint8_t *godata_load(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *p;

	if (!f)
		return NULL;
	if (fstat(fileno(f), &st) < 0 || !(p = malloc((size_t)st.st_size))) {
		fclose(f);
		return NULL;
	}
	*ret_n = fread(p, 1, (size_t)st.st_size, f);
	fclose(f);
	return p;
}

/* The same numbers in every run. */
__attribute__((unused)) static uint32_t godata_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

#endif
