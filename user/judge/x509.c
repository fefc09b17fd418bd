/* SPDX-License-Identifier: Apache-2.0
 * One idea: OpenSSL decodes, and every text is copied once into one block of which the size is known
 * beforehand: no name grows to more than twice its DER. */
#include "judge/x509.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

struct room {
	char *p;
	size_t n, cap;
};

/* A copy of s in the room, or the empty str where there is none. */
static struct str keep(struct room *room, const void *p, size_t n)
{
	struct str kept = { room->p + room->n, n };

	if (!n || n > room->cap - room->n)
		return (struct str){ 0 };
	memcpy(room->p + room->n, p, n);
	room->n += n;
	return kept;
}

/* One attribute's value in UTF-8. Returns its length, -EINVAL. */
static int to_utf8(const ASN1_STRING *value, unsigned char **ret)
{
	int n = ASN1_STRING_to_UTF8(ret, value);

	if (n < 0)
		return -EINVAL;
	/* a BMPString may end in a terminator, which Go takes off (parser.go: parseASN1String) */
	if (ASN1_STRING_type(value) == V_ASN1_BMPSTRING && n > 0 && (*ret)[n - 1] == '\0')
		n--;
	return n;
}

static int take_name(struct x509_claims *x, const ASN1_STRING *value, bool is_cn, struct room *room)
{
	unsigned char *utf8 = NULL;
	struct str kept = { 0 };
	int n = to_utf8(value, &utf8);

	if (n < 0)
		return n;
	if (n > X509_TEXT_MAX || (!is_cn && x->nr_groups == X509_GROUPS_MAX))
		x->is_cut = true;
	else
		kept = keep(room, utf8, (size_t)n);
	OPENSSL_free(utf8);
	if (is_cn) {
		x->subject = kept;
		x->has_subject = n > 0;
	} else if (x->nr_groups < X509_GROUPS_MAX && n <= X509_TEXT_MAX) {
		x->groups[x->nr_groups++] = kept;
	}
	return 0;
}

/* CN and O of the subject, in the order of the certificate (pkix.Name.FillFromRDNSequence). */
static int take_subject(struct x509_claims *x, struct room *room)
{
	const X509_NAME *name = X509_get_subject_name(x->cert);

	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)), r;

		if (nid != NID_commonName && nid != NID_organizationName)
			continue;
		r = take_name(x, X509_NAME_ENTRY_get_data(entry), nid == NID_commonName, room);
		if (r)
			return r;
	}
	return 0;
}

static int take_issuer(struct x509_claims *x, struct room *room)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *p = NULL;
	long n;

	if (!out)
		return -ENOMEM;
	if (X509_NAME_print_ex(out, X509_get_issuer_name(x->cert), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) {
		BIO_free(out);
		return -EINVAL;
	}
	n = BIO_get_mem_data(out, &p);
	if (n > X509_TEXT_MAX)
		x->is_cut = true;
	else if (n > 0)
		x->issuer = keep(room, p, (size_t)n);
	BIO_free(out);
	return 0;
}

static void take_serial(struct x509_claims *x, struct room *room)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x->cert);
	const unsigned char *p = ASN1_STRING_get0_data(serial);
	size_t n = (size_t)ASN1_STRING_length(serial);
	char hex[2 * 64 + 1];
	size_t at = 0;

	if (n > 64) {
		x->is_cut = true; /* RFC 5280 allows 20 bytes */
		return;
	}
	if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
		hex[at++] = '-';
	for (size_t i = 0; i < n; i++) {
		hex[at++] = hex_digits[p[i] >> 4];
		hex[at++] = hex_digits[p[i] & 15];
	}
	x->serial = keep(room, hex, at);
}

static int to_unix(const ASN1_TIME *t, int64_t *ret)
{
	struct tm tm;

	if (!t || !ASN1_TIME_to_tm(t, &tm))
		return -EINVAL;
	*ret = (int64_t)timegm(&tm);
	return 0;
}

static int take_credential_id(struct x509_claims *x, struct str der)
{
	static const char prefix[] = "X509SHA256=";
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t at = sizeof(prefix) - 1, n;

	if (!EVP_Q_digest(NULL, "SHA256", NULL, der.p, der.n, digest, &n))
		return -ENOMEM; /* nothing else stops it */
	memcpy(x->credential_id, prefix, at);
	for (size_t i = 0; i < 32; i++) {
		x->credential_id[at++] = hex_digits[digest[i] >> 4];
		x->credential_id[at++] = hex_digits[digest[i] & 15];
	}
	x->credential_id[at] = '\0';
	return 0;
}

/* Go: a certificate without extended key usages is good for all; one with them must name clients. */
static bool is_for_clients(X509 *cert)
{
	return !(X509_get_extension_flags(cert) & EXFLAG_XKUSAGE) ||
	       (X509_get_extended_key_usage(cert) & (XKU_SSL_CLIENT | XKU_ANYEKU));
}

static int take_all(struct x509_claims *x, struct str der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	struct room room = { .cap = 2 * der.n + X509_TEXT_MAX };
	int r;

	x->cert = d2i_X509(NULL, &p, (long)der.n);
	/* X509_check_purpose() with -1 reads the extensions; 0 is that they are broken */
	if (!x->cert || p != (const unsigned char *)der.p + der.n || X509_check_purpose(x->cert, -1, 0) != 1)
		return -EINVAL;
	room.p = x->text = malloc(room.cap);
	r = x->text ? take_subject(x, &room) : -ENOMEM;
	if (!r)
		r = take_issuer(x, &room);
	if (!r)
		r = to_unix(X509_get0_notBefore(x->cert), &x->not_before_s);
	if (!r)
		r = to_unix(X509_get0_notAfter(x->cert), &x->expires_s);
	if (!r)
		r = take_credential_id(x, der);
	if (r)
		return r;
	take_serial(x, &room);
	x->is_for_clients = is_for_clients(x->cert);
	return 0;
}

/* OpenSSL does not always say why it failed, and sometimes goes on without what it had no memory for:
 * malloc says so in errno, which OpenSSL leaves alone. */
int x509_parse(struct str der, struct x509_claims *ret)
{
	struct x509_claims x = { 0 };
	int r;

	if (!der.n || der.n > INT32_MAX / 4)
		return -EINVAL;
	errno = 0;
	r = take_all(&x, der);
	if (errno == ENOMEM)
		r = -ENOMEM;
	ERR_clear_error();
	if (r) {
		x509_done(&x);
		return r;
	}
	*ret = x;
	return 0;
}

void x509_done(struct x509_claims *x)
{
	if (!x)
		return;
	X509_free(x->cert);
	free(x->text);
	*x = (struct x509_claims){ 0 };
}
