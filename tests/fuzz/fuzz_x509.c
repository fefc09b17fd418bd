/* SPDX-License-Identifier: Apache-2.0
 *
 * A client certificate, read and verified against an authority that signed some of the corpus.
 */
#include <stdlib.h>
#include <string.h>
#include "judge/trust.h"

#define MUST(claim) \
	do { \
		if (!(claim)) \
			abort(); \
	} while (0)

static const char ca_pem[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBRjCB7qADAgECAgIaKzAKBggqhkjOPQQDAjASMRAwDgYDVQQDDAdmdXp6LWNh\n"
	"MCAXDTAwMDEwMTAwMDAwMFoYDzIwOTkxMjMxMjM1OTU5WjASMRAwDgYDVQQDDAdm\n"
	"dXp6LWNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1NcMmVpoPNzW7Nvw77TY\n"
	"blXtXmxQFG7ENzLCNg+VhQEDJary4O3UIeBPts81BmaILeDCOwQv2MQXxmK3vAgY\n"
	"/aMyMDAwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQU0u3UQl/E2/PVLA9iYa0i\n"
	"7eYmvHMwCgYIKoZIzj0EAwIDRwAwRAIgdqfv/3y9HxKzx7aRIHCHUyH/PDXMzYhl\n"
	"NxBzuChGCdkCIGerun0onLrr4IjwdthFvj2NNvWV65UnvWVUnfGppxnF\n"
	"-----END CERTIFICATE-----\n";

static void check_text(const struct x509_claims *x, struct str s, size_t max)
{
	MUST(s.n <= max && (!s.n || s.p >= x->text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct trust *trust;
	struct x509_claims x = { 0 };

	if (!trust)
		MUST(!trust_new(str_of(ca_pem), str_of(ca_pem), STR("alice"), &trust, NULL));
	if (x509_parse((struct str){ (const char *)data, size }, &x)) {
		MUST(!x.cert && !x.text);
		return 0;
	}
	check_text(&x, x.subject, X509_TEXT_MAX);
	check_text(&x, x.issuer, X509_TEXT_MAX);
	check_text(&x, x.serial, 129);
	MUST(x.nr_groups <= X509_GROUPS_MAX);
	for (size_t i = 0; i < x.nr_groups; i++)
		check_text(&x, x.groups[i], X509_TEXT_MAX);
	MUST(strlen(x.credential_id) == X509_ID_MAX - 1);
	for (int i = 0; i < AUTHORITY_MAX; i++) {
		MUST(trust_verify(trust, (enum authority)i, &x, x.not_before_s / 2 + x.expires_s / 2, false) <= BELIEF_NO_MEMORY);
		MUST(trust_verify(NULL, (enum authority)i, &x, 0, true) <= BELIEF_NO_MEMORY);
	}
	x509_done(&x);
	return 0;
}
