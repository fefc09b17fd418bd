/* SPDX-License-Identifier: Apache-2.0 */
#include "base/jread.h"
#include "exchanges.h"
#include "tell/summary.h"
#include "test.h"

static struct counters counters;
static char text[256 * 1024];

static struct str printed(const struct summary *s, const struct summary_run *run)
{
	FILE *f = fmemopen(text, sizeof(text), "w");
	long n;

	CERTS_MUST(f);
	summary_print(s, run, false, f);
	n = ftell(f);
	fclose(f);
	return (struct str){ text, (size_t)n };
}

static bool holds(struct str all, const char *what)
{
	if (all.n && memmem(all.p, all.n, what, strlen(what)))
		return true;
	printf("    \"%s\" is not in:\n%.*s", what, STR_ARG(all));
	return false;
}

static void push(struct summary *sum, enum cred_kind kind, enum cred_outcome outcome, uint16_t status, const char *uri,
		 uint8_t client, uint32_t doubts)
{
	struct scene s;
	struct identity id = { .exchange = &s.x, .credential = { .kind = kind, .outcome = outcome } };

	scene_init(&s);
	s.x.request_uri = str_of(uri);
	s.x.status = status;
	s.x.doubts = doubts;
	s.conn.client_ip[15] = client;
	summary_push(sum, &id);
}

static void test_summary__counts_by_credential_outcome_and_status(void)
{
	struct summary sum = { 0 };
	struct summary_run run = { .counters = &counters, .wall_ns = 1500000000 };
	struct buf json = { 0 };
	struct str all;

	push(&sum, CRED_NONE, OUTCOME_NONE, 200, "/version?a=1", 1, 0);
	push(&sum, CRED_NONE, OUTCOME_NONE, 403, "/api?b=2", 1, 0);
	push(&sum, CRED_BEARER, OUTCOME_ACCEPTED, 200, "/api", 2, 0);
	push(&sum, CRED_BEARER, OUTCOME_REJECTED, 401, "/api", 2, 0);
	push(&sum, CRED_BASIC, OUTCOME_IGNORED, 403, "/api?c=3", 3, DOUBT_RESET);
	push(&sum, CRED_UNKNOWN, OUTCOME_UNKNOWN, 0, "/api", 2, DOUBT_RESET | DOUBT_UNFINISHED);
	summary_json(&sum, &run, &json);
	all = buf_str(&json);
	CHECK(str_starts(all, STR("{\"kind\":\"Summary\",\"apiVersion\":\"anontap.io/v1\",\"exchanges\":6,"
				  "\"byCredential\":{\"none\":2,\"bearer\":2,\"basic\":1,\"unknown\":1},"
				  "\"byOutcome\":{\"none\":2,\"ignored\":1,\"rejected\":1,\"accepted\":1,\"unknown\":1},"
				  "\"byStatus\":{\"none\":1,\"2xx\":2,\"4xx\":3},")));
	CHECK(holds(all, "\"unfinished\":1,\"reset\":2"));
	CHECK(holds(all, "\"targets\":[\"kube-apiserver (pid 812)\"]"));
	CHECK(holds(all, "\"wallSeconds\":1.5}\n"));
	all = printed(&sum, &run);
	CHECK(holds(all, "6 exchanges in 1.5 s of kube-apiserver (pid 812)"));
	CHECK(holds(all, " bearer ") && holds(all, " rejected 1, accepted 1\n"));
	CHECK(holds(all, "lost: nothing"));
	CHECK(holds(all, "in doubt: 2"));
	summary_done(&sum);
	buf_done(&json);
}

static void test_summary__every_kind_of_loss_is_always_there(void)
{
	struct summary sum = { 0 };
	struct summary_run run = { .counters = &counters };
	struct buf json = { 0 };
	struct jread r;
	size_t from;

	summary_json(&sum, &run, &json);
	for (int i = 0; i < COUNT_KERNEL_END; i++) {
		char field[128];

		if (strncmp(counter_name((enum counter)i), "lost_", 5))
			continue;
		(void)snprintf(field, sizeof(field), "\"%s\":0", counter_name((enum counter)i));
		CHECK(holds(buf_str(&json), field));
	}
	CHECK(holds(buf_str(&json), "\"faults\":{}"));
	from = json.n;
	counters.v[COUNT_lost_frame] = 7;
	counters.v[COUNT_hpack_bad] = 3;
	summary_json(&sum, &run, &json);
	counters = (struct counters){ { 0 } };
	CHECK(holds(str_from(buf_str(&json), from), "\"lost_frame\":7"));
	CHECK(holds(str_from(buf_str(&json), from), "\"hpack_bad\":3"));
	jread_init(&r, str_from(buf_str(&json), from));
	CHECK(jread_skip(&r) && jread_end(&r));
	buf_done(&json);
}

static void test_summary__tops_are_of_calls_without_credential(void)
{
	struct summary sum = { 0 };
	struct summary_run run = { .counters = &counters };
	struct str all;

	for (int i = 0; i < 5; i++)
		push(&sum, CRED_NONE, OUTCOME_NONE, 403, i % 2 ? "/often?x=1" : "/often?y=2", 7, 0);
	push(&sum, CRED_QUERY_TOKEN, OUTCOME_IGNORED, 403, "/once", 8, 0);
	push(&sum, CRED_BEARER, OUTCOME_ACCEPTED, 200, "/authenticated", 9, 0);
	push(&sum, CRED_BEARER, OUTCOME_REJECTED, 401, "/rejected", 9, 0);
	all = printed(&sum, &run);
	CHECK(holds(all, "5  /often\n"));
	CHECK(holds(all, "1  /once\n"));
	CHECK(holds(all, "5  10.0.0.7\n"));
	CHECK(!memmem(all.p, all.n, "/authenticated", 14));
	CHECK(!memmem(all.p, all.n, "/rejected", 9));
	CHECK(!memmem(all.p, all.n, "10.0.0.9", 8));
	CHECK(!memmem(all.p, all.n, "approximate", 11));
	summary_done(&sum);
}

static void test_summary__frequent_paths_survive_a_scan_and_doubt_is_told(void)
{
	struct summary sum = { 0 };
	struct summary_run run = { .counters = &counters };
	char uri[64];
	struct str all;

	for (int i = 0; i < 20000; i++) {
		(void)snprintf(uri, sizeof(uri), "/scan/%d", i);
		push(&sum, CRED_NONE, OUTCOME_NONE, 404, uri, 7, 0);
		if (i % 4 == 0)
			push(&sum, CRED_NONE, OUTCOME_NONE, 403, "/often", 7, 0);
	}
	all = printed(&sum, &run);
	CHECK(holds(all, "5000  /often"));
	CHECK(holds(all, "approximate"));
	summary_done(&sum);
}

static void test_summary__the_most_frequent_come_first_in_a_fixed_order(void)
{
	static const char *const paths[] = { "/b", "/c", "/a", "/c", "/d", "/e", "/f", "/g", "/h", "/i", "/j" };
	struct summary sum = { 0 };
	struct summary_run run = { .counters = &counters };
	struct str all;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		push(&sum, CRED_NONE, OUTCOME_NONE, 403, paths[i], 7, 0);
	all = printed(&sum, &run);
	CHECK(holds(all, "         2  /c\n         1  /a\n         1  /b\n         1  /d\n         1  /e\n         1  /f\n         1  /g\n"
			 "         1  /h\n            and 2 more\n"));
	summary_done(&sum);
}

static void test_summary__a_client_cannot_write_to_the_terminal(void)
{
	struct summary sum = { 0 };
	struct summary_run run = { .counters = &counters };
	struct str all;

	push(&sum, CRED_NONE, OUTCOME_NONE, 404, "/\033[2J\r\xc2\x9b" "31m\x9b", 7, 0);
	(void)snprintf(sum.targets[0], sizeof(sum.targets[0]), "\033[2J (pid 1)");
	all = printed(&sum, &run);
	for (size_t i = 0; i < all.n; i++)
		CHECK((unsigned char)all.p[i] >= 0x20 || all.p[i] == '\n');
	CHECK(!memmem(all.p, all.n, "\xc2\x9b", 2));
	summary_done(&sum);
}

int main(void)
{
	RUN(test_summary__counts_by_credential_outcome_and_status);
	RUN(test_summary__every_kind_of_loss_is_always_there);
	RUN(test_summary__tops_are_of_calls_without_credential);
	RUN(test_summary__frequent_paths_survive_a_scan_and_doubt_is_told);
	RUN(test_summary__the_most_frequent_come_first_in_a_fixed_order);
	RUN(test_summary__a_client_cannot_write_to_the_terminal);
	return test_end();
}
