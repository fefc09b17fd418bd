/* SPDX-License-Identifier: Apache-2.0
 *
 * linebuf - cuts bytes into lines of any length, without copying a line that came whole.
 *
 *	p = linebuf_room(&b, &n);		where to read into
 *	n = read(fd, p, n);
 *	consumed += linebuf_push(&b, n, push, ctx);
 *
 * An unfinished line waits for its rest. One longer than AUDIT_LINE_MAX is dropped up to its newline and
 * counted once. After a long line the memory goes back to LINEBUF_KEPT. A zeroed linebuf is valid.
 */
#ifndef ANONTAP_AUDIT_LINEBUF_H
#define ANONTAP_AUDIT_LINEBUF_H

#include "base/counters.h"
#include "base/str.h"

#define AUDIT_LINE_MAX	(64u << 20)	/* longer lines are dropped: audit_lines_long */
#define LINEBUF_KEPT	(512u << 10)	/* memory kept between long lines; the usual size of a read */
#define MARK_MAX	1024		/* bytes that tell one place in a file from any other */

/* A line without its newline, valid until the function returns. */
typedef void line_push_fn(void *ctx, struct str line);

/* The last bytes before a place in a file. They must reach back to a time or an id: audit lines end in
 * annotations, and 64 bytes of them are the same in most lines. */
struct mark {
	uint16_t n;
	char bytes[MARK_MAX];
};

struct linebuf {
	char *p;
	size_t cap;
	size_t from, to;	/* the bytes that wait */
	size_t seen;		/* no newline before here */
	bool is_skipping;	/* within a line that is too long */
	struct mark mark;	/* the last bytes consumed */
	struct counters *counters;
};

void linebuf_done(struct linebuf *b);
void linebuf_reset(struct linebuf *b);		/* what waits is forgotten; so is the mark */

/* At least one byte of room. NULL: no memory, counted; what waits still waits. */
char *linebuf_room(struct linebuf *b, size_t *ret_n);

/* n bytes were put there. Returns how many bytes were consumed: the lines told or dropped. */
size_t linebuf_push(struct linebuf *b, size_t n, line_push_fn *push, void *ctx);

/* What waits; and as the last line, where no newline will come. Returns the bytes consumed. */
struct str linebuf_waiting(const struct linebuf *b);
size_t linebuf_finish(struct linebuf *b, line_push_fn *push, void *ctx);

#endif
