/* SPDX-License-Identifier: Apache-2.0
 *
 * http1 - the heads and ends of one HTTP/1 connection in, messages out, responses paired with requests.
 *
 * Life: made at the connection's first HTTP/1 record, fed every run of it, freed after RUN_END. Streams are
 * the ordinals of the requests since the connection was first seen; a response whose request was not seen
 * takes one too.
 *
 * Pairing rests on net/http handling one request at a time: it reads a request's head when the response
 * before it is finished. So without loss responses answer requests in order. After response records were
 * lost, a response belongs to the newest request that began before it, and what is older is over: told as
 * ended without a head, in doubt as everything that was open at the gap. Request heads that were lost leave
 * responses without a request. TAP_END is placed by the request bytes consumed, not by order.
 *
 * A head that is not there whole is told with what there is (is_truncated) when something shows that no
 * more of it will come: its answer, the next head, a gap, the end. What upgrades (101) or is refused by
 * net/http itself has no TAP_END: it ends with the connection, whose totals are then the bodies' sizes.
 */
#ifndef ANONTAP_WIRE_HTTP1_H
#define ANONTAP_WIRE_HTTP1_H

#include "wire/http.h"

#define HTTP1_HEAD_MAX (64 * 1024)	/* of one head; the rest is left out, and counted (head_truncated) */
#define HTTP1_OPEN_MAX 8		/* requests without an answer: more than one is pipelining or loss */

struct http1;

struct http1 *http1_new(void);		/* NULL: no memory */
void http1_free(struct http1 *s);
void http1_push(struct http1 *s, struct http *h, const struct run *run);

#endif
