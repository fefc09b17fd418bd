/* SPDX-License-Identifier: Apache-2.0
 *
 * probe - the BPF object: loaded once, attached to any number of program files.
 *
 * An uprobe sits on a file (its inode), so it fires in every process that runs it; which processes
 * count is a map in the kernel, empty at first. Attach a file, then add its processes. Detaching is
 * closing: probes_free(), or the death of the process, leaves the traced program as it was.
 */
#ifndef ANONTAP_TAP_PROBE_H
#define ANONTAP_TAP_PROBE_H

#include <sys/types.h>
#include "base/counters.h"
#include "tap/goabi.h"

#define PROBES_RING_MIN		(256u << 10)
#define PROBES_RING_MAX		(256u << 20)
#define PROBES_RING_DEFAULT	(4u << 20)	/* the ring is mapped twice: 8 MiB of resident memory */
#define PROBES_CONNECTIONS_DEFAULT 16384

struct probes_options {
	uint32_t ring_bytes;		/* power of two within the bounds above; 0: the default */
	uint32_t connections_max;	/* of the kernel's table; 0: the default */
};

struct probes;

/* Load the BPF object. Returns 0; -EINVAL options; -EPERM not privileged; -ENOTSUP the kernel lacks
 * something, named; -EPROTO the object is of another ABI; or what the kernel says. */
int probes_new(const struct probes_options *options, struct probes **ret, struct err *err);
void probes_free(struct probes *p);

/* Compare the code in the running process with what goabi read from its file.
 * Returns 0; -ESTALE when it differs; or what reading says (-ESRCH, -EACCES). */
int probes_check(pid_t pid, const struct goabi *abi, struct err *err);

/* Attach to the program file `path` (as a rule /proc/PID/exe). Once per file: a second call for the
 * same device and inode does nothing. Returns 0; -ENOSPC more than TAP_LAYOUTS_MAX files; or what the
 * kernel says. */
int probes_attach(struct probes *p, const char *path, const struct goabi *abi, struct err *err);
bool probes_has_file(const struct probes *p, const char *path);

/* Count this process in, or out. Returns 0 or -errno. */
int probes_add(struct probes *p, pid_t pid);
int probes_remove(struct probes *p, pid_t pid);

/* Watch the machine for executed programs: TAP_PROCESS records. -errno where raw tracepoints cannot
 * be used; then the caller scans. */
int probes_watch_processes(struct probes *p);

int probes_ring_fd(const struct probes *p);
bool probes_has_multi(const struct probes *p);		/* one link per program, not one per site */

/* Add the kernel's loss counts to `counters` (sets, does not add twice). */
void probes_read_counters(const struct probes *p, struct counters *counters);

#endif
