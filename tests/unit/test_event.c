/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include "audit/event.h"
#include "audit/event_list.h"
#include "audit/skip.h"

#define HEAD "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"Metadata\",\"auditID\":\"a-1\"," \
	     "\"stage\":\"ResponseComplete\",\"requestURI\":\"/api\""

static struct event_parser parser;
static struct event event;

static int parse(const char *line)
{
	return event_parse(&parser, str_of(line), &event);
}

/* As kube-apiserver v1.34.2 wrote it, all fields of the Metadata level present. */
static const char real[] =
	"{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"Metadata\","
	"\"auditID\":\"fa36d4c0-53d6-4b40-9317-6c5be5ccbbd9\",\"stage\":\"ResponseComplete\","
	"\"requestURI\":\"/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x?a=1\\u0026b=2\","
	"\"verb\":\"update\",\"user\":{\"username\":\"system:serviceaccount:demo:builder\",\"uid\":\"e4294fe9\","
	"\"groups\":[\"system:serviceaccounts\",\"system:authenticated\"],"
	"\"extra\":{\"authentication.kubernetes.io/credential-id\":[\"JTI=9ef5f1f5\"],\"x\":[\"1\",\"2\"]}},"
	"\"impersonatedUser\":{\"username\":\"admin\",\"groups\":[\"ops\"]},"
	"\"sourceIPs\":[\"198.51.100.7\",\"127.0.0.1\"],\"userAgent\":\"kubectl/v1.34.2 \\u003c\\\"q\\\"\\u003e\","
	"\"objectRef\":{\"resource\":\"leases\",\"namespace\":\"kube-system\",\"name\":\"x\",\"uid\":\"f30b\","
	"\"apiGroup\":\"coordination.k8s.io\",\"apiVersion\":\"v1\",\"resourceVersion\":\"255\",\"subresource\":\"status\"},"
	"\"responseStatus\":{\"metadata\":{},\"status\":\"Failure\",\"message\":\"no \\u0026 never\",\"reason\":\"Forbidden\",\"code\":403},"
	"\"requestReceivedTimestamp\":\"2026-11-22T05:55:11.370957Z\",\"stageTimestamp\":\"2026-11-22T05:55:11.374004Z\","
	"\"annotations\":{\"authorization.k8s.io/decision\":\"forbid\",\"authorization.k8s.io/reason\":\"RBAC: \\\"x\\\"\"}}";

static void test_event__every_field_of_a_real_event_is_taken(void)
{
	CHECK_INT(parse(real), 0);
	CHECK_INT(event.level, LEVEL_METADATA);
	CHECK_INT(event.stage, STAGE_RESPONSE_COMPLETE);
	CHECK_STR(event.audit_id, "fa36d4c0-53d6-4b40-9317-6c5be5ccbbd9");
	CHECK_STR(event.request_uri, "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x?a=1&b=2");
	CHECK_STR(event.verb, "update");
	CHECK_STR(event.user.username, "system:serviceaccount:demo:builder");
	CHECK_STR(event.user.uid, "e4294fe9");
	CHECK_INT(event.user.nr_groups, 2);
	CHECK_STR(event.user.groups[1], "system:authenticated");
	CHECK_STR(event.user.credential_id, "JTI=9ef5f1f5");
	CHECK_STR(event.impersonated.username, "admin");
	CHECK_INT(event.impersonated.nr_groups, 1);
	CHECK_INT(event.nr_source_ips, 2);
	CHECK_STR(event.source_ips[1], "127.0.0.1");
	CHECK_STR(event.user_agent, "kubectl/v1.34.2 <\"q\">");
	CHECK_STR(event.object.resource, "leases");
	CHECK_STR(event.object.ns, "kube-system");
	CHECK_STR(event.object.name, "x");
	CHECK_STR(event.object.uid, "f30b");
	CHECK_STR(event.object.api_group, "coordination.k8s.io");
	CHECK_STR(event.object.api_version, "v1");
	CHECK_STR(event.object.subresource, "status");
	CHECK_INT(event.code, 403);
	CHECK_STR(event.status_message, "no & never");
	CHECK_STR(event.status_reason, "Forbidden");
	CHECK_STR(event.decision, "forbid");
	CHECK_STR(event.reason, "RBAC: \"x\"");
	CHECK(str_starts(event.annotations, STR("{\"authorization.k8s.io/decision\"")));
	CHECK_INT(event.annotations.p[event.annotations.n - 1], '}');
	CHECK_INT(event.received_ns, 1795326911370957000);
	CHECK_INT(event.stage_ns, 1795326911374004000);
	CHECK(!event.is_cut);
	CHECK(!event.request_object.n && !event.response_object.n);
}

static void test_event__failed_authentication_has_an_empty_user(void)
{
	CHECK_INT(parse(HEAD ",\"user\":{},\"responseStatus\":{\"code\":401}}"), 0);
	CHECK_INT(event.user.username.n, 0);
	CHECK_INT(event.user.nr_groups, 0);
	CHECK_INT(event.code, 401);
}

static void test_event__null_and_foreign_kinds_are_as_if_absent(void)
{
	CHECK_INT(parse(HEAD ",\"user\":null,\"sourceIPs\":null,\"objectRef\":[1],\"responseStatus\":{\"code\":\"403\"},"
			"\"verb\":5,\"annotations\":null,\"stageTimestamp\":null,\"impersonatedUser\":{\"groups\":null}}"), 0);
	CHECK_INT(event.nr_source_ips, 0);
	CHECK_INT(event.code, 0);
	CHECK_INT(event.verb.n, 0);
	CHECK_INT(event.annotations.n, 0);
	CHECK_INT(event.stage_ns, 0);
}

static void test_event__unknown_fields_are_stepped_over(void)
{
	CHECK_INT(parse(HEAD ",\"new\":{\"user\":{\"username\":\"no\"}},\"more\":[1,-2.5e3,true,null,\"x\"],\"verb\":\"get\"}"), 0);
	CHECK_STR(event.verb, "get");
	CHECK_INT(event.user.username.n, 0);
}

static void test_event__v1beta1_and_items_without_kind_are_taken(void)
{
	CHECK_INT(parse("{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1beta1\",\"auditID\":\"b\",\"stage\":\"Panic\","
			"\"requestURI\":\"/\"}"), 0);
	CHECK_INT(event.stage, STAGE_PANIC);
	CHECK_INT(parse("{\"auditID\":\"b\",\"stage\":\"RequestReceived\",\"requestURI\":\"/\",\"level\":\"RequestResponse\"}"), 0);
	CHECK_INT(event.level, LEVEL_REQUEST_RESPONSE);
}

static void test_event__what_is_no_event_is_refused_and_nothing_is_written(void)
{
	static const char *const bad[] = {
		"", "x", "{}", "[]", "null", HEAD, HEAD "}}", HEAD "} {}", HEAD ",}", HEAD ",\"user\":{\"username\":\"x}",
		HEAD ",\"requestObject\":{\"a\":[1}}", HEAD ",\"requestObject\":[}",
		"{\"kind\":\"Pod\",\"apiVersion\":\"audit.k8s.io/v1\",\"auditID\":\"b\",\"stage\":\"Panic\",\"requestURI\":\"/\"}",
		"{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"auditID\":\"b\",\"stage\":\"Panic\",\"requestURI\":\"/\"}",
		"{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1alpha1\",\"auditID\":\"b\",\"stage\":\"Panic\",\"requestURI\":\"/\"}",
		"{\"stage\":\"Panic\",\"requestURI\":\"/\"}",
		"{\"auditID\":\"b\",\"requestURI\":\"/\"}",
		"{\"auditID\":\"b\",\"stage\":\"Never\",\"requestURI\":\"/\"}",
		"{\"auditID\":\"b\",\"stage\":\"Panic\"}",
	};

	CHECK_INT(parse(real), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK_INT(parse(bad[i]), -EINVAL);
		CHECK_STR(event.verb, "update");
	}
}

static void test_event__bodies_are_carried_raw_however_deep(void)
{
	enum { DEPTH = 5000 };
	size_t head = strlen(HEAD ",\"requestObject\":");
	char *line = malloc(head + 2 * DEPTH + 2);

	memcpy(line, HEAD ",\"requestObject\":", head);
	memset(line + head, '[', DEPTH);
	memset(line + head + DEPTH, ']', DEPTH);
	line[head + 2 * DEPTH] = '}';
	CHECK_INT(event_parse(&parser, (struct str){ line, head + 2 * DEPTH + 1 }, &event), 0);
	CHECK_INT(event.request_object.n, 2 * DEPTH);
	free(line);
	CHECK_INT(parse(HEAD ",\"responseObject\":{\"a}\":\"]\\\"\\\\\",\"b\":[{}]} }"), 0);
	CHECK_STR(event.response_object, "{\"a}\":\"]\\\"\\\\\",\"b\":[{}]}");
}

static void test_event__bodies_deeper_than_the_bound_are_refused(void)
{
	size_t n = 2 * (SKIP_DEPTH_MAX + 1);
	char *text = malloc(n);
	struct str raw;
	struct jread r;

	memset(text, '[', n / 2);
	memset(text + n / 2, ']', n / 2);
	jread_init(&r, (struct str){ text, n });
	CHECK(!skip_value(&r, &raw));
	jread_init(&r, (struct str){ text + 1, n - 2 });
	CHECK(skip_value(&r, &raw));
	free(text);
}

static void test_event__lists_longer_than_kept_are_cut_and_keep_the_peer(void)
{
	char line[8192];
	int n = snprintf(line, sizeof(line), "%s,\"sourceIPs\":[", HEAD);

	for (int i = 0; i < 40; i++)
		n += snprintf(line + n, sizeof(line) - (size_t)n, "\"10.0.0.%d\",", i);
	n += snprintf(line + n, sizeof(line) - (size_t)n, "\"peer\"],\"user\":{\"groups\":[");
	for (int i = 0; i < EVENT_GROUPS_MAX; i++)
		n += snprintf(line + n, sizeof(line) - (size_t)n, "\"g\",");
	snprintf(line + n, sizeof(line) - (size_t)n, "\"g\"]}}");
	CHECK_INT(parse(line), 0);
	CHECK(event.is_cut);
	CHECK_INT(event.nr_source_ips, EVENT_SOURCE_IPS_MAX);
	CHECK_STR(event.source_ips[EVENT_SOURCE_IPS_MAX - 1], "peer");
	CHECK_INT(event.user.nr_groups, EVENT_GROUPS_MAX);
}

static void test_event__a_repeated_key_is_unescaped_once_and_the_last_counts(void)
{
	CHECK_INT(parse(HEAD ",\"verb\":\"\\u005cu0041\",\"verb\":\"\\u005cu0042\"}"), 0);
	CHECK_STR(event.verb, "\\u0042");
	CHECK_INT(parse(HEAD ",\"verb\":\"\\u0041\",\"verb\":\"plain\"}"), 0);
	CHECK_STR(event.verb, "plain");
}

static size_t nr_items(const char *body, struct str *ret_last)
{
	struct event_list l;
	size_t n = 0;

	if (event_list_open(&l, str_of(body)))
		return 999;
	while (event_list_next(&l, ret_last))
		n++;
	return n;
}

#define LIST "{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"metadata\":{}"

static void test_event_list__gives_every_item_and_a_single_event_itself(void)
{
	struct str last = { 0 };

	CHECK_INT(nr_items(LIST ",\"items\":[{\"a\":1}, {\"b\":[{}]} ]}", &last), 2);
	CHECK_STR(last, "{\"b\":[{}]}");
	CHECK_INT(nr_items(LIST ",\"items\":[]}", &last), 0);
	CHECK_INT(nr_items(LIST ",\"items\":null}", &last), 0);
	CHECK_INT(nr_items(LIST "}", &last), 0);
	CHECK_INT(nr_items("{\"items\":[1],\"apiVersion\":\"audit.k8s.io/v1beta1\",\"kind\":\"EventList\"}", &last), 1);
	CHECK_INT(nr_items(real, &last), 1);
	CHECK_INT(event_parse(&parser, last, &event), 0);
}

static void test_event_list__a_body_with_one_flaw_is_refused_whole(void)
{
	struct str last;

	CHECK_INT(nr_items("", &last), 999);
	CHECK_INT(nr_items("{}", &last), 999);
	CHECK_INT(nr_items(LIST ",\"items\":[{\"a\":1}", &last), 999);
	CHECK_INT(nr_items(LIST ",\"items\":[{\"a\":1},]}", &last), 999);
	CHECK_INT(nr_items(LIST ",\"items\":[{} {}]}", &last), 999);
	CHECK_INT(nr_items(LIST ",\"items\":[{}]} x", &last), 999);
	CHECK_INT(nr_items("{\"kind\":\"EventList\",\"apiVersion\":\"v1\",\"items\":[]}", &last), 999);
	CHECK_INT(nr_items("{\"kind\":\"List\",\"apiVersion\":\"audit.k8s.io/v1\",\"items\":[]}", &last), 999);
}

int main(void)
{
	RUN(test_event__every_field_of_a_real_event_is_taken);
	RUN(test_event__failed_authentication_has_an_empty_user);
	RUN(test_event__null_and_foreign_kinds_are_as_if_absent);
	RUN(test_event__unknown_fields_are_stepped_over);
	RUN(test_event__v1beta1_and_items_without_kind_are_taken);
	RUN(test_event__what_is_no_event_is_refused_and_nothing_is_written);
	RUN(test_event__bodies_are_carried_raw_however_deep);
	RUN(test_event__bodies_deeper_than_the_bound_are_refused);
	RUN(test_event__lists_longer_than_kept_are_cut_and_keep_the_peer);
	RUN(test_event__a_repeated_key_is_unescaped_once_and_the_last_counts);
	RUN(test_event_list__gives_every_item_and_a_single_event_itself);
	RUN(test_event_list__a_body_with_one_flaw_is_refused_whole);
	event_parser_done(&parser);
	return test_end();
}
