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
	if (r->error)
		return r->error;
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

int recording_open(struct recording_reader *r, const char *path, struct err *err)
{
	*r = (struct recording_reader){ .path = path, .buf = malloc(RECORDING_LINE_MAX) };
	errno = 0;
	r->gz = r->buf ? gzopen(path, "rbe") : NULL;
	if (!r->gz) {
		int error = r->buf && errno ? -errno : -ENOMEM;

		free(r->buf);
		r->buf = NULL;
		return err_set(err, error, "cannot read %s: %s", path, error == -ENOMEM ? "out of memory" : strerror(-error));
	}
	(void)gzbuffer(r->gz, FILE_BUFFER); /* without it the default is used */
	return 0;
}

/* More bytes behind those that wait, or the end. */
static void refill(struct recording_reader *r)
{
	int got, code = Z_OK;

	if (r->n == RECORDING_LINE_MAX && !r->at) {
		r->is_skipping = true;
		r->n = 0;
	}
	memmove(r->buf, r->buf + r->at, r->n - r->at);
	r->n -= r->at;
	r->at = 0;
	got = gzread(r->gz, r->buf + r->n, (unsigned)(RECORDING_LINE_MAX - r->n));
	if (got > 0) {
		r->n += (size_t)got;
		return;
	}
	(void)gzerror(r->gz, &code);
	r->is_cut = got < 0 || (code != Z_OK && code != Z_STREAM_END);
	r->is_ended = true;
}

int recording_next(struct recording_reader *r, struct str *ret_line, bool *ret_is_long, struct err *err)
{
	for (;;) {
		char *from = r->buf + r->at, *end = memchr(from, '\n', r->n - r->at);
		bool is_long = r->is_skipping;
		size_t len;

		if (!end && !r->is_ended) {
			refill(r);
			continue;
		}
		if (!end && r->at == r->n)
			break;
		/* a last line without a newline: its reader says whether it is whole */
		len = end ? (size_t)(end - from) : r->n - r->at;
		r->at += len + (end != NULL);
		r->is_skipping = false;
		if (!len && !is_long)
			continue;
		*ret_line = is_long ? (struct str){ 0 } : (struct str){ from, len };
		*ret_is_long = is_long;
		return 1;
	}
	if (r->is_cut)
		return err_set(err, -ENODATA, "%s is cut short or damaged: what comes before was told", r->path);
	return 0;
}

void recording_close_read(struct recording_reader *r)
{
	if (r->gz)
		(void)gzclose(r->gz); /* only read from; recording_next() told whether it was whole */
	free(r->buf);
	*r = (struct recording_reader){ 0 };
}

int recording_read(const char *path, int (*line)(void *ctx, struct str line, bool is_long), void *ctx, struct err *err)
{
	struct recording_reader reader;
	bool is_long = false;
	struct str text;
	int r = recording_open(&reader, path, err);

	if (r)
		return r;
	while ((r = recording_next(&reader, &text, &is_long, err)) > 0) {
		r = line(ctx, text, is_long);
		if (r)
			break;
	}
	recording_close_read(&reader);
	return r;
}
