/* SPDX-License-Identifier: Apache-2.0
 * One idea: gzip is a filter between the file and the line buffer; everything else is the same. */
#include "audit/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define GZIP_INPUT_MAX	(64u << 10)
#define GZIP_ONLY	(16 + MAX_WBITS)	/* zlib: gzip header and trailer, the largest window */

struct reading {
	const char *path;
	int fd;
	struct linebuf lines;
	line_push_fn *push;
	lines_progress_fn *progress;
	void *ctx;
	uint64_t nr_read, nr_total;
};

int lines_open(const char *path, struct err *err)
{
	struct stat st;
	int fd, error;

	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, -errno, "cannot open %s: %s", path, strerror(errno));
	if (fstat(fd, &st))
		error = err_set(err, -errno, "cannot ask what %s is: %s", path, strerror(errno));
	else if (S_ISDIR(st.st_mode))
		error = err_set(err, -EISDIR, "%s is a directory: name the audit log in it", path);
	else if (!S_ISREG(st.st_mode))
		error = err_set(err, -EINVAL, "%s is a %s: an audit log must be a regular file", path,
				S_ISFIFO(st.st_mode) ? "FIFO" : S_ISSOCK(st.st_mode) ? "socket" : "device");
	else
		return fd;
	(void)close(fd); /* only read from */
	return error;
}

/* Bytes read; 0 at the end; -errno. */
static ssize_t read_some(struct reading *r, char *p, size_t n, struct err *err)
{
	ssize_t got;

	do
		got = read(r->fd, p, n);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_set(err, -errno, "cannot read %s: %s", r->path, strerror(errno));
	r->nr_read += (uint64_t)got;
	return got;
}

static bool goes_on(struct reading *r)
{
	return !r->progress || r->progress(r->ctx, r->nr_read, r->nr_total);
}

static int read_plain(struct reading *r, struct err *err)
{
	size_t room;
	ssize_t n;
	char *p;

	do {
		p = linebuf_room(&r->lines, &room);
		if (!p)
			return -ENOMEM;
		n = read_some(r, p, room, err);
		if (n < 0)
			return (int)n;
		(void)linebuf_push(&r->lines, (size_t)n, r->push, r->ctx); /* only tail needs the place */
	} while (n && goes_on(r));
	return 0;
}

/* Inflate what is in z into lines. Z_OK, Z_STREAM_END, an error of zlib, or Z_MEM_ERROR. */
static int inflate_input(struct reading *r, z_stream *z)
{
	int status = Z_OK;

	do {
		size_t room;
		char *p = linebuf_room(&r->lines, &room);

		if (!p)
			return Z_MEM_ERROR;
		z->next_out = (Bytef *)p;
		z->avail_out = room > UINT32_MAX ? UINT32_MAX : (uInt)room;
		room = z->avail_out;
		status = inflate(z, Z_NO_FLUSH);
		(void)linebuf_push(&r->lines, room - z->avail_out, r->push, r->ctx);
		if (status == Z_BUF_ERROR) /* it wants more input */
			return Z_OK;
	} while (status == Z_OK && (z->avail_in || !z->avail_out));
	return status;
}

static int read_gzip(struct reading *r, struct err *err)
{
	static const char corrupt[] = "%s is not a whole gzip file: %s after %llu bytes; the lines before are taken";
	char input[GZIP_INPUT_MAX];
	z_stream z = { 0 };
	int status = Z_STREAM_END, error = 0;
	bool is_within = false; /* a member has begun */

	if (inflateInit2(&z, GZIP_ONLY) != Z_OK)
		return -ENOMEM;
	while (!error) {
		ssize_t n = read_some(r, input, sizeof(input), err);

		if (n < 0)
			error = (int)n;
		if (n <= 0)
			break;
		z.next_in = (Bytef *)input;
		z.avail_in = (uInt)n;
		while (z.avail_in && !error) {
			is_within = true;
			status = inflate_input(r, &z);
			if (status == Z_STREAM_END) {
				is_within = false;
				(void)inflateReset(&z); /* fails only for a broken z */
			} else if (status == Z_MEM_ERROR) {
				error = -ENOMEM;
			} else if (status != Z_OK) {
				error = err_set(err, -EBADMSG, corrupt, r->path, z.msg ? z.msg : "bad data",
						(unsigned long long)r->nr_read);
			}
		}
		if (!error && !goes_on(r))
			goto out;
	}
	if (!error && is_within)
		error = err_set(err, -EBADMSG, corrupt, r->path, "it ends", (unsigned long long)r->nr_read);
out:
	(void)inflateEnd(&z); /* fails only for a broken z */
	return error;
}

int lines_read(const char *path, line_push_fn *push, lines_progress_fn *progress, void *ctx,
	       struct counters *counters, struct err *err)
{
	struct reading r = { .path = path, .push = push, .progress = progress, .ctx = ctx };
	unsigned char magic[2];
	struct stat st;
	int error;

	r.lines.counters = counters;
	r.fd = lines_open(path, err);
	if (r.fd < 0)
		return r.fd;
	if (!fstat(r.fd, &st))
		r.nr_total = (uint64_t)st.st_size;
	(void)posix_fadvise(r.fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* only a hint */
	if (pread(r.fd, magic, sizeof(magic), 0) == sizeof(magic) && magic[0] == 0x1f && magic[1] == 0x8b)
		error = read_gzip(&r, err);
	else
		error = read_plain(&r, err);
	if (!error)
		(void)linebuf_finish(&r.lines, push, ctx);
	linebuf_done(&r.lines);
	(void)close(r.fd); /* only read from */
	return error;
}
