/* SPDX-License-Identifier: Apache-2.0
 *
 * spans - a set of stretches of time, for "something was lost between these".
 *
 * It never forgets a moment that was added: when there are more stretches than SPANS_MAX, the two that
 * are closest become one, with what is between them. So it may hold more than was added, never less. A
 * zeroed set is empty. No memory is taken.
 */
#ifndef ANONTAP_JUDGE_SPANS_H
#define ANONTAP_JUDGE_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPANS_MAX 64

struct span {
	uint64_t from, to;	/* both within */
};

struct spans {
	struct span list[SPANS_MAX];	/* in order, apart from each other */
	size_t nr;
};

/* Everything from `from` - slack to `to` + slack. Nothing if from > to. */
void spans_add(struct spans *s, uint64_t from, uint64_t to, uint64_t slack);
bool spans_have(const struct spans *s, uint64_t at);

#endif
