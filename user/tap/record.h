/* SPDX-License-Identifier: Apache-2.0
 *
 * record - ring records in a file, as they came: for tests and bug reports.
 *
 * SUCH A FILE HOLDS SECRETS: the tokens and certificates of everybody whose requests are in it. It is
 * written only on explicit demand, with mode 0600, never over an existing file.
 *
 * Format: a struct record_head, then for each record a u32 length and the record, host byte order.
 */
#ifndef ANONTAP_TAP_RECORD_H
#define ANONTAP_TAP_RECORD_H

#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include "base/err.h"
#include "tap/ring.h"

#define RECORD_MAGIC "anontap-tap\n"
#define RECORD_SIZE_MAX 65535

struct record_head {
	char magic[12];			/* RECORD_MAGIC without its NUL */
	uint32_t abi_version;
	int64_t wall_offset_ns;		/* wall clock minus ktime when it was written */
	char node[64];			/* the machine's name, NUL-padded; may be empty */
};

struct record_writer {
	FILE *file;
	int error;			/* the first that happened; later records are dropped */
};

/* Returns 0; -EEXIST; -ENOMEM or what open() says. */
int record_create(struct record_writer *w, const char *path, int64_t wall_offset_ns, const char *node, struct err *err);
void record_write(struct record_writer *w, const void *record, size_t size);
int record_close(struct record_writer *w, struct err *err);	/* 0, or the first error since create */

/* Read a whole file, pushing each record. Its head is handed over first, through `begin`.
 * Returns 0; -EINVAL not such a file, or of another ABI; -ENODATA cut in the middle of a record, when
 * all records before were pushed; or what reading says. */
int record_replay(const char *path, void (*begin)(void *ctx, const struct record_head *head), record_push_fn *push, void *ctx,
		  struct err *err);

/* Does the file begin like one? */
bool record_is_one(const char *path);

#endif
