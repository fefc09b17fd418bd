/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict_json - a struct match as JSON: the fields that the join adds to an exchange, and the line of
 * an audited request that the wire does not have.
 *
 *	"verdict":"unaudited","gap":"log-gone","why":"…",
 *	"join":{"by":"auditID","agrees":["requestURI","verb"],"differs":[],"lagSeconds":0.8,"skewSeconds":0.0001},
 *	"audit":{"stage":"ResponseComplete","level":"Metadata","verb":"list","user":{"username":"alice","groups":[…]},
 *		 "impersonatedUser":{"username":"admin"},"sourceIPs":["10.0.0.9"],"objectRef":{"resource":"pods"},
 *		 "decision":"allow","reason":"…"}
 *
 * Of what both sides have (Audit-Id, URI, user agent, status) the event's is told only where it differs,
 * or where there is no exchange. Secrets in the event's URI are redacted as those of the wire are.
 * `gap` is there with `unaudited` alone, `audit` where there is an event, `join` where there are both.
 */
#ifndef ANONTAP_TELL_VERDICT_JSON_H
#define ANONTAP_TELL_VERDICT_JSON_H

#include "base/json.h"
#include "judge/join.h"

/* Into an object that is open, between two fields of it. scratch: for the redacted URI. */
void verdict_json_put(struct json *j, const struct match *m, struct buf *scratch);

/* One line with its newline, of a match without an exchange; errors are out's. node: this machine's
 * name, or empty. */
void verdict_json_line(struct buf *out, const struct match *m, struct str node, struct buf *scratch);

#endif
