/* SPDX-License-Identifier: Apache-2.0 */
#include "chain.h"
#include "test.h"

/* Messages go in directly; what comes out is copied by the chain, of which only the last stage is used. */
static struct chain c;
static struct conn conn = { .serial = 5, .is_described = true };
static uint64_t now_ns;

static void begin(void)
{
	conn = (struct conn){ .serial = 5, .is_described = true };
	now_ns = 1000;
	c = (struct chain){ 0 };
	exchange_init(&c.exchanges, &c.counters, chain_emit, &c);
}

static void end(void)
{
	exchange_done(&c.exchanges);
	chain_done(&c);
}

static void push(struct message m)
{
	m.conn = &conn;
	m.is_http2 = true;
	m.ktime_ns = now_ns++;
	exchange_push(&c.exchanges, &m);
}

static void request_with(uint32_t stream, const struct field *fields, size_t nr)
{
	push((struct message){ .kind = MESSAGE_HEAD, .stream = stream, .method = STR("GET"), .target = STR("/x"),
			       .authority = STR("host"), .fields = fields, .nr_fields = nr });
}

static void request(uint32_t stream)
{
	request_with(stream, NULL, 0);
	push((struct message){ .kind = MESSAGE_END, .stream = stream });
}

static void response(uint32_t stream, uint32_t status)
{
	push((struct message){ .kind = MESSAGE_HEAD, .dir = TAP_WRITE, .stream = stream, .code = status });
}

static void end_of(uint32_t stream)
{
	push((struct message){ .kind = MESSAGE_END, .dir = TAP_WRITE, .stream = stream });
}

static void lost(uint8_t dir)
{
	push((struct message){ .kind = MESSAGE_LOST, .dir = dir });
}

static void closed(void)
{
	push((struct message){ .kind = MESSAGE_CLOSED });
}

static const char *field(size_t n, enum chain_field f)
{
	return n < c.nr ? c.told[n].field[f] : "(not told)";
}

#define KNOWN(name, value) { STR(name), STR(value), true, true }

static void test_exchange__wanted_headers_are_kept_whatever_their_case(void)
{
	static const struct field fields[] = {
		KNOWN("User-Agent", "ua"),
		KNOWN("AUTHORIZATION", "Bearer 1"),
		KNOWN("authorization", "Bearer 2"),
		KNOWN("X-Forwarded-For", "1.1.1.1"),
		KNOWN("x-real-IP", "2.2.2.2"),
		KNOWN("x-forwarded-for", "3.3.3.3, 4.4.4.4"),
		KNOWN("Audit-ID", "mine"),
		KNOWN("audit-id", "not this"),
		KNOWN("Impersonate-User", "u"),
		KNOWN("Impersonate-Uid", "id"),
		KNOWN("Impersonate-Group", "g1"),
		KNOWN("Impersonate-Extra-Scopes", "s"),
		KNOWN("impersonate-group", "g2"),
		KNOWN("X-Remote-User", "front"),
		KNOWN("X-Remote-Group", "r1"),
		KNOWN("X-Remote-Group", "r2"),
		KNOWN("Sec-WebSocket-Protocol", "a, b"),
		KNOWN("sec-websocket-protocol", "c"),
		KNOWN("Connection", "keep-alive, UPGRADE"),
		KNOWN("Upgrade", "WebSocket"),
		KNOWN("x-remote-uses", "none of these is wanted"),
		KNOWN("impersonate-usex", "x"),
		KNOWN("authorizatiox", "x"),
		KNOWN("", ""),
	};

	begin();
	request_with(1, fields, sizeof(fields) / sizeof(fields[0]));
	response(1, 200);
	end_of(1);
	CHECK_INT(c.nr, 1);
	CHECK_STR(str_of(field(0, FIELD_METHOD)), "GET");
	CHECK_STR(str_of(field(0, FIELD_HOST)), "host");
	CHECK_STR(str_of(field(0, FIELD_URI)), "/x");
	CHECK_STR(str_of(field(0, FIELD_USER_AGENT)), "ua");
	CHECK_STR(str_of(field(0, FIELD_AUTHORIZATION)), "=Bearer 1");
	CHECK_STR(str_of(field(0, FIELD_FORWARDED_FOR)), "1.1.1.1, 3.3.3.3, 4.4.4.4");
	CHECK_STR(str_of(field(0, FIELD_REAL_IP)), "2.2.2.2");
	CHECK_STR(str_of(field(0, FIELD_REQUEST_AUDIT_ID)), "mine");
	CHECK_STR(str_of(field(0, FIELD_IMPERSONATE_USER)), "u");
	CHECK_STR(str_of(field(0, FIELD_IMPERSONATE_UID)), "id");
	CHECK_STR(str_of(field(0, FIELD_IMPERSONATE_GROUPS)), "g1,g2");
	CHECK_STR(str_of(field(0, FIELD_REMOTE_USER)), "front");
	CHECK_STR(str_of(field(0, FIELD_REMOTE_GROUPS)), "r1,r2");
	CHECK_STR(str_of(field(0, FIELD_WS_PROTOCOL)), "=a, b,c");
	CHECK_STR(str_of(field(0, FIELD_WEBSOCKET)), "yes");
	CHECK_INT(c.told[0].doubts, DOUBT_REQUEST_UNFINISHED);
	end();
}

static void test_exchange__an_empty_value_is_present(void)
{
	static const struct field fields[] = { KNOWN("authorization", ""), KNOWN("sec-websocket-protocol", "") };

	begin();
	request_with(1, fields, 2);
	closed();
	CHECK_STR(str_of(field(0, FIELD_AUTHORIZATION)), "=");
	CHECK_STR(str_of(field(0, FIELD_WS_PROTOCOL)), "=");
	CHECK_STR(str_of(field(0, FIELD_WEBSOCKET)), "no");
	end();
}

static void test_exchange__unknown_is_never_told_as_absent(void)
{
	static const struct field nothing[] = { KNOWN("a", "b") };
	static const struct field name[] = { KNOWN("a", "b"), { STR(""), STR("x"), false, true } };
	static const struct field value[] = { { STR("authorization"), STR(""), true, false } };
	static const struct field other[] = { { STR("user-agent"), STR(""), true, false }, { STR("b"), STR(""), true, false } };
	static const struct field found[] = { { STR(""), STR(""), false, false }, KNOWN("authorization", "Bearer a") };

	begin();
	request_with(1, nothing, 1);
	request_with(3, name, 2);
	request_with(5, value, 1);
	request_with(7, other, 2);
	request_with(9, found, 2);
	push((struct message){ .kind = MESSAGE_HEAD, .stream = 11, .is_truncated = true });
	push((struct message){ .kind = MESSAGE_HEAD, .stream = 13, .is_unknown = true });
	push((struct message){ .kind = MESSAGE_HEAD, .stream = 15, .is_malformed = true });
	push((struct message){ .kind = MESSAGE_HEAD, .stream = 17, .is_malformed = true, .has_bad_lines = true });
	closed();
	CHECK_INT(c.nr, 9);
	CHECK_INT(c.told[0].authorization_seen, SEEN_ABSENT);
	CHECK_INT(c.told[1].authorization_seen, SEEN_UNKNOWN);
	CHECK_INT(c.told[2].authorization_seen, SEEN_UNKNOWN);
	CHECK_INT(c.told[3].authorization_seen, SEEN_ABSENT); /* the value not known is another header's */
	CHECK_INT(c.told[4].authorization_seen, SEEN_PRESENT);
	CHECK_INT(c.told[5].authorization_seen, SEEN_UNKNOWN);
	CHECK_INT(c.told[6].authorization_seen, SEEN_UNKNOWN);
	CHECK_INT(c.told[7].authorization_seen, SEEN_ABSENT);
	CHECK_INT(c.told[8].authorization_seen, SEEN_UNKNOWN);
	CHECK_INT(c.told[0].doubts, DOUBT_RESPONSE_UNSEEN);
	for (size_t i = 1; i < 5; i++)
		CHECK_INT(c.told[i].doubts, DOUBT_RESPONSE_UNSEEN | DOUBT_HEADER_UNKNOWN);
	CHECK_INT(c.told[5].doubts, DOUBT_RESPONSE_UNSEEN | DOUBT_TRUNCATED);
	CHECK_INT(c.told[6].doubts, DOUBT_RESPONSE_UNSEEN | DOUBT_HEADER_UNKNOWN);
	CHECK_INT(c.told[7].doubts, DOUBT_RESPONSE_UNSEEN | DOUBT_MALFORMED);
	end();
}

static void test_exchange__long_values_are_cut_and_said_to_be(void)
{
	size_t n = SECRET_MAX + 1000;
	char *text = malloc(n);
	struct field fields[] = { KNOWN("user-agent", ""), KNOWN("authorization", ""), KNOWN("x-forwarded-for", "a"),
				  KNOWN("x-forwarded-for", "") };
	struct field groups[EXCHANGE_GROUPS_MAX + 1];

	RECORDS_MUST(text);
	memset(text, 'x', n);
	begin();
	fields[0].value = (struct str){ text, EXCHANGE_VALUE_MAX };
	fields[1].value = (struct str){ text, SECRET_MAX };
	fields[3].value = (struct str){ text, EXCHANGE_VALUE_MAX - 3 };
	request_with(1, fields, 4);
	fields[0].value.n++;
	request_with(3, fields, 1);
	fields[1].value.n++;
	request_with(5, fields + 1, 1);
	fields[3].value.n++;
	request_with(7, fields + 2, 2);
	for (size_t i = 0; i <= EXCHANGE_GROUPS_MAX; i++)
		groups[i] = (struct field)KNOWN("impersonate-group", "g");
	request_with(9, groups, EXCHANGE_GROUPS_MAX);
	request_with(11, groups, EXCHANGE_GROUPS_MAX + 1);
	closed();
	CHECK_INT(c.told[0].doubts, DOUBT_RESPONSE_UNSEEN);
	CHECK_INT(strlen(field(0, FIELD_FORWARDED_FOR)), EXCHANGE_VALUE_MAX);
	CHECK_INT(c.told[1].doubts, DOUBT_RESPONSE_UNSEEN | DOUBT_TRUNCATED);
	CHECK_INT(strlen(field(1, FIELD_USER_AGENT)), EXCHANGE_VALUE_MAX);
	CHECK_INT(c.told[2].doubts, DOUBT_RESPONSE_UNSEEN | DOUBT_TRUNCATED);
	CHECK_INT(strlen(field(2, FIELD_AUTHORIZATION)), SECRET_MAX + 1); /* and "=" */
	CHECK_INT(c.told[3].doubts, DOUBT_RESPONSE_UNSEEN | DOUBT_TRUNCATED);
	CHECK_INT(strlen(field(3, FIELD_FORWARDED_FOR)), EXCHANGE_VALUE_MAX);
	CHECK_INT(c.told[4].doubts, DOUBT_RESPONSE_UNSEEN);
	CHECK_INT(c.told[5].doubts, DOUBT_RESPONSE_UNSEEN | DOUBT_TRUNCATED);
	CHECK_INT(strlen(field(5, FIELD_IMPERSONATE_GROUPS)), 2 * EXCHANGE_GROUPS_MAX - 1);
	free(text);
	end();
}

static void test_exchange__every_request_is_told_once(void)
{
	begin();
	request(1);
	response(1, 200);
	push((struct message){ .kind = MESSAGE_BODY, .dir = TAP_WRITE, .stream = 1, .bytes = 10 });
	push((struct message){ .kind = MESSAGE_BODY, .dir = TAP_WRITE, .stream = 1, .bytes = 11 });
	CHECK_INT(c.nr, 0);
	end_of(1);
	CHECK_INT(c.nr, 1);
	/* what may still come of it */
	push((struct message){ .kind = MESSAGE_RESET, .dir = TAP_WRITE, .stream = 1 });
	push((struct message){ .kind = MESSAGE_RESET, .stream = 1 });
	push((struct message){ .kind = MESSAGE_BODY, .stream = 1, .bytes = 5 });
	push((struct message){ .kind = MESSAGE_HEAD, .stream = 1, .is_unknown = true });
	push((struct message){ .kind = MESSAGE_END, .stream = 1 });
	push((struct message){ .kind = MESSAGE_GOAWAY, .dir = TAP_WRITE, .stream = 1 });
	response(1, 500);
	end_of(1);
	closed();
	closed();
	CHECK_INT(c.nr, 1);
	CHECK_INT(c.told[0].doubts, 0);
	CHECK_STR(str_of(field(0, FIELD_STATUS)), "200");
	CHECK_STR(str_of(field(0, FIELD_RESPONSE_BYTES)), "21");
	CHECK_INT(c.told[0].request_ns, 1000);
	CHECK_INT(c.told[0].first_byte_ns, 1002);
	CHECK_INT(c.told[0].end_ns, 1005);
	end();
}

static void test_exchange__a_reset_response_is_not_complete(void)
{
	begin();
	request(1);
	response(1, 200);
	push((struct message){ .kind = MESSAGE_RESET, .stream = 1, .code = 8 });
	request(3);
	push((struct message){ .kind = MESSAGE_RESET, .dir = TAP_WRITE, .stream = 3, .code = 2 });
	request(5);
	push((struct message){ .kind = MESSAGE_RESET, .dir = TAP_WRITE, .stream = 5, .code = 1 });
	CHECK_INT(c.nr, 3);
	CHECK_INT(c.told[0].doubts, DOUBT_RESET);
	CHECK_STR(str_of(field(0, FIELD_STATUS)), "200");
	CHECK_INT(c.told[1].doubts, DOUBT_RESET);
	CHECK_INT(c.told[2].doubts, DOUBT_RESET | DOUBT_MALFORMED);
	end();
}

static void test_exchange__a_response_that_crosses_the_clients_reset_is_no_other_exchange(void)
{
	begin();
	lost(TAP_READ); /* so that requests may be unseen at all */
	request(1);
	push((struct message){ .kind = MESSAGE_RESET, .stream = 1, .code = 8 });
	response(1, 200);
	end_of(1);
	closed();
	CHECK_INT(c.nr, 1);
	end();
}

static void test_exchange__a_response_without_its_request_is_told_with_nothing_of_a_credential(void)
{
	begin();
	conn.is_before_attach = true;
	response(7, 200);
	end_of(7);
	request(9);
	response(3, 404); /* begun before the first that was seen */
	end_of(3);
	closed();
	CHECK_INT(c.nr, 3);
	CHECK_INT(c.told[0].doubts, DOUBT_REQUEST_UNSEEN);
	CHECK_INT(c.told[0].authorization_seen, SEEN_UNKNOWN);
	CHECK(!c.told[0].has_request && c.told[0].request_ns == 0);
	CHECK_INT(c.told[1].doubts, DOUBT_REQUEST_UNSEEN);
	CHECK_INT(c.counters.v[COUNT_response_unpaired], 2);
	CHECK_INT(c.counters.v[COUNT_request_unpaired], 1);
	end();
}

static void test_exchange__a_loss_puts_what_is_open_in_doubt(void)
{
	begin();
	request(1);
	response(1, 200);
	end_of(1);
	request(3);
	lost(TAP_WRITE);
	request(5);
	response(3, 200);
	end_of(3);
	response(5, 200);
	end_of(5);
	CHECK_INT(c.told[0].doubts, 0);
	CHECK_INT(c.told[1].doubts, DOUBT_RECORDS_LOST);
	CHECK_INT(c.told[2].doubts, 0);
	end();
}

static void test_exchange__the_end_of_a_lost_response_is_its_end(void)
{
	begin();
	request(1);
	lost(TAP_WRITE);
	end_of(1);
	CHECK_INT(c.nr, 1);
	CHECK_INT(c.told[0].doubts, DOUBT_RECORDS_LOST | DOUBT_RESPONSE_UNSEEN);
	CHECK_INT(c.counters.v[COUNT_request_unpaired], 1);
	end();
}

static void test_exchange__what_stays_silent_after_a_loss_is_told_in_time(void)
{
	begin();
	request(1);
	request(3);
	response(3, 200);
	lost(TAP_WRITE);
	push((struct message){ .kind = MESSAGE_BODY, .dir = TAP_WRITE, .stream = 3, .bytes = 1 }); /* is alive */
	now_ns += EXCHANGE_LOST_NS - 10;
	request(5);
	CHECK_INT(c.nr, 0);
	now_ns += 10;
	request(7);
	CHECK_INT(c.nr, 1);
	CHECK_INT(c.told[0].stream, 1);
	CHECK_INT(c.told[0].doubts, DOUBT_RECORDS_LOST);
	/* two losses: each counts from its own */
	lost(TAP_WRITE);
	now_ns += EXCHANGE_LOST_NS / 2;
	request(9);
	lost(TAP_WRITE);
	now_ns += EXCHANGE_LOST_NS / 2 + 10;
	request(11);
	CHECK_INT(c.nr, 1);
	now_ns += EXCHANGE_LOST_NS / 2;
	request(13);
	CHECK_INT(c.nr, 5);
	end();
}

static void test_exchange__streams_beyond_the_cap_are_dropped_and_counted(void)
{
	begin();
	for (uint32_t i = 0; i < EXCHANGE_STREAMS_MAX; i++)
		request(2 * i + 1);
	request(2 * EXCHANGE_STREAMS_MAX + 1);
	CHECK_INT(c.counters.v[COUNT_streams_dropped], 1);
	CHECK_INT(c.nr, 0);
	response(2 * EXCHANGE_STREAMS_MAX + 1, 200); /* its response is not told as another's */
	end_of(2 * EXCHANGE_STREAMS_MAX + 1);
	CHECK_INT(c.nr, 0);
	/* one whose end may have been lost makes room */
	lost(TAP_WRITE);
	request(2 * EXCHANGE_STREAMS_MAX + 3);
	CHECK_INT(c.counters.v[COUNT_streams_dropped], 1);
	CHECK_INT(c.nr, 1);
	CHECK_INT(c.told[0].stream, 1);
	end();
}

static void test_exchange__the_end_of_a_connection_ends_what_is_open(void)
{
	begin();
	request(1);
	request(3);
	response(3, 200);
	closed();
	CHECK_INT(c.nr, 2);
	CHECK_INT(c.told[0].doubts, DOUBT_RESPONSE_UNSEEN);
	CHECK_INT(c.told[1].doubts, DOUBT_RESET);
	end();
}

static void test_exchange__what_is_open_when_tracing_stops_is_unfinished(void)
{
	begin();
	request(1);
	response(1, 200);
	exchange_finish(&c.exchanges, 77);
	CHECK_INT(c.nr, 1);
	CHECK_INT(c.told[0].doubts, DOUBT_UNFINISHED);
	CHECK_INT(c.told[0].end_ns, 77);
	request(3);
	push((struct message){ .kind = MESSAGE_CLOSED, .is_cut = true });
	CHECK_INT(c.nr, 2);
	CHECK_INT(c.told[1].doubts, DOUBT_UNFINISHED);
	end();
}

static void test_exchange__what_is_not_known_of_the_connection_is_said(void)
{
	begin();
	conn.is_described = false;
	request(1);
	response(1, 200);
	end_of(1);
	conn.is_described = conn.is_cert_cut = true;
	request(3);
	response(3, 200);
	end_of(3);
	CHECK_INT(c.told[0].doubts, DOUBT_CONNECTION_UNKNOWN);
	CHECK_INT(c.told[1].doubts, DOUBT_TRUNCATED);
	end();
}

static void test_exchange__a_status_that_was_not_decoded_may_come_again(void)
{
	static const struct field unknown[] = { { STR(""), STR(""), false, false } };
	static const struct field known[] = { KNOWN("audit-id", "a"), KNOWN("x-kubernetes-pf-flowschema-uid", "f") };
	struct message head = { .kind = MESSAGE_HEAD, .dir = TAP_WRITE, .stream = 1, .fields = unknown, .nr_fields = 1 };

	begin();
	request(1);
	push(head); /* 103, perhaps */
	head.code = 200;
	head.fields = known;
	head.nr_fields = 2;
	push(head);
	head.code = 0;
	head.fields = unknown;
	head.nr_fields = 1;
	push(head); /* trailers, then */
	end_of(1);
	CHECK_INT(c.nr, 1);
	CHECK_STR(str_of(field(0, FIELD_STATUS)), "200");
	CHECK_STR(str_of(field(0, FIELD_AUDIT_ID)), "a");
	CHECK_STR(str_of(field(0, FIELD_FLOW_SCHEMA)), "yes");
	CHECK_INT(c.told[0].doubts, DOUBT_HEADER_UNKNOWN);
	CHECK_INT(c.told[0].first_byte_ns, 1002);
	end();
}

static void test_exchange__words_are_there_for_every_doubt_and_protocol(void)
{
	for (int b = 0; b < DOUBT_MAX; b++)
		CHECK(doubt_word(b)[0] && doubt_help(b)[0]);
	CHECK_STR(str_of(doubt_word(DOUBT_BIT_REQUEST_UNSEEN)), "request-unseen");
	CHECK_STR(str_of(protocol_name(PROTOCOL_UNKNOWN)), "");
	CHECK_STR(str_of(protocol_name(PROTOCOL_HTTP1_0)), "HTTP/1.0");
	CHECK_STR(str_of(protocol_name(PROTOCOL_HTTP1_1)), "HTTP/1.1");
	CHECK_STR(str_of(protocol_name(PROTOCOL_HTTP2)), "HTTP/2.0");
}

int main(void)
{
	RUN(test_exchange__wanted_headers_are_kept_whatever_their_case);
	RUN(test_exchange__an_empty_value_is_present);
	RUN(test_exchange__unknown_is_never_told_as_absent);
	RUN(test_exchange__long_values_are_cut_and_said_to_be);
	RUN(test_exchange__every_request_is_told_once);
	RUN(test_exchange__a_reset_response_is_not_complete);
	RUN(test_exchange__a_response_that_crosses_the_clients_reset_is_no_other_exchange);
	RUN(test_exchange__a_response_without_its_request_is_told_with_nothing_of_a_credential);
	RUN(test_exchange__a_loss_puts_what_is_open_in_doubt);
	RUN(test_exchange__the_end_of_a_lost_response_is_its_end);
	RUN(test_exchange__what_stays_silent_after_a_loss_is_told_in_time);
	RUN(test_exchange__streams_beyond_the_cap_are_dropped_and_counted);
	RUN(test_exchange__the_end_of_a_connection_ends_what_is_open);
	RUN(test_exchange__what_is_open_when_tracing_stops_is_unfinished);
	RUN(test_exchange__what_is_not_known_of_the_connection_is_said);
	RUN(test_exchange__a_status_that_was_not_decoded_may_come_again);
	RUN(test_exchange__words_are_there_for_every_doubt_and_protocol);
	return test_end();
}
