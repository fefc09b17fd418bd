/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/bearer.h"
#include "test.h"
#include "token.h"

static struct bearer authorization(const char *value)
{
	struct bearer b;

	bearer_of_authorization(str_of(value), false, &b);
	return b;
}

static void test_authorization__bearer_tokens_as_go_splits_them(void)
{
	static const char *const values[] = {
		"Bearer abc", "bearer abc", "BEARER abc", "bEaReR abc", " Bearer abc", "\t Bearer abc \t", "Bearer abc def", "Bearer abc def ghi",
		"Bearer abc ", "Bearer abc\xc2\xa0", "\xe3\x80\x80" "Bearer abc\xe2\x80\x83\xc2\x85", "Bearer abc\r\n",
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct bearer b = authorization(values[i]);

		CHECK_INT(b.state, AUTHN_TOKEN_TRIED);
		CHECK_STR(b.token, "abc");
	}
	CHECK_STR(authorization("Bearer abc\tdef").token, "abc\tdef");
	CHECK_STR(authorization("Bearer abc,def").token, "abc,def");
	CHECK_STR(authorization("Bearer abc\xa0").token, "abc\xa0"); /* not UTF-8: no white space */
}

static void test_authorization__empty_bearer_is_ignored(void)
{
	static const char *const values[] = { "Bearer", "Bearer ", "bearer  ", "Bearer  abc", "", " ", "\xc2\xa0" };

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct bearer b = authorization(values[i]);

		CHECK_INT(b.state, AUTHN_TOKEN_IGNORED);
		CHECK(!b.is_basic);
		CHECK_STR(b.token, "");
	}
}

static void test_authorization__other_schemes_are_ignored(void)
{
	static const char *const values[] = { "Token abc", "abc", "Bearer\tabc", "Bearerabc", "Bearer:abc", "Negotiate YII=", "BasicX a" };

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct bearer b = authorization(values[i]);

		CHECK_INT(b.state, AUTHN_TOKEN_IGNORED);
		CHECK(!b.is_basic);
		CHECK_STR(b.token, values[i]);
	}
}

static void test_authorization__basic_is_told(void)
{
	struct bearer b = authorization(" basic dXNlcjpwYXNz ");

	CHECK(b.is_basic);
	CHECK_INT(b.state, AUTHN_TOKEN_ABSENT);
	CHECK_STR(b.token, "dXNlcjpwYXNz");
	CHECK(authorization("Basic").is_basic);
}

static void test_authorization__a_cut_value_may_still_hold_the_whole_token(void)
{
	struct bearer b;

	bearer_of_authorization(STR("Bearer abc"), true, &b);
	CHECK_INT(b.state, AUTHN_TOKEN_TRIED);
	CHECK(b.is_token_cut);
	bearer_of_authorization(STR("Bearer abc de"), true, &b);
	CHECK(!b.is_token_cut);
	bearer_of_authorization(STR("Basic abc"), true, &b);
	CHECK(b.is_token_cut);
}

static struct bearer websocket(const char *value)
{
	static char room[1024];
	struct bearer b;

	bearer_of_websocket(str_of(value), room, &b);
	return b;
}

#define WS "base64url.bearer.authorization.k8s.io."

static void test_websocket__token_beside_another_protocol(void)
{
	static const char *const values[] = {
		WS "c2VjcmV0,v4.channel.k8s.io", "v4.channel.k8s.io, " WS "c2VjcmV0", "a,b, " WS "c2VjcmV0 ,c", WS "c2VjcmV0,", "," WS "c2VjcmV0",
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		CHECK_INT(websocket(values[i]).state, AUTHN_TOKEN_TRIED);
		CHECK_STR(websocket(values[i]).token, "secret");
	}
}

static void test_websocket__what_the_server_refuses(void)
{
	CHECK_INT(websocket(WS "c2VjcmV0").state, AUTHN_TOKEN_BROKEN);			/* no other protocol */
	CHECK_INT(websocket(WS "c2VjcmV0=,x").state, AUTHN_TOKEN_BROKEN);		/* padding */
	CHECK_INT(websocket(WS "c2Vjc,x").state, AUTHN_TOKEN_BROKEN);			/* five characters */
	CHECK_INT(websocket(WS "_w,x").state, AUTHN_TOKEN_BROKEN);			/* not UTF-8 */
	CHECK_INT(websocket(WS "c2VjcmV0," WS "c2VjcmV0,x").state, AUTHN_TOKEN_BROKEN);	/* twice */
	CHECK_STR(websocket(WS "c2VjcmV0," WS "c2VjcmV0,x").token, "");
}

static void test_websocket__without_token_there_is_none(void)
{
	CHECK_INT(websocket("").state, AUTHN_TOKEN_ABSENT);
	CHECK_INT(websocket("v4.channel.k8s.io").state, AUTHN_TOKEN_ABSENT);
	CHECK_INT(websocket("Base64url.bearer.authorization.k8s.io.c2VjcmV0,x").state, AUTHN_TOKEN_ABSENT);
	CHECK_INT(websocket(WS ",x").state, AUTHN_TOKEN_IGNORED);
	CHECK_INT(websocket(WS).state, AUTHN_TOKEN_IGNORED);
}

int main(void)
{
	RUN(test_authorization__bearer_tokens_as_go_splits_them);
	RUN(test_authorization__empty_bearer_is_ignored);
	RUN(test_authorization__other_schemes_are_ignored);
	RUN(test_authorization__basic_is_told);
	RUN(test_authorization__a_cut_value_may_still_hold_the_whole_token);
	RUN(test_websocket__token_beside_another_protocol);
	RUN(test_websocket__what_the_server_refuses);
	RUN(test_websocket__without_token_there_is_none);
	return test_end();
}
