/* SPDX-License-Identifier: Apache-2.0
 *
 * wake - one descriptor that is readable when a followed file, or its directory, may have changed, and
 * at least each second even where inotify does not work (network file systems, no watches left).
 */
#ifndef ANONTAP_AUDIT_WAKE_H
#define ANONTAP_AUDIT_WAKE_H

#include <stdbool.h>

struct wake {
	int epoll_fd, inotify_fd, timer_fd;	/* inotify_fd is -1 where there is none */
	int dir_watch, file_watch;		/* -1: none */
	bool is_muted;
};

enum wake_when {
	WAKE_AT_ONCE,
	WAKE_AFTER_BATCH,	/* TAIL_BATCH_MS; changes until then do not wake */
	WAKE_ON_CHANGE,		/* or after TAIL_POLL_MS */
};

int wake_init(struct wake *w);			/* 0; -errno */
void wake_done(struct wake *w);
void wake_watch_directory(struct wake *w, const char *path);	/* the one that `path` is in; tried again each call */
void wake_watch_file(struct wake *w, int fd);			/* the file itself, whatever its name; replaces the last */
void wake_take(struct wake *w);			/* what woke is seen */
void wake_set(struct wake *w, enum wake_when when);

#endif
