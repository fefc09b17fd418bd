/* SPDX-License-Identifier: Apache-2.0 */
#include "joins.h"
#include "judge/unlogged.h"

static struct both b;
static struct route route;

static bool is_unlogged(const char *rules)
{
	struct policy *policy = NULL;
	struct buf yaml = { 0 };
	bool is;

	(void)buf_fmt(&yaml, "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n%s- level: Metadata\n", rules);
	CHECK_INT(policy_parse(buf_str(&yaml), "policy", &policy, NULL), 0);
	CHECK_INT(route_parse(&route, b.x.method, b.x.request_uri), 0);
	is = unlogged_by(policy, &b.id, &route);
	policy_free(policy);
	buf_done(&yaml);
	return is;
}

static void user(enum cred_kind kind, enum cred_outcome outcome, enum token_type type, const char *subject, const char *group)
{
	both_init(&b, "a1", T0);
	b.id.credential = (struct credential){ .kind = kind, .outcome = outcome, .token_type = type, .subject = str_of(subject),
					       .groups = { str_of(group) }, .nr_groups = *group != 0 };
}

static void test_unlogged__rule_for_a_path_or_resource_explains(void)
{
	both_init(&b, "a1", T0);
	CHECK(is_unlogged("- {level: None, resources: [{group: '', resources: [pods]}]}\n"));
	CHECK(!is_unlogged("- {level: None, resources: [{group: '', resources: [secrets]}]}\n"));
	CHECK(!is_unlogged(""));
	both_uri(&b, "/healthz/ping");
	CHECK(is_unlogged("- {level: None, nonResourceURLs: ['/healthz*']}\n"));
	CHECK(!is_unlogged("- {level: None, nonResourceURLs: ['/livez*']}\n"));
}

static void test_unlogged__rule_for_a_user_explains_where_the_user_is_proved(void)
{
	user(CRED_CLIENT_CERT, OUTCOME_ACCEPTED, TOKEN_NA, "alice", "ops");
	CHECK(is_unlogged("- {level: None, users: [alice]}\n"));
	CHECK(!is_unlogged("- {level: None, users: [bob]}\n"));
	CHECK(is_unlogged("- {level: None, userGroups: [ops]}\n"));
	CHECK(is_unlogged("- {level: None, userGroups: ['system:authenticated']}\n"));
	CHECK(!is_unlogged("- {level: None, userGroups: ['system:unauthenticated']}\n"));
	user(CRED_NONE, OUTCOME_NONE, TOKEN_NA, "", "");
	CHECK(is_unlogged("- {level: None, userGroups: ['system:unauthenticated']}\n"));
	CHECK(is_unlogged("- {level: None, users: ['system:anonymous']}\n"));
	user(CRED_BASIC, OUTCOME_IGNORED, TOKEN_NA, "", "");
	CHECK(is_unlogged("- {level: None, users: ['system:anonymous']}\n"));
	user(CRED_BEARER, OUTCOME_ACCEPTED, TOKEN_SERVICE_ACCOUNT, "system:serviceaccount:ns1:sa1", "");
	CHECK(is_unlogged("- {level: None, userGroups: ['system:serviceaccounts:ns1']}\n"));
	CHECK(!is_unlogged("- {level: None, userGroups: ['system:serviceaccounts:ns2']}\n"));
	CHECK(is_unlogged("- {level: None, userGroups: ['system:serviceaccounts']}\n"));
}

static void test_unlogged__user_of_another_token_is_not_guessed(void)
{
	static const char any[] = "- {level: None, resources: [{group: '', resources: [pods]}]}\n";

	user(CRED_BEARER, OUTCOME_ACCEPTED, TOKEN_OIDC, "alice", "");
	CHECK(!is_unlogged(any));
	user(CRED_BEARER, OUTCOME_ACCEPTED, TOKEN_OPAQUE, "", "");
	CHECK(!is_unlogged(any));
	user(CRED_BEARER, OUTCOME_ACCEPTED, TOKEN_SERVICE_ACCOUNT, "system:serviceaccount:x", "");
	CHECK(!is_unlogged(any));
	user(CRED_UNKNOWN, OUTCOME_UNKNOWN, TOKEN_NA, "", "");
	CHECK(!is_unlogged(any));
	user(CRED_CLIENT_CERT, OUTCOME_ACCEPTED, TOKEN_NA, "alice", "ops");
	CHECK(is_unlogged(any));
	b.x.doubts = DOUBT_SEVERAL_CREDENTIALS;
	CHECK(!is_unlogged(any));
}

static void test_unlogged__failed_authentication_has_no_user_and_one_stage(void)
{
	user(CRED_BEARER, OUTCOME_REJECTED, TOKEN_OPAQUE, "", "");
	both_status(&b, 401);
	CHECK(!is_unlogged("- {level: None, userGroups: ['system:unauthenticated']}\n"));
	CHECK(is_unlogged("- {level: Metadata, omitStages: [ResponseStarted]}\n"));
	CHECK(!is_unlogged("- {level: Metadata, omitStages: [RequestReceived]}\n"));
	user(CRED_CLIENT_CERT, OUTCOME_ACCEPTED, TOKEN_NA, "alice", "");
	CHECK(!is_unlogged("- {level: Metadata, omitStages: [ResponseStarted]}\n"));
	CHECK(is_unlogged("- {level: Metadata, omitStages: [RequestReceived, ResponseComplete]}\n"));
	both_uri(&b, "/api/v1/pods?watch=1");
	CHECK(!is_unlogged("- {level: Metadata, omitStages: [RequestReceived, ResponseComplete]}\n"));
}

int main(void)
{
	RUN(test_unlogged__rule_for_a_path_or_resource_explains);
	RUN(test_unlogged__rule_for_a_user_explains_where_the_user_is_proved);
	RUN(test_unlogged__user_of_another_token_is_not_guessed);
	RUN(test_unlogged__failed_authentication_has_no_user_and_one_stage);
	route_done(&route);
	return test_end();
}
