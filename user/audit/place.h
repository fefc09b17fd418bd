/* SPDX-License-Identifier: Apache-2.0
 *
 * place - where reading stands in a file, in a form that outlives the process; and the checkpoint file
 * that keeps places.
 *
 * Device and inode alone do not name a file: an inode number is given away again as soon as its file
 * is gone. So a place also carries a hash of the bytes before it, and is believed only where they are
 * there again; that finds a file under any name and in any copy, and it betrays a truncation that grew
 * back.
 */
#ifndef ANONTAP_AUDIT_PLACE_H
#define ANONTAP_AUDIT_PLACE_H

#include "audit/linebuf.h"
#include "base/err.h"

#define CHECKPOINT_PLACES_MAX 8

struct place {
	uint64_t dev, ino;
	uint64_t offset;	/* of the first line that was not told; in what gunzip gives for an archive */
	uint64_t mark;		/* hash of the mark_n bytes before it */
	uint16_t mark_n;
	bool is_skipping;	/* it stands within a line that is too long */
};

struct checkpoint {
	uint64_t time_ns;	/* when it was taken */
	uint64_t rotated_ns;	/* files that were rotated up to then are read */
	uint64_t cookie;	/* the reader's own */
	size_t nr_places;	/* files that were being read, oldest first */
	struct place places[CHECKPOINT_PLACES_MAX];
};

uint64_t place_hash(const char *p, size_t n);

/* Replace the file at `path`: after a crash or kill at any moment it is the old one or the new one.
 * Returns 0; -errno of what failed, then it is the old one; -ENAMETOOLONG. */
int checkpoint_save(const char *path, const struct checkpoint *c);

/* Returns 0; -ENOENT there is none; -EINVAL it is not a checkpoint; -errno of reading it. */
int checkpoint_load(const char *path, struct checkpoint *ret, struct err *err);

#endif
