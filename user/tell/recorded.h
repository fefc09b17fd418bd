/* SPDX-License-Identifier: Apache-2.0
 *
 * recorded - an Exchange line, as ndjson wrote it, as an identity again: what a replay pushes on.
 *
 * What a line does not hold, and a replay does not know: raw credentials (nothing holds them), whether
 * a header was absent or unseen beyond what `doubts` says, and ktime: all times are the wall's.
 */
#ifndef ANONTAP_TELL_RECORDED_H
#define ANONTAP_TELL_RECORDED_H

#include "judge/cred.h"

/* An identity with all that it points to. A zeroed one is valid; it is to be used again for the next
 * line, and must not be copied: its parts point to each other. */
struct recorded {
	struct identity identity;
	struct exchange exchange;
	struct conn conn;
	struct process process;
	struct str node;
	char *text;		/* what the str point into */
	size_t text_cap;
};

/* One line, with or without its newline. Fields that are not known are passed over. `r` holds the
 * identity until the next parse, and only after success.
 * Returns 0; -ENOMSG the line is anontap's but no Exchange; -EINVAL it is torn, or not anontap's: the
 * caller counts it; -ENOMEM. */
int ndjson_parse(struct str line, struct recorded *r);
void recorded_done(struct recorded *r);

#endif
