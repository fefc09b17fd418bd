/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include "judge/base64url.h"
#include "judge/jwt.h"
#include "test.h"
#include "token.h"

#define HEADER "{\"alg\":\"RS256\",\"kid\":\"x\"}"

static char token[64 * 1024];

static int parse(struct str claims, struct jwt *ret)
{
	return jwt_parse(str_of(token_jwt(HEADER, claims, token)), ret);
}

static void test_jwt__modern_service_account(void)
{
	struct jwt j;

	CHECK_INT(parse(STR("{\"aud\":[\"https://kubernetes.default.svc\"],\"exp\":1795318098,\"iat\":1795314498,"
			    "\"iss\":\"https://kubernetes.default.svc\",\"jti\":\"0f2d5c1e-1111-4222-8333-944445555666\","
			    "\"kubernetes.io\":{\"namespace\":\"ns1\",\"serviceaccount\":{\"name\":\"sa1\",\"uid\":\"u\"}},"
			    "\"nbf\":1795314499,\"sub\":\"system:serviceaccount:ns1:sa1\"}"), &j), 0);
	CHECK(j.is_service_account);
	CHECK(!j.is_cut);
	CHECK_STR(j.subject, "system:serviceaccount:ns1:sa1");
	CHECK_STR(j.issuer, "https://kubernetes.default.svc");
	CHECK_STR(j.id, "0f2d5c1e-1111-4222-8333-944445555666");
	CHECK_INT(j.expires_s, 1795318098);
	CHECK_INT(j.not_before_s, 1795314499);
}

static void test_jwt__legacy_service_account(void)
{
	struct jwt j;

	CHECK_INT(parse(STR("{\"iss\":\"kubernetes/serviceaccount\",\"kubernetes.io/serviceaccount/namespace\":\"ns2\","
			    "\"kubernetes.io/serviceaccount/secret.name\":\"s\","
			    "\"kubernetes.io/serviceaccount/service-account.name\":\"sa2\","
			    "\"kubernetes.io/serviceaccount/service-account.uid\":\"u\","
			    "\"sub\":\"system:serviceaccount:ns2:sa2\"}"), &j), 0);
	CHECK(j.is_service_account);
	CHECK_STR(j.subject, "system:serviceaccount:ns2:sa2");
	CHECK_INT(j.expires_s, 0);
	CHECK_STR(j.id, "");
	CHECK_INT(parse(STR("{\"iss\":\"kubernetes/serviceaccount\",\"kubernetes.io/serviceaccount/namespace\":\"ns2\","
			    "\"kubernetes.io/serviceaccount/service-account.name\":\"sa2\"}"), &j), 0);
	CHECK_STR(j.subject, "system:serviceaccount:ns2:sa2");
}

static void test_jwt__other_tokens_are_no_service_account(void)
{
	static const char *const subjects[] = {
		"alice", "system:serviceaccount", "system:serviceaccount:", "system:serviceaccount:ns", "system:serviceaccount::n",
		"system:serviceaccount:ns:", "system:serviceaccount:ns:n:x", "xsystem:serviceaccount:ns:n", "System:serviceaccount:ns:n",
	};
	char claims[256];
	struct jwt j;

	for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++) {
		(void)snprintf(claims, sizeof(claims), "{\"iss\":\"https://login.example\",\"sub\":\"%s\"}", subjects[i]);
		CHECK_INT(parse(str_of(claims), &j), 0);
		CHECK(!j.is_service_account);
		CHECK_STR(j.subject, subjects[i]);
	}
}

static void test_jwt__iat_stands_in_for_nbf(void)
{
	struct jwt j;

	CHECK_INT(parse(STR("{\"iat\":1795314498.75}"), &j), 0);
	CHECK_INT(j.not_before_s, 1795314498);
	CHECK_INT(parse(STR("{\"iat\":5,\"nbf\":6}"), &j), 0);
	CHECK_INT(j.not_before_s, 6);
}

static void test_jwt__times_that_are_none_are_unknown(void)
{
	struct jwt j;

	CHECK_INT(parse(STR("{\"exp\":-1}"), &j), 0);
	CHECK_INT(j.expires_s, 0);
	CHECK_INT(parse(STR("{\"exp\":1e99}"), &j), 0);
	CHECK_INT(j.expires_s, 0);
	CHECK_INT(parse(STR("{\"exp\":253402300800}"), &j), 0);
	CHECK_INT(j.expires_s, 0);
	CHECK_INT(parse(STR("{\"exp\":\"1795318098\"}"), &j), 0);
	CHECK_INT(j.expires_s, 0);
	CHECK_INT(parse(STR("{\"exp\":253402300799}"), &j), 0);
	CHECK_INT(j.expires_s, 253402300799);
}

static void test_jwt__wrong_types_are_left_out(void)
{
	struct jwt j;

	CHECK_INT(parse(STR("{\"sub\":[\"a\"],\"iss\":{\"x\":1},\"jti\":7,\"kubernetes.io\":[]}"), &j), 0);
	CHECK_STR(j.subject, "");
	CHECK_STR(j.issuer, "");
	CHECK_STR(j.id, "");
}

static void test_jwt__repeated_claim_makes_it_none(void)
{
	struct jwt j;

	CHECK_INT(parse(STR("{\"sub\":\"alice\",\"sub\":\"system:admin\"}"), &j), -EINVAL);
	CHECK_INT(parse(STR("{\"sub\":\"alice\",\"s\\u0075b\":\"system:admin\"}"), &j), -EINVAL);
	CHECK_INT(parse(STR("{\"sub\":\"alice\",\"Sub\":\"system:admin\"}"), &j), 0);
	CHECK_STR(j.subject, "alice");
}

static void test_jwt__nul_does_not_shorten_a_subject(void)
{
	struct jwt j;

	CHECK_INT(parse(STR("{\"sub\":\"system:admin\\u0000x\"}"), &j), -EINVAL);
	CHECK_INT(parse(STR("{\"sub\":\"system:admin\0x\"}"), &j), -EINVAL);
}

static void test_jwt__long_claims_are_left_out_and_said(void)
{
	char claims[8192], name[4096];
	struct jwt j;

	memset(name, 'a', sizeof(name));
	for (int n = JWT_TEXT_MAX - 1; n <= JWT_TEXT_MAX + 1; n++) {
		(void)snprintf(claims, sizeof(claims), "{\"sub\":\"%.*s\",\"iss\":\"short\"}", n, name);
		CHECK_INT(parse(str_of(claims), &j), 0);
		CHECK_INT(j.is_cut, n > JWT_TEXT_MAX);
		CHECK_INT(j.subject.n, n > JWT_TEXT_MAX ? 0 : n);
		CHECK_STR(j.issuer, "short");
	}
	(void)snprintf(claims, sizeof(claims), "{\"sub\":\"%.*s\"}", 4000, name);
	CHECK_INT(parse(str_of(claims), &j), 0);
	CHECK(j.is_cut);
}

static void test_jwt__a_long_subject_is_not_replaced_by_a_legacy_one(void)
{
	char claims[8192], name[600];
	struct jwt j;

	memset(name, 'a', sizeof(name));
	(void)snprintf(claims, sizeof(claims),
		       "{\"sub\":\"%.*s\",\"kubernetes.io/serviceaccount/namespace\":\"ns\","
		       "\"kubernetes.io/serviceaccount/service-account.name\":\"n\"}", 600, name);
	CHECK_INT(parse(str_of(claims), &j), 0);
	CHECK_STR(j.subject, "");
}

static void test_jwt__nesting_is_bounded(void)
{
	char claims[1024] = "{\"a\":";
	struct jwt j;

	memset(claims + 5, '[', 500);
	memset(claims + 505, ']', 500);
	claims[1005] = '}';
	CHECK_INT(parse((struct str){ claims, 1006 }, &j), -EINVAL);
}

static void test_jwt__what_is_no_jwt(void)
{
	static const char *const bad[] = {
		"", ".", "..", "a.b.c", "e30.e30", "e30.e30.", ".e30.x", "e30..x", "e30.e30.x.y", "e30.W10.x", "W10.e30.x",
		"e30=.e30.x", "e3 .e30.x", "e30.e30x.", "hunter2",
	};
	struct jwt j;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_INT(jwt_parse(str_of(bad[i]), &j), -EINVAL);
	CHECK_INT(jwt_parse(STR("e30.e30.x"), &j), 0);
}

static void test_jwt__size_is_bounded(void)
{
	struct jwt j;

	memset(token, 'a', sizeof(token));
	memcpy(token, "e30.e30.", 8);
	CHECK_INT(jwt_parse((struct str){ token, JWT_MAX }, &j), 0);
	CHECK_INT(jwt_parse((struct str){ token, JWT_MAX + 1 }, &j), -E2BIG);
}

static void test_jwt__bootstrap_tokens_are_told(void)
{
	CHECK(jwt_is_bootstrap_token(STR("abc123.0123456789abcdef")));
	CHECK(!jwt_is_bootstrap_token(STR("abc12.0123456789abcdef")));
	CHECK(!jwt_is_bootstrap_token(STR("abc1234.0123456789abcdef")));
	CHECK(!jwt_is_bootstrap_token(STR("abc123.0123456789abcde")));
	CHECK(!jwt_is_bootstrap_token(STR("abc123.0123456789abcdefg")));
	CHECK(!jwt_is_bootstrap_token(STR("Abc123.0123456789abcdef")));
	CHECK(!jwt_is_bootstrap_token(STR("abc123.0123456789abcdeF")));
	CHECK(!jwt_is_bootstrap_token(STR("abc123-0123456789abcdef")));
}

static void test_base64url__decodes_what_go_decodes(void)
{
	char out[64], text[64];
	size_t n;

	for (size_t len = 0; len < 20; len++) {
		struct str s = { "\x00\xff\x10ghijklm\xfe\xfdnopqrst", len };

		CHECK_INT(base64url_decode(str_of(token_base64url(s, text)), out, &n), 0);
		CHECK(str_eq((struct str){ out, n }, s));
	}
	CHECK_INT(base64url_decode(STR("QQ"), out, &n), 0);
	CHECK_INT(base64url_decode(STR("QR"), out, &n), 0); /* bits left over: Go does not check them either */
	CHECK_INT(base64url_decode(STR("Q"), out, &n), -EINVAL);
	CHECK_INT(base64url_decode(STR("QQ=="), out, &n), -EINVAL);
	CHECK_INT(base64url_decode(STR("Q+Q/"), out, &n), -EINVAL);
}

int main(void)
{
	RUN(test_jwt__modern_service_account);
	RUN(test_jwt__legacy_service_account);
	RUN(test_jwt__other_tokens_are_no_service_account);
	RUN(test_jwt__iat_stands_in_for_nbf);
	RUN(test_jwt__times_that_are_none_are_unknown);
	RUN(test_jwt__wrong_types_are_left_out);
	RUN(test_jwt__repeated_claim_makes_it_none);
	RUN(test_jwt__nul_does_not_shorten_a_subject);
	RUN(test_jwt__long_claims_are_left_out_and_said);
	RUN(test_jwt__a_long_subject_is_not_replaced_by_a_legacy_one);
	RUN(test_jwt__nesting_is_bounded);
	RUN(test_jwt__what_is_no_jwt);
	RUN(test_jwt__size_is_bounded);
	RUN(test_jwt__bootstrap_tokens_are_told);
	RUN(test_base64url__decodes_what_go_decodes);
	return test_end();
}
