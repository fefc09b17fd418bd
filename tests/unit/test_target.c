/* SPDX-License-Identifier: Apache-2.0
 * The processes looked for are copies of this program, started under other names. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap/target.h"

static char dir[] = "/tmp/test_target.XXXXXX";

static char *path_of(const char *name)
{
	static char path[16][PATH_MAX]; /* more than a test uses */
	static int i;

	i = (i + 1) % 16;
	snprintf(path[i], PATH_MAX, "%s/%s", dir, name);
	return path[i];
}

static void copy_self(const char *to)
{
	int in = open("/proc/self/exe", O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_EXCL, 0755);
	char some[65536];
	ssize_t n;

	while ((n = read(in, some, sizeof(some))) > 0)
		CHECK(write(out, some, (size_t)n) == n);
	close(in);
	close(out);
}

/* Start the program at `exe` with these arguments; returns when it runs. */
static pid_t start(const char *exe, char *const argv[])
{
	int ready[2];
	pid_t pid;
	char byte;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv("TEST_TARGET_CHILD", "1", 1);
		execv(exe, argv);
		_exit(1);
	}
	close(ready[1]);
	CHECK_INT(read(ready[0], &byte, 1), 0); /* exec closed the other end */
	close(ready[0]);
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

struct found {
	pid_t pid;
	int nr;
	struct target t;
};

static int on_target(const struct target *t, void *ctx)
{
	struct found *f = ctx;

	if (t->pid == (uint32_t)f->pid) {
		f->nr++;
		f->t = *t;
	}
	return 0;
}

static struct found scan(pid_t pid, const char *name)
{
	const char *names[] = { "no-such-program", name };
	struct found f = { .pid = pid };
	int r = target_scan(names, 2, on_target, &f, NULL);

	CHECK(r == 0 || r == -EACCES); /* others' processes may be closed to us */
	return f;
}

static void test_target__a_process_is_found_by_the_name_of_its_program(void)
{
	char *exe = path_of("target-a");
	struct found f;
	struct stat st;
	pid_t pid;

	copy_self(exe);
	pid = start(exe, (char *[]){ "other-name", NULL });
	f = scan(pid, "target-a");
	CHECK_INT(f.nr, 1);
	CHECK_STR(str_of(f.t.name), "target-a");
	CHECK_STR(str_of(f.t.comm), "target-a");
	CHECK_STR(str_of(f.t.exe), exe);
	CHECK(!f.t.is_deleted);
	CHECK_INT(stat(exe, &st), 0);
	CHECK(f.t.dev == st.st_dev && f.t.ino == st.st_ino && f.t.size == (uint64_t)st.st_size && f.t.start > 0);
	CHECK_INT(scan(pid, "target-").nr, 0);
	CHECK_INT(scan(pid, "target-ab").nr, 0);
	CHECK_INT(scan(pid, "other-name").nr, 0); /* argv[0] is the process's own word */
	stop(pid);
	CHECK_INT(scan(pid, "target-a").nr, 0);
}

static void test_target__a_name_longer_than_comm_must_match_in_full(void)
{
	char *exe = path_of("target-with-a-long-name"), *short_exe = path_of("short");
	pid_t pid;

	copy_self(exe);
	pid = start(exe, (char *[]){ "x", NULL });
	CHECK_INT(scan(pid, "target-with-a-long-name").nr, 1);
	CHECK_INT(scan(pid, "target-with-a-long-name-too").nr, 0); /* comm is the same: target-with-a-l */
	CHECK_INT(scan(pid, "target-with-a-l").nr, 1);		   /* somebody named comm */
	stop(pid);

	/* a link to one binary for many: the name is in argv[0] only */
	copy_self(short_exe);
	CHECK_INT(symlink(short_exe, path_of("target-that-is-a-link")), 0);
	pid = start(path_of("target-that-is-a-link"), (char *[]){ "/x/target-that-is-a-link", NULL });
	CHECK_INT(scan(pid, "target-that-is-a-link").nr, 1);
	CHECK_INT(scan(pid, "target-that-is-another").nr, 0);
	stop(pid);
}

static void test_target__a_deleted_program_is_still_found_and_opened(void)
{
	char *exe = path_of("target-deleted"), link[TARGET_PROC_MAX];
	struct found f;
	struct stat st;
	pid_t pid;

	copy_self(exe);
	pid = start(exe, (char *[]){ "x", NULL });
	CHECK_INT(unlink(exe), 0);
	f = scan(pid, "target-deleted");
	CHECK_INT(f.nr, 1);
	CHECK(f.t.is_deleted);
	CHECK_STR(str_of(f.t.exe), exe);
	target_exe_path((uint32_t)pid, link);
	CHECK(stat(link, &st) == 0 && st.st_ino == f.t.ino);
	stop(pid);
}

static int end_scan(const struct target *t, void *ctx)
{
	++*(int *)ctx;
	return 42;
}

static void test_target__the_callback_ends_the_scan(void)
{
	const char *names[] = { "test_target" };
	int nr = 0;

	CHECK_INT(target_scan(names, 1, end_scan, &nr, NULL), 42);
	CHECK_INT(nr, 1);
}

static void test_target__a_zombie_is_passed_over_and_named(void)
{
	struct err err = { "" };
	struct target t;
	char want[100];
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	CHECK_INT(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT), 0);
	CHECK_INT(scan(pid, "test_target").nr, 0);
	CHECK_INT(target_of_pid((uint32_t)pid, &t, &err), -ESRCH);
	snprintf(want, sizeof(want), "process %d (test_target) has ended and waits for its parent", pid);
	CHECK_STR(str_of(err.text), want);
	waitpid(pid, NULL, 0);
}

static int thread_pipe[2], tid_pipe[2];

static void *thread_main(void *arg)
{
	pid_t tid = gettid();
	char byte;

	CHECK(write(tid_pipe[1], &tid, sizeof(tid)) == sizeof(tid));
	CHECK_INT(read(thread_pipe[0], &byte, 1), 0);
	return arg;
}

static void test_target__a_thread_is_no_process(void)
{
	struct err err = { "" };
	struct target t;
	pthread_t thread;
	pid_t tid = 0;
	char want[100];

	CHECK(pipe(thread_pipe) == 0 && pipe(tid_pipe) == 0);
	CHECK_INT(pthread_create(&thread, NULL, thread_main, NULL), 0);
	CHECK(read(tid_pipe[0], &tid, sizeof(tid)) == sizeof(tid));
	CHECK_INT(scan(tid, "test_target").nr, 0);
	CHECK_INT(target_of_pid((uint32_t)tid, &t, &err), -EINVAL);
	snprintf(want, sizeof(want), "%d is a thread of process %d: use that", tid, getpid());
	CHECK_STR(str_of(err.text), want);
	close(thread_pipe[1]);
	pthread_join(thread, NULL);
}

static void test_target__a_pid_is_told_what_it_is(void)
{
	struct err err = { "" };
	struct target t = { .pid = 7 };

	CHECK_INT(target_of_pid((uint32_t)getpid(), &t, &err), 0);
	CHECK_INT(t.pid, getpid());
	CHECK_STR(str_of(t.name), "test_target");
	CHECK_STR(str_of(err.text), "");
	CHECK_INT(target_of_pid(4194305, &t, &err), -ESRCH); /* above any pid_max */
	CHECK_STR(str_of(err.text), "there is no process 4194305");
	CHECK_INT(t.pid, getpid());
}

static void test_target__a_kernel_thread_is_refused(void)
{
	struct err err = { "" };
	struct target t;
	FILE *f = fopen("/proc/2/comm", "r");
	char comm[32] = "";

	if (f) {
		(void)!fgets(comm, sizeof(comm), f);
		fclose(f);
	}
	if (strcmp(comm, "kthreadd\n") != 0 || geteuid() != 0)
		SKIP("needs root and the host's PID namespace");
	CHECK_INT(target_of_pid(2, &t, &err), -EINVAL);
	CHECK_STR(str_of(err.text), "process 2 (kthreadd) has no program: it is a kernel thread, or just ending");
}

static void check_flag(pid_t pid, const char *flag, int want_r, const char *want)
{
	struct buf b;

	buf_init(&b, 100);
	CHECK_INT(target_flag((uint32_t)pid, flag, &b), want_r);
	CHECK_STR(buf_str(&b), want);
	buf_done(&b);
}

static void test_target__flags_are_read_in_both_forms(void)
{
	char *exe = path_of("target-flags");
	pid_t pid;

	copy_self(exe);
	pid = start(exe, (char *[]){ "--first=argv0", "--a=b=c", "--two", "words", "--empty=", "--bool", "--abc=no", "--last=1",
				     "--last", "2", "--", "--after=1", NULL });
	check_flag(pid, "--a", 0, "b=c");
	check_flag(pid, "--two", 0, "words");
	check_flag(pid, "--empty", 0, "");
	check_flag(pid, "--bool", 0, "");
	check_flag(pid, "--last", 0, "2");
	check_flag(pid, "--first", -ENOENT, "");
	check_flag(pid, "--ab", -ENOENT, "");
	check_flag(pid, "--after", -ENOENT, "");
	stop(pid);
	check_flag(pid, "--a", -ESRCH, "");
}

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void check_open(pid_t pid, const char *path, const char *want)
{
	char text[32] = "";
	int fd = target_open((uint32_t)pid, path);

	CHECK(fd >= 0);
	if (fd < 0)
		return;
	CHECK(read(fd, text, sizeof(text) - 1) >= 0);
	CHECK_STR(str_of(text), want);
	close(fd);
}

static void test_target__files_are_opened_as_the_process_sees_them(void)
{
	char *file = path_of("file"), cwd[PATH_MAX];

	put_file(file, "here");
	CHECK(getcwd(cwd, sizeof(cwd)) && chdir(dir) == 0);
	check_open(getpid(), file, "here");
	check_open(getpid(), "file", "here");
	CHECK_INT(target_open((uint32_t)getpid(), "../etc/passwd"), -EXDEV); /* not below its directory */
	CHECK_INT(target_open((uint32_t)getpid(), path_of("absent")), -ENOENT);
	CHECK_INT(chdir(cwd), 0);
}

static void test_target__only_regular_files_are_opened(void)
{
	char *fifo = path_of("fifo");

	CHECK_INT(mkfifo(fifo, 0600), 0);
	CHECK_INT(target_open((uint32_t)getpid(), fifo), -ENOTSUP); /* and does not wait */
	CHECK_INT(target_open((uint32_t)getpid(), "/dev/null"), -ENOTSUP);
	CHECK_INT(target_open((uint32_t)getpid(), dir), -ENOTSUP);
	CHECK_INT(target_open((uint32_t)getpid(), "/proc/self/fd/0"), -ELOOP); /* a link that leads anywhere */
}

static void test_target__a_path_stays_in_the_processs_root(void)
{
	char *root = path_of("root"), byte;
	int ready[2], hold[2];
	pid_t pid;

	if (geteuid() != 0)
		SKIP("chroot needs root");
	CHECK_INT(mkdir(root, 0700), 0);
	put_file(path_of("root/secret"), "inside");
	put_file(path_of("secret"), "outside");
	CHECK_INT(symlink("/secret", path_of("root/link")), 0);
	CHECK_INT(symlink("../../../../secret", path_of("root/up")), 0);
	CHECK(pipe(ready) == 0 && pipe(hold) == 0);
	pid = fork();
	if (pid == 0) {
		close(hold[1]);
		if (chroot(root) < 0 || chdir("/") < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		_exit((int)read(hold[0], &byte, 1));
	}
	close(ready[1]);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	check_open(pid, "/secret", "inside");
	check_open(pid, "/link", "inside");
	check_open(pid, "/up", "inside");
	check_open(pid, "/../secret", "inside");
	close(hold[0]);
	close(hold[1]);
	waitpid(pid, NULL, 0);
	CHECK_INT(target_open((uint32_t)pid, "/secret"), -ESRCH);
}

int main(void)
{
	char cmd[100];
	int r;

	if (getenv("TEST_TARGET_CHILD"))
		return pause();
	if (!mkdtemp(dir))
		return 1;
	RUN(test_target__a_process_is_found_by_the_name_of_its_program);
	RUN(test_target__a_name_longer_than_comm_must_match_in_full);
	RUN(test_target__a_deleted_program_is_still_found_and_opened);
	RUN(test_target__the_callback_ends_the_scan);
	RUN(test_target__a_zombie_is_passed_over_and_named);
	RUN(test_target__a_thread_is_no_process);
	RUN(test_target__a_pid_is_told_what_it_is);
	RUN(test_target__a_kernel_thread_is_refused);
	RUN(test_target__flags_are_read_in_both_forms);
	RUN(test_target__files_are_opened_as_the_process_sees_them);
	RUN(test_target__only_regular_files_are_opened);
	RUN(test_target__a_path_stays_in_the_processs_root);
	r = test_end();
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	return system(cmd) == 0 ? r : 1;
}
