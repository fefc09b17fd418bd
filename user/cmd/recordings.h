/* SPDX-License-Identifier: Apache-2.0
 *
 * recordings - several recordings as one stream of identities, the earliest end first.
 *
 *	recordings_add() for each; recordings_scan()
 *	while (recordings_peek(&r, &id, &end_ns, &node, err) > 0 && end_ns <= until) { use id; recordings_skip(&r); }
 *	recordings_done()
 *
 * The scan reads each file once, to know which stretch of time it covers and what its sensor lost: both
 * must be known before anything is judged. Only the files whose time it is are open.
 */
#ifndef ANONTAP_CMD_RECORDINGS_H
#define ANONTAP_CMD_RECORDINGS_H

#include "base/counters.h"
#include "tell/recorded.h"
#include "tell/recording.h"

#define RECORDINGS_MAX 64

struct reel {
	const char *path;
	uint64_t first_ns, last_ns;	/* wall clock: first request, last end */
	uint64_t nr_exchanges;
	uint64_t lost;			/* records, as its Summary says */
	bool has_summary;		/* without, its sensor was killed, and what was lost is not known */
	bool is_cut;			/* the file is cut or damaged */
	/* while it is read */
	struct recording_reader reader;
	struct recorded recorded;
	uint64_t end_ns;		/* of the identity that comes next */
	bool is_at_one, is_over;	/* `recorded` is that identity; there is none */
};

struct recordings {
	struct reel reels[RECORDINGS_MAX];
	size_t nr;
	struct counters *counters;
};

int recordings_add(struct recordings *r, const char *path, struct err *err);	/* 0; -E2BIG */

/* Returns 0; -EINVAL it is no recording, or a raw one; what opening says; -ENOMEM. Lines that are bad
 * are counted here, once: recording_bad. A file that is cut is no error. */
int recordings_scan(struct recordings *r, struct counters *counters, struct err *err);

/* Of the first request, and of the last end. 0 without recordings. */
uint64_t recordings_first_ns(const struct recordings *r);
uint64_t recordings_last_ns(const struct recordings *r);
bool recordings_cover(const struct recordings *r, uint64_t at_ns);

/* The identity that ended first of those that are left, and its machine's name, valid until the next skip.
 * Returns 1; 0 there is none left; -ENOMEM; what opening says. */
int recordings_peek(struct recordings *r, const struct identity **ret_id, uint64_t *ret_end_ns, struct str *ret_node,
		    struct err *err);
void recordings_skip(struct recordings *r);
void recordings_done(struct recordings *r);

#endif
