/* SPDX-License-Identifier: Apache-2.0 */
#include "joins.h"
#include "judge/compare.h"

#define BIT(field) (1u << JOIN_##field)

static struct compare c;
static struct both b;

enum said { NEITHER, AGREES, DIFFERS };

static enum said say(uint32_t bit)
{
	struct agreement a = compare(&c, &b.id, &b.e);

	CHECK(!(a.agrees & a.differs));
	return a.agrees & bit ? AGREES : a.differs & bit ? DIFFERS : NEITHER;
}

static void start(void)
{
	both_init(&b, "a1", T0);
}

static void test_compare__uri_as_go_writes_it_agrees(void)
{
	start();
	CHECK_INT(say(BIT(REQUEST_URI)), AGREES);
	b.x.request_uri = STR("https://10.0.0.1:6443/api/v1/namespaces/d/pods");
	CHECK_INT(say(BIT(REQUEST_URI)), AGREES);
	b.x.request_uri = STR("/a\"b?x=\xff");
	b.e.request_uri = STR("/a%22b?x=\xef\xbf\xbd");
	CHECK_INT(say(BIT(REQUEST_URI)), AGREES);
	b.x.request_uri = STR("/a?access_token=REDACTED&x=1");
	b.e.request_uri = STR("/a?access_token=CANARY&x=1");
	CHECK_INT(say(BIT(REQUEST_URI)), AGREES);
	b.e.request_uri = STR("/a?access_token=CANARY&x=2");
	CHECK_INT(say(BIT(REQUEST_URI)), DIFFERS);
	b.x.request_uri = (struct str){ 0 };
	CHECK_INT(say(BIT(REQUEST_URI)), NEITHER);
}

static void test_compare__verb_is_one_that_the_method_may_have(void)
{
	static const struct {
		const char *method, *verb;
		enum said said;
	} cases[] = {
		{ "GET", "get", AGREES }, { "GET", "list", AGREES }, { "GET", "watch", AGREES }, { "GET", "create", DIFFERS },
		{ "GET", "", DIFFERS }, { "HEAD", "head", AGREES }, { "HEAD", "list", AGREES }, { "POST", "create", AGREES },
		{ "POST", "post", AGREES }, { "POST", "delete", DIFFERS }, { "PUT", "update", AGREES }, { "PUT", "put", AGREES },
		{ "PATCH", "patch", AGREES }, { "PATCH", "update", DIFFERS }, { "DELETE", "delete", AGREES },
		{ "DELETE", "deletecollection", AGREES }, { "DELETE", "get", DIFFERS }, { "OPTIONS", "options", AGREES },
		{ "OPTIONS", "", AGREES }, { "BREW", "brew", AGREES }, { "BREW", "get", DIFFERS }, { "POST", "proxy", AGREES },
		{ "", "get", NEITHER },
	};

	start();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		b.x.method = str_of(cases[i].method);
		b.e.verb = str_of(cases[i].verb);
		if (say(BIT(VERB)) != cases[i].said)
			printf("    %s %s\n", cases[i].method, cases[i].verb);
		CHECK_INT(say(BIT(VERB)), cases[i].said);
	}
}

static void test_compare__source_is_the_last_element(void)
{
	start();
	b.e.source_ips[0] = STR("203.0.113.7");
	b.e.source_ips[1] = STR("10.0.0.9");
	b.e.nr_source_ips = 2;
	CHECK_INT(say(BIT(SOURCE_IP)), AGREES);
	b.e.source_ips[1] = STR("::ffff:10.0.0.9");
	CHECK_INT(say(BIT(SOURCE_IP)), AGREES);
	b.e.source_ips[0] = STR("10.0.0.9");
	b.e.source_ips[1] = STR("203.0.113.7");
	CHECK_INT(say(BIT(SOURCE_IP)), DIFFERS);
	b.conn.has_address = false;
	CHECK_INT(say(BIT(SOURCE_IP)), NEITHER);
}

static void test_compare__link_local_source_is_left_out_by_the_server(void)
{
	start();
	memset(b.conn.client_ip, 0, 16);
	b.conn.client_ip[0] = 0xfe;
	b.conn.client_ip[1] = 0x80;
	b.conn.client_ip[15] = 1;
	CHECK_INT(say(BIT(SOURCE_IP)), NEITHER);
	b.e.source_ips[0] = STR("fe80::1");
	CHECK_INT(say(BIT(SOURCE_IP)), AGREES);
}

static void test_compare__user_agent_hidden_by_hpack_is_not_compared(void)
{
	start();
	CHECK_INT(say(BIT(USER_AGENT)), AGREES);
	b.e.user_agent = STR("curl/8");
	CHECK_INT(say(BIT(USER_AGENT)), DIFFERS);
	b.x.user_agent = (struct str){ 0 };
	CHECK_INT(say(BIT(USER_AGENT)), DIFFERS);
	b.x.doubts = DOUBT_HEADER_UNKNOWN;
	CHECK_INT(say(BIT(USER_AGENT)), NEITHER);
	b.e.user_agent = (struct str){ 0 };
	CHECK_INT(say(BIT(USER_AGENT)), NEITHER);
}

static void test_compare__time_lies_between_request_and_response(void)
{
	start();
	CHECK_INT(say(BIT(TIME)), AGREES);
	b.e.received_ns = T0 - SECOND;
	CHECK_INT(say(BIT(TIME)), AGREES);
	b.e.received_ns = T0 - 3 * SECOND;
	CHECK_INT(say(BIT(TIME)), DIFFERS);
	b.e.received_ns = T0 + 3 * SECOND;
	CHECK_INT(say(BIT(TIME)), DIFFERS);
	b.x.first_byte_ns += 5 * SECOND;
	CHECK_INT(say(BIT(TIME)), AGREES);
	b.e.received_ns = 0;
	CHECK_INT(say(BIT(TIME)), NEITHER);
}

static enum said status(uint16_t wire, uint16_t logged, enum audit_stage stage)
{
	start();
	b.x.status = wire;
	b.x.is_upgraded = wire == 101;
	if (wire == 101 || logged == 101)
		b.x.audit_id = (struct str){ 0 };
	b.e.code = logged;
	b.e.stage = stage;
	return say(BIT(STATUS));
}

static void test_compare__status_races_are_no_difference(void)
{
	CHECK_INT(status(200, 200, STAGE_RESPONSE_COMPLETE), AGREES);
	CHECK_INT(status(200, 403, STAGE_RESPONSE_COMPLETE), DIFFERS);
	CHECK_INT(status(200, 0, STAGE_REQUEST_RECEIVED), NEITHER);
	CHECK_INT(status(504, 200, STAGE_RESPONSE_COMPLETE), NEITHER);
	CHECK_INT(status(504, 504, STAGE_RESPONSE_COMPLETE), AGREES);
	CHECK_INT(status(200, 504, STAGE_RESPONSE_COMPLETE), DIFFERS);
	CHECK_INT(status(0, 200, STAGE_RESPONSE_COMPLETE), NEITHER);	/* "Connection closed early" */
	CHECK_INT(status(500, 500, STAGE_PANIC), AGREES);
	CHECK_INT(status(200, 500, STAGE_PANIC), NEITHER);
	CHECK_INT(status(200, 500, STAGE_RESPONSE_COMPLETE), DIFFERS);
	CHECK_INT(status(101, 101, STAGE_RESPONSE_STARTED), AGREES);
	CHECK_INT(status(101, 200, STAGE_RESPONSE_COMPLETE), NEITHER);
	CHECK_INT(status(101, 403, STAGE_RESPONSE_COMPLETE), DIFFERS);
	CHECK_INT(status(404, 101, STAGE_RESPONSE_COMPLETE), NEITHER);
}

/* ---- who */

static enum said who(enum cred_kind kind, enum cred_outcome outcome, enum token_type type, const char *subject, const char *user)
{
	start();
	b.id.credential = (struct credential){ .kind = kind, .outcome = outcome, .token_type = type, .subject = str_of(subject) };
	b.e.user = (struct audit_user){ .username = str_of(user) };
	return say(BIT(IDENTITY));
}

static void test_compare__certificate_subject_is_the_user(void)
{
	CHECK_INT(who(CRED_CLIENT_CERT, OUTCOME_ACCEPTED, TOKEN_NA, "alice", "alice"), AGREES);
	CHECK_INT(who(CRED_CLIENT_CERT, OUTCOME_ACCEPTED, TOKEN_NA, "alice", "bob"), DIFFERS);
	CHECK_INT(who(CRED_CLIENT_CERT, OUTCOME_ACCEPTED, TOKEN_NA, "alice", "system:anonymous"), DIFFERS);
	CHECK_INT(who(CRED_CLIENT_CERT, OUTCOME_UNKNOWN, TOKEN_NA, "alice", "bob"), NEITHER);
	CHECK_INT(who(CRED_CLIENT_CERT, OUTCOME_ACCEPTED, TOKEN_NA, "", "bob"), NEITHER);
	CHECK_INT(who(CRED_CLIENT_CERT, OUTCOME_ACCEPTED, TOKEN_NA, "a\xff", "a\xef\xbf\xbd"), AGREES);
}

static void test_compare__front_proxy_user_is_the_user_if_it_was_believed(void)
{
	CHECK_INT(who(CRED_FRONT_PROXY, OUTCOME_ACCEPTED, TOKEN_NA, "alice", "alice"), AGREES);
	CHECK_INT(who(CRED_FRONT_PROXY, OUTCOME_ACCEPTED, TOKEN_NA, "alice", "bob"), DIFFERS);
	(void)who(CRED_FRONT_PROXY, OUTCOME_ACCEPTED, TOKEN_NA, "alice", "bob");
	b.id.credential.is_unverified = true;
	CHECK_INT(say(BIT(IDENTITY)), NEITHER);
}

static void test_compare__token_claims_may_be_mapped(void)
{
	CHECK_INT(who(CRED_BEARER, OUTCOME_ACCEPTED, TOKEN_OIDC, "alice", "oidc:alice"), NEITHER);
	CHECK_INT(who(CRED_BEARER, OUTCOME_ACCEPTED, TOKEN_OIDC, "alice", "alice"), AGREES);
	CHECK_INT(who(CRED_BEARER, OUTCOME_ACCEPTED, TOKEN_OPAQUE, "", "alice"), NEITHER);
	CHECK_INT(who(CRED_BEARER, OUTCOME_ACCEPTED, TOKEN_BOOTSTRAP, "system:bootstrap:ab", "system:bootstrap:ab"), AGREES);
	CHECK_INT(who(CRED_BEARER, OUTCOME_ACCEPTED, TOKEN_BOOTSTRAP, "system:bootstrap:ab", "system:bootstrap:cd"), DIFFERS);
	CHECK_INT(who(CRED_BEARER, OUTCOME_ACCEPTED, TOKEN_SERVICE_ACCOUNT, "system:serviceaccount:a:b",
		      "system:serviceaccount:a:c"), DIFFERS);
	CHECK_INT(who(CRED_BEARER, OUTCOME_ACCEPTED, TOKEN_SERVICE_ACCOUNT, "system:serviceaccount:a:b",
		      "other:system:serviceaccount:a:b"), NEITHER);
}

static void test_compare__proved_issuer_is_not_mapped(void)
{
	struct agreement a;

	(void)who(CRED_BEARER, OUTCOME_ACCEPTED, TOKEN_SERVICE_ACCOUNT, "system:serviceaccount:a:b", "system:serviceaccount:a:b");
	b.id.credential.issuer = STR("https://own");
	a = compare(&c, &b.id, &b.e);
	compare_learn(&c, &b.id, &a);
	b.e.user.username = STR("alice");
	CHECK_INT(say(BIT(IDENTITY)), DIFFERS);
	b.id.credential.issuer = STR("https://other");
	CHECK_INT(say(BIT(IDENTITY)), NEITHER);
}

static void test_compare__without_credential_the_user_is_anonymous(void)
{
	CHECK_INT(who(CRED_NONE, OUTCOME_NONE, TOKEN_NA, "", "system:anonymous"), AGREES);
	CHECK_INT(who(CRED_NONE, OUTCOME_NONE, TOKEN_NA, "", "alice"), DIFFERS);
	CHECK_INT(who(CRED_BASIC, OUTCOME_IGNORED, TOKEN_NA, "", "system:anonymous"), AGREES);
	CHECK_INT(who(CRED_BASIC, OUTCOME_IGNORED, TOKEN_NA, "", "alice"), DIFFERS);
	CHECK_INT(who(CRED_UNKNOWN, OUTCOME_UNKNOWN, TOKEN_NA, "", "alice"), NEITHER);
	CHECK_INT(who(CRED_UNKNOWN, OUTCOME_ACCEPTED, TOKEN_NA, "", "alice"), NEITHER);
}

static void test_compare__empty_user_belongs_to_failed_authentication(void)
{
	(void)who(CRED_BEARER, OUTCOME_REJECTED, TOKEN_OPAQUE, "", "");
	both_status(&b, 401);
	b.e.stage = STAGE_RESPONSE_STARTED;
	CHECK_INT(say(BIT(IDENTITY)), AGREES);
	both_status(&b, 400);
	CHECK_INT(say(BIT(IDENTITY)), NEITHER);
	CHECK_INT(who(CRED_CLIENT_CERT, OUTCOME_ACCEPTED, TOKEN_NA, "alice", ""), DIFFERS);
}

static void test_compare__of_several_credentials_only_agreement_counts(void)
{
	(void)who(CRED_CLIENT_CERT, OUTCOME_ACCEPTED, TOKEN_NA, "alice", "bob");
	b.x.doubts = DOUBT_SEVERAL_CREDENTIALS;
	CHECK_INT(say(BIT(IDENTITY)), NEITHER);
	b.e.user.username = STR("alice");
	CHECK_INT(say(BIT(IDENTITY)), AGREES);
}

static void test_compare__credential_id_is_that_of_the_log(void)
{
	start();
	CHECK_INT(say(BIT(CREDENTIAL_ID)), AGREES);
	b.e.user.credential_id = STR("X509SHA256=cd");
	CHECK_INT(say(BIT(CREDENTIAL_ID)), DIFFERS);
	b.x.doubts = DOUBT_AUTHORITY_UNKNOWN;
	CHECK_INT(say(BIT(CREDENTIAL_ID)), NEITHER);
	b.x.doubts = 0;
	b.e.user.credential_id = (struct str){ 0 };
	CHECK_INT(say(BIT(CREDENTIAL_ID)), NEITHER);
}

static void test_compare__impersonation_is_in_the_event_when_it_was_allowed(void)
{
	start();
	b.x.impersonate_user = STR("admin");
	CHECK_INT(say(BIT(IMPERSONATED)), DIFFERS);
	b.e.impersonated.username = STR("admin");
	CHECK_INT(say(BIT(IMPERSONATED)), AGREES);
	b.e.impersonated.username = STR("root");
	CHECK_INT(say(BIT(IMPERSONATED)), DIFFERS);
	b.x.impersonate_user = (struct str){ 0 };
	CHECK_INT(say(BIT(IMPERSONATED)), DIFFERS);
	b.x.doubts = DOUBT_HEADER_UNKNOWN;
	CHECK_INT(say(BIT(IMPERSONATED)), NEITHER);
}

static void test_compare__denied_impersonation_leaves_no_trace(void)
{
	start();
	b.x.impersonate_user = STR("admin");
	both_status(&b, 403);
	b.x.has_flow_schema = false;
	CHECK_INT(say(BIT(IMPERSONATED)), NEITHER);
	b.x.has_flow_schema = true; /* denied behind impersonation */
	CHECK_INT(say(BIT(IMPERSONATED)), DIFFERS);
	b.e.stage = STAGE_REQUEST_RECEIVED;
	CHECK_INT(say(BIT(IMPERSONATED)), NEITHER);
}

static void test_compare__hashes_of_both_sides_are_equal(void)
{
	start();
	b.x.request_uri = STR("http://h/a\"b?access_token=REDACTED&x=\xff");
	b.e.request_uri = STR("/a%22b?access_token=CANARY&x=\xef\xbf\xbd");
	CHECK(compare_uri_hash_of_wire(&c, &b.x) == compare_uri_hash_of_log(&c, &b.e));
	b.e.request_uri = STR("/a%22b?access_token=CANARY&x=1");
	CHECK(compare_uri_hash_of_wire(&c, &b.x) != compare_uri_hash_of_log(&c, &b.e));
	CHECK(compare_id_hash(&c, STR("a\xff")) == compare_id_hash(&c, STR("a\xef\xbf\xbd")));
	CHECK_INT(compare_id_hash(&c, STR("")), 0);
}

int main(void)
{
	RUN(test_compare__uri_as_go_writes_it_agrees);
	RUN(test_compare__verb_is_one_that_the_method_may_have);
	RUN(test_compare__source_is_the_last_element);
	RUN(test_compare__link_local_source_is_left_out_by_the_server);
	RUN(test_compare__user_agent_hidden_by_hpack_is_not_compared);
	RUN(test_compare__time_lies_between_request_and_response);
	RUN(test_compare__status_races_are_no_difference);
	RUN(test_compare__certificate_subject_is_the_user);
	RUN(test_compare__front_proxy_user_is_the_user_if_it_was_believed);
	RUN(test_compare__token_claims_may_be_mapped);
	RUN(test_compare__proved_issuer_is_not_mapped);
	RUN(test_compare__without_credential_the_user_is_anonymous);
	RUN(test_compare__empty_user_belongs_to_failed_authentication);
	RUN(test_compare__of_several_credentials_only_agreement_counts);
	RUN(test_compare__credential_id_is_that_of_the_log);
	RUN(test_compare__impersonation_is_in_the_event_when_it_was_allowed);
	RUN(test_compare__denied_impersonation_leaves_no_trace);
	RUN(test_compare__hashes_of_both_sides_are_equal);
	compare_done(&c);
	return test_end();
}
