/* SPDX-License-Identifier: Apache-2.0
 *
 * Fails each allocation of flow, http and exchange in turn, nghttp2's included, by standing in for malloc:
 * nothing crashes or leaks, it is counted, and what is told stays true. Under the address sanitizer the
 * heap of this one program goes unchecked for that; it counts its blocks itself.
 */
#include <stdlib.h>
#include "chain.h"
#include "samples.h"
#include "test.h"

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool is_watched;		/* the stages are at work, not the test */
static long fail_at = -1;	/* which of their allocations fails first; -1: none */
static bool does_recover;	/* only that one fails */
static long nr_allocations, nr_live;

static bool is_failing(void)
{
	long nr = nr_allocations;

	if (!is_watched)
		return false;
	nr_allocations++;
	return fail_at >= 0 && (does_recover ? nr == fail_at : nr >= fail_at);
}

void *malloc(size_t n)
{
	void *p = is_failing() ? NULL : __libc_malloc(n);

	nr_live += p != NULL;
	return p;
}

void *calloc(size_t n, size_t size)
{
	void *p = is_failing() ? NULL : __libc_calloc(n, size);

	nr_live += p != NULL;
	return p;
}

void *realloc(void *old, size_t n)
{
	void *p;

	if (is_failing())
		return NULL;
	p = __libc_realloc(old, n);
	nr_live += !old && p;
	return p;
}

void free(void *p)
{
	nr_live -= p != NULL;
	__libc_free(p);
}

static struct chain c;

static void push(void *ctx, const void *rec, size_t size)
{
	is_watched = true;
	flow_push(&c.flow, rec, size);
	is_watched = false;
}

static void emit(void *ctx, struct exchange *x)
{
	is_watched = false;
	chain_emit(&c, x);
	is_watched = true;
}

static void run(const struct script *s, size_t piece, bool is_slow)
{
	struct play p = { .piece = piece, .lose = -1, .is_slow = is_slow, .push = push };

	nr_allocations = 0;
	chain_init(&c);
	c.exchanges.emit = emit;
	play(&p, s);
	is_watched = true;
	flow_finish(&c.flow);
	is_watched = false;
}

/* Headers are the same, or not told: never others, and never told as absent. */
static bool is_true(const struct told *t, const struct chain *whole)
{
	for (size_t i = 0; i < whole->nr; i++) {
		const struct told *w = &whole->told[i];
		bool is_same = t->serial == w->serial &&
			       (!*t->field[FIELD_URI] || !strcmp(t->field[FIELD_URI], w->field[FIELD_URI])) &&
			       (!*t->field[FIELD_AUDIT_ID] || !strcmp(t->field[FIELD_AUDIT_ID], w->field[FIELD_AUDIT_ID]));

		for (int f = 0; is_same && f < FIELD_REQUEST_BYTES; f++) {
			const char *got = t->field[f], *want = w->field[f];

			if (strcmp(got, want) && *got && !(t->doubts & DOUBT_TRUNCATED && !strncmp(got, want, strlen(got))))
				is_same = false;
			if (strcmp(got, want) && !*got && !t->doubts)
				is_same = false;
		}
		if (is_same)
			return true;
	}
	return false;
}

static void fail_each(const struct script *s, size_t piece, bool is_slow)
{
	struct chain whole;
	long nr;

	fail_at = -1;
	run(s, piece, is_slow);
	whole = c;
	nr = nr_allocations;
	CHECK(nr > 10);
	for (int recover = 0; recover < 2; recover++) {
		does_recover = recover;
		for (long k = 0; k < nr; k++) {
			long live = nr_live;
			bool is_good = true;

			fail_at = k;
			run(s, piece, is_slow);
			fail_at = -1;
			for (size_t i = 0; i < c.nr; i++)
				is_good &= is_true(&c.told[i], &whole);
			/* a table that could not be put aside is no loss */
			is_good &= c.counters.v[COUNT_out_of_memory] || (is_slow && c.nr == whole.nr);
			if (!is_good) {
				printf("    allocation %ld of %ld, piece %zu, recover %d\n", k, nr, piece, recover);
				chain_print(&c);
			}
			chain_done(&c);
			CHECK(is_good);
			CHECK_INT(nr_live, live);
			if (!is_good)
				break;
		}
	}
	chain_done(&whole);
}

static void test_wire_oom__each_allocation_may_fail(void)
{
	long live;

	for (size_t i = 0; i < NR_SAMPLES; i++) {
		static struct script s;

		live = nr_live;
		SAMPLES[i].make(&s);
		fail_each(&s, 0, false);
		fail_each(&s, 16, false);
		fail_each(&s, 0, true);
		script_done(&s);
		CHECK_INT(nr_live, live);
	}
}

int main(void)
{
	RUN(test_wire_oom__each_allocation_may_fail);
	return test_end();
}
