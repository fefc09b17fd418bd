/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include "audit/lines.h"
#include "audit/policy.h"

#define HEAD "apiVersion: audit.k8s.io/v1\nkind: Policy\n"
#define STAGE(s) (1u << STAGE_##s)

static struct policy *policy;
static struct request_info info;
static struct policy_answer answer;
static struct err err;

static int read_policy(const char *yaml)
{
	policy_free(policy);
	policy = NULL;
	err.text[0] = '\0';
	return policy_parse(str_of(yaml), "p.yaml", &policy, &err);
}

static const struct str none[] = { STR("system:unauthenticated") };
static const struct str dev[] = { STR("dev"), STR("system:authenticated") };
static const struct policy_user anonymous = { STR("system:anonymous"), none, 1 }, alice = { STR("alice"), dev, 2 };

/* The rule that matches: -1 none. */
static int ask(const char *method, const char *uri, const struct policy_user *user)
{
	CHECK_INT(request_info_parse(&info, str_of(method), str_of(uri)), 0);
	policy_ask(policy, &info, user, &answer);
	return answer.rule;
}

static void test_policy__the_first_rule_that_matches_counts_and_none_is_none(void)
{
	CHECK_INT(read_policy(HEAD "rules:\n- level: Metadata\n  verbs: [get]\n- level: Request\n  verbs: [get, list]\n"), 0);
	CHECK_INT(ask("GET", "/api/v1/pods/p", &alice), 0);
	CHECK_INT(answer.level, LEVEL_METADATA);
	CHECK_INT(answer.line, 4);
	CHECK_INT(ask("GET", "/api/v1/pods", &alice), 1);
	CHECK_INT(answer.level, LEVEL_REQUEST);
	CHECK_INT(ask("POST", "/api/v1/pods", &alice), -1);
	CHECK_INT(answer.level, LEVEL_NONE);
	CHECK(policy_is_silent(&answer, ~0u));
}

static void test_policy__rules_with_users_never_match_a_failed_authentication(void)
{
	CHECK_INT(read_policy(HEAD "rules:\n- level: Metadata\n  users: [alice]\n- level: None\n  userGroups: [system:unauthenticated]\n"
				   "- level: Request\n  verbs: [list]\n"), 0);
	CHECK_INT(ask("GET", "/api/v1/pods", &alice), 0);
	CHECK_INT(ask("GET", "/api/v1/pods", &anonymous), 1);
	CHECK_INT(ask("GET", "/api/v1/pods", NULL), 2);
	CHECK_INT(ask("GET", "/healthz", NULL), -1);
	CHECK_INT(read_policy(HEAD "rules:\n- level: Metadata\n  users: [alice]\n  userGroups: [ops]\n"), 0);
	CHECK_INT(ask("GET", "/", &alice), -1);
}

static void test_policy__resources_match_by_group_and_glob(void)
{
	CHECK_INT(read_policy(HEAD "rules:\n"
				   "- level: Metadata\n  resources: [{group: '', resources: [pods]}]\n"
				   "- level: Metadata\n  resources: [{group: '', resources: ['pods/*']}]\n"
				   "- level: Metadata\n  resources: [{group: apps, resources: ['*/status']}]\n"
				   "- level: Metadata\n  resources: [{group: apps, resources: [deployments/scale]}]\n"
				   "- level: Metadata\n  resources: [{group: batch, resources: ['*']}]\n"
				   "- level: Metadata\n  resources: [{group: policy}]\n"), 0);
	CHECK_INT(ask("GET", "/api/v1/namespaces/a/pods/p", NULL), 0);
	CHECK_INT(ask("GET", "/api/v1/namespaces/a/pods/p/log", NULL), 1);
	CHECK_INT(ask("GET", "/api/v1/namespaces/a/podss/p", NULL), -1);
	CHECK_INT(ask("GET", "/apis/apps/v1/namespaces/a/deployments/d/status", NULL), 2);
	CHECK_INT(ask("GET", "/apis/apps/v1/namespaces/a/deployments/d/scale", NULL), 3);
	CHECK_INT(ask("GET", "/apis/apps/v1/namespaces/a/deployments/d", NULL), -1);
	CHECK_INT(ask("GET", "/apis/batch/v1/namespaces/a/jobs/j/status", NULL), 4);
	CHECK_INT(ask("GET", "/apis/policy/v1/anything", NULL), 5);
	CHECK_INT(ask("GET", "/apis/policy", NULL), -1);
}

static void test_policy__names_and_namespaces_narrow_a_rule(void)
{
	CHECK_INT(read_policy(HEAD "rules:\n"
				   "- level: Metadata\n  resources: [{group: '', resources: [secrets, 'configmaps'], resourceNames: [a, b]}]\n"
				   "- level: Metadata\n  namespaces: ['', kube-system]\n"), 0);
	CHECK_INT(ask("GET", "/api/v1/namespaces/x/secrets/b", NULL), 0);
	CHECK_INT(ask("GET", "/api/v1/namespaces/x/secrets?fieldSelector=metadata.name=a", NULL), 0);
	CHECK_INT(ask("GET", "/api/v1/namespaces/x/secrets/c", NULL), -1);
	CHECK_INT(ask("GET", "/api/v1/namespaces/x/secrets", NULL), -1);
	CHECK_INT(ask("GET", "/api/v1/namespaces/kube-system/secrets", NULL), 1);
	CHECK_INT(ask("GET", "/api/v1/nodes", NULL), 1);
	CHECK_INT(ask("GET", "/healthz", NULL), -1);
}

static void test_policy__paths_match_whole_or_by_a_star_at_the_end(void)
{
	CHECK_INT(read_policy(HEAD "rules:\n- level: Metadata\n  nonResourceURLs: [/healthz, '/api*']\n- level: Request\n  nonResourceURLs: ['*']\n"), 0);
	CHECK_INT(ask("GET", "/healthz", NULL), 0);
	CHECK_INT(ask("GET", "/healthz/x", NULL), 1);
	CHECK_INT(ask("GET", "/apis/apps", NULL), 0);
	CHECK_INT(ask("GET", "/ap", NULL), 1);
	CHECK_INT(ask("GET", "/api/v1/pods", NULL), -1);
}

static void test_policy__stages_are_omitted_by_policy_and_rule(void)
{
	CHECK_INT(read_policy(HEAD "omitStages: [RequestReceived]\nrules:\n- level: Metadata\n  verbs: [list]\n  omitStages: [ResponseStarted]\n"
				   "- level: Metadata\n  verbs: [get]\n  omitStages: [ResponseComplete, Panic, RequestReceived]\n"), 0);
	CHECK_INT(ask("GET", "/api/v1/pods", NULL), 0);
	CHECK_INT(answer.omitted, STAGE(REQUEST_RECEIVED) | STAGE(RESPONSE_STARTED));
	CHECK(!policy_is_silent(&answer, STAGE(REQUEST_RECEIVED) | STAGE(RESPONSE_COMPLETE)));
	CHECK(policy_is_silent(&answer, STAGE(RESPONSE_STARTED))); /* a 401 is not logged */
	CHECK_INT(ask("GET", "/api/v1/pods/p", NULL), 1);
	CHECK(policy_is_silent(&answer, STAGE(REQUEST_RECEIVED) | STAGE(RESPONSE_COMPLETE)));
	CHECK(!policy_is_silent(&answer, STAGE(REQUEST_RECEIVED) | STAGE(RESPONSE_STARTED) | STAGE(RESPONSE_COMPLETE)));
	CHECK_INT(ask("POST", "/api/v1/pods", NULL), -1);
	CHECK_INT(answer.omitted, STAGE(REQUEST_RECEIVED));
}

static void test_policy__null_is_empty_and_json_is_yaml(void)
{
	CHECK_INT(read_policy("{\"apiVersion\":\"audit.k8s.io/v1\",\"kind\":\"Policy\",\"metadata\":{\"name\":\"x\"},\"rules\":"
			      "[{\"level\":\"None\",\"users\":null,\"namespaces\":[~],\"omitManagedFields\":true}]}"), 0);
	CHECK_INT(ask("GET", "/api/v1/nodes", NULL), 0);
	CHECK_INT(ask("GET", "/api/v1/namespaces/a/pods", NULL), -1);
	CHECK_STR(str_of(policy_warning(policy)), "");
}

static void test_policy__an_unknown_field_is_ignored_as_the_server_does_and_told(void)
{
	CHECK_INT(read_policy(HEAD "rules:\n- level: None\n  usres: [alice]\n"), 0);
	CHECK_STR(str_of(policy_warning(policy)),
		  "p.yaml:5: a rule has no field \"usres\", the server ignores it: did you mean \"users\"?");
	CHECK_INT(ask("GET", "/", &anonymous), 0);
	CHECK_INT(read_policy(HEAD "rules:\n- level: None\n  resources:\n  - group: ''\n    ResourceName: [x]\n"), 0);
	CHECK(strstr(policy_warning(policy), "p.yaml:7: ") && strstr(policy_warning(policy), "\"resourceNames\""));
	CHECK_INT(read_policy(HEAD "omitStage: []\nrules:\n- level: None\n"), 0);
	CHECK(strstr(policy_warning(policy), "p.yaml:3: ") && strstr(policy_warning(policy), "\"omitStages\""));
}

static void test_policy__what_the_server_refuses_is_refused_with_line_and_field(void)
{
	static const struct {
		const char *yaml, *text;
	} cases[] = {
		{ "", "empty" },
		{ "a: [", "not YAML" },
		{ "x", "p.yaml:1: an audit policy must be a mapping" },
		{ "apiVersion: v1\nkind: Policy\n", "no audit policy" },
		{ "apiVersion: audit.k8s.io/v1\nkind: Pod\n", "no audit policy" },
		{ HEAD, "rules must be there" },
		{ HEAD "rules: []\n", "p.yaml:1: rules must be there" },
		{ HEAD "rules: x\n", "p.yaml:3: rules must be a list" },
		{ HEAD "rules:\n- {}\n", "p.yaml:4: the rule has no level" },
		{ HEAD "rules:\n- level: Metdata\n", "p.yaml:4: there is no level \"Metdata\": did you mean \"Metadata\"?" },
		{ HEAD "rules:\n- level: None\n  users: alice\n", "p.yaml:5: users must be a list" },
		{ HEAD "rules:\n- level: None\n  users: [[a]]\n", "p.yaml:5: users must be a list of texts" },
		{ HEAD "rules:\n- level: None\n  omitStages: [RequestRecieved]\n", "p.yaml:5: omitStages has no stage \"RequestRecieved\": did you mean \"RequestReceived\"?" },
		{ HEAD "omitStages: [All]\nrules:\n- level: None\n", "p.yaml:3: omitStages has no stage \"All\"" },
		{ HEAD "rules:\n- level: None\n  nonResourceURLs: [healthz]\n", "p.yaml:5: nonResourceURLs must begin with" },
		{ HEAD "rules:\n- level: None\n  nonResourceURLs: [/a*b]\n", "p.yaml:5: nonResourceURLs may hold a \"*\" only at the end" },
		{ HEAD "rules:\n- level: None\n  nonResourceURLs: [/a]\n  namespaces: [x]\n", "p.yaml:4: the rule cannot have nonResourceURLs" },
		{ HEAD "rules:\n- level: None\n  resources: [{group: apps/v1}]\n", "p.yaml:5: group must be a DNS name" },
		{ HEAD "rules:\n- level: None\n  resources: [{resourceNames: [a]}]\n", "p.yaml:5: resourceNames needs resources" },
		{ HEAD "rules:\n- level: None\n  resources: [pods]\n", "p.yaml:5: an entry of resources must be a mapping" },
		{ HEAD "rules:\n- &a\n  level: None\n- <<: *a\n", "p.yaml:6: a rule uses a merge key" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CHECK_INT(read_policy(cases[i].yaml), -EINVAL);
		CHECK(strstr(err.text, cases[i].text));
		if (!strstr(err.text, cases[i].text))
			printf("    \"%s\" does not say \"%s\"\n", err.text, cases[i].text);
	}
}

static void test_policy__files_that_are_none_are_told_apart(void)
{
	policy_free(policy);
	policy = NULL;
	CHECK_INT(policy_load("/nonexistent/policy.yaml", &policy, &err), -ENOENT);
	CHECK_INT(policy_load("/", &policy, &err), -EISDIR);
	CHECK(!policy);
}

/* ---- with a real server, by tests/e2e/40-audit-policy: AUDIT_LOG was written under AUDIT_POLICY */

static struct event_parser parser;
static unsigned nr_events, nr_differ, per_rule[64];

static void on_line(void *ctx, struct str line)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD" };
	struct policy_user user;
	struct event e;
	size_t i;

	if (event_parse(&parser, line, &e))
		return;
	nr_events++;
	user = (struct policy_user){ e.user.username, e.user.groups, e.user.nr_groups };
	for (i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (!request_info_parse(&info, str_of(methods[i]), e.request_uri) && str_eq(info.verb, e.verb))
			break;
	policy_ask(policy, &info, e.user.username.n ? &user : NULL, &answer);
	if (answer.rule >= 0 && answer.rule < 64)
		per_rule[answer.rule]++;
	if (answer.level == e.level && !policy_is_silent(&answer, 1u << e.stage))
		return;
	nr_differ++;
	printf("    rule %d: %.*s\n", answer.rule, STR_ARG(str_first(line, 600)));
}

static void test_policy__every_event_of_a_real_log_is_one_it_asks_for(void)
{
	const char *log = getenv("AUDIT_LOG"), *file = getenv("AUDIT_POLICY");
	struct counters counters = { 0 };

	CHECK_INT(policy_load(file, &policy, &err), 0);
	if (!policy)
		return;
	CHECK_INT(lines_read(log, on_line, NULL, NULL, &counters, &err), 0);
	CHECK(nr_events > 0);
	CHECK_INT(nr_differ, 0);
	printf("    %u events agree; by rule:", nr_events - nr_differ);
	for (int i = 0; i < 64; i++)
		if (per_rule[i])
			printf(" %d:%u", i, per_rule[i]);
	printf("\n");
}

/* What the policy says of requests: "METHOD URI USER GROUP,GROUP" a line ("-" for a user that was not
 * authenticated), of the file that POLICY_ASK names; told as "LEVEL OMITTED". */
static void on_question(void *ctx, struct str line)
{
	struct str groups[EVENT_GROUPS_MAX], method = str_take_until(&line, ' '), uri = str_take_until(&line, ' ');
	struct policy_user user = { .name = str_take_until(&line, ' '), .groups = groups };

	while (line.n && user.nr_groups < EVENT_GROUPS_MAX)
		groups[user.nr_groups++] = str_take_until(&line, ',');
	if (request_info_parse(&info, method, uri) || info.is_refused) {
		printf("    ask: refused\n");
		return;
	}
	policy_ask(policy, &info, str_eq(user.name, STR("-")) ? NULL : &user, &answer);
	printf("    ask: %s %u\n", audit_level_word(answer.level), answer.omitted);
}

static void test_policy__answers_questions_from_a_file(void)
{
	const char *questions = getenv("POLICY_ASK"), *file = getenv("AUDIT_POLICY");
	struct counters counters = { 0 };

	policy_free(policy);
	policy = NULL;
	CHECK_INT(policy_load(file, &policy, &err), 0);
	if (policy)
		CHECK_INT(lines_read(questions, on_question, NULL, NULL, &counters, &err), 0);
}

int main(void)
{
	RUN(test_policy__the_first_rule_that_matches_counts_and_none_is_none);
	RUN(test_policy__rules_with_users_never_match_a_failed_authentication);
	RUN(test_policy__resources_match_by_group_and_glob);
	RUN(test_policy__names_and_namespaces_narrow_a_rule);
	RUN(test_policy__paths_match_whole_or_by_a_star_at_the_end);
	RUN(test_policy__stages_are_omitted_by_policy_and_rule);
	RUN(test_policy__null_is_empty_and_json_is_yaml);
	RUN(test_policy__an_unknown_field_is_ignored_as_the_server_does_and_told);
	RUN(test_policy__what_the_server_refuses_is_refused_with_line_and_field);
	RUN(test_policy__files_that_are_none_are_told_apart);
	if (getenv("AUDIT_LOG"))
		RUN(test_policy__every_event_of_a_real_log_is_one_it_asks_for);
	if (getenv("POLICY_ASK"))
		RUN(test_policy__answers_questions_from_a_file);
	policy_free(policy);
	request_info_done(&info);
	event_parser_done(&parser);
	return test_end();
}
