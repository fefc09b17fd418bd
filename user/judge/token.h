/* SPDX-License-Identifier: Apache-2.0
 *
 * token - fingerprints of secrets, and what is known of tokens that were seen before.
 *
 * A fingerprint is HMAC-SHA256 under the installation's key, over the secret's domain ("bearer:",
 * "x509:", …) and its bytes: stable here, useless elsewhere. The first 128 bits of it, in hexadecimal
 * after "hk1:", are credential.id. A token is remembered by the whole fingerprint with its public
 * claims; the token itself is not kept.
 */
#ifndef ANONTAP_JUDGE_TOKEN_H
#define ANONTAP_JUDGE_TOKEN_H

#include "judge/cache.h"
#include "judge/cred.h"

#define TOKENS_MAX 4096			/* remembered at once */
#define TOKENS_BYTES_MAX (4 << 20)
#define FINGERPRINT_SIZE 32

struct token {
	struct cache_entry entry;	/* first: the cache's */
	uint8_t fingerprint[FINGERPRINT_SIZE];
	enum token_type type;		/* TOKEN_NA: too long to be read */
	bool is_jwt;			/* what follows are unverified claims */
	bool is_cut;
	struct str subject, issuer, credential_id;
	int64_t expires_s, not_before_s;
	char text[];
};

struct tokens {
	struct evp_mac_ctx_st *mac;	/* OpenSSL's EVP_MAC_CTX, with the key */
	struct cache cache;
};

int tokens_init(struct tokens *t, const uint8_t key[CRED_KEY_SIZE]);	/* 0; -ENOMEM */
void tokens_done(struct tokens *t);

/* Returns 0; -ENOMEM. */
int token_fingerprint(struct tokens *t, struct str domain, struct str bytes, uint8_t ret[FINGERPRINT_SIZE]);
void token_fmt_id(const uint8_t fingerprint[FINGERPRINT_SIZE], char out[4 + 32 + 1]);

/* What is known of this bearer token: valid until the next call. NULL when there is no memory. */
const struct token *token_get(struct tokens *t, struct str secret);

#endif
