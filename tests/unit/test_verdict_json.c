/* SPDX-License-Identifier: Apache-2.0 */
#include "joins.h"
#include "judge/keep.h"
#include "tell/ndjson.h"
#include "tell/verdict_json.h"

static struct buf out, scratch;
static struct both b;

static struct str fields(const struct match *m)
{
	struct json j;

	buf_reset(&out);
	json_init(&j, &out);
	json_open(&j, '{');
	json_put_u64(&j, "before", 1);
	verdict_json_put(&j, m, &scratch);
	json_put_u64(&j, "after", 2);
	json_close(&j, '}');
	CHECK_INT(buf_error(&out), 0);
	return buf_str(&out);
}

static void test_verdict_json__matched_says_what_agrees_and_what_the_log_adds(void)
{
	struct match m = { .verdict = VERDICT_MATCHED, .by = JOINED_BY_AUDIT_ID, .identity = &b.id, .event = &b.e,
			   .agrees = 1u << JOIN_REQUEST_URI | 1u << JOIN_STATUS, .lag_ns = 1500000000, .skew_ns = -100000 };

	both_init(&b, "a1", T0);
	b.e.impersonated.username = STR("admin");
	CHECK_STR(fields(&m),
		  "{\"before\":1,\"verdict\":\"matched\",\"join\":{\"by\":\"auditID\",\"agrees\":[\"requestURI\",\"status\"],"
		  "\"differs\":[],\"lagSeconds\":1.5,\"skewSeconds\":-0.0001},\"audit\":{\"stage\":\"ResponseComplete\","
		  "\"level\":\"Metadata\",\"verb\":\"list\",\"user\":{\"username\":\"alice\",\"credentialID\":\"X509SHA256=ab\"},"
		  "\"impersonatedUser\":{\"username\":\"admin\"},\"sourceIPs\":[\"10.0.0.9\"],"
		  "\"objectRef\":{\"resource\":\"pods\",\"namespace\":\"d\"},\"decision\":\"allow\"},\"after\":2}");
}

static void test_verdict_json__mismatch_shows_the_other_side(void)
{
	static const char audit[] = "\"audit\":{\"requestURI\":\"/a?access_token=REDACTED\",\"userAgent\":\"kubectl/v1.34.2\","
				    "\"responseStatus\":{\"code\":200},\"stage\"";
	struct match m = { .verdict = VERDICT_MISMATCH, .by = JOINED_BY_AUDIT_ID, .identity = &b.id, .event = &b.e,
			   .differs = 1u << JOIN_REQUEST_URI | 1u << JOIN_STATUS | 1u << JOIN_USER_AGENT };

	both_init(&b, "a1", T0);
	b.e.request_uri = STR("/a?access_token=CANARY");
	CHECK(memmem(fields(&m).p, out.n, audit, strlen(audit)));
	CHECK(!memmem(out.p, out.n, "CANARY", 6));
}

static void test_verdict_json__gap_says_why(void)
{
	struct match m = { .verdict = VERDICT_UNAUDITED, .gap = GAP_LOG_GONE, .identity = &b.id, .why = STR("a reason") };

	both_init(&b, "a1", T0);
	CHECK_STR(fields(&m), "{\"before\":1,\"verdict\":\"unaudited\",\"gap\":\"log-gone\",\"why\":\"a reason\",\"after\":2}");
	m.verdict = VERDICT_UNAUDITABLE;
	CHECK_STR(fields(&m), "{\"before\":1,\"verdict\":\"unauditable\",\"why\":\"a reason\",\"after\":2}");
}

static void test_verdict_json__audit_only_is_a_line_without_the_wire(void)
{
	struct match m = { .verdict = VERDICT_AUDIT_ONLY, .event = &b.e, .why = STR("not seen") };

	both_init(&b, "a1", T0);
	b.e.user = (struct audit_user){ 0 };
	b.e.request_uri = STR("/a?token=CANARY");
	buf_reset(&out);
	verdict_json_line(&out, &m, STR("cp-1"), &scratch);
	CHECK_STR(buf_str(&out),
		  "{\"kind\":\"Exchange\",\"apiVersion\":\"anontap.io/v1\",\"time\":\"2026-11-23T02:13:20.000100000Z\",\"node\":\"cp-1\","
		  "\"verdict\":\"audit-only\",\"why\":\"not seen\",\"audit\":{\"auditID\":\"a1\",\"requestURI\":\"/a?token=REDACTED\","
		  "\"userAgent\":\"kubectl/v1.34.2\",\"responseStatus\":{\"code\":200},\"stage\":\"ResponseComplete\",\"level\":\"Metadata\","
		  "\"verb\":\"list\",\"user\":{},\"sourceIPs\":[\"10.0.0.9\"],\"objectRef\":{\"resource\":\"pods\",\"namespace\":\"d\"},"
		  "\"decision\":\"allow\"},\"doubts\":[]}\n");
}

/* Whatever a line tells of an exchange is still told when it has waited: every byte of the original is set
 * and every byte of the copy's large form is 0, so a field that is new and told, and not kept, is found. */
static void test_verdict_json__copy_that_waited_is_told_as_the_original(void)
{
	struct keep keep = { 0 };
	struct kept_exchange *copy;
	struct shown_exchange *shown = calloc(1, sizeof(*shown));
	struct str first;
	size_t n;

	both_init(&b, "a1", T0);
	memset(&b.x, 1, sizeof(b.x));
	b.x.conn = &b.conn;
	b.x.protocol = PROTOCOL_HTTP1_1;
	b.x.authorization_seen = b.x.ws_protocol_seen = b.x.websocket_seen = SEEN_PRESENT;
	b.x.authorization = b.x.ws_protocol = (struct secret){ 0 };
	b.x.request_ns = 1000;
	b.x.first_byte_ns = 2000;
	b.x.end_ns = 3000;
	b.x.method = b.x.host = b.x.request_uri = b.x.user_agent = b.x.forwarded_for = b.x.real_ip = b.x.request_audit_id =
		b.x.impersonate_user = b.x.impersonate_uid = b.x.remote_user = b.x.audit_id = STR("text");
	b.x.nr_impersonate_groups = b.x.nr_remote_groups = 1;
	b.x.impersonate_groups[0] = b.x.remote_groups[0] = STR("group");
	b.x.text[0] = b.x.text[1] = NULL;
	b.x.doubts = (1u << DOUBT_MAX) - 1;
	copy = keep_exchange(&keep, &b.id);
	kept_exchange_show(copy, shown);
	buf_reset(&out);
	ndjson_identity(&out, &b.id, STR("node"));
	n = out.n;
	ndjson_identity(&out, &shown->id, STR("node"));
	first = str_first(buf_str(&out), n);
	CHECK(str_eq(first, str_from(buf_str(&out), n)));
	CHECK(n > 500);
	keep_drop(&keep, &copy->kept);
	keep_done(&keep);
	free(shown);
}

int main(void)
{
	RUN(test_verdict_json__matched_says_what_agrees_and_what_the_log_adds);
	RUN(test_verdict_json__mismatch_shows_the_other_side);
	RUN(test_verdict_json__gap_says_why);
	RUN(test_verdict_json__audit_only_is_a_line_without_the_wire);
	RUN(test_verdict_json__copy_that_waited_is_told_as_the_original);
	buf_done(&out);
	buf_done(&scratch);
	return test_end();
}
