/* SPDX-License-Identifier: Apache-2.0
 * One idea: make the user as the server's authenticators do, group by group, or give up. */
#include "judge/unlogged.h"

#define GROUPS_MAX (CRED_GROUPS_MAX + 1)
#define SERVICE_ACCOUNT STR("system:serviceaccount:")
#define NAMESPACE_GROUP "system:serviceaccounts:"
#define NAMESPACE_MAX 63	/* a DNS label */

struct user {
	struct policy_user user;
	struct str groups[GROUPS_MAX];
	char namespace_group[sizeof(NAMESPACE_GROUP) + NAMESPACE_MAX];
};

static void add_group(struct user *u, struct str group)
{
	u->groups[u->user.nr_groups++] = group;
}

/* "system:serviceaccount:NAMESPACE:NAME" */
static bool make_service_account(struct user *u, struct str subject)
{
	struct str rest = str_from(subject, SERVICE_ACCOUNT.n), ns;
	size_t n = 0;

	if (!str_starts(subject, SERVICE_ACCOUNT))
		return false;
	ns = str_take_until(&rest, ':');
	if (!ns.n || ns.n > NAMESPACE_MAX || !rest.n)
		return false;
	for (const char *p = NAMESPACE_GROUP; *p; p++)
		u->namespace_group[n++] = *p;
	for (size_t i = 0; i < ns.n; i++)
		u->namespace_group[n++] = ns.p[i];
	add_group(u, STR("system:serviceaccounts"));
	add_group(u, (struct str){ u->namespace_group, n });
	add_group(u, STR("system:authenticated"));
	return true;
}

/* False: not all of the user is known. */
static bool make_user(struct user *u, const struct identity *id)
{
	const struct credential *c = &id->credential;
	bool is_anonymous = c->outcome == OUTCOME_NONE || c->outcome == OUTCOME_IGNORED;

	u->user = (struct policy_user){ .name = c->subject, .groups = u->groups };
	if (is_anonymous) {
		u->user.name = STR("system:anonymous");
		add_group(u, STR("system:unauthenticated"));
		return true;
	}
	if (c->outcome != OUTCOME_ACCEPTED || !c->subject.n ||
	    (id->exchange->doubts & (DOUBT_SEVERAL_CREDENTIALS | DOUBT_AUTHORITY_UNKNOWN | DOUBT_CONNECTION_UNKNOWN | DOUBT_TRUNCATED)))
		return false;
	if (c->kind == CRED_BEARER || c->kind == CRED_WS_BEARER)
		return c->token_type == TOKEN_SERVICE_ACCOUNT && make_service_account(u, c->subject);
	if (c->kind != CRED_CLIENT_CERT && (c->kind != CRED_FRONT_PROXY || c->is_unverified))
		return false;
	for (size_t i = 0; i < c->nr_groups; i++)
		add_group(u, c->groups[i]);
	add_group(u, STR("system:authenticated"));
	return true;
}

bool unlogged_by(const struct policy *p, const struct identity *id, const struct route *r)
{
	const struct exchange *x = id->exchange;
	unsigned started = 1u << STAGE_RESPONSE_STARTED;
	unsigned stages = 1u << STAGE_REQUEST_RECEIVED | 1u << STAGE_RESPONSE_COMPLETE | (r->is_long_running ? started : 0);
	struct policy_answer answer;
	struct user u;

	/* 401, and the 400 for a bad ?timeout=: answered before there is a user, in one stage */
	if (x->status == 401 || (x->status == 400 && !x->has_flow_schema && !r->is_long_running)) {
		policy_ask(p, &r->info, NULL, &answer);
		return policy_is_silent(&answer, started);
	}
	if (!make_user(&u, id))
		return false;
	policy_ask(p, &r->info, &u.user, &answer);
	return policy_is_silent(&answer, stages);
}
