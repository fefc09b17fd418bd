/* SPDX-License-Identifier: Apache-2.0
 * One idea: hold /proc/PID open and read everything relative to it. The descriptor is bound to that
 * process, so a pid that is reused between two reads gives ESRCH instead of somebody else's answer.
 */
#include "tap/target.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STAT_MAX 1024 /* /proc/PID/stat: a comm of at most 64 bytes, and 50 numbers */

/* What the kernel puts after the path of a program that is no longer there. */
#define DELETED	    " (deleted)"
#define DELETED_LEN (ssize_t)(sizeof(DELETED) - 1)

static int open_proc(uint32_t pid)
{
	char path[TARGET_PROC_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%u", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -(errno == ENOENT ? ESRCH : errno) : fd;
}

/* Read at most `max` bytes. A process that has ended reads as empty, or as ESRCH. */
static ssize_t read_file(int proc, const char *name, char *out, size_t max)
{
	int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return -(errno == ENOENT ? ESRCH : errno);
	while (n < max) {
		got = read(fd, out + n, max - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			n = 0;
			got = -errno;
			break;
		}
		if (got == 0)
			break;
		n += (size_t)got;
	}
	(void)close(fd);
	return n ? (ssize_t)n : got;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* comm stands in parentheses and may hold parentheses and spaces: the last ')' ends it. */
static int read_stat(int proc, struct target *t, char *ret_state)
{
	char text[STAT_MAX + 1], *open, *close, *p;
	ssize_t n = read_file(proc, "stat", text, STAT_MAX);
	unsigned long long start = 0;

	if (n <= 0)
		return n < 0 ? (int)n : -ESRCH;
	text[n] = '\0';
	open = memchr(text, '(', (size_t)n);
	close = memrchr(text, ')', (size_t)n);
	if (!open || !close || close < open || close[1] != ' ')
		return -EIO;
	p = close + 2;
	*ret_state = *p;
	for (int field = 3; field < 22 && p; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	if (!p || sscanf(p, "%llu", &start) != 1)
		return -EIO;
	t->start = start;
	n = close - open - 1;
	memset(t->comm, 0, sizeof(t->comm));
	memcpy(t->comm, open + 1, n < TAP_COMM_MAX - 1 ? (size_t)n : TAP_COMM_MAX - 1);
	return 0;
}

/* The program file. ENOENT here is a kernel thread, or a process that has let go of its memory. */
static int read_exe(int proc, struct target *t)
{
	char path[4096];
	struct stat st;
	ssize_t n = readlinkat(proc, "exe", path, sizeof(path) - 1);

	if (n < 0 || fstatat(proc, "exe", &st, 0) < 0)
		return -errno;
	path[n] = '\0';
	t->is_deleted = n > DELETED_LEN && strcmp(path + n - DELETED_LEN, DELETED) == 0;
	if (t->is_deleted)
		path[n -= DELETED_LEN] = '\0';
	t->dev = st.st_dev;
	t->ino = st.st_ino;
	t->size = (uint64_t)st.st_size;
	t->mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
	/* What is cut is the front: the base name is what is compared and what a person looks for. */
	(void)snprintf(t->exe, sizeof(t->exe), "%.*s", TARGET_EXE_MAX - 1,
		       path + (n < TARGET_EXE_MAX ? 0 : n - (TARGET_EXE_MAX - 1)));
	return 0;
}

void target_exe_path(uint32_t pid, char ret[TARGET_PROC_MAX])
{
	(void)snprintf(ret, TARGET_PROC_MAX, "/proc/%u/exe", pid);
}

/* ---- scan ------------------------------------------------------------------------------------ */

static bool is_argv0(int proc, const char *name)
{
	char argv0[4096];
	ssize_t n = read_file(proc, "cmdline", argv0, sizeof(argv0) - 1);

	if (n <= 0)
		return false;
	argv0[n] = '\0'; /* arguments end in NUL; a longer first one is cut, and then differs */
	return strcmp(base_name(argv0), name) == 0;
}

static bool is_comm(const struct target *t, const char *name)
{
	return strncmp(t->comm, name, TAP_COMM_MAX - 1) == 0;
}

static const char *match(int proc, const struct target *t, const char *const *names, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		if (t->exe[0] && strcmp(base_name(t->exe), names[i]) == 0)
			return names[i];
		if (is_comm(t, names[i]) && (strlen(names[i]) < TAP_COMM_MAX || is_argv0(proc, names[i])))
			return names[i];
	}
	return NULL;
}

/* Returns 1 it is one of them; 0 no; -errno it may be, and cannot be looked into. */
static int look_at(uint32_t pid, const char *const *names, size_t nr, struct target *t)
{
	const char *name;
	char state;
	int proc = open_proc(pid), r;

	if (proc < 0)
		return 0;
	*t = (struct target){ .pid = pid };
	r = read_stat(proc, t, &state);
	if (r < 0 || state == 'Z' || state == 'X') {
		r = 0;
		goto out;
	}
	r = read_exe(proc, t);
	name = match(proc, t, names, nr);
	if (!name)
		r = 0;
	else if (r == -ENOENT || r == -ESRCH)
		r = 0;
	else if (r == 0) {
		(void)snprintf(t->name, sizeof(t->name), "%s", name);
		r = 1;
	}
out:
	(void)close(proc);
	return r;
}

int target_scan(const char *const *names, size_t nr, target_fn fn, void *ctx, struct err *err)
{
	DIR *dir = opendir("/proc");
	struct dirent *de;
	int r = 0, denied = 0;

	if (!dir) {
		r = -errno;
		return err_set(err, r, "/proc cannot be read: %s", strerror(-r));
	}
	while (r == 0 && (errno = 0, de = readdir(dir))) {
		struct target t;
		char *end;
		unsigned long pid = strtoul(de->d_name, &end, 10);

		if (!isdigit((unsigned char)de->d_name[0]) || *end || pid == 0 || pid > UINT32_MAX)
			continue;
		r = look_at((uint32_t)pid, names, nr, &t);
		if (r < 0) {
			if (!denied)
				err_set(err, r, "process %lu (%s) cannot be looked into: %s", pid, t.comm,
					strerror(-r));
			denied = -EACCES;
		}
		r = r == 1 ? fn(&t, ctx) : 0;
	}
	if (r == 0 && errno) {
		r = -errno;
		err_set(err, r, "/proc cannot be read: %s", strerror(-r));
	}
	(void)closedir(dir);
	return r ? r : denied;
}

/* ---- one process ----------------------------------------------------------------------------- */

/* The id of the process that thread `pid` belongs to. */
static int read_tgid(int proc, uint32_t *ret)
{
	char text[STAT_MAX + 1], *p;
	ssize_t n = read_file(proc, "status", text, STAT_MAX);
	unsigned int tgid;

	if (n <= 0)
		return n < 0 ? (int)n : -ESRCH;
	text[n] = '\0';
	p = strstr(text, "\nTgid:");
	if (!p || sscanf(p, "\nTgid: %u", &tgid) != 1)
		return -EIO;
	*ret = tgid;
	return 0;
}

int target_of_pid(uint32_t pid, struct target *ret, struct err *err)
{
	struct target t = { .pid = pid };
	uint32_t tgid = pid;
	char state = 0;
	int proc = open_proc(pid), r;

	if (proc < 0)
		return err_set(err, proc,
			       proc == -ESRCH ? "there is no process %u" : "process %u cannot be looked into",
			       pid);
	r = read_stat(proc, &t, &state);
	if (r == 0)
		r = read_tgid(proc, &tgid);
	if (r < 0) {
		err_set(err, r, "process %u cannot be looked into: %s", pid, strerror(-r));
		goto out;
	}
	if (tgid != pid) {
		r = err_set(err, -EINVAL, "%u is a thread of process %u: use that", pid, tgid);
		goto out;
	}
	if (state == 'Z' || state == 'X') {
		r = err_set(err, -ESRCH, "process %u (%s) has ended and waits for its parent", pid, t.comm);
		goto out;
	}
	r = read_exe(proc, &t);
	if (r == -ENOENT)
		r = err_set(err, -EINVAL,
			    "process %u (%s) has no program: it is a kernel thread, or just ending", pid,
			    t.comm);
	else if (r == -EACCES || r == -EPERM)
		r = err_set(err, -EACCES,
			    "no permission to look into process %u (%s): run as root, or with "
			    "CAP_SYS_PTRACE",
			    pid, t.comm);
	else if (r < 0)
		err_set(err, r, "process %u (%s) cannot be looked into: %s", pid, t.comm, strerror(-r));
	if (r == 0) {
		(void)snprintf(t.name, sizeof(t.name), "%.*s", TAP_TARGET_MAX - 1, base_name(t.exe));
		*ret = t;
	}
out:
	(void)close(proc);
	return r;
}

/* ---- command line ---------------------------------------------------------------------------- */

static int read_cmdline(int proc, struct buf *b)
{
	char some[4096];
	int fd = openat(proc, "cmdline", O_RDONLY | O_CLOEXEC), r = 0;
	ssize_t n;

	if (fd < 0)
		return -(errno == ENOENT ? ESRCH : errno);
	while (r == 0 && (n = read(fd, some, sizeof(some))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? -errno : buf_add(b, some, (size_t)n);
	}
	(void)close(fd);
	return r == -E2BIG ? 0 : r;
}

static bool find_flag(struct str left, struct str flag, struct str *ret)
{
	bool is_found = false;

	(void)str_take_until(&left, '\0'); /* argv[0] */
	while (left.n) {
		struct str arg = str_take_until(&left, '\0');

		if (str_eq(arg, STR("--")))
			break;
		if (!str_starts(arg, flag))
			continue;
		if (arg.n == flag.n) {
			struct str rest = left, next = str_take_until(&rest, '\0');

			*ret = next.n && next.p[0] == '-' ? (struct str){ 0 } : next;
			is_found = true;
		} else if (arg.p[flag.n] == '=') {
			*ret = str_from(arg, flag.n + 1);
			is_found = true;
		}
	}
	return is_found;
}

int target_flag(uint32_t pid, const char *flag, struct buf *ret)
{
	struct buf cmdline;
	struct str value;
	int proc = open_proc(pid), r;

	if (proc < 0)
		return proc;
	buf_init(&cmdline, TARGET_CMDLINE_MAX);
	r = read_cmdline(proc, &cmdline);
	if (r == 0)
		r = find_flag(buf_str(&cmdline), str_of(flag), &value) ? buf_add_str(ret, value) : -ENOENT;
	buf_done(&cmdline);
	(void)close(proc);
	return r;
}

/* ---- files ----------------------------------------------------------------------------------- */

static int open_in(int dir, const char *path, uint64_t resolve)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = resolve | RESOLVE_NO_MAGICLINKS };
	long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* First as a path only: opening a device or a FIFO that the process put there would have effects. */
int target_open(uint32_t pid, const char *path)
{
	bool is_absolute = path[0] == '/';
	char again[TARGET_PROC_MAX];
	int proc = open_proc(pid), dir, fd, r;
	struct stat st;

	if (proc < 0)
		return proc;
	dir = openat(proc, is_absolute ? "root" : "cwd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = dir < 0 ? -(errno == ENOENT ? ESRCH : errno) : 0;
	(void)close(proc);
	if (r < 0)
		return r;
	fd = open_in(dir, path, is_absolute ? RESOLVE_IN_ROOT : RESOLVE_BENEATH);
	(void)close(dir);
	if (fd < 0)
		return fd;
	r = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -ENOTSUP;
	if (r == 0) {
		(void)snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
		r = open(again, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		r = r < 0 ? -errno : r;
	}
	(void)close(fd);
	return r;
}
