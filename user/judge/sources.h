/* SPDX-License-Identifier: Apache-2.0
 *
 * sources - which clients the wire has seen, and of which the log alone speaks.
 *
 * A client whose requests are again and again in the log and never on the wire comes in by another
 * listener, or the log is another server's. When more than SOURCES_MAX are known, or memory ran out,
 * that can no longer be told of anybody.
 */
#ifndef ANONTAP_JUDGE_SOURCES_H
#define ANONTAP_JUDGE_SOURCES_H

#include "audit/event.h"
#include "base/hash.h"
#include "base/map.h"
#include "wire/conn.h"

#define SOURCES_MAX 16384
#define SOURCES_STRANGE_MIN 10	/* requests in the log alone before a source is called strange */

struct sources {
	struct hash_key key;
	struct map list;	/* hash of the address -> 1: on the wire; n + 1: n times in the log alone */
	bool is_full;
};

void sources_done(struct sources *s);
void sources_note_wire(struct sources *s, const struct conn *c);

/* One request more that is in the log alone. Returns whether its source is strange. */
bool sources_note_log(struct sources *s, const struct event *e);

#endif
