/* SPDX-License-Identifier: Apache-2.0
 *
 * One idea: a reel that has not begun stands where its scan says that it begins, so it needs no memory. */
#include "cmd/recordings.h"

#include <errno.h>

#include "tap/record.h"
#include "tell/summary.h"

int recordings_add(struct recordings *r, const char *path, struct err *err)
{
	if (r->nr == RECORDINGS_MAX)
		return err_set(err, -E2BIG, "more than %d recordings", RECORDINGS_MAX);
	r->reels[r->nr++].path = path;
	return 0;
}

static uint64_t end_of(const struct identity *id)
{
	return id->exchange->end_ns > id->time_ns ? id->exchange->end_ns : id->time_ns;
}

/* The next exchange into reel->recorded. Returns 1; 0 at the end; -errno. counters: NULL when the bad
 * ones are counted already. */
static int advance(struct reel *reel, struct counters *counters, struct err *err)
{
	struct str line;
	bool is_long;
	int r;

	while ((r = recording_next(&reel->reader, &line, &is_long, err)) > 0) {
		int e = is_long ? -EINVAL : ndjson_parse(line, &reel->recorded);
		uint64_t lost;

		if (e == -ENOMEM)
			return err_set(err, e, "out of memory");
		if (e == -EINVAL && counters)
			count(counters, COUNT_recording_bad);
		if (e == -ENOMSG && counters && !summary_parse_lost(line, &lost)) {
			reel->lost += lost;
			reel->has_summary = true;
		}
		if (!e) {
			reel->end_ns = end_of(&reel->recorded.identity);
			return 1;
		}
	}
	reel->is_cut |= r == -ENODATA;
	return r == -ENODATA ? 0 : r;
}

static int scan(struct reel *reel, struct counters *counters, struct err *err)
{
	uint64_t begin_ns = 0;
	int r;

	if (record_is_one(reel->path))
		return err_set(err, -EINVAL, "%s is a raw recording: make lines of it with anontap replay %s --write FILE",
			       reel->path, reel->path);
	r = recording_open(&reel->reader, reel->path, err);
	if (r)
		return r;
	while ((r = advance(reel, counters, err)) > 0) {
		const struct identity *id = &reel->recorded.identity;

		if (!reel->nr_exchanges++) {
			reel->first_ns = id->time_ns;
			begin_ns = reel->end_ns;
		}
		if (reel->end_ns > reel->last_ns)
			reel->last_ns = reel->end_ns;
	}
	reel->end_ns = begin_ns;
	recording_close_read(&reel->reader);
	if (!r && !reel->nr_exchanges)
		r = err_set(err, -EINVAL, "%s is no recording of anontap: no line of it is an Exchange", reel->path);
	return r;
}

int recordings_scan(struct recordings *r, struct counters *counters, struct err *err)
{
	int e = 0;

	r->counters = counters;
	for (size_t i = 0; i < r->nr && !e; i++)
		e = scan(&r->reels[i], counters, err);
	return e;
}

uint64_t recordings_first_ns(const struct recordings *r)
{
	uint64_t first = r->nr ? UINT64_MAX : 0;

	for (size_t i = 0; i < r->nr; i++)
		if (r->reels[i].first_ns < first)
			first = r->reels[i].first_ns;
	return first;
}

uint64_t recordings_last_ns(const struct recordings *r)
{
	uint64_t last = 0;

	for (size_t i = 0; i < r->nr; i++)
		if (r->reels[i].last_ns > last)
			last = r->reels[i].last_ns;
	return last;
}

bool recordings_cover(const struct recordings *r, uint64_t at_ns)
{
	for (size_t i = 0; i < r->nr; i++)
		if (at_ns >= r->reels[i].first_ns && at_ns <= r->reels[i].last_ns)
			return true;
	return false;
}

static struct reel *earliest(struct recordings *r)
{
	struct reel *best = NULL;

	for (size_t i = 0; i < r->nr; i++)
		if (!r->reels[i].is_over && (!best || r->reels[i].end_ns < best->end_ns))
			best = &r->reels[i];
	return best;
}

/* Read the identity that comes next. Returns 0; -errno. */
static int turn(struct reel *reel, struct err *err)
{
	int e = reel->reader.gz ? 0 : recording_open(&reel->reader, reel->path, err);

	if (!e)
		e = advance(reel, NULL, err);
	reel->is_at_one = e > 0;
	reel->is_over = e <= 0;
	if (reel->is_over) {
		recording_close_read(&reel->reader);
		recorded_done(&reel->recorded);
	}
	return e < 0 ? e : 0;
}

int recordings_peek(struct recordings *r, const struct identity **ret_id, uint64_t *ret_end_ns, struct str *ret_node,
		    struct err *err)
{
	struct reel *reel;
	int e = 0;

	while ((reel = earliest(r)) && !reel->is_at_one && !e)
		e = turn(reel, err); /* another may be the earliest then */
	if (e || !reel)
		return e;
	*ret_id = &reel->recorded.identity;
	*ret_end_ns = reel->end_ns;
	*ret_node = reel->recorded.node;
	return 1;
}

void recordings_skip(struct recordings *r)
{
	struct reel *reel = earliest(r);

	if (reel)
		reel->is_at_one = false; /* its next ends no earlier, but for a little: peek looks */
}

void recordings_done(struct recordings *r)
{
	for (size_t i = 0; i < r->nr; i++) {
		recording_close_read(&r->reels[i].reader);
		recorded_done(&r->reels[i].recorded);
	}
}
