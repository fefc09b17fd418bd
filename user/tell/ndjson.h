/* SPDX-License-Identifier: Apache-2.0
 *
 * ndjson - an identity as one line of JSON; recorded makes an identity of it again.
 *
 * The fields are those of exchange.schema.json, in a fixed order; what is not known is absent. What
 * ndjson_parse() makes of a line, ndjson_identity() writes again byte for byte, so a replay prints what
 * the live run printed. (A byte that is not UTF-8 is written as the escape \ufffd, and so again; which
 * byte it was is gone.)
 */
#ifndef ANONTAP_TELL_NDJSON_H
#define ANONTAP_TELL_NDJSON_H

#include "base/buf.h"
#include "judge/cred.h"
#include "tell/recorded.h"

/* One Exchange line with its newline, appended to out; errors are the buf's. node: this machine's name,
 * or empty. */
void ndjson_identity(struct buf *out, const struct identity *id, struct str node);

#endif
