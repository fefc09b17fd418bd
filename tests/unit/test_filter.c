/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/filter.h"

#include <arpa/inet.h>
#include <errno.h>

#include "test.h"

static struct conn conn;
static struct exchange x;
static struct identity id;

/* A GET by `ip` of `uri`, answered `status`. */
static const struct identity *request(const char *method, const char *uri, uint16_t status, const char *ip)
{
	conn = (struct conn){ .has_address = true };
	if (inet_pton(AF_INET, ip, conn.client_ip + 12) == 1)
		conn.client_ip[10] = conn.client_ip[11] = 0xff;
	else
		(void)inet_pton(AF_INET6, ip, conn.client_ip);
	x = (struct exchange){ .conn = &conn, .method = str_of(method), .request_uri = str_of(uri), .status = status };
	id = (struct identity){ .exchange = &x };
	return &id;
}

static void test_filter__without_options_shows_all(void)
{
	struct filter f = { 0 };

	CHECK(filter_match(&f, request("GET", "/api", 200, "10.0.0.1")));
}

static void test_filter__credential_kinds_widen(void)
{
	struct filter f = { 0 };

	CHECK_INT(filter_parse_credential(&f, STR("none,client-cert"), NULL), 0);
	(void)request("GET", "/api", 200, "10.0.0.1");
	id.credential.kind = CRED_CLIENT_CERT;
	CHECK(filter_match(&f, &id));
	id.credential.kind = CRED_BEARER;
	CHECK(!filter_match(&f, &id));
	id.credential.kind = CRED_UNKNOWN; /* unknown is never told as none */
	CHECK(!filter_match(&f, &id));
}

static void test_filter__unknown_kind_names_the_nearest(void)
{
	struct filter f = { 0 };
	struct err err = { "" };

	CHECK_INT(filter_parse_credential(&f, STR("baerer"), &err), -EINVAL);
	CHECK(strstr(err.text, "did you mean bearer?"));
	CHECK_INT(f.kinds, 0);
}

static void test_filter__statuses_by_code_class_and_range(void)
{
	struct filter f = { 0 };

	CHECK_INT(filter_parse_status(&f, STR("404,5xx,200-204"), NULL), 0);
	CHECK(filter_match(&f, request("GET", "/", 404, "::1")));
	CHECK(filter_match(&f, request("GET", "/", 599, "::1")));
	CHECK(filter_match(&f, request("GET", "/", 204, "::1")));
	CHECK(!filter_match(&f, request("GET", "/", 205, "::1")));
	CHECK(!filter_match(&f, request("GET", "/", 0, "::1")));
	CHECK_INT(filter_parse_status(&f, STR("6xx"), NULL), -EINVAL);
	CHECK_INT(filter_parse_status(&f, STR("300-200"), NULL), -EINVAL);
	CHECK_INT(filter_parse_status(&f, STR("20"), NULL), -EINVAL);
}

static void test_filter__path_is_without_the_query(void)
{
	struct filter f = { 0 };

	CHECK_INT(filter_parse_path(&f, STR("/api/*/secrets"), NULL), 0);
	CHECK(filter_match(&f, request("GET", "/api/v1/secrets?limit=5", 200, "::1")));
	CHECK(!filter_match(&f, request("GET", "/x?q=/api/v1/secrets", 200, "::1")));
}

static void test_filter__client_ranges_of_both_families(void)
{
	struct filter f = { 0 };

	CHECK_INT(filter_parse_client(&f, STR("10.0.0.0/8,2001:db8::/33,192.0.2.7"), NULL), 0);
	CHECK(filter_match(&f, request("GET", "/", 200, "10.255.0.1")));
	CHECK(!filter_match(&f, request("GET", "/", 200, "11.0.0.1")));
	CHECK(filter_match(&f, request("GET", "/", 200, "2001:db8:7fff::1")));
	CHECK(!filter_match(&f, request("GET", "/", 200, "2001:db8:8000::1")));
	CHECK(filter_match(&f, request("GET", "/", 200, "192.0.2.7")));
	CHECK(!filter_match(&f, request("GET", "/", 200, "192.0.2.8")));
	conn.has_address = false; /* not known: not matched */
	CHECK(!filter_match(&f, &id));
	CHECK_INT(filter_parse_client(&f, STR("10.0.0.0/33"), NULL), -EINVAL);
	CHECK_INT(filter_parse_client(&f, STR("host"), NULL), -EINVAL);
}

static void test_filter__health_is_a_path_not_a_user_agent(void)
{
	struct filter f = { .is_health_excluded = true };

	CHECK(!filter_match(&f, request("GET", "/readyz?verbose", 200, "::1")));
	CHECK(!filter_match(&f, request("HEAD", "/livez/ping", 200, "::1")));
	CHECK(filter_match(&f, request("POST", "/healthz", 200, "::1")));
	CHECK(filter_match(&f, request("GET", "/healthz-not", 200, "::1")));
	(void)request("GET", "/api/v1/secrets", 200, "::1");
	x.user_agent = STR("kube-probe/1.34");
	CHECK(filter_match(&f, &id));
}

static void test_filter__user_is_also_the_impersonated_one(void)
{
	struct filter f = { 0 };

	CHECK_INT(filter_parse_user(&f, STR("system:serviceaccount:*"), NULL), 0);
	(void)request("GET", "/", 200, "::1");
	CHECK(!filter_match(&f, &id));
	x.impersonate_user = STR("system:serviceaccount:a:b");
	CHECK(filter_match(&f, &id));
}

int main(void)
{
	RUN(test_filter__without_options_shows_all);
	RUN(test_filter__credential_kinds_widen);
	RUN(test_filter__unknown_kind_names_the_nearest);
	RUN(test_filter__statuses_by_code_class_and_range);
	RUN(test_filter__path_is_without_the_query);
	RUN(test_filter__client_ranges_of_both_families);
	RUN(test_filter__health_is_a_path_not_a_user_agent);
	RUN(test_filter__user_is_also_the_impersonated_one);
	return test_end();
}
