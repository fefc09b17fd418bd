/* SPDX-License-Identifier: Apache-2.0
 *
 * cert - what is known of the client certificates of open connections: parsed once, and verified again
 * when time or the server's authorities have moved on.
 *
 * Kept by server process and DER, compared byte for byte; a few thousand at a time.
 */
#ifndef ANONTAP_JUDGE_CERT_H
#define ANONTAP_JUDGE_CERT_H

#include "judge/cache.h"
#include "judge/token.h"
#include "judge/trust.h"

#define CERTS_MAX 4096			/* remembered at once */
#define CERTS_BYTES_MAX (6 << 20)
#define CERT_BELIEF_S 600		/* after which the chain is verified again; at its own dates at once */

struct known_cert {
	struct cache_entry entry;	/* first: the cache's */
	uint32_t pid;
	bool is_bad;			/* it does not parse: only `fingerprint` is known */
	uint8_t fingerprint[FINGERPRINT_SIZE];
	struct x509_claims claims;	/* its str point into bytes; cert and text are NULL */
	enum belief belief[AUTHORITY_MAX];
	int64_t believed_s, believed_until_s;
	uint64_t trust_version;
	struct str der;
	char bytes[];
};

struct certs {
	struct tokens *tokens;		/* makes the fingerprints */
	struct counters *counters;
	struct cache cache;
};

/* Whose authorities count, and a number that changes when they do. */
struct cert_trust {
	const struct trust *trust;	/* NULL: not known */
	uint64_t version;
};

int certs_init(struct certs *c, struct tokens *tokens, struct counters *counters);	/* 0; -ENOMEM */
void certs_done(struct certs *c);

/* The certificate of a connection that has one, as its server saw it at time_s. Valid until the next
 * call. NULL when there is no memory. */
const struct known_cert *cert_get(struct certs *c, const struct conn *conn, const struct cert_trust *trust, int64_t time_s);

#endif
