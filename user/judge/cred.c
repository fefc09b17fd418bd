/* SPDX-License-Identifier: Apache-2.0
 * One idea: first gather what was sent, let authn prove what became of it, then describe the one
 * credential that it names; whatever the way out, the secrets are wiped before anybody is told. */
#include "judge/cred.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "judge/bearer.h"
#include "judge/cert.h"
#include "judge/redact.h"

#define NS_PER_S UINT64_C(1000000000)

_Static_assert(X509_GROUPS_MAX == CRED_GROUPS_MAX && X509_TEXT_MAX == CRED_TEXT_MAX, "what fits the one fits the other");

static const char *const kind_words[CRED_KIND_MAX] = {
#define X(name, word) [CRED_##name] = word,
	CRED_KINDS(X)
#undef X
};

static const char *const outcome_words[OUTCOME_MAX] = {
#define X(name, word) [OUTCOME_##name] = word,
	CRED_OUTCOMES(X)
#undef X
};

static const char *const type_words[TOKEN_TYPE_MAX] = {
#define X(name, word) [TOKEN_##name] = word,
	TOKEN_TYPES(X)
#undef X
};

const char *cred_kind_word(enum cred_kind kind)
{
	return kind_words[kind];
}

const char *cred_outcome_word(enum cred_outcome outcome)
{
	return outcome_words[outcome];
}

const char *token_type_word(enum token_type type)
{
	return type_words[type];
}

/* Index of the word among n; -EINVAL. */
static int word_index(const char *const *words, int n, struct str word)
{
	for (int i = 0; i < n; i++)
		if (str_eq(word, str_of(words[i])))
			return i;
	return -EINVAL;
}

int cred_kind_parse(struct str word, enum cred_kind *ret)
{
	int i = word_index(kind_words, CRED_KIND_MAX, word);

	if (i < 0)
		return i;
	*ret = (enum cred_kind)i;
	return 0;
}

int cred_outcome_parse(struct str word, enum cred_outcome *ret)
{
	int i = word_index(outcome_words, OUTCOME_MAX, word);

	if (i < 0)
		return i;
	*ret = (enum cred_outcome)i;
	return 0;
}

int token_type_parse(struct str word, enum token_type *ret)
{
	int i = word_index(type_words, TOKEN_TYPE_MAX, word);

	if (i < 0)
		return i;
	*ret = (enum token_type)i;
	return 0;
}

struct cred {
	int64_t wall_offset_ns;
	struct counters *counters;
	identity_push_fn *push;
	void *ctx;
	struct tokens tokens;
	struct certs certs;
	struct map trusts;		/* pid -> struct trust */
	uint64_t trust_version;
	struct buf uri;			/* the redacted copy */
	char room[SECRET_MAX];		/* a token while it is being looked at */
};

struct cred *cred_new(const uint8_t key[CRED_KEY_SIZE], int64_t wall_offset_ns, struct counters *counters,
		      identity_push_fn *push, void *ctx)
{
	struct cred *c = calloc(1, sizeof(*c));

	/* else OpenSSL reads its configuration file at first use: judge does no I/O */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL); /* a failure shows in tokens_init() */
	if (!c)
		return NULL;
	c->wall_offset_ns = wall_offset_ns;
	c->counters = counters;
	c->push = push;
	c->ctx = ctx;
	if (tokens_init(&c->tokens, key) || certs_init(&c->certs, &c->tokens, counters)) {
		cred_free(c);
		return NULL;
	}
	return c;
}

void cred_free(struct cred *c)
{
	struct trust *t;
	size_t pos = 0;

	if (!c)
		return;
	while ((t = map_next(&c->trusts, &pos, NULL)))
		trust_free(t);
	map_done(&c->trusts);
	certs_done(&c->certs);
	tokens_done(&c->tokens);
	buf_done(&c->uri);
	free(c);
}

int cred_trust(struct cred *c, uint32_t pid, struct str client_ca_pem, struct str front_proxy_ca_pem,
	       struct str allowed_names, struct err *err)
{
	struct trust *old = map_get(&c->trusts, pid), *t = NULL;
	int r;

	if (!old && c->trusts.n >= CRED_TRUST_MAX)
		return err_set(err, -ENOSPC, "the authorities of more than %d servers cannot be kept: certificates of process %u "
			       "will be told with doubt", CRED_TRUST_MAX, pid);
	r = trust_new(client_ca_pem, front_proxy_ca_pem, allowed_names, &t, err);
	if (!r)
		r = map_put(&c->trusts, pid, t);
	if (r) {
		trust_free(t);
		return r;
	}
	trust_free(old);
	c->trust_version++;
	return 0;
}

void cred_forget(struct cred *c, uint32_t pid)
{
	trust_free(map_del(&c->trusts, pid));
	c->trust_version++;
}

/* Everything that was sent, as far as it was seen. The tokens are secrets. */
struct sent {
	struct authn_request request;
	const struct known_cert *cert;
	struct bearer bearer, ws;
	struct redaction redaction;
};

static void no_memory(struct cred *c, struct exchange *x)
{
	count(c->counters, COUNT_out_of_memory);
	x->doubts |= DOUBT_OUT_OF_MEMORY;
}

static void gather_cert(struct cred *c, struct exchange *x, uint64_t time_ns, struct sent *s)
{
	struct authn_request *q = &s->request;
	struct cert_trust trust = { .version = c->trust_version };

	if (!x->conn->is_described) {
		q->cert = SEEN_UNKNOWN;
		return;
	}
	if (!x->conn->cert && !x->conn->is_cert_cut) {
		q->cert = SEEN_ABSENT;
		return;
	}
	q->cert = SEEN_PRESENT;
	if (!x->conn->cert || x->conn->is_cert_cut) {
		x->doubts |= DOUBT_TRUNCATED;
		return;
	}
	trust.trust = map_get(&c->trusts, x->conn->process->pid);
	s->cert = cert_get(&c->certs, x->conn, &trust, (int64_t)(time_ns / NS_PER_S));
	if (!s->cert) {
		no_memory(c, x);
		return;
	}
	q->is_cert_known = !s->cert->is_bad;
	q->has_subject = s->cert->claims.has_subject;
	memcpy(q->belief, s->cert->belief, sizeof(q->belief));
}

static void gather_authorization(const struct exchange *x, struct sent *s)
{
	struct authn_request *q = &s->request;

	if (x->authorization_seen != SEEN_PRESENT) {
		q->bearer = x->authorization_seen == SEEN_ABSENT ? AUTHN_TOKEN_ABSENT : AUTHN_TOKEN_UNKNOWN;
		return;
	}
	bearer_of_authorization(secret_str(&x->authorization), x->authorization.is_cut, &s->bearer);
	q->bearer = s->bearer.state;
	q->has_basic = s->bearer.is_basic;
}

static void gather_websocket(struct cred *c, const struct exchange *x, struct sent *s)
{
	bool is_http2 = x->protocol == PROTOCOL_HTTP2; /* where Go's server knows no upgrade */
	enum seen websocket = is_http2 ? SEEN_ABSENT : x->websocket_seen;
	enum authn_token *state = &s->request.ws_bearer;

	if (x->ws_protocol_seen != SEEN_PRESENT || x->ws_protocol.is_cut) {
		bool is_absent = x->ws_protocol_seen == SEEN_ABSENT || websocket == SEEN_ABSENT;

		*state = is_absent ? AUTHN_TOKEN_ABSENT : AUTHN_TOKEN_UNKNOWN;
		return;
	}
	bearer_of_websocket(secret_str(&x->ws_protocol), c->room, &s->ws);
	*state = s->ws.state;
	if (*state == AUTHN_TOKEN_ABSENT)
		return;
	if (websocket == SEEN_ABSENT)
		*state = AUTHN_TOKEN_IGNORED;
	else if (websocket == SEEN_UNKNOWN && *state != AUTHN_TOKEN_IGNORED)
		*state = AUTHN_TOKEN_MAYBE;
}

static void copy_groups(struct credential *k, struct exchange *x, const struct str *groups, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (k->nr_groups == CRED_GROUPS_MAX || groups[i].n > CRED_TEXT_MAX)
			x->doubts |= DOUBT_TRUNCATED;
		else
			k->groups[k->nr_groups++] = groups[i];
	}
}

static void describe_cert(struct exchange *x, const struct known_cert *cert, struct credential *k)
{
	const struct x509_claims *claims = &cert->claims;

	token_fmt_id(cert->fingerprint, k->id);
	if (cert->is_bad)
		return;
	if (claims->is_cut)
		x->doubts |= DOUBT_TRUNCATED;
	k->subject = claims->subject;
	k->issuer = claims->issuer;
	k->serial = claims->serial;
	k->credential_id = str_of(claims->credential_id);
	k->expires_s = claims->expires_s;
	k->not_before_s = claims->not_before_s;
	copy_groups(k, x, claims->groups, claims->nr_groups);
}

static void describe_front_proxy(struct exchange *x, const struct known_cert *cert, struct credential *k)
{
	if (cert)
		token_fmt_id(cert->fingerprint, k->id);
	if (x->remote_user.n > CRED_TEXT_MAX)
		x->doubts |= DOUBT_TRUNCATED;
	else
		k->subject = x->remote_user;
	copy_groups(k, x, x->remote_groups, x->nr_remote_groups);
	k->is_unverified = k->outcome != OUTCOME_ACCEPTED;
}

static void describe_token(struct cred *c, struct exchange *x, struct str secret, struct credential *k)
{
	const struct token *t = token_get(&c->tokens, secret);

	if (!t) {
		no_memory(c, x);
		return;
	}
	token_fmt_id(t->fingerprint, k->id);
	if (t->is_cut)
		x->doubts |= DOUBT_TRUNCATED;
	k->token_type = t->type;
	k->is_unverified = t->is_jwt;
	k->subject = t->subject;
	k->issuer = t->issuer;
	k->credential_id = t->credential_id;
	k->expires_s = t->expires_s;
	k->not_before_s = t->not_before_s;
}

/* A secret that is no token: basic, or a scheme the server does not know. */
static void describe_other(struct cred *c, struct exchange *x, struct str domain, struct str secret, struct credential *k)
{
	uint8_t fingerprint[FINGERPRINT_SIZE];

	if (!secret.n)
		return;
	if (token_fingerprint(&c->tokens, domain, secret, fingerprint))
		no_memory(c, x);
	else
		token_fmt_id(fingerprint, k->id);
}

static void describe_authorization(struct cred *c, struct exchange *x, const struct bearer *b, struct credential *k)
{
	if (b->is_token_cut)
		x->doubts |= DOUBT_TRUNCATED; /* what is left of it would be another token */
	else if (b->is_basic)
		describe_other(c, x, STR("basic:"), b->token, k);
	else if (b->state == AUTHN_TOKEN_TRIED)
		describe_token(c, x, b->token, k);
	else
		describe_other(c, x, STR("authorization:"), b->token, k);
}

static void describe_query_token(struct cred *c, struct exchange *x, struct str encoded, struct credential *k)
{
	if (encoded.n > sizeof(c->room))
		x->doubts |= DOUBT_TRUNCATED;
	else
		describe_token(c, x, (struct str){ c->room, redact_query_decode(encoded, c->room) }, k);
}

static void describe(struct cred *c, struct exchange *x, const struct sent *s, struct credential *k)
{
	switch (k->kind) {
	case CRED_FRONT_PROXY:
		describe_front_proxy(x, s->cert, k);
		break;
	case CRED_CLIENT_CERT:
		if (s->cert)
			describe_cert(x, s->cert, k);
		break;
	case CRED_BEARER:
	case CRED_BASIC:
		describe_authorization(c, x, &s->bearer, k);
		break;
	case CRED_WS_BEARER:
		if (s->ws.token.n)
			describe_token(c, x, s->ws.token, k);
		break;
	case CRED_QUERY_TOKEN:
		describe_query_token(c, x, s->redaction.access_token, k);
		break;
	default:
		break;
	}
}

/* The secrets of the URI are overwritten where they stand (the exchange's text is ours to change until
 * it is freed), and the URI becomes a copy without them. */
static void redact(struct cred *c, struct exchange *x, const struct redaction *what)
{
	struct str uri = x->request_uri;

	if (!what->nr_secrets)
		return;
	buf_reset(&c->uri);
	if (redact_fmt(uri, what, &c->uri)) {
		x->request_uri = (struct str){ 0 };
		no_memory(c, x);
	} else {
		x->request_uri = buf_str(&c->uri);
	}
	for (size_t i = 0; i < what->nr_secrets; i++)
		explicit_bzero((char *)what->secret[i].p, what->secret[i].n);
}

static void gather(struct cred *c, struct exchange *x, uint64_t time_ns, struct sent *s)
{
	gather_cert(c, x, time_ns, s);
	gather_authorization(x, s);
	gather_websocket(c, x, s);
	s->request.answer = authn_answer_of(x);
	s->request.is_head_known = x->authorization_seen != SEEN_UNKNOWN && x->ws_protocol_seen != SEEN_UNKNOWN;
	s->request.has_remote_user = x->remote_user.n > 0;
	s->request.has_query_token = s->redaction.access_token.n > 0;
}

static void judge(struct cred *c, struct exchange *x, uint64_t time_ns, struct credential *k)
{
	struct authn_result result = { .kind = CRED_UNKNOWN, .outcome = OUTCOME_UNKNOWN };
	struct sent s = { 0 };

	redact_find(x->request_uri, &s.redaction);
	if (x->has_request) {
		gather(c, x, time_ns, &s);
		authn_judge(&s.request, &result);
	}
	k->kind = result.kind;
	k->outcome = result.outcome;
	k->also = result.also;
	x->doubts |= result.doubts;
	describe(c, x, &s, k);
	redact(c, x, &s.redaction);
	if (k->kind == CRED_QUERY_TOKEN || s.ws.state != AUTHN_TOKEN_ABSENT)
		explicit_bzero(c->room, sizeof(c->room));
}

void cred_push(struct cred *c, struct exchange *x)
{
	struct identity id = { .exchange = x };
	uint64_t ktime_ns = x->request_ns ? x->request_ns : x->first_byte_ns ? x->first_byte_ns : x->end_ns;

	id.time_ns = ktime_ns + (uint64_t)c->wall_offset_ns;
	judge(c, x, id.time_ns, &id.credential);
	secret_wipe(&x->authorization);
	secret_wipe(&x->ws_protocol);
	c->push(c->ctx, &id);
}
