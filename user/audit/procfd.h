/* SPDX-License-Identifier: Apache-2.0
 *
 * procfd - what another process holds open, by /proc/PID/fd. Opening such an entry opens the file
 * itself, whatever became of its name. Needs the right to trace that process.
 */
#ifndef ANONTAP_AUDIT_PROCFD_H
#define ANONTAP_AUDIT_PROCFD_H

#include <stdint.h>
#include <sys/types.h>

/* Does the process hold this file open? Returns 1; 0; -errno when it cannot be asked. */
int procfd_holds(pid_t pid, uint64_t dev, uint64_t ino);

/* Open for reading the regular file that the process holds. Returns a descriptor; -ENOENT; -errno. */
int procfd_open(pid_t pid, uint64_t dev, uint64_t ino);

/* The same for one that has no name any more, and whose last one in its directory was that of `path`. */
int procfd_open_deleted(pid_t pid, const char *path);

#endif
