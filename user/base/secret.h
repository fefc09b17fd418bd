/* SPDX-License-Identifier: Apache-2.0
 *
 * secret - bytes that must not leave: a raw Authorization value, a token.
 *
 * There is no formatter and no getter that copies. wire/ fills it, judge/cred reads it through
 * secret_str() and wipes it; nothing else may include this header (tools/check-layers holds that).
 * A zeroed secret is valid and empty. The memory is overwritten before it is freed.
 */
#ifndef ANONTAP_BASE_SECRET_H
#define ANONTAP_BASE_SECRET_H

#include "base/str.h"

#define SECRET_MAX (64 * 1024)	/* longer values are kept cut, and said to be cut */

struct secret {
	char *p;
	size_t n;
	bool is_cut;
};

int secret_set(struct secret *s, struct str bytes);	/* replaces; 0, -ENOMEM (then empty) */
void secret_wipe(struct secret *s);			/* overwrites, frees, empties */
struct str secret_str(const struct secret *s);		/* borrowed, until wiped */

#endif
