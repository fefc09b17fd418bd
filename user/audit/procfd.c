/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/procfd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"

struct wanted {
	uint64_t dev, ino;
	const char *name;	/* not NULL: a deleted file of this name, whatever its inode */
};

static bool is_deleted_as(int dir_fd, const char *entry, const char *name)
{
	char link[PATH_MAX], *slash;
	ssize_t n = readlinkat(dir_fd, entry, link, sizeof(link) - 1);
	struct str last;

	if (n <= 0)
		return false;
	link[n] = '\0';
	slash = strrchr(link, '/');
	last = str_of(slash ? slash + 1 : link);
	return str_starts(last, str_of(name)) && str_eq(str_from(last, strlen(name)), STR(" (deleted)"));
}

static bool is_wanted(int dir_fd, const char *entry, const struct wanted *w)
{
	struct stat st;

	if (fstatat(dir_fd, entry, &st, 0) || !S_ISREG(st.st_mode))
		return false;
	return w->name ? !st.st_nlink && is_deleted_as(dir_fd, entry, w->name) :
			 st.st_dev == w->dev && st.st_ino == w->ino;
}

/* Walk the descriptors until one is wanted: open it, or return 1 if it shall not be. -ENOENT: none. */
static int find(pid_t pid, const struct wanted *w, bool must_open)
{
	struct dirent *entry;
	char path[64];
	int r = -ENOENT;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid); /* fits */
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	while (r == -ENOENT && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !is_wanted(dirfd(dir), entry->d_name, w))
			continue;
		if (!must_open)
			r = 1;
		else if ((r = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
			r = -errno;
	}
	(void)closedir(dir); /* only read from */
	return r;
}

int procfd_holds(pid_t pid, uint64_t dev, uint64_t ino)
{
	int r = find(pid, &(struct wanted){ .dev = dev, .ino = ino }, false);

	return r == -ENOENT ? 0 : r;
}

int procfd_open(pid_t pid, uint64_t dev, uint64_t ino)
{
	return find(pid, &(struct wanted){ .dev = dev, .ino = ino }, true);
}

int procfd_open_deleted(pid_t pid, const char *path)
{
	const char *slash = strrchr(path, '/');

	return find(pid, &(struct wanted){ .name = slash ? slash + 1 : path }, true);
}
