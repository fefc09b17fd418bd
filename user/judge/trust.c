/* SPDX-License-Identifier: Apache-2.0
 * One idea: OpenSSL builds the chain, and only a reason on which Go would refuse as well counts as
 * proof against a certificate; every other failure is "unknown". */
#include "judge/trust.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct trust {
	X509_STORE *store[AUTHORITY_MAX];	/* NULL: the server has none */
	char *allowed_names;			/* NULL: every name */
	size_t allowed_n;
};

static const char *const authority_options[AUTHORITY_MAX] = {
	[AUTHORITY_CLIENT] = "--client-ca-file",
	[AUTHORITY_FRONT_PROXY] = "--requestheader-client-ca-file",
};

/* Add every certificate of the bundle. Returns how many; -EINVAL; -E2BIG. */
static int add_bundle(X509_STORE *store, BIO *in)
{
	int n = 0;

	for (;;) {
		X509 *cert = PEM_read_bio_X509(in, NULL, NULL, NULL);
		unsigned long e = ERR_peek_last_error();
		int is_added;

		if (!cert && ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE) {
			ERR_clear_error();
			return n ? n : -EINVAL;
		}
		if (!cert)
			return -EINVAL;
		(void)X509_check_purpose(cert, -1, 0); /* reads its extensions now: a later failure would stay with it */
		is_added = X509_STORE_add_cert(store, cert);
		X509_free(cert);
		if (!is_added)
			return -EINVAL;
		if (++n > TRUST_CERTS_MAX)
			return -E2BIG;
	}
}

static int load(struct str pem, enum authority which, X509_STORE **ret, struct err *err)
{
	X509_STORE *store;
	BIO *in;
	int r;

	if (!pem.n)
		return 0;
	if (pem.n > INT32_MAX)
		return -E2BIG;
	errno = 0;
	store = X509_STORE_new();
	in = BIO_new_mem_buf(pem.p, (int)pem.n);
	r = store && in ? add_bundle(store, in) : -ENOMEM;
	if (errno == ENOMEM) /* OpenSSL does not always tell; malloc does */
		r = -ENOMEM;
	BIO_free(in);
	ERR_clear_error();
	if (r <= 0) {
		X509_STORE_free(store);
		if (r == -EINVAL)
			return err_set(err, r, "the file of %s holds no PEM certificate, or one that does not parse",
				       authority_options[which]);
		return r;
	}
	*ret = store;
	return 0;
}

int trust_new(struct str client_ca_pem, struct str front_proxy_ca_pem, struct str allowed_names, struct trust **ret,
	      struct err *err)
{
	struct trust *t = calloc(1, sizeof(*t));
	int r = t ? 0 : -ENOMEM;

	if (!r)
		r = load(client_ca_pem, AUTHORITY_CLIENT, &t->store[AUTHORITY_CLIENT], err);
	if (!r)
		r = load(front_proxy_ca_pem, AUTHORITY_FRONT_PROXY, &t->store[AUTHORITY_FRONT_PROXY], err);
	if (!r && str_trim(allowed_names).n) {
		t->allowed_names = str_dup(allowed_names);
		t->allowed_n = allowed_names.n;
		r = t->allowed_names ? 0 : -ENOMEM;
	}
	if (r) {
		trust_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void trust_free(struct trust *t)
{
	if (!t)
		return;
	for (int i = 0; i < AUTHORITY_MAX; i++)
		X509_STORE_free(t->store[i]);
	free(t->allowed_names);
	free(t);
}

static bool is_allowed(const struct trust *t, struct str name)
{
	struct str names = { t->allowed_names, t->allowed_n };

	if (!names.n)
		return true;
	while (names.n)
		if (str_eq(str_trim(str_take_until(&names, ',')), name))
			return true;
	return false;
}

/* Go has not counted these since 1.18 (x509.go: checkSignature); a root's own is never looked at. */
static bool is_weakly_signed(const X509 *cert)
{
	int digest = NID_undef;

	if (!OBJ_find_sigid_algs(X509_get_signature_nid(cert), &digest, NULL))
		return false;
	return digest == NID_sha1 || digest == NID_md5 || digest == NID_md4 || digest == NID_md2;
}

/* Does any certificate of the chain forbid what OpenSSL was not asked to check? */
static bool is_chain_refused(X509_STORE_CTX *ctx)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);

	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *cert = sk_X509_value(chain, i);

		if ((X509_get_extension_flags(cert) & EXFLAG_XKUSAGE) &&
		    !(X509_get_extended_key_usage(cert) & (XKU_SSL_CLIENT | XKU_ANYEKU)))
			return true;
		if (i + 1 < sk_X509_num(chain) && is_weakly_signed(cert))
			return true;
	}
	return false;
}

/* Did any authority sign it after all? OpenSSL passes over an issuer whose key identifier is another
 * than the certificate names; Go does not. */
static bool is_signed_by_one_of(X509_STORE *store, X509 *cert)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);

	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509 *ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
		EVP_PKEY *key = ca ? X509_get0_pubkey(ca) : NULL;

		if (!key || X509_NAME_cmp(X509_get_subject_name(ca), X509_get_issuer_name(cert)))
			continue;
		if (X509_verify(cert, key) == 1)
			return true;
	}
	return false;
}

/* What Go would refuse too is proof; the rest is not. Of dates, only an authority's are left to see here,
 * the leaf's own were looked at before. */
static enum belief belief_of_failure(X509_STORE *store, X509_STORE_CTX *ctx, X509 *cert)
{
	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return is_signed_by_one_of(store, cert) ? BELIEF_UNKNOWN : BELIEF_INVALID;
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return BELIEF_INVALID;
	default:
		return BELIEF_UNKNOWN;
	}
}

static enum belief verify_chain(X509_STORE *store, X509 *cert, int64_t time_s, bool has_more)
{
	X509_STORE_CTX *ctx;
	enum belief belief = BELIEF_UNKNOWN;

	errno = 0;
	ctx = X509_STORE_CTX_new();
	if (ctx && X509_STORE_CTX_init(ctx, store, cert, NULL)) {
		X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

		X509_VERIFY_PARAM_set_time(param, (time_t)time_s);
		(void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST); /* 1 */
		if (X509_verify_cert(ctx) == 1)
			belief = is_chain_refused(ctx) ? BELIEF_INVALID : BELIEF_VALID;
		else if (!has_more)
			belief = belief_of_failure(store, ctx, cert);
	}
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return errno == ENOMEM ? BELIEF_NO_MEMORY : belief;
}

static bool is_near(int64_t a, int64_t b)
{
	return a - b <= TRUST_MARGIN_S && b - a <= TRUST_MARGIN_S;
}

enum belief trust_verify(const struct trust *t, enum authority which, const struct x509_claims *x, int64_t time_s,
			  bool has_more)
{
	enum belief belief;

	if (t && !t->store[which])
		return BELIEF_UNUSED;
	if (is_near(time_s, x->not_before_s) || is_near(time_s, x->expires_s))
		return BELIEF_UNKNOWN; /* the server looked at its clock a little later than this */
	if (time_s < x->not_before_s || time_s > x->expires_s || !x->is_for_clients)
		return BELIEF_INVALID;
	if (!t)
		return BELIEF_UNKNOWN;
	belief = verify_chain(t->store[which], x->cert, time_s, has_more);
	if (belief == BELIEF_VALID && which == AUTHORITY_FRONT_PROXY && !is_allowed(t, x->subject))
		return BELIEF_INVALID;
	return belief;
}
