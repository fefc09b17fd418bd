/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap_abi.h"

int record_create(struct record_writer *w, const char *path, int64_t wall_offset_ns, const char *node, struct err *err)
{
	struct record_head head = { .abi_version = TAP_ABI_VERSION, .wall_offset_ns = wall_offset_ns };
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set(err, -errno, "cannot create %s: %s", path, strerror(errno));
	w->file = fdopen(fd, "w");
	w->error = 0;
	if (!w->file) {
		close(fd);
		return err_set(err, -ENOMEM, "out of memory");
	}
	memcpy(head.magic, RECORD_MAGIC, sizeof(head.magic));
	memcpy(head.node, node, strnlen(node, sizeof(head.node) - 1));
	if (fwrite(&head, sizeof(head), 1, w->file) != 1)
		w->error = -errno;
	return 0;
}

void record_write(struct record_writer *w, const void *record, size_t size)
{
	uint32_t n = (uint32_t)size;

	if (!w->file || w->error)
		return;
	if (fwrite(&n, sizeof(n), 1, w->file) != 1 || fwrite(record, size, 1, w->file) != 1)
		w->error = errno ? -errno : -EIO;
}

int record_close(struct record_writer *w, struct err *err)
{
	if (!w->file)
		return 0;
	if (fclose(w->file) && !w->error)
		w->error = -errno;
	w->file = NULL;
	if (w->error)
		return err_set(err, w->error, "the raw recording is incomplete: %s", strerror(-w->error));
	return 0;
}

bool record_is_one(const char *path)
{
	char magic[sizeof(((struct record_head *)0)->magic)];
	FILE *file = fopen(path, "re");
	bool is_one = file && fread(magic, sizeof(magic), 1, file) == 1 && !memcmp(magic, RECORD_MAGIC, sizeof(magic));

	if (file)
		fclose(file);
	return is_one;
}

/* One record into `record`. 1; 0 at the end; -ENODATA cut; -EINVAL not possible. */
static int read_one(FILE *file, uint8_t *record, uint32_t *ret_n)
{
	size_t got = fread(ret_n, 1, sizeof(*ret_n), file);

	if (!got && feof(file))
		return 0;
	if (got != sizeof(*ret_n))
		return -ENODATA;
	if (*ret_n > RECORD_SIZE_MAX)
		return -EINVAL;
	return fread(record, 1, *ret_n, file) == *ret_n ? 1 : -ENODATA;
}

int record_replay(const char *path, void (*begin)(void *ctx, const struct record_head *head), record_push_fn *push, void *ctx,
		  struct err *err)
{
	struct record_head head;
	uint8_t *record = malloc(RECORD_SIZE_MAX);
	FILE *file = fopen(path, "re");
	uint32_t n;
	int r;

	if (!record || !file) {
		r = err_set(err, file ? -ENOMEM : -errno, "cannot read %s: %s", path, file ? "out of memory" : strerror(errno));
		goto out;
	}
	if (fread(&head, sizeof(head), 1, file) != 1 || memcmp(head.magic, RECORD_MAGIC, sizeof(head.magic))) {
		r = err_set(err, -EINVAL, "%s is not a raw recording of anontap", path);
		goto out;
	}
	if (head.abi_version != TAP_ABI_VERSION) {
		r = err_set(err, -EINVAL, "%s was recorded with ABI version %u, this anontap reads %u", path, head.abi_version,
			    TAP_ABI_VERSION);
		goto out;
	}
	head.node[sizeof(head.node) - 1] = '\0';
	begin(ctx, &head);
	while ((r = read_one(file, record, &n)) > 0)
		push(ctx, record, n);
	if (r == -ENODATA)
		(void)err_set(err, r, "%s is cut short: its last record is incomplete", path);
	else if (r)
		(void)err_set(err, r, "%s is damaged: a record of %u bytes", path, n);
out:
	free(record);
	if (file)
		fclose(file);
	return r;
}
