/* SPDX-License-Identifier: Apache-2.0
 *
 * top - counts keys, such as paths, and tells the most frequent.
 *
 * Bounded: TOP_MAX keys by the Space-Saving rule, so that a count may be too high by at most what it
 * says, and never too low. A zeroed top is valid and empty.
 */
#ifndef ANONTAP_TELL_TOP_H
#define ANONTAP_TELL_TOP_H

#include <stdio.h>
#include "base/str.h"

#define TOP_MAX		1024	/* distinct keys counted; beyond, the rarest is taken over */
#define TOP_SHOWN	8
#define TOP_KEY_MAX	120	/* bytes of a key that tell it apart */

/* Hashes and counts stand apart from the keys: a search reads 4 KiB, not 140. */
struct top_entries {
	uint32_t hash[TOP_MAX];
	uint64_t n[TOP_MAX];
	uint64_t error[TOP_MAX];	/* n may be too high by this much */
	char key[TOP_MAX][TOP_KEY_MAX + 1];
};

struct top {
	struct top_entries *entries;	/* allocated at the first use */
	size_t nr;
	bool is_approximate;
};

void top_add(struct top *t, struct str key);
void top_done(struct top *t);

/* The title, and TOP_SHOWN lines, the most frequent first; nothing when nothing was counted. */
void top_print(const struct top *t, const char *title, FILE *out);

#endif
