/* SPDX-License-Identifier: Apache-2.0
 *
 * lines - reads a whole file of lines, plain or gzip, from its beginning to its end.
 *
 * For offline work: `tail` follows a file that grows. What the file is decides its first bytes, not
 * its name; gzip members one after the other are one file. Lines may be of any length up to
 * AUDIT_LINE_MAX; the last one needs no newline. Memory is one buffer, whatever the size of the file.
 */
#ifndef ANONTAP_AUDIT_LINES_H
#define ANONTAP_AUDIT_LINES_H

#include "audit/linebuf.h"
#include "base/err.h"

/* Called after each read, and at the end: bytes of the file read, and its size. False stops. */
typedef bool lines_progress_fn(void *ctx, uint64_t nr_read, uint64_t nr_total);

/* Push every line of the file at `path`; progress may be NULL. Returns 0 (also when stopped); -ENOENT,
 * -EACCES…: it cannot be opened or read; -EISDIR; -EINVAL: a FIFO, socket or device; -ENOMEM; -EBADMSG:
 * gzip data that is corrupt or ends early; the lines before that were pushed. */
int lines_read(const char *path, line_push_fn *push, lines_progress_fn *progress, void *ctx,
	       struct counters *counters, struct err *err);

/* Open a regular file for reading, never blocking on what it is. Returns a descriptor, or as above. */
int lines_open(const char *path, struct err *err);

#endif
