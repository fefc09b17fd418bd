/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <errno.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)

static uint64_t now(clockid_t which)
{
	struct timespec t;

	(void)clock_gettime(which, &t); /* cannot fail for these clocks */
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t clock_mono_ns(void)
{
	return now(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ns(void)
{
	return now(CLOCK_REALTIME);
}

/* The wall clock is read between two readings of the other; of several tries the tightest counts. */
void clock_read(struct clock_map *m)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		uint64_t before = clock_mono_ns(), wall = clock_wall_ns(), after = clock_mono_ns();

		if (after - before < best) {
			best = after - before;
			m->offset_ns = (int64_t)(wall - (before + best / 2));
		}
	}
}

static char *put_digits(char *at, uint64_t v, int n)
{
	for (int i = n - 1; i >= 0; i--, v /= 10)
		at[i] = (char)('0' + v % 10);
	return at + n;
}

size_t clock_rfc3339(uint64_t wall_ns, char out[CLOCK_RFC3339_MAX])
{
	time_t s = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;
	char *at = out;

	if (!gmtime_r(&s, &tm) || tm.tm_year > 8099)
		tm = (struct tm){ .tm_year = 8099, .tm_mon = 11, .tm_mday = 31 }; /* keep the form */
	at = put_digits(at, (uint64_t)tm.tm_year + 1900, 4);
	*at++ = '-';
	at = put_digits(at, (uint64_t)tm.tm_mon + 1, 2);
	*at++ = '-';
	at = put_digits(at, (uint64_t)tm.tm_mday, 2);
	*at++ = 'T';
	at = put_digits(at, (uint64_t)tm.tm_hour, 2);
	*at++ = ':';
	at = put_digits(at, (uint64_t)tm.tm_min, 2);
	*at++ = ':';
	at = put_digits(at, (uint64_t)tm.tm_sec, 2);
	*at++ = '.';
	at = put_digits(at, wall_ns % NS_PER_S, 9);
	*at++ = 'Z';
	*at = '\0';
	return (size_t)(at - out);
}

/* n digits at *s, then the byte `then` (0: nothing). */
static int take_number(struct str *s, size_t n, char then, uint64_t max, uint64_t *ret)
{
	int r = s->n < n ? -EINVAL : str_u64(str_first(*s, n), max, ret);

	if (r)
		return -EINVAL;
	*s = str_from(*s, n);
	if (!then)
		return 0;
	if (!s->n || s->p[0] != then)
		return -EINVAL;
	*s = str_from(*s, 1);
	return 0;
}

int clock_parse_rfc3339(struct str s, uint64_t *ret_wall_ns)
{
	uint64_t year, month, day, hour, minute, second, ns = 0, offset_h = 0, offset_m = 0;
	int64_t offset = 0;
	struct tm tm;

	if (take_number(&s, 4, '-', 9999, &year) || take_number(&s, 2, '-', 12, &month) ||
	    take_number(&s, 2, 'T', 31, &day) || take_number(&s, 2, ':', 23, &hour) ||
	    take_number(&s, 2, ':', 59, &minute) || take_number(&s, 2, 0, 60, &second))
		return -EINVAL;
	if (month < 1 || day < 1 || year < 1970)
		return -EINVAL;
	if (s.n && s.p[0] == '.') {
		uint64_t unit = NS_PER_S;

		s = str_from(s, 1);
		for (; s.n && s.p[0] >= '0' && s.p[0] <= '9'; s = str_from(s, 1)) {
			unit /= 10;
			ns += (uint64_t)(s.p[0] - '0') * unit;
		}
	}
	if (!s.n)
		return -EINVAL;
	if (s.p[0] == '+' || s.p[0] == '-') {
		bool is_west = s.p[0] == '-';

		s = str_from(s, 1);
		if (take_number(&s, 2, ':', 23, &offset_h) || take_number(&s, 2, 0, 59, &offset_m) || s.n)
			return -EINVAL;
		offset = (int64_t)(offset_h * 3600 + offset_m * 60) * (is_west ? -1 : 1);
	} else if (!str_eq(s, STR("Z"))) {
		return -EINVAL;
	}
	tm = (struct tm){ .tm_year = (int)year - 1900, .tm_mon = (int)month - 1, .tm_mday = (int)day,
			  .tm_hour = (int)hour, .tm_min = (int)minute, .tm_sec = (int)second };
	*ret_wall_ns = (uint64_t)((int64_t)timegm(&tm) - offset) * NS_PER_S + ns;
	return 0;
}
