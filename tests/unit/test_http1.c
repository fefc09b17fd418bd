/* SPDX-License-Identifier: Apache-2.0 */
#include "chain.h"
#include "test.h"
#include "wire/http1.h"
#include "wire/http1_head.h"

#define WHOLE (TAP_HEAD_START | TAP_HEAD_END)
#define DIRECT (WHOLE | TAP_HEAD_DIRECT)

/* ---- one head */

static struct fields fields;

static struct http1_head request(const char *text)
{
	RECORDS_MUST(!fields_reset(&fields));
	return http1_read_request(str_of(text), &fields);
}

/* "name=value;" of each field */
static bool has_fields(const char *want)
{
	char got[1024] = "";
	size_t n = 0;

	for (size_t i = 0; i < fields.nr; i++)
		n += snprintf(got + n, sizeof(got) - n, "%.*s=%.*s;", STR_ARG(fields.list[i].name),
			      STR_ARG(fields.list[i].value));
	if (strcmp(got, want))
		printf("    fields are %s\n", got);
	return !strcmp(got, want);
}

static void test_http1__a_head_is_read_as_textproto_reads_it(void)
{
	struct http1_head h = request("GET /a?b=c HTTP/1.1\r\nHost:\texample \r\nA:\r\nb: 1\r\n\r\n");

	CHECK(!h.is_malformed && !h.has_bad_lines);
	CHECK_STR(h.method, "GET");
	CHECK_STR(h.target, "/a?b=c");
	CHECK_STR(h.authority, "example");
	CHECK_INT(h.minor, 1);
	CHECK(has_fields("Host=example;A=;b=1;"));
	/* bare line feeds, also mixed */
	h = request("GET / HTTP/1.0\nA: 1\r\nB: 2\n\n");
	CHECK(!h.is_malformed);
	CHECK_INT(h.minor, 0);
	CHECK(has_fields("A=1;B=2;"));
	/* folded lines are joined by one space */
	h = request("GET / HTTP/1.1\r\nHost: x\r\nA: 1 \r\n \t 2\r\n\t\r\n 3\r\nB: 4\r\n\r\n");
	CHECK(!h.is_malformed);
	CHECK(has_fields("Host=x;A=1 2  3;B=4;"));
	h = request("GET / HTTP/1.1\r\nHost: x\r\nA: 1 \r\n \r\n\r\n"); /* a space remains, as in Go */
	CHECK(has_fields("Host=x;A=1 ;"));
	/* a name may stand more than once, a value may hold colons */
	h = request("GET / HTTP/1.1\r\nhost: x:1\r\nA: b:c\r\na: d\r\n\r\n");
	CHECK(!h.is_malformed);
	CHECK_STR(h.authority, "x:1");
	CHECK(has_fields("host=x:1;A=b:c;a=d;"));
}

static void test_http1__all_forms_of_a_target_are_taken(void)
{
	struct http1_head h = request("GET http://user@other:80/p HTTP/1.1\r\nHost: ignored\r\n\r\n");

	CHECK(!h.is_malformed);
	CHECK_STR(h.target, "http://user@other:80/p");
	CHECK_STR(h.authority, "other:80");
	h = request("GET https://other?x HTTP/1.1\r\nHost: ignored\r\n\r\n");
	CHECK_STR(h.authority, "other");
	h = request("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
	CHECK(!h.is_malformed);
	CHECK_STR(h.target, "*");
	CHECK_STR(h.authority, "x");
	h = request("CONNECT db:5432 HTTP/1.1\r\n\r\n");
	CHECK(!h.is_malformed);
	CHECK_STR(h.authority, "db:5432");
	h = request("GET http:///p HTTP/1.1\r\nHost: x\r\n\r\n");
	CHECK(!h.is_malformed);
	CHECK_STR(h.authority, "x");
	CHECK(!request("GET mailto:x HTTP/1.1\r\nHost: x\r\n\r\n").is_malformed);
	h = request("GET /a:b//c HTTP/1.1\r\nHost: x\r\n\r\n");
	CHECK_STR(h.authority, "x");
}

static void test_http1__what_net_http_refuses_is_malformed(void)
{
	static const char *const bad[] = {
		"",
		"\r\n",
		"\r\n\r\n",
		"GET\r\n\r\n",
		"GET /\r\n\r\n",
		"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
		"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / http/1.1\r\nHost: x\r\n\r\n",
		"GET x HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET :x HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET 1h:x HTTP/1.1\r\nHost: x\r\n\r\n",
		"G(T / HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\n: empty\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nA: b\x01\r\n\r\n",
		"GET /\x7f HTTP/1.1\r\nHost: x\r\n\r\n",
		"\x16\x03\x01\x02\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bool is_malformed = request(bad[i]).is_malformed;

		CHECK(is_malformed);
		if (!is_malformed)
			printf("    %zu\n", i);
	}
}

static void test_http1__a_malformed_head_is_read_as_far_as_it_can_be(void)
{
	struct http1_head h = request("GET /a HTTP/1.1\r\nno colon\r\nAuthorization : Bearer a\r\nUser-Agent: scan\r\n\r\n");

	CHECK(h.is_malformed && h.has_bad_lines);
	CHECK_STR(h.method, "GET");
	CHECK_STR(h.target, "/a");
	CHECK(has_fields("User-Agent=scan;"));
	h = request("\x16\x03\x01 / HTTP/1.1\r\nA: b\r\n\r\n");
	CHECK_STR(h.method, "");
	CHECK_STR(h.target, "");
}

static void test_http1__a_cut_head_has_its_whole_lines_only(void)
{
	static const char text[] = "GET /secret HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer abc\r\n def\r\nB: c\r\n\r\n";
	static const char *const names[] = { "", "Host=x;", "Host=x;Authorization=Bearer abc def;",
					     "Host=x;Authorization=Bearer abc def;B=c;" };

	for (size_t n = 0; n < sizeof(text); n++) {
		/* a line is whole when the byte behind it shows that it is not continued */
		int whole = n > 70 ? 3 : n > 64 ? 2 : n > 31 ? 1 : 0;
		char *copy = chain_text("%.*s", (int)n, text);
		struct http1_head h = request(copy);

		CHECK(has_fields(names[whole]));
		CHECK(!h.is_malformed || n == 0);
		if (n > 3)
			CHECK(str_eq(h.method, STR("GET")));
		if (n > 15)
			CHECK(str_eq(h.target, STR("/secret")));
		else if (n > 3)
			CHECK(str_starts(STR("/secret"), h.target));
		else
			CHECK(!h.method.n && !h.target.n);
		free(copy);
	}
}

static void test_http1__a_status_line_is_read(void)
{
	struct http1_head h;

	RECORDS_MUST(!fields_reset(&fields));
	h = http1_read_response(STR("HTTP/1.0 404 Not Found\r\nA: b\r\n\r\n"), &fields);
	CHECK_INT(h.status, 404);
	CHECK_INT(h.minor, 0);
	CHECK(has_fields("A=b;"));
	CHECK_INT(http1_read_response(STR("HTTP/1.1 200\r\n\r\n"), &fields).status, 200);
	CHECK_INT(http1_read_response(STR("HTTP/1.1 99 X\r\n\r\n"), &fields).status, 0);
	CHECK_INT(http1_read_response(STR("HTTP/1.1 1000 X\r\n\r\n"), &fields).status, 0);
	CHECK_INT(http1_read_response(STR("HTTP/1.1 2"), &fields).status, 0);
	CHECK_INT(http1_read_response(STR("SSH-2.0-x\r\n"), &fields).status, 0);
}

/* ---- connections */

static struct script s;
static struct chain c;

static void begin(uint8_t how)
{
	script_conn(&s, 1, how, "http/1.1");
}

static void run(void)
{
	chain_play(&c, &s, 0, -1, false);
}

static void end(void)
{
	chain_done(&c);
	script_done(&s);
}

/* Does the n-th exchange have this target and status, and these doubts? */
static bool is_told(size_t n, const char *uri, const char *status, uint32_t doubts)
{
	const struct told *t = n < c.nr ? &c.told[n] : NULL;
	bool is_so = t && !strcmp(t->field[FIELD_URI], uri) && !strcmp(t->field[FIELD_STATUS], status) && t->doubts == doubts;

	if (!is_so)
		chain_print(&c);
	return is_so;
}

static void test_http1__requests_and_responses_pair_in_order(void)
{
	begin(TAP_CONN_FROM_START);
	script_head(&s, TAP_READ, WHOLE, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.1 200 OK\r\n\r\n", 9);
	script_end(&s, 9);
	script_head(&s, TAP_READ, WHOLE, "POST /2 HTTP/1.0\r\nContent-Length: 77\r\n\r\n", 77);
	script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.0 404 Not Found\r\nAudit-Id: a\r\naudit-id: b\r\n\r\n", 3);
	script_end(&s, 3);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 2);
	CHECK(is_told(0, "/1", "200", 0));
	CHECK(is_told(1, "/2", "404", 0));
	CHECK_INT(c.told[0].stream, 1);
	CHECK_INT(c.told[0].protocol, PROTOCOL_HTTP1_1);
	CHECK_INT(c.told[1].protocol, PROTOCOL_HTTP1_0);
	CHECK_STR(str_of(c.told[0].field[FIELD_RESPONSE_BYTES]), "9");
	CHECK_STR(str_of(c.told[1].field[FIELD_REQUEST_BYTES]), "77");
	CHECK_STR(str_of(c.told[1].field[FIELD_RESPONSE_BYTES]), "3");
	CHECK_STR(str_of(c.told[1].field[FIELD_AUDIT_ID]), "a");
	CHECK(c.told[0].request_ns < c.told[0].first_byte_ns && c.told[0].first_byte_ns < c.told[0].end_ns);
	end();
}

static void test_http1__the_next_request_s_first_byte_is_no_body(void)
{
	begin(TAP_CONN_FROM_START);
	/* net/http's background read has taken one byte more, and has not said so yet */
	script_head(&s, TAP_READ, WHOLE, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n", 1);
	script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.1 200 OK\r\n\r\n", 9);
	script_end(&s, 9);
	script_head(&s, TAP_READ, WHOLE, "PUT /2 HTTP/1.1\r\nHost: x\r\ncontent-length: 5\r\n\r\n", 6);
	script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.1 200 OK\r\n\r\n", 0);
	script_end(&s, 0);
	script_head(&s, TAP_READ, WHOLE, "PUT /3 HTTP/1.1\r\nHost: x\r\ncontent-length: 5\r\n\r\n", 3);
	script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.1 401 No\r\n\r\n", 0);
	script_end(&s, 0);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 3);
	CHECK_STR(str_of(c.told[0].field[FIELD_REQUEST_BYTES]), "0");
	CHECK_STR(str_of(c.told[1].field[FIELD_REQUEST_BYTES]), "5");
	CHECK_STR(str_of(c.told[2].field[FIELD_REQUEST_BYTES]), "3");
	end();
}

static void test_http1__informational_responses_are_none(void)
{
	begin(TAP_CONN_FROM_START);
	script_head(&s, TAP_READ, WHOLE, "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", 5);
	script_head(&s, TAP_WRITE, DIRECT, "HTTP/1.1 100 Continue\r\n\r\n", 0);
	script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 0);
	script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.1 201 Created\r\n\r\n", 0);
	script_end(&s, 0);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 1);
	CHECK(is_told(0, "/1", "201", 0));
	CHECK_STR(str_of(c.told[0].field[FIELD_REQUEST_BYTES]), "5");
	end();
}

static void test_http1__an_upgrade_ends_with_the_connection_and_its_totals(void)
{
	begin(TAP_CONN_FROM_START);
	script_head(&s, TAP_READ, WHOLE, "GET /exec HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n", 0);
	script_head(&s, TAP_WRITE, DIRECT, "HTTP/1.1 101 Switching Protocols\r\n\r\n", 0);
	s.off[0] += 123456;
	s.off[1] += 654321;
	script_close(&s);
	run();
	CHECK_INT(c.nr, 1);
	CHECK(is_told(0, "/exec", "101", 0));
	CHECK_STR(str_of(c.told[0].field[FIELD_UPGRADED]), "yes");
	CHECK_STR(str_of(c.told[0].field[FIELD_WEBSOCKET]), "yes");
	CHECK_STR(str_of(c.told[0].field[FIELD_REQUEST_BYTES]), "123456");
	CHECK_STR(str_of(c.told[0].field[FIELD_RESPONSE_BYTES]), "654321");
	end();
}

static void test_http1__an_upgrade_still_open_is_unfinished(void)
{
	begin(TAP_CONN_FROM_START);
	script_head(&s, TAP_READ, WHOLE, "GET /exec HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	script_head(&s, TAP_WRITE, DIRECT, "HTTP/1.1 101 Switching Protocols\r\n\r\n", 0);
	run();
	CHECK_INT(c.nr, 1);
	CHECK(is_told(0, "/exec", "101", DOUBT_UNFINISHED));
	end();
}

static void test_http1__a_response_cut_off_by_the_end_is_reset(void)
{
	begin(TAP_CONN_FROM_START);
	script_head(&s, TAP_READ, WHOLE, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.1 200 OK\r\n\r\n", 100);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 1);
	CHECK(is_told(0, "/1", "200", DOUBT_RESET));
	end();
}

static void test_http1__what_a_handler_wrote_past_net_http_ends_with_the_connection(void)
{
	begin(TAP_CONN_FROM_START);
	script_head(&s, TAP_READ, WHOLE, "GET /exec HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	script_head(&s, TAP_WRITE, DIRECT, "HTTP/1.1 403 Forbidden\r\nDate: x\r\n\r\n", 12);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 1);
	CHECK(is_told(0, "/exec", "403", 0)); /* and is no fault of the request */
	CHECK_STR(str_of(c.told[0].field[FIELD_RESPONSE_BYTES]), "12");
	end();
}

#define REFUSED(status) "HTTP/1.1 " status "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

static void test_http1__what_net_http_refuses_is_told_as_malformed(void)
{
	begin(TAP_CONN_FROM_START);
	/* nothing is wrong with it that is seen here */
	script_head(&s, TAP_READ, WHOLE, "GET /%zz HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\n\r\n", 0);
	script_head(&s, TAP_WRITE, DIRECT, REFUSED("400 Bad Request"), 15);
	script_close(&s);
	script_conn(&s, 2, TAP_CONN_FROM_START, "");
	/* no end of the head is seen before the answer */
	script_head(&s, TAP_READ, TAP_HEAD_START, "\x16\x03\x01\x02\x00", 0);
	script_head(&s, TAP_WRITE, DIRECT, REFUSED("400 Bad Request"), 15);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 2);
	CHECK(is_told(0, "/%zz", "400", DOUBT_MALFORMED));
	CHECK_STR(str_of(c.told[0].field[FIELD_AUTHORIZATION]), "=Bearer a");
	CHECK(is_told(1, "", "400", DOUBT_MALFORMED | DOUBT_TRUNCATED | DOUBT_REQUEST_UNFINISHED));
	CHECK_INT(c.told[1].authorization_seen, SEEN_UNKNOWN);
	CHECK_INT(c.counters.v[COUNT_head_bad], 1);
	end();
}

static void test_http1__a_bad_line_leaves_the_credential_unknown(void)
{
	begin(TAP_CONN_FROM_START);
	script_head(&s, TAP_READ, WHOLE, "GET /1 HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer a\r\n\r\n", 0);
	script_head(&s, TAP_WRITE, DIRECT, REFUSED("400 Bad Request"), 15);
	script_close(&s);
	run();
	CHECK(is_told(0, "/1", "400", DOUBT_MALFORMED));
	CHECK_INT(c.told[0].authorization_seen, SEEN_UNKNOWN);
	end();
}

static void test_http1__an_incomplete_request_is_told_at_the_end(void)
{
	begin(TAP_CONN_FROM_START);
	script_head(&s, TAP_READ, TAP_HEAD_START, "GET /slow HTTP/1.1\r\nHost: x\r\nA", 0);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 1);
	CHECK(is_told(0, "/slow", "", DOUBT_TRUNCATED | DOUBT_RESPONSE_UNSEEN));
	CHECK_INT(c.told[0].authorization_seen, SEEN_UNKNOWN);
	end();
}

static void test_http1__line_ends_after_a_post_are_no_request(void)
{
	begin(TAP_CONN_FROM_START);
	script_head(&s, TAP_READ, WHOLE, "POST /1 HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.1 200 OK\r\n\r\n", 0);
	script_end(&s, 0);
	script_head(&s, TAP_READ, WHOLE, "\r\n\r\n", 0);
	script_head(&s, TAP_READ, WHOLE, "\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.1 200 OK\r\n\r\n", 0);
	script_end(&s, 0);
	/* after a GET they are */
	script_head(&s, TAP_READ, WHOLE, "\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	script_head(&s, TAP_WRITE, DIRECT, REFUSED("400 Bad Request"), 0);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 3);
	CHECK(is_told(0, "/1", "200", 0));
	CHECK(is_told(1, "/2", "200", 0));
	CHECK(is_told(2, "", "400", DOUBT_MALFORMED));
	end();
}

static void test_http1__pipelined_requests_are_answered_in_order(void)
{
	begin(TAP_CONN_FROM_START);
	script_head(&s, TAP_READ, WHOLE, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	script_head(&s, TAP_READ, WHOLE, "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	script_head(&s, TAP_READ, WHOLE, "GET /3 HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	for (int i = 1; i <= 3; i++) {
		char *answer = chain_text("HTTP/1.1 20%d OK\r\n\r\n", i);

		script_head(&s, TAP_WRITE, WHOLE, answer, 10);
		script_end(&s, 10 + i);
		s.event[s.nr - 1].read_off = 28 * i;
		free(answer);
	}
	script_close(&s);
	run();
	CHECK_INT(c.nr, 3);
	CHECK(is_told(0, "/1", "201", 0));
	CHECK(is_told(1, "/2", "202", 0));
	CHECK(is_told(2, "/3", "203", 0));
	CHECK_STR(str_of(c.told[2].field[FIELD_RESPONSE_BYTES]), "13");
	end();
}

static void test_http1__a_connection_older_than_the_sensor_begins_with_a_response(void)
{
	begin(0);
	script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.1 200 OK\r\nAudit-Id: a\r\n\r\n", 10);
	script_end(&s, 10);
	script_head(&s, TAP_READ, WHOLE, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.1 201 OK\r\n\r\n", 0);
	script_end(&s, 0);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 2);
	CHECK(is_told(0, "", "200", DOUBT_REQUEST_UNSEEN));
	CHECK(!c.told[0].has_request && c.told[0].protocol == PROTOCOL_HTTP1_1);
	CHECK_INT(c.told[0].authorization_seen, SEEN_UNKNOWN);
	CHECK(is_told(1, "/1", "201", 0));
	end();
}

static void test_http1__offsets_from_before_the_sensor_may_be_negative(void)
{
	begin(0);
	s.off[TAP_READ] = -100; /* net/http had read so much, and not used it, when it was first seen */
	script_head(&s, TAP_READ, WHOLE, "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 200\r\n\r\n", 200);
	script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.1 201 OK\r\n\r\n", 7);
	script_end(&s, 7);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 1);
	CHECK(is_told(0, "/1", "201", 0));
	CHECK_STR(str_of(c.told[0].field[FIELD_REQUEST_BYTES]), "200");
	end();
}

static void test_http1__heads_longer_than_are_kept_are_truncated(void)
{
	char *filler = malloc(16001);

	RECORDS_MUST(filler);
	memset(filler, 'x', 16000);
	filler[16000] = '\0';
	begin(TAP_CONN_FROM_START);
	script_head(&s, TAP_READ, TAP_HEAD_START, "GET /1 HTTP/1.1\r\nHost: x\r\nUser-Agent: first\r\nA: ", 0);
	for (int i = 0; i < 5; i++)
		script_head(&s, TAP_READ, 0, filler, 0);
	script_head(&s, TAP_READ, TAP_HEAD_END, "\r\nAuthorization: Bearer a\r\n\r\n", 11);
	script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.1 200 OK\r\n\r\n", 0);
	script_end(&s, 0);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 1);
	CHECK(is_told(0, "/1", "200", DOUBT_TRUNCATED));
	CHECK_STR(str_of(c.told[0].field[FIELD_USER_AGENT]), "first");
	CHECK_STR(str_of(c.told[0].field[FIELD_REQUEST_BYTES]), "11"); /* where it ended is known all the same */
	CHECK_INT(c.told[0].authorization_seen, SEEN_UNKNOWN);
	CHECK_INT(c.counters.v[COUNT_head_truncated], 1);
	free(filler);
	end();
}

static void test_http1__a_head_with_a_hole_is_not_glued_together(void)
{
	begin(TAP_CONN_FROM_START);
	script_head(&s, TAP_READ, TAP_HEAD_START, "GET /1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bear", 0);
	s.off[TAP_READ] += 10;
	script_head(&s, TAP_READ, TAP_HEAD_END, "er a\r\nUser-Agent: x\r\n\r\n", 0);
	script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.1 200 OK\r\n\r\n", 0);
	script_end(&s, 0);
	script_head(&s, TAP_READ, TAP_HEAD_START | TAP_HEAD_CUT, "GET /2 HTTP/1.1\r\nHost: x\r\nAuthorization: Bear", 0);
	script_head(&s, TAP_READ, TAP_HEAD_END, "er a\r\nUser-Agent: x\r\n\r\n", 0);
	script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.1 200 OK\r\n\r\n", 0);
	script_end(&s, 0);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 2);
	for (size_t i = 0; i < 2; i++) {
		CHECK(is_told(i, i ? "/2" : "/1", "200", DOUBT_TRUNCATED));
		CHECK_STR(str_of(c.told[i].field[FIELD_HOST]), "x");
		CHECK_STR(str_of(c.told[i].field[FIELD_USER_AGENT]), "");
		CHECK_INT(c.told[i].authorization_seen, SEEN_UNKNOWN);
	}
	end();
}

static void test_http1__records_of_responses_may_come_late(void)
{
	struct play p = { .lose = -1, .push = chain_push, .ctx = &c };

	begin(TAP_CONN_FROM_START);
	for (int i = 1; i <= 4; i++) {
		char *line = chain_text("PUT /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", i), *answer = chain_text("HTTP/1.1 20%d OK\r\n\r\n", i);

		script_head(&s, TAP_READ, WHOLE, line, i);
		script_head(&s, TAP_WRITE, WHOLE, answer, 0);
		script_end(&s, 100 + i);
		free(line);
		free(answer);
	}
	script_close(&s);
	chain_init(&c);
	play_event(&p, &s.event[0]);
	for (uint8_t dir = 0; dir < 2; dir++) /* all requests, then all responses */
		for (size_t i = 1; i < s.nr - 1; i++)
			if (s.event[i].dir == dir)
				play_event(&p, &s.event[i]);
	play_event(&p, &s.event[s.nr - 1]);
	CHECK_INT(c.nr, 4);
	for (int i = 1; i <= 4; i++) {
		const char digit[] = { (char)('0' + i), '\0' };
		char *uri = chain_text("/%s", digit), *status = chain_text("20%s", digit);

		CHECK(is_told((size_t)i - 1, uri, status, 0));
		CHECK_STR(str_from(str_of(c.told[i - 1].field[FIELD_RESPONSE_BYTES]), 2), digit);
		CHECK_STR(str_of(c.told[i - 1].field[FIELD_REQUEST_BYTES]), digit);
		free(uri);
		free(status);
	}
	end();
}

/* The response to /1 and its end are lost: the next one is not taken for it. */
static void test_http1__after_a_loss_a_response_is_of_the_newest_request(void)
{
	struct play p = { .lose = -1, .push = chain_push, .ctx = &c };

	begin(TAP_CONN_FROM_START);
	for (int i = 1; i <= 3; i++) {
		char *line = chain_text("PUT /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", i), *answer = chain_text("HTTP/1.1 20%d OK\r\n\r\n", i);

		script_head(&s, TAP_READ, WHOLE, line, 0);
		script_head(&s, TAP_WRITE, WHOLE, answer, 0);
		script_end(&s, 0);
		free(line);
		free(answer);
	}
	script_close(&s);
	chain_init(&c);
	for (size_t i = 0; i < s.nr; i++) {
		p.lose = i == 2 || i == 3 ? p.nr : -1;
		play_event(&p, &s.event[i]);
	}
	CHECK_INT(c.nr, 3);
	CHECK(is_told(0, "/1", "", DOUBT_RECORDS_LOST | DOUBT_RESPONSE_UNSEEN | DOUBT_REQUEST_UNFINISHED));
	CHECK(is_told(1, "/2", "202", DOUBT_RECORDS_LOST)); /* open when the gap showed */
	CHECK(is_told(2, "/3", "203", 0));
	end();
}

/* Both responses are lost, but not the end of the second. */
static void test_http1__an_end_is_of_the_newest_request_it_has_consumed(void)
{
	struct play p = { .lose = -1, .push = chain_push, .ctx = &c };

	begin(TAP_CONN_FROM_START);
	for (int i = 1; i <= 2; i++) {
		script_head(&s, TAP_READ, WHOLE, i == 1 ? "PUT /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
				   : "PUT /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
			    5);
		script_head(&s, TAP_WRITE, WHOLE, "HTTP/1.1 200 OK\r\n\r\n", 0);
		script_end(&s, 50);
	}
	script_close(&s);
	chain_init(&c);
	for (size_t i = 0; i < s.nr; i++) {
		p.lose = i == 2 || i == 3 || i == 5 ? p.nr : -1;
		play_event(&p, &s.event[i]);
	}
	CHECK_INT(c.nr, 2);
	CHECK(is_told(0, "/1", "", DOUBT_RECORDS_LOST | DOUBT_RESPONSE_UNSEEN | DOUBT_REQUEST_UNFINISHED));
	CHECK_STR(str_of(c.told[0].field[FIELD_RESPONSE_BYTES]), "0");
	CHECK(is_told(1, "/2", "", DOUBT_RECORDS_LOST | DOUBT_RESPONSE_UNSEEN));
	CHECK_STR(str_of(c.told[1].field[FIELD_RESPONSE_BYTES]), "50");
	CHECK_STR(str_of(c.told[1].field[FIELD_REQUEST_BYTES]), "5");
	end();
}

static void test_http1__the_next_request_ends_one_whose_response_was_lost(void)
{
	struct play p = { .lose = 2, .push = chain_push, .ctx = &c };

	begin(TAP_CONN_FROM_START);
	script_head(&s, TAP_READ, WHOLE, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	script_head(&s, TAP_WRITE, TAP_HEAD_START, "HTTP/1.1 200 OK\r\n", 0);
	script_head(&s, TAP_WRITE, TAP_HEAD_END, "\r\n", 0);
	script_head(&s, TAP_READ, WHOLE, "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	chain_init(&c);
	play(&p, &s);
	CHECK_INT(c.nr, 1);
	CHECK(is_told(0, "/1", "", DOUBT_RECORDS_LOST | DOUBT_RESPONSE_UNSEEN | DOUBT_REQUEST_UNFINISHED));
	end();
}

int main(void)
{
	RUN(test_http1__a_head_is_read_as_textproto_reads_it);
	RUN(test_http1__all_forms_of_a_target_are_taken);
	RUN(test_http1__what_net_http_refuses_is_malformed);
	RUN(test_http1__a_malformed_head_is_read_as_far_as_it_can_be);
	RUN(test_http1__a_cut_head_has_its_whole_lines_only);
	RUN(test_http1__a_status_line_is_read);
	RUN(test_http1__requests_and_responses_pair_in_order);
	RUN(test_http1__the_next_request_s_first_byte_is_no_body);
	RUN(test_http1__informational_responses_are_none);
	RUN(test_http1__an_upgrade_ends_with_the_connection_and_its_totals);
	RUN(test_http1__an_upgrade_still_open_is_unfinished);
	RUN(test_http1__a_response_cut_off_by_the_end_is_reset);
	RUN(test_http1__what_a_handler_wrote_past_net_http_ends_with_the_connection);
	RUN(test_http1__what_net_http_refuses_is_told_as_malformed);
	RUN(test_http1__a_bad_line_leaves_the_credential_unknown);
	RUN(test_http1__an_incomplete_request_is_told_at_the_end);
	RUN(test_http1__line_ends_after_a_post_are_no_request);
	RUN(test_http1__pipelined_requests_are_answered_in_order);
	RUN(test_http1__a_connection_older_than_the_sensor_begins_with_a_response);
	RUN(test_http1__offsets_from_before_the_sensor_may_be_negative);
	RUN(test_http1__heads_longer_than_are_kept_are_truncated);
	RUN(test_http1__a_head_with_a_hole_is_not_glued_together);
	RUN(test_http1__records_of_responses_may_come_late);
	RUN(test_http1__after_a_loss_a_response_is_of_the_newest_request);
	RUN(test_http1__an_end_is_of_the_newest_request_it_has_consumed);
	RUN(test_http1__the_next_request_ends_one_whose_response_was_lost);
	fields_done(&fields);
	return test_end();
}
