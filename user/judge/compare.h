/* SPDX-License-Identifier: Apache-2.0
 *
 * compare - in what an exchange and an audit event agree and in what they differ.
 *
 * A field that one side does not have, or in which both may rightly differ, is in neither: a doubt of
 * the wire (an undecoded header, a cut value), a stage that has no status yet, a 504 (the log has the
 * code of the handler that came too late), the answer of a backend on a hijacked connection, a token
 * whose claims the server may map to any name. What is told as differing contradicts.
 */
#ifndef ANONTAP_JUDGE_COMPARE_H
#define ANONTAP_JUDGE_COMPARE_H

#include "base/hash.h"
#include "judge/join.h"

#define COMPARE_SLACK_NS 2000000000ULL	/* clocks and scheduling: this far apart is the same time */
#define ISSUERS_MAX 16

/* Issuers of service account tokens of which the server took `sub` for the user name: it is its own
 * issuer, so that it always will. (Tokens of another cluster may be mapped as OIDC is.) */
struct issuers {
	struct hash_key key;
	uint64_t list[ISSUERS_MAX];
	size_t nr;
};

struct compare {
	struct issuers issuers;
	struct buf wire_uri, log_uri;	/* scratch */
};

struct agreement {
	uint32_t agrees, differs;	/* bit per enum join_field */
	uint64_t distance_ns;		/* from the wire's request time to the event's received time */
};

void compare_done(struct compare *c);

struct agreement compare(struct compare *c, const struct identity *id, const struct event *e);

/* They belong together for sure: learn from it. */
void compare_learn(struct compare *c, const struct identity *id, const struct agreement *a);

/* Wall clock of the response's head, or of the end if there was none. */
uint64_t compare_answered_ns(const struct identity *id);

/* Hashes under which both sides of one request are the same. */
uint64_t compare_uri_hash_of_wire(struct compare *c, const struct exchange *x);
uint64_t compare_uri_hash_of_log(struct compare *c, const struct event *e);
uint64_t compare_id_hash(struct compare *c, struct str audit_id);	/* 0 for the empty id */

#endif
