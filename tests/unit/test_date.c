/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <time.h>
#include "tell/date.h"
#include "test.h"

static void test_date__known_days(void)
{
	static const struct {
		int64_t s;
		const char *text;
	} days[] = {
		{ 0, "1970-01-01T00:00:00Z" }, { -1, "1969-12-31T23:59:59Z" }, { 1795318098, "2026-11-22T03:28:18Z" },
		{ 951782399, "2000-02-28T23:59:59Z" }, { 951782400, "2000-02-29T00:00:00Z" }, { 951868800, "2000-03-01T00:00:00Z" },
		{ 253402300799, "9999-12-31T23:59:59Z" }, { -62167219200, "0000-01-01T00:00:00Z" }, { -2208988800, "1900-01-01T00:00:00Z" },
	};

	for (size_t i = 0; i < sizeof(days) / sizeof(*days); i++) {
		char out[DATE_MAX];
		int64_t s = 7;

		CHECK_INT(date_fmt(days[i].s, out), DATE_MAX - 1);
		CHECK_STR(str_of(out), days[i].text);
		CHECK_INT(date_parse(str_of(days[i].text), &s), 0);
		CHECK_INT(s, days[i].s);
	}
}

static void test_date__agrees_with_libc(void)
{
	for (int64_t s = -70000000000; s < 253402300799; s += 7777777777 / 13) {
		char out[DATE_MAX], want[64];
		time_t t = (time_t)s;
		struct tm tm;
		int64_t back = 0;

		if (s < -62167219200) {
			CHECK_INT(date_fmt(s, out), 0);
			continue;
		}
		(void)gmtime_r(&t, &tm);
		(void)snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			       tm.tm_hour, tm.tm_min, tm.tm_sec);
		CHECK_INT(date_fmt(s, out), DATE_MAX - 1);
		CHECK_STR(str_of(out), want);
		CHECK(!date_parse(str_of(out), &back) && back == s);
	}
}

static void test_date__other_forms_are_refused(void)
{
	static const char *const bad[] = {
		"", "2026-11-22T03:27:18", "2026-11-22T03:27:18.0Z", "2026-11-22 03:27:18Z", "2026-13-22T03:27:18Z", "2026-00-22T03:27:18Z",
		"2026-11-00T03:27:18Z", "2026-11-22T24:27:18Z", "2026-11-22T03:60:18Z", "2026-11-22T03:27:60Z", "2026-11-22T03:27:18z",
		"-026-11-22T03:27:18Z", "2026-11-22T03:27:+8Z",
	};
	int64_t s = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_INT(date_parse(str_of(bad[i]), &s), -EINVAL);
	CHECK_INT(s, 7);
}

static void test_date__years_beyond_four_digits_are_not_written(void)
{
	char out[DATE_MAX] = "untouched";

	CHECK_INT(date_fmt(253402300800, out), 0);
	CHECK_INT(date_fmt(INT64_MAX, out), 0);
	CHECK_INT(date_fmt(INT64_MIN, out), 0);
	CHECK_STR(str_of(out), "untouched");
}

int main(void)
{
	RUN(test_date__known_days);
	RUN(test_date__agrees_with_libc);
	RUN(test_date__other_forms_are_refused);
	RUN(test_date__years_beyond_four_digits_are_not_written);
	return test_end();
}
