/* SPDX-License-Identifier: Apache-2.0
 *
 * x509 - what a client certificate says of its holder, as kube-apiserver reads it (crypto/x509/pkix;
 * apiserver pkg/authentication/request/x509, CommonNameUserConversion).
 *
 * The TLS handshake proved that the client holds the key; it did not check the certificate
 * (tls.RequestClientCert). Whether the server believes it is trust's business.
 */
#ifndef ANONTAP_JUDGE_X509_H
#define ANONTAP_JUDGE_X509_H

#include "base/str.h"

#define X509_GROUPS_MAX 32
#define X509_TEXT_MAX 512		/* of one name; longer ones are left out, and is_cut says so */
#define X509_ID_MAX (11 + 64 + 1)	/* "X509SHA256=" and hexadecimal, with a NUL */

struct x509_st;		/* OpenSSL's X509 */

/* The str point into `text`. A zeroed one is valid. */
struct x509_claims {
	struct x509_st *cert;
	struct str subject;			/* the last CN (Go's pkix.Name keeps the last) */
	struct str issuer;			/* as RFC 2253 writes it, in UTF-8 */
	struct str serial;			/* lower-case hexadecimal */
	struct str groups[X509_GROUPS_MAX];	/* every O, in order */
	size_t nr_groups;
	int64_t not_before_s, expires_s;	/* Unix seconds */
	bool has_subject;			/* there is a CN that is not empty, be it too long to keep */
	bool is_for_clients;			/* its extended key usage allows, or there is none */
	bool is_cut;
	char credential_id[X509_ID_MAX];	/* "X509SHA256=…" as in the audit event's user.extra */
	char *text;
};

/* Returns 0; -EINVAL it is no certificate; -ENOMEM. */
int x509_parse(struct str der, struct x509_claims *ret);
void x509_done(struct x509_claims *x);

#endif
