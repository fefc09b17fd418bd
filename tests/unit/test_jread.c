/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/jread.h"
#include "base/json.h"
#include "test.h"

static bool is_whole(const char *json)
{
	struct jread r;

	jread_init(&r, str_of(json));
	return jread_skip(&r) && jread_end(&r);
}

static void test_jread__takes_whole_values(void)
{
	CHECK(is_whole("{}"));
	CHECK(is_whole(" [ ] "));
	CHECK(is_whole("{\"a\":[1,-2.5e+3,{\"b\":null}],\"c\":\"\\u00e9\\n\",\"d\":true,\"e\":false}"));
	CHECK(is_whole("0"));
	CHECK(is_whole("\"\""));
}

static void test_jread__refuses_what_is_torn_or_loose(void)
{
	static const char *const bad[] = {
		"", "{", "}", "[1,", "[1,]", "{\"a\":1,}", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1 \"b\":2}", "[1 2]",
		"\"", "\"\\\"", "\"\\x\"", "\"\\u12g4\"", "\"\\u12\"", "\"a\nb\"", "01", "-", "1.", "1e", ".5", "+1", "tru", "nul",
		"{} {}", "[}", "{]", "[1}", "{\"a\":1]", ",", ":", "{,}", "[,1]",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK(!is_whole(bad[i]));
		if (is_whole(bad[i]))
			printf("    taken: %s\n", bad[i]);
	}
}

static void test_jread__depth_is_bounded(void)
{
	char deep[2 * 200 + 1] = "";

	for (int depth = 1; depth <= 200; depth++) {
		memset(deep, '[', (size_t)depth);
		memset(deep + depth, ']', (size_t)depth);
		deep[2 * depth] = '\0';
		CHECK_INT(is_whole(deep), depth < JREAD_DEPTH_MAX);
	}
}

static void test_jread__members_come_in_order_and_repeat(void)
{
	struct jread r;
	struct jtext key;
	struct str n;
	char seen[16] = "";
	size_t at = 0;

	jread_init(&r, STR("{\"a\":1,\"b\":2,\"a\":3}"));
	CHECK(jread_enter(&r, '{'));
	while (jread_member(&r, &key)) {
		CHECK(jread_number(&r, &n));
		seen[at++] = key.raw.p[0];
		seen[at++] = n.p[0];
	}
	CHECK(jread_end(&r));
	CHECK_STR(str_of(seen), "a1b2a3");
}

static void test_jread__wrong_type_is_sticky(void)
{
	struct jread r;
	struct jtext text;
	bool b = true;

	jread_init(&r, STR("[1,\"x\"]"));
	CHECK(jread_enter(&r, '['));
	CHECK(jread_item(&r));
	CHECK(!jread_text(&r, &text));
	CHECK(!jread_item(&r));
	CHECK(!jread_bool(&r, &b));
	CHECK(b);
	CHECK(!jread_end(&r));
}

static void test_jread__escapes_are_undone(void)
{
	struct jread r;
	struct jtext t;
	char out[64];

	jread_init(&r, STR("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20ac\\ud83d\\ude00\\u0000z\""));
	CHECK(jread_text(&r, &t));
	CHECK(jread_end(&r));
	CHECK(str_eq((struct str){ out, jtext_copy(t, out) }, STR("a\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\0z")));
	CHECK(jtext_eq(t, STR("a\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\0z")));
	CHECK(!jtext_eq(t, STR("a\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
	CHECK(!jtext_eq(t, STR("a")));
}

static void test_jread__lone_surrogates_are_not_text(void)
{
	struct jread r;
	struct jtext t;
	char out[32];

	jread_init(&r, STR("\"\\ud83d \\ude00\\ud83d\\u0041\\ufffd\""));
	CHECK(jread_text(&r, &t));
	CHECK(str_eq((struct str){ out, jtext_copy(t, out) }, STR("\xff \xff\xff" "A\xff")));
}

static void test_jread__reads_back_what_json_writes(void)
{
	struct buf once = { 0 }, again = { 0 };
	struct json j;
	struct jread r;
	struct jtext t;
	char all[512], out[512];

	for (int i = 0; i < 256; i++)
		all[i] = (char)i; /* every byte, most of them not UTF-8 where they stand */
	memcpy(all + 256, "\xef\xbf\xbd\xc3\xa9", 5);
	json_init(&j, &once);
	json_str(&j, (struct str){ all, 261 });
	jread_init(&r, buf_str(&once));
	CHECK(jread_text(&r, &t));
	CHECK(jread_end(&r));
	json_init(&j, &again);
	json_str(&j, (struct str){ out, jtext_copy(t, out) });
	CHECK(str_eq(buf_str(&once), buf_str(&again)));
	buf_done(&once);
	buf_done(&again);
}

static void test_jread__nanos_are_exact(void)
{
	uint64_t ns = 7;

	CHECK_INT(jread_nanos(STR("0"), &ns), 0);
	CHECK_INT(ns, 0);
	CHECK_INT(jread_nanos(STR("3599.000000001"), &ns), 0);
	CHECK_INT(ns, 3599000000001);
	CHECK_INT(jread_nanos(STR("0.0000000019"), &ns), 0);
	CHECK_INT(ns, 1);
	ns = 7;
	CHECK_INT(jread_nanos(STR("-1"), &ns), -EINVAL);
	CHECK_INT(jread_nanos(STR("1e3"), &ns), -EINVAL);
	CHECK_INT(jread_nanos(STR("1.5e3"), &ns), -EINVAL);
	CHECK_INT(jread_nanos(STR("99999999999999"), &ns), -ERANGE);
	CHECK_INT(ns, 7);
}

int main(void)
{
	RUN(test_jread__takes_whole_values);
	RUN(test_jread__refuses_what_is_torn_or_loose);
	RUN(test_jread__depth_is_bounded);
	RUN(test_jread__members_come_in_order_and_repeat);
	RUN(test_jread__wrong_type_is_sticky);
	RUN(test_jread__escapes_are_undone);
	RUN(test_jread__lone_surrogates_are_not_text);
	RUN(test_jread__reads_back_what_json_writes);
	RUN(test_jread__nanos_are_exact);
	return test_end();
}
