/* SPDX-License-Identifier: Apache-2.0
 *
 * A real log in a real directory: `server` is a child that holds the log open, as kube-apiserver does,
 * while the test writes through the same open file. Time is the test's own.
 */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include "audit/siblings.h"
#include "audit/tail.h"
#include "base/buf.h"
#include "base/clock.h"

#define SECOND UINT64_C(1000000000)

static char dir[] = "/tmp/anontap-tail-XXXXXX";
static char path[64], checkpoint[64];
static struct counters counters;
static uint64_t now_ns;

static void must(bool is_done)
{
	if (!is_done) {
		printf("    the test's own files: %s\n", strerror(errno));
		test_is_bad = 1;
	}
}

/* ---- the log's side */

static int log_fd = -1;
static pid_t server;

static void log_open(int flags)
{
	if (log_fd >= 0)
		close(log_fd);
	log_fd = open(path, O_WRONLY | O_CREAT | flags, 0600);
	must(log_fd >= 0);
}

static void log_write(const char *text)
{
	must(write(log_fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void server_stop(void)
{
	if (server) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	server = 0;
}

/* A process that holds the log, and nothing else, open. */
static void server_start(void)
{
	int ready[2];
	char c;

	server_stop();
	must(!pipe(ready));
	server = fork();
	if (!server) {
		dup2(ready[1], 1000);
		dup2(log_fd, 1001);
		close_range(3, 999, 0);
		(void)!write(1000, "x", 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	must(read(ready[0], &c, 1) == 1);
	close(ready[0]);
}

/* As lumberjack does; returns the rotated file's name. The next one has another millisecond. */
static const char *rotate(void)
{
	static char name[128];
	static uint64_t last_ns;
	char when[CLOCK_RFC3339_MAX];
	uint64_t ns;

	do
		ns = clock_wall_ns() / 1000000 * 1000000;
	while (ns <= last_ns);
	last_ns = ns;
	clock_rfc3339(ns, when);
	when[13] = when[16] = '-';
	snprintf(name, sizeof(name), "%s/audit-%.23s.log", dir, when);
	close(log_fd);
	log_fd = -1;
	must(!rename(path, name));
	log_open(O_TRUNC);
	return name;
}

static void compress_file(const char *name)
{
	char gz[160], text[65536];
	int fd = open(name, O_RDONLY);
	gzFile f;
	ssize_t n;

	snprintf(gz, sizeof(gz), "%s.gz", name);
	f = gzopen(gz, "wb1");
	must(fd >= 0 && f);
	while ((n = read(fd, text, sizeof(text))) > 0)
		must(gzwrite(f, text, (unsigned)n) == n);
	close(fd);
	must(gzclose(f) == Z_OK && !unlink(name));
}

static void clean(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && unlinkat(dirfd(d), e->d_name, 0))
			unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
	closedir(d);
}

/* ---- the reader's side */

static struct tail *tail;
static struct buf lines;	/* each with a bar behind it */
static unsigned notes[TAIL_WHAT_MAX];
static struct tail_note last_note;

static void on_line(void *ctx, struct str line)
{
	buf_add_str(&lines, line);
	buf_add_c(&lines, '|');
}

static void on_note(void *ctx, const struct tail_note *n)
{
	notes[n->what]++;
	last_note = *n;
}

static void polled(void)
{
	buf_reset(&lines);
	for (int i = 0; tail_poll(tail, now_ns, on_line, NULL) && i < 1000; i++)
		;
}

/* One second later: what was read meanwhile is CHECKed as `want`. */
#define CHECK_READ(want) \
	do { \
		now_ns += SECOND; \
		polled(); \
		CHECK_STR(buf_str(&lines), want); \
	} while (0)

static int follow(bool is_from_end)
{
	struct tail_options o = { .path = path, .checkpoint = checkpoint, .pid = server, .is_from_end = is_from_end,
				  .counters = &counters, .note = on_note };
	struct err err;

	tail_free(tail);
	tail = NULL;
	memset(notes, 0, sizeof(notes));
	return tail_new(&o, &tail, &err);
}

static void end(void)
{
	tail_free(tail);
	tail = NULL;
	server_stop();
	if (log_fd >= 0)
		close(log_fd);
	log_fd = -1;
	clean();
}

static void begin(const char *text)
{
	end();
	counters = (struct counters){ 0 };
	now_ns = clock_wall_ns();
	log_open(O_TRUNC);
	log_write(text);
}

static void test_tail__a_torn_line_waits_for_its_rest(void)
{
	begin("one\ntw");
	CHECK_INT(follow(false), 0);
	CHECK_READ("one|");
	CHECK_READ("");
	log_write("o");
	CHECK_READ("");
	log_write("\nthree\nf");
	CHECK_READ("two|three|");
	CHECK_INT(notes[TAIL_OPENED], 1);
	CHECK_INT(tail_backlog(tail), 1);
	end();
}

static void test_tail__from_the_end_begins_behind_the_last_finished_line(void)
{
	begin("old\nolder\nunfin");
	CHECK_INT(follow(true), 0);
	CHECK_READ("");
	log_write("ished\nnew\n");
	CHECK_READ("unfinished|new|");
	end();
}

static void test_tail__a_log_that_comes_late_is_read_from_its_beginning(void)
{
	begin("");
	must(!unlink(path));
	CHECK_INT(follow(true), 0);
	CHECK_READ("");
	CHECK_INT(notes[TAIL_MISSING], 1);
	CHECK_READ("");
	CHECK_INT(notes[TAIL_MISSING], 1);
	log_open(O_TRUNC);
	CHECK_READ("");
	log_write("first\n");
	CHECK_READ("first|");
	CHECK_INT(notes[TAIL_OPENED], 1);
	CHECK_INT(counters.v[COUNT_audit_log_deleted], 0);
	end();
}

static void test_tail__rotation_loses_nothing_and_repeats_nothing(void)
{
	for (int with_server = 0; with_server < 2; with_server++) {
		begin("1\n");
		if (with_server)
			server_start();
		CHECK_INT(follow(false), 0);
		CHECK_READ("1|");
		log_write("2\n3\n");
		rotate();
		log_write("4\n");
		if (with_server) {
			server_start();
			tail_set_pid(tail, server);
		}
		CHECK_READ("2|3|4|");
		CHECK_INT(notes[TAIL_ROTATED], 1);
		for (int i = 0; i < 20; i++)
			CHECK_READ("");
		log_write("5\n");
		CHECK_READ("5|");
		CHECK_INT(notes[TAIL_ROTATED], 1);
		CHECK_INT(notes[TAIL_REPLACED] + notes[TAIL_DELETED] + notes[TAIL_LOST] + notes[TAIL_TRUNCATED], 0);
		CHECK(!last_note.is_lost);
	}
	end();
}

static void test_tail__files_rotated_between_two_looks_are_read_in_order_once(void)
{
	char names[4][128];

	begin("a1\n");
	CHECK_INT(follow(false), 0);
	CHECK_READ("a1|");
	log_write("a2\n");
	snprintf(names[0], 128, "%s", rotate());
	log_write("b\n");
	snprintf(names[1], 128, "%s", rotate());
	log_write("c\n");
	snprintf(names[2], 128, "%s", rotate());
	log_write("d\n");
	snprintf(names[3], 128, "%s", rotate());
	log_write("e\n");
	compress_file(names[0]);
	compress_file(names[2]);
	CHECK_READ("a2|b|c|d|e|");
	CHECK_INT(notes[TAIL_ROTATED], 4);
	compress_file(names[1]);
	compress_file(names[3]);
	for (int i = 0; i < 20; i++)
		CHECK_READ("");
	snprintf(names[0], 128, "%s", rotate());
	CHECK_READ("");
	log_write("f\n");
	CHECK_READ("f|");
	end();
}

static void test_tail__only_known_names_are_rotated_siblings(void)
{
	static const struct {
		const char *name;
		bool is_sibling;
	} cases[] = {
		{ "audit-2026-11-22T03-27-18.123.log", true },
		{ "audit-2026-11-22T03-27-18.123.log.gz", true },
		{ "audit.log.1", true },
		{ "audit.log.12.gz", true },
		{ "audit.log-20261122", true },
		{ "audit.log", false },
		{ "audit.log.gz", false },
		{ "audit.log.1.bak", false },
		{ "audit.logx", false },
		{ "audit-webhook.log", false },
		{ "audit-2026-11-22T03-27-18.123.txt", false },
		{ "audit-2026-11-22T03-27-18.log", false },
		{ "audit-2026-13-22T03-27-18.123.log", false },
		{ "xaudit-2026-11-22T03-27-18.123.log", false },
		{ "audit-.log", false },
		{ "", false },
	};
	uint64_t ns;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK_INT(sibling_is(STR("audit.log"), str_of(cases[i].name), &ns), cases[i].is_sibling);
	CHECK(sibling_is(STR("audit.log"), STR("audit-2026-11-22T05-55-11.370.log"), &ns));
	CHECK_INT(ns, 1795326911370000000);
	CHECK(sibling_is(STR("audit"), STR("audit.3"), &ns) && !ns);
}

static void test_tail__what_lies_beside_the_log_is_not_read(void)
{
	char other[128];
	FILE *f;

	begin("1\n");
	snprintf(other, sizeof(other), "%s/audit-webhook.log", dir);
	f = fopen(other, "w");
	must(f && fputs("not ours\n", f) > 0 && !fclose(f));
	CHECK_INT(follow(false), 0);
	CHECK_READ("1|");
	rotate();
	log_write("2\n");
	f = fopen(other, "a");
	must(f && fputs("still not\n", f) > 0 && !fclose(f));
	CHECK_READ("2|");
	CHECK_READ("");
	end();
}

static void test_tail__truncation_is_told_and_reading_begins_again(void)
{
	begin("1\n2\n");
	CHECK_INT(follow(false), 0);
	CHECK_READ("1|2|");
	must(!ftruncate(log_fd, 0) && lseek(log_fd, 0, SEEK_SET) == 0);
	log_write("3\n");
	CHECK_READ("3|");
	CHECK_INT(notes[TAIL_TRUNCATED], 1);
	CHECK(last_note.is_lost && last_note.from_ns == now_ns - SECOND && last_note.to_ns == now_ns);
	CHECK_INT(counters.v[COUNT_audit_log_truncated], 1);
	end();
}

static void test_tail__truncation_that_grew_back_is_seen_too(void)
{
	begin("1\n2\nunfinished");
	CHECK_INT(follow(false), 0);
	CHECK_READ("1|2|");
	must(!ftruncate(log_fd, 0) && lseek(log_fd, 0, SEEK_SET) == 0);
	log_write("a line that is longer than all that was there\n");
	CHECK_READ("a line that is longer than all that was there|");
	CHECK_INT(notes[TAIL_TRUNCATED], 1);
	end();
}

static void test_tail__a_hole_left_by_truncation_is_stepped_over(void)
{
	static char big[300000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 2] = '\n';
	begin(big);
	CHECK_INT(follow(false), 0);
	CHECK_READ(str_starts(buf_str(&lines), STR("xxx")) ? lines.p : "");
	must(!truncate(path, 0));
	log_write("behind\n"); /* at the old offset */
	CHECK_READ("behind|");
	log_write("and on\n");
	CHECK_READ("and on|");
	CHECK_INT(notes[TAIL_TRUNCATED], 1);
	end();
}

static void test_tail__a_deleted_log_is_told_and_read_on(void)
{
	for (int with_server = 0; with_server < 2; with_server++) {
		begin("1\n");
		if (with_server)
			server_start();
		CHECK_INT(follow(false), 0);
		CHECK_READ("1|");
		must(!unlink(path));
		CHECK_READ("");
		CHECK_INT(notes[TAIL_DELETED], 1);
		CHECK(!last_note.is_lost && last_note.to_ns - last_note.from_ns == SECOND);
		log_write("2\n");
		CHECK_READ("2|");
		for (int i = 0; i < 20; i++)
			CHECK_READ("");
		log_write("3\n");
		CHECK_READ("3|");
		CHECK_INT(notes[TAIL_DELETED], 1);
		log_open(O_TRUNC); /* the server was restarted */
		log_write("4\n");
		if (with_server) {
			server_start();
			tail_set_pid(tail, server);
		}
		CHECK_READ("4|");
		for (int i = 0; i < 20; i++)
			CHECK_READ("");
		CHECK_INT(notes[TAIL_DELETED], 1);
		CHECK_INT(counters.v[COUNT_audit_log_deleted], 1);
	}
	end();
}

static void test_tail__what_was_deleted_before_is_found_in_the_server(void)
{
	begin("1\n");
	server_start();
	must(!unlink(path));
	CHECK_INT(follow(false), 0);
	CHECK_READ("1|");
	CHECK_INT(notes[TAIL_DELETED], 1);
	log_write("2\n");
	CHECK_READ("2|");
	end();
}

static void test_tail__a_replaced_log_is_told_and_the_servers_file_is_read_on(void)
{
	FILE *f;

	begin("1\n");
	server_start();
	CHECK_INT(follow(false), 0);
	CHECK_READ("1|");
	must(!unlink(path));
	f = fopen(path, "w");
	must(f && fputs("forged\n", f) > 0 && !fclose(f));
	CHECK_READ("");
	CHECK_INT(notes[TAIL_REPLACED], 1);
	CHECK(!last_note.is_lost);
	log_write("2\n");
	CHECK_READ("2|");
	for (int i = 0; i < 20; i++)
		CHECK_READ("");
	log_write("3\n");
	CHECK_READ("3|");
	CHECK_INT(notes[TAIL_REPLACED], 1);
	/* begun anew, it finds the same */
	CHECK_INT(follow(false), 0);
	CHECK_READ("1|2|3|");
	CHECK_INT(notes[TAIL_REPLACED], 1);
	/* and follows the server when that turns to the name again */
	log_open(O_APPEND);
	server_start();
	tail_set_pid(tail, server);
	log_write("4\n");
	now_ns += SECOND;
	CHECK_READ("forged|4|");
	end();
}

static void test_tail__a_log_moved_away_is_read_while_the_server_writes_to_it(void)
{
	char away[128];

	snprintf(away, sizeof(away), "%s/elsewhere", dir);
	begin("1\n");
	CHECK_INT(follow(false), 0); /* without a pid */
	CHECK_READ("1|");
	must(!rename(path, away));
	log_write("2\n");
	CHECK_READ("2|");
	CHECK_INT(notes[TAIL_MISSING], 1);
	must(close(open(path, O_WRONLY | O_CREAT, 0600)) == 0);
	CHECK_READ("");
	CHECK_READ("");
	log_write("3\n");
	CHECK_READ("3|");
	CHECK_INT(notes[TAIL_REPLACED], 1);
	for (int i = 0; i < 20; i++)
		CHECK_READ("");
	end();
}

static void test_tail__a_checkpoint_goes_on_where_it_was(void)
{
	begin("1\n2\nhal");
	CHECK_INT(follow(false), 0);
	CHECK_READ("1|2|");
	CHECK_INT(tail_commit(tail, 42, now_ns), 1);
	CHECK_INT(tail_commit(tail, 42, now_ns), 0);
	log_write("f\n");
	CHECK_READ("half|");
	CHECK_INT(tail_commit(tail, 43, now_ns - 1), 0);
	log_write("3\n");
	CHECK_INT(follow(true), 0);
	CHECK_INT(tail_cookie(tail), 42);
	CHECK_READ("half|3|");
	CHECK_INT(tail_commit(tail, 44, now_ns), 1);
	/* rotated thrice while nobody looks, and compressed */
	log_write("4\n");
	compress_file(rotate());
	log_write("5\n");
	rotate();
	log_write("6\n");
	compress_file(rotate());
	log_write("7\n");
	CHECK_INT(follow(false), 0);
	CHECK_READ("4|5|6|7|");
	CHECK_INT(notes[TAIL_LOST], 0);
	CHECK_INT(tail_commit(tail, 45, now_ns), 1);
	CHECK_INT(follow(false), 0);
	CHECK_READ("");
	end();
}

static void test_tail__a_checkpoint_finds_a_deleted_log_in_the_server(void)
{
	begin("1\n");
	server_start();
	CHECK_INT(follow(false), 0);
	CHECK_READ("1|");
	CHECK_INT(tail_commit(tail, 1, now_ns), 1);
	log_write("2\n");
	must(!unlink(path));
	CHECK_INT(follow(false), 0);
	CHECK_READ("2|");
	CHECK_INT(notes[TAIL_LOST], 0);
	CHECK_INT(notes[TAIL_DELETED], 1);
	end();
}

static void test_tail__a_place_that_is_gone_is_told_with_its_time(void)
{
	uint64_t saved_ns;

	begin("1\n2\n");
	CHECK_INT(follow(false), 0);
	CHECK_READ("1|2|");
	CHECK_INT(tail_commit(tail, 1, saved_ns = now_ns), 1);
	must(!ftruncate(log_fd, 0) && lseek(log_fd, 0, SEEK_SET) == 0);
	log_write("another one, and longer\n"); /* the same inode */
	CHECK_INT(follow(true), 0);
	CHECK_READ("another one, and longer|");
	CHECK_INT(notes[TAIL_LOST], 1);
	CHECK_INT(counters.v[COUNT_audit_log_lost], 1);
	end();
}

static void test_tail__a_bad_checkpoint_is_refused(void)
{
	static const char *const bad[] = { "", "x", "anontap audit checkpoint 1\n", "anontap audit checkpoint 1\ntime 1\n",
					   "anontap audit checkpoint 1\nfile 1 2 3 4 1025 0\nend\n",
					   "anontap audit checkpoint 1\nfile 1 2 3 4 4 0\nend\n",
					   "anontap audit checkpoint 1\nfile 1 2\nend\n",
					   "anontap audit checkpoint 1\nend\nmore\n" };

	begin("1\n");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		FILE *f = fopen(checkpoint, "w");

		must(f && fputs(bad[i], f) >= 0 && !fclose(f));
		CHECK_INT(follow(false), -EINVAL);
	}
	end();
}

static void test_tail__what_is_no_file_is_refused(void)
{
	begin("");
	must(!unlink(path) && !mkdir(path, 0700));
	CHECK_INT(follow(false), -EISDIR);
	must(!rmdir(path) && !mkfifo(path, 0600));
	CHECK_INT(follow(false), -EINVAL);
	end();
}

static void test_tail__a_name_that_becomes_a_directory_is_told_once(void)
{
	begin("1\n");
	CHECK_INT(follow(false), 0);
	CHECK_READ("1|");
	must(!unlink(path) && !mkdir(path, 0700));
	log_write("2\n");
	CHECK_READ("2|");
	CHECK_READ("");
	CHECK_READ("");
	CHECK_INT(notes[TAIL_UNREADABLE], 1);
	CHECK_INT(notes[TAIL_DELETED], 1);
	CHECK_INT(last_note.error, -EISDIR);
	must(!rmdir(path));
	log_open(O_TRUNC);
	log_write("3\n");
	CHECK_READ("3|");
	end();
}

static bool wakes_within(int ms)
{
	struct pollfd p = { .fd = tail_fd(tail), .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static void test_tail__the_descriptor_wakes_for_lines_and_for_deletion(void)
{
	begin("1\n");
	CHECK_INT(follow(false), 0);
	CHECK(wakes_within(100));
	CHECK_READ("1|");
	CHECK(wakes_within(500)); /* the batch is over */
	CHECK_READ("");
	CHECK(!wakes_within(100));
	log_write("2\n");
	CHECK(wakes_within(100));
	CHECK_READ("2|");
	CHECK(wakes_within(500));
	CHECK_READ("");
	must(!unlink(path));
	CHECK(wakes_within(100));
	CHECK_READ("");
	CHECK_INT(notes[TAIL_DELETED], 1);
	log_write("3\n");
	CHECK(wakes_within(100));
	CHECK_READ("3|");
	end();
}

/* ---- killed at any moment */

static char out_path[64];

/* Appends each line to the output; the cookie is the size of what is kept. Ends at the line "end". */
static void reader(void)
{
	struct tail_options o = { .path = path, .checkpoint = checkpoint, .counters = &counters };
	int out = open(out_path, O_RDWR | O_CREAT, 0600);
	uint64_t size;
	struct tail *t;

	if (out < 0 || tail_new(&o, &t, NULL))
		_exit(2);
	size = tail_cookie(t);
	if (ftruncate(out, (off_t)size) || lseek(out, (off_t)size, SEEK_SET) < 0)
		_exit(3);
	for (;;) {
		bool has_more;

		buf_reset(&lines);
		has_more = tail_poll(t, clock_wall_ns(), on_line, NULL);
		if (lines.n && write(out, lines.p, lines.n) != (ssize_t)lines.n)
			_exit(4);
		size += lines.n;
		if (tail_commit(t, size, 0) < 0)
			_exit(5);
		if (lines.n >= 4 && !memcmp(lines.p + lines.n - 4, "end|", 4))
			_exit(0);
		if (!has_more) {
			struct pollfd p = { .fd = tail_fd(t), .events = POLLIN };

			poll(&p, 1, 20);
		}
	}
}

/* Lines with numbers, some in two writes, some long. */
static void write_some(unsigned *next)
{
	static char text[20000];

	for (unsigned nr = (unsigned)random() % 200; nr; nr--) {
		int n = snprintf(text, sizeof(text), "%u ", *next);
		size_t fill = *next % 97 == 0 ? 15000 : *next % 7 * 20, half;

		memset(text + n, 'x', fill);
		fill += (size_t)n + (size_t)snprintf(text + n + fill, sizeof(text) - (size_t)n - fill, " %u\n", *next);
		half = fill / 2;
		must(write(log_fd, text, half) == (ssize_t)half);
		must(write(log_fd, text + half, fill - half) == (ssize_t)(fill - half));
		(*next)++;
	}
}

static void test_tail__killed_120_times_it_has_each_line_once(void)
{
	enum { KILLS = 120 };
	unsigned written = 0, expected = 0, nr_killed = 0;
	char names[2][128] = { "", "" };
	struct stat st;
	char *text, *p;
	int status, fd;
	pid_t pid;

	begin("");
	srandom(7);
	snprintf(out_path, sizeof(out_path), "%s/out", dir);
	for (int i = 0; i <= KILLS; i++) {
		fflush(stdout);
		pid = fork();
		if (!pid)
			reader();
		/* a first start without a checkpoint begins with the log, not with what was rotated before */
		for (int k = 0; !i && access(checkpoint, F_OK) && k < 5000; k++) {
			write_some(&written);
			usleep(1000);
		}
		for (int k = 0; k < 4; k++) {
			write_some(&written);
			if (random() % 4 == 0) {
				if (names[1][0] && random() % 2)
					compress_file(names[1]);
				snprintf(names[1], sizeof(names[1]), "%s", names[0]);
				snprintf(names[0], sizeof(names[0]), "%s", rotate());
			}
			if (i < KILLS)
				usleep((useconds_t)(random() % 6000));
		}
		if (i == KILLS) {
			log_write("end\n");
			break;
		}
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		nr_killed += WIFSIGNALED(status);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CHECK_INT(nr_killed, KILLS);
	fd = open(out_path, O_RDONLY);
	must(fd >= 0 && !fstat(fd, &st));
	text = calloc(1, (size_t)st.st_size + 1);
	must(read(fd, text, (size_t)st.st_size) == st.st_size);
	close(fd);
	for (p = text; *p && strncmp(p, "end|", 4); p = strchr(p, '|') + 1) {
		if (strtoul(p, NULL, 10) != expected) {
			printf("    line %lu where %u is due\n", strtoul(p, NULL, 10), expected);
			test_is_bad = 1;
			break;
		}
		expected++;
	}
	CHECK_INT(expected, written);
	CHECK(written > 10000);
	free(text);
	end();
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/audit.log", dir);
	snprintf(checkpoint, sizeof(checkpoint), "%s/checkpoint", dir);
	RUN(test_tail__a_torn_line_waits_for_its_rest);
	RUN(test_tail__from_the_end_begins_behind_the_last_finished_line);
	RUN(test_tail__a_log_that_comes_late_is_read_from_its_beginning);
	RUN(test_tail__rotation_loses_nothing_and_repeats_nothing);
	RUN(test_tail__files_rotated_between_two_looks_are_read_in_order_once);
	RUN(test_tail__only_known_names_are_rotated_siblings);
	RUN(test_tail__what_lies_beside_the_log_is_not_read);
	RUN(test_tail__truncation_is_told_and_reading_begins_again);
	RUN(test_tail__truncation_that_grew_back_is_seen_too);
	RUN(test_tail__a_hole_left_by_truncation_is_stepped_over);
	RUN(test_tail__a_deleted_log_is_told_and_read_on);
	RUN(test_tail__what_was_deleted_before_is_found_in_the_server);
	RUN(test_tail__a_replaced_log_is_told_and_the_servers_file_is_read_on);
	RUN(test_tail__a_log_moved_away_is_read_while_the_server_writes_to_it);
	RUN(test_tail__a_checkpoint_goes_on_where_it_was);
	RUN(test_tail__a_checkpoint_finds_a_deleted_log_in_the_server);
	RUN(test_tail__a_place_that_is_gone_is_told_with_its_time);
	RUN(test_tail__a_bad_checkpoint_is_refused);
	RUN(test_tail__what_is_no_file_is_refused);
	RUN(test_tail__a_name_that_becomes_a_directory_is_told_once);
	RUN(test_tail__the_descriptor_wakes_for_lines_and_for_deletion);
	RUN(test_tail__killed_120_times_it_has_each_line_once);
	buf_done(&lines);
	return rmdir(dir) ? 1 : test_end();
}
