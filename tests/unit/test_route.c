/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/route.h"
#include "test.h"

static struct route r;

/* What RequestInfoFactory and BasicLongRunningRequestCheck of k8s.io/apiserver v0.34.2 returned. */
static const struct {
	const char *method, *uri;
	bool is_resource, is_long_running, is_refused;
} cases[] = {
	{ "GET", "/", false, false, false },
	{ "GET", "/healthz", false, false, false },
	{ "GET", "/api", false, false, false },
	{ "GET", "/api/v1", false, false, false },
	{ "GET", "/api/v1/pods", true, false, false },
	{ "GET", "/api/v1/pods?watch", true, true, false },
	{ "GET", "/api/v1/pods?watch=true", true, true, false },
	{ "GET", "/api/v1/pods?watch=0", true, false, false },
	{ "GET", "/api/v1/pods?watch=False", true, false, false },
	{ "GET", "/api/v1/namespaces", true, false, false },
	{ "GET", "/api/v1/namespaces/d", true, false, false },
	{ "GET", "/api/v1/namespaces/d/status", true, false, false },
	{ "GET", "/api/v1/namespaces/d/finalize", true, false, false },
	{ "GET", "/api/v1/namespaces/d/pods", true, false, false },
	{ "GET", "/api/v1/namespaces/d/pods/p", true, false, false },
	{ "GET", "/api/v1/namespaces/d/pods/p/exec?command=a", true, true, false },
	{ "GET", "/api/v1/namespaces/d/pods/p/log?follow=1", true, true, false },
	{ "GET", "/api/v1/namespaces/d/services/s/proxy/a/b", true, true, false },
	{ "GET", "/api/v1/nodes/n/proxy/run", true, true, false },
	{ "GET", "/api/v1/watch", true, false, true },
	{ "GET", "/api/v1/proxy", true, false, true },
	{ "GET", "/api/v1/watch/", true, false, true },
	{ "GET", "/api/v1/watch/pods", true, true, false },
	{ "GET", "/api/v1/watch/namespaces/d/pods/p", true, true, false },
	{ "GET", "/api/v1/proxy/namespaces/d/pods/p/x", true, true, false },
	{ "GET", "/apis", false, false, false },
	{ "GET", "/apis/apps", false, false, false },
	{ "GET", "/apis/apps/v1", false, false, false },
	{ "GET", "/apis/apps/v1/watch", true, false, true },
	{ "GET", "/apis/apps/v1/deployments", true, false, false },
	{ "GET", "/apis/apps/v1/namespaces/d/deployments/x/scale", true, false, false },
	{ "GET", "/apis/apps/v1/namespaces/d/deployments?watch=1", true, true, false },
	{ "GET", "/debug/pprof/heap", false, true, false },
	{ "GET", "/debug/pprof", false, false, false },
	{ "GET", "/api/v1/%77atch", true, false, true },
	{ "GET", "/api/v1%2Fwatch", true, false, true },
	{ "GET", "/%61pi/v1/p%6fds", true, false, false },
	{ "GET", "/openapi/v3", false, false, false },
	{ "GET", "/api/v1/namespaces/d/pods/p/%65xec", true, true, false },
	{ "GET", "/apis/metrics.k8s.io/v1beta1/pods", true, false, false },
	{ "GET", "/api/v1/namespaces/d/pods/p/portforward", true, true, false },
	{ "GET", "/api/v1/namespaces/d/pods/p/attach", true, true, false },
	{ "POST", "/healthz", false, false, false },
	{ "POST", "/api/v1/pods", true, false, false },
	{ "POST", "/api/v1/namespaces/d/pods/p", true, false, false },
	{ "POST", "/api/v1/namespaces/d/pods/p/exec?command=a", true, true, false },
	{ "POST", "/api/v1/watch", true, false, true },
	{ "POST", "/api/v1/watch/pods", true, true, false },
	{ "DELETE", "/healthz", false, false, false },
	{ "DELETE", "/api/v1/pods", true, false, false },
	{ "DELETE", "/api/v1/namespaces/d/pods/p", true, false, false },
	{ "DELETE", "/api/v1/namespaces/d/pods/p/exec?command=a", true, true, false },
	{ "DELETE", "/api/v1/watch", true, false, true },
	{ "DELETE", "/api/v1/watch/pods", true, true, false },
	{ "OPTIONS", "/healthz", false, false, false },
	{ "OPTIONS", "/api/v1/pods", true, false, false },
	{ "OPTIONS", "/api/v1/namespaces/d/pods/p", true, false, false },
	{ "OPTIONS", "/api/v1/namespaces/d/pods/p/exec?command=a", true, true, false },
	{ "OPTIONS", "/api/v1/watch", true, false, true },
	{ "OPTIONS", "/api/v1/watch/pods", true, true, false },
};

static void test_route__is_what_kube_apiserver_makes_of_a_request(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CHECK_INT(route_parse(&r, str_of(cases[i].method), str_of(cases[i].uri)), 0);
		if (r.info.is_resource != cases[i].is_resource || r.is_long_running != cases[i].is_long_running ||
		    r.info.is_refused != cases[i].is_refused)
			printf("    %s %s\n", cases[i].method, cases[i].uri);
		CHECK_INT(r.info.is_refused, cases[i].is_refused);
		CHECK_INT(r.is_long_running, cases[i].is_long_running);
		if (!cases[i].is_refused)
			CHECK_INT(r.info.is_resource, cases[i].is_resource);
	}
}

static bool may_upgrade(const char *method, const char *uri)
{
	CHECK_INT(route_parse(&r, str_of(method), str_of(uri)), 0);
	return r.may_upgrade;
}

static void test_route__knows_what_may_be_hijacked(void)
{
	CHECK(may_upgrade("GET", "/api/v1/namespaces/d/pods/p/exec?command=a"));
	CHECK(may_upgrade("POST", "/api/v1/namespaces/d/pods/p/portforward"));
	CHECK(may_upgrade("GET", "/api/v1/nodes/n/proxy/"));
	CHECK(may_upgrade("GET", "https://h/api/v1/nodes/n/proxy/"));
	CHECK(!may_upgrade("GET", "/api/v1/namespaces/d/pods/p/log"));
	CHECK(!may_upgrade("GET", "/api/v1/namespaces/d/pods/exec"));
	CHECK(!may_upgrade("GET", "/api/v1/pods?watch=1"));
}

static void test_route__of_what_go_refuses_is_empty(void)
{
	CHECK(may_upgrade("GET", "/api/v1/nodes/n/proxy/"));
	CHECK(!may_upgrade("GET", "/api/v1/nodes/n/proxy/%zz"));
	CHECK(!r.is_long_running && !r.info.verb.n && !r.info.path.n && !r.info.is_resource);
}

int main(void)
{
	RUN(test_route__is_what_kube_apiserver_makes_of_a_request);
	RUN(test_route__knows_what_may_be_hijacked);
	RUN(test_route__of_what_go_refuses_is_empty);
	route_done(&r);
	return test_end();
}
