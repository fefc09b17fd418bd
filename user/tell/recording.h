/* SPDX-License-Identifier: Apache-2.0
 *
 * recording - lines in a file, plain or compressed by its name (.gz): what `--write` makes and replay
 * reads. The lines are ndjson's; a recording holds no secrets.
 */
#ifndef ANONTAP_TELL_RECORDING_H
#define ANONTAP_TELL_RECORDING_H

#include "base/err.h"
#include "base/str.h"

#define RECORDING_LINE_MAX (4u << 20)	/* longer lines are passed over, and counted by the caller */

struct recording {
	void *gz;		/* zlib's gzFile, which also does plain files */
	const char *path;
	int error;		/* the first that happened; later lines are dropped */
};

/* Create `path`, mode 0600; an existing file is replaced. `path` must live as long. 0; -errno. */
int recording_create(struct recording *r, const char *path, struct err *err);
int recording_write(struct recording *r, struct str lines);	/* 0, or the first error (told once by the caller) */
int recording_sync(struct recording *r);			/* hand what is buffered to the kernel */
int recording_close(struct recording *r, struct err *err);	/* 0, or the first error since create */

/* Reading. A zeroed reader is closed. */
struct recording_reader {
	void *gz;
	const char *path;
	char *buf;		/* RECORDING_LINE_MAX bytes */
	size_t at, n;		/* what waits in it */
	bool is_skipping;	/* within a line that is too long */
	bool is_ended, is_cut;
};

/* `path`, plain or gz, must live as long. Returns 0; -ENOMEM; what opening says. */
int recording_open(struct recording_reader *r, const char *path, struct err *err);

/* The next line that is not empty, without its newline, valid until the next call; `*ret_is_long`: it was
 * longer than RECORDING_LINE_MAX and is not given. Returns 1; 0 at the end; -ENODATA the file is cut or
 * damaged, after all lines before that were given. */
int recording_next(struct recording_reader *r, struct str *ret_line, bool *ret_is_long, struct err *err);
void recording_close_read(struct recording_reader *r);

/* All lines. Returns 0; what the callback returned when not 0; -ENODATA; or what opening says. */
int recording_read(const char *path, int (*line)(void *ctx, struct str line, bool is_long), void *ctx, struct err *err);

#endif
