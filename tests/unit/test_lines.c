/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "audit/lines.h"
#include "base/buf.h"

static char dir[] = "/tmp/anontap-lines-XXXXXX";
static char path[64];
static struct counters counters;
static struct err err;

static void write_file(const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(p, 1, n, f) != n || fclose(f))
		CHECK(!"the test's own file can be written");
}

struct seen {
	struct buf all; /* lines, each with a bar behind it */
	size_t nr_lines, longest, nr_progress, stop_after;
	uint64_t nr_read, nr_total;
	bool is_rising;
};

static void on_line(void *ctx, struct str line)
{
	struct seen *s = ctx;

	s->nr_lines++;
	if (line.n > s->longest)
		s->longest = line.n;
	if (line.n < 100 && s->all.n < 1000) {
		buf_add_str(&s->all, line);
		buf_add_c(&s->all, '|');
	}
}

static bool on_progress(void *ctx, uint64_t nr_read, uint64_t nr_total)
{
	struct seen *s = ctx;

	s->is_rising = nr_read >= s->nr_read;
	s->nr_read = nr_read;
	s->nr_total = nr_total;
	return ++s->nr_progress != s->stop_after;
}

static int read_all(struct seen *s)
{
	buf_done(&s->all);
	*s = (struct seen){ .stop_after = s->stop_after };
	counters = (struct counters){ 0 };
	err.text[0] = '\0';
	return lines_read(path, on_line, on_progress, s, &counters, &err);
}

static void test_lines__are_told_in_order_and_the_last_needs_no_newline(void)
{
	struct seen s = { 0 };

	write_file("a\n\nbc\nlast", 10);
	CHECK_INT(read_all(&s), 0);
	CHECK_STR(buf_str(&s.all), "a||bc|last|");
	CHECK_INT(s.nr_read, 10);
	CHECK_INT(s.nr_total, 10);
	write_file("", 0);
	CHECK_INT(read_all(&s), 0);
	CHECK_INT(s.nr_lines, 0);
	buf_done(&s.all);
}

/* A line of n bytes between two short ones. */
static void write_long(size_t n)
{
	char *p = malloc(n + 10);

	memcpy(p, "one\n", 4);
	memset(p + 4, 'x', n);
	memcpy(p + 4 + n, "\ntwo\n", 5);
	write_file(p, n + 9);
	free(p);
}

static void test_lines__a_line_of_50_megabytes_is_one_line(void)
{
	struct seen s = { 0 };

	write_long(50u << 20);
	CHECK_INT(read_all(&s), 0);
	CHECK_INT(s.nr_lines, 3);
	CHECK_INT(s.longest, 50u << 20);
	CHECK(s.is_rising && s.nr_progress > 3);
	CHECK_INT(counters.v[COUNT_audit_lines_long], 0);
	buf_done(&s.all);
}

static void test_lines__one_beyond_the_cap_is_counted_and_the_next_is_told(void)
{
	struct seen s = { 0 };

	write_long(AUDIT_LINE_MAX);
	CHECK_INT(read_all(&s), 0);
	CHECK_INT(s.nr_lines, 3);
	CHECK_INT(counters.v[COUNT_audit_lines_long], 0);
	write_long(AUDIT_LINE_MAX + 1);
	CHECK_INT(read_all(&s), 0);
	CHECK_STR(buf_str(&s.all), "one|two|");
	CHECK_INT(counters.v[COUNT_audit_lines_long], 1);
	write_long(3u * AUDIT_LINE_MAX);
	CHECK_INT(read_all(&s), 0);
	CHECK_STR(buf_str(&s.all), "one|two|");
	CHECK_INT(counters.v[COUNT_audit_lines_long], 1);
	buf_done(&s.all);
}

static void write_gzip(const char *text, size_t n, const char *mode)
{
	gzFile f = gzopen(path, mode);

	CHECK(f && gzwrite(f, text, (unsigned)n) == (int)n && gzclose(f) == Z_OK);
}

static void test_lines__gzip_is_known_by_its_bytes_and_members_are_one_file(void)
{
	struct seen s = { 0 };

	write_gzip("a\nb", 3, "wb");
	write_gzip("c\nd\n", 4, "ab");
	CHECK_INT(read_all(&s), 0);
	CHECK_STR(buf_str(&s.all), "a|bc|d|");
	buf_done(&s.all);
}

static void test_lines__a_gzip_file_cut_short_tells_what_it_has_and_fails(void)
{
	static char text[400000];
	struct seen s = { 0 };
	struct stat st;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 40 == 39 ? '\n' : (char)('a' + random() % 26);
	write_gzip(text, sizeof(text), "wb");
	CHECK_INT(read_all(&s), 0);
	CHECK_INT(s.nr_lines, sizeof(text) / 40);
	CHECK(!stat(path, &st) && !truncate(path, st.st_size / 2));
	CHECK_INT(read_all(&s), -EBADMSG);
	CHECK(s.nr_lines > 1000 && s.nr_lines < sizeof(text) / 40);
	CHECK(strstr(err.text, "not a whole gzip file") && strstr(err.text, path));
	buf_done(&s.all);
}

static void test_lines__corrupt_gzip_fails(void)
{
	struct seen s = { 0 };

	write_file("\x1f\x8b\x08\0\0\0\0\0\0\0\xff\xff\xff\xff", 14);
	CHECK_INT(read_all(&s), -EBADMSG);
	write_file("\x1f\x8b", 2);
	CHECK_INT(read_all(&s), -EBADMSG);
	buf_done(&s.all);
}

static void test_lines__progress_can_stop_it(void)
{
	struct seen s = { .stop_after = 2 };

	write_long(8u << 20);
	CHECK_INT(read_all(&s), 0);
	CHECK_INT(s.nr_progress, 2);
	CHECK_STR(buf_str(&s.all), "one|");
	buf_done(&s.all);
}

static void test_lines__what_is_no_file_is_told_apart(void)
{
	struct seen s = { 0 };

	(void)unlink(path);
	CHECK_INT(read_all(&s), -ENOENT);
	CHECK(strstr(err.text, path) && strstr(err.text, "No such file"));
	CHECK(!mkfifo(path, 0600));
	CHECK_INT(read_all(&s), -EINVAL);
	CHECK(strstr(err.text, "is a FIFO"));
	CHECK(!unlink(path) && !mkdir(path, 0700));
	CHECK_INT(read_all(&s), -EISDIR);
	CHECK(strstr(err.text, "is a directory"));
	CHECK(!rmdir(path));
}

static void test_lines__an_unreadable_file_is_told_so(void)
{
	struct seen s = { 0 };
	uid_t uid = geteuid();

	write_file("x\n", 2);
	CHECK(!chmod(path, 0));
	if (!uid && seteuid(65534))
		SKIP("cannot become another user");
	CHECK_INT(read_all(&s), -EACCES);
	CHECK(strstr(err.text, "Permission denied"));
	CHECK(!uid ? !seteuid(0) : true);
	CHECK(!unlink(path));
}

int main(void)
{
	if (!mkdtemp(dir) || chmod(dir, 0755))
		return 1;
	snprintf(path, sizeof(path), "%s/log", dir);
	RUN(test_lines__are_told_in_order_and_the_last_needs_no_newline);
	RUN(test_lines__a_line_of_50_megabytes_is_one_line);
	RUN(test_lines__one_beyond_the_cap_is_counted_and_the_next_is_told);
	RUN(test_lines__gzip_is_known_by_its_bytes_and_members_are_one_file);
	RUN(test_lines__a_gzip_file_cut_short_tells_what_it_has_and_fails);
	RUN(test_lines__corrupt_gzip_fails);
	RUN(test_lines__progress_can_stop_it);
	RUN(test_lines__what_is_no_file_is_told_apart);
	RUN(test_lines__an_unreadable_file_is_told_so);
	(void)unlink(path);
	return rmdir(dir) ? 1 : test_end();
}
