/* SPDX-License-Identifier: Apache-2.0
 * One idea: an entry is one block (struct, DER, texts), so that the cache can free it without knowing
 * it; OpenSSL's object is made again for the rare second verification. */
#include "judge/cert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int certs_init(struct certs *c, struct tokens *tokens, struct counters *counters)
{
	*c = (struct certs){ .tokens = tokens, .counters = counters };
	return cache_init(&c->cache, CERTS_MAX, CERTS_BYTES_MAX);
}

void certs_done(struct certs *c)
{
	cache_done(&c->cache);
}

static uint64_t key_of(const struct conn *conn)
{
	return conn->cert_hash ^ conn->process->pid * UINT64_C(0x9e3779b97f4a7c15);
}

/* Near its dates the belief changes within the time for which it would be kept. */
static int64_t believed_until(const struct x509_claims *x, int64_t time_s)
{
	const int64_t edges[] = {
		x->not_before_s - TRUST_MARGIN_S, x->not_before_s + TRUST_MARGIN_S + 1,
		x->expires_s - TRUST_MARGIN_S, x->expires_s + TRUST_MARGIN_S + 1,
	};
	int64_t until = time_s + CERT_BELIEF_S;

	for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++)
		if (edges[i] > time_s && edges[i] < until)
			until = edges[i];
	return until;
}

/* 0; -ENOMEM: then the entry says so to the next who asks. */
static int believe(struct known_cert *k, const struct x509_claims *x, bool has_more, const struct cert_trust *trust,
		   int64_t time_s)
{
	k->believed_until_s = k->believed_s = time_s;
	for (int i = 0; i < AUTHORITY_MAX; i++) {
		k->belief[i] = trust_verify(trust->trust, (enum authority)i, x, time_s, has_more);
		if (k->belief[i] == BELIEF_NO_MEMORY)
			return -ENOMEM;
	}
	k->believed_until_s = believed_until(x, time_s);
	k->trust_version = trust->version;
	return 0;
}

static struct str move(char **at, struct str s)
{
	struct str moved = { *at, s.n };

	if (!s.n)
		return (struct str){ 0 };
	memcpy(*at, s.p, s.n);
	*at += s.n;
	return moved;
}

/* The claims of x, with texts of their own in the entry. */
static void keep_claims(struct known_cert *k, char *at, const struct x509_claims *x)
{
	k->claims = *x;
	k->claims.cert = NULL;
	k->claims.text = NULL;
	k->claims.subject = move(&at, x->subject);
	k->claims.issuer = move(&at, x->issuer);
	k->claims.serial = move(&at, x->serial);
	for (size_t i = 0; i < x->nr_groups; i++)
		k->claims.groups[i] = move(&at, x->groups[i]);
}

static size_t text_size(const struct x509_claims *x)
{
	size_t n = x->subject.n + x->issuer.n + x->serial.n;

	for (size_t i = 0; i < x->nr_groups; i++)
		n += x->groups[i].n;
	return n;
}

static struct known_cert *known_cert_new(const struct conn *conn, const struct x509_claims *x)
{
	size_t size = sizeof(struct known_cert) + conn->cert_len + text_size(x);
	struct known_cert *k = malloc(size);

	if (!k)
		return NULL;
	*k = (struct known_cert){ .entry = { .key = key_of(conn), .size = size }, .pid = conn->process->pid };
	memcpy(k->bytes, conn->cert, conn->cert_len);
	k->der = (struct str){ k->bytes, conn->cert_len };
	keep_claims(k, k->bytes + conn->cert_len, x);
	return k;
}

static const struct known_cert *add(struct certs *c, const struct conn *conn, const struct cert_trust *trust, int64_t time_s)
{
	struct str der = { (const char *)conn->cert, conn->cert_len };
	struct x509_claims x = { 0 };
	struct known_cert *k = NULL;
	int r = x509_parse(der, &x);

	if (r != -ENOMEM)
		k = known_cert_new(conn, &x);
	if (k && !r)
		r = believe(k, &x, conn->nr_certs > 1, trust, time_s);
	x509_done(&x);
	if (!k)
		return NULL;
	k->is_bad = r == -EINVAL;
	if (r == -ENOMEM || token_fingerprint(c->tokens, STR("x509:"), der, k->fingerprint)) {
		free(k);
		return NULL;
	}
	if (k->is_bad)
		count(c->counters, COUNT_certificate_bad);
	return cache_put(&c->cache, &k->entry) ? NULL : k;
}

/* 0; -ENOMEM. */
static int believe_again(struct known_cert *k, const struct conn *conn, const struct cert_trust *trust, int64_t time_s)
{
	struct x509_claims x = { 0 };
	int r = x509_parse(k->der, &x);

	if (!r)
		r = believe(k, &x, conn->nr_certs > 1, trust, time_s);
	x509_done(&x);
	return r;
}

const struct known_cert *cert_get(struct certs *c, const struct conn *conn, const struct cert_trust *trust, int64_t time_s)
{
	struct str der = { (const char *)conn->cert, conn->cert_len };
	struct known_cert *k = cache_get(&c->cache, key_of(conn));

	if (!k || k->pid != conn->process->pid || !str_eq(k->der, der))
		return add(c, conn, trust, time_s);
	if (!k->is_bad && (k->trust_version != trust->version || time_s < k->believed_s || time_s >= k->believed_until_s) &&
	    believe_again(k, conn, trust, time_s))
		return NULL;
	return k;
}
