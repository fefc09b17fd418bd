/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "judge/x509.h"
#include "certs.h"
#include "test.h"

static void test_x509__says_who_holds_it(void)
{
	struct cert ca = cert_make(&(struct cert_spec){ .cn = "kubernetes", .groups = { "example" }, .is_ca = true });
	struct cert c = cert_make(&(struct cert_spec){ .cn = "alice", .groups = { "dev", "ops" }, .issuer = &ca,
						       .serial_hex = "00a1b2", .eku = "clientAuth" });
	struct x509_claims x = { 0 };
	unsigned char digest[32];
	char hex[X509_ID_MAX] = "X509SHA256=";

	CHECK_INT(x509_parse(c.der, &x), 0);
	CHECK_STR(x.subject, "alice");
	CHECK(x.has_subject);
	CHECK_INT(x.nr_groups, 2);
	CHECK_STR(x.groups[0], "dev");
	CHECK_STR(x.groups[1], "ops");
	CHECK_STR(x.issuer, "CN=kubernetes,O=example");
	CHECK_STR(x.serial, "a1b2");
	CHECK_INT(x.not_before_s, CERTS_NOW - 86400);
	CHECK_INT(x.expires_s, CERTS_NOW + 86400);
	CHECK(x.is_for_clients);
	CHECK(!x.is_cut);
	EVP_Digest(c.der.p, c.der.n, digest, NULL, EVP_sha256(), NULL);
	for (int i = 0; i < 32; i++)
		(void)snprintf(hex + 11 + 2 * i, 3, "%02x", digest[i]);
	CHECK_STR(str_of(x.credential_id), hex);
	x509_done(&x);
	cert_done(&c);
	cert_done(&ca);
}

static void test_x509__the_last_common_name_counts(void)
{
	struct cert c = cert_make(&(struct cert_spec){ .cn = "mallory", .cn_before = "system:admin" });
	struct x509_claims x = { 0 };

	CHECK_INT(x509_parse(c.der, &x), 0);
	CHECK_STR(x.subject, "mallory");
	x509_done(&x);
	cert_done(&c);
}

static void test_x509__without_common_name_there_is_no_subject(void)
{
	struct cert c = cert_make(&(struct cert_spec){ .groups = { "system:masters" } });
	struct x509_claims x = { 0 };

	CHECK_INT(x509_parse(c.der, &x), 0);
	CHECK(!x.has_subject);
	CHECK_STR(x.subject, "");
	CHECK_INT(x.nr_groups, 1);
	CHECK_STR(x.issuer, "O=system:masters");
	x509_done(&x);
	cert_done(&c);
}

static void test_x509__texts_come_out_as_utf8(void)
{
	struct cert latin = cert_make(&(struct cert_spec){ .cn = "Andr\xe9", .cn_type = V_ASN1_T61STRING });
	struct cert utf8 = cert_make(&(struct cert_spec){ .cn = "Andr\xc3\xa9" });
	struct x509_claims x = { 0 };

	CHECK_INT(x509_parse(latin.der, &x), 0);
	CHECK_STR(x.subject, "Andr\xc3\xa9");
	x509_done(&x);
	CHECK_INT(x509_parse(utf8.der, &x), 0);
	CHECK_STR(x.subject, "Andr\xc3\xa9");
	CHECK_STR(x.issuer, "CN=Andr\xc3\xa9");
	x509_done(&x);
	cert_done(&latin);
	cert_done(&utf8);
}

static void test_x509__too_many_groups_are_cut_and_said(void)
{
	struct cert_spec spec = { .cn = "a" };
	struct x509_claims x = { 0 };
	char names[40][16];

	for (int n = X509_GROUPS_MAX; n <= X509_GROUPS_MAX + 1; n++) {
		struct cert c;

		for (int i = 0; i < n; i++) {
			(void)snprintf(names[i], sizeof(names[i]), "g%d", i);
			spec.groups[i] = names[i];
		}
		c = cert_make(&spec);
		CHECK_INT(x509_parse(c.der, &x), 0);
		CHECK_INT(x.nr_groups, X509_GROUPS_MAX);
		CHECK_INT(x.is_cut, n > X509_GROUPS_MAX);
		CHECK_STR(x.groups[X509_GROUPS_MAX - 1], names[X509_GROUPS_MAX - 1]);
		x509_done(&x);
		cert_done(&c);
	}
}

static void test_x509__server_certificates_are_not_for_clients(void)
{
	static const struct {
		const char *eku;
		bool is_for_clients;
	} cases[] = {
		{ NULL, true }, { "clientAuth", true }, { "serverAuth,clientAuth", true }, { "anyExtendedKeyUsage", true },
		{ "serverAuth", false }, { "emailProtection", false }, { "1.2.3.4", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct cert c = cert_make(&(struct cert_spec){ .cn = "a", .eku = cases[i].eku });
		struct x509_claims x = { 0 };

		CHECK_INT(x509_parse(c.der, &x), 0);
		CHECK_INT(x.is_for_clients, cases[i].is_for_clients);
		x509_done(&x);
		cert_done(&c);
	}
}

static void test_x509__cut_or_padded_bytes_are_no_certificate(void)
{
	struct cert c = cert_make(&(struct cert_spec){ .cn = "alice", .groups = { "dev" } });
	struct x509_claims x = { 0 };
	char *padded = calloc(1, c.der.n + 1);

	for (size_t n = 0; n < c.der.n; n++)
		CHECK_INT(x509_parse(str_first(c.der, n), &x), -EINVAL);
	memcpy(padded, c.der.p, c.der.n);
	CHECK_INT(x509_parse((struct str){ padded, c.der.n + 1 }, &x), -EINVAL);
	CHECK(!x.cert);
	free(padded);
	cert_done(&c);
}

static void test_x509__changed_bytes_never_crash(void)
{
	struct cert c = cert_make(&(struct cert_spec){ .cn = "alice", .groups = { "dev" }, .eku = "clientAuth" });
	char *p = malloc(c.der.n);

	for (size_t i = 0; i < c.der.n; i++) {
		struct x509_claims x = { 0 };

		memcpy(p, c.der.p, c.der.n);
		p[i] = (char)(p[i] ^ 0x55);
		(void)x509_parse((struct str){ p, c.der.n }, &x);
		x509_done(&x);
	}
	free(p);
	cert_done(&c);
}

int main(void)
{
	RUN(test_x509__says_who_holds_it);
	RUN(test_x509__the_last_common_name_counts);
	RUN(test_x509__without_common_name_there_is_no_subject);
	RUN(test_x509__texts_come_out_as_utf8);
	RUN(test_x509__too_many_groups_are_cut_and_said);
	RUN(test_x509__server_certificates_are_not_for_clients);
	RUN(test_x509__cut_or_padded_bytes_are_no_certificate);
	RUN(test_x509__changed_bytes_never_crash);
	return test_end();
}
