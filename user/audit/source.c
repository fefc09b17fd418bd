/* SPDX-License-Identifier: Apache-2.0
 * One idea: the bytes around the place are its identity; they are compared before more is read. */
#include "audit/source.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "audit/siblings.h"

#define BLOCK_SIZE (64u << 10)

static uint64_t read_at(const struct source *s)
{
	return s->offset + linebuf_waiting(&s->lines).n;
}

int source_init(struct source *s, int fd, struct counters *counters)
{
	unsigned char magic[2];
	struct stat st;
	int error = 0;

	*s = (struct source){ .fd = fd, .lines.counters = counters };
	if (fstat(fd, &st)) {
		error = -errno;
		goto out;
	}
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	if (pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && magic[0] == 0x1f && magic[1] == 0x8b) {
		s->gzip = gzdopen(fd, "rb");
		if (!s->gzip)
			error = -ENOMEM;
	}
out:
	if (error) {
		(void)close(fd); /* only read from */
		s->fd = -1;
	}
	return error;
}

void source_done(struct source *s)
{
	if (s->gzip)
		(void)gzclose(s->gzip); /* closes fd; only read from */
	else if (s->fd >= 0)
		(void)close(s->fd); /* only read from */
	s->gzip = NULL;
	s->fd = -1;
	linebuf_done(&s->lines);
}

static void stand_at(struct source *s, uint64_t offset)
{
	linebuf_reset(&s->lines);
	s->offset = offset;
}

/* In an archive the way to the mark leads through everything before it. */
static int seek_archive(struct source *s, const struct place *p, char bytes[MARK_MAX])
{
	if (gzseek(s->gzip, (z_off_t)(p->offset - p->mark_n), SEEK_SET) < 0 ||
	    gzread(s->gzip, bytes, p->mark_n) != p->mark_n || place_hash(bytes, p->mark_n) != p->mark) {
		(void)gzrewind(s->gzip); /* if it fails, so does the next read */
		return -ESTALE;
	}
	return 0;
}

static int seek_plain(struct source *s, const struct place *p, char bytes[MARK_MAX])
{
	if (pread(s->fd, bytes, p->mark_n, (off_t)(p->offset - p->mark_n)) != p->mark_n ||
	    place_hash(bytes, p->mark_n) != p->mark)
		return -ESTALE;
	return 0;
}

int source_seek(struct source *s, const struct place *p)
{
	char bytes[MARK_MAX];
	int r;

	r = s->gzip ? seek_archive(s, p, bytes) : seek_plain(s, p, bytes);
	if (r)
		return r;
	stand_at(s, p->offset);
	s->lines.is_skipping = p->is_skipping;
	memcpy(s->lines.mark.bytes, bytes, p->mark_n);
	s->lines.mark.n = p->mark_n;
	return 0;
}

int source_seek_end(struct source *s)
{
	char block[BLOCK_SIZE];
	struct stat st;
	uint64_t at;

	if (s->gzip)
		return -EINVAL;
	if (fstat(s->fd, &st))
		return -errno;
	for (at = (uint64_t)st.st_size; at;) {
		size_t want = at < sizeof(block) ? (size_t)at : sizeof(block);
		ssize_t n = pread(s->fd, block, want, (off_t)(at - want));
		const char *newline;

		if (n < 0)
			return -errno;
		if ((size_t)n < want) /* it shrinks while we look */
			break;
		newline = memrchr(block, '\n', want);
		if (newline) {
			at = at - want + (size_t)(newline - block) + 1;
			break;
		}
		at -= want;
	}
	stand_at(s, at);
	s->lines.mark.n = (uint16_t)(at < MARK_MAX ? at : MARK_MAX);
	if (pread(s->fd, s->lines.mark.bytes, s->lines.mark.n, (off_t)(at - s->lines.mark.n)) != s->lines.mark.n)
		s->lines.mark.n = 0;
	return 0;
}

static bool is_there(const struct source *s, const char *p, size_t n, uint64_t offset)
{
	char bytes[MARK_MAX];

	return pread(s->fd, bytes, n, (off_t)offset) == (ssize_t)n && !memcmp(bytes, p, n);
}

/* Is what was read last still in the file, on both sides of the place? */
static bool is_same(const struct source *s)
{
	const struct mark *m = &s->lines.mark;
	struct str waiting = str_first(linebuf_waiting(&s->lines), MARK_MAX);

	return (!m->n || is_there(s, m->bytes, m->n, s->offset - m->n)) &&
	       (!waiting.n || is_there(s, waiting.p, waiting.n, s->offset));
}

/* Zero bytes at the place: is it a hole? Then stand behind it. */
static bool step_over_hole(struct source *s)
{
	off_t data = lseek(s->fd, (off_t)s->offset, SEEK_DATA);

	if (data < 0 || (uint64_t)data <= s->offset)
		return false;
	stand_at(s, (uint64_t)data);
	return true;
}

static ssize_t read_some(struct source *s, char *p, size_t n)
{
	ssize_t got;

	if (s->gzip) {
		int error, r = gzread(s->gzip, p, (unsigned)(n > BLOCK_SIZE ? BLOCK_SIZE : n));

		if (r > 0)
			return r;
		(void)gzerror(s->gzip, &error);
		/* zlib says so where the archive ends early: a loss, not the end */
		return error == Z_OK || error == Z_STREAM_END ? 0 : error == Z_ERRNO ? -errno : -EBADMSG;
	}
	do
		got = pread(s->fd, p, n, (off_t)read_at(s));
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

struct without_zeros {
	line_push_fn *push;
	void *ctx;
};

static void push_without_zeros(void *ctx, struct str line)
{
	const struct without_zeros *to = ctx;
	size_t zeros = 0;

	while (zeros < line.n && !line.p[zeros])
		zeros++;
	if (!zeros || zeros < line.n)
		to->push(to->ctx, str_from(line, zeros));
}

int source_read(struct source *s, size_t max, line_push_fn *push, void *ctx)
{
	struct without_zeros to = { push, ctx };
	size_t done = 0, room;
	struct stat st;
	ssize_t n;
	char *p;

	s->has_read = false;
	if (!s->gzip) {
		if (fstat(s->fd, &st))
			return -errno;
		if ((uint64_t)st.st_size < read_at(s))
			return -ESTALE;
		if ((uint64_t)st.st_size == read_at(s))
			return 0;
		if (!is_same(s))
			return -ESTALE;
	}
	while (done < max) {
		p = linebuf_room(&s->lines, &room);
		if (!p)
			return -ENOMEM;
		n = read_some(s, p, room);
		if (n <= 0)
			return (int)n;
		if (!s->gzip && !p[0] && !linebuf_waiting(&s->lines).n && step_over_hole(s))
			continue;
		s->has_read = true;
		done += (size_t)n;
		s->offset += linebuf_push(&s->lines, (size_t)n, push_without_zeros, &to);
	}
	return 1;
}

void source_restart(struct source *s)
{
	stand_at(s, 0);
}

void source_finish(struct source *s, line_push_fn *push, void *ctx)
{
	struct without_zeros to = { push, ctx };

	s->offset += linebuf_finish(&s->lines, push_without_zeros, &to);
}

/* Its last name, in buf; empty if unknown. */
static struct str last_name(int fd, char *buf, size_t size, bool *ret_is_deleted)
{
	static const char deleted[] = " (deleted)";
	struct str name = { buf, 0 };
	const char *slash;
	char link[64];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd); /* fits */
	n = readlink(link, buf, size);
	*ret_is_deleted = false;
	if (n <= 0)
		return name;
	name.n = (size_t)n;
	if (name.n > sizeof(deleted) - 1 && str_eq(str_from(name, name.n - (sizeof(deleted) - 1)), str_of(deleted))) {
		*ret_is_deleted = true;
		name.n -= sizeof(deleted) - 1;
	}
	slash = memrchr(name.p, '/', name.n);
	return slash ? str_from(name, (size_t)(slash + 1 - name.p)) : name;
}

uint64_t source_rotated_ns(const struct source *s, struct str base)
{
	char buf[PATH_MAX];
	bool is_deleted;
	uint64_t time_ns;
	struct stat st;

	if (sibling_is(base, last_name(s->fd, buf, sizeof(buf), &is_deleted), &time_ns) && time_ns)
		return time_ns;
	if (fstat(s->fd, &st))
		return 0;
	return (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
}

bool source_is_deleted_as(const struct source *s, struct str base)
{
	char buf[PATH_MAX];
	bool is_deleted;

	return str_eq(last_name(s->fd, buf, sizeof(buf), &is_deleted), base) && is_deleted;
}

void source_place(const struct source *s, struct place *ret)
{
	const struct mark *m = &s->lines.mark;

	*ret = (struct place){ .dev = s->dev, .ino = s->ino, .offset = s->offset, .mark_n = m->n,
			       .mark = place_hash(m->bytes, m->n), .is_skipping = s->lines.is_skipping };
}
