/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict - what can be said of an exchange that has no audit event.
 *
 * From the exchange alone: that it never reached the audit filter and so cannot have an event
 * (unauditable), that something hides what would have to be known (pending: the final word is then that
 * it cannot be judged), or that there should have been an event (unaudited). What else is known of the
 * time - events lost, a log deleted, a policy - is the join's.
 *
 * The rules are those of apiserver v0.34.2, pkg/server/config.go DefaultBuildHandlerChain: what is
 * answered outside WithAudit and WithFailedAuthenticationAudit leaves no event.
 */
#ifndef ANONTAP_JUDGE_VERDICT_H
#define ANONTAP_JUDGE_VERDICT_H

#include "judge/join.h"
#include "judge/route.h"

struct remainder {
	enum verdict verdict;	/* VERDICT_UNAUDITED, VERDICT_UNAUDITABLE, VERDICT_PENDING */
	struct str why;		/* a literal */
};

/* r: of its method and URI; NULL: there was no memory to parse them. is_apf_seen: this server sends
 * X-Kubernetes-PF-* headers, so that their absence says something. */
struct remainder verdict_of_rest(const struct identity *id, const struct route *r, bool is_apf_seen);

/* The exchange's Audit-Id: the response's, or the one that the client chose if no response shows one. */
struct str verdict_audit_id(const struct exchange *x);

/* The server made the Audit-Id, so that no other request has it. */
bool verdict_is_id_unique(const struct exchange *x);

/* Could an event belong to this exchange although it has no Audit-Id? */
bool verdict_may_join_by_request(const struct exchange *x, const struct route *r);

#endif
