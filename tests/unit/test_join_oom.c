/* SPDX-License-Identifier: Apache-2.0
 *
 * Fails each allocation in turn by standing in for malloc: the join may then know less, and says so, but
 * never tells a gap or a contradiction that is none. Under the address sanitizer the heap of this one
 * program goes unchecked for that; it counts its blocks itself.
 */
#include <errno.h>
#include "joins.h"

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static long fail_in = -1; /* allocations until the one that fails */
static bool is_failing_on; /* all that follow fail too */
static long live;

#define PLAIN __attribute__((no_sanitize("address", "undefined"))) /* it runs before they are set up */

PLAIN static bool is_failing(void)
{
	if (fail_in < 0 || fail_in > 0) {
		fail_in -= fail_in > 0;
		return false;
	}
	if (!is_failing_on)
		fail_in = -1;
	errno = ENOMEM;
	return true;
}

PLAIN static void *note(void *p)
{
	live += p != NULL;
	return p;
}

PLAIN void *malloc(size_t n)
{
	return is_failing() ? NULL : note(__libc_malloc(n));
}

PLAIN void *calloc(size_t n, size_t size)
{
	return is_failing() ? NULL : note(__libc_calloc(n, size));
}

PLAIN void *realloc(void *old, size_t n)
{
	void *p;

	if (is_failing())
		return NULL;
	p = __libc_realloc(old, n);
	live += p && !old;
	return p;
}

PLAIN void free(void *p)
{
	live -= p != NULL;
	__libc_free(p);
}

#define NR 40

static struct {
	int nr_told[NR];
	int verdict[NR];
	int nr_audit_only, nr_mismatch;
} told;

static void take(void *ctx, const struct match *m)
{
	told.nr_mismatch += m->verdict == VERDICT_MISMATCH;
	told.nr_audit_only += m->verdict == VERDICT_AUDIT_ONLY;
	if (!m->identity)
		return;
	told.nr_told[m->identity->exchange->stream]++;
	told.verdict[m->identity->exchange->stream] = (int)m->verdict;
}

/* Forty requests: every tenth is not logged, every seventh has no id on the wire, every third is logged
 * before it is seen, in two stages. */
static void play(struct join *j)
{
	static char ids[NR][16];
	static struct both b;

	for (int i = 0; i < NR; i++) {
		(void)snprintf(ids[i], sizeof(ids[i]), "id-%d", i);
		both_init(&b, ids[i], T0 + (uint64_t)i * 100 * MS);
		b.x.stream = (uint32_t)i;
		b.conn.serial = (uint64_t)i / 3;
		b.x.request_uri = b.e.request_uri = i % 2 ? STR("/api/v1/a\"b") : STR("/api/v1/pods?access_token=REDACTED");
		if (i % 2)
			b.e.request_uri = STR("/api/v1/a%22b");
		if (i % 7 == 0) {
			both_uri(&b, "/api/v1/namespaces/d/pods/p/exec?command=sh");
			both_status(&b, 101);
			b.x.is_upgraded = true;
			b.x.audit_id = (struct str){ 0 };
		}
		if (i % 3)
			join_push_identity(j, &b.id, b.id.time_ns + 3 * MS);
		if (i % 10) {
			struct event first = b.e;

			first.stage = STAGE_REQUEST_RECEIVED;
			first.code = 0;
			join_push_event(j, &first, b.id.time_ns + 3 * MS);
			join_push_event(j, &b.e, b.id.time_ns + 3 * MS);
		}
		if (i % 3 == 0)
			join_push_identity(j, &b.id, b.id.time_ns + 4 * MS);
	}
	for (uint64_t t = T0; t < T0 + 60 * SECOND; t += SECOND)
		join_tick(j, t);
	join_finish(j, JOIN_ALL_IN);
}

static void each(bool does_go_on)
{
	long at = 0, before = live;
	bool is_over = false;

	for (; !is_over && at < 10000 && !test_is_bad; at++) {
		struct counters counters = { 0 };
		struct join *j;
		long nr_pending = 0;

		memset(&told, 0, sizeof(told));
		fail_in = at;
		is_failing_on = does_go_on;
		j = join_new(&(struct join_options){ .is_audit_only_told = true, .wire_since_ns = T0 - 10 * SECOND }, &counters, take,
			     NULL);
		if (j)
			play(j);
		is_over = fail_in > 0;
		fail_in = -1;
		join_free(j);
		CHECK_INT(live, before);
		if (!j)
			continue;
		CHECK_INT(told.nr_mismatch, 0);
		CHECK_INT(told.nr_audit_only, 0);
		for (int i = 0; i < NR; i++) {
			CHECK_INT(told.nr_told[i], 1);
			CHECK(told.verdict[i] != VERDICT_UNAUDITED || i % 10 == 0);
			CHECK(told.verdict[i] != VERDICT_UNAUDITABLE);
			nr_pending += told.verdict[i] == VERDICT_PENDING;
		}
		CHECK_INT(counters.v[COUNT_join_unjudged] >= (uint64_t)nr_pending, 1);
		if (is_over)
			CHECK_INT(nr_pending, 0);
		if (test_is_bad)
			printf("    allocation %ld\n", at);
	}
	CHECK(at > 30);
}

static void test_join_oom__one_failure_makes_no_gap(void)
{
	each(false);
}

static void test_join_oom__no_memory_from_then_on_makes_no_gap(void)
{
	each(true);
}

int main(void)
{
	RUN(test_join_oom__one_failure_makes_no_gap);
	RUN(test_join_oom__no_memory_from_then_on_makes_no_gap);
	return test_end();
}
