/* SPDX-License-Identifier: Apache-2.0
 *
 * Fails each allocation in turn, OpenSSL's included, by standing in for malloc. Under the address
 * sanitizer the heap of this one program goes unchecked for that; it counts its blocks itself.
 */
#include <errno.h>
#include <stdlib.h>
#include "exchanges.h"
#include "test.h"
#include "token.h"

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

extern const char __executable_start[], etext[];

static long fail_in = -1; /* allocations until the one that fails */

/* Libraries keep what they made once: only blocks that our code asked for are counted. Freeing tells
 * nothing of the caller (libcrypto jumps to free), so they are remembered. */
static void *ours[4096];
static long live;

#define PLAIN __attribute__((no_sanitize("address", "undefined"))) /* it runs before they are set up */

PLAIN static bool is_failing(void)
{
	if (fail_in < 0 || fail_in-- > 0)
		return false;
	errno = ENOMEM; /* as malloc does */
	return true;
}

PLAIN static void *note(void *p, const void *caller)
{
	if (!p || (const char *)caller < __executable_start || (const char *)caller >= etext)
		return p;
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
		if (!ours[i]) {
			ours[i] = p;
			live++;
			return p;
		}
	}
	abort();
}

PLAIN static void forget(const void *p)
{
	for (size_t i = 0; p && i < sizeof(ours) / sizeof(*ours); i++) {
		if (ours[i] == p) {
			ours[i] = NULL;
			live--;
			return;
		}
	}
}

PLAIN void *malloc(size_t n)
{
	return is_failing() ? NULL : note(__libc_malloc(n), __builtin_return_address(0));
}

PLAIN void *calloc(size_t n, size_t size)
{
	return is_failing() ? NULL : note(__libc_calloc(n, size), __builtin_return_address(0));
}

PLAIN void *realloc(void *old, size_t n)
{
	void *p;

	if (is_failing())
		return NULL;
	forget(old);
	p = __libc_realloc(old, n);
	return note(p ? p : old, __builtin_return_address(0)) == p ? p : NULL;
}

PLAIN void free(void *p)
{
	forget(p);
	__libc_free(p);
}

#define CANARY "s3cr3t-canary-0123456789"

static const uint8_t key[CRED_KEY_SIZE] = "an installation's key: 32 bytes";
static struct cert ca, client;
static struct counters counters;

static struct {
	int n;
	enum cred_kind kind;
	enum cred_outcome outcome;
	uint32_t doubts;
	char subject[128], id[64], uri[128];
} told;

static void take(void *ctx, const struct identity *id)
{
	(void)ctx;
	told.n++;
	told.kind = id->credential.kind;
	told.outcome = id->credential.outcome;
	told.doubts = id->exchange->doubts;
	(void)snprintf(told.subject, sizeof(told.subject), "%.*s", STR_ARG(id->credential.subject));
	(void)snprintf(told.id, sizeof(told.id), "%s", id->credential.id);
	(void)snprintf(told.uri, sizeof(told.uri), "%.*s", STR_ARG(id->exchange->request_uri));
}

enum what { SEND_TOKEN, SEND_CERT, SEND_BOTH, SEND_QUERY, SEND_MAX };

/* What is to be told of each, when nothing is missing. */
static const struct {
	enum cred_kind kind;
	const char *subject, *uri;
} whole[SEND_MAX] = {
	[SEND_TOKEN] = { CRED_BEARER, "system:serviceaccount:ns1:sa1", "/api" },
	[SEND_CERT] = { CRED_CLIENT_CERT, "alice", "/api" },
	[SEND_BOTH] = { CRED_CLIENT_CERT, "alice", "/api" },
	[SEND_QUERY] = { CRED_QUERY_TOKEN, "", "/a?access_token=REDACTED" },
};

static void send(struct cred *cred, enum what what)
{
	struct scene s;
	char token[1024], value[2048];

	scene_init(&s);
	scene_uri(&s, what == SEND_QUERY ? "/a?access_token=" CANARY : "/api");
	if (what == SEND_TOKEN || what == SEND_BOTH) {
		(void)snprintf(value, sizeof(value), "Bearer %s",
			       token_jwt("{\"alg\":\"RS256\"}", STR("{\"iss\":\"i\",\"sub\":\"system:serviceaccount:ns1:sa1\"}"), token));
		scene_authorization(&s, value);
	}
	if (what == SEND_CERT || what == SEND_BOTH)
		scene_cert(&s, &client);
	cred_push(cred, &s.x);
	scene_done(&s);
}

/* Nothing told is false: each field is as it should be, or left out. */
static void check(enum what what)
{
	bool is_partial = told.doubts & DOUBT_OUT_OF_MEMORY;

	CHECK_INT(told.n, 1);
	CHECK_INT(told.kind, whole[what].kind);
	CHECK(!strcmp(told.subject, whole[what].subject) || (is_partial && !told.subject[0]));
	CHECK(!strcmp(told.uri, whole[what].uri) || (is_partial && !told.uri[0]));
	CHECK(strlen(told.id) == 36 || (is_partial && !told.id[0]));
	CHECK_INT(told.outcome == OUTCOME_REJECTED, 0);
	if (is_partial)
		CHECK(counters.v[COUNT_out_of_memory] > 0);
}

static void each(enum what what, bool has_trust)
{
	bool is_over = false;

	for (long at = 0; !is_over; at++) {
		struct cred *cred;
		long before = live;

		counters = (struct counters){ 0 };
		told.n = 0;
		cred = cred_new(key, SCENE_WALL_OFFSET_NS, &counters, take, NULL);
		CERTS_MUST(cred);
		if (has_trust)
			CERTS_MUST(!cred_trust(cred, 812, ca.pem, STR(""), STR(""), NULL));
		fail_in = at + 1; /* the first is the scene's own copy of the URI */
		if (what == SEND_TOKEN || what == SEND_BOTH)
			fail_in++; /* and the second its secret */
		send(cred, what);
		is_over = fail_in >= 0;
		fail_in = -1;
		check(what);
		told.n = 0;
		send(cred, what); /* once there is memory again, all is told */
		check(what);
		CHECK(!(told.doubts & DOUBT_OUT_OF_MEMORY));
		CHECK_STR(str_of(told.subject), whole[what].subject);
		cred_free(cred);
		CHECK_INT(live, before);
		if (at > 100000) {
			CHECK(!"this ends");
			return;
		}
	}
}

static void test_cred_oom__tokens_are_told_or_left_out(void)
{
	each(SEND_TOKEN, false);
}

static void test_cred_oom__certificates_are_told_or_left_out(void)
{
	each(SEND_CERT, false);
	each(SEND_CERT, true);
}

static void test_cred_oom__both_at_once(void)
{
	each(SEND_BOTH, true);
}

static void test_cred_oom__query_tokens(void)
{
	each(SEND_QUERY, false);
}

static void test_cred_oom__making_one_and_its_trust(void)
{
	bool is_over = false;

	for (long at = 0; !is_over && at < 100000; at++) {
		struct cred *cred;
		long before = live;

		fail_in = at;
		cred = cred_new(key, 0, &counters, take, NULL);
		if (cred) {
			int r = cred_trust(cred, 812, ca.pem, ca.pem, STR("a,b"), NULL);

			CHECK(r == 0 || r == -ENOMEM);
			is_over = fail_in >= 0;
		}
		fail_in = -1;
		cred_free(cred);
		CHECK_INT(live, before);
	}
	CHECK(is_over);
}

int main(void)
{
	ca = cert_make(&(struct cert_spec){ .cn = "kubernetes-ca", .is_ca = true });
	client = cert_make(&(struct cert_spec){ .cn = "alice", .issuer = &ca });
	RUN(test_cred_oom__tokens_are_told_or_left_out);
	RUN(test_cred_oom__certificates_are_told_or_left_out);
	RUN(test_cred_oom__both_at_once);
	RUN(test_cred_oom__query_tokens);
	RUN(test_cred_oom__making_one_and_its_trust);
	cert_done(&ca);
	cert_done(&client);
	return test_end();
}
