/* SPDX-License-Identifier: Apache-2.0
 *
 * The cases were answered by the server's own code (k8s.io/apiserver v0.34.2).
 */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include "audit/event.h"
#include "audit/label_selector.h"
#include "audit/lines.h"
#include "audit/request_info.h"

static struct request_info info;

/* "verb group version namespace resource subresource name", "-" for empty; of paths "verb path". */
static void check(int line, const char *method, const char *uri, const char *want)
{
	const struct str *parts[] = { &info.verb,     &info.api_group,	 &info.api_version, &info.ns,
				      &info.resource, &info.subresource, &info.name };
	char got[512];
	size_t n = 0;

	if (request_info_parse(&info, str_of(method), str_of(uri))) {
		snprintf(got, sizeof(got), "bad");
	} else if (info.is_refused) {
		snprintf(got, sizeof(got), "refused");
	} else if (!info.is_resource) {
		snprintf(got, sizeof(got), "%.*s %.*s", STR_ARG(info.verb), STR_ARG(info.path));
	} else {
		for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
			n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%.*s", i ? " " : "",
					      parts[i]->n ? (int)parts[i]->n : 1, parts[i]->n ? parts[i]->p : "-");
	}
	if (strcmp(got, want)) {
		printf("    %s:%d: %s %s is \"%s\", not \"%s\"\n", __FILE__, line, method, uri, got, want);
		test_is_bad = 1;
	}
}

#define IS(method, uri, want) check(__LINE__, method, uri, want)

static void test_request_info__paths_that_are_no_resource_have_the_method(void)
{
	IS("GET", "/", "get /");
	IS("GET", "/healthz?verbose", "get /healthz");
	IS("OPTIONS", "/api", "options /api");
	IS("GET", "/api/v1", "get /api/v1");
	IS("GET", "/apis/apps/v1", "get /apis/apps/v1");
	IS("POST", "/version/", "post /version/");
	IS("GET", "//healthz", "get //healthz");
	IS("GET", "/a%2Fb%20c", "get /a/b c");
	IS("GET", "*", "get *");
	IS("GET", "https://host:1/livez?x", "get /livez");
	IS("CONNECT", "host:443", "connect ");
	IS("GET", "mailto:x", "get ");
	IS("GET", "/logs/kube/x", "get /logs/kube/x");
}

static void test_request_info__verbs_follow_method_and_name(void)
{
	IS("GET", "/api/v1/pods", "list - v1 - pods - -");
	IS("HEAD", "/api/v1/pods/", "list - v1 - pods - -");
	IS("GET", "/api/v1/namespaces/ns1/pods/p", "get - v1 ns1 pods - p");
	IS("POST", "/api/v1/namespaces/ns1/pods", "create - v1 ns1 pods - -");
	IS("PUT", "/apis/apps/v1/namespaces/ns1/deployments/d/scale", "update apps v1 ns1 deployments scale d");
	IS("PATCH", "/apis/apps/v1/namespaces/ns1/deployments/d", "patch apps v1 ns1 deployments - d");
	IS("DELETE", "/api/v1/namespaces/ns1/pods/p", "delete - v1 ns1 pods - p");
	IS("DELETE", "/api/v1/namespaces/ns1/pods", "deletecollection - v1 ns1 pods - -");
	IS("OPTIONS", "/api/v1/pods", "- - v1 - pods - -");
	IS("get", "/api/v1/pods", "- - v1 - pods - -");
}

static void test_request_info__namespaces_are_both_scope_and_resource(void)
{
	IS("GET", "/api/v1/namespaces", "list - v1 - namespaces - -");
	IS("GET", "/api/v1/namespaces/ns1", "get - v1 ns1 namespaces - ns1");
	IS("PUT", "/api/v1/namespaces/ns1/finalize", "update - v1 ns1 namespaces finalize ns1");
	IS("PUT", "/api/v1/namespaces/ns1/status", "update - v1 ns1 namespaces status ns1");
	IS("GET", "/api/v1/namespaces/ns1/statuses", "list - v1 ns1 statuses - -");
	IS("GET", "/api/v1/namespaces/ns1/pods/p/log", "get - v1 ns1 pods log p");
	IS("POST", "/api/v1/namespaces/ns1/pods/p/proxy/a/b/c", "create - v1 ns1 pods proxy p");
	IS("GET", "/apis//v1/pods/p", "get - v1 - pods - p");
	IS("GET", "/api//v1/pods", "get - - - v1 - pods");
}

static void test_request_info__prefix_verbs_need_something_behind_them(void)
{
	IS("GET", "/api/v1/watch", "refused");
	IS("GET", "/api/v1/watch/", "refused");
	IS("POST", "/apis/apps/v1/watch", "refused");
	IS("GET", "/api/v1/proxy", "refused");
	IS("GET", "/apis/apps/watch", "get /apis/apps/watch");
	IS("GET", "/api/v1/watch/pods", "watch - v1 - pods - -");
	IS("DELETE", "/api/v1/watch/namespaces/ns1/pods/p", "watch - v1 ns1 pods - p");
	IS("GET", "/api/v1/proxy/namespaces/ns1/pods/p/x", "proxy - v1 ns1 pods - p");
	IS("GET", "/api/v1/watch/namespaces/ns1/pods/p/x", "watch - v1 ns1 pods x p");
}

static void test_request_info__a_watch_is_asked_for_by_query(void)
{
	IS("GET", "/api/v1/pods?watch=1", "watch - v1 - pods - -");
	IS("GET", "/api/v1/pods?watch", "watch - v1 - pods - -");
	IS("GET", "/api/v1/pods?watch=no", "watch - v1 - pods - -");
	IS("GET", "/api/v1/pods?watch=0", "list - v1 - pods - -");
	IS("GET", "/api/v1/pods?watch=FALSE", "list - v1 - pods - -");
	IS("GET", "/api/v1/pods?%77atch=true", "watch - v1 - pods - -");
	IS("GET", "/api/v1/pods?watch=0&watch=1", "list - v1 - pods - -");
	IS("GET", "/api/v1/pods?watch=1;x", "list - v1 - pods - -");
	IS("GET", "/api/v1/pods?watch=%zz&watch=1", "watch - v1 - pods - -");
	IS("GET", "/api/v1/pods?watch=fal%C5%BFe", "list - v1 - pods - -");
	IS("GET", "/api/v1/pods?watch=fal%C5%BFe&limit=x", "watch - v1 - pods - -");
	IS("GET", "/api/v1/pods/p?watch=1", "get - v1 - pods - p");
	IS("POST", "/api/v1/pods?watch=1", "create - v1 - pods - -");
}

static void test_request_info__a_field_selector_gives_the_name(void)
{
	IS("GET", "/api/v1/pods?fieldSelector=metadata.name%3Dx", "list - v1 - pods - x");
	IS("GET", "/api/v1/pods?watch=1&fieldSelector=metadata.name==x", "watch - v1 - pods - x");
	IS("GET", "/api/v1/pods?fieldSelector=a=b,metadata.name=x", "list - v1 - pods - x");
	IS("GET", "/api/v1/pods?fieldSelector=metadata.name=x,metadata.name=b", "list - v1 - pods - b");
	IS("GET", "/api/v1/pods?fieldSelector=metadata.name!=x", "list - v1 - pods - -");
	IS("GET", "/api/v1/pods?fieldSelector=metadata.name=x,bad", "list - v1 - pods - -");
	IS("GET", "/api/v1/pods?fieldSelector=metadata.name=a%5C,b", "list - v1 - pods - a,b");
	IS("GET", "/api/v1/pods?fieldSelector=metadata.name=a%5Cb", "list - v1 - pods - -");
	IS("GET", "/api/v1/pods?fieldSelector=metadata.name=a%2Fb", "list - v1 - pods - -");
	IS("GET", "/api/v1/pods?fieldSelector=metadata.name=..", "list - v1 - pods - -");
	IS("GET", "/api/v1/pods?fieldSelector=metadata.name=x&limit=5", "list - v1 - pods - x");
	IS("DELETE", "/api/v1/pods?fieldSelector=metadata.name=x", "deletecollection - v1 - pods - -");
}

static void test_request_info__one_bad_option_makes_the_server_forget_the_others(void)
{
	IS("GET", "/api/v1/pods?fieldSelector=metadata.name=x&limit=", "list - v1 - pods - -");
	IS("GET", "/api/v1/pods?fieldSelector=metadata.name=x&limit=%2B5", "list - v1 - pods - x");
	IS("GET", "/api/v1/pods?fieldSelector=metadata.name=x&timeoutSeconds=9223372036854775808", "list - v1 - pods - -");
	IS("GET", "/api/v1/pods?fieldSelector=metadata.name=x&timeoutSeconds=-9223372036854775808", "list - v1 - pods - x");
	IS("GET", "/api/v1/pods?fieldSelector=metadata.name=x&labelSelector=a+b", "list - v1 - pods - -");
	IS("GET", "/api/v1/pods?fieldSelector=metadata.name=x&labelSelector=a+in+(b)", "list - v1 - pods - x");
	IS("GET", "/api/v1/pods?watch=1&fieldSelector=metadata.name=x&labelSelector=,", "watch - v1 - pods - -");
}

static void test_request_info__what_go_refuses_is_refused(void)
{
	IS("GET", "", "bad");
	IS("GET", "api/v1", "bad");
	IS("GET", "/api/%zz", "bad");
	IS("GET", "/api/%", "bad");
	IS("GET", "/a\x01", "bad");
	IS("GET", "/a?\x7f", "bad");
	IS("GET", ":x", "bad");
	IS("GET", "*?", "bad");
	IS("GET", "/a?%zz", "get /a");
}

static void test_label_selector__takes_what_the_server_takes(void)
{
	static const char *const good[] = { "", " ", "a", "!a", "a,b", "a=b", "a==b", "a!=b", "a=", "a!=", "a=,b", "a in (b)", "a in ()",
					    "a in (b,)", "a in (,b)", "a in (,,)", "a notin (b,c)", "in in (in)", "notin", "a>1",
					    "a<9223372036854775807", "example.com/a=b", "A-b_c.d=E", "a = b , c", "a in(b)" };
	static const char *const bad[] = { ",", "a,", "a,,b", "=a", "a b", "a=b=c", "!a=b", "!", "!!a", "a in b", "a in (b", "a in (b c)",
					   "a in (=)", "a>", "a>b", "a>-1", "a<9223372036854775808", "/a", "a/", "A.com/a", "a/b/c", "-a",
					   "a-", "a=-b", "a=b/c", "a)", "(a)", "a.-b/c", "a=\xe2\x82\xac",
					   "a1234567890123456789012345678901234567890123456789012345678901234" };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		CHECK(label_selector_is_valid(str_of(good[i])));
		if (!label_selector_is_valid(str_of(good[i])))
			printf("    refused: %s\n", good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK(!label_selector_is_valid(str_of(bad[i])));
		if (label_selector_is_valid(str_of(bad[i])))
			printf("    taken: %s\n", bad[i]);
	}
}

/* ---- with a real server's log, AUDIT_LOG, by tests/e2e/40-audit-policy */

static struct event_parser parser;
static unsigned nr_events, nr_differ;

static bool agrees(const struct event *e, const struct request_info *i)
{
	bool is_object = e->object.resource.n > 0;

	if (!str_eq(e->verb, i->verb) || is_object != i->is_resource)
		return false;
	/* name, namespace and group of a created object come from its body where the URI has none */
	return !is_object || (str_eq(e->object.resource, i->resource) && str_eq(e->object.subresource, i->subresource) &&
			      str_eq(e->object.api_version, i->api_version) && str_eq(e->object.api_group, i->api_group) &&
			      (!i->ns.n || str_eq(e->object.ns, i->ns)) && (!i->name.n || str_eq(e->object.name, i->name)));
}

/* The log does not have the method: some method must give what the server made of it. */
static void on_line(void *ctx, struct str line)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "CONNECT", "TRACE" };
	struct event e;

	if (event_parse(&parser, line, &e))
		return;
	nr_events++;
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (!request_info_parse(&info, str_of(methods[i]), e.request_uri) && agrees(&e, &info))
			return;
	nr_differ++;
	printf("    differs: %.*s\n", STR_ARG(str_first(line, 600)));
}

static void test_request_info__agrees_with_every_event_of_a_real_log(void)
{
	const char *path = getenv("AUDIT_LOG");
	struct counters counters = { 0 };
	struct err err;

	CHECK_INT(lines_read(path, on_line, NULL, NULL, &counters, &err), 0);
	CHECK(nr_events > 0);
	CHECK_INT(nr_differ, 0);
	printf("    %u events agree\n", nr_events - nr_differ);
}

int main(void)
{
	RUN(test_request_info__paths_that_are_no_resource_have_the_method);
	RUN(test_request_info__verbs_follow_method_and_name);
	RUN(test_request_info__namespaces_are_both_scope_and_resource);
	RUN(test_request_info__prefix_verbs_need_something_behind_them);
	RUN(test_request_info__a_watch_is_asked_for_by_query);
	RUN(test_request_info__a_field_selector_gives_the_name);
	RUN(test_request_info__one_bad_option_makes_the_server_forget_the_others);
	RUN(test_request_info__what_go_refuses_is_refused);
	RUN(test_label_selector__takes_what_the_server_takes);
	if (getenv("AUDIT_LOG"))
		RUN(test_request_info__agrees_with_every_event_of_a_real_log);
	request_info_done(&info);
	event_parser_done(&parser);
	return test_end();
}
