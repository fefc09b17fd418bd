/* SPDX-License-Identifier: Apache-2.0 */
#include "base/jread.h"
#include "joins.h"
#include "tell/coverage.h"
#include "tell/summary.h"

#define HOUR (3600 * SECOND)

static struct counters counters;
static struct coverage cov;
static char text[256 * 1024];

static const struct coverage_run run = {
	.counters = &counters, .has_wire = true, .has_log = true,
	.log_from_ns = T0, .log_to_ns = T0 + HOUR, .wire_from_ns = T0, .wire_to_ns = T0 + HOUR,
};

static struct str printed(const struct coverage_run *r)
{
	FILE *f = fmemopen(text, sizeof(text), "w");
	long n = 0;

	CHECK(f);
	if (f) {
		coverage_print(&cov, r, false, f);
		n = ftell(f);
		fclose(f);
	}
	return (struct str){ text, (size_t)n };
}

static bool holds(struct str all, const char *what)
{
	if (all.n && memmem(all.p, all.n, what, strlen(what)))
		return true;
	printf("    \"%s\" is not in:\n%.*s", what, STR_ARG(all));
	return false;
}

static void push(enum verdict verdict, enum gap_reason gap, const char *uri, uint64_t at_ns)
{
	struct both b;
	bool has_wire = verdict != VERDICT_AUDIT_ONLY;
	bool has_log = verdict == VERDICT_AUDIT_ONLY || verdict == VERDICT_MATCHED || verdict == VERDICT_MISMATCH;

	both_init(&b, "a", at_ns);
	both_uri(&b, uri);
	coverage_match(&cov, &(struct match){
		.verdict = verdict, .gap = gap, .identity = has_wire ? &b.id : NULL, .event = has_log ? &b.e : NULL,
		.agrees = has_wire && has_log ? 1u << JOIN_REQUEST_URI : 0,
		.differs = verdict == VERDICT_MISMATCH ? 1u << JOIN_IDENTITY : 0, .skew_ns = 100000 });
}

static void test_coverage__says_how_much_and_what_is_missing(void)
{
	struct buf json = { 0 };
	struct str all;

	for (int i = 0; i < 997; i++)
		push(VERDICT_MATCHED, 0, "/m", T0);
	push(VERDICT_UNAUDITED, GAP_UNEXPLAINED, "/gone?x=1", T0);
	push(VERDICT_UNAUDITED, GAP_UNEXPLAINED, "/gone?x=2", T0);
	push(VERDICT_UNAUDITED, GAP_POLICY, "/quiet", T0);
	push(VERDICT_MISMATCH, 0, "/other", T0);
	push(VERDICT_AUDIT_ONLY, 0, "/unseen", T0);
	push(VERDICT_UNAUDITABLE, 0, "/api/v1/watch", T0);
	all = printed(&run);
	CHECK(holds(all, "     997  matched"));
	CHECK(holds(all, "       3  unaudited"));
	CHECK(holds(all, "coverage: 99.70 % of"));
	CHECK(holds(all, "2 missing from the log, and nothing explains it, by path:\n         2  /gone\n"));
	CHECK(holds(all, "1 not logged, as the audit policy says, by path:\n         1  /quiet\n"));
	CHECK(holds(all, "mismatches differ in: identity 1\n"));
	CHECK(holds(all, "         1  /unseen\n"));
	CHECK(holds(all, "0.1 ms after"));
	coverage_json(&cov, &run, &json);
	all = buf_str(&json);
	CHECK(holds(all, "\"byVerdict\":{\"pending\":0,\"matched\":997,\"unaudited\":3,\"unauditable\":1,\"audit-only\":1,\"mismatch\":1}"));
	CHECK(holds(all, "\"byGap\":{\"unexplained\":2,\"policy\":1,\"learned\":0,\"log-gone\":0},\"coverage\":0.997,"));
	CHECK(holds(all, "\"agrees\":{\"requestURI\":998},\"differs\":{\"identity\":1}"));
	CHECK(coverage_has_findings(&cov));
	buf_done(&json);
	coverage_done(&cov);
}

static void test_coverage__only_the_unexplained_and_a_false_identity_are_findings(void)
{
	push(VERDICT_MATCHED, 0, "/m", T0);
	push(VERDICT_UNAUDITED, GAP_POLICY, "/quiet", T0);
	push(VERDICT_UNAUDITED, GAP_LEARNED, "/quiet", T0);
	push(VERDICT_UNAUDITABLE, 0, "/api/v1/watch", T0);
	push(VERDICT_AUDIT_ONLY, 0, "/unseen", T0);
	push(VERDICT_PENDING, 0, "/open", T0);
	CHECK(!coverage_has_findings(&cov));
	push(VERDICT_MISMATCH, 0, "/m", T0);
	CHECK(coverage_has_findings(&cov));
	coverage_done(&cov);
}

static void test_coverage__outside_the_log_is_told_and_no_gap(void)
{
	struct both b;
	struct str all;

	both_init(&b, "a", T0);
	coverage_before_log(&cov, &b.id);
	coverage_after_log(&cov, &b.id);
	coverage_after_log(&cov, &b.id);
	all = printed(&run);
	CHECK(holds(all, "       1  before the beginning of the audit log"));
	CHECK(holds(all, "       2  after the end of the audit log"));
	CHECK(!memmem(all.p, all.n, "cannot be judged\n", 17));
	CHECK(!memmem(all.p, all.n, "coverage:", 9));
	CHECK(!coverage_has_findings(&cov));
	coverage_done(&cov);
}

static void test_coverage__one_missing_of_many_is_not_whole(void)
{
	CHECK_INT(coverage_ratio(1, 0), 1000000000);
	CHECK_INT(coverage_ratio(UINT64_C(10000000000), 1), 999999999);
	CHECK_INT(coverage_ratio(0, 5), 0);
	CHECK(coverage_ratio(0, 0) == UINT64_MAX);
}

static void test_coverage__hours_come_in_order_whatever_the_order_of_the_log(void)
{
	const char *first, *second;
	struct str all;

	push(VERDICT_MATCHED, 0, "/m", T0 + 2 * HOUR);
	push(VERDICT_MATCHED, 0, "/m", T0);
	push(VERDICT_UNAUDITED, GAP_UNEXPLAINED, "/m", T0);
	push(VERDICT_MATCHED, 0, "/m", T0 + 2 * HOUR);
	CHECK_INT(cov.nr_hours, 2);
	all = printed(&run);
	first = memmem(all.p, all.n, "50.00 %", 7);
	second = memmem(all.p, all.n, "2         0  100.00 %", 21);
	CHECK(first && second);
	coverage_done(&cov);
}

static void test_coverage__a_request_counts_once_by_its_last_stage(void)
{
	struct both b;
	struct str all;
	struct coverage_run alone = { .counters = &counters, .has_log = true, .log_from_ns = T0, .log_to_ns = T0 };

	both_init(&b, "a", T0);
	both_anonymous(&b);
	b.e.decision = STR("allow");
	b.e.stage = STAGE_REQUEST_RECEIVED;
	coverage_event(&cov, &b.e);
	b.e.stage = STAGE_RESPONSE_STARTED;
	coverage_event(&cov, &b.e);
	b.e.stage = STAGE_RESPONSE_COMPLETE;
	coverage_event(&cov, &b.e);
	b.e.user.username = (struct str){ 0 };
	b.e.stage = STAGE_RESPONSE_STARTED;
	b.e.code = 401;
	coverage_event(&cov, &b.e);
	CHECK_INT(cov.requests, 2);
	CHECK_INT(cov.rejected, 1);
	all = printed(&alone);
	CHECK(holds(all, "2 audited requests"));
	CHECK(holds(all, "anonymous, in the audit log: 1, of which 1 allowed"));
	CHECK(holds(all, "401, in the audit log: 1, by source:\n         1  10.0.0.9\n"));
	CHECK(!memmem(all.p, all.n, "WIRE", 4));
	coverage_done(&cov);
}

static void test_coverage__median_skew_is_near_and_signed(void)
{
	static const int64_t skews[] = { 0, 1, -1, 7, 8, 100000, -100000, 123456789, -123456789, INT64_C(86400000000000), INT64_MAX, INT64_MIN };
	struct both b;

	both_init(&b, "a", T0);
	for (size_t i = 0; i < sizeof(skews) / sizeof(*skews); i++) {
		double want = (double)skews[i], got;

		coverage_match(&cov, &(struct match){ .verdict = VERDICT_MATCHED, .identity = &b.id, .event = &b.e, .skew_ns = skews[i] });
		got = (double)coverage_skew_median(&cov);
		CHECK(got == want || (got / want > 0.93 && got / want < 1.07));
		coverage_done(&cov);
	}
}

static void test_coverage__a_client_cannot_write_to_the_terminal(void)
{
	struct both b;
	struct str all;

	push(VERDICT_UNAUDITED, GAP_UNEXPLAINED, "/\033[2J\r\x9b", T0);
	push(VERDICT_AUDIT_ONLY, 0, "/\033[2J\r\x9b", T0);
	both_init(&b, "a", T0);
	b.e.user.username = STR("\033[2J");
	b.e.source_ips[0] = STR("\033]0;x\a");
	b.e.code = 401;
	coverage_event(&cov, &b.e);
	all = printed(&run);
	for (size_t i = 0; i < all.n; i++)
		CHECK((unsigned char)all.p[i] >= 0x20 || all.p[i] == '\n');
	CHECK(!memmem(all.p, all.n, "\x9b", 1));
	coverage_done(&cov);
}

static void test_summary__its_losses_read_back(void)
{
	struct summary sum = { 0 };
	struct counters lost = { 0 };
	struct buf json = { 0 };
	uint64_t n = 7;

	lost.v[COUNT_lost_frame] = 3;
	lost.v[COUNT_lost_close] = 2;
	lost.v[COUNT_seq_gaps] = 50; /* a fault, no loss */
	summary_json(&sum, &(struct summary_run){ .counters = &lost }, &json);
	CHECK_INT(summary_parse_lost(buf_str(&json), &n), 0);
	CHECK_INT(n, 5);
	CHECK(summary_parse_lost(STR("{\"kind\":\"Exchange\",\"lost\":{\"a\":1}}"), &n) < 0);
	CHECK(summary_parse_lost(STR("{\"kind\":\"Summary\",\"lost\":{\"a\":-1}}"), &n) < 0);
	CHECK(summary_parse_lost(STR("{\"kind\":\"Summary\"}"), &n) < 0);
	CHECK(summary_parse_lost(STR("{\"kind\":\"Summary\",\"lost\":{\"a\":1}"), &n) < 0);
	CHECK_INT(n, 5);
	CHECK_INT(summary_parse_lost(STR("{\"lost\":{\"a\":18446744073709551615,\"b\":2},\"kind\":\"Summary\"}"), &n), 0);
	CHECK(n == UINT64_MAX);
	buf_done(&json);
}

int main(void)
{
	RUN(test_coverage__says_how_much_and_what_is_missing);
	RUN(test_coverage__only_the_unexplained_and_a_false_identity_are_findings);
	RUN(test_coverage__outside_the_log_is_told_and_no_gap);
	RUN(test_coverage__one_missing_of_many_is_not_whole);
	RUN(test_coverage__hours_come_in_order_whatever_the_order_of_the_log);
	RUN(test_coverage__a_request_counts_once_by_its_last_stage);
	RUN(test_coverage__median_skew_is_near_and_signed);
	RUN(test_coverage__a_client_cannot_write_to_the_terminal);
	RUN(test_summary__its_losses_read_back);
	return test_end();
}
