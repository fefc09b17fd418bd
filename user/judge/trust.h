/* SPDX-License-Identifier: Apache-2.0
 *
 * trust - whether a server with given authorities believes a client certificate.
 *
 * kube-apiserver verifies the certificate at each request. trust_verify() follows Go's crypto/x509
 * where OpenSSL's ways differ: any certificate of a bundle is an anchor, the key usage of the leaf does
 * not matter, its extended key usage does, and SHA-1 or MD5 signatures do not count. Only what Go would
 * refuse as well is told as invalid; all else is unknown.
 *
 * Only the leaf is here: where the client sent intermediates too, no issuer found proves nothing.
 * No I/O, no clock: the bundles and the time are given.
 */
#ifndef ANONTAP_JUDGE_TRUST_H
#define ANONTAP_JUDGE_TRUST_H

#include "base/err.h"
#include "judge/x509.h"

#define TRUST_CERTS_MAX 1024	/* of one bundle */
#define TRUST_MARGIN_S 2	/* this close to its dates, a certificate's validity is not told */

enum authority {
	AUTHORITY_CLIENT,	/* --client-ca-file */
	AUTHORITY_FRONT_PROXY,	/* --requestheader-client-ca-file */
	AUTHORITY_MAX,
};

enum belief {
	BELIEF_UNKNOWN = 0,
	BELIEF_UNUSED,		/* the server has no such authority: it does not look at the certificate for it */
	BELIEF_VALID,
	BELIEF_INVALID,
	BELIEF_NO_MEMORY,	/* it could not be worked out; ask again */
};

struct trust;

/* Two PEM bundles, each possibly empty (the server has no such authority), and the names that
 * --requestheader-allowed-names lists, separated by commas; empty: every name.
 * Returns 0; -EINVAL a bundle without a certificate, or with one that does not parse; -E2BIG; -ENOMEM. */
int trust_new(struct str client_ca_pem, struct str front_proxy_ca_pem, struct str allowed_names, struct trust **ret,
	      struct err *err);
void trust_free(struct trust *t);

/* What a server with this trust made of the certificate at that time. t may be NULL (nothing is known
 * of the server): then only what no authority could mend is told, as BELIEF_INVALID.
 * has_more: the client sent intermediates that are not here. */
enum belief trust_verify(const struct trust *t, enum authority which, const struct x509_claims *x, int64_t time_s,
			  bool has_more);

#endif
