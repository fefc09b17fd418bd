/* SPDX-License-Identifier: Apache-2.0
 *
 * certs.h - makes authorities and client certificates for tests, with OpenSSL. A failure aborts.
 */
#ifndef ANONTAP_TESTS_CERTS_H
#define ANONTAP_TESTS_CERTS_H

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/str.h"

#define CERTS_NOW INT64_C(1795318098) /* 2026-11-22T03:28:18Z */

struct cert {
	X509 *x509;
	EVP_PKEY *key;
	struct str der, pem;	/* malloc'd */
};

struct cert_spec {
	const char *cn;			/* NULL: none */
	const char *cn_before;		/* another CN, before it */
	const char *groups[40];
	int64_t not_before_s, expires_s;	/* 0: a day before, a day after CERTS_NOW */
	const char *eku;		/* NULL: none; "clientAuth" */
	const char *key_usage;
	bool is_ca;
	bool is_sha1;
	int cn_type;			/* 0: UTF-8 */
	const char *serial_hex;		/* NULL: 1a2b */
	const struct cert *issuer;	/* NULL: self-signed */
};

#define CERTS_MUST(what) \
	do { \
		if (!(what)) { \
			printf("certs: failed: %s\n", #what); \
			abort(); \
		} \
	} while (0)

static inline void certs_extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	CERTS_MUST(e && X509_add_ext(x, e, -1));
	X509_EXTENSION_free(e);
}

static inline void certs_name(X509_NAME *name, const char *field, int type, const char *value)
{
	CERTS_MUST(X509_NAME_add_entry_by_txt(name, field, type, (const unsigned char *)value, -1, -1, 0));
}

static inline struct str certs_take(BIO *out)
{
	char *p;
	long n = BIO_get_mem_data(out, &p);
	char *copy = malloc((size_t)n + 1);

	CERTS_MUST(copy);
	memcpy(copy, p, (size_t)n);
	copy[n] = '\0';
	BIO_free(out);
	return (struct str){ copy, (size_t)n };
}

static inline struct cert cert_make(const struct cert_spec *spec)
{
	struct cert c = { .x509 = X509_new(), .key = EVP_EC_gen("P-256") };
	const struct cert *issuer = spec->issuer ? spec->issuer : &c;
	X509_NAME *name = X509_NAME_new();
	BIGNUM *serial = NULL;
	BIO *out;

	CERTS_MUST(c.x509 && c.key && name && X509_set_version(c.x509, 2));
	CERTS_MUST(BN_hex2bn(&serial, spec->serial_hex ? spec->serial_hex : "1a2b"));
	CERTS_MUST(BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(c.x509)));
	BN_free(serial);
	if (spec->cn_before)
		certs_name(name, "CN", MBSTRING_UTF8, spec->cn_before);
	for (int i = 0; i < 40 && spec->groups[i]; i++)
		certs_name(name, "O", MBSTRING_UTF8, spec->groups[i]);
	if (spec->cn)
		certs_name(name, "CN", spec->cn_type ? spec->cn_type : MBSTRING_UTF8, spec->cn);
	CERTS_MUST(X509_set_subject_name(c.x509, name));
	X509_NAME_free(name);
	CERTS_MUST(X509_set_issuer_name(c.x509, X509_get_subject_name(issuer->x509)));
	CERTS_MUST(ASN1_TIME_set(X509_getm_notBefore(c.x509), spec->not_before_s ? spec->not_before_s : CERTS_NOW - 86400));
	CERTS_MUST(ASN1_TIME_set(X509_getm_notAfter(c.x509), spec->expires_s ? spec->expires_s : CERTS_NOW + 86400));
	CERTS_MUST(X509_set_pubkey(c.x509, c.key));
	certs_extend(c.x509, issuer->x509, NID_basic_constraints, spec->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (spec->is_ca)
		certs_extend(c.x509, issuer->x509, NID_subject_key_identifier, "hash");
	else if (spec->issuer)
		certs_extend(c.x509, issuer->x509, NID_authority_key_identifier, "keyid");
	if (spec->key_usage)
		certs_extend(c.x509, issuer->x509, NID_key_usage, spec->key_usage);
	if (spec->eku)
		certs_extend(c.x509, issuer->x509, NID_ext_key_usage, spec->eku);
	CERTS_MUST(X509_sign(c.x509, issuer->key, spec->is_sha1 ? EVP_sha1() : EVP_sha256()));
	out = BIO_new(BIO_s_mem());
	CERTS_MUST(out && i2d_X509_bio(out, c.x509));
	c.der = certs_take(out);
	out = BIO_new(BIO_s_mem());
	CERTS_MUST(out && PEM_write_bio_X509(out, c.x509));
	c.pem = certs_take(out);
	return c;
}

static inline void cert_done(struct cert *c)
{
	X509_free(c->x509);
	EVP_PKEY_free(c->key);
	free((char *)c->der.p);
	free((char *)c->pem.p);
	*c = (struct cert){ 0 };
}

#endif
