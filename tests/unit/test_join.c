/* SPDX-License-Identifier: Apache-2.0 */
#include "joins.h"

#define BIT(field) (1u << JOIN_##field)

static struct play p;
static struct both b, c;

/* ---- by Audit-Id */

static void test_join__event_after_exchange_matches_at_once(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	play_wire(&p, &b);
	CHECK_INT(p.nr, 0);
	play_log(&p, &b);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_MATCHED);
	CHECK_INT(p.told[0].by, JOINED_BY_AUDIT_ID);
	CHECK_INT(p.told[0].differs, 0);
	CHECK_INT(p.told[0].agrees, BIT(REQUEST_URI) | BIT(VERB) | BIT(SOURCE_IP) | BIT(STATUS) | BIT(TIME) | BIT(USER_AGENT) |
					    BIT(IDENTITY) | BIT(CREDENTIAL_ID));
	CHECK_INT(p.told[0].lag_ns, MS);
	CHECK_INT(p.told[0].skew_ns, 100000);
	play_window(&p);
	CHECK_INT(p.nr, 1);
	play_done(&p);
}

static void test_join__exchange_after_event_matches_at_once(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	play_log(&p, &b);
	play_wire(&p, &b);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_MATCHED);
	CHECK_INT(p.told[0].lag_ns, MS);
	play_done(&p);
}

static void test_join__late_audit_event_still_matches(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	play_wire(&p, &b);
	play_wait(&p, T0, T0 + 34 * SECOND);
	join_push_event(p.j, &b.e, T0 + 34 * SECOND);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_MATCHED);
	play_done(&p);
}

static void test_join__missing_event_is_told_within_a_second_of_the_window(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	play_wire(&p, &b);
	play_wait(&p, T0, T0 + 35 * SECOND);
	CHECK_INT(p.nr, 0);
	join_tick(p.j, T0 + 35 * SECOND + 10 * MS);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_UNAUDITED);
	CHECK_INT(p.told[0].gap, GAP_UNEXPLAINED);
	CHECK(p.told[0].why.n);
	play_done(&p);
}

static void test_join__event_after_the_window_is_late_not_audit_only(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	play_wire(&p, &b);
	play_wait(&p, T0, T0 + 40 * SECOND);
	join_push_event(p.j, &b.e, T0 + 40 * SECOND);
	play_wait(&p, T0 + 40 * SECOND, T0 + 120 * SECOND);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.counters.v[COUNT_join_events_late], 1);
	play_done(&p);
}

static void test_join__waits_for_the_last_stage_to_say_more(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	c = b;
	c.e.stage = STAGE_REQUEST_RECEIVED;
	c.e.code = 0;
	play_log(&p, &c);
	play_wire(&p, &b);
	CHECK_INT(p.nr, 0);
	play_log(&p, &b);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].stage, STAGE_RESPONSE_COMPLETE);
	CHECK(p.told[0].agrees & BIT(STATUS));
	play_window(&p);
	CHECK_INT(p.nr, 1);
	play_done(&p);
}

static void test_join__first_stage_alone_is_enough_when_the_window_is_over(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	b.e.stage = STAGE_REQUEST_RECEIVED;
	b.e.code = 0;
	play_log(&p, &b);
	play_wire(&p, &b);
	play_window(&p);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_MATCHED);
	CHECK(!((p.told[0].agrees | p.told[0].differs) & BIT(STATUS)));
	play_done(&p);
}

static void test_join__stages_out_of_order_are_one_request(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	c = b;
	c.e.stage = STAGE_REQUEST_RECEIVED;
	c.e.code = 0;
	play_log(&p, &b);
	play_log(&p, &c);
	play_wire(&p, &b);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].stage, STAGE_RESPONSE_COMPLETE);
	play_log(&p, &c);
	play_window(&p);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.counters.v[COUNT_join_events_repeated], 1);
	play_done(&p);
}

static void test_join__lines_read_twice_are_one_request(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	play_log(&p, &b);
	play_log(&p, &b);
	play_wire(&p, &b);
	play_log(&p, &b);
	play_window(&p);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.counters.v[COUNT_join_events_repeated], 2);
	play_done(&p);
}

static void test_join__watch_matches_an_hour_after_its_first_stages(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	both_uri(&b, "/api/v1/pods?watch=true");
	b.e.verb = STR("watch");
	b.e.stage = STAGE_REQUEST_RECEIVED;
	b.e.code = 0;
	play_log(&p, &b);
	b.e.stage = STAGE_RESPONSE_STARTED;
	b.e.code = 200;
	play_log(&p, &b);
	play_wait(&p, T0, T0 + 3600 * SECOND);
	CHECK_INT(p.nr, 0);
	b.x.end_ns += 3600 * SECOND;
	join_push_identity(p.j, &b.id, T0 + 3600 * SECOND);
	play_wait(&p, T0 + 3600 * SECOND, T0 + 3640 * SECOND); /* no ResponseComplete: the log is gone meanwhile */
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_MATCHED);
	CHECK_INT(p.told[0].stage, STAGE_RESPONSE_STARTED);
	play_done(&p);
}

/* ---- ids that clients choose */

static void choose_id(struct both *of, const char *id, const char *uri, uint64_t at_ns)
{
	both_init(of, id, at_ns);
	of->x.request_audit_id = str_of(id);
	both_uri(of, uri);
}

static void test_join__requests_with_one_id_are_told_apart_by_uri(void)
{
	play_init(&p);
	choose_id(&b, "same", "/api/v1/pods", T0);
	choose_id(&c, "same", "/api/v1/nodes", T0);
	play_wire(&p, &b);
	play_log(&p, &c);
	CHECK_INT(p.nr, 0);
	play_log(&p, &b);
	play_wire(&p, &c);
	play_window(&p);
	CHECK_INT(p.nr, 2);
	CHECK_INT(play_count(&p, VERDICT_MATCHED), 2);
	play_done(&p);
}

static void test_join__of_requests_with_one_id_the_one_without_event_is_unaudited(void)
{
	play_init(&p);
	choose_id(&b, "same", "/api/v1/pods", T0);
	choose_id(&c, "same", "/api/v1/nodes", T0);
	c.x.stream = 7;
	play_wire(&p, &b);
	play_wire(&p, &c);
	play_log(&p, &b);
	play_window(&p);
	CHECK_INT(play_count(&p, VERDICT_MATCHED), 1);
	CHECK_INT(play_count(&p, VERDICT_UNAUDITED), 1);
	CHECK_INT(p.told[1].stream, 7);
	play_done(&p);
}

static void test_join__of_requests_with_one_id_the_one_without_exchange_is_audit_only(void)
{
	play_init(&p);
	choose_id(&b, "same", "/api/v1/pods", T0);
	choose_id(&c, "same", "/api/v1/nodes", T0 + 5 * SECOND);
	play_wire(&p, &b);
	play_log(&p, &c);
	play_log(&p, &b);
	play_wait(&p, T0, T0 + 120 * SECOND);
	CHECK_INT(p.nr, 2);
	CHECK_INT(play_count(&p, VERDICT_MATCHED), 1);
	CHECK_INT(play_count(&p, VERDICT_AUDIT_ONLY), 1);
	play_done(&p);
}

static void test_join__a_used_id_comes_back_much_later(void)
{
	play_init(&p);
	choose_id(&b, "same", "/api/v1/pods", T0);
	play_wire(&p, &b);
	play_log(&p, &b);
	play_wait(&p, T0, T0 + 600 * SECOND);
	choose_id(&b, "same", "/api/v1/pods", T0 + 600 * SECOND);
	play_wire(&p, &b);
	play_log(&p, &b);
	CHECK_INT(play_count(&p, VERDICT_MATCHED), 2);
	play_done(&p);
}

static void test_join__two_users_of_one_id_are_not_mixed_up(void)
{
	play_init(&p);
	choose_id(&b, "same", "/api/v1/pods", T0);
	choose_id(&c, "same", "/api/v1/pods", T0 + 10 * MS);
	c.id.credential.subject = c.e.user.username = STR("bob");
	play_wire(&p, &b);
	play_wire(&p, &c);
	play_log(&p, &c);
	play_log(&p, &b);
	CHECK_INT(play_count(&p, VERDICT_MATCHED), 2);
	play_done(&p);
}

static void test_join__slowly_sent_head_is_no_other_time(void)
{
	play_init(&p);
	choose_id(&b, "same", "/api/v1/pods", T0);
	b.x.first_byte_ns += 30 * SECOND;
	b.x.end_ns += 30 * SECOND;
	b.e.received_ns += 30 * SECOND;
	b.e.stage_ns += 30 * SECOND;
	join_push_identity(p.j, &b.id, T0 + 30 * SECOND);
	play_log(&p, &b);
	play_wait(&p, T0 + 30 * SECOND, T0 + 70 * SECOND);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_MATCHED);
	play_done(&p);
}

/* One id that does not end: nothing is judged wrongly, and the rest is unharmed. */
static void test_join__flood_of_one_id_is_bounded(void)
{
	play_init(&p);
	for (int i = 0; i < 3000; i++) {
		choose_id(&b, "flood", "/api/v1/pods", T0 + (uint64_t)i * MS);
		play_wire(&p, &b);
	}
	both_init(&b, "a1", T0 + 3 * SECOND);
	play_wire(&p, &b);
	play_log(&p, &b);
	CHECK_INT(play_count(&p, VERDICT_MATCHED), 1);
	CHECK_INT(play_count(&p, VERDICT_PENDING), p.counters.v[COUNT_join_same_id]);
	CHECK_INT(p.counters.v[COUNT_join_same_id], 3000 - 1024);
	join_finish(p.j, JOIN_ALL_IN);
	CHECK_INT(p.nr, 3001);
	CHECK_INT(play_count(&p, VERDICT_UNAUDITED), 1024);
	play_done(&p);
}

/* ---- without an id on the wire */

static void exec_init(struct both *of, const char *id, uint64_t at_ns)
{
	both_init(of, id, at_ns);
	both_uri(of, "/api/v1/namespaces/d/pods/p/exec?command=sh&stdin=true");
	of->x.audit_id = (struct str){ 0 };
	of->x.has_flow_schema = false;
	of->x.is_upgraded = true;
	of->e.verb = STR("get");
	of->e.object.subresource = STR("exec");
	both_status(of, 101);
}

static void test_join__upgraded_connection_joins_by_request(void)
{
	play_init(&p);
	exec_init(&b, "a1", T0);
	play_wire(&p, &b);
	play_log(&p, &b);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_MATCHED);
	CHECK_INT(p.told[0].by, JOINED_BY_REQUEST);
	play_done(&p);
	play_init(&p);
	play_log(&p, &b);
	play_wire(&p, &b);
	play_window(&p);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].by, JOINED_BY_REQUEST);
	play_done(&p);
}

static void test_join__same_command_minutes_apart_is_another_exec(void)
{
	play_init(&p);
	exec_init(&b, "a1", T0);
	exec_init(&c, "a2", T0 + 60 * SECOND);
	play_wire(&p, &b);
	play_log(&p, &c);
	play_wait(&p, T0, T0 + 130 * SECOND);
	CHECK_INT(play_count(&p, VERDICT_UNAUDITED), 1);
	CHECK_INT(play_count(&p, VERDICT_AUDIT_ONLY), 1);
	play_done(&p);
}

static void test_join__exec_of_another_client_does_not_join(void)
{
	play_init(&p);
	exec_init(&b, "a1", T0);
	play_wire(&p, &b);
	b.e.source_ips[0] = STR("10.0.0.10");
	play_log(&p, &b);
	play_window(&p);
	CHECK_INT(play_count(&p, VERDICT_UNAUDITED), 1);
	play_done(&p);
}

static void test_join__answer_of_a_backend_on_a_hijacked_connection_joins(void)
{
	play_init(&p);
	exec_init(&b, "a1", T0);
	b.x.is_upgraded = false;
	b.x.status = 404;
	play_wire(&p, &b);
	play_log(&p, &b);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_MATCHED);
	play_done(&p);
}

static void test_join__unseen_response_joins_by_request_when_the_window_is_over(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	b.x.audit_id = (struct str){ 0 };
	b.x.has_response = b.x.has_flow_schema = false;
	b.x.status = 0;
	b.x.doubts = DOUBT_RESPONSE_UNSEEN;
	play_wire(&p, &b);
	play_log(&p, &b);
	CHECK_INT(p.nr, 0);
	play_window(&p);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_MATCHED);
	CHECK_INT(p.told[0].by, JOINED_BY_REQUEST);
	play_done(&p);
}

static void test_join__unseen_response_without_event_cannot_be_judged(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	b.x.audit_id = (struct str){ 0 };
	b.x.has_response = b.x.has_flow_schema = false;
	b.x.status = 0;
	b.x.doubts = DOUBT_RESPONSE_UNSEEN;
	play_wire(&p, &b);
	play_window(&p);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_PENDING);
	CHECK(str_starts(p.told[0].why, STR("cannot be judged: ")));
	CHECK_INT(p.counters.v[COUNT_join_unjudged], 1);
	play_done(&p);
}

/* ---- mismatch */

static void test_join__edited_user_is_a_mismatch_after_the_window(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	b.e.user.username = STR("bob");
	play_wire(&p, &b);
	play_log(&p, &b);
	play_window(&p);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_MISMATCH);
	CHECK_INT(p.told[0].differs, BIT(IDENTITY));
	play_done(&p);
}

static void test_join__edited_uri_is_a_mismatch(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	b.e.request_uri = STR("/healthz");
	play_log(&p, &b);
	play_wire(&p, &b);
	play_window(&p);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_MISMATCH);
	CHECK(p.told[0].differs & BIT(REQUEST_URI));
	play_done(&p);
}

static void test_join__another_clock_is_no_mismatch(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	b.e.received_ns += 60 * SECOND;
	b.e.stage_ns += 60 * SECOND;
	join_push_event(p.j, &b.e, T0 + 3 * MS);
	play_wire(&p, &b);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_MATCHED);
	CHECK_INT(p.told[0].differs, BIT(TIME));
	CHECK_INT(p.told[0].skew_ns, 60 * SECOND + 100000);
	play_done(&p);
}

static void test_join__code_that_came_after_a_timeout_is_no_mismatch(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	b.x.status = 504;
	play_wire(&p, &b);
	play_wait(&p, T0, T0 + 100 * SECOND);
	CHECK_INT(p.nr, 0);
	join_push_event(p.j, &b.e, T0 + 100 * SECOND);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_MATCHED);
	play_done(&p);
}

static void test_join__failed_authentication_matches_its_only_stage(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	both_status(&b, 401);
	b.x.has_flow_schema = false;
	b.id.credential = (struct credential){ .kind = CRED_BEARER, .outcome = OUTCOME_REJECTED, .token_type = TOKEN_OPAQUE };
	b.e.user = (struct audit_user){ 0 };
	b.e.stage = STAGE_RESPONSE_STARTED;
	play_wire(&p, &b);
	play_log(&p, &b);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_MATCHED);
	CHECK(p.told[0].agrees & BIT(IDENTITY));
	play_done(&p);
}

static void test_join__bad_timeout_parameter_matches_with_an_empty_user(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	both_status(&b, 400);
	b.x.has_flow_schema = false;
	b.e.user = (struct audit_user){ 0 };
	b.e.stage = STAGE_RESPONSE_STARTED;
	play_log(&p, &b);
	play_wire(&p, &b);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_MATCHED);
	play_done(&p);
}

/* A token of our own issuer has one user; that of another cluster may be mapped to any. */
static void test_join__service_account_of_a_proved_issuer_must_be_the_user(void)
{
	struct credential token = { .kind = CRED_BEARER, .outcome = OUTCOME_ACCEPTED, .token_type = TOKEN_SERVICE_ACCOUNT,
				    .is_unverified = true, .subject = STR("system:serviceaccount:d:s"), .issuer = STR("https://k") };

	play_init(&p);
	for (int i = 0; i < 3; i++) {
		char id[2] = { (char)('a' + i), 0 };

		both_init(&b, id, T0 + (uint64_t)i * MS);
		b.id.credential = token;
		b.e.user = (struct audit_user){ .username = i == 1 ? token.subject : STR("mapped") };
		play_wire(&p, &b);
		play_log(&p, &b);
		if (i == 0)
			CHECK_INT(p.told[0].verdict, VERDICT_MATCHED);
	}
	play_window(&p);
	CHECK_INT(p.nr, 3);
	CHECK_INT(p.told[2].verdict, VERDICT_MISMATCH);
	play_done(&p);
}

/* ---- what is not proved is not told */

static void test_join__lost_events_are_not_gaps(void)
{
	play_init(&p);
	join_events_lost(p.j, T0 + 10 * SECOND, T0 + 12 * SECOND);
	both_init(&b, "in", T0 + 11 * SECOND);
	play_wire(&p, &b);
	both_init(&c, "out", T0 + 15 * SECOND);
	play_wire(&p, &c);
	play_wait(&p, T0 + 15 * SECOND, T0 + 60 * SECOND);
	CHECK_INT(p.nr, 2);
	CHECK_INT(p.told[0].verdict, VERDICT_PENDING);
	CHECK_INT(p.told[1].verdict, VERDICT_UNAUDITED);
	play_done(&p);
}

static void test_join__deleted_log_is_the_reason_of_its_gaps(void)
{
	play_init(&p);
	join_log_gone(p.j, T0 + 10 * SECOND, T0 + 12 * SECOND);
	both_init(&b, "in", T0 + 11 * SECOND);
	play_wire(&p, &b);
	both_init(&c, "out", T0 + 15 * SECOND);
	play_wire(&p, &c);
	play_wait(&p, T0 + 15 * SECOND, T0 + 60 * SECOND);
	CHECK_INT(p.told[0].verdict, VERDICT_UNAUDITED);
	CHECK_INT(p.told[0].gap, GAP_LOG_GONE);
	CHECK_INT(p.told[1].gap, GAP_UNEXPLAINED);
	play_done(&p);
}

static void test_join__lost_records_on_the_connection_are_not_gaps(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	b.x.doubts = DOUBT_RECORDS_LOST;
	play_wire(&p, &b);
	play_window(&p);
	CHECK_INT(p.told[0].verdict, VERDICT_PENDING);
	play_done(&p);
}

static void test_join__doubts_that_hide_nothing_of_it_do_not_save_a_gap(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	b.x.doubts = DOUBT_CONNECTION_UNKNOWN | DOUBT_HEADER_UNKNOWN | DOUBT_TRUNCATED;
	b.x.user_agent = (struct str){ 0 };
	play_wire(&p, &b);
	play_window(&p);
	CHECK_INT(p.told[0].verdict, VERDICT_UNAUDITED);
	play_done(&p);
}

static void test_join__audit_only_is_told_of_what_the_wire_should_have_seen(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	play_log(&p, &b);
	play_wait(&p, T0, T0 + 35 * SECOND);
	CHECK_INT(p.nr, 0);
	join_tick(p.j, T0 + 36 * SECOND);
	CHECK_INT(p.nr, 1);
	CHECK_INT(p.told[0].verdict, VERDICT_AUDIT_ONLY);
	CHECK_STR(str_of(p.told[0].log_id), "a1");
	play_done(&p);
}

static void test_join__requests_before_the_sensor_are_not_audit_only(void)
{
	play_init_as(&p, &(struct join_options){ .is_audit_only_told = true, .wire_since_ns = T0 });
	both_init(&b, "before", T0 + SECOND);
	play_log(&p, &b);
	both_init(&b, "after", T0 + 3 * SECOND);
	play_log(&p, &b);
	play_window(&p);
	CHECK_INT(p.nr, 1);
	CHECK_STR(str_of(p.told[0].log_id), "after");
	play_done(&p);
}

static void test_join__what_the_wire_lost_is_not_audit_only(void)
{
	play_init(&p);
	join_wire_lost(p.j, T0, T0 + SECOND);
	both_init(&b, "lost", T0);
	play_log(&p, &b);
	both_init(&b, "a1", T0 + 5 * SECOND);
	play_log(&p, &b);
	play_window(&p);
	CHECK_INT(p.nr, 2);
	CHECK_INT(p.told[0].verdict, VERDICT_PENDING);
	CHECK_INT(p.told[1].verdict, VERDICT_AUDIT_ONLY);
	play_done(&p);
}

static void test_join__unreadable_exchange_keeps_its_event_from_being_audit_only(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	b.x.audit_id = b.x.request_uri = (struct str){ 0 };
	b.x.doubts = DOUBT_HEADER_UNKNOWN;
	play_wire(&p, &b);
	CHECK_INT(p.told[0].verdict, VERDICT_PENDING);
	play_log(&p, &b);
	play_window(&p);
	CHECK_INT(p.nr, 2);
	CHECK_INT(p.told[1].verdict, VERDICT_PENDING);
	play_done(&p);
}

static void test_join__strange_sources_are_named(void)
{
	char id[16];

	play_init(&p);
	both_init(&b, "wire", T0);
	play_wire(&p, &b);
	play_log(&p, &b);
	for (int i = 0; i < 12; i++) {
		(void)snprintf(id, sizeof(id), "s%d", i);
		both_init(&b, id, T0 + (uint64_t)i * MS);
		b.e.source_ips[0] = STR("192.0.2.1");
		play_log(&p, &b);
		both_init(&c, "known", T0);
	}
	play_log(&p, &c);
	play_window(&p);
	CHECK_INT(play_count(&p, VERDICT_AUDIT_ONLY), 13);
	CHECK(!str_starts(p.told[1].why, STR("this source")));
	CHECK(str_starts(p.told[12].why, STR("this source")));
	CHECK_STR(str_of(p.told[13].log_id), "known");
	CHECK(!str_starts(p.told[13].why, STR("this source")));
	play_done(&p);
}

static void test_join__client_that_stalls_its_response_makes_no_gap(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	play_log(&p, &b);
	play_wait(&p, T0, T0 + 100 * SECOND);
	CHECK_INT(play_count(&p, VERDICT_AUDIT_ONLY), 1);
	b.x.end_ns += 100 * SECOND;
	join_push_identity(p.j, &b.id, T0 + 100 * SECOND);
	play_wait(&p, T0 + 100 * SECOND, T0 + 140 * SECOND);
	CHECK_INT(p.nr, 2);
	CHECK_INT(p.told[1].verdict, VERDICT_PENDING);
	play_done(&p);
}

/* ---- time */

static void test_join__time_in_which_nobody_called_is_not_waiting(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	play_wire(&p, &b);
	join_tick(p.j, T0 + 3600 * SECOND); /* the process was stopped, or the clock was set */
	CHECK_INT(p.nr, 0);
	join_push_event(p.j, &b.e, T0 + 3600 * SECOND);
	CHECK_INT(play_count(&p, VERDICT_MATCHED), 1);
	play_done(&p);
}

static void test_join__clock_set_back_does_not_stop_the_judging(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	play_wire(&p, &b);
	play_wait(&p, T0, T0 + 10 * SECOND);
	play_wait(&p, T0 - 3600 * SECOND, T0 - 3570 * SECOND);
	CHECK_INT(play_count(&p, VERDICT_UNAUDITED), 1);
	play_done(&p);
}

static void test_join__end_of_a_run_is_no_gap(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	play_wire(&p, &b);
	both_init(&b, "a2", T0);
	b.e.stage = STAGE_REQUEST_RECEIVED;
	play_log(&p, &b);
	play_wire(&p, &b);
	both_init(&b, "a3", T0);
	play_log(&p, &b);
	join_finish(p.j, T0 + SECOND);
	CHECK_INT(p.nr, 2);
	CHECK_INT(p.told[0].verdict, VERDICT_PENDING);
	CHECK_INT(p.told[1].verdict, VERDICT_MATCHED);
	play_done(&p);
}

static void test_join__end_of_all_files_is_a_gap(void)
{
	play_init(&p);
	both_init(&b, "a1", T0);
	play_wire(&p, &b);
	both_init(&b, "a2", T0);
	play_log(&p, &b);
	join_finish(p.j, JOIN_ALL_IN);
	CHECK_INT(p.nr, 2);
	CHECK_INT(p.told[0].verdict, VERDICT_UNAUDITED);
	CHECK_INT(p.told[1].verdict, VERDICT_AUDIT_ONLY);
	play_done(&p);
}

/* ---- why a gap */

static void requests(int nr, const char *uri, bool is_logged, uint64_t from_ns)
{
	static int serial;
	char id[16];

	for (int i = 0; i < nr; i++) {
		(void)snprintf(id, sizeof(id), "r%d", serial++);
		both_init(&b, id, from_ns + (uint64_t)i * MS);
		both_uri(&b, uri);
		b.e.verb = STR("get");
		play_wire(&p, &b);
		if (is_logged)
			play_log(&p, &b);
	}
}

static size_t gaps(enum gap_reason gap)
{
	size_t n = 0;

	for (size_t i = 0; i < p.nr; i++)
		n += p.told[i].verdict == VERDICT_UNAUDITED && p.told[i].gap == gap;
	return n;
}

static void test_join__class_that_was_never_logged_is_learned(void)
{
	play_init(&p);
	requests(25, "/healthz", false, T0);
	requests(1, "/api/v1/pods", true, T0 + 20 * SECOND);
	play_window(&p);
	CHECK_INT(gaps(GAP_UNEXPLAINED), 20);
	CHECK_INT(gaps(GAP_LEARNED), 5);
	play_done(&p);
}

static void test_join__class_that_was_logged_and_stops_is_unexplained(void)
{
	play_init(&p);
	requests(1, "/healthz", true, T0);
	requests(30, "/healthz", false, T0 + SECOND);
	requests(1, "/api/v1/pods", true, T0 + 20 * SECOND);
	play_window(&p);
	CHECK_INT(gaps(GAP_UNEXPLAINED), 30);
	play_done(&p);
}

static void test_join__silent_log_teaches_nothing(void)
{
	play_init(&p);
	requests(30, "/healthz", false, T0);
	play_window(&p);
	CHECK_INT(gaps(GAP_UNEXPLAINED), 30);
	play_done(&p);
}

static void test_join__policy_explains_a_gap_and_no_other(void)
{
	struct policy *policy = NULL;

	play_init(&p);
	CHECK_INT(policy_parse(STR("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n  nonResourceURLs: [/healthz*]\n"
				   "- level: Metadata\n"), "policy", &policy, NULL), 0);
	join_set_policy(p.j, policy);
	requests(1, "/healthz", false, T0);
	requests(1, "/livez", false, T0);
	play_window(&p);
	CHECK_INT(gaps(GAP_POLICY), 1);
	CHECK_INT(gaps(GAP_UNEXPLAINED), 1);
	play_done(&p);
	policy_free(policy);
}

/* ---- bounds */

static void test_join__routine_goes_first_when_too_many_wait(void)
{
	char id[16];

	play_init_as(&p, &(struct join_options){ .pending_max = 10 });
	for (int i = 0; i < 20; i++) {
		(void)snprintf(id, sizeof(id), "r%d", i);
		both_init(&b, id, T0 + (uint64_t)i * MS);
		if (i < 5)
			both_anonymous(&b);
		play_wire(&p, &b);
	}
	CHECK_INT(p.nr, 10);
	CHECK_INT(play_count(&p, VERDICT_PENDING), 10);
	CHECK_INT(p.counters.v[COUNT_join_dropped_exchanges], 10);
	CHECK_STR(str_of(p.told[0].wire_id), "r5");
	play_window(&p);
	CHECK_INT(p.nr, 20);
	CHECK_INT(play_count(&p, VERDICT_UNAUDITED), 10);
	play_done(&p);
}

static void test_join__dropped_event_makes_no_gap(void)
{
	char id[16];

	play_init_as(&p, &(struct join_options){ .pending_max = 10 });
	for (int i = 0; i < 20; i++) {
		(void)snprintf(id, sizeof(id), "r%d", i);
		both_init(&b, id, T0);
		play_log(&p, &b);
	}
	CHECK_INT(p.counters.v[COUNT_join_dropped_events], 10);
	both_init(&b, "r0", T0);
	play_wire(&p, &b);
	both_init(&b, "r19", T0);
	play_wire(&p, &b);
	play_window(&p);
	CHECK_INT(play_count(&p, VERDICT_MATCHED), 1);
	CHECK_INT(play_count(&p, VERDICT_PENDING), 1);
	CHECK_INT(play_count(&p, VERDICT_UNAUDITED), 0);
	play_done(&p);
}

static void test_join__bytes_are_bounded(void)
{
	static char uri[8000];
	char id[16];

	play_init_as(&p, &(struct join_options){ .bytes_max = 100000 });
	memset(uri, 'a', sizeof(uri));
	uri[0] = '/';
	for (int i = 0; i < 50; i++) {
		(void)snprintf(id, sizeof(id), "r%d", i);
		both_init(&b, id, T0);
		b.x.request_uri = b.e.request_uri = (struct str){ uri, sizeof(uri) };
		play_wire(&p, &b);
		CHECK(join_waiting(p.j).bytes <= 100000);
	}
	CHECK(join_waiting(p.j).exchanges > 5);
	join_finish(p.j, JOIN_ALL_IN);
	CHECK_INT(p.nr, 50);
	CHECK_INT(join_waiting(p.j).bytes, 0);
	play_done(&p);
}

int main(void)
{
	RUN(test_join__event_after_exchange_matches_at_once);
	RUN(test_join__exchange_after_event_matches_at_once);
	RUN(test_join__late_audit_event_still_matches);
	RUN(test_join__missing_event_is_told_within_a_second_of_the_window);
	RUN(test_join__event_after_the_window_is_late_not_audit_only);
	RUN(test_join__waits_for_the_last_stage_to_say_more);
	RUN(test_join__first_stage_alone_is_enough_when_the_window_is_over);
	RUN(test_join__stages_out_of_order_are_one_request);
	RUN(test_join__lines_read_twice_are_one_request);
	RUN(test_join__watch_matches_an_hour_after_its_first_stages);
	RUN(test_join__requests_with_one_id_are_told_apart_by_uri);
	RUN(test_join__of_requests_with_one_id_the_one_without_event_is_unaudited);
	RUN(test_join__of_requests_with_one_id_the_one_without_exchange_is_audit_only);
	RUN(test_join__a_used_id_comes_back_much_later);
	RUN(test_join__two_users_of_one_id_are_not_mixed_up);
	RUN(test_join__slowly_sent_head_is_no_other_time);
	RUN(test_join__flood_of_one_id_is_bounded);
	RUN(test_join__upgraded_connection_joins_by_request);
	RUN(test_join__same_command_minutes_apart_is_another_exec);
	RUN(test_join__exec_of_another_client_does_not_join);
	RUN(test_join__answer_of_a_backend_on_a_hijacked_connection_joins);
	RUN(test_join__unseen_response_joins_by_request_when_the_window_is_over);
	RUN(test_join__unseen_response_without_event_cannot_be_judged);
	RUN(test_join__edited_user_is_a_mismatch_after_the_window);
	RUN(test_join__edited_uri_is_a_mismatch);
	RUN(test_join__another_clock_is_no_mismatch);
	RUN(test_join__code_that_came_after_a_timeout_is_no_mismatch);
	RUN(test_join__failed_authentication_matches_its_only_stage);
	RUN(test_join__bad_timeout_parameter_matches_with_an_empty_user);
	RUN(test_join__service_account_of_a_proved_issuer_must_be_the_user);
	RUN(test_join__lost_events_are_not_gaps);
	RUN(test_join__deleted_log_is_the_reason_of_its_gaps);
	RUN(test_join__lost_records_on_the_connection_are_not_gaps);
	RUN(test_join__doubts_that_hide_nothing_of_it_do_not_save_a_gap);
	RUN(test_join__audit_only_is_told_of_what_the_wire_should_have_seen);
	RUN(test_join__requests_before_the_sensor_are_not_audit_only);
	RUN(test_join__what_the_wire_lost_is_not_audit_only);
	RUN(test_join__unreadable_exchange_keeps_its_event_from_being_audit_only);
	RUN(test_join__strange_sources_are_named);
	RUN(test_join__client_that_stalls_its_response_makes_no_gap);
	RUN(test_join__time_in_which_nobody_called_is_not_waiting);
	RUN(test_join__clock_set_back_does_not_stop_the_judging);
	RUN(test_join__end_of_a_run_is_no_gap);
	RUN(test_join__end_of_all_files_is_a_gap);
	RUN(test_join__class_that_was_never_logged_is_learned);
	RUN(test_join__class_that_was_logged_and_stops_is_unexplained);
	RUN(test_join__silent_log_teaches_nothing);
	RUN(test_join__policy_explains_a_gap_and_no_other);
	RUN(test_join__routine_goes_first_when_too_many_wait);
	RUN(test_join__dropped_event_makes_no_gap);
	RUN(test_join__bytes_are_bounded);
	return test_end();
}
