/* SPDX-License-Identifier: Apache-2.0
 *
 * source - one open file of an audit log, read to wherever it ends today, and on when it grows.
 *
 * It knows where it stands by what it read: before reading on it looks whether the last bytes are
 * still there. Where they are not, the file was truncated or written over, even if it grew back to its
 * old size. An archive (gzip) does not grow and is read as what it holds.
 *
 * A server that does not open for appending goes on at its old offset after a truncation and leaves a
 * hole: holes are stepped over, and zero bytes before a line are not part of it.
 */
#ifndef ANONTAP_AUDIT_SOURCE_H
#define ANONTAP_AUDIT_SOURCE_H

#include "audit/place.h"

struct source {
	int fd;
	void *gzip;		/* zlib's gzFile, or NULL */
	uint64_t dev, ino;
	uint64_t offset;	/* of the first byte that was not consumed */
	struct linebuf lines;
	bool has_read;		/* something, by the last source_read() */
};

/* Take over the descriptor of a regular file (it is closed with the source, and on failure), to read
 * from its beginning. Returns 0; -errno. */
int source_init(struct source *s, int fd, struct counters *counters);
void source_done(struct source *s);

/* Go on at a place that was saved. Returns 0; -ESTALE: it is not in this file; -errno. */
int source_seek(struct source *s, const struct place *p);

/* Go to the end: behind the last line that is finished. Returns 0; -errno. */
int source_seek_end(struct source *s);

/* Read until the file ends or about `max` bytes were read. Returns 1: there is more; 0: the end;
 * -ESTALE: truncated or written over, see source_restart(); -errno. */
int source_read(struct source *s, size_t max, line_push_fn *push, void *ctx);

/* From the beginning again; what waited of an unfinished line is gone. */
void source_restart(struct source *s);

/* No newline will come: what waits is a line. */
void source_finish(struct source *s, line_push_fn *push, void *ctx);

/* When it was rotated, by the name that it has or had last; `base` is the log's. If it was not, its
 * last change, which is before the rotation of any file after it. 0: unknown. */
uint64_t source_rotated_ns(const struct source *s, struct str base);

/* Was it deleted under this name, rather than rotated first? */
bool source_is_deleted_as(const struct source *s, struct str base);

void source_place(const struct source *s, struct place *ret);

#endif
