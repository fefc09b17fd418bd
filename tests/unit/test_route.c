/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/route.h"
#include "test.h"

/* What RequestInfoFactory and BasicLongRunningRequestCheck of k8s.io/apiserver v0.34.2 returned. */
static const struct {
	const char *method, *uri;
	bool is_resource, is_long_running, is_unroutable;
	const char *verb, *group, *resource, *subresource;
} cases[] = {
	{ "GET", "/", false, false, false, "get", "", "", "" },
	{ "GET", "/healthz", false, false, false, "get", "", "", "" },
	{ "GET", "/api", false, false, false, "get", "", "", "" },
	{ "GET", "/api/v1", false, false, false, "get", "", "", "" },
	{ "GET", "/api/v1/pods", true, false, false, "list", "", "pods", "" },
	{ "GET", "/api/v1/pods?watch", true, true, false, "watch", "", "pods", "" },
	{ "GET", "/api/v1/pods?watch=true", true, true, false, "watch", "", "pods", "" },
	{ "GET", "/api/v1/pods?watch=0", true, false, false, "list", "", "pods", "" },
	{ "GET", "/api/v1/pods?watch=False", true, false, false, "list", "", "pods", "" },
	{ "GET", "/api/v1/namespaces", true, false, false, "list", "", "namespaces", "" },
	{ "GET", "/api/v1/namespaces/d", true, false, false, "get", "", "namespaces", "" },
	{ "GET", "/api/v1/namespaces/d/status", true, false, false, "get", "", "namespaces", "status" },
	{ "GET", "/api/v1/namespaces/d/finalize", true, false, false, "get", "", "namespaces", "finalize" },
	{ "GET", "/api/v1/namespaces/d/pods", true, false, false, "list", "", "pods", "" },
	{ "GET", "/api/v1/namespaces/d/pods/p", true, false, false, "get", "", "pods", "" },
	{ "GET", "/api/v1/namespaces/d/pods/p/exec?command=a", true, true, false, "get", "", "pods", "exec" },
	{ "GET", "/api/v1/namespaces/d/pods/p/log?follow=1", true, true, false, "get", "", "pods", "log" },
	{ "GET", "/api/v1/namespaces/d/services/s/proxy/a/b", true, true, false, "get", "", "services", "proxy" },
	{ "GET", "/api/v1/nodes/n/proxy/run", true, true, false, "get", "", "nodes", "proxy" },
	{ "GET", "/api/v1/watch", true, false, true, "get", "", "", "" },
	{ "GET", "/api/v1/proxy", true, false, true, "get", "", "", "" },
	{ "GET", "/api/v1/watch/", true, false, true, "get", "", "", "" },
	{ "GET", "/api/v1/watch/pods", true, true, false, "watch", "", "pods", "" },
	{ "GET", "/api/v1/watch/namespaces/d/pods/p", true, true, false, "watch", "", "pods", "" },
	{ "GET", "/api/v1/proxy/namespaces/d/pods/p/x", true, true, false, "proxy", "", "pods", "" },
	{ "GET", "/apis", false, false, false, "get", "", "", "" },
	{ "GET", "/apis/apps", false, false, false, "get", "", "", "" },
	{ "GET", "/apis/apps/v1", false, false, false, "get", "", "", "" },
	{ "GET", "/apis/apps/v1/watch", true, false, true, "get", "apps", "", "" },
	{ "GET", "/apis/apps/v1/deployments", true, false, false, "list", "apps", "deployments", "" },
	{ "GET", "/apis/apps/v1/namespaces/d/deployments/x/scale", true, false, false, "get", "apps", "deployments", "scale" },
	{ "GET", "/apis/apps/v1/namespaces/d/deployments?watch=1", true, true, false, "watch", "apps", "deployments", "" },
	{ "GET", "/debug/pprof/heap", false, true, false, "get", "", "", "" },
	{ "GET", "/debug/pprof", false, false, false, "get", "", "", "" },
	{ "GET", "/api/v1/%77atch", true, false, true, "get", "", "", "" },
	{ "GET", "/api/v1%2Fwatch", true, false, true, "get", "", "", "" },
	{ "GET", "/%61pi/v1/p%6fds", true, false, false, "list", "", "p%6fds", "" },
	{ "GET", "/openapi/v3", false, false, false, "get", "", "", "" },
	{ "GET", "/api/v1/namespaces/d/pods/p/%65xec", true, true, false, "get", "", "pods", "%65xec" },
	{ "GET", "/apis/metrics.k8s.io/v1beta1/pods", true, false, false, "list", "metrics.k8s.io", "pods", "" },
	{ "GET", "/api/v1/namespaces/d/pods/p/portforward", true, true, false, "get", "", "pods", "portforward" },
	{ "GET", "/api/v1/namespaces/d/pods/p/attach", true, true, false, "get", "", "pods", "attach" },
	{ "POST", "/healthz", false, false, false, "post", "", "", "" },
	{ "POST", "/api/v1/pods", true, false, false, "create", "", "pods", "" },
	{ "POST", "/api/v1/namespaces/d/pods/p", true, false, false, "create", "", "pods", "" },
	{ "POST", "/api/v1/namespaces/d/pods/p/exec?command=a", true, true, false, "create", "", "pods", "exec" },
	{ "POST", "/api/v1/watch", true, false, true, "post", "", "", "" },
	{ "POST", "/api/v1/watch/pods", true, true, false, "watch", "", "pods", "" },
	{ "DELETE", "/healthz", false, false, false, "delete", "", "", "" },
	{ "DELETE", "/api/v1/pods", true, false, false, "deletecollection", "", "pods", "" },
	{ "DELETE", "/api/v1/namespaces/d/pods/p", true, false, false, "delete", "", "pods", "" },
	{ "DELETE", "/api/v1/namespaces/d/pods/p/exec?command=a", true, true, false, "delete", "", "pods", "exec" },
	{ "DELETE", "/api/v1/watch", true, false, true, "delete", "", "", "" },
	{ "DELETE", "/api/v1/watch/pods", true, true, false, "watch", "", "pods", "" },
	{ "OPTIONS", "/healthz", false, false, false, "options", "", "", "" },
	{ "OPTIONS", "/api/v1/pods", true, false, false, "", "", "pods", "" },
	{ "OPTIONS", "/api/v1/namespaces/d/pods/p", true, false, false, "", "", "pods", "" },
	{ "OPTIONS", "/api/v1/namespaces/d/pods/p/exec?command=a", true, true, false, "", "", "pods", "exec" },
	{ "OPTIONS", "/api/v1/watch", true, false, true, "options", "", "", "" },
	{ "OPTIONS", "/api/v1/watch/pods", true, true, false, "watch", "", "pods", "" },
};

static void test_route__is_what_kube_apiserver_makes_of_a_request(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct route r = route_of(str_of(cases[i].method), str_of(cases[i].uri));

		if (r.is_resource != cases[i].is_resource || r.is_long_running != cases[i].is_long_running ||
		    r.is_unroutable != cases[i].is_unroutable)
			printf("    %s %s\n", cases[i].method, cases[i].uri);
		CHECK_INT(r.is_resource, cases[i].is_resource);
		CHECK_INT(r.is_long_running, cases[i].is_long_running);
		CHECK_INT(r.is_unroutable, cases[i].is_unroutable);
		if (!r.is_resource || r.is_unroutable)
			continue;
		CHECK_STR(r.verb, cases[i].verb);
		CHECK_STR(r.group, cases[i].group);
		CHECK_STR(r.resource, cases[i].resource);
		CHECK_STR(r.subresource, cases[i].subresource);
	}
}

static void test_route__of_other_paths_is_the_first_segment(void)
{
	CHECK_STR(route_of(STR("GET"), STR("/healthz/ping?x")).resource, "healthz");
	CHECK_STR(route_of(STR("GET"), STR("/")).resource, "");
	CHECK_STR(route_of(STR("GET"), STR("*")).resource, "*");
	CHECK_STR(route_of(STR("GET"), STR("")).resource, "");
	CHECK_STR(route_of(STR("GET"), STR("/apis/apps/v1")).group, "");
	CHECK_STR(route_of(STR("BREW"), STR("/apis/apps/v1")).verb, "BREW");
}

static void test_route__knows_what_may_be_hijacked(void)
{
	CHECK(route_of(STR("GET"), STR("/api/v1/namespaces/d/pods/p/exec?command=a")).may_upgrade);
	CHECK(route_of(STR("POST"), STR("/api/v1/namespaces/d/pods/p/portforward")).may_upgrade);
	CHECK(route_of(STR("GET"), STR("/api/v1/nodes/n/proxy/")).may_upgrade);
	CHECK(!route_of(STR("GET"), STR("/api/v1/namespaces/d/pods/p/log")).may_upgrade);
	CHECK(!route_of(STR("GET"), STR("/api/v1/namespaces/d/pods/exec")).may_upgrade);
	CHECK(!route_of(STR("GET"), STR("/api/v1/pods?watch=1")).may_upgrade);
}

int main(void)
{
	RUN(test_route__is_what_kube_apiserver_makes_of_a_request);
	RUN(test_route__of_other_paths_is_the_first_segment);
	RUN(test_route__knows_what_may_be_hijacked);
	return test_end();
}
