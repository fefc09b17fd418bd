/* SPDX-License-Identifier: Apache-2.0
 * One idea: a busy log would wake for every line; after lines came, only the timer wakes for a while. */
#include "audit/wake.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "audit/tail.h"

int wake_init(struct wake *w)
{
	struct epoll_event in = { .events = EPOLLIN };
	int error;

	*w = (struct wake){ -1, -1, -1, -1, -1, false };
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (w->epoll_fd < 0 || w->timer_fd < 0 || epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->timer_fd, &in))
		goto fail;
	w->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK); /* -1: the timer alone wakes */
	if (w->inotify_fd >= 0 && epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->inotify_fd, &in))
		goto fail;
	wake_set(w, WAKE_AT_ONCE);
	return 0;
fail:
	error = -errno;
	wake_done(w);
	return error;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing was written */
	*fd = -1;
}

void wake_done(struct wake *w)
{
	close_one(&w->inotify_fd);
	close_one(&w->timer_fd);
	close_one(&w->epoll_fd);
}

void wake_watch_directory(struct wake *w, const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";

	if (w->inotify_fd < 0 || w->dir_watch >= 0)
		return;
	if (slash)
		(void)snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path); /* a cut one is absent */
	w->dir_watch = inotify_add_watch(w->inotify_fd, dir, IN_CREATE | IN_MOVE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF);
}

void wake_watch_file(struct wake *w, int fd)
{
	char link[64];

	if (w->inotify_fd < 0)
		return;
	if (w->file_watch >= 0)
		(void)inotify_rm_watch(w->inotify_fd, w->file_watch); /* gone with its file, perhaps */
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);   /* fits */
	w->file_watch = inotify_add_watch(w->inotify_fd, link, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF);
}

void wake_take(struct wake *w)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	uint64_t ticks;
	ssize_t n;

	(void)!read(w->timer_fd, &ticks, sizeof(ticks)); /* nothing there: it did not wake */
	while (w->inotify_fd >= 0 && (n = read(w->inotify_fd, events, sizeof(events))) > 0) {
		const struct inotify_event *e;

		for (const char *p = events; p < events + n; p += sizeof(*e) + e->len) {
			e = (const struct inotify_event *)p;
			if (e->wd == w->dir_watch && e->mask & (IN_IGNORED | IN_MOVE_SELF))
				w->dir_watch = -1;
			if (e->wd == w->file_watch && e->mask & IN_IGNORED)
				w->file_watch = -1;
		}
	}
}

static void mute(struct wake *w, bool is_muted)
{
	struct epoll_event e = { .events = is_muted ? 0 : EPOLLIN };

	if (w->inotify_fd >= 0 && w->is_muted != is_muted && !epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, w->inotify_fd, &e))
		w->is_muted = is_muted;
}

void wake_set(struct wake *w, enum wake_when when)
{
	static const long ms[] = { [WAKE_AFTER_BATCH] = TAIL_BATCH_MS, [WAKE_ON_CHANGE] = TAIL_POLL_MS };
	struct itimerspec t = { .it_value = { .tv_nsec = 1 } };

	if (when != WAKE_AT_ONCE) {
		t.it_value.tv_sec = ms[when] / 1000;
		t.it_value.tv_nsec = ms[when] % 1000 * 1000000;
	}
	mute(w, when == WAKE_AFTER_BATCH);
	(void)timerfd_settime(w->timer_fd, 0, &t, NULL); /* fails only for bad arguments */
}
