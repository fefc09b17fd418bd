/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/gotext.h"
#include "test.h"

static struct buf out, more;

/* What RequestURI() of the URL that net/http's ReadRequest made returned (Go 1.25). */
static void test_gotext__uri_is_what_go_writes(void)
{
	static const char *const cases[][3] = {
		{ "GET", "/", "/" },
		{ "GET", "/api/v1/pods?limit=500", "/api/v1/pods?limit=500" },
		{ "GET", "//api//v1", "//api//v1" },
		{ "GET", "/a%2Fb", "/a%2Fb" },
		{ "GET", "/a%41b", "/a%41b" },
		{ "GET", "/a\"b", "/a%22b" },
		{ "GET", "/a\"b%2Fc%41", "/a%22b/cA" },
		{ "GET", "/a<b>?x=<y>", "/a%3Cb%3E?x=<y>" },
		{ "GET", "/a|b?x=|", "/a%7Cb?x=|" },
		{ "GET", "/a[b]*!'()", "/a[b]*!'()" },
		{ "GET", "/a^b", "/a%5Eb" },
		{ "GET", "/a?", "/a?" },
		{ "GET", "/a??", "/a??" },
		{ "GET", "/a?b?", "/a?b?" },
		{ "GET", "http://h/a%2Fb?x=1", "/a%2Fb?x=1" },
		{ "GET", "http://h", "/" },
		{ "GET", "http://h?x=1", "/?x=1" },
		{ "GET", "HTTP://h:80/a\"b?c", "/a%22b?c" },
		{ "GET", "http:opaque?x=1", "opaque?x=1" },
		{ "GET", "http:/one", "/one" },
		{ "GET", "x:", "/" },
		{ "GET", "/a#b", "/a%23b" },
		{ "GET", "/a\xff" "b", "/a%FFb" },
		{ "GET", "/a\xc3\xa9" "b", "/a%C3%A9b" },
		{ "GET", "/a?\xff\xc3\xa9", "/a?\xff\xc3\xa9" },
		{ "GET", "/\\a", "/%5Ca" },
		{ "GET", "/a{b}%7b", "/a%7Bb%7D%7B" },
		{ "GET", "*", "*" },
		{ "CONNECT", "h:443", "/" },
		{ "CONNECT", "h:443/a\"b?x", "/a%22b?x" },
		{ "CONNECT", "/a", "/a" },
		{ "GET", "/a%00b", "/a%00b" },
		{ "GET", "/;a=b,c:d@e&f+g$h~i", "/;a=b,c:d@e&f+g$h~i" },
		{ "GET", "http://u:p@h/a", "/a" },
		{ "GET", "/a`b", "/a%60b" },
		{ "GET", "http:///a", "/a" },
		{ "GET", "//h/a\"b", "//h/a%22b" },
		{ "GET", "///x", "///x" },
		{ "GET", "s3://h//x", "//x" },
		/* refused by Go, so never in the log: stays */
		{ "GET", "abc", "abc" },
		{ "GET", "", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK_STR(gotext_uri_wire(str_of(cases[i][1]), str_of(cases[i][0]), &out), cases[i][2]);
}

static void test_gotext__secrets_of_the_log_are_redacted_as_those_of_the_wire(void)
{
	CHECK_STR(gotext_uri_log(STR("/a?access_token=x&b=c"), &out), "/a?access_token=REDACTED&b=c");
	CHECK_STR(gotext_uri_log(STR("/a?limit=1"), &out), "/a?limit=1");
}

static void test_gotext__bytes_that_are_not_utf8_are_one_replacement_each(void)
{
	CHECK(gotext_eq(STR("a\xff\xfe" "b"), STR("a\xef\xbf\xbd\xef\xbf\xbd" "b")));
	CHECK(gotext_eq(STR("a\xe2\x82"), STR("a\xef\xbf\xbd\xef\xbf\xbd")));
	CHECK(gotext_eq(STR("a\xff"), STR("a\xff")));
	CHECK(gotext_eq(STR("\xc3\xa9"), STR("\xc3\xa9")));
	CHECK(!gotext_eq(STR("a\xff" "b"), STR("a\xef\xbf\xbd")));
	CHECK(!gotext_eq(STR("a"), STR("b")));
	CHECK(!gotext_eq(STR("a"), STR("a ")));
	CHECK(!gotext_eq(STR("\xc3\xa9"), STR("\xef\xbf\xbd")));
}

static void test_gotext__canonical_is_the_same_for_both(void)
{
	CHECK_STR(gotext_canonical(STR("a\xff\xc3\xa9"), &out), "a\xff\xc3\xa9");
	CHECK(str_eq(gotext_canonical(STR("a\xff\xc3\xa9"), &out), gotext_canonical(STR("a\xef\xbf\xbd\xc3\xa9"), &more)));
	CHECK_STR(gotext_canonical(STR("plain"), &out), "plain");
}

static void test_gotext__user_agent_is_cut_at_1024(void)
{
	static char wire[2000], logged[1024 + 12], cut[1022 + 6 + 12];

	memset(wire, 'u', sizeof(wire));
	memset(logged, 'u', 1024);
	memcpy(logged + 1024, "...TRUNCATED", 12);
	CHECK(gotext_user_agent_eq((struct str){ wire, 1025 }, (struct str){ logged, sizeof(logged) }));
	CHECK(gotext_user_agent_eq((struct str){ wire, 1024 }, (struct str){ wire, 1024 }));
	CHECK(!gotext_user_agent_eq((struct str){ wire, 1024 }, (struct str){ logged, sizeof(logged) }));
	CHECK(!gotext_user_agent_eq((struct str){ wire, 1025 }, (struct str){ wire, 1025 }));
	wire[5] = 'x';
	CHECK(!gotext_user_agent_eq((struct str){ wire, 1025 }, (struct str){ logged, sizeof(logged) }));
	/* a character cut in two becomes one replacement for each of its bytes */
	memset(wire, 'u', sizeof(wire));
	memcpy(wire + 1022, "\xe2\x82\xac", 3);
	memset(cut, 'u', 1022);
	memcpy(cut + 1022, "\xef\xbf\xbd\xef\xbf\xbd...TRUNCATED", 18);
	CHECK(gotext_user_agent_eq((struct str){ wire, 1025 }, (struct str){ cut, sizeof(cut) }));
}

int main(void)
{
	RUN(test_gotext__uri_is_what_go_writes);
	RUN(test_gotext__secrets_of_the_log_are_redacted_as_those_of_the_wire);
	RUN(test_gotext__bytes_that_are_not_utf8_are_one_replacement_each);
	RUN(test_gotext__canonical_is_the_same_for_both);
	RUN(test_gotext__user_agent_is_cut_at_1024);
	buf_done(&out);
	buf_done(&more);
	return test_end();
}
