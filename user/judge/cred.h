/* SPDX-License-Identifier: Apache-2.0
 *
 * cred - names what a request carried as its credential, and what became of it.
 *
 * exchange_push'd exchanges come in, identities go out. Raw credentials end here: each becomes a class,
 * a keyed fingerprint and its public claims, and is wiped; secrets in the request URI are replaced by
 * REDACTED in place. Claims of tokens are read without verification and said to be so.
 *
 * Three states: present, absent, unknown. A header that could not be decoded, a connection whose
 * certificate was lost, a request that was not seen make the kind `unknown`, never `none`.
 *
 * Kind and outcome are what judge/authn proves of them:
 * - `kind` is the first that the server tries of what was sent; what is proved wrong is passed over when
 *   the server accepted the request by another. All else that was sent is in `also`.
 * - An Authorization header that is no bearer token the server would look up (another scheme, "Bearer"
 *   without a token, an empty value) is kind `bearer`, outcome `ignored`; Basic has its own kind.
 * - `unknown` as a kind with outcome `accepted`: something was sent and accepted, and what cannot be seen
 *   may have been tried before it.
 * - `also` does not say what is in doubt: DOUBT_AUTHORITY_UNKNOWN (of a certificate and others, which was
 *   accepted), DOUBT_SEVERAL_CREDENTIALS (the same of two tokens), DOUBT_CONNECTION_UNKNOWN do.
 * The other fields of struct credential describe the credential named by `kind`, and no other.
 */
#ifndef ANONTAP_JUDGE_CRED_H
#define ANONTAP_JUDGE_CRED_H

#include "base/err.h"
#include "wire/exchange.h"

/* kind, word: in the order in which kube-apiserver tries them; the last ones it does not try at all */
#define CRED_KINDS(X) \
	X(NONE,		"none") \
	X(FRONT_PROXY,	"front-proxy") \
	X(CLIENT_CERT,	"client-cert") \
	X(BEARER,	"bearer") \
	X(WS_BEARER,	"ws-bearer") \
	X(BASIC,	"basic") \
	X(QUERY_TOKEN,	"query-token") \
	X(UNKNOWN,	"unknown")

enum cred_kind {
#define X(name, word) CRED_##name,
	CRED_KINDS(X)
#undef X
	CRED_KIND_MAX,
};

#define CRED_OUTCOMES(X) \
	X(NONE,		"none")		/* nothing was sent */ \
	X(IGNORED,	"ignored")	/* sent, but the server treats the caller as anonymous */ \
	X(REJECTED,	"rejected")	/* 401 */ \
	X(ACCEPTED,	"accepted") \
	X(UNKNOWN,	"unknown")

enum cred_outcome {
#define X(name, word) OUTCOME_##name,
	CRED_OUTCOMES(X)
#undef X
	OUTCOME_MAX,
};

#define TOKEN_TYPES(X) \
	X(NA,			"") \
	X(SERVICE_ACCOUNT,	"service-account") \
	X(OIDC,			"oidc") \
	X(BOOTSTRAP,		"bootstrap") \
	X(OPAQUE,		"opaque")

enum token_type {
#define X(name, word) TOKEN_##name,
	TOKEN_TYPES(X)
#undef X
	TOKEN_TYPE_MAX,
};

const char *cred_kind_word(enum cred_kind kind);
const char *cred_outcome_word(enum cred_outcome outcome);
const char *token_type_word(enum token_type type);
int cred_kind_parse(struct str word, enum cred_kind *ret);		/* 0; -EINVAL */
int cred_outcome_parse(struct str word, enum cred_outcome *ret);
int token_type_parse(struct str word, enum token_type *ret);

#define CRED_GROUPS_MAX 32
#define CRED_TEXT_MAX 512	/* of one claim; longer ones are left out and DOUBT_TRUNCATED is set */

struct credential {
	enum cred_kind kind;
	enum cred_outcome outcome;
	uint32_t also;			/* bit per enum cred_kind: what else was sent */
	enum token_type token_type;
	bool is_unverified;		/* subject, issuer, expiry are a token's unverified claims, or the words of
					 * a front proxy that the server did not believe */
	char id[4 + 32 + 1];		/* "hk1:" and 128 bits of keyed hash; "" without a secret or certificate */
	struct str subject;		/* user name: sub of a token, "system:bootstrap:ID", CN of a certificate,
					 * X-Remote-User */
	struct str issuer;
	struct str serial;		/* certificate: hexadecimal */
	struct str credential_id;	/* "JTI=…", "X509SHA256=…" as in the audit event's user.extra */
	struct str groups[CRED_GROUPS_MAX];	/* O of a certificate, X-Remote-Group */
	size_t nr_groups;
	int64_t expires_s;		/* Unix seconds; 0: not known */
	int64_t not_before_s;
};

/* An exchange and who sent it: what all later stages and every output read. */
struct identity {
	struct exchange *exchange;	/* without secrets from here on */
	struct credential credential;
	uint64_t time_ns;		/* wall clock of the request (or of the first thing seen) */
};

typedef void identity_push_fn(void *ctx, const struct identity *id);

#define CRED_KEY_SIZE 32
#define CRED_TRUST_MAX 256	/* servers of which the authorities are known */

struct cred;

/* key: the installation's secret for fingerprints. wall_offset_ns: wall clock minus ktime.
 * Returns NULL when there is no memory. */
struct cred *cred_new(const uint8_t key[CRED_KEY_SIZE], int64_t wall_offset_ns, struct counters *counters,
		      identity_push_fn *push, void *ctx);
void cred_free(struct cred *c);

/* What the server process `pid` trusts: PEM bundles of --client-ca-file and of
 * --requestheader-client-ca-file, and --requestheader-allowed-names (comma-separated, may be empty).
 * An empty bundle says that the server has no such authority. A second call replaces the first.
 * Without it, certificates cannot be told valid from invalid where the response does not say so:
 * DOUBT_AUTHORITY_UNKNOWN is then set.
 * Returns 0; -EINVAL a bundle without a certificate; -E2BIG more than TRUST_CERTS_MAX; -ENOSPC
 * CRED_TRUST_MAX are known; -ENOMEM. On an error what was known before stays. */
int cred_trust(struct cred *c, uint32_t pid, struct str client_ca_pem, struct str front_proxy_ca_pem,
	       struct str allowed_names, struct err *err);

void cred_forget(struct cred *c, uint32_t pid);	/* the process ended: its number may come back */

/* Emits one identity for x, and wipes its secrets: x->authorization and x->ws_protocol are empty
 * afterwards, secrets in x->request_uri are overwritten where they stand, and x->request_uri points to
 * a redacted copy that is valid until the next push, as are the str of the credential.
 * Without memory the identity comes without what could not be read, with DOUBT_OUT_OF_MEMORY. */
void cred_push(struct cred *c, struct exchange *x);

#endif
