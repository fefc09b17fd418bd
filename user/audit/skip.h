/* SPDX-License-Identifier: Apache-2.0
 *
 * skip - steps over a JSON value of any depth, for bodies that nobody looks into yet.
 *
 * jread refuses what is nested deeper than JREAD_DEPTH_MAX; real bodies are (managedFields mirrors the
 * object level by level, a CRD's schema is a tree), and an event must not be lost for the sake of a
 * body that is only carried along. So strings must end, brackets must fit each other, and that is all
 * that is checked: a number or a word inside may be nonsense.
 */
#ifndef ANONTAP_AUDIT_SKIP_H
#define ANONTAP_AUDIT_SKIP_H

#include "base/jread.h"

#define SKIP_DEPTH_MAX 10000	/* as deep as Go's encoding/json writes */

/* The next value of r, as it stands; badness is sticky in r as everywhere. */
bool skip_value(struct jread *r, struct str *ret_raw);

#endif
