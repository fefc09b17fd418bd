/* SPDX-License-Identifier: Apache-2.0
 *
 * http2 - the frames of one HTTP/2 connection in, messages out.
 *
 * Life: made at the connection's first HTTP/2 record, fed every run of it, freed after RUN_END. Frames are
 * put together from their pieces, header blocks from their frames, and every block is decoded, also of
 * streams that nobody asks for: the tables depend on it.
 *
 * When the tables are known (hpack.h has the two states):
 *   - connection seen from its start, nothing lost: exact. If its description was lost: exact when the
 *     direction began with SETTINGS, as every HTTP/2 connection does.
 *   - older than the sensor, or after a gap in the direction: inexact, until the HEADERS of the stream that
 *     a snapshot names; that one and all later blocks are exact.
 * A block that is incomplete, too long or refused makes the head unknown (is_unknown) and its direction
 * inexact; what a gap interrupts is told before the gap is.
 *
 * What it does not do: keep streams. Which heads belong together is exchange's.
 */
#ifndef ANONTAP_WIRE_HTTP2_H
#define ANONTAP_WIRE_HTTP2_H

#include "wire/http.h"

/* One header block: what net/http's server takes (MaxHeaderBytes 1 MiB), with room for its encoding. More
 * is counted (head_truncated), and its head unknown. */
#define HTTP2_BLOCK_MAX (1024 * 1024 + 64 * 1024)

struct http2;

struct http2 *http2_new(void);		/* NULL: no memory */
void http2_free(struct http2 *s);
void http2_push(struct http2 *s, struct http *h, const struct run *run);

#endif
