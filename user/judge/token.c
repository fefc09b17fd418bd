/* SPDX-License-Identifier: Apache-2.0
 * One idea: the fingerprint is the cache's key, so a token is parsed once and never kept. */
#include "judge/token.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "judge/jwt.h"

_Static_assert(JWT_TEXT_MAX == CRED_TEXT_MAX, "a claim that fits the one fits the other");

static int mac_new(const uint8_t key[CRED_KEY_SIZE], EVP_MAC_CTX **ret)
{
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	EVP_MAC_free(hmac);
	if (!mac || !EVP_MAC_init(mac, key, CRED_KEY_SIZE, params)) {
		EVP_MAC_CTX_free(mac);
		ERR_clear_error();
		return -ENOMEM;
	}
	*ret = mac;
	return 0;
}

int tokens_init(struct tokens *t, const uint8_t key[CRED_KEY_SIZE])
{
	int r;

	*t = (struct tokens){ 0 };
	r = cache_init(&t->cache, TOKENS_MAX, TOKENS_BYTES_MAX);
	if (!r)
		r = mac_new(key, &t->mac);
	if (r)
		tokens_done(t);
	return r;
}

void tokens_done(struct tokens *t)
{
	EVP_MAC_CTX_free(t->mac);
	cache_done(&t->cache);
	*t = (struct tokens){ 0 };
}

int token_fingerprint(struct tokens *t, struct str domain, struct str bytes, uint8_t ret[FINGERPRINT_SIZE])
{
	uint8_t whole[FINGERPRINT_SIZE];
	size_t n;

	if (!EVP_MAC_init(t->mac, NULL, 0, NULL) ||
	    !EVP_MAC_update(t->mac, (const unsigned char *)domain.p, domain.n) ||
	    (bytes.n && !EVP_MAC_update(t->mac, (const unsigned char *)bytes.p, bytes.n)) ||
	    !EVP_MAC_final(t->mac, whole, &n, sizeof(whole))) {
		ERR_clear_error();
		return -ENOMEM; /* nothing else can fail once the key is set */
	}
	memcpy(ret, whole, sizeof(whole));
	return 0;
}

void token_fmt_id(const uint8_t fingerprint[FINGERPRINT_SIZE], char out[4 + 32 + 1])
{
	static const char digits[] = "0123456789abcdef";

	memcpy(out, "hk1:", 4);
	for (int i = 0; i < 16; i++) {
		out[4 + 2 * i] = digits[fingerprint[i] >> 4];
		out[5 + 2 * i] = digits[fingerprint[i] & 15];
	}
	out[36] = '\0';
}

struct claims {
	enum token_type type;
	bool is_jwt, is_cut;
	struct str subject_prefix, subject, issuer, id;
	int64_t expires_s, not_before_s;
};

static void classify(struct str secret, struct jwt *jwt, struct claims *c)
{
	int r = jwt_parse(secret, jwt);

	if (!r) {
		c->type = jwt->is_service_account ? TOKEN_SERVICE_ACCOUNT : TOKEN_OIDC;
		c->is_jwt = true;
		c->is_cut = jwt->is_cut;
		c->subject = jwt->subject;
		c->issuer = jwt->issuer;
		c->id = jwt->id;
		c->expires_s = jwt->expires_s;
		c->not_before_s = jwt->not_before_s;
	} else if (r == -E2BIG) {
		c->type = TOKEN_NA;
		c->is_cut = true;
	} else if (jwt_is_bootstrap_token(secret)) {
		c->type = TOKEN_BOOTSTRAP;
		c->subject_prefix = STR("system:bootstrap:");
		c->subject = str_first(secret, 6); /* its public part */
	} else {
		c->type = TOKEN_OPAQUE;
	}
}

/* prefix and s, one behind the other at *at; the empty str when s is. */
static struct str put(char **at, struct str prefix, struct str s)
{
	struct str ret = { *at, prefix.n + s.n };

	if (!s.n)
		return (struct str){ 0 };
	if (prefix.n)
		memcpy(*at, prefix.p, prefix.n);
	memcpy(*at + prefix.n, s.p, s.n);
	*at += ret.n;
	return ret;
}

static struct token *token_new(const uint8_t fingerprint[FINGERPRINT_SIZE], uint64_t key, const struct claims *c)
{
	static const struct str jti = { "JTI=", 4 }, nothing;
	size_t n = c->subject_prefix.n + c->subject.n + c->issuer.n + jti.n + c->id.n;
	struct token *t = malloc(sizeof(*t) + n);
	char *at;

	if (!t)
		return NULL;
	*t = (struct token){ .entry = { .key = key, .size = sizeof(*t) + n }, .type = c->type, .is_jwt = c->is_jwt,
			     .is_cut = c->is_cut, .expires_s = c->expires_s, .not_before_s = c->not_before_s };
	memcpy(t->fingerprint, fingerprint, FINGERPRINT_SIZE);
	at = t->text;
	t->subject = put(&at, c->subject_prefix, c->subject);
	t->issuer = put(&at, nothing, c->issuer);
	t->credential_id = put(&at, jti, c->id);
	return t;
}

const struct token *token_get(struct tokens *t, struct str secret)
{
	uint8_t fingerprint[FINGERPRINT_SIZE];
	struct claims claims = { 0 };
	struct token *token;
	struct jwt jwt;
	uint64_t key;

	if (token_fingerprint(t, STR("bearer:"), secret, fingerprint))
		return NULL;
	memcpy(&key, fingerprint, sizeof(key));
	token = cache_get(&t->cache, key);
	if (token && !memcmp(token->fingerprint, fingerprint, sizeof(fingerprint)))
		return token;
	classify(secret, &jwt, &claims);
	token = token_new(fingerprint, key, &claims);
	if (!token || cache_put(&t->cache, &token->entry))
		return NULL;
	return token;
}
