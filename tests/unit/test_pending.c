/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/hash.h"
#include "base/ip.h"
#include "joins.h"
#include "judge/pending.h"
#include "judge/settled.h"
#include "judge/spans.h"

static struct pending p;
static struct both b;
static struct shown_exchange shown;
static struct event shown_event;

static struct kept *add(const char *id, uint64_t hash, enum pending_list list, uint64_t due_ns)
{
	struct kept_exchange *k;

	both_init(&b, id, T0);
	k = keep_exchange(&p.keep, &b.id);
	k->kept.id_hash = hash;
	CHECK_INT(pending_add(&p, &k->kept, list, due_ns), 0);
	return &k->kept;
}

static struct kept *add_event(const char *id, uint64_t hash, uint64_t uri_hash)
{
	struct kept_event *k;

	both_init(&b, id, T0);
	k = keep_event(&p.keep, &b.e);
	k->kept.id_hash = hash;
	k->kept.uri_hash = uri_hash;
	CHECK_INT(pending_add(&p, &k->kept, PENDING_COMPLETE, 5), 0);
	return &k->kept;
}

static void finish(void)
{
	pending_done(&p);
	CHECK_INT(p.keep.bytes, 0);
	p = (struct pending){ 0 };
}

static void test_pending__finds_all_of_one_id(void)
{
	struct kept *first = add("a", 7, PENDING_ROUTINE, 1), *second = add("b", 7, PENDING_NOTABLE, 1);
	struct kept *event = add_event("e", 7, 9);

	(void)add("c", 8, PENDING_ROUTINE, 1);
	CHECK(pending_same_id(&p, 7) == event && event->same_id_next == second && second->same_id_next == first);
	CHECK(!first->same_id_next && first->is_event == false && event->is_event);
	CHECK(pending_same_uri(&p, 9) == event);
	CHECK(!pending_same_id(&p, 9));
	CHECK_INT(pending_exchanges(&p), 3);
	CHECK_INT(pending_events(&p), 1);
	finish();
}

/* Take out the first, one in the middle, the last, in every order: the rest stays linked. */
static void test_pending__chain_holds_whoever_leaves(void)
{
	static const int orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

	for (size_t i = 0; i < 6; i++) {
		struct kept *k[3] = { add_event("a", 7, 9), add_event("b", 7, 9), add_event("c", 7, 9) };

		for (int n = 0; n < 3; n++) {
			size_t by_id = 0, by_uri = 0;

			pending_remove(&p, k[orders[i][n]]);
			keep_drop(&p.keep, k[orders[i][n]]);
			for (struct kept *c = pending_same_id(&p, 7); c; c = c->same_id_next)
				by_id++;
			for (struct kept *c = pending_same_uri(&p, 9); c; c = c->same_uri_next)
				by_uri++;
			CHECK_INT(by_id, 2 - n);
			CHECK_INT(by_uri, 2 - n);
		}
	}
	finish();
}

static void test_pending__list_is_in_the_order_of_due_times(void)
{
	struct kept *a = add("a", 1, PENDING_ROUTINE, 10), *c = add("c", 2, PENDING_ROUTINE, 5);

	CHECK(p.oldest[PENDING_ROUTINE] == a && p.newest[PENDING_ROUTINE] == c);
	CHECK_INT(c->due_ns, 10);
	pending_move(&p, a, PENDING_ROUTINE, 20);
	CHECK(p.oldest[PENDING_ROUTINE] == c && p.newest[PENDING_ROUTINE] == a);
	pending_move(&p, a, PENDING_NOTABLE, 1);
	CHECK_INT(p.nr[PENDING_ROUTINE], 1);
	CHECK_INT(p.nr[PENDING_NOTABLE], 1);
	CHECK_INT(a->due_ns, 1);
	finish();
}

static void test_pending__later_stage_takes_the_place_of_the_earlier(void)
{
	struct kept *k[3] = { add_event("a", 7, 9), add_event("b", 7, 9), add_event("c", 7, 9) };

	for (int i = 0; i < 3; i++) {
		struct kept_event *newer;

		both_init(&b, "new", T0);
		newer = keep_event(&p.keep, &b.e);
		pending_replace(&p, k[i], &newer->kept);
		k[i] = &newer->kept;
	}
	CHECK(pending_same_id(&p, 7) == k[2] && k[2]->same_id_next == k[1] && k[1]->same_id_next == k[0]);
	CHECK(pending_same_uri(&p, 9) == k[2] && k[2]->same_uri_next == k[1] && k[1]->same_uri_prev == k[2]);
	CHECK(p.oldest[PENDING_COMPLETE] == k[0] && p.newest[PENDING_COMPLETE] == k[2]);
	CHECK_INT(pending_events(&p), 3);
	finish();
}

static void test_pending__one_id_has_its_bound(void)
{
	struct kept_exchange *k;

	for (int i = 0; i < PENDING_SAME_ID_MAX; i++)
		(void)add("a", 7, PENDING_ROUTINE, 1);
	k = keep_exchange(&p.keep, &b.id);
	k->kept.id_hash = 7;
	CHECK_INT(pending_add(&p, &k->kept, PENDING_ROUTINE, 1), -EMLINK);
	k->kept.id_hash = 8;
	CHECK_INT(pending_add(&p, &k->kept, PENDING_ROUTINE, 1), 0);
	finish();
}

/* ---- copies */

static char everything[4096];

/* Another text for each field, so that no two can be mixed up. */
static struct str text(void)
{
	static size_t at;

	at = (at + 7) % 3000;
	return (struct str){ everything + at, 1 + at % 300 };
}

static void fill(struct both *of)
{
	both_init(of, "", T0);
	for (size_t i = 0; i < sizeof(everything); i++)
		everything[i] = (char)(i * 31 + i / 256);
	of->x.method = text();
	of->x.host = text();
	of->x.request_uri = text();
	of->x.user_agent = text();
	of->x.forwarded_for = text();
	of->x.real_ip = text();
	of->x.request_audit_id = text();
	of->x.audit_id = text();
	of->x.impersonate_user = text();
	of->x.impersonate_uid = text();
	of->x.remote_user = text();
	for (of->x.nr_impersonate_groups = 0; of->x.nr_impersonate_groups < EXCHANGE_GROUPS_MAX;)
		of->x.impersonate_groups[of->x.nr_impersonate_groups++] = text();
	for (of->x.nr_remote_groups = 0; of->x.nr_remote_groups < 3;)
		of->x.remote_groups[of->x.nr_remote_groups++] = text();
	of->x.authorization_seen = SEEN_PRESENT;
	of->x.ws_protocol_seen = SEEN_ABSENT;
	of->x.websocket_seen = SEEN_PRESENT;
	of->x.doubts = DOUBT_RESET;
	of->x.is_upgraded = of->x.is_goaway = of->x.has_request_bytes = true;
	of->x.request_bytes = 1;
	of->x.response_bytes = 2;
	of->id.credential = (struct credential){ .kind = CRED_BEARER, .outcome = OUTCOME_ACCEPTED, .also = 5,
						 .token_type = TOKEN_OIDC, .is_unverified = true, .id = "hk1:abc",
						 .expires_s = -3, .not_before_s = 4 };
	of->id.credential.subject = text();
	of->id.credential.issuer = text();
	of->id.credential.serial = text();
	of->id.credential.credential_id = text();
	while (of->id.credential.nr_groups < CRED_GROUPS_MAX)
		of->id.credential.groups[of->id.credential.nr_groups++] = text();
}

/* Every field comes back. The sizes are here so that whoever adds a field finds out that a copy has to
 * keep it (judge/keep.c), and that this test has to fill it. */
static void test_keep__copy_of_an_exchange_is_whole(void)
{
	static struct both filled;
	struct kept_exchange *k, *same;

	fill(&filled);
	k = keep_exchange(&p.keep, &filled.id);
	same = keep_exchange(&p.keep, &filled.id);
	CHECK(k->sender == same->sender && k->conn == same->conn);
	memset(&shown, 0xee, sizeof(shown));
	kept_exchange_show(k, &shown);
	CHECK_INT(sizeof(struct exchange), 2416);
	CHECK_INT(sizeof(struct credential), 656);
	CHECK_INT(sizeof(struct event), 2752);
	/* what differs by being a copy */
	CHECK(shown.x.conn != filled.x.conn && shown.x.conn->serial == 31 && !shown.x.conn->cert);
	CHECK(shown.x.conn->process != filled.conn.process && shown.x.conn->process->pid == 812);
	CHECK(shown.id.exchange == &shown.x && shown.id.time_ns == filled.id.time_ns);
#define SAME(field) CHECK(str_eq(shown.x.field, filled.x.field))
	SAME(method);
	SAME(host);
	SAME(request_uri);
	SAME(user_agent);
	SAME(forwarded_for);
	SAME(real_ip);
	SAME(request_audit_id);
	SAME(audit_id);
	SAME(impersonate_user);
	SAME(impersonate_uid);
	SAME(remote_user);
#undef SAME
#define SAME(field) CHECK_INT(shown.x.field, filled.x.field)
	SAME(nr_impersonate_groups);
	SAME(nr_remote_groups);
	SAME(stream);
	SAME(protocol);
	SAME(doubts);
	SAME(request_ns);
	SAME(first_byte_ns);
	SAME(end_ns);
	SAME(has_request);
	SAME(has_response);
	SAME(authorization_seen);
	SAME(ws_protocol_seen);
	SAME(websocket_seen);
	SAME(status);
	SAME(has_flow_schema);
	SAME(is_upgraded);
	SAME(is_goaway);
	SAME(has_request_bytes);
	SAME(request_bytes);
	SAME(response_bytes);
#undef SAME
	CHECK(!shown.x.authorization.p && !shown.x.ws_protocol.p && !shown.x.text[0] && !shown.x.text[1]);
	for (size_t i = 0; i < filled.x.nr_impersonate_groups; i++)
		CHECK(str_eq(shown.x.impersonate_groups[i], filled.x.impersonate_groups[i]));
	for (size_t i = 0; i < filled.x.nr_remote_groups; i++)
		CHECK(str_eq(shown.x.remote_groups[i], filled.x.remote_groups[i]));
	CHECK(str_eq(shown.id.credential.subject, filled.id.credential.subject));
	CHECK(str_eq(shown.id.credential.issuer, filled.id.credential.issuer));
	CHECK(str_eq(shown.id.credential.serial, filled.id.credential.serial));
	CHECK(str_eq(shown.id.credential.credential_id, filled.id.credential.credential_id));
	CHECK_INT(shown.id.credential.nr_groups, CRED_GROUPS_MAX);
	for (size_t i = 0; i < CRED_GROUPS_MAX; i++)
		CHECK(str_eq(shown.id.credential.groups[i], filled.id.credential.groups[i]));
	CHECK_INT(shown.id.credential.kind, CRED_BEARER);
	CHECK_INT(shown.id.credential.outcome, OUTCOME_ACCEPTED);
	CHECK_INT(shown.id.credential.also, 5);
	CHECK_INT(shown.id.credential.token_type, TOKEN_OIDC);
	CHECK_INT(shown.id.credential.is_unverified, true);
	CHECK_STR(str_of(shown.id.credential.id), "hk1:abc");
	CHECK_INT(shown.id.credential.expires_s, -3);
	CHECK_INT(shown.id.credential.not_before_s, 4);
	keep_drop(&p.keep, &k->kept);
	keep_drop(&p.keep, &same->kept);
	finish();
}

static void fill_user(struct audit_user *u)
{
	u->username = text();
	u->uid = text();
	u->credential_id = text();
	for (u->nr_groups = 0; u->nr_groups < EVENT_GROUPS_MAX;)
		u->groups[u->nr_groups++] = text();
}

static void check_user(const struct audit_user *got, const struct audit_user *want)
{
	CHECK(str_eq(got->username, want->username) && str_eq(got->uid, want->uid) &&
	      str_eq(got->credential_id, want->credential_id));
	CHECK_INT(got->nr_groups, want->nr_groups);
	for (size_t i = 0; i < want->nr_groups; i++)
		CHECK(str_eq(got->groups[i], want->groups[i]));
}

static void test_keep__copy_of_an_event_is_whole(void)
{
	struct event e = { .level = LEVEL_REQUEST, .stage = STAGE_PANIC, .code = 500, .received_ns = 1, .stage_ns = 2 };
	struct str *const texts[] = { &e.audit_id, &e.request_uri, &e.verb, &e.user_agent, &e.object.resource, &e.object.ns,
				      &e.object.name, &e.object.uid, &e.object.api_group, &e.object.api_version,
				      &e.object.subresource, &e.status_message, &e.status_reason, &e.decision, &e.reason,
				      &e.annotations, &e.request_object, &e.response_object };
	struct kept_event *k;

	fill(&b);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		*texts[i] = text();
	fill_user(&e.user);
	fill_user(&e.impersonated);
	while (e.nr_source_ips < EVENT_SOURCE_IPS_MAX)
		e.source_ips[e.nr_source_ips++] = text();
	k = keep_event(&p.keep, &e);
	memset(&shown_event, 0xee, sizeof(shown_event));
	kept_event_show(k, &shown_event);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		CHECK(str_eq(*texts[i], *(struct str *)((char *)&shown_event + ((char *)texts[i] - (char *)&e))));
	check_user(&shown_event.user, &e.user);
	check_user(&shown_event.impersonated, &e.impersonated);
	CHECK_INT(shown_event.nr_source_ips, EVENT_SOURCE_IPS_MAX);
	for (size_t i = 0; i < EVENT_SOURCE_IPS_MAX; i++)
		CHECK(str_eq(shown_event.source_ips[i], e.source_ips[i]));
	CHECK_INT(shown_event.level, LEVEL_REQUEST);
	CHECK_INT(shown_event.stage, STAGE_PANIC);
	CHECK_INT(shown_event.code, 500);
	CHECK_INT(shown_event.received_ns, 1);
	CHECK_INT(shown_event.stage_ns, 2);
	CHECK(!shown_event.is_cut);
	keep_drop(&p.keep, &k->kept);
	finish();
}

static void test_keep__large_objects_are_left_out_and_said_to_be(void)
{
	static char object[KEEP_OBJECT_MAX + 1];
	struct kept_event *k;

	both_init(&b, "a", T0);
	b.e.request_object = (struct str){ object, KEEP_OBJECT_MAX };
	b.e.response_object = (struct str){ object, KEEP_OBJECT_MAX + 1 };
	k = keep_event(&p.keep, &b.e);
	kept_event_show(k, &shown_event);
	CHECK_INT(shown_event.request_object.n, KEEP_OBJECT_MAX);
	CHECK_INT(shown_event.response_object.n, 0);
	CHECK(shown_event.is_cut);
	keep_drop(&p.keep, &k->kept);
	finish();
}

static void test_keep__connection_that_becomes_described_is_another_copy(void)
{
	struct kept_exchange *before, *after;

	both_init(&b, "a", T0);
	b.conn.is_described = b.conn.has_address = false;
	b.conn.process = NULL;
	before = keep_exchange(&p.keep, &b.id);
	both_init(&b, "a", T0);
	after = keep_exchange(&p.keep, &b.id);
	CHECK(before->conn != after->conn);
	kept_exchange_show(before, &shown);
	CHECK(!shown.x.conn->is_described && !shown.x.conn->process);
	keep_drop(&p.keep, &before->kept);
	CHECK(p.keep.conns.n == 1);
	keep_drop(&p.keep, &after->kept);
	CHECK(p.keep.conns.n == 0);
	finish();
}

/* ---- small things */

static void test_spans__hold_what_was_added_and_its_slack(void)
{
	static struct spans s;

	s.nr = 0;
	CHECK(!spans_have(&s, 5));
	spans_add(&s, 100, 200, 10);
	spans_add(&s, 300, 300, 0);
	spans_add(&s, 5, 4, 100);
	CHECK(!spans_have(&s, 89) && spans_have(&s, 90) && spans_have(&s, 210) && !spans_have(&s, 211));
	CHECK(!spans_have(&s, 299) && spans_have(&s, 300) && !spans_have(&s, 301));
	spans_add(&s, 205, 299, 0);
	CHECK_INT(s.nr, 2);
	CHECK(spans_have(&s, 250));
	spans_add(&s, 0, UINT64_MAX, 10);
	CHECK_INT(s.nr, 1);
	CHECK(spans_have(&s, 0) && spans_have(&s, UINT64_MAX));
}

static void test_spans__never_forget_when_there_are_too_many(void)
{
	static struct spans s;
	static uint64_t added[1000];
	uint64_t seed = 1;

	s.nr = 0;
	for (int i = 0; i < 1000; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		added[i] = seed >> 40;
		spans_add(&s, added[i], added[i] + (seed >> 32) % 3, 0);
		for (size_t k = 1; k < s.nr; k++)
			CHECK(s.list[k].from > s.list[k - 1].to && s.list[k].from <= s.list[k].to);
	}
	CHECK(s.nr <= SPANS_MAX);
	for (int i = 0; i < 1000; i++)
		CHECK(spans_have(&s, added[i]));
}

static void test_settled__knows_the_newest(void)
{
	struct settled s;

	CHECK_INT(settled_init(&s), 0);
	for (uint64_t i = 1; i <= SETTLED_MAX + 10; i++)
		CHECK_INT(settled_put(&s, i, SETTLED_MATCHED), 0);
	CHECK_INT(settled_get(&s, 10), SETTLED_NOT);
	CHECK_INT(settled_get(&s, 11), SETTLED_MATCHED);
	CHECK_INT(settled_put(&s, 11, SETTLED_UNMATCHED), 0);
	CHECK_INT(settled_get(&s, 11), SETTLED_UNMATCHED);
	CHECK_INT(s.notes.n, SETTLED_MAX);
	settled_done(&s);
}

static void test_ip__reads_what_go_writes(void)
{
	static const struct {
		const char *text;
		uint8_t ip[16];
	} good[] = {
		{ "10.0.0.9", { [10] = 0xff, 0xff, 10, 0, 0, 9 } },
		{ "010.0.0.009", { [10] = 0xff, 0xff, 10, 0, 0, 9 } },
		{ "::ffff:10.0.0.9", { [10] = 0xff, 0xff, 10, 0, 0, 9 } },
		{ "::", { 0 } },
		{ "::1", { [15] = 1 } },
		{ "2001:db8::", { 0x20, 0x01, 0x0d, 0xb8 } },
		{ "2001:db8::1:2", { 0x20, 0x01, 0x0d, 0xb8, [13] = 1, 0, 2 } },
		{ "1:2:3:4:5:6:7:8", { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8 } },
		{ "1:2:3:4:5:6:1.2.3.4", { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 1, 2, 3, 4 } },
		{ "1:2:3:4:5:6:7::", { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7 } },
	};
	static const char *const bad[] = { "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2..4", "a.b.c.d", ":", ":::", "1::2::3",
					   "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", "::1%eth0", "::g",
					   "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "1:", "fe80::1 " };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		uint8_t ip[16];

		CHECK_INT(ip_parse(str_of(good[i].text), ip), 0);
		CHECK(!memcmp(ip, good[i].ip, 16));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint8_t ip[16] = { 42 };

		if (ip_parse(str_of(bad[i]), ip) != -EINVAL)
			printf("    %s\n", bad[i]);
		CHECK_INT(ip_parse(str_of(bad[i]), ip), -EINVAL);
		CHECK_INT(ip[0], 42);
	}
}

/* SipHash-1-3 of 0..n-1 under the key 0..15, as other implementations give it. */
static void test_hash__is_siphash_1_3(void)
{
	static const struct hash_key key = { { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL } };
	static const char bytes[] = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e";

	CHECK(hash_str(&key, (struct str){ bytes, 0 }) == 0xabac0158050fc4dcULL);
	CHECK(hash_str(&key, (struct str){ bytes, 1 }) == 0xc9f49bf37d57ca93ULL);
	CHECK(hash_mix(1, 2) != hash_mix(2, 1));
}

int main(void)
{
	RUN(test_pending__finds_all_of_one_id);
	RUN(test_pending__chain_holds_whoever_leaves);
	RUN(test_pending__list_is_in_the_order_of_due_times);
	RUN(test_pending__later_stage_takes_the_place_of_the_earlier);
	RUN(test_pending__one_id_has_its_bound);
	RUN(test_keep__copy_of_an_exchange_is_whole);
	RUN(test_keep__copy_of_an_event_is_whole);
	RUN(test_keep__large_objects_are_left_out_and_said_to_be);
	RUN(test_keep__connection_that_becomes_described_is_another_copy);
	RUN(test_spans__hold_what_was_added_and_its_slack);
	RUN(test_spans__never_forget_when_there_are_too_many);
	RUN(test_settled__knows_the_newest);
	RUN(test_ip__reads_what_go_writes);
	RUN(test_hash__is_siphash_1_3);
	return test_end();
}
