/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/authn.h"
#include "test.h"

#define ALSO(kind) (1u << CRED_##kind)

/* A request of which all was seen, and which the server answered past authentication. */
static struct authn_request passed(void)
{
	return (struct authn_request){ .answer = AUTHN_PASSED, .is_head_known = true, .cert = SEEN_ABSENT };
}

static struct authn_request with_cert(enum belief client, enum belief front_proxy)
{
	struct authn_request q = passed();

	q.cert = SEEN_PRESENT;
	q.is_cert_known = q.has_subject = true;
	q.belief[AUTHORITY_CLIENT] = client;
	q.belief[AUTHORITY_FRONT_PROXY] = front_proxy;
	return q;
}

static struct authn_request answered(struct authn_request q, enum authn_answer answer)
{
	q.answer = answer;
	return q;
}

static bool is(struct authn_request q, enum cred_kind kind, enum cred_outcome outcome, uint32_t also, uint32_t doubts)
{
	struct authn_result r;

	authn_judge(&q, &r);
	if (r.kind == kind && r.outcome == outcome && r.also == also && r.doubts == doubts)
		return true;
	printf("    is %s %s also %#x doubts %#x\n", cred_kind_word(r.kind), cred_outcome_word(r.outcome), r.also, r.doubts);
	return false;
}

static enum authn_answer answer_of(const char *method, const char *uri, uint16_t status, bool has_flow_schema)
{
	struct exchange x = { .has_request = true, .has_response = true, .method = str_of(method), .request_uri = str_of(uri),
			      .status = status, .has_flow_schema = has_flow_schema };

	return authn_answer_of(&x);
}

static void test_answer__handlers_answer_past_authentication(void)
{
	static const uint16_t statuses[] = { 200, 201, 204, 301, 302, 304, 403, 404, 405, 406, 409, 410, 412, 413, 415, 422, 502 };

	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
		CHECK_INT(answer_of("GET", "/api", statuses[i], false), AUTHN_PASSED);
}

static void test_answer__outer_filters_answer_before_it(void)
{
	static const uint16_t statuses[] = { 400, 417, 429, 431, 500, 501, 503, 504, 505 };

	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
		CHECK_INT(answer_of("GET", "/api", statuses[i], false), AUTHN_UNTOLD);
		CHECK_INT(answer_of("GET", "/api", statuses[i], true), AUTHN_PASSED);
	}
}

static void test_answer__401_refuses_unless_a_backend_said_it(void)
{
	struct exchange x = { .has_response = true, .status = 401, .is_goaway = true,
			      .request_uri = STR("/api/v1/namespaces/a/services/b/proxy/x") };

	CHECK_INT(answer_of("GET", "/api/v1/pods", 401, false), AUTHN_REFUSED);
	CHECK_INT(answer_of("GET", "/apis/metrics.k8s.io/v1beta1/nodes", 401, true), AUTHN_PASSED);
	CHECK_INT(answer_of("GET", "/api/v1/namespaces/a/services/b/proxy/x", 401, false), AUTHN_UNTOLD);
	CHECK_INT(answer_of("GET", "/api/v1/proxy/nodes/b", 401, false), AUTHN_UNTOLD);
	CHECK_INT(answer_of("GET", "/api/v1/nodes/b/proxy?x=1", 401, false), AUTHN_UNTOLD);
	CHECK_INT(answer_of("GET", "/api/v1/nodes/b?x=/proxy", 401, false), AUTHN_REFUSED);
	CHECK_INT(answer_of("GET", "/api/v1/namespaces/proxyx/pods", 401, false), AUTHN_REFUSED);
	CHECK_INT(authn_answer_of(&x), AUTHN_REFUSED);
}

static void test_answer__upgrades_are_past_it(void)
{
	struct exchange x = { .has_response = true, .status = 101, .is_upgraded = true };

	CHECK_INT(authn_answer_of(&x), AUTHN_PASSED);
}

static void test_answer__options_may_be_answered_outside(void)
{
	CHECK_INT(answer_of("OPTIONS", "*", 200, false), AUTHN_UNTOLD);
	CHECK_INT(answer_of("OPTIONS", "/api", 204, false), AUTHN_UNTOLD);
	CHECK_INT(answer_of("OPTIONS", "/api", 405, false), AUTHN_PASSED);
	CHECK_INT(answer_of("OPTIONS", "/api", 403, false), AUTHN_PASSED);
	CHECK_INT(answer_of("DELETE", "/api", 204, false), AUTHN_PASSED);
}

static void test_answer__without_response_nothing_is_told(void)
{
	struct exchange x = { .has_request = true };

	CHECK_INT(authn_answer_of(&x), AUTHN_UNTOLD);
}

static void test_authn__nothing_sent_is_none_whatever_the_answer(void)
{
	CHECK(is(passed(), CRED_NONE, OUTCOME_NONE, 0, 0));
	CHECK(is(answered(passed(), AUTHN_REFUSED), CRED_NONE, OUTCOME_NONE, 0, 0));
	CHECK(is(answered(passed(), AUTHN_UNTOLD), CRED_NONE, OUTCOME_NONE, 0, 0));
}

static void test_authn__none_needs_everything_seen(void)
{
	struct authn_request q = passed();

	q.bearer = AUTHN_TOKEN_UNKNOWN;
	CHECK(is(q, CRED_UNKNOWN, OUTCOME_UNKNOWN, 0, 0));
	CHECK(is(answered(q, AUTHN_REFUSED), CRED_UNKNOWN, OUTCOME_UNKNOWN, 0, 0));
	q = passed();
	q.ws_bearer = AUTHN_TOKEN_UNKNOWN;
	CHECK(is(q, CRED_UNKNOWN, OUTCOME_UNKNOWN, 0, 0));
	q = passed();
	q.cert = SEEN_UNKNOWN;
	CHECK(is(q, CRED_UNKNOWN, OUTCOME_UNKNOWN, 0, DOUBT_CONNECTION_UNKNOWN));
	CHECK(is(answered(q, AUTHN_UNTOLD), CRED_UNKNOWN, OUTCOME_UNKNOWN, 0, DOUBT_CONNECTION_UNKNOWN));
}

static void test_authn__bearer_follows_the_answer(void)
{
	struct authn_request q = passed();

	q.bearer = AUTHN_TOKEN_TRIED;
	CHECK(is(q, CRED_BEARER, OUTCOME_ACCEPTED, 0, 0));
	CHECK(is(answered(q, AUTHN_REFUSED), CRED_BEARER, OUTCOME_REJECTED, 0, 0));
	CHECK(is(answered(q, AUTHN_UNTOLD), CRED_BEARER, OUTCOME_UNKNOWN, 0, 0));
}

static void test_authn__what_the_server_does_not_try_is_ignored(void)
{
	struct authn_request q = passed();

	q.bearer = AUTHN_TOKEN_IGNORED;
	CHECK(is(q, CRED_BEARER, OUTCOME_IGNORED, 0, 0));
	CHECK(is(answered(q, AUTHN_REFUSED), CRED_BEARER, OUTCOME_REJECTED, 0, 0));
	CHECK(is(answered(q, AUTHN_UNTOLD), CRED_BEARER, OUTCOME_UNKNOWN, 0, 0));
	q = passed();
	q.has_basic = true;
	CHECK(is(q, CRED_BASIC, OUTCOME_IGNORED, 0, 0));
	q.has_query_token = true;
	CHECK(is(q, CRED_BASIC, OUTCOME_IGNORED, ALSO(QUERY_TOKEN), 0));
	q = passed();
	q.has_query_token = true;
	CHECK(is(q, CRED_QUERY_TOKEN, OUTCOME_IGNORED, 0, 0));
	CHECK(is(answered(q, AUTHN_UNTOLD), CRED_QUERY_TOKEN, OUTCOME_UNKNOWN, 0, 0));
	q.bearer = AUTHN_TOKEN_TRIED;
	CHECK(is(q, CRED_BEARER, OUTCOME_ACCEPTED, ALSO(QUERY_TOKEN), 0));
}

static void test_authn__a_lone_certificate_is_proved_by_the_answer(void)
{
	CHECK(is(with_cert(BELIEF_UNKNOWN, BELIEF_UNKNOWN), CRED_CLIENT_CERT, OUTCOME_ACCEPTED, 0, 0));
	CHECK(is(with_cert(BELIEF_VALID, BELIEF_INVALID), CRED_CLIENT_CERT, OUTCOME_ACCEPTED, 0, 0));
	CHECK(is(answered(with_cert(BELIEF_UNKNOWN, BELIEF_UNKNOWN), AUTHN_REFUSED), CRED_CLIENT_CERT, OUTCOME_REJECTED, 0, 0));
	CHECK(is(answered(with_cert(BELIEF_VALID, BELIEF_INVALID), AUTHN_UNTOLD), CRED_CLIENT_CERT, OUTCOME_UNKNOWN, 0, 0));
}

static void test_authn__a_wrong_certificate_alone_cannot_have_passed(void)
{
	CHECK(is(with_cert(BELIEF_INVALID, BELIEF_INVALID), CRED_CLIENT_CERT, OUTCOME_UNKNOWN, 0, DOUBT_AUTHORITY_UNKNOWN));
	CHECK(is(answered(with_cert(BELIEF_INVALID, BELIEF_INVALID), AUTHN_REFUSED), CRED_CLIENT_CERT, OUTCOME_REJECTED, 0, 0));
}

static void test_authn__certificate_and_bearer(void)
{
	struct authn_request q = with_cert(BELIEF_VALID, BELIEF_INVALID);

	q.bearer = AUTHN_TOKEN_TRIED;
	CHECK(is(q, CRED_CLIENT_CERT, OUTCOME_ACCEPTED, ALSO(BEARER), 0));
	q.belief[AUTHORITY_CLIENT] = BELIEF_UNKNOWN;
	CHECK(is(q, CRED_CLIENT_CERT, OUTCOME_ACCEPTED, ALSO(BEARER), DOUBT_AUTHORITY_UNKNOWN));
	q.belief[AUTHORITY_CLIENT] = BELIEF_INVALID;
	CHECK(is(q, CRED_BEARER, OUTCOME_ACCEPTED, ALSO(CLIENT_CERT), 0));
	CHECK(is(answered(q, AUTHN_REFUSED), CRED_CLIENT_CERT, OUTCOME_REJECTED, ALSO(BEARER), 0));
	CHECK(is(answered(q, AUTHN_UNTOLD), CRED_CLIENT_CERT, OUTCOME_UNKNOWN, ALSO(BEARER), 0));
}

static void test_authn__a_server_without_client_authority_ignores_certificates(void)
{
	struct authn_request q = with_cert(BELIEF_UNUSED, BELIEF_UNUSED);

	CHECK(is(q, CRED_CLIENT_CERT, OUTCOME_IGNORED, 0, 0));
	q.bearer = AUTHN_TOKEN_TRIED;
	CHECK(is(q, CRED_BEARER, OUTCOME_ACCEPTED, ALSO(CLIENT_CERT), 0));
}

static void test_authn__a_certificate_without_name_is_passed_over(void)
{
	struct authn_request q = with_cert(BELIEF_VALID, BELIEF_UNUSED);

	q.has_subject = false;
	CHECK(is(q, CRED_CLIENT_CERT, OUTCOME_IGNORED, 0, 0));
	q.belief[AUTHORITY_CLIENT] = BELIEF_UNKNOWN;
	CHECK(is(q, CRED_CLIENT_CERT, OUTCOME_IGNORED, 0, 0));
	CHECK(is(answered(q, AUTHN_REFUSED), CRED_CLIENT_CERT, OUTCOME_REJECTED, 0, 0));
	q.bearer = AUTHN_TOKEN_TRIED;
	CHECK(is(q, CRED_BEARER, OUTCOME_ACCEPTED, ALSO(CLIENT_CERT), 0));
}

static void test_authn__a_certificate_that_cannot_be_read_proves_nothing(void)
{
	struct authn_request q = with_cert(BELIEF_UNKNOWN, BELIEF_UNKNOWN);

	q.is_cert_known = q.has_subject = false;
	CHECK(is(q, CRED_CLIENT_CERT, OUTCOME_UNKNOWN, 0, DOUBT_AUTHORITY_UNKNOWN));
	CHECK(is(answered(q, AUTHN_REFUSED), CRED_CLIENT_CERT, OUTCOME_REJECTED, 0, 0));
	q.bearer = AUTHN_TOKEN_TRIED;
	CHECK(is(q, CRED_CLIENT_CERT, OUTCOME_ACCEPTED, ALSO(BEARER), DOUBT_AUTHORITY_UNKNOWN));
}

static void test_authn__an_unseen_certificate_may_come_before_a_bearer(void)
{
	struct authn_request q = passed();

	q.cert = SEEN_UNKNOWN;
	q.bearer = AUTHN_TOKEN_TRIED;
	CHECK(is(q, CRED_UNKNOWN, OUTCOME_ACCEPTED, ALSO(BEARER), DOUBT_CONNECTION_UNKNOWN));
	CHECK(is(answered(q, AUTHN_REFUSED), CRED_UNKNOWN, OUTCOME_REJECTED, ALSO(BEARER), DOUBT_CONNECTION_UNKNOWN));
	CHECK(is(answered(q, AUTHN_UNTOLD), CRED_UNKNOWN, OUTCOME_UNKNOWN, ALSO(BEARER), DOUBT_CONNECTION_UNKNOWN));
	q.bearer = AUTHN_TOKEN_IGNORED;
	CHECK(is(q, CRED_UNKNOWN, OUTCOME_UNKNOWN, ALSO(BEARER), DOUBT_CONNECTION_UNKNOWN));
	q.bearer = AUTHN_TOKEN_ABSENT;
	q.has_remote_user = true;
	CHECK(is(q, CRED_UNKNOWN, OUTCOME_UNKNOWN, ALSO(FRONT_PROXY), DOUBT_CONNECTION_UNKNOWN));
}

static void test_authn__an_unseen_header_does_not_touch_a_good_certificate(void)
{
	struct authn_request q = with_cert(BELIEF_VALID, BELIEF_INVALID);

	q.bearer = AUTHN_TOKEN_UNKNOWN;
	q.is_head_known = false;
	CHECK(is(q, CRED_CLIENT_CERT, OUTCOME_ACCEPTED, 0, 0));
	q.belief[AUTHORITY_CLIENT] = BELIEF_UNKNOWN;
	CHECK(is(q, CRED_CLIENT_CERT, OUTCOME_ACCEPTED, 0, DOUBT_AUTHORITY_UNKNOWN));
	/* near miss: the certificate might be a front proxy's, and the header that cannot be seen its word */
	q.belief[AUTHORITY_FRONT_PROXY] = BELIEF_UNKNOWN;
	CHECK(is(q, CRED_UNKNOWN, OUTCOME_ACCEPTED, ALSO(CLIENT_CERT), 0));
	CHECK(is(answered(q, AUTHN_REFUSED), CRED_UNKNOWN, OUTCOME_REJECTED, ALSO(CLIENT_CERT), 0));
}

static void test_authn__front_proxy_with_its_certificate(void)
{
	struct authn_request q = with_cert(BELIEF_INVALID, BELIEF_VALID);

	q.has_remote_user = true;
	CHECK(is(q, CRED_FRONT_PROXY, OUTCOME_ACCEPTED, 0, 0));
	q.has_remote_user = false;
	CHECK(is(q, CRED_CLIENT_CERT, OUTCOME_UNKNOWN, 0, DOUBT_AUTHORITY_UNKNOWN));
	CHECK(is(answered(q, AUTHN_REFUSED), CRED_CLIENT_CERT, OUTCOME_REJECTED, 0, 0));
}

static void test_authn__front_proxy_headers_with_a_clients_certificate(void)
{
	struct authn_request q = with_cert(BELIEF_VALID, BELIEF_INVALID);

	q.has_remote_user = true;
	CHECK(is(q, CRED_CLIENT_CERT, OUTCOME_ACCEPTED, ALSO(FRONT_PROXY), 0));
	q.belief[AUTHORITY_FRONT_PROXY] = BELIEF_UNUSED;
	CHECK(is(q, CRED_CLIENT_CERT, OUTCOME_ACCEPTED, ALSO(FRONT_PROXY), 0));
	q.belief[AUTHORITY_CLIENT] = q.belief[AUTHORITY_FRONT_PROXY] = BELIEF_UNKNOWN;
	CHECK(is(q, CRED_FRONT_PROXY, OUTCOME_UNKNOWN, ALSO(CLIENT_CERT), DOUBT_AUTHORITY_UNKNOWN));
	CHECK(is(answered(q, AUTHN_REFUSED), CRED_FRONT_PROXY, OUTCOME_REJECTED, ALSO(CLIENT_CERT), 0));
}

static void test_authn__front_proxy_headers_without_certificate_are_ignored(void)
{
	struct authn_request q = passed();

	q.has_remote_user = true;
	CHECK(is(q, CRED_FRONT_PROXY, OUTCOME_IGNORED, 0, 0));
	CHECK(is(answered(q, AUTHN_REFUSED), CRED_FRONT_PROXY, OUTCOME_REJECTED, 0, 0));
	q.bearer = AUTHN_TOKEN_TRIED;
	CHECK(is(q, CRED_BEARER, OUTCOME_ACCEPTED, ALSO(FRONT_PROXY), 0));
	CHECK(is(answered(q, AUTHN_REFUSED), CRED_BEARER, OUTCOME_REJECTED, ALSO(FRONT_PROXY), 0));
}

static void test_authn__websocket_tokens(void)
{
	struct authn_request q = passed();

	q.ws_bearer = AUTHN_TOKEN_TRIED;
	CHECK(is(q, CRED_WS_BEARER, OUTCOME_ACCEPTED, 0, 0));
	CHECK(is(answered(q, AUTHN_REFUSED), CRED_WS_BEARER, OUTCOME_REJECTED, 0, 0));
	q.ws_bearer = AUTHN_TOKEN_IGNORED;
	CHECK(is(q, CRED_WS_BEARER, OUTCOME_IGNORED, 0, 0));
	q.ws_bearer = AUTHN_TOKEN_MAYBE;
	CHECK(is(q, CRED_WS_BEARER, OUTCOME_UNKNOWN, 0, 0));
	q.ws_bearer = AUTHN_TOKEN_BROKEN;
	CHECK(is(answered(q, AUTHN_REFUSED), CRED_WS_BEARER, OUTCOME_REJECTED, 0, 0));
	CHECK(is(q, CRED_WS_BEARER, OUTCOME_UNKNOWN, 0, 0));
	q.bearer = AUTHN_TOKEN_TRIED;
	CHECK(is(q, CRED_BEARER, OUTCOME_ACCEPTED, ALSO(WS_BEARER), 0));
}

static void test_authn__two_tokens_prove_that_one_is_good(void)
{
	struct authn_request q = passed();

	q.bearer = q.ws_bearer = AUTHN_TOKEN_TRIED;
	CHECK(is(q, CRED_BEARER, OUTCOME_ACCEPTED, ALSO(WS_BEARER), DOUBT_SEVERAL_CREDENTIALS));
	CHECK(is(answered(q, AUTHN_REFUSED), CRED_BEARER, OUTCOME_REJECTED, ALSO(WS_BEARER), 0));
}

int main(void)
{
	RUN(test_answer__handlers_answer_past_authentication);
	RUN(test_answer__outer_filters_answer_before_it);
	RUN(test_answer__401_refuses_unless_a_backend_said_it);
	RUN(test_answer__upgrades_are_past_it);
	RUN(test_answer__options_may_be_answered_outside);
	RUN(test_answer__without_response_nothing_is_told);
	RUN(test_authn__nothing_sent_is_none_whatever_the_answer);
	RUN(test_authn__none_needs_everything_seen);
	RUN(test_authn__bearer_follows_the_answer);
	RUN(test_authn__what_the_server_does_not_try_is_ignored);
	RUN(test_authn__a_lone_certificate_is_proved_by_the_answer);
	RUN(test_authn__a_wrong_certificate_alone_cannot_have_passed);
	RUN(test_authn__certificate_and_bearer);
	RUN(test_authn__a_server_without_client_authority_ignores_certificates);
	RUN(test_authn__a_certificate_without_name_is_passed_over);
	RUN(test_authn__a_certificate_that_cannot_be_read_proves_nothing);
	RUN(test_authn__an_unseen_certificate_may_come_before_a_bearer);
	RUN(test_authn__an_unseen_header_does_not_touch_a_good_certificate);
	RUN(test_authn__front_proxy_with_its_certificate);
	RUN(test_authn__front_proxy_headers_with_a_clients_certificate);
	RUN(test_authn__front_proxy_headers_without_certificate_are_ignored);
	RUN(test_authn__websocket_tokens);
	RUN(test_authn__two_tokens_prove_that_one_is_good);
	return test_end();
}
