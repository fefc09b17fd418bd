/* SPDX-License-Identifier: Apache-2.0
 *
 * gotext - what kube-apiserver's audit log makes of the bytes of a request.
 *
 * The log does not hold what was sent: the request URI is parsed and written anew (net/url), the user
 * agent is cut, and bytes that are not UTF-8 become U+FFFD in JSON (encoding/json). These functions
 * tell whether a text of the wire and one of the log are the same in this sense. They follow Go 1.25;
 * what they know of Kubernetes is apiserver pkg/audit/request.go.
 *
 * Secrets: the wire's URI comes redacted (judge/redact), so the log's must be redacted before the two
 * are set against each other; gotext_uri_log() does that.
 */
#ifndef ANONTAP_JUDGE_GOTEXT_H
#define ANONTAP_JUDGE_GOTEXT_H

#include "base/buf.h"

#define GOTEXT_USER_AGENT_MAX 1024	/* maxUserAgentLength */

/* Are they the same, when each byte that is not UTF-8 is U+FFFD? */
bool gotext_eq(struct str wire, struct str logged);
bool gotext_user_agent_eq(struct str wire, struct str logged);

/* What (*url.URL).RequestURI() returns for this target of a request line or :path, as the log has it.
 * Returns target itself where Go changes nothing, else what was written into out (which is emptied
 * first). Without memory, and for what Go refuses: target itself. */
struct str gotext_uri_wire(struct str target, struct str method, struct buf *out);

/* The log's URI with its secrets redacted; itself where there is none. Without memory: the empty str. */
struct str gotext_uri_log(struct str uri, struct buf *out);

/* The text with each byte that is not UTF-8 as 0xff and U+FFFD as 0xff too: for hashing. Itself where
 * it is plain ASCII. Without memory: itself. */
struct str gotext_canonical(struct str s, struct buf *out);

#endif
