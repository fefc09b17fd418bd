/* SPDX-License-Identifier: Apache-2.0 */
#include "exchanges.h"
#include "tell/escape.h"
#include "tell/table.h"
#include "test.h"

static struct buf out;
static struct scene s;
static struct identity id;

static void begin(void)
{
	scene_init(&s);
	s.x.request_uri = STR("/api/v1/secrets?limit=500");
	id = (struct identity){ .exchange = &s.x, .time_ns = UINT64_C(1795318038123456789),
				.credential = { .kind = CRED_BEARER, .outcome = OUTCOME_ACCEPTED, .token_type = TOKEN_SERVICE_ACCOUNT,
						.subject = STR("system:serviceaccount:ns1:sa1") } };
}

static struct str row(const struct table *t)
{
	buf_reset(&out);
	table_row(t, &id, &out);
	CHECK_INT(buf_error(&out), 0);
	CHECK(out.n && out.p[out.n - 1] == '\n');
	return str_first(buf_str(&out), out.n - 1);
}

static bool holds(struct str text, const char *what)
{
	return text.n && memmem(text.p, text.n, what, strlen(what));
}

static size_t columns(struct str text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	return n;
}

static void test_table__says_who_asked_what_and_what_came(void)
{
	struct table t = { .width = 0 };
	struct str line;

	begin();
	line = row(&t);
	CHECK(str_starts(line, STR("03:27:18.123 ")));
	CHECK(holds(line, "10.0.0.9:51234 "));
	CHECK(holds(line, "service-account "));
	CHECK(holds(line, "system:serviceaccount:ns1:sa1 "));
	CHECK(holds(line, " GET "));
	CHECK(holds(line, " 200 "));
	CHECK(holds(line, " 1.9 "));
	CHECK(holds(line, "/api/v1/secrets?limit=500"));
	CHECK(!holds(line, "kubectl"));
	CHECK(!holds(line, "\033"));
}

static void test_table__outcomes_that_are_not_accepted_are_told(void)
{
	struct table t = { .width = 0 };

	begin();
	id.credential = (struct credential){ .kind = CRED_BASIC, .outcome = OUTCOME_IGNORED };
	CHECK(holds(row(&t), "basic:ignored"));
	id.credential.outcome = OUTCOME_REJECTED;
	CHECK(holds(row(&t), "basic:rejected"));
	id.credential.kind = CRED_NONE;
	id.credential.outcome = OUTCOME_NONE;
	CHECK(holds(row(&t), "none "));
	CHECK(!holds(row(&t), "none:none"));
}

static void test_table__the_wide_form_has_more(void)
{
	struct table t = { .is_wide = true, .width = 80 };
	struct str line;

	begin();
	line = row(&t);
	CHECK(holds(line, "kubectl/v1.34.2 (linux/amd64)"));
	CHECK(holds(line, "10e8296b-70a4-4bc4-a090-763d9c5b46b4"));
	CHECK(holds(line, "HTTP/2.0"));
	CHECK(holds(line, "812.7.31"));
}

static void test_table__fits_the_terminal(void)
{
	static char uri[20000];
	unsigned int seed = 7;

	begin();
	for (size_t i = 0; i < sizeof(uri); i++) {
		seed = seed * 1103515245 + 12345;
		uri[i] = (char)(seed >> 16);
	}
	memcpy(uri, "/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10);
	for (unsigned width = TABLE_WIDTH_MIN; width < 300; width++) {
		struct table t = { .width = width };

		buf_reset(&out);
		table_head(&t, &out);
		CHECK(columns(str_first(buf_str(&out), out.n - 1)) <= width);
		for (size_t n = 0; n < sizeof(uri); n = n * 2 + 1) {
			struct str line;

			s.x.request_uri = s.x.method = id.credential.subject = (struct str){ uri, n };
			line = row(&t);
			CHECK(columns(line) <= width);
			CHECK(n < 1000 || holds(line, "\xe2\x80\xa6"));
		}
	}
}

static void test_table__a_narrow_terminal_keeps_what_matters_most(void)
{
	struct table t = { .width = 80 };
	struct str line;

	begin();
	line = row(&t);
	CHECK(str_starts(line, STR("03:27:18 10.0.0.9:51234")));
	CHECK(holds(line, "service-acco"));
	CHECK(holds(line, ":sa1 "));
	CHECK(holds(line, " 200 "));
	CHECK(holds(line, " GET "));
	CHECK(holds(line, " /api/v1/sec"));
	t.width = 60;
	line = row(&t);
	CHECK(holds(line, "service-a"));
	CHECK(holds(line, " 200 "));
	CHECK(holds(line, " /api/"));
	t.width = 200;
	line = row(&t);
	CHECK(str_starts(line, STR("03:27:18.123 ")));
	CHECK(holds(line, " 1.9 "));
	CHECK(holds(line, "/api/v1/secrets?limit=500"));
}

static void test_table__a_client_cannot_write_to_the_terminal(void)
{
	static const char *const attacks[] = {
		"\033[2J", "\033]0;title\007", "\r\n", "\b\b", "\x7f", "\xc2\x9b" "31m", "\x9b" "31m", "\xe2\x80\xae" "gpj", "a\0b", "\t", "\xff\xfe",
	};

	for (int is_colour = 0; is_colour < 2; is_colour++) {
		for (int is_wide = 0; is_wide < 2; is_wide++) {
			struct table t = { .is_colour = is_colour, .is_wide = is_wide };

			for (size_t i = 0; i < sizeof(attacks) / sizeof(*attacks); i++) {
				struct str attack = { attacks[i], i == 8 ? 3 : strlen(attacks[i]) }, line;

				begin();
				s.x.request_uri = s.x.method = s.x.user_agent = s.x.audit_id = s.x.impersonate_user = attack;
				id.credential.subject = attack;
				line = row(&t);
				for (size_t k = 0; k < line.n; k++)
					CHECK((unsigned char)line.p[k] >= 0x20 && line.p[k] != 0x7f);
				CHECK(!memmem(line.p, line.n, attack.p, attack.n));
			}
		}
	}
}

static void test_table__colour_tells_what_matters(void)
{
	struct table t = { .is_colour = true };

	begin();
	CHECK(!holds(row(&t), "\033"));
	id.credential.outcome = OUTCOME_REJECTED;
	CHECK(str_starts(row(&t), STR("\033[31m")));
	id.credential = (struct credential){ .kind = CRED_NONE, .outcome = OUTCOME_NONE };
	CHECK(str_starts(row(&t), STR("\033[1;31m"))); /* anonymous, and it got something */
	s.x.status = 403;
	CHECK(str_starts(row(&t), STR("\033[1;33m")));
	s.x.status = 200;
	s.x.request_uri = STR("/version?x=1");
	CHECK(str_starts(row(&t), STR("\033[1;33m")));
	s.x.request_uri = STR("/versions");
	CHECK(str_starts(row(&t), STR("\033[1;31m")));
	id.credential = (struct credential){ .kind = CRED_BASIC, .outcome = OUTCOME_IGNORED };
	CHECK(str_starts(row(&t), STR("\033[1;31m")));
	CHECK(holds(row(&t), "\033[0m"));
}

static void test_table__what_is_not_known_is_a_dash_or_a_question(void)
{
	struct conn conn = { .serial = 3 };
	struct exchange x = { .conn = &conn, .doubts = DOUBT_REQUEST_UNSEEN };
	struct table t = { .width = 0 };

	id = (struct identity){ .exchange = &x, .credential = { .kind = CRED_UNKNOWN, .outcome = OUTCOME_UNKNOWN } };
	CHECK(holds(row(&t), "unknown:?"));
	CHECK(holds(row(&t), " -? "));
	x.status = 200;
	CHECK(holds(row(&t), "200? "));
}

static void test_escape__keeps_text_and_shows_the_rest(void)
{
	char text[64];

	CHECK_INT(escape(STR("a\xc3\xa9\n\xff"), text, sizeof(text)), 11);
	CHECK_STR(str_of(text), "a\xc3\xa9\\x0a\\xff");
	CHECK_INT(escape(STR("abcdef"), text, 4), 3);
	CHECK_STR(str_of(text), "abc");
	CHECK_INT(escape(STR("ab\xc3\xa9"), text, 4), 2);
	CHECK_STR(str_of(text), "ab");
}

static void test_table__a_system_name_keeps_its_end(void)
{
	struct table t = { .width = 100 };

	begin();
	CHECK(holds(row(&t), "ns1:sa1 "));
	CHECK(!holds(row(&t), "system:"));
	id.credential.subject = STR("a-person-with-a-rather-long-name@example.com");
	CHECK(holds(row(&t), " a-person"));
	CHECK(columns(row(&t)) <= 100);
}

int main(void)
{
	RUN(test_table__says_who_asked_what_and_what_came);
	RUN(test_table__outcomes_that_are_not_accepted_are_told);
	RUN(test_table__the_wide_form_has_more);
	RUN(test_table__fits_the_terminal);
	RUN(test_table__a_narrow_terminal_keeps_what_matters_most);
	RUN(test_table__a_system_name_keeps_its_end);
	RUN(test_table__a_client_cannot_write_to_the_terminal);
	RUN(test_table__colour_tells_what_matters);
	RUN(test_table__what_is_not_known_is_a_dash_or_a_question);
	RUN(test_escape__keeps_text_and_shows_the_rest);
	buf_done(&out);
	return test_end();
}
