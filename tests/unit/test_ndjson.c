/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "exchanges.h"
#include "tell/ndjson.h"
#include "tell/summary.h"
#include "tell/table.h"
#include "test.h"
#include "token.h"

#define CANARY "s3cr3t-canary-0123456789"

static struct buf out, again;
static struct recorded rec;

static struct str line_of(const struct identity *id, const char *node)
{
	buf_reset(&out);
	ndjson_identity(&out, id, str_of(node));
	CHECK_INT(buf_error(&out), 0);
	return buf_str(&out);
}

/* The line of what the line says. */
static struct str replayed(struct str line)
{
	int r = ndjson_parse(line, &rec);

	buf_reset(&again);
	CHECK_INT(r, 0);
	if (!r)
		ndjson_identity(&again, &rec.identity, rec.node);
	return buf_str(&again);
}

static bool comes_back(const struct identity *id, const char *node)
{
	struct str line = line_of(id, node);

	if (str_eq(replayed(line), line))
		return true;
	printf("    wrote %.*s    again %.*s", STR_ARG(line), STR_ARG(buf_str(&again)));
	return false;
}

static struct identity full(struct scene *s)
{
	struct identity id = { .exchange = &s->x, .time_ns = UINT64_C(1795318038123456789) };
	struct credential *k = &id.credential;

	scene_init(s);
	scene_uri(s, "/api/v1/secrets?limit=500");
	s->x.forwarded_for = STR("198.51.100.7");
	s->x.impersonate_user = STR("admin");
	s->x.impersonate_groups[0] = STR("ops");
	s->x.nr_impersonate_groups = 1;
	s->x.has_flow_schema = false;
	k->kind = CRED_BEARER;
	k->outcome = OUTCOME_ACCEPTED;
	k->token_type = TOKEN_SERVICE_ACCOUNT;
	k->is_unverified = true;
	memcpy(k->id, "hk1:5b1f0c0d0e0f00112233445566778899", 37);
	k->subject = STR("system:serviceaccount:ns1:sa1");
	k->issuer = STR("https://kubernetes.default.svc");
	k->expires_s = CERTS_NOW + 3600;
	k->credential_id = STR("JTI=0f2d5c1e");
	return id;
}

static void test_ndjson__writes_the_line_of_the_schema(void)
{
	struct scene s;
	struct identity id = full(&s);

	CHECK_STR(line_of(&id, "cp-1"),
		  "{\"kind\":\"Exchange\",\"apiVersion\":\"anontap.io/v1\",\"time\":\"2026-11-22T03:27:18.123456789Z\",\"node\":\"cp-1\","
		  "\"process\":{\"pid\":812,\"comm\":\"kube-apiserver\",\"target\":\"kube-apiserver\"},"
		  "\"connection\":{\"id\":\"812.7.31\",\"client\":\"10.0.0.9:51234\",\"server\":\"10.0.0.1:6443\",\"tlsVersion\":\"1.3\","
		  "\"alpn\":\"h2\",\"serverName\":\"kubernetes\",\"beforeAttach\":true},\"protocol\":\"HTTP/2.0\",\"stream\":5,"
		  "\"method\":\"GET\",\"host\":\"10.0.0.1:6443\",\"requestURI\":\"/api/v1/secrets?limit=500\","
		  "\"userAgent\":\"kubectl/v1.34.2 (linux/amd64)\",\"forwardedFor\":[\"198.51.100.7\"],"
		  "\"credential\":{\"kind\":\"bearer\",\"outcome\":\"accepted\",\"id\":\"hk1:5b1f0c0d0e0f00112233445566778899\","
		  "\"tokenType\":\"service-account\",\"unverified\":true,\"subject\":\"system:serviceaccount:ns1:sa1\","
		  "\"issuer\":\"https://kubernetes.default.svc\",\"expires\":\"2026-11-22T04:28:18Z\",\"credentialID\":\"JTI=0f2d5c1e\"},"
		  "\"impersonate\":{\"user\":\"admin\",\"groups\":[\"ops\"]},\"responseStatus\":{\"code\":200},"
		  "\"auditID\":\"10e8296b-70a4-4bc4-a090-763d9c5b46b4\",\"upgraded\":false,\"requestBytes\":0,\"responseBytes\":51234,"
		  "\"firstByteSeconds\":0.0011,\"durationSeconds\":0.0019,\"doubts\":[]}\n");
	CHECK(comes_back(&id, "cp-1"));
	CHECK(comes_back(&id, ""));
	scene_done(&s);
}

static void test_ndjson__every_field_comes_back(void)
{
	struct scene s;
	struct identity id = full(&s);
	struct credential *k = &id.credential;

	s.x.has_flow_schema = s.x.is_goaway = s.x.is_upgraded = true;
	s.x.real_ip = STR("203.0.113.9");
	s.x.forwarded_for = STR("1.1.1.1,2.2.2.2 ,  ,3.3.3.3,");
	s.x.request_audit_id = STR("my own");
	s.x.impersonate_uid = STR("uid");
	s.x.remote_user = STR("forged");
	s.x.remote_groups[0] = STR("system:masters");
	s.x.remote_groups[1] = STR("");
	s.x.nr_remote_groups = 2;
	s.x.request_bytes = UINT64_MAX;
	s.x.doubts = ((1u << DOUBT_MAX) - 1) & ~(uint32_t)DOUBT_REQUEST_UNSEEN;
	k->kind = CRED_CLIENT_CERT;
	k->also = 1u << CRED_BEARER | 1u << CRED_FRONT_PROXY;
	k->token_type = TOKEN_NA;
	k->serial = STR("1a2b");
	k->not_before_s = -5000000000;
	k->expires_s = 253402300799;
	k->groups[0] = STR("dev");
	k->groups[1] = STR("");
	k->nr_groups = 2;
	memcpy(s.conn.client_ip, (uint8_t[16]){ 0x20, 1, 0xd, 0xb8, [15] = 9 }, 16);
	s.conn.tls_version = 0x0303;
	s.conn.is_before_attach = false;
	CHECK(comes_back(&id, "cp-1"));
	CHECK_STR(rec.exchange.forwarded_for, "1.1.1.1, 2.2.2.2, , 3.3.3.3, ");
	CHECK_STR(rec.exchange.remote_user, "forged");
	CHECK_INT(rec.exchange.nr_remote_groups, 2);
	CHECK_INT(rec.exchange.doubts, s.x.doubts);
	CHECK_INT(rec.identity.credential.also, k->also);
	CHECK_INT(rec.identity.credential.not_before_s, -5000000000);
	CHECK(rec.exchange.request_bytes == UINT64_MAX);
	CHECK_INT(rec.identity.time_ns, id.time_ns);
	CHECK_INT(rec.exchange.end_ns - rec.exchange.request_ns, 1900000);
	CHECK_INT(rec.conn.serial, 31);
	CHECK_INT(rec.conn.fd, 7);
	CHECK_INT(rec.process.pid, 812);
	CHECK(!memcmp(rec.conn.client_ip, s.conn.client_ip, 16));
	CHECK(rec.exchange.conn == &rec.conn && rec.conn.process == &rec.process && rec.identity.exchange == &rec.exchange);
	scene_done(&s);
}

static void test_ndjson__every_word_comes_back(void)
{
	struct scene s;
	struct identity id = full(&s);

	for (int kind = 0; kind < CRED_KIND_MAX; kind++) {
		for (int outcome = 0; outcome < OUTCOME_MAX; outcome++) {
			for (int type = 0; type < TOKEN_TYPE_MAX; type++) {
				id.credential.kind = (enum cred_kind)kind;
				id.credential.outcome = (enum cred_outcome)outcome;
				id.credential.token_type = (enum token_type)type;
				CHECK(comes_back(&id, ""));
			}
		}
	}
	for (int p = PROTOCOL_UNKNOWN; p <= PROTOCOL_HTTP2; p++) {
		s.x.protocol = (enum protocol)p;
		CHECK(comes_back(&id, ""));
	}
	for (uint16_t v = 0x0300; v <= 0x0305; v++) {
		s.conn.tls_version = v;
		CHECK(comes_back(&id, ""));
	}
	scene_done(&s);
}

static void test_ndjson__what_is_not_known_is_absent(void)
{
	struct conn conn = { .serial = 31 };
	struct exchange x = { .conn = &conn, .doubts = DOUBT_REQUEST_UNSEEN | DOUBT_CONNECTION_UNKNOWN, .has_response = true,
			      .status = 200, .first_byte_ns = 5, .end_ns = 9 };
	struct identity id = { .exchange = &x, .time_ns = 1000000000,
			       .credential = { .kind = CRED_UNKNOWN, .outcome = OUTCOME_UNKNOWN } };

	CHECK_STR(line_of(&id, ""), "{\"kind\":\"Exchange\",\"apiVersion\":\"anontap.io/v1\",\"time\":\"1970-01-01T00:00:01.000000000Z\","
		  "\"connection\":{\"id\":\"-.-.31\"},\"stream\":0,\"credential\":{\"kind\":\"unknown\",\"outcome\":\"unknown\"},"
		  "\"responseStatus\":{\"code\":200},\"upgraded\":false,\"responseBytes\":0,"
		  "\"doubts\":[\"request-unseen\",\"connection-unknown\"]}\n");
	CHECK(comes_back(&id, ""));
	CHECK(!rec.conn.is_described && !rec.conn.process && !rec.conn.has_address);
	CHECK(!rec.exchange.has_request && rec.exchange.has_response);
	x = (struct exchange){ .conn = &conn, .has_request = true, .request_ns = 7, .doubts = DOUBT_RESPONSE_UNSEEN };
	CHECK(comes_back(&id, ""));
	CHECK(rec.exchange.has_request && !rec.exchange.has_response);
	CHECK_INT(rec.exchange.status, 0);
}

static void test_ndjson__times_and_sizes_that_are_not_known_are_left_out(void)
{
	struct scene s;
	struct identity id = full(&s);

	s.x.first_byte_ns = s.x.request_ns - 1;
	s.x.end_ns = 0;
	CHECK(comes_back(&id, ""));
	CHECK(!memmem(out.p, out.n, "Seconds", 7));
	s.x.has_request_bytes = false; /* a chunked request */
	CHECK(comes_back(&id, ""));
	CHECK(!rec.exchange.has_request_bytes && rec.exchange.has_request);
	s.x.first_byte_ns = s.x.request_ns;
	s.x.end_ns = s.x.request_ns + UINT64_C(3600123456789);
	CHECK(comes_back(&id, ""));
	CHECK(memmem(out.p, out.n, "\"firstByteSeconds\":0,\"durationSeconds\":3600.123456789,", 54));
	scene_done(&s);
}

static void test_ndjson__any_bytes_come_back(void)
{
	struct scene s;
	struct identity id = full(&s);
	char all[600];
	unsigned int seed = 1;

	for (int round = 0; round < 300; round++) {
		size_t n = (size_t)round * 2;

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			all[i] = (char)(seed >> 16);
		}
		s.x.request_uri = s.x.user_agent = s.x.method = s.x.host = s.x.forwarded_for = s.x.audit_id = (struct str){ all, n };
		id.credential.subject = id.credential.groups[0] = (struct str){ all, n };
		id.credential.nr_groups = 1;
		CHECK(comes_back(&id, ""));
	}
	scene_done(&s);
}

static void test_ndjson__a_front_proxys_word_is_said_once(void)
{
	struct scene s;
	struct identity id = full(&s);

	id.credential = (struct credential){ .kind = CRED_FRONT_PROXY, .outcome = OUTCOME_ACCEPTED, .subject = STR("proxied"),
					     .groups = { STR("dev") }, .nr_groups = 1 };
	s.x.remote_user = STR("proxied");
	s.x.remote_groups[0] = STR("dev");
	s.x.nr_remote_groups = 1;
	CHECK(comes_back(&id, ""));
	CHECK(!memmem(out.p, out.n, "frontProxy", 10));
	CHECK_STR(rec.exchange.remote_user, "proxied");
	CHECK_STR(rec.exchange.remote_groups[0], "dev");
	scene_done(&s);
}

static void test_ndjson__torn_lines_are_refused_wherever_they_end(void)
{
	struct scene s;
	struct identity id = full(&s);
	struct str line = str_trim(line_of(&id, "cp-1"));

	for (size_t n = 0; n + 2 < line.n; n++) {
		char *torn = malloc(n + 1); /* its own block: reading behind it is seen */

		memcpy(torn, line.p, n);
		CHECK_INT(ndjson_parse((struct str){ torn, n }, &rec), -EINVAL);
		free(torn);
	}
	scene_done(&s);
}

static struct str changed(const char *from, const char *to)
{
	struct scene s;
	struct identity id = full(&s);
	struct str line = line_of(&id, "");
	const char *at = memmem(line.p, line.n, from, strlen(from));

	CHECK(at);
	buf_reset(&again);
	(void)buf_add(&again, line.p, (size_t)(at - line.p));
	(void)buf_add_str(&again, str_of(to));
	(void)buf_add_str(&again, str_from(line, (size_t)(at - line.p) + strlen(from)));
	scene_done(&s);
	return buf_str(&again);
}

static void test_ndjson__lines_of_others_are_refused(void)
{
	static const char *const edits[][2] = {
		{ "\"Exchange\"", "\"\"" }, { "anontap.io/v1", "anontap.io/v2" }, { "\"time\":\"2026", "\"time\":\"soon" },
		{ "\"time\":", "\"tme\":" }, { "\"credential\":{\"kind\":\"bearer\"", "\"credential\":{\"kind\":\"bear\"" },
		{ "\"outcome\":\"accepted\"", "\"outcome\":\"perhaps\"" }, { "\"stream\":5", "\"stream\":-5" },
		{ "\"stream\":5", "\"stream\":4294967296" }, { "\"code\":200", "\"code\":65536" }, { "\"812.7.31\"", "\"812.7\"" },
		{ "\"812.7.31\"", "\"812..31\"" }, { "\"10.0.0.9:51234\"", "\"10.0.0.9\"" }, { "\"10.0.0.9:51234\"", "\"10.0.0:51234\"" },
		{ "\"10.0.0.9:51234\"", "\"10.0.0.9:65536\"" }, { "\"GET\"", "7" }, { "0.0011", "\"0.0011\"" }, { "0.0011", "-1" },
		{ "04:28:18Z", "04:28:18" }, { "\"doubts\":[]", "\"doubts\":{}" }, { "\"groups\":[\"ops\"]", "\"groups\":[7]" },
		{ "\"alpn\":\"h2\"", "\"alpn\":\"01234567890123456\"" }, { "}\n", "}x\n" },
		{ "hk1:5b1f", "hk1:00000000000000005b1f" },
	};

	for (size_t i = 0; i < sizeof(edits) / sizeof(*edits); i++) {
		int r = ndjson_parse(changed(edits[i][0], edits[i][1]), &rec);

		CHECK_INT(r, -EINVAL);
		if (r != -EINVAL)
			printf("    taken: %s\n", edits[i][1]);
	}
	CHECK_INT(ndjson_parse(STR("{\"kind\":\"Summary\",\"apiVersion\":\"anontap.io/v1\",\"exchanges\":1,\"time\":7}"), &rec), -ENOMSG);
	CHECK_INT(ndjson_parse(STR("{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\"}"), &rec), -EINVAL);
	CHECK_INT(ndjson_parse(STR("[]"), &rec), -EINVAL);
	CHECK_INT(ndjson_parse(STR(""), &rec), -EINVAL);
}

static void test_ndjson__fields_of_later_versions_are_passed_over(void)
{
	CHECK_INT(ndjson_parse(changed("\"stream\":5", "\"new\":{\"a\":[1,{\"b\":null}]},\"stream\":5"), &rec), 0);
	CHECK_INT(rec.exchange.stream, 5);
	CHECK_INT(ndjson_parse(changed("\"alpn\":", "\"newer\":true,\"alpn\":"), &rec), 0);
	CHECK_STR(str_of(rec.conn.alpn), "h2");
	CHECK_INT(ndjson_parse(changed("\"doubts\":[]", "\"doubts\":[\"unheard-of\",\"reset\"]"), &rec), 0);
	CHECK_INT(rec.exchange.doubts, DOUBT_RESET);
	CHECK_INT(ndjson_parse(changed("{\"kind\":\"Exchange\",", "{\"verdict\":\"matched\",\"kind\":\"Exchange\","), &rec), 0);
	CHECK_INT(ndjson_parse(changed("\"groups\":[\"ops\"]", "\"groups\":null"), &rec), -EINVAL);
}

static void test_ndjson__fields_may_come_in_any_order(void)
{
	CHECK_INT(ndjson_parse(STR("{\"doubts\":[],\"credential\":{\"outcome\":\"none\",\"kind\":\"none\"},\"connection\":{\"beforeAttach\":false,"
			       "\"id\":\"1.2.3\"},\"time\":\"2026-11-22T03:27:18Z\",\"process\":{\"target\":\"t\",\"pid\":1},"
			       "\"apiVersion\":\"anontap.io/v1\",\"requestBytes\":1,\"kind\":\"Exchange\",\"method\":\"PUT\"} \n"), &rec), 0);
	CHECK_STR(rec.exchange.method, "PUT");
	CHECK_INT(rec.process.pid, 1);
	CHECK_STR(str_of(rec.process.target), "t");
	CHECK(rec.exchange.has_request);
}

static void test_ndjson__a_line_leaves_nothing_to_the_next(void)
{
	struct scene s;
	struct identity id = full(&s);

	CHECK(comes_back(&id, "cp-1"));
	CHECK_INT(ndjson_parse(STR("{\"kind\":\"Exchange\",\"apiVersion\":\"anontap.io/v1\",\"time\":\"2026-11-22T03:27:18Z\","
			       "\"connection\":{\"id\":\"-.-.3\"},\"credential\":{\"kind\":\"none\",\"outcome\":\"none\"},\"doubts\":[]}"), &rec), 0);
	CHECK_STR(rec.node, "");
	CHECK_STR(rec.exchange.method, "");
	CHECK_STR(rec.identity.credential.subject, "");
	CHECK_STR(str_of(rec.conn.server_name), "");
	CHECK_INT(rec.exchange.nr_impersonate_groups, 0);
	scene_done(&s);
}

static struct summary summary;

static void tell_all(void *ctx, const struct identity *id)
{
	static const struct table wide = { .is_wide = true, .is_colour = true };

	ndjson_identity(ctx, id, STR("cp-1"));
	table_row(&wide, id, ctx);
	summary_push(&summary, id);
}

static void test_ndjson__no_output_holds_the_secret(void)
{
	static const uint8_t key[CRED_KEY_SIZE] = "an installation's key: 32 bytes";
	struct counters counters = { { 0 } };
	struct cred *cred = cred_new(key, SCENE_WALL_OFFSET_NS, &counters, tell_all, &out);
	char encoded[256], value[512];

	CERTS_MUST(cred);
	buf_reset(&out);
	token_base64url(STR(CANARY), encoded);
	for (int i = 0; i < 5; i++) {
		struct scene s;

		scene_init(&s);
		scene_uri(&s, i < 3 ? "/api" : i == 3 ? "/a?access_token=" CANARY : "/a?password=" CANARY "&token=" CANARY);
		(void)snprintf(value, sizeof(value), i == 1 ? "Basic %s" : "Bearer %s", i == 1 ? encoded : CANARY);
		if (i < 2)
			scene_authorization(&s, value);
		(void)snprintf(value, sizeof(value), "x, base64url.bearer.authorization.k8s.io.%s", encoded);
		if (i == 2)
			scene_websocket(&s, value);
		cred_push(cred, &s.x);
		scene_done(&s);
	}
	summary_json(&summary, &(struct summary_run){ .counters = &counters }, &out);
	{
		char text[8192];
		FILE *f = fmemopen(text, sizeof(text), "w");

		CERTS_MUST(f);
		summary_print(&summary, &(struct summary_run){ .counters = &counters }, false, f);
		(void)fflush(f);
		(void)buf_add(&out, text, (size_t)ftell(f));
		fclose(f);
	}
	summary_done(&summary);
	CHECK(out.n > 5 * 600);
	CHECK(memmem(out.p, out.n, "by path", 7));
	CHECK(!memmem(out.p, out.n, CANARY, sizeof(CANARY) - 1));
	CHECK(!memmem(out.p, out.n, encoded, strlen(encoded)));
	CHECK(memmem(out.p, out.n, "\"ws-bearer\"", 11));
	CHECK(memmem(out.p, out.n, "\"query-token\"", 13));
	CHECK(memmem(out.p, out.n, "\"basic\"", 7));
	cred_free(cred);
}

int main(void)
{
	RUN(test_ndjson__writes_the_line_of_the_schema);
	RUN(test_ndjson__every_field_comes_back);
	RUN(test_ndjson__every_word_comes_back);
	RUN(test_ndjson__what_is_not_known_is_absent);
	RUN(test_ndjson__times_and_sizes_that_are_not_known_are_left_out);
	RUN(test_ndjson__any_bytes_come_back);
	RUN(test_ndjson__a_front_proxys_word_is_said_once);
	RUN(test_ndjson__torn_lines_are_refused_wherever_they_end);
	RUN(test_ndjson__lines_of_others_are_refused);
	RUN(test_ndjson__fields_of_later_versions_are_passed_over);
	RUN(test_ndjson__fields_may_come_in_any_order);
	RUN(test_ndjson__a_line_leaves_nothing_to_the_next);
	RUN(test_ndjson__no_output_holds_the_secret);
	recorded_done(&rec);
	buf_done(&out);
	buf_done(&again);
	return test_end();
}
