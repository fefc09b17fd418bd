/* SPDX-License-Identifier: Apache-2.0 */
#include "tell/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define FILE_BUFFER (128u << 10)

int recording_create(struct recording *r, const char *path, struct err *err)
{
	bool is_gz = strlen(path) > 3 && !strcmp(path + strlen(path) - 3, ".gz");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	*r = (struct recording){ .path = path };
	if (fd < 0)
		return err_set(err, -errno, "cannot write %s: %s", path, strerror(errno));
	r->gz = gzdopen(fd, is_gz ? "wb6" : "wbT"); /* T: as it is */
	if (!r->gz) {
		close(fd);
		return err_set(err, -ENOMEM, "out of memory");
	}
	(void)gzbuffer(r->gz, FILE_BUFFER); /* without it the default is used */
	return 0;
}

/* zlib keeps the system's error in errno when it says Z_ERRNO. */
static int error_of(struct recording *r)
{
	int code = Z_OK;

	(void)gzerror(r->gz, &code);
	return code == Z_ERRNO && errno ? -errno : -EIO;
}

int recording_write(struct recording *r, struct str lines)
{
	if (!r->gz || !lines.n)
		return 0;
	if (r->error) {
		r->dropped++;
		return r->error;
	}
	errno = 0;
	if (gzwrite(r->gz, lines.p, (unsigned)lines.n) != (int)lines.n)
		r->error = error_of(r);
	return r->error;
}

int recording_sync(struct recording *r)
{
	if (!r->gz || r->error)
		return r->error;
	errno = 0;
	if (gzflush(r->gz, Z_SYNC_FLUSH) != Z_OK)
		r->error = error_of(r);
	return r->error;
}

int recording_close(struct recording *r, struct err *err)
{
	int code;

	if (!r->gz)
		return 0;
	errno = 0;
	code = gzclose(r->gz);
	r->gz = NULL;
	if (code != Z_OK && !r->error)
		r->error = code == Z_ERRNO && errno ? -errno : -EIO;
	if (r->error)
		return err_set(err, r->error, "the recording %s is incomplete: %s", r->path, strerror(-r->error));
	return 0;
}

/* Hand out the lines in buf[0..*n), keep the rest at its beginning. */
static int give_lines(char *buf, size_t *n, bool *is_skipping, int (*line)(void *, struct str, bool), void *ctx)
{
	size_t at = 0;
	char *end;
	int r = 0;

	while (!r && (end = memchr(buf + at, '\n', *n - at))) {
		size_t len = (size_t)(end - (buf + at));

		if (*is_skipping)
			r = line(ctx, (struct str){ 0 }, true);
		else if (len)
			r = line(ctx, (struct str){ buf + at, len }, false);
		*is_skipping = false;
		at += len + 1;
	}
	memmove(buf, buf + at, *n - at);
	*n -= at;
	return r;
}

int recording_read(const char *path, int (*line)(void *ctx, struct str line, bool is_long), void *ctx, struct err *err)
{
	char *buf = malloc(RECORDING_LINE_MAX);
	gzFile gz = buf ? gzopen(path, "rbe") : NULL;
	bool is_skipping = false;
	size_t n = 0;
	int got, r = 0, code = Z_OK;

	if (!gz) {
		r = err_set(err, buf && errno ? -errno : -ENOMEM, "cannot read %s: %s", path,
			    buf && errno ? strerror(errno) : "out of memory");
		goto out;
	}
	(void)gzbuffer(gz, FILE_BUFFER); /* without it the default is used */
	while ((got = gzread(gz, buf + n, (unsigned)(RECORDING_LINE_MAX - n))) > 0) {
		n += (size_t)got;
		r = give_lines(buf, &n, &is_skipping, line, ctx);
		if (r)
			goto out;
		if (n == RECORDING_LINE_MAX) {
			is_skipping = true;
			n = 0;
		}
	}
	if (n && !is_skipping) /* a last line without a newline: its reader says whether it is whole */
		r = line(ctx, (struct str){ buf, n }, false);
	(void)gzerror(gz, &code);
	if (!r && (got < 0 || (code != Z_OK && code != Z_STREAM_END)))
		r = err_set(err, -ENODATA, "%s is cut short or damaged: what comes before was told", path);
out:
	if (gz) {
		code = gzclose(gz);
		if (!r && code == Z_BUF_ERROR)
			r = err_set(err, -ENODATA, "%s is cut short: what comes before was told", path);
	}
	free(buf);
	return r;
}
