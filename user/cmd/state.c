/* SPDX-License-Identifier: Apache-2.0
 *
 * One idea: the key file appears by link(2), complete or not at all, so that two first runs at once
 * agree on one key. */
#include "cmd/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_key(const char *path, uint8_t ret_key[CRED_KEY_SIZE])
{
	uint8_t key[CRED_KEY_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	int r = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		r = -errno;
	else if (st.st_uid != geteuid() || (st.st_mode & 077))
		r = -EPERM;
	else if (read(fd, key, sizeof(key)) != (ssize_t)sizeof(key))
		r = -EINVAL;
	else
		memcpy(ret_key, key, sizeof(key));
	close(fd);
	return r;
}

static int write_key(const char *dir, const char *path, const uint8_t key[CRED_KEY_SIZE])
{
	char temporary[512];
	int fd, r = 0;

	if (snprintf(temporary, sizeof(temporary), "%s/.key.%d", dir, (int)getpid()) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, key, CRED_KEY_SIZE) != CRED_KEY_SIZE || fsync(fd) || link(temporary, path))
		r = errno ? -errno : -EIO;
	close(fd);
	(void)unlink(temporary); /* linked or of no use */
	return r;
}

int state_key(uint8_t ret_key[CRED_KEY_SIZE], struct err *err)
{
	const char *dir = getenv("ANONTAP_STATE_DIR");
	char path[512];
	int r;

	if (!dir || !*dir)
		dir = "/var/lib/anontap";
	if (snprintf(path, sizeof(path), "%s/key", dir) >= (int)sizeof(path))
		return err_set(err, -ENAMETOOLONG, "the state directory's name is too long");
	r = read_key(path, ret_key);
	if (!r)
		return 0;
	if (getrandom(ret_key, CRED_KEY_SIZE, 0) != CRED_KEY_SIZE)
		return err_set(err, -errno, "the kernel gives no random bytes: %s", strerror(errno));
	if (r == -ENOENT) {
		if (mkdir(dir, 0700) && errno != EEXIST)
			r = -errno;
		else
			r = write_key(dir, path, ret_key);
		if (r == -EEXIST) /* another first run was faster: its key counts */
			r = read_key(path, ret_key);
		if (!r)
			return 0;
	}
	(void)err_set(err, r, "%s: %s: credential ids hold for this run only", path,
		      r == -EPERM	? "must belong to the user anontap runs as, mode 0600"
		      : r == -EINVAL	? "not a key of 32 bytes"
					: strerror(-r));
	return 1;
}
