/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "judge/redact.h"
#include "test.h"

static struct buf out;

static struct str redacted(const char *uri, struct redaction *r)
{
	struct redaction own;

	r = r ? r : &own;
	redact_find(str_of(uri), r);
	buf_reset(&out);
	CHECK(!redact_fmt(str_of(uri), r, &out));
	return buf_str(&out);
}

static void test_redact__leaves_what_holds_no_secret(void)
{
	static const char *const uris[] = {
		"", "/", "*", "/api/v1/secrets?limit=500", "/api/v1/namespaces/x/secrets/token", "/a?tokens=1&mytoken=2&password2=3",
		"/a?token", "/a?token=", "/a?access_token=&x=1", "/a?continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ", "/a?x=a;b=c;;&&=&;",
		"/api/v1/namespaces/d/pods/p/exec?command=sh&command=-c&stdin=true", "http://host/path", "http://host/p?x=a@b",
		"/a?x=eyJ.b", "/a?x=eyJ.b.", "/a#token=x",
	};

	for (size_t i = 0; i < sizeof(uris) / sizeof(*uris); i++)
		CHECK_STR(redacted(uris[i], NULL), uris[i]);
}

static void test_redact__values_of_secret_keys_go(void)
{
	CHECK_STR(redacted("/a?access_token=CANARY", NULL), "/a?access_token=REDACTED");
	CHECK_STR(redacted("/a?x=1&token=CANARY&y=2", NULL), "/a?x=1&token=REDACTED&y=2");
	CHECK_STR(redacted("/a?Password=CANARY&API_KEY=CANARY", NULL), "/a?Password=REDACTED&API_KEY=REDACTED");
	CHECK_STR(redacted("/a?id_token=CANARY=CANARY", NULL), "/a?id_token=REDACTED");
	CHECK_STR(redacted("/a?client_secret=x", NULL), "/a?client_secret=REDACTED");
	CHECK_STR(redacted("?secret=x", NULL), "?secret=REDACTED");
}

static void test_redact__encoded_keys_are_the_same_keys(void)
{
	CHECK_STR(redacted("/a?%61ccess_token=CANARY", NULL), "/a?%61ccess_token=REDACTED");
	CHECK_STR(redacted("/a?access%5ftoken=CANARY", NULL), "/a?access%5ftoken=REDACTED");
	CHECK_STR(redacted("/a?%74%6F%6b%65%6e=CANARY", NULL), "/a?%74%6F%6b%65%6e=REDACTED");
	CHECK_STR(redacted("/a?+token+=CANARY", NULL), "/a?+token+=REDACTED");
	CHECK_STR(redacted("/a?%6=x&%zz=y", NULL), "/a?%6=x&%zz=y");
}

static void test_redact__semicolons_do_not_save_a_secret(void)
{
	CHECK_STR(redacted("/a?x=1;token=CANARY", NULL), "/a?x=1;token=REDACTED");
	CHECK_STR(redacted("/a?token=CANARY;CANARY=1&y=2", NULL), "/a?token=REDACTED&y=2");
	CHECK_STR(redacted("/a?x;token=CANARY&y=2", NULL), "/a?x;token=REDACTED&y=2");
}

static void test_redact__jwt_under_any_key_goes(void)
{
	CHECK_STR(redacted("/a?x=eyJhbGciOiJub25lIn0.e30.CANARY&y=1", NULL), "/a?x=REDACTED&y=1");
}

static void test_redact__passwords_of_absolute_targets_go(void)
{
	CHECK_STR(redacted("http://user:CANARY@host/a?x=1", NULL), "http://REDACTED@host/a?x=1");
	CHECK_STR(redacted("HTTPS://user:CAN@ARY@host", NULL), "HTTPS://REDACTED@host");
	CHECK_STR(redacted("/http://user:x@host/", NULL), "/http://user:x@host/");
}

static void test_redact__says_where_the_access_token_is(void)
{
	struct redaction r;

	(void)redacted("/a?x=1&access_token=&access_token=ab%2Fc&access_token=d", &r);
	CHECK_STR(r.access_token, "ab%2Fc");
	(void)redacted("/a?Access_Token=x", &r);
	CHECK_STR(r.access_token, "");
	(void)redacted("/a?%61ccess_token=x", &r);
	CHECK_STR(r.access_token, "x");
}

static void test_redact__many_secrets_become_one_at_the_end(void)
{
	struct buf uri = { 0 }, want = { 0 };

	for (int i = 0; i < 100; i++) {
		(void)buf_add_str(&uri, i ? STR("&token=CANARY") : STR("/a?token=CANARY"));
		if (i < REDACT_SPANS_MAX)
			(void)buf_add_str(&want, i ? STR("&token=REDACTED") : STR("/a?token=REDACTED"));
	}
	(void)buf_add_c(&uri, '\0');
	(void)buf_add_c(&want, '\0');
	CHECK_STR(redacted(uri.p, NULL), want.p);
	buf_done(&uri);
	buf_done(&want);
}

int main(void)
{
	RUN(test_redact__leaves_what_holds_no_secret);
	RUN(test_redact__values_of_secret_keys_go);
	RUN(test_redact__encoded_keys_are_the_same_keys);
	RUN(test_redact__semicolons_do_not_save_a_secret);
	RUN(test_redact__jwt_under_any_key_goes);
	RUN(test_redact__passwords_of_absolute_targets_go);
	RUN(test_redact__says_where_the_access_token_is);
	RUN(test_redact__many_secrets_become_one_at_the_end);
	buf_done(&out);
	return test_end();
}
