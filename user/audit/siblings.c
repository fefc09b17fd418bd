/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/siblings.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/clock.h"

#define GZ STR(".gz")

static bool ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_eq(str_from(s, s.n - suffix.n), suffix);
}

static bool is_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* "2026-11-22T03-27-18.123" is RFC 3339 but for two dashes and the zone. */
static bool lumberjack_time(struct str s, uint64_t *ret_ns)
{
	char text[sizeof("2026-11-22T03:27:18.123Z") - 1];

	if (s.n != sizeof(text) - 1 || s.p[13] != '-' || s.p[16] != '-' || s.p[19] != '.')
		return false;
	memcpy(text, s.p, s.n);
	text[13] = text[16] = ':';
	text[s.n] = 'Z';
	return !clock_parse_rfc3339((struct str){ text, sizeof(text) }, ret_ns);
}

static struct str without_gz(struct str name)
{
	return ends(name, GZ) ? str_first(name, name.n - GZ.n) : name;
}

bool sibling_is(struct str base, struct str name, uint64_t *ret_time_ns)
{
	const char *dot = base.n ? memrchr(base.p, '.', base.n) : NULL;
	struct str stem = dot ? str_first(base, (size_t)(dot - base.p)) : base;
	struct str extension = str_from(base, stem.n), rest;

	name = without_gz(name);
	*ret_time_ns = 0;
	if (str_starts(name, base) && name.n > base.n && (name.p[base.n] == '.' || name.p[base.n] == '-'))
		return is_digits(str_from(name, base.n + 1));
	if (!str_starts(name, stem) || !ends(name, extension) || name.n <= stem.n + 1 + extension.n ||
	    name.p[stem.n] != '-')
		return false;
	rest = str_from(name, stem.n + 1);
	return lumberjack_time(str_first(rest, rest.n - extension.n), ret_time_ns);
}

static int by_time(const void *a, const void *b)
{
	const struct sibling *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return strcmp(x->path, y->path);
}

static int add(struct sibling **list, size_t *nr, size_t *cap, struct str dir, const char *name, uint64_t time_ns)
{
	struct sibling *s;
	struct stat st;

	if (*nr == *cap) {
		size_t more = *cap ? 2 * *cap : 16;

		s = realloc(*list, more * sizeof(*s));
		if (!s)
			return -ENOMEM;
		*list = s;
		*cap = more;
	}
	s = &(*list)[*nr];
	if ((size_t)snprintf(s->path, sizeof(s->path), "%.*s%s", STR_ARG(dir), name) >= sizeof(s->path))
		return -ENAMETOOLONG;
	if (stat(s->path, &st))
		return errno == ENOENT ? -EAGAIN : -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	s->time_ns = time_ns ? time_ns : (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	(*nr)++;
	return 0;
}

/* Drop the compressed one of each pair; the list is sorted again by the caller. */
static void drop_doubles(struct sibling *list, size_t *nr)
{
	size_t kept = 0;

	for (size_t i = 0; i < *nr; i++) {
		struct str path = str_of(list[i].path);
		bool is_double = false;

		for (size_t k = 0; ends(path, GZ) && k < *nr; k++)
			is_double |= str_eq(str_of(list[k].path), without_gz(path));
		if (!is_double)
			list[kept++] = list[i];
	}
	*nr = kept;
}

int siblings_list(const char *path, struct sibling **ret, size_t *ret_nr)
{
	const char *slash = strrchr(path, '/');
	struct str dir = { path, slash ? (size_t)(slash + 1 - path) : 0 }, base = str_of(slash ? slash + 1 : path);
	char dir_path[PATH_MAX];
	struct sibling *list = NULL;
	size_t nr = 0, cap = 0;
	struct dirent *entry;
	uint64_t time_ns;
	int r = 0;
	DIR *d;

	if (dir.n >= sizeof(dir_path))
		return -ENAMETOOLONG;
	(void)snprintf(dir_path, sizeof(dir_path), "%.*s", STR_ARG(dir)); /* fits */
	d = opendir(dir.n ? dir_path : ".");
	if (!d)
		return -errno;
	while (!r && (entry = readdir(d)))
		if (sibling_is(base, str_of(entry->d_name), &time_ns))
			r = add(&list, &nr, &cap, dir, entry->d_name, time_ns);
	(void)closedir(d); /* only read from */
	if (r) {
		free(list);
		return r;
	}
	drop_doubles(list, &nr);
	if (nr)
		qsort(list, nr, sizeof(*list), by_time);
	*ret = list;
	*ret_nr = nr;
	return 0;
}
