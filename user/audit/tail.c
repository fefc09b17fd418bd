/* SPDX-License-Identifier: Apache-2.0
 * One idea: a log is a chain of files. The oldest that still grows is read first, the newest is the one
 * of the log's name, and the only question is which file comes after the newest we have. */
#include "audit/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audit/lines.h"
#include "audit/procfd.h"
#include "audit/siblings.h"
#include "audit/source.h"
#include "audit/wake.h"

#define RENAME_TRIES 8

struct file {
	struct source source;
	bool is_live;		/* it had the log's name, or the server held it: it may still grow */
	bool is_old;		/* a newer file is there */
	bool is_deletion_told, is_growth_told, is_loss_told;
	unsigned nr_ends;	/* polls in a row that found nothing new in it, since it is old */
	uint64_t grown_ns;	/* when it last grew */
};

struct tail {
	struct tail_options o;
	char *path, *checkpoint;
	struct wake wake;
	struct file files[TAIL_FILES_MAX];	/* oldest first */
	size_t nr_files;
	struct checkpoint saved;	/* it began with, or saved last */
	uint64_t cookie;
	uint64_t rotated_ns;		/* files that were rotated up to then are read */
	uint64_t seen_ns;		/* when all was well last */
	uint64_t asked_ns;		/* when the server's descriptors were looked through last */
	uint64_t fake_dev, fake_ino;	/* has the log's name, but the server does not write to it */
	enum tail_what told;		/* MISSING, UNREADABLE: told, and still so; else OPENED */
	bool is_started;
};

const char *tail_word(enum tail_what what)
{
	static const char *const words[] = {
#define X(name, word) [TAIL_##name] = word,
		TAIL_NOTES(X)
#undef X
	};

	return words[what];
}

static void note(struct tail *t, enum tail_what what, uint64_t now_ns, const struct file *f, bool is_lost, int error)
{
	struct tail_note n = { .what = what, .from_ns = t->seen_ns, .to_ns = now_ns, .is_lost = is_lost, .error = error };

	if (f) {
		n.dev = f->source.dev;
		n.ino = f->source.ino;
	}
	if (what == TAIL_DELETED)
		count(t->o.counters, COUNT_audit_log_deleted);
	else if (what == TAIL_REPLACED)
		count(t->o.counters, COUNT_audit_log_replaced);
	else if (what == TAIL_TRUNCATED)
		count(t->o.counters, COUNT_audit_log_truncated);
	else if (what == TAIL_LOST)
		count(t->o.counters, COUNT_audit_log_lost);
	if (t->o.note)
		t->o.note(t->o.note_ctx, &n);
}

/* Tell a state once, until it is another. */
static void note_state(struct tail *t, enum tail_what what, uint64_t now_ns, const struct file *f, int error)
{
	if (t->told == what)
		return;
	t->told = what;
	note(t, what, now_ns, f, false, error);
}

static struct file *newest(struct tail *t)
{
	return t->nr_files ? &t->files[t->nr_files - 1] : NULL;
}

static bool is_known(const struct tail *t, uint64_t dev, uint64_t ino)
{
	for (size_t i = 0; i < t->nr_files; i++)
		if (t->files[i].source.dev == dev && t->files[i].source.ino == ino)
			return true;
	return dev == t->fake_dev && ino == t->fake_ino;
}

static struct str base_of(const struct tail *t)
{
	const char *slash = strrchr(t->path, '/');

	return str_of(slash ? slash + 1 : t->path);
}

/* A file of no bytes may carry a time from before the rotation that it came after: the kernel's file
 * times are a tick coarse. So what was read is remembered beyond the files that are open. */
static void remember(struct tail *t, uint64_t rotated_ns)
{
	if (t->rotated_ns < rotated_ns)
		t->rotated_ns = rotated_ns;
}

static void let_go(struct tail *t, size_t i, line_push_fn *push, void *ctx)
{
	remember(t, source_rotated_ns(&t->files[i].source, base_of(t)));
	source_finish(&t->files[i].source, push, ctx);
	source_done(&t->files[i].source);
	t->nr_files--;
	memmove(&t->files[i], &t->files[i + 1], (t->nr_files - i) * sizeof(t->files[0]));
}

/* Takes the descriptor over. There is room: see make_room(). */
static struct file *add_file(struct tail *t, int fd, bool is_live, uint64_t now_ns)
{
	struct file *f = &t->files[t->nr_files];
	int r;

	*f = (struct file){ .is_live = is_live, .grown_ns = now_ns };
	r = source_init(&f->source, fd, t->o.counters);
	if (r) {
		note_state(t, TAIL_UNREADABLE, now_ns, NULL, r);
		return NULL;
	}
	if (newest(t))
		newest(t)->is_old = true;
	t->nr_files++;
	wake_watch_file(&t->wake, fd);
	t->told = TAIL_OPENED;
	return f;
}

static void make_room(struct tail *t, line_push_fn *push, void *ctx)
{
	if (t->nr_files == TAIL_FILES_MAX)
		let_go(t, 0, push, ctx);
}

/* ---- the place of a checkpoint */

/* Take fd over and stand at the place, if it is there. */
static bool stand_in(struct tail *t, int fd, const struct place *p, bool any_inode, bool is_live, uint64_t now_ns)
{
	struct file *f;
	struct stat st;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) || is_known(t, st.st_dev, st.st_ino) ||
	    (!any_inode && (st.st_dev != p->dev || st.st_ino != p->ino))) {
		(void)close(fd); /* only read from */
		return false;
	}
	f = add_file(t, fd, is_live, now_ns);
	if (!f)
		return false;
	if (!source_seek(&f->source, p))
		return true;
	source_done(&f->source);
	t->nr_files--;
	if (newest(t))
		newest(t)->is_old = false;
	return false;
}

/* Under its name, rotated, held by the server; then any file or archive that has the very bytes. */
static bool try_to_find(struct tail *t, const struct place *p, uint64_t now_ns)
{
	struct sibling *list = NULL;
	bool is_found = false;
	size_t nr = 0;

	if (siblings_list(t->path, &list, &nr))
		nr = 0; /* what cannot be listed is not found */
	for (int any_inode = 0; any_inode < 2 && !is_found; any_inode++) {
		is_found = stand_in(t, lines_open(t->path, NULL), p, any_inode, true, now_ns);
		for (size_t i = nr; i-- > 0 && !is_found;)
			is_found = stand_in(t, lines_open(list[i].path, NULL), p, any_inode, !any_inode, now_ns);
		if (!is_found && !any_inode && t->o.pid)
			is_found = stand_in(t, procfd_open(t->o.pid, p->dev, p->ino), p, false, true, now_ns);
	}
	free(list);
	return is_found;
}

/* Between listing and opening a file may be compressed, and has another name. */
static bool find_place(struct tail *t, const struct place *p, uint64_t now_ns)
{
	for (int i = 0; i < RENAME_TRIES; i++)
		if (try_to_find(t, p, now_ns))
			return true;
	return false;
}

static void start(struct tail *t, uint64_t now_ns)
{
	t->is_started = true;
	t->seen_ns = t->saved.time_ns;
	t->rotated_ns = t->saved.rotated_ns;
	for (size_t i = 0; i < t->saved.nr_places; i++)
		if (!find_place(t, &t->saved.places[i], now_ns))
			note(t, TAIL_LOST, now_ns, NULL, true, 0);
	if (!t->nr_files && !t->rotated_ns)
		remember(t, t->saved.time_ns);
}

/* ---- what comes after the newest file */

/* Only a first start without a checkpoint may begin at the end. */
static void place_first(struct tail *t, struct file *f, uint64_t now_ns)
{
	int r;

	if (t->saved.time_ns || !t->o.is_from_end || t->seen_ns)
		return;
	r = source_seek_end(&f->source);
	if (r)
		note(t, TAIL_LOST, now_ns, f, true, r);
}

/* The log has no name: is it open in the server? */
static bool adopt_deleted(struct tail *t, uint64_t now_ns, enum tail_what what)
{
	struct file *f;
	int fd;

	if (!t->o.pid)
		return false;
	fd = procfd_open_deleted(t->o.pid, t->path);
	if (fd < 0)
		return false;
	f = add_file(t, fd, true, now_ns);
	if (!f)
		return false;
	place_first(t, f, now_ns);
	note(t, what, now_ns, f, false, 0);
	f->is_deletion_told = true;
	return true;
}

/* The first rotated file after `after`, unless it is the one `of_name`. Returns a descriptor; -ENOENT: there
 * is none; -EAGAIN: it was renamed or removed meanwhile; -errno. */
static int open_sibling(struct tail *t, uint64_t after_ns, const struct stat *of_name, uint64_t *ret_time_ns)
{
	struct sibling *list;
	int fd = -ENOENT, r;
	size_t nr, i;

	r = siblings_list(t->path, &list, &nr);
	if (r)
		return r == -EAGAIN ? r : -ENOENT;
	for (i = 0; i < nr; i++)
		if (list[i].time_ns > after_ns && !is_known(t, list[i].dev, list[i].ino) &&
		    (list[i].dev != of_name->st_dev || list[i].ino != of_name->st_ino))
			break;
	if (i < nr) {
		fd = lines_open(list[i].path, NULL);
		*ret_time_ns = list[i].time_ns;
		if (fd == -ENOENT)
			fd = -EAGAIN;
	}
	free(list);
	return fd;
}

static int open_next_sibling(struct tail *t, const struct stat *of_name, uint64_t *ret_time_ns)
{
	uint64_t after_ns = newest(t) ? source_rotated_ns(&newest(t)->source, base_of(t)) : 0;
	int fd = -EAGAIN;

	if (after_ns < t->rotated_ns)
		after_ns = t->rotated_ns;
	if (!after_ns) /* nothing was read before: begin with the log itself */
		return -ENOENT;
	for (int i = 0; i < RENAME_TRIES && fd == -EAGAIN; i++)
		fd = open_sibling(t, after_ns, of_name, ret_time_ns);
	return fd;
}

/* Another file than those we read has the log's name. Opened before the rotated ones are listed: what
 * is rotated from now on is either open or not yet there. */
static bool open_next(struct tail *t, uint64_t now_ns)
{
	enum tail_what what = newest(t) ? TAIL_ROTATED : TAIL_OPENED;
	int fd = lines_open(t->path, NULL), next;
	uint64_t time_ns = 0;
	struct file *f;
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		if (fd < 0 && fd != -ENOENT)
			note_state(t, TAIL_UNREADABLE, now_ns, NULL, fd);
		if (fd >= 0)
			(void)close(fd); /* only read from */
		return false;
	}
	next = open_next_sibling(t, &st, &time_ns);
	if (next == -EAGAIN) {
		(void)close(fd); /* only read from; the next poll sees more clearly */
		return false;
	}
	if (next < 0 && next != -ENOENT) {
		remember(t, time_ns);
		note(t, TAIL_LOST, now_ns, NULL, true, next);
	}
	if (next >= 0 || is_known(t, st.st_dev, st.st_ino)) {
		(void)close(fd); /* only read from */
		fd = next;
	}
	if (fd < 0)
		return false;
	f = add_file(t, fd, next < 0, now_ns);
	if (!f)
		return false;
	if (next < 0)
		place_first(t, f, now_ns);
	note(t, what, now_ns, f, false, 0);
	return true;
}

/* The log's name has gone to a file that we do not read. Does the server still write to ours? */
static bool is_replaced(struct tail *t, const struct stat *st, uint64_t now_ns)
{
	struct file *f = newest(t);

	if (!t->o.pid || !f || !f->is_live || procfd_holds(t->o.pid, f->source.dev, f->source.ino) != 1 ||
	    procfd_holds(t->o.pid, st->st_dev, st->st_ino) != 0)
		return false;
	t->fake_dev = st->st_dev;
	t->fake_ino = st->st_ino;
	note(t, TAIL_REPLACED, now_ns, f, false, 0);
	return true;
}

/* The file that took the name is no fake any more when the server opens it. */
static void look_at_fake(struct tail *t, uint64_t now_ns)
{
	if (!t->fake_ino || now_ns - t->asked_ns < TAIL_POLL_MS * UINT64_C(1000000))
		return;
	t->asked_ns = now_ns;
	if (!t->o.pid || procfd_holds(t->o.pid, t->fake_dev, t->fake_ino) != 0 || !newest(t) ||
	    procfd_holds(t->o.pid, newest(t)->source.dev, newest(t)->source.ino) != 1)
		t->fake_dev = t->fake_ino = 0;
}

static void note_deleted(struct tail *t, uint64_t now_ns, struct file *f)
{
	if (!f->is_deletion_told)
		note(t, TAIL_DELETED, now_ns, f, false, 0);
	f->is_deletion_told = true;
}

/* The log's name is gone, or cannot be asked for. Returns true when there is a new file to read. */
static bool look_without_name(struct tail *t, uint64_t now_ns, int error)
{
	struct file *f = newest(t);
	struct stat st;

	if (error != -ENOENT && error != -ENOTDIR) {
		note_state(t, TAIL_UNREADABLE, now_ns, f, error);
		return false;
	}
	if (!f && adopt_deleted(t, now_ns, TAIL_DELETED))
		return true;
	if (f && !fstat(f->source.fd, &st) && !st.st_nlink)
		note_deleted(t, now_ns, f);
	else
		note_state(t, TAIL_MISSING, now_ns, f, 0);
	return false;
}

/* Returns true when there is a new file to read. */
static bool look(struct tail *t, uint64_t now_ns)
{
	struct file *f = newest(t);
	struct stat st;

	look_at_fake(t, now_ns);
	if (stat(t->path, &st))
		return look_without_name(t, now_ns, -errno);
	if (is_known(t, st.st_dev, st.st_ino)) {
		t->told = TAIL_OPENED;
		return false;
	}
	if (is_replaced(t, &st, now_ns))
		return false;
	if (!f && t->o.pid && !procfd_holds(t->o.pid, st.st_dev, st.st_ino) && adopt_deleted(t, now_ns, TAIL_REPLACED)) {
		t->fake_dev = st.st_dev;
		t->fake_ino = st.st_ino;
		return true;
	}
	if (f && source_is_deleted_as(&f->source, base_of(t)))
		note_deleted(t, now_ns, f);
	return open_next(t, now_ns);
}

/* ---- reading */

static bool may_still_grow(const struct tail *t, const struct file *f, uint64_t now_ns)
{
	int holds;

	if (!f->is_live)
		return false;
	holds = t->o.pid ? procfd_holds(t->o.pid, f->source.dev, f->source.ino) : -ESRCH;
	return holds < 0 ? now_ns - f->grown_ns < TAIL_QUIET_NS : holds == 1;
}

/* An old file goes when two polls found nothing new in it and nobody writes to it. */
static void retire(struct tail *t, uint64_t now_ns, line_push_fn *push, void *ctx)
{
	for (size_t i = 0; i < t->nr_files;) {
		struct file *f = &t->files[i];

		if (f->is_old && ++f->nr_ends >= 2 && !may_still_grow(t, f, now_ns))
			let_go(t, i, push, ctx);
		else
			i++;
	}
}

/* It was read to its end after its successor came, and still grows: the server writes to it. */
static void note_growth(struct tail *t, struct file *f, uint64_t now_ns)
{
	if (f->is_live && f->nr_ends && !f->is_growth_told) {
		f->is_growth_told = true;
		note(t, TAIL_REPLACED, now_ns, f, false, 0);
	}
	f->nr_ends = 0;
	f->grown_ns = now_ns;
}

/* Returns true when there is more. */
static bool read_file(struct tail *t, struct file *f, uint64_t now_ns, line_push_fn *push, void *ctx)
{
	int r = source_read(&f->source, TAIL_READ_MAX, push, ctx);

	if (f->source.has_read)
		note_growth(t, f, now_ns);
	if (r == -ESTALE) {
		note(t, TAIL_TRUNCATED, now_ns, f, true, 0);
		source_restart(&f->source);
		return true;
	}
	if (r < 0 && !f->is_loss_told) {
		f->is_loss_told = true;
		note(t, f->is_live ? TAIL_UNREADABLE : TAIL_LOST, now_ns, f, true, r);
	} else if (!r) {
		f->is_loss_told = false;
	}
	return r > 0;
}

bool tail_poll(struct tail *t, uint64_t now_ns, line_push_fn *push, void *ctx)
{
	bool has_more = false, has_read = false;

	wake_take(&t->wake);
	wake_watch_directory(&t->wake, t->path);
	if (!t->is_started)
		start(t, now_ns);
	for (size_t i = 0; i < t->nr_files && !has_more; i++) {
		has_more = read_file(t, &t->files[i], now_ns, push, ctx);
		has_read |= t->files[i].source.has_read;
	}
	if (!has_more) {
		retire(t, now_ns, push, ctx); /* before another file makes one old that was not read since */
		make_room(t, push, ctx);
		has_more = look(t, now_ns);
		t->seen_ns = now_ns;
	}
	wake_set(&t->wake, has_more ? WAKE_AT_ONCE : has_read ? WAKE_AFTER_BATCH : WAKE_ON_CHANGE);
	return has_more;
}

/* ---- its life */

int tail_new(const struct tail_options *options, struct tail **ret, struct err *err)
{
	struct tail *t = calloc(1, sizeof(*t));
	int r = -ENOMEM, fd;

	if (!t)
		return -ENOMEM;
	t->o = *options;
	t->wake = (struct wake){ -1, -1, -1, -1, -1, false };
	t->told = TAIL_OPENED;
	t->path = str_dup(str_of(options->path));
	if (!t->path)
		goto out;
	fd = lines_open(t->path, err);
	if (fd >= 0)
		(void)close(fd); /* opened when polled */
	else if (fd != -ENOENT && fd != -ENOTDIR) {
		r = fd;
		goto out;
	}
	if (options->checkpoint) {
		t->checkpoint = str_dup(str_of(options->checkpoint));
		if (!t->checkpoint)
			goto out;
		r = checkpoint_load(t->checkpoint, &t->saved, err);
		if (r && r != -ENOENT)
			goto out;
		t->cookie = t->saved.cookie;
	}
	r = wake_init(&t->wake);
	if (r) {
		(void)err_set(err, r, "cannot watch %s: %s", t->path, strerror(-r));
		goto out;
	}
	*ret = t;
	return 0;
out:
	tail_free(t);
	return r;
}

void tail_free(struct tail *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->nr_files; i++)
		source_done(&t->files[i].source);
	wake_done(&t->wake);
	free(t->path);
	free(t->checkpoint);
	free(t);
}

void tail_set_pid(struct tail *t, pid_t pid)
{
	t->o.pid = pid;
}

int tail_fd(const struct tail *t)
{
	return t->wake.epoll_fd;
}

uint64_t tail_cookie(const struct tail *t)
{
	return t->cookie;
}

uint64_t tail_backlog(const struct tail *t)
{
	const struct source *s = t->nr_files ? &t->files[t->nr_files - 1].source : NULL;
	struct stat st;

	if (!s || s->gzip || fstat(s->fd, &st) || (uint64_t)st.st_size < s->offset)
		return 0;
	return (uint64_t)st.st_size - s->offset;
}

static bool is_unchanged(const struct checkpoint *a, const struct checkpoint *b)
{
	if (a->cookie != b->cookie || a->nr_places != b->nr_places)
		return false;
	for (size_t i = 0; i < a->nr_places; i++) {
		const struct place *x = &a->places[i], *y = &b->places[i];

		if (x->dev != y->dev || x->ino != y->ino || x->offset != y->offset || x->is_skipping != y->is_skipping)
			return false;
	}
	return true;
}

/* A file of which nothing was read needs no place: it comes after those that have one, or is the log. And
 * it could have none, for nothing in it could prove that a recycled inode is not the same file. */
int tail_commit(struct tail *t, uint64_t cookie, uint64_t now_ns)
{
	struct checkpoint c = { .time_ns = now_ns ? now_ns : t->seen_ns, .rotated_ns = t->rotated_ns,
				.cookie = cookie };
	int r;

	if (!t->checkpoint || !t->nr_files || (now_ns && now_ns - t->saved.time_ns < TAIL_COMMIT_NS))
		return 0;
	for (size_t i = 0; i < t->nr_files; i++) {
		source_place(&t->files[i].source, &c.places[c.nr_places]);
		c.nr_places += c.places[c.nr_places].mark_n > 0;
	}
	if (is_unchanged(&c, &t->saved))
		return 0;
	r = checkpoint_save(t->checkpoint, &c);
	if (r)
		return r;
	t->saved = c;
	return 1;
}
