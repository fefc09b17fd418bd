/* SPDX-License-Identifier: Apache-2.0
 *
 * test.h - what a unit test needs: a claim per test, a check per line, a count at the end.
 *
 *	static void test_str__glob_matches_any_run(void) { CHECK(str_glob(STR("a*"), STR("abc"))); }
 *	int main(void) { RUN(test_str__glob_matches_any_run); return test_end(); }
 *
 * A failed CHECK prints where and what, fails the test and goes on. SKIP(reason) is listed by
 * tests/run-unit and never counts as a pass.
 */
#ifndef ANONTAP_TESTS_TEST_H
#define ANONTAP_TESTS_TEST_H

#include <stdio.h>
#include <string.h>
#include "base/str.h"

static int test_passed, test_failed, test_skipped, test_is_bad;
static const char *test_skip_reason;

#define CHECK(claim) \
	do { \
		if (!(claim)) { \
			printf("    %s:%d: not so: %s\n", __FILE__, __LINE__, #claim); \
			test_is_bad = 1; \
		} \
	} while (0)

#define CHECK_INT(got, want) \
	do { \
		long long got_ = (long long)(got), want_ = (long long)(want); \
		if (got_ != want_) { \
			printf("    %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, got_, want_); \
			test_is_bad = 1; \
		} \
	} while (0)

#define CHECK_STR(got, want) \
	do { \
		struct str got_ = (got), want_ = str_of(want); \
		if (!str_eq(got_, want_)) { \
			printf("    %s:%d: %s is \"%.*s\", not \"%.*s\"\n", __FILE__, __LINE__, #got, \
			       STR_ARG(got_), STR_ARG(want_)); \
			test_is_bad = 1; \
		} \
	} while (0)

#define SKIP(reason) \
	do { \
		test_skip_reason = (reason); \
		return; \
	} while (0)

#define RUN(test) \
	do { \
		test_is_bad = 0; \
		test_skip_reason = NULL; \
		test(); \
		if (test_is_bad) { \
			test_failed++; \
			printf("FAIL %s\n", #test); \
		} else if (test_skip_reason) { \
			test_skipped++; \
			printf("SKIP %s: %s\n", #test, test_skip_reason); \
		} else { \
			test_passed++; \
		} \
	} while (0)

static inline int test_end(void)
{
	printf("%d passed, %d failed, %d skipped\n", test_passed, test_failed, test_skipped);
	return test_failed ? 1 : 0;
}

#endif
