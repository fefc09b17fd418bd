/* SPDX-License-Identifier: Apache-2.0
 * One idea: years that begin in March have their odd day at the end; eras of 400 years are all alike. */
#include "tell/date.h"

#include <errno.h>
#include <stdio.h>

#define DAY_S 86400
#define ERA_DAYS 146097		/* in 400 years */
#define EPOCH_DAYS 719468	/* from 0000-03-01 to 1970-01-01 */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

struct day {
	int64_t year;
	int month, day;
};

static struct day day_of(int64_t days)
{
	int64_t era, year;
	int of_era, of_year, year_of_era, shifted;
	struct day d;

	days += EPOCH_DAYS;
	era = floor_div(days, ERA_DAYS);
	of_era = (int)(days - era * ERA_DAYS);
	year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	shifted = (5 * of_year + 2) / 153; /* 0 is March */
	year = era * 400 + year_of_era;
	d.day = of_year - (153 * shifted + 2) / 5 + 1;
	d.month = shifted < 10 ? shifted + 3 : shifted - 9;
	d.year = year + (d.month <= 2);
	return d;
}

static int64_t days_of(struct day d)
{
	int64_t year = d.year - (d.month <= 2), era = floor_div(year, 400);
	int64_t year_of_era = year - era * 400;
	int64_t of_year = (153 * (d.month > 2 ? d.month - 3 : d.month + 9) + 2) / 5 + d.day - 1;

	return era * ERA_DAYS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - EPOCH_DAYS;
}

static char *put(char *at, int64_t v, int digits, char then)
{
	for (int i = digits - 1; i >= 0; i--, v /= 10)
		at[i] = (char)('0' + v % 10);
	at[digits] = then;
	return at + digits + 1;
}

size_t date_fmt(int64_t unix_s, char out[DATE_MAX])
{
	int64_t days = floor_div(unix_s, DAY_S), s = unix_s - days * DAY_S;
	struct day d;
	char *at = out;

	if (days < -2 * EPOCH_DAYS || days > ERA_DAYS * 25) /* far off: nothing overflows within */
		return 0;
	d = day_of(days);
	if (d.year < 0 || d.year > 9999)
		return 0;
	at = put(at, d.year, 4, '-');
	at = put(at, d.month, 2, '-');
	at = put(at, d.day, 2, 'T');
	at = put(at, s / 3600, 2, ':');
	at = put(at, s / 60 % 60, 2, ':');
	at = put(at, s % 60, 2, 'Z');
	*at = '\0';
	return (size_t)(at - out);
}

int date_parse(struct str s, int64_t *ret_unix_s)
{
	static const struct {
		size_t at, n;
		uint64_t max;
		char then;
	} parts[] = { { 0, 4, 9999, '-' }, { 5, 2, 12, '-' }, { 8, 2, 31, 'T' }, { 11, 2, 23, ':' }, { 14, 2, 59, ':' }, { 17, 2, 59, 'Z' } };
	uint64_t v[6];
	struct day d;

	if (s.n != DATE_MAX - 1)
		return -EINVAL;
	for (int i = 0; i < 6; i++)
		if (str_u64(str_first(str_from(s, parts[i].at), parts[i].n), parts[i].max, &v[i]) ||
		    s.p[parts[i].at + parts[i].n] != parts[i].then)
			return -EINVAL;
	if (!v[1] || !v[2])
		return -EINVAL;
	d = (struct day){ (int64_t)v[0], (int)v[1], (int)v[2] };
	*ret_unix_s = days_of(d) * DAY_S + (int64_t)(v[3] * 3600 + v[4] * 60 + v[5]);
	return 0;
}
