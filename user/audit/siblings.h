/* SPDX-License-Identifier: Apache-2.0
 *
 * siblings - the rotated files beside a log, in the order in which they were rotated.
 *
 * Known names, for /d/audit.log: audit-2026-11-22T03-27-18.123.log (lumberjack, which kube-apiserver
 * links), audit.log.1 and audit.log-20261122 (logrotate), each also with .gz. Nothing else beside it
 * is taken for a part of the log. The time of lumberjack's is in the name; the others have their last
 * change. Where a file is there plain and compressed, only the plain one counts.
 */
#ifndef ANONTAP_AUDIT_SIBLINGS_H
#define ANONTAP_AUDIT_SIBLINGS_H

#include <limits.h>
#include "base/str.h"

struct sibling {
	char path[PATH_MAX];
	uint64_t time_ns;	/* of its rotation, or its last change: never before its last line */
	uint64_t dev, ino;
};

/* All of them, oldest first; free() the array. Returns 0; -EAGAIN: one vanished while they were listed, and
 * what it was compressed into may not be among them; -errno of reading the directory; -ENOMEM. */
int siblings_list(const char *path, struct sibling **ret, size_t *ret_nr);

/* Is `name` a rotated file of the log whose name is `base`? With the time that the name says, 0 if none. */
bool sibling_is(struct str base, struct str name, uint64_t *ret_time_ns);

#endif
