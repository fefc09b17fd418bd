/* SPDX-License-Identifier: Apache-2.0
 *
 * target - the processes to trace: finding them, and reading what they were told.
 *
 * A process is known by /proc. Whatever is opened goes through /proc/PID's own links (exe, root, cwd),
 * never through path text: a container's paths mean something else here. Everything read from there
 * (comm, exe, command line) is the process's own word and may hold any byte; escape it before showing.
 *
 * Nothing is kept. A pid can be reused at any moment: `start` tells one life from the next.
 */
#ifndef ANONTAP_TAP_TARGET_H
#define ANONTAP_TAP_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "tap_abi.h"

#define TARGET_EXE_MAX	   256
#define TARGET_CMDLINE_MAX (1u << 20)	/* of a command line, the rest is not looked at */
#define TARGET_PROC_MAX	   32		/* room for "/proc/4294967295/exe" */

struct target {
	uint32_t pid;			/* a process, never a thread */
	uint64_t start;			/* clock ticks after boot, /proc/PID/stat's 22nd */
	uint64_t dev, ino;		/* of the program file */
	/* Two containers of one image have the same file under different `dev`: an overlay hides the
	 * real one's, and keeps these. An uprobe is on the real one. */
	uint64_t size, mtime_ns;
	char comm[TAP_COMM_MAX];	/* as the kernel cuts it */
	char name[TAP_TARGET_MAX];	/* which of the names matched */
	char exe[TARGET_EXE_MAX];	/* path text, to show; " (deleted)" taken off; cut when longer */
	bool is_deleted;		/* the file was replaced or removed under the process */
};

/* Called for each; a value other than 0 ends the scan and is its result. */
typedef int (*target_fn)(const struct target *t, void *ctx);

/* Every process of the machine, in containers too, whose comm or program's base name is one of `names`.
 * The kernel cuts comm to 15 bytes; a longer name must also be the base name of the program or of
 * argv[0]. Processes that end meanwhile, zombies and kernel threads are passed over.
 * Returns 0; what `fn` returned; -EACCES some process that matched by comm could not be looked into
 * (the others were told); -errno of reading /proc. */
int target_scan(const char *const *names, size_t nr, target_fn fn, void *ctx, struct err *err);

/* The process `pid`; `name` becomes its program's base name.
 * Returns 0; -ESRCH there is none, or it has ended; -EINVAL a kernel thread, or a thread's id; -EACCES
 * no permission. */
int target_of_pid(uint32_t pid, struct target *ret, struct err *err);

/* "/proc/PID/exe": opens the program file itself, also when its path is gone or another's. */
void target_exe_path(uint32_t pid, char ret[TARGET_PROC_MAX]);

/* The value of command line flag `flag` ("--audit-policy-file"), given as `--x=y` or `--x y`, appended
 * to `ret`. The last one counts, as in pflag. A flag that is followed by another flag, or by nothing,
 * has the empty value. After "--" there are no flags.
 * Returns 0; -ENOENT not given; -ESRCH; -EACCES; -ENOMEM or -E2BIG of the buf. */
int target_flag(uint32_t pid, const char *flag, struct buf *ret);

/* Open the regular file that the process means by `path`, for reading. Symbolic links and ".." stay
 * inside its root, and a relative path below its working directory.
 * Returns a descriptor; -ESRCH; -ENOTSUP not a regular file; or what openat2() says. */
int target_open(uint32_t pid, const char *path);

#endif
