/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "judge/trust.h"
#include "certs.h"
#include "test.h"

static struct cert ca, other_ca, proxy_ca;

static enum belief verify(const struct trust *t, enum authority which, const struct cert_spec *spec, int64_t at, bool has_more)
{
	struct cert c = cert_make(spec);
	struct x509_claims x = { 0 };
	enum belief v;

	CHECK_INT(x509_parse(c.der, &x), 0);
	v = trust_verify(t, which, &x, at, has_more);
	x509_done(&x);
	cert_done(&c);
	return v;
}

static struct trust *both(const char *names)
{
	struct trust *t = NULL;

	CHECK_INT(trust_new(ca.pem, proxy_ca.pem, str_of(names), &t, NULL), 0);
	return t;
}

static void test_trust__a_certificate_of_the_authority_is_valid(void)
{
	struct trust *t = both("");

	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &ca }, CERTS_NOW, false), BELIEF_VALID);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &ca, .eku = "clientAuth" }, CERTS_NOW, false), BELIEF_VALID);
	CHECK_INT(verify(t, AUTHORITY_FRONT_PROXY, &(struct cert_spec){ .cn = "a", .issuer = &proxy_ca }, CERTS_NOW, false), BELIEF_VALID);
	trust_free(t);
}

static void test_trust__key_usage_of_the_leaf_does_not_matter(void)
{
	struct trust *t = both("");

	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &ca, .key_usage = "critical,keyEncipherment" },
			 CERTS_NOW, false), BELIEF_VALID);
	trust_free(t);
}

static void test_trust__one_of_another_authority_is_invalid(void)
{
	struct trust *t = both("");

	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &other_ca }, CERTS_NOW, false), BELIEF_INVALID);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &proxy_ca }, CERTS_NOW, false), BELIEF_INVALID);
	CHECK_INT(verify(t, AUTHORITY_FRONT_PROXY, &(struct cert_spec){ .cn = "a", .issuer = &ca }, CERTS_NOW, false), BELIEF_INVALID);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a" }, CERTS_NOW, false), BELIEF_INVALID);
	trust_free(t);
}

static void test_trust__unseen_intermediates_prove_nothing(void)
{
	struct trust *t = both("");

	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &other_ca }, CERTS_NOW, true), BELIEF_UNKNOWN);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &ca }, CERTS_NOW, true), BELIEF_VALID);
	trust_free(t);
}

static void test_trust__a_forger_with_the_authoritys_name_is_invalid(void)
{
	struct cert forger = cert_make(&(struct cert_spec){ .cn = "kubernetes-ca", .is_ca = true });
	struct trust *t = both("");

	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "admin", .issuer = &forger }, CERTS_NOW, false), BELIEF_INVALID);
	trust_free(t);
	cert_done(&forger);
}

static void test_trust__an_anchor_need_not_be_a_root(void)
{
	struct cert middle = cert_make(&(struct cert_spec){ .cn = "middle", .is_ca = true, .issuer = &other_ca });
	struct trust *t = NULL;

	CHECK_INT(trust_new(middle.pem, STR(""), STR(""), &t, NULL), 0);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &middle }, CERTS_NOW, false), BELIEF_VALID);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &other_ca }, CERTS_NOW, false), BELIEF_INVALID);
	trust_free(t);
	cert_done(&middle);
}

static void test_trust__dates_are_checked_at_the_time_given(void)
{
	struct cert_spec spec = { .cn = "a", .issuer = &ca, .not_before_s = CERTS_NOW - 1000, .expires_s = CERTS_NOW + 1000 };
	struct trust *t = both("");

	CHECK_INT(verify(t, AUTHORITY_CLIENT, &spec, CERTS_NOW + 900, false), BELIEF_VALID);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &spec, CERTS_NOW + 1000 + TRUST_MARGIN_S + 1, false), BELIEF_INVALID);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &spec, CERTS_NOW - 1000 - TRUST_MARGIN_S - 1, false), BELIEF_INVALID);
	trust_free(t);
}

static void test_trust__near_its_dates_nothing_is_told(void)
{
	struct cert_spec spec = { .cn = "a", .issuer = &ca, .not_before_s = CERTS_NOW - 1000, .expires_s = CERTS_NOW + 1000 };
	struct trust *t = both("");

	CHECK_INT(verify(t, AUTHORITY_CLIENT, &spec, CERTS_NOW + 1000, false), BELIEF_UNKNOWN);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &spec, CERTS_NOW + 1000 - TRUST_MARGIN_S, false), BELIEF_UNKNOWN);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &spec, CERTS_NOW - 1000 + TRUST_MARGIN_S, false), BELIEF_UNKNOWN);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &spec, CERTS_NOW - 1000 + TRUST_MARGIN_S + 1, false), BELIEF_VALID);
	trust_free(t);
}

static void test_trust__an_expired_authority_does_not_count(void)
{
	struct cert old = cert_make(&(struct cert_spec){ .cn = "old", .is_ca = true, .not_before_s = CERTS_NOW - 9000, .expires_s = CERTS_NOW - 100 });
	struct trust *t = NULL;

	CHECK_INT(trust_new(old.pem, STR(""), STR(""), &t, NULL), 0);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &old }, CERTS_NOW, false), BELIEF_INVALID);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &old }, CERTS_NOW - 200, false), BELIEF_VALID);
	trust_free(t);
	cert_done(&old);
}

static void test_trust__usage_and_digest_are_checked(void)
{
	struct trust *t = both("");

	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &ca, .eku = "serverAuth" }, CERTS_NOW, false), BELIEF_INVALID);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &ca, .is_sha1 = true }, CERTS_NOW, false), BELIEF_INVALID);
	trust_free(t);
}

static void test_trust__a_missing_authority_is_unused(void)
{
	struct trust *t = NULL;

	CHECK_INT(trust_new(ca.pem, STR(""), STR(""), &t, NULL), 0);
	CHECK_INT(verify(t, AUTHORITY_FRONT_PROXY, &(struct cert_spec){ .cn = "a", .issuer = &proxy_ca }, CERTS_NOW, false), BELIEF_UNUSED);
	trust_free(t);
	CHECK_INT(trust_new(STR(""), proxy_ca.pem, STR(""), &t, NULL), 0);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &ca }, CERTS_NOW, false), BELIEF_UNUSED);
	trust_free(t);
}

static void test_trust__unknown_server_proves_only_what_none_could_mend(void)
{
	CHECK_INT(verify(NULL, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &ca }, CERTS_NOW, false), BELIEF_UNKNOWN);
	CHECK_INT(verify(NULL, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &ca }, CERTS_NOW + 90000, false), BELIEF_INVALID);
	CHECK_INT(verify(NULL, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &ca, .eku = "serverAuth" }, CERTS_NOW, false), BELIEF_INVALID);
}

static void test_trust__front_proxy_names_are_a_list(void)
{
	struct trust *t = both(" front-proxy-client , aggregator");
	struct cert_spec spec = { .issuer = &proxy_ca };

	spec.cn = "front-proxy-client";
	CHECK_INT(verify(t, AUTHORITY_FRONT_PROXY, &spec, CERTS_NOW, false), BELIEF_VALID);
	spec.cn = "aggregator";
	CHECK_INT(verify(t, AUTHORITY_FRONT_PROXY, &spec, CERTS_NOW, false), BELIEF_VALID);
	spec.cn = "front-proxy-clien";
	CHECK_INT(verify(t, AUTHORITY_FRONT_PROXY, &spec, CERTS_NOW, false), BELIEF_INVALID);
	spec.cn = NULL;
	CHECK_INT(verify(t, AUTHORITY_FRONT_PROXY, &spec, CERTS_NOW, false), BELIEF_INVALID);
	trust_free(t);
}

static void test_trust__bundles_hold_several_and_say_what_is_wrong(void)
{
	struct trust *t = NULL;
	struct err err = { "" };
	size_t room = ca.pem.n + other_ca.pem.n + 64;
	char *bundle = malloc(room);
	int n = snprintf(bundle, room, "# a comment\n%s\n# another\n%s\n", ca.pem.p, other_ca.pem.p);

	CHECK_INT(trust_new((struct str){ bundle, (size_t)n }, STR(""), STR(""), &t, &err), 0);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &ca }, CERTS_NOW, false), BELIEF_VALID);
	CHECK_INT(verify(t, AUTHORITY_CLIENT, &(struct cert_spec){ .cn = "a", .issuer = &other_ca }, CERTS_NOW, false), BELIEF_VALID);
	trust_free(t);
	t = NULL;
	CHECK_INT(trust_new(STR("no certificate\n"), STR(""), STR(""), &t, &err), -EINVAL);
	CHECK(strstr(err.text, "--client-ca-file"));
	CHECK_INT(trust_new(ca.pem, STR("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), STR(""), &t, &err), -EINVAL);
	CHECK(strstr(err.text, "--requestheader-client-ca-file"));
	CHECK_INT(trust_new(str_first(ca.pem, ca.pem.n - 40), STR(""), STR(""), &t, NULL), -EINVAL);
	CHECK(!t);
	free(bundle);
}

int main(void)
{
	ca = cert_make(&(struct cert_spec){ .cn = "kubernetes-ca", .is_ca = true });
	other_ca = cert_make(&(struct cert_spec){ .cn = "other-ca", .is_ca = true });
	proxy_ca = cert_make(&(struct cert_spec){ .cn = "front-proxy-ca", .is_ca = true });
	RUN(test_trust__a_certificate_of_the_authority_is_valid);
	RUN(test_trust__key_usage_of_the_leaf_does_not_matter);
	RUN(test_trust__one_of_another_authority_is_invalid);
	RUN(test_trust__unseen_intermediates_prove_nothing);
	RUN(test_trust__a_forger_with_the_authoritys_name_is_invalid);
	RUN(test_trust__an_anchor_need_not_be_a_root);
	RUN(test_trust__dates_are_checked_at_the_time_given);
	RUN(test_trust__near_its_dates_nothing_is_told);
	RUN(test_trust__an_expired_authority_does_not_count);
	RUN(test_trust__usage_and_digest_are_checked);
	RUN(test_trust__a_missing_authority_is_unused);
	RUN(test_trust__unknown_server_proves_only_what_none_could_mend);
	RUN(test_trust__front_proxy_names_are_a_list);
	RUN(test_trust__bundles_hold_several_and_say_what_is_wrong);
	cert_done(&ca);
	cert_done(&other_ca);
	cert_done(&proxy_ca);
	return test_end();
}
