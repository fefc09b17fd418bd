/* SPDX-License-Identifier: Apache-2.0
 *
 * unlogged - whether an audit policy explains that a request is not in the log.
 *
 * The policy is asked for the user that the wire proves: of a client certificate, a service account's
 * token, a front proxy, or nobody. Of other tokens user and groups are not known, and a rule for them
 * could come first: then nothing is explained.
 */
#ifndef ANONTAP_JUDGE_UNLOGGED_H
#define ANONTAP_JUDGE_UNLOGGED_H

#include "audit/policy.h"
#include "judge/cred.h"
#include "judge/route.h"

/* None of the stages that this exchange goes through is logged. */
bool unlogged_by(const struct policy *p, const struct identity *id, const struct route *r);

#endif
