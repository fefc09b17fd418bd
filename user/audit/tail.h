/* SPDX-License-Identifier: Apache-2.0
 *
 * tail - follows an audit log through everything that happens to it, and says what happened.
 *
 *	t = tail_new(&options, &err)
 *	poll(tail_fd(t)) or once a second:
 *		while (tail_poll(t, now_ns, push, ctx))
 *			;
 *		… what was pushed is safe with the reader …
 *		tail_commit(t, cookie, now_ns);
 *
 * What it follows: lines of any length, unfinished until their newline; a log that is not there yet;
 * rotation by renaming (the old file is read to its end twice before it is let go, files rotated in
 * between are read in their order, each once, compressed ones too); truncation; a log that was deleted
 * or replaced while the server still writes to it: reading goes on in the file that the server holds
 * open, which is found by device and inode in /proc/PID/fd.
 *
 * The checkpoint names the place behind the last line pushed. A reader that keeps its output up to the
 * cookie of the checkpoint, and drops what is beyond it when it starts, has each line exactly once
 * whenever it was killed; a reader that only repeats has each line at least once.
 *
 * Without the server's pid a renamed or deleted log cannot be told from one that the server still
 * writes to; then the old file is kept open until it is quiet for TAIL_QUIET_NS.
 *
 * It does not parse lines, and it does not read the clock: times are the caller's wall clock.
 */
#ifndef ANONTAP_AUDIT_TAIL_H
#define ANONTAP_AUDIT_TAIL_H

#include <sys/types.h>
#include "audit/place.h"

#define TAIL_QUIET_NS		UINT64_C(10000000000)
#define TAIL_FILES_MAX		CHECKPOINT_PLACES_MAX	/* read at once; beyond it the oldest is let go */
#define TAIL_READ_MAX		(4u << 20)	/* bytes of one file in one tail_poll() */
#define TAIL_POLL_MS		1000		/* tail_fd() is readable at least so often */
#define TAIL_BATCH_MS		50		/* and at most so often while lines come */
#define TAIL_COMMIT_NS		UINT64_C(1000000000)

#define TAIL_NOTES(X) \
	X(OPENED,	"opened") \
	X(MISSING,	"missing")	/* there is no file of that name (yet) */ \
	X(ROTATED,	"rotated")	/* the next file is being read */ \
	X(DELETED,	"deleted")	/* its name is gone; reading goes on in what is open */ \
	X(REPLACED,	"replaced")	/* the server writes to another file than the one of that name */ \
	X(TRUNCATED,	"truncated")	/* lines that were not read yet may be gone */ \
	X(LOST,		"lost")		/* the place of the checkpoint, or a file, could not be found or read */ \
	X(UNREADABLE,	"unreadable")	/* `error` says why; it is tried again */

enum tail_what {
#define X(name, word) TAIL_##name,
	TAIL_NOTES(X)
#undef X
	TAIL_WHAT_MAX,
};

struct tail_note {
	enum tail_what what;
	uint64_t from_ns, to_ns;	/* it happened between these; from is 0 when nothing was seen before */
	bool is_lost;			/* lines of events between these times may be missing */
	int error;			/* negative errno, or 0 */
	uint64_t dev, ino;		/* the file it happened to; 0 if unknown */
};

typedef void tail_note_fn(void *ctx, const struct tail_note *note);

struct tail_options {
	const char *path;		/* of the log */
	const char *checkpoint;		/* NULL: none */
	pid_t pid;			/* of the server; 0: unknown */
	bool is_from_end;		/* without a checkpoint begin at the end, else at the beginning */
	struct counters *counters;	/* must outlive it */
	tail_note_fn *note;		/* may be NULL */
	void *note_ctx;
};

struct tail;

/* Returns 0; -EISDIR, -EINVAL (FIFO, socket, device, a bad checkpoint), -EACCES…: the log is there and
 * cannot be followed; -ENOMEM; -errno. A log that is not there is waited for. */
int tail_new(const struct tail_options *options, struct tail **ret, struct err *err);
void tail_free(struct tail *t);		/* does not commit */

void tail_set_pid(struct tail *t, pid_t pid);	/* the server was found, or restarted; 0: it is gone */

int tail_fd(const struct tail *t);	/* readable when tail_poll() should be called */

/* Push the lines that are there and see what became of the file. Never blocks. True: there is more. */
bool tail_poll(struct tail *t, uint64_t now_ns, line_push_fn *push, void *ctx);

/* All lines pushed so far are safe: save the place, at most each TAIL_COMMIT_NS (now_ns 0: at once),
 * and `cookie` with it. Returns 1: saved; 0: not now; -errno of saving, then it is tried again. */
int tail_commit(struct tail *t, uint64_t cookie, uint64_t now_ns);

/* The cookie of the checkpoint it began with; 0 without one. */
uint64_t tail_cookie(const struct tail *t);

/* Bytes of the newest file that are not read yet: how far behind it is. */
uint64_t tail_backlog(const struct tail *t);

const char *tail_word(enum tail_what what);

#endif
