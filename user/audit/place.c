/* SPDX-License-Identifier: Apache-2.0
 * One idea: written beside, synced, renamed over: there is never half a checkpoint. */
#include "audit/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/buf.h"

#define HEADER		"anontap audit checkpoint 1"
#define FILE_MAX	4096

uint64_t place_hash(const char *p, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * UINT64_C(0x100000001b3);
	return h;
}

static int write_synced(const char *path, struct str text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), error = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text.p, text.n);
	if (n < 0)
		error = -errno;
	else if ((size_t)n != text.n)
		error = -ENOSPC;
	else if (fsync(fd))
		error = -errno;
	if (close(fd) && !error)
		error = -errno;
	return error;
}

/* Sync the directory of `path`, so that the rename is there after a crash. */
static int sync_directory(char *path)
{
	char *slash = strrchr(path, '/');
	int fd, error = 0;

	if (slash)
		slash[slash == path] = '\0';
	fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd))
		error = -errno;
	(void)close(fd); /* only synced */
	return error;
}

int checkpoint_save(const char *path, const struct checkpoint *c)
{
	char temporary[PATH_MAX];
	struct buf text = { .max = FILE_MAX };
	int r;

	r = snprintf(temporary, sizeof(temporary), "%s.new", path);
	if (r < 0 || (size_t)r >= sizeof(temporary))
		return -ENAMETOOLONG;
	buf_fmt(&text, HEADER "\ntime %llu\nrotated %llu\ncookie %llu\n", (unsigned long long)c->time_ns,
		(unsigned long long)c->rotated_ns, (unsigned long long)c->cookie);
	for (size_t i = 0; i < c->nr_places; i++) {
		const struct place *p = &c->places[i];

		buf_fmt(&text, "file %llu %llu %llu %llu %u %u\n", (unsigned long long)p->dev,
			(unsigned long long)p->ino, (unsigned long long)p->offset, (unsigned long long)p->mark,
			p->mark_n, p->is_skipping);
	}
	buf_add_str(&text, STR("end\n"));
	r = buf_error(&text);
	if (!r)
		r = write_synced(temporary, buf_str(&text));
	if (!r && rename(temporary, path))
		r = -errno;
	if (!r)
		r = sync_directory(temporary);
	buf_done(&text);
	return r;
}

/* The next number of a line whose words are parted by one space. */
static uint64_t take_u64(struct str *line, uint64_t max, bool *is_bad)
{
	uint64_t v = 0;

	if (str_u64(str_take_until(line, ' '), max, &v))
		*is_bad = true;
	return v;
}

static bool take_place(struct str line, struct checkpoint *c)
{
	struct place p;
	bool is_bad = false;

	if (c->nr_places == CHECKPOINT_PLACES_MAX)
		return false;
	p.dev = take_u64(&line, UINT64_MAX, &is_bad);
	p.ino = take_u64(&line, UINT64_MAX, &is_bad);
	p.offset = take_u64(&line, INT64_MAX, &is_bad);
	p.mark = take_u64(&line, UINT64_MAX, &is_bad);
	p.mark_n = (uint16_t)take_u64(&line, MARK_MAX, &is_bad);
	p.is_skipping = take_u64(&line, 1, &is_bad);
	if (is_bad || line.n || p.mark_n > p.offset)
		return false;
	c->places[c->nr_places++] = p;
	return true;
}

static bool parse(struct str text, struct checkpoint *c)
{
	bool is_bad = false;

	if (!str_eq(str_take_until(&text, '\n'), STR(HEADER)))
		return false;
	while (!is_bad) {
		struct str line = str_take_until(&text, '\n'), word = str_take_until(&line, ' ');

		if (str_eq(word, STR("end")))
			return !line.n && !text.n;
		if (str_eq(word, STR("time")))
			c->time_ns = take_u64(&line, UINT64_MAX, &is_bad);
		else if (str_eq(word, STR("rotated")))
			c->rotated_ns = take_u64(&line, UINT64_MAX, &is_bad);
		else if (str_eq(word, STR("cookie")))
			c->cookie = take_u64(&line, UINT64_MAX, &is_bad);
		else
			is_bad = !str_eq(word, STR("file")) || !take_place(line, c);
	}
	return false;
}

int checkpoint_load(const char *path, struct checkpoint *ret, struct err *err)
{
	struct checkpoint c = { 0 };
	char text[FILE_MAX];
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return err_set(err, -errno, "cannot open the checkpoint %s: %s", path, strerror(errno));
	n = read(fd, text, sizeof(text));
	if (n < 0) {
		int error = err_set(err, -errno, "cannot read the checkpoint %s: %s", path, strerror(errno));

		(void)close(fd); /* only read from */
		return error;
	}
	(void)close(fd); /* only read from */
	if (!parse((struct str){ text, (size_t)n }, &c))
		return err_set(err, -EINVAL, "%s is not an audit checkpoint: remove it to begin anew", path);
	*ret = c;
	return 0;
}
