/* SPDX-License-Identifier: Apache-2.0
 *
 * policy - reads an audit policy file and answers as kube-apiserver would: at which level, and without
 * which stages, it logs a request. The rules of k8s.io/apiserver/pkg/audit/policy/checker.go v0.34.2
 * and of its validation.
 *
 * The server takes a policy with unknown fields, ignores them and logs a warning; so does this, and the
 * warning is kept: a mistyped field makes a rule match more than its author meant. What the server
 * refuses to start with is refused.
 */
#ifndef ANONTAP_AUDIT_POLICY_H
#define ANONTAP_AUDIT_POLICY_H

#include "audit/event.h"
#include "audit/request_info.h"
#include "base/err.h"

#define POLICY_SIZE_MAX (4u << 20)	/* bytes of a policy file */

struct policy;

/* Returns 0; -EINVAL: not a policy, with line, field and what would be right in err; -E2BIG; -ENOMEM;
 * policy_load() also -ENOENT, -EISDIR… */
int policy_load(const char *path, struct policy **ret, struct err *err);
int policy_parse(struct str yaml, const char *name, struct policy **ret, struct err *err);
void policy_free(struct policy *p);

/* The first field that the server ignores, as a sentence; empty if there is none. */
const char *policy_warning(const struct policy *p);

struct policy_user {
	struct str name;
	const struct str *groups;
	size_t nr_groups;
};

struct policy_answer {
	enum audit_level level;		/* LEVEL_NONE: nothing is logged */
	unsigned omitted;		/* bit 1 << enum audit_stage for each stage that is not logged */
	int rule;			/* that matched, from 0; -1: none did, and then the level is None */
	unsigned line;			/* of that rule in the file; 0: none */
};

/* user is NULL for requests whose authentication failed, or whose ?timeout is bad: rules with users or
 * groups never match those. */
void policy_ask(const struct policy *p, const struct request_info *request, const struct policy_user *user,
		struct policy_answer *ret);

/* Is none of these stages (bits) logged? A request as usual has RequestReceived and ResponseComplete,
 * a long-running one ResponseStarted too, a failed authentication ResponseStarted alone. */
bool policy_is_silent(const struct policy_answer *a, unsigned stages);

#endif
