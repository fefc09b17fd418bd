/* SPDX-License-Identifier: Apache-2.0 */
#include "joins.h"
#include "judge/verdict.h"

static struct both b;
static struct route route;

static const struct route *its_route(void)
{
	CHECK_INT(route_parse(&route, b.x.method, b.x.request_uri), 0);
	return &route;
}

static enum verdict of(bool is_apf_seen)
{
	struct remainder r = verdict_of_rest(&b.id, its_route(), is_apf_seen);

	CHECK(r.why.n > 20);
	CHECK(r.verdict != VERDICT_PENDING || str_starts(r.why, STR("cannot be judged: ")));
	return r.verdict;
}

static void request(const char *method, const char *uri, uint16_t status, bool has_audit_id, bool has_flow_schema)
{
	both_init(&b, has_audit_id ? "a1" : "", T0);
	b.x.method = str_of(method);
	b.x.request_uri = str_of(uri);
	b.x.status = status;
	b.x.has_flow_schema = has_flow_schema;
}

static void test_verdict__answered_with_audit_id_is_unaudited(void)
{
	static const uint16_t statuses[] = { 200, 201, 400, 401, 403, 404, 409, 422, 429, 500, 503, 504 };

	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
		request("GET", "/api/v1/pods", statuses[i], true, true);
		CHECK_INT(of(true), VERDICT_UNAUDITED);
	}
	request("GET", "/api/v1/pods", 401, true, false);
	CHECK_INT(of(true), VERDICT_UNAUDITED);
	request("GET", "/api/v1/pods", 403, true, false);
	CHECK_INT(of(true), VERDICT_UNAUDITED);
}

static void test_verdict__refused_by_net_http_is_unauditable(void)
{
	static const uint16_t statuses[] = { 400, 431, 501, 505, 417 };

	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
		request("GET", "/api/v1/pods", statuses[i], false, false);
		CHECK_INT(of(true), VERDICT_UNAUDITABLE);
		request("GET", "/api/v1/pods", statuses[i], true, false);
		CHECK_INT(of(true), VERDICT_UNAUDITED);
	}
}

/* Seen on the server: what is no HTTP has no request line, and a head of a megabyte is cut. */
static void test_verdict__refused_garbage_is_unauditable(void)
{
	request("GARBAGE", "", 400, false, false);
	b.x.doubts = DOUBT_MALFORMED;
	CHECK_INT(of(true), VERDICT_UNAUDITABLE);
	b.x.doubts = DOUBT_MALFORMED | DOUBT_HEADER_UNKNOWN;
	CHECK_INT(of(true), VERDICT_PENDING);
	b.x.doubts = 0;
	CHECK_INT(of(true), VERDICT_PENDING);
	request("GET", "/api/v1/pods", 431, false, false);
	b.x.doubts = DOUBT_TRUNCATED;
	CHECK_INT(of(true), VERDICT_UNAUDITABLE);
	CHECK(!verdict_may_join_by_request(&b.x, its_route()));
}

static void test_verdict__options_star_is_unauditable(void)
{
	request("OPTIONS", "*", 200, false, false);
	CHECK_INT(of(true), VERDICT_UNAUDITABLE);
	request("OPTIONS", "/api/v1/pods", 405, true, true);
	CHECK_INT(of(true), VERDICT_UNAUDITED);
}

static void test_verdict__prefix_verb_with_nothing_after_is_unauditable(void)
{
	static const char *const uris[] = { "/api/v1/watch", "/api/v1/proxy", "/apis/apps/v1/watch", "/api/v1/watch?x=1",
					    "/api/v1/%77atch" };

	for (size_t i = 0; i < sizeof(uris) / sizeof(*uris); i++) {
		request("GET", uris[i], 500, true, false);
		CHECK_INT(of(true), VERDICT_UNAUDITABLE);
		request("GET", uris[i], 403, true, true);
		CHECK_INT(of(true), VERDICT_UNAUDITED);
	}
	request("GET", "/api/v1/watch/pods", 500, true, false);
	CHECK_INT(of(true), VERDICT_UNAUDITED);
}

static void test_verdict__cors_preflight_is_unauditable(void)
{
	request("OPTIONS", "/api/v1/pods", 204, true, false);
	CHECK_INT(of(true), VERDICT_UNAUDITABLE);
	request("OPTIONS", "/api/v1/pods", 204, true, true);
	CHECK_INT(of(true), VERDICT_UNAUDITED);
	request("DELETE", "/api/v1/pods/x", 204, true, false);
	CHECK_INT(of(true), VERDICT_UNAUDITED);
}

static void test_verdict__shutdown_is_unauditable_where_flow_control_is_seen(void)
{
	request("GET", "/api/v1/pods", 429, true, false);
	CHECK_INT(of(true), VERDICT_UNAUDITABLE);
	CHECK_INT(of(false), VERDICT_PENDING);
	request("GET", "/api/v1/pods?watch=1", 503, true, false);
	CHECK_INT(of(true), VERDICT_UNAUDITABLE);
	request("GET", "/api/v1/pods", 429, true, true);
	CHECK_INT(of(true), VERDICT_UNAUDITED);
	/* long-running requests pass flow control by: the kubelet's own 503 is audited */
	request("GET", "/api/v1/nodes/n/proxy/", 503, true, false);
	CHECK_INT(of(true), VERDICT_UNAUDITED);
	request("GET", "/api/v1/pods", 403, true, false);
	CHECK_INT(of(true), VERDICT_UNAUDITED);
}

static void test_verdict__response_of_no_kube_apiserver_is_unauditable(void)
{
	request("GET", "/v1-k3s/readyz", 200, false, false);
	CHECK_INT(of(true), VERDICT_UNAUDITABLE);
	request("GET", "/v1-k3s/connect", 101, false, false);
	b.x.is_upgraded = true;
	CHECK_INT(of(true), VERDICT_UNAUDITABLE);
}

static void test_verdict__upgraded_exec_without_event_is_unaudited(void)
{
	request("GET", "/api/v1/namespaces/d/pods/p/exec?command=sh", 101, false, false);
	b.x.is_upgraded = true;
	CHECK_INT(of(true), VERDICT_UNAUDITED);
	CHECK(verdict_may_join_by_request(&b.x, its_route()));
	/* net/http's own 400, or what a kubelet said on the hijacked connection */
	b.x.is_upgraded = false;
	b.x.status = 400;
	CHECK_INT(of(true), VERDICT_PENDING);
	CHECK(verdict_may_join_by_request(&b.x, its_route()));
	request("GET", "/api/v1/namespaces/d/pods/p/log", 400, false, false);
	CHECK_INT(of(true), VERDICT_UNAUDITABLE);
	CHECK(!verdict_may_join_by_request(&b.x, its_route()));
}

static void test_verdict__protocol_error_without_response_is_unauditable(void)
{
	request("GET", "/api/v1/pods", 0, false, false);
	b.x.has_response = false;
	b.x.doubts = DOUBT_MALFORMED | DOUBT_RESET | DOUBT_RESPONSE_UNSEEN;
	CHECK_INT(of(true), VERDICT_UNAUDITABLE);
	b.x.doubts = DOUBT_RESET | DOUBT_RESPONSE_UNSEEN;
	CHECK_INT(of(true), VERDICT_PENDING);
}

static void test_verdict__what_hides_id_uri_or_status_cannot_be_judged(void)
{
	static const uint32_t doubts[] = { DOUBT_RECORDS_LOST, DOUBT_OUT_OF_MEMORY, DOUBT_REQUEST_UNSEEN };

	for (size_t i = 0; i < sizeof(doubts) / sizeof(*doubts); i++) {
		request("GET", "/api/v1/pods", 200, true, true);
		b.x.doubts = doubts[i];
		CHECK_INT(of(true), VERDICT_PENDING);
	}
	request("GET", "/api/v1/pods", 200, false, true);
	b.x.doubts = DOUBT_HEADER_UNKNOWN;
	CHECK_INT(of(true), VERDICT_PENDING);
	request("GET", "", 200, true, true);
	b.x.doubts = DOUBT_HEADER_UNKNOWN;
	CHECK_INT(of(true), VERDICT_PENDING);
	request("GET", "/api/v1/pods", 0, true, true);
	b.x.doubts = DOUBT_HEADER_UNKNOWN;
	CHECK_INT(of(true), VERDICT_PENDING);
	request("GET", "/api/v1/pods", 429, true, false);
	b.x.doubts = DOUBT_HEADER_UNKNOWN;
	CHECK_INT(of(true), VERDICT_PENDING);
}

static void test_verdict__other_doubts_do_not_save_a_gap(void)
{
	static const uint32_t doubts[] = { DOUBT_HEADER_UNKNOWN, DOUBT_TRUNCATED, DOUBT_RESET, DOUBT_UNFINISHED,
					   DOUBT_CONNECTION_UNKNOWN, DOUBT_AUTHORITY_UNKNOWN, DOUBT_SEVERAL_CREDENTIALS,
					   DOUBT_REQUEST_UNFINISHED };

	for (size_t i = 0; i < sizeof(doubts) / sizeof(*doubts); i++) {
		request("GET", "/api/v1/pods", 200, true, true);
		b.x.doubts = doubts[i];
		CHECK_INT(of(true), VERDICT_UNAUDITED);
	}
}

static void test_verdict__oversized_id_and_uri_may_be_cut(void)
{
	static char text[EXCHANGE_VALUE_MAX];

	memset(text, 'a', sizeof(text));
	request("GET", "/api/v1/pods", 200, true, true);
	b.x.audit_id = (struct str){ text, sizeof(text) };
	b.x.doubts = DOUBT_TRUNCATED;
	CHECK_INT(of(true), VERDICT_PENDING);
	CHECK(verdict_may_join_by_request(&b.x, its_route()));
	CHECK(!verdict_audit_id(&b.x).n);
	b.x.audit_id.n--;
	CHECK_INT(of(true), VERDICT_UNAUDITED);
	CHECK(!verdict_may_join_by_request(&b.x, its_route()));
	b.x.audit_id = STR("a1");
	b.x.request_uri = (struct str){ text, sizeof(text) };
	CHECK_INT(of(true), VERDICT_PENDING);
}

static void test_verdict__id_is_unique_when_the_client_sent_none(void)
{
	request("GET", "/api/v1/pods", 200, true, true);
	CHECK(verdict_is_id_unique(&b.x));
	b.x.doubts = DOUBT_HEADER_UNKNOWN;
	CHECK(!verdict_is_id_unique(&b.x));
	b.x.doubts = 0;
	b.x.request_audit_id = STR("a1");
	CHECK(!verdict_is_id_unique(&b.x));
	b.x.audit_id = (struct str){ 0 };
	CHECK_STR(verdict_audit_id(&b.x), "a1");
}

static void test_verdict__words_are_those_of_the_schema(void)
{
	CHECK_STR(str_of(verdict_word(VERDICT_AUDIT_ONLY)), "audit-only");
	CHECK_STR(str_of(verdict_word(VERDICT_MISMATCH)), "mismatch");
	CHECK_STR(str_of(join_field_word(JOIN_REQUEST_URI)), "requestURI");
	CHECK_STR(str_of(join_field_word(JOIN_IMPERSONATED)), "impersonatedUser");
	CHECK_STR(str_of(join_by_word(JOINED_BY_AUDIT_ID)), "auditID");
	CHECK_STR(str_of(gap_reason_word(GAP_LOG_GONE)), "log-gone");
}

int main(void)
{
	RUN(test_verdict__answered_with_audit_id_is_unaudited);
	RUN(test_verdict__refused_by_net_http_is_unauditable);
	RUN(test_verdict__refused_garbage_is_unauditable);
	RUN(test_verdict__options_star_is_unauditable);
	RUN(test_verdict__prefix_verb_with_nothing_after_is_unauditable);
	RUN(test_verdict__cors_preflight_is_unauditable);
	RUN(test_verdict__shutdown_is_unauditable_where_flow_control_is_seen);
	RUN(test_verdict__response_of_no_kube_apiserver_is_unauditable);
	RUN(test_verdict__upgraded_exec_without_event_is_unaudited);
	RUN(test_verdict__protocol_error_without_response_is_unauditable);
	RUN(test_verdict__what_hides_id_uri_or_status_cannot_be_judged);
	RUN(test_verdict__other_doubts_do_not_save_a_gap);
	RUN(test_verdict__oversized_id_and_uri_may_be_cut);
	RUN(test_verdict__id_is_unique_when_the_client_sent_none);
	RUN(test_verdict__words_are_those_of_the_schema);
	route_done(&route);
	return test_end();
}
