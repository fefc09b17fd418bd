/* SPDX-License-Identifier: Apache-2.0 */
#include "chain.h"
#include "test.h"
#include "wire/http2.h"

#define END_STREAM 1
#define PADDED 8
#define PRIORITY 0x20
#define GET(path) ":method", "GET", ":scheme", "https", ":authority", "x", ":path", path

static struct script s;
static struct chain c;

static void begin(uint8_t how)
{
	script_conn(&s, 1, how, "h2");
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

static bool is_told(size_t n, uint32_t stream, const char *uri, const char *status, uint32_t doubts)
{
	const struct told *t = n < c.nr ? &c.told[n] : NULL;
	bool is_so = t && t->stream == stream && !strcmp(t->field[FIELD_URI], uri) &&
		     !strcmp(t->field[FIELD_STATUS], status) && t->doubts == doubts;

	if (!is_so)
		chain_print(&c);
	return is_so;
}

/* The frame that was added last: change its payload. */
static struct event *last(void)
{
	return &s.event[s.nr - 1];
}

static void respond(uint32_t stream)
{
	script_headers(&s, TAP_WRITE, stream, END_STREAM, 1, ":status", "200", NULL);
}

static void test_http2__padding_and_priority_are_taken_off(void)
{
	struct buf block;

	begin(TAP_CONN_FROM_START);
	script_headers(&s, TAP_READ, 1, END_STREAM | PADDED | PRIORITY, 1, GET("/1"), NULL);
	block = last()->bytes;
	last()->bytes = (struct buf){ 0 };
	buf_add(&last()->bytes, "\3\0\0\0\0\xff", 6);
	buf_add(&last()->bytes, block.p, block.n);
	buf_add(&last()->bytes, "\x82\x82\x82", 3);
	buf_done(&block);
	respond(1);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 1);
	CHECK(is_told(0, 1, "/1", "200", 0));
	end();
}

static void test_http2__padding_longer_than_the_frame_is_a_fault(void)
{
	begin(TAP_CONN_FROM_START);
	script_frame(&s, TAP_READ, 1, END_STREAM | PADDED | 4, 1, "\xff\x82", 2);
	script_frame(&s, TAP_READ, 1, END_STREAM | PADDED | 4, 3, "", 0);
	script_frame(&s, TAP_READ, 1, END_STREAM | 4, 0, "\x82", 1);
	script_close(&s);
	run();
	CHECK_INT(c.counters.v[COUNT_frame_bad], 3);
	CHECK_INT(c.nr, 2); /* of stream 0 there is none */
	CHECK(is_told(0, 1, "", "", DOUBT_HEADER_UNKNOWN | DOUBT_RESPONSE_UNSEEN));
	end();
}

static void test_http2__a_push_promise_keeps_the_table_in_step(void)
{
	struct buf block;

	begin(TAP_CONN_FROM_START);
	script_headers(&s, TAP_READ, 1, END_STREAM, 1, GET("/1"), NULL);
	script_headers(&s, TAP_WRITE, 1, 0, 1, ":path", "/pushed", "audit-id", "a-0", NULL);
	last()->type = 5;
	block = last()->bytes;
	last()->bytes = (struct buf){ 0 };
	buf_add(&last()->bytes, "\0\0\0\2", 4);
	buf_add(&last()->bytes, block.p, block.n);
	buf_done(&block);
	script_headers(&s, TAP_WRITE, 1, END_STREAM, 1, ":status", "200", "audit-id", "a-0", NULL);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 1);
	CHECK(is_told(0, 1, "/1", "200", 0));
	CHECK_STR(str_of(c.told[0].field[FIELD_AUDIT_ID]), "a-0");
	end();
}

static void test_http2__interim_responses_and_trailers_are_no_heads(void)
{
	begin(TAP_CONN_FROM_START);
	script_headers(&s, TAP_READ, 1, 0, 1, GET("/1"), "expect", "100-continue", NULL);
	script_headers(&s, TAP_WRITE, 1, 0, 1, ":status", "100", NULL);
	script_data(&s, TAP_READ, 1, 10, false);
	script_headers(&s, TAP_READ, 1, END_STREAM, 1, "authorization", "Bearer forged", NULL);
	script_headers(&s, TAP_WRITE, 1, 0, 1, ":status", "103", "audit-id", "no", NULL);
	script_headers(&s, TAP_WRITE, 1, 0, 1, ":status", "207", "audit-id", "yes", NULL);
	script_data(&s, TAP_WRITE, 1, 20, false);
	script_headers(&s, TAP_WRITE, 1, END_STREAM, 1, "audit-id", "late", NULL);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 1);
	CHECK(is_told(0, 1, "/1", "207", 0));
	CHECK_STR(str_of(c.told[0].field[FIELD_AUDIT_ID]), "yes");
	CHECK_STR(str_of(c.told[0].field[FIELD_AUTHORIZATION]), "none");
	CHECK_STR(str_of(c.told[0].field[FIELD_REQUEST_BYTES]), "10");
	CHECK_STR(str_of(c.told[0].field[FIELD_RESPONSE_BYTES]), "20");
	end();
}

static void test_http2__an_extended_connect_is_an_upgrade(void)
{
	begin(TAP_CONN_FROM_START);
	script_headers(&s, TAP_READ, 1, 0, 1, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority",
		       "x", ":path", "/exec", NULL);
	script_headers(&s, TAP_WRITE, 1, 0, 1, ":status", "200", NULL);
	script_data(&s, TAP_WRITE, 1, 20, true);
	script_close(&s);
	run();
	CHECK(is_told(0, 1, "/exec", "200", DOUBT_REQUEST_UNFINISHED));
	CHECK_STR(str_of(c.told[0].field[FIELD_UPGRADED]), "yes");
	end();
}

static void test_http2__requests_that_net_http_resets_are_malformed(void)
{
	begin(TAP_CONN_FROM_START);
	script_headers(&s, TAP_READ, 1, END_STREAM, 1, ":method", "GET", ":path", "/1", NULL);			/* no :scheme */
	script_headers(&s, TAP_READ, 3, END_STREAM, 1, GET("/3"), ":path", "/other", NULL);			/* twice */
	script_headers(&s, TAP_READ, 5, END_STREAM, 1, GET("/5"), "a", "b", ":authority", "y", NULL);		/* too late */
	script_headers(&s, TAP_READ, 7, END_STREAM, 1, GET("/7"), ":magic", "y", NULL);
	script_headers(&s, TAP_READ, 9, END_STREAM, 1, GET("/9"), ":status", "200", NULL);
	script_headers(&s, TAP_READ, 11, END_STREAM, 1, ":method", "CONNECT", ":authority", "x", ":path", "/11", NULL);
	script_headers(&s, TAP_READ, 13, END_STREAM, 1, GET("/13"), "Upper", "case", NULL);	/* seen by its reset alone */
	for (uint32_t stream = 1; stream < 14; stream += 2)
		script_reset(&s, TAP_WRITE, stream, 1);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 7);
	CHECK(is_told(0, 1, "/1", "", DOUBT_MALFORMED | DOUBT_RESET));
	CHECK(is_told(1, 3, "/3", "", DOUBT_MALFORMED | DOUBT_RESET));
	CHECK(is_told(2, 5, "/5", "", DOUBT_MALFORMED | DOUBT_RESET));
	CHECK(is_told(3, 7, "/7", "", DOUBT_MALFORMED | DOUBT_RESET));
	CHECK(is_told(4, 9, "/9", "", DOUBT_MALFORMED | DOUBT_RESET));
	CHECK(is_told(5, 11, "/11", "", DOUBT_MALFORMED | DOUBT_RESET));
	CHECK(is_told(6, 13, "/13", "", DOUBT_MALFORMED | DOUBT_RESET));
	end();
}

static void test_http2__host_stands_in_for_a_missing_authority(void)
{
	begin(TAP_CONN_FROM_START);
	script_headers(&s, TAP_READ, 1, END_STREAM, 1, ":method", "GET", ":scheme", "https", ":path", "/1", "host", "h", NULL);
	respond(1);
	script_close(&s);
	run();
	CHECK(is_told(0, 1, "/1", "200", 0));
	CHECK_STR(str_of(c.told[0].field[FIELD_HOST]), "h");
	end();
}

static void test_http2__every_block_is_decoded_also_of_streams_not_kept(void)
{
	begin(TAP_CONN_FROM_START);
	script_headers(&s, TAP_READ, 1, END_STREAM, 1, GET("/1"), "user-agent", "a", NULL);
	script_headers(&s, TAP_WRITE, 1, END_STREAM, 1, ":status", "200", NULL);
	script_headers(&s, TAP_READ, 1, END_STREAM, 1, "user-agent", "b", NULL); /* of a stream that is over */
	script_headers(&s, TAP_READ, 3, END_STREAM, 1, GET("/3"), "user-agent", "b", NULL);
	respond(3);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 2);
	CHECK(is_told(1, 3, "/3", "200", 0));
	CHECK_STR(str_of(c.told[1].field[FIELD_USER_AGENT]), "b");
	end();
}

static void test_http2__a_refused_block_makes_what_was_older_unknown(void)
{
	begin(TAP_CONN_FROM_START);
	script_headers(&s, TAP_READ, 1, END_STREAM, 1, GET("/1"), "authorization", "Bearer a", NULL);
	respond(1);
	script_frame(&s, TAP_READ, 1, 5, 3, "\xff\xff\xff\xff\xff\xff", 6);
	script_headers(&s, TAP_READ, 5, END_STREAM, 1, GET("/5"), "authorization", "Bearer a", NULL);
	respond(5);
	script_headers(&s, TAP_READ, 7, END_STREAM, 1, ":path", "/5", "user-agent", "new", NULL);
	script_close(&s);
	run();
	CHECK_INT(c.counters.v[COUNT_hpack_bad], 1);
	CHECK_INT(c.nr, 4);
	CHECK(is_told(0, 1, "/1", "200", 0));
	CHECK(is_told(1, 5, "", "200", DOUBT_HEADER_UNKNOWN));	/* a known value of an unknown name */
	CHECK_INT(c.told[1].authorization_seen, SEEN_UNKNOWN);
	CHECK(is_told(2, 3, "", "", DOUBT_HEADER_UNKNOWN | DOUBT_RESPONSE_UNSEEN));
	CHECK_STR(str_of(c.told[3].field[FIELD_USER_AGENT]), "new");
	end();
}

static void test_http2__an_undescribed_connection_that_begins_with_settings_is_exact(void)
{
	begin(0xff); /* TAP_CONN was lost */
	script_frame(&s, TAP_READ, 4, 0, 0, "", 0);
	script_frame(&s, TAP_WRITE, 4, 0, 0, "", 0);
	script_headers(&s, TAP_READ, 1, END_STREAM, 1, GET("/1"), NULL);
	respond(1);
	script_headers(&s, TAP_READ, 3, END_STREAM, 1, GET("/3"), NULL);
	respond(3);
	script_frame(&s, TAP_READ, 1, 5, 5, "\xff\x7f", 2); /* beyond the table: an error of the sender */
	script_close(&s);
	run();
	CHECK_INT(c.nr, 3);
	CHECK(is_told(0, 1, "/1", "200", DOUBT_CONNECTION_UNKNOWN));
	CHECK(is_told(1, 3, "/3", "200", DOUBT_CONNECTION_UNKNOWN));
	CHECK_INT(c.counters.v[COUNT_hpack_bad], 1);
	end();
}

static void test_http2__an_undescribed_connection_that_begins_otherwise_is_not(void)
{
	begin(0xff);
	script_headers(&s, TAP_READ, 1, END_STREAM, 1, GET("/1"), NULL);
	script_frame(&s, TAP_READ, 1, 5, 3, "\xff\x7f", 2);
	script_close(&s);
	run();
	CHECK_INT(c.nr, 2);
	CHECK_INT(c.counters.v[COUNT_hpack_bad], 0);
	CHECK_INT(c.counters.v[COUNT_header_unknown], 1);
	end();
}

/* A snapshot is for the next HEADERS of its stream; others before it were encoded earlier. */
static void test_http2__blocks_before_the_one_of_the_snapshot_leave_it_alone(void)
{
	struct play p = { .lose = -1, .push = chain_push, .ctx = &c };
	size_t first;

	begin(TAP_CONN_FROM_START);
	script_headers(&s, TAP_READ, 1, END_STREAM, 1, GET("/1"), NULL);
	script_headers(&s, TAP_READ, 3, END_STREAM, 1, GET("/3"), NULL);
	script_headers(&s, TAP_WRITE, 99, END_STREAM, 1, ":status", "404", "audit-id", "a", NULL);
	first = s.nr;
	script_headers(&s, TAP_WRITE, 1, END_STREAM, 1, ":status", "404", "audit-id", "b", NULL);
	script_headers(&s, TAP_WRITE, 3, END_STREAM, 1, ":status", "404", "audit-id", "a", NULL);
	script_close(&s);
	chain_init(&c);
	for (size_t i = 0; i < s.nr; i++) {
		p.lose = i == first - 1 ? p.nr : -1;	/* the block that inserts what 1 and 3 refer to */
		if (i == first)
			play_snapshot(&p, &s.event[first + 1]);
		play_event(&p, &s.event[i]);
	}
	CHECK_INT(c.nr, 2);
	CHECK(is_told(0, 1, "/1", "", DOUBT_RECORDS_LOST | DOUBT_HEADER_UNKNOWN));
	CHECK(is_told(1, 3, "/3", "404", DOUBT_RECORDS_LOST));
	CHECK_STR(str_of(c.told[1].field[FIELD_AUDIT_ID]), "a");
	end();
}

/* What the description says of the start is of the reads; the writes may have been joined later. */
static void test_http2__a_direction_that_begins_with_a_snapshot_has_no_start(void)
{
	struct play p = { .lose = -1, .push = chain_push, .ctx = &c };

	begin(TAP_CONN_FROM_START);
	script_headers(&s, TAP_READ, 1, END_STREAM, 1, GET("/1"), NULL);
	script_headers(&s, TAP_READ, 3, END_STREAM, 1, GET("/3"), NULL);
	script_headers(&s, TAP_WRITE, 99, END_STREAM, 1, ":status", "404", "audit-id", "a", NULL);
	buf_done(&last()->bytes);
	s.nr--; /* it was before our time */
	script_headers(&s, TAP_WRITE, 1, END_STREAM, 1, ":status", "404", "audit-id", "a", NULL);
	script_headers(&s, TAP_WRITE, 3, END_STREAM, 1, ":status", "404", "audit-id", "a", NULL);
	script_close(&s);
	chain_init(&c);
	for (size_t i = 0; i < s.nr; i++) {
		if (i == 3)
			play_snapshot(&p, &s.event[4]);
		play_event(&p, &s.event[i]);
	}
	CHECK_INT(c.nr, 2);
	CHECK_INT(c.counters.v[COUNT_hpack_bad], 0);
	CHECK(is_told(0, 1, "/1", "", DOUBT_HEADER_UNKNOWN));
	CHECK(is_told(1, 3, "/3", "404", 0));
	end();
}

static void test_http2__a_gap_inside_a_header_block_makes_its_head_unknown(void)
{
	struct play p = { .lose = 2, .push = chain_push, .ctx = &c };

	begin(TAP_CONN_FROM_START);
	script_headers(&s, TAP_READ, 1, END_STREAM, 3, GET("/1"), NULL);
	script_headers(&s, TAP_READ, 3, END_STREAM, 1, GET("/3"), NULL);
	respond(1);
	respond(3);
	script_close(&s);
	chain_init(&c);
	play(&p, &s);
	CHECK_INT(c.nr, 2);
	CHECK(is_told(0, 1, "", "200", DOUBT_HEADER_UNKNOWN | DOUBT_RECORDS_LOST));
	CHECK_INT(c.told[0].authorization_seen, SEEN_UNKNOWN);
	CHECK(c.told[0].has_request);
	end();
}

static void test_http2__an_answer_shows_that_the_rest_of_a_head_was_lost(void)
{
	struct play p = { .lose = 3, .push = chain_push, .ctx = &c };

	begin(TAP_CONN_FROM_START);
	script_headers(&s, TAP_READ, 1, END_STREAM, 3, GET("/1"), NULL); /* its last frame is lost */
	respond(1);
	script_headers(&s, TAP_READ, 3, END_STREAM, 1, GET("/3"), NULL);
	respond(3);
	script_close(&s);
	chain_init(&c);
	play(&p, &s);
	CHECK_INT(c.nr, 2);
	CHECK(is_told(0, 1, "", "200", DOUBT_HEADER_UNKNOWN | DOUBT_REQUEST_UNFINISHED));
	CHECK(c.told[0].has_request);
	CHECK_INT(c.counters.v[COUNT_seq_gaps], 1);
	end();
}

static void test_http2__a_block_longer_than_is_kept_is_counted_and_not_kept(void)
{
	char *filler = calloc(1, 60000);

	RECORDS_MUST(filler);
	begin(TAP_CONN_FROM_START);
	script_headers(&s, TAP_READ, 1, END_STREAM, 1, GET("/1"), NULL);
	last()->flags &= ~4;
	for (int i = 0; i < 20; i++)
		script_frame(&s, TAP_READ, 9, 0, 1, filler, 60000);
	script_frame(&s, TAP_READ, 9, 4, 1, filler, 1);
	script_headers(&s, TAP_READ, 3, END_STREAM, 1, GET("/3"), NULL);
	respond(1);
	script_close(&s);
	run();
	CHECK_INT(c.counters.v[COUNT_head_truncated], 1);
	CHECK_INT(c.nr, 2);
	CHECK(is_told(0, 1, "", "200", DOUBT_HEADER_UNKNOWN));
	free(filler);
	end();
}

static void test_http2__frames_that_break_the_order_are_faults(void)
{
	begin(TAP_CONN_FROM_START);
	script_headers(&s, TAP_READ, 1, END_STREAM, 2, GET("/1"), NULL);
	s.nr--; /* no CONTINUATION follows */
	buf_done(&s.event[s.nr].bytes);
	script_reset(&s, TAP_READ, 1, 8);
	script_frame(&s, TAP_READ, 9, 4, 1, "\x82", 1);
	script_frame(&s, TAP_WRITE, 3, 0, 1, "\0", 1);
	script_frame(&s, TAP_WRITE, 7, 0, 0, "\0", 1);
	script_close(&s);
	run();
	CHECK_INT(c.counters.v[COUNT_frame_bad], 3);
	CHECK_INT(c.nr, 1);
	CHECK(is_told(0, 1, "", "", DOUBT_HEADER_UNKNOWN | DOUBT_RESET));
	end();
}

static void test_http2__goaway_is_noted_on_the_last_stream_while_it_is_open(void)
{
	begin(TAP_CONN_FROM_START);
	script_headers(&s, TAP_READ, 1, END_STREAM, 1, GET("/1"), NULL);
	script_headers(&s, TAP_READ, 3, END_STREAM, 1, GET("/3"), NULL);
	script_frame(&s, TAP_READ, 7, 0, 0, "\0\0\0\1\0\0\0\0", 8); /* the client's says nothing */
	script_frame(&s, TAP_WRITE, 7, 0, 0, "\0\0\0\3\0\0\0\0why", 11);
	respond(1);
	respond(3);
	script_close(&s);
	run();
	CHECK_STR(str_of(c.told[0].field[FIELD_GOAWAY]), "");
	CHECK_STR(str_of(c.told[1].field[FIELD_GOAWAY]), "yes");
	end();
}

static void test_http2__a_table_size_setting_is_the_other_directions(void)
{
	begin(TAP_CONN_FROM_START);
	script_frame(&s, TAP_READ, 4, 0, 0, "\0\3\0\0\0\xfa\0\1\0\x08\0\0\0", 13);	/* 512 KiB, and a torn one */
	script_headers(&s, TAP_READ, 1, END_STREAM, 1, GET("/1"), NULL);
	script_frame(&s, TAP_WRITE, 1, 5, 1, "\x3f\xe1\xff\x1f\x88", 5);		/* the update to 512 KiB */
	script_frame(&s, TAP_READ, 1, 5, 3, "\x3f\xe1\xff\x1f\x82", 5);
	script_close(&s);
	run();
	CHECK(is_told(0, 1, "/1", "200", 0));
	CHECK_INT(c.counters.v[COUNT_hpack_bad], 1);
	end();
}

static void test_http2__a_table_size_setting_outlives_a_snapshot(void)
{
	struct play p = { .lose = -1, .push = chain_push, .ctx = &c };

	begin(0);
	script_headers(&s, TAP_READ, 1, END_STREAM, 1, GET("/1"), NULL);
	script_frame(&s, TAP_READ, 4, 0, 0, "\0\1\0\x08\0\0", 6);		/* 512 KiB */
	script_headers(&s, TAP_WRITE, 1, END_STREAM, 1, ":status", "200", NULL);
	script_headers(&s, TAP_READ, 3, END_STREAM, 1, GET("/3"), NULL);
	script_frame(&s, TAP_WRITE, 1, 5, 3, "\x3f\xe1\xff\x1f\x88", 5);	/* the update to it */
	script_close(&s);
	chain_init(&c);
	for (size_t i = 0; i < s.nr; i++) {
		if (i == 2)
			play_snapshot(&p, &s.event[3]); /* of the response, before the SETTINGS */
		play_event(&p, &s.event[i]);
	}
	CHECK_INT(c.counters.v[COUNT_hpack_bad], 0);
	CHECK_INT(c.nr, 2);
	CHECK(is_told(1, 3, "/3", "200", 0));
	end();
}

static void test_http2__records_that_do_not_fit_together_are_counted(void)
{
	struct {
		struct tap_more r;
		char bytes[8];
	} more = { .r = { .hdr = { TAP_MORE, TAP_READ, sizeof(struct tap_more) + 4, 1, 1, 5 }, .got = 4 } };
	struct {
		struct tap_frame r;
		char bytes[8];
	} frame = { .r = { .hdr = { TAP_FRAME, TAP_READ, sizeof(struct tap_frame) + 2, 0, 1, 5 }, .length = 4, .stream = 1,
			   .type = 1, .fflags = 5, .got = 2 } };
	struct tap_end h1 = { .hdr = { TAP_END, TAP_WRITE, sizeof(h1), 0, 1, 5 } };

	chain_init(&c);
	flow_push(&c.flow, &frame, frame.r.hdr.size);
	flow_push(&c.flow, &more, more.r.hdr.size);	/* two bytes too many */
	CHECK_INT(c.counters.v[COUNT_record_bad], 1);
	flow_push(&c.flow, &h1, sizeof(h1));		/* HTTP/1 on an HTTP/2 connection */
	CHECK_INT(c.counters.v[COUNT_record_bad], 2);
	frame.r.hdr.seq = 2;
	flow_push(&c.flow, &frame, frame.r.hdr.size);
	frame.r.hdr.seq = 3;
	flow_push(&c.flow, &frame, frame.r.hdr.size);	/* before the first was whole */
	CHECK_INT(c.counters.v[COUNT_record_bad], 3);
	chain_finish(&c);
	CHECK_INT(c.nr, 1);
	CHECK(is_told(0, 1, "", "", DOUBT_HEADER_UNKNOWN | DOUBT_UNFINISHED | DOUBT_CONNECTION_UNKNOWN));
	end();
}

int main(void)
{
	RUN(test_http2__padding_and_priority_are_taken_off);
	RUN(test_http2__padding_longer_than_the_frame_is_a_fault);
	RUN(test_http2__a_push_promise_keeps_the_table_in_step);
	RUN(test_http2__interim_responses_and_trailers_are_no_heads);
	RUN(test_http2__an_extended_connect_is_an_upgrade);
	RUN(test_http2__requests_that_net_http_resets_are_malformed);
	RUN(test_http2__host_stands_in_for_a_missing_authority);
	RUN(test_http2__every_block_is_decoded_also_of_streams_not_kept);
	RUN(test_http2__a_refused_block_makes_what_was_older_unknown);
	RUN(test_http2__an_undescribed_connection_that_begins_with_settings_is_exact);
	RUN(test_http2__an_undescribed_connection_that_begins_otherwise_is_not);
	RUN(test_http2__blocks_before_the_one_of_the_snapshot_leave_it_alone);
	RUN(test_http2__a_direction_that_begins_with_a_snapshot_has_no_start);
	RUN(test_http2__a_gap_inside_a_header_block_makes_its_head_unknown);
	RUN(test_http2__an_answer_shows_that_the_rest_of_a_head_was_lost);
	RUN(test_http2__a_block_longer_than_is_kept_is_counted_and_not_kept);
	RUN(test_http2__frames_that_break_the_order_are_faults);
	RUN(test_http2__goaway_is_noted_on_the_last_stream_while_it_is_open);
	RUN(test_http2__a_table_size_setting_is_the_other_directions);
	RUN(test_http2__a_table_size_setting_outlives_a_snapshot);
	RUN(test_http2__records_that_do_not_fit_together_are_counted);
	return test_end();
}
