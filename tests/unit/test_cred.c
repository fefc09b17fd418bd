/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/hmac.h>
#include "base/buf.h"
#include "judge/cred.h"
#include "exchanges.h"
#include "test.h"
#include "token.h"

#define CANARY "s3cr3t-canary-0123456789"

static const uint8_t key[CRED_KEY_SIZE] = "an installation's key: 32 bytes";
static struct cert ca, proxy_ca, other_ca;
static struct counters counters;
static struct scene s;
static struct cred *cred;

/* What was told, last. */
static struct {
	int n;
	struct credential k;
	struct buf text;	/* every text of the identity, one a line */
	char subject[2048], issuer[2048], serial[256], credential_id[2048], groups[8][64], uri[4096];
	uint32_t doubts;
	uint64_t time_ns;
} told;

static void keep(char *to, size_t room, struct str text)
{
	(void)snprintf(to, room, "%.*s", STR_ARG(text));
	(void)buf_add_str(&told.text, text);
	(void)buf_add_c(&told.text, '\n');
}

static void take(void *ctx, const struct identity *id)
{
	const struct credential *k = &id->credential;
	const struct exchange *x = id->exchange;

	CHECK(ctx == &s);
	CHECK(!x->authorization.n && !x->authorization.p);
	CHECK(!x->ws_protocol.n && !x->ws_protocol.p);
	told.n++;
	told.k = *k;
	told.doubts = x->doubts;
	told.time_ns = id->time_ns;
	buf_reset(&told.text);
	keep(told.subject, sizeof(told.subject), k->subject);
	keep(told.issuer, sizeof(told.issuer), k->issuer);
	keep(told.serial, sizeof(told.serial), k->serial);
	keep(told.credential_id, sizeof(told.credential_id), k->credential_id);
	keep(told.uri, sizeof(told.uri), x->request_uri);
	for (size_t i = 0; i < k->nr_groups && i < 8; i++)
		keep(told.groups[i], sizeof(told.groups[i]), k->groups[i]);
	keep(told.k.id, sizeof(told.k.id), str_of(k->id));
}

static void begin(void)
{
	scene_init(&s);
	scene_uri(&s, "/api/v1/secrets?limit=500");
}

static void push(void)
{
	int before = told.n;

	cred_push(cred, &s.x);
	CHECK_INT(told.n, before + 1);
	scene_done(&s);
}

static bool is(enum cred_kind kind, enum cred_outcome outcome, uint32_t also, uint32_t doubts)
{
	if (told.k.kind == kind && told.k.outcome == outcome && told.k.also == also && told.doubts == doubts)
		return true;
	printf("    is %s %s also %#x doubts %#x\n", cred_kind_word(told.k.kind), cred_outcome_word(told.k.outcome), told.k.also,
	       told.doubts);
	return false;
}

static bool is_told(const char *text)
{
	return told.text.n && memmem(told.text.p, told.text.n, text, strlen(text));
}

static char jwt[4096];

static const char *sa_token(void)
{
	return token_jwt("{\"alg\":\"RS256\"}", STR("{\"iss\":\"https://kubernetes.default.svc\",\"sub\":\"system:serviceaccount:ns1:sa1\","
			 "\"jti\":\"abc-def\",\"exp\":1795318100,\"nbf\":1795314500}"), jwt);
}

static void send_bearer(const char *token)
{
	char value[8192];

	(void)snprintf(value, sizeof(value), "Bearer %s", token);
	scene_authorization(&s, value);
}

static void trust_both(void)
{
	CHECK_INT(cred_trust(cred, 812, ca.pem, proxy_ca.pem, STR("front-proxy-client"), NULL), 0);
}

static void test_cred__nothing_sent_is_none(void)
{
	begin();
	push();
	CHECK(is(CRED_NONE, OUTCOME_NONE, 0, 0));
	CHECK_STR(str_of(told.k.id), "");
	CHECK_STR(str_of(told.uri), "/api/v1/secrets?limit=500");
	CHECK_INT(told.time_ns, CERTS_NOW * 1000000000);
}

static void test_cred__unknown_is_never_none(void)
{
	begin();
	s.x.authorization_seen = SEEN_UNKNOWN;
	push();
	CHECK(is(CRED_UNKNOWN, OUTCOME_UNKNOWN, 0, 0));
	begin();
	s.conn.is_described = false;
	s.conn.process = NULL;
	push();
	CHECK(is(CRED_UNKNOWN, OUTCOME_UNKNOWN, 0, DOUBT_CONNECTION_UNKNOWN));
	begin();
	s.x.authorization_seen = SEEN_UNKNOWN;
	scene_status(&s, 401, false);
	push();
	CHECK(is(CRED_UNKNOWN, OUTCOME_UNKNOWN, 0, 0));
	begin();
	s.x.has_request = false;
	s.x.authorization_seen = s.x.ws_protocol_seen = SEEN_UNKNOWN;
	s.x.request_ns = 0;
	s.x.request_uri = (struct str){ 0 };
	push();
	CHECK(is(CRED_UNKNOWN, OUTCOME_UNKNOWN, 0, 0));
	CHECK_INT(told.time_ns, CERTS_NOW * 1000000000 + 1100000);
}

static void test_cred__claims_of_a_service_account(void)
{
	begin();
	send_bearer(sa_token());
	push();
	CHECK(is(CRED_BEARER, OUTCOME_ACCEPTED, 0, 0));
	CHECK_INT(told.k.token_type, TOKEN_SERVICE_ACCOUNT);
	CHECK(told.k.is_unverified);
	CHECK_STR(str_of(told.subject), "system:serviceaccount:ns1:sa1");
	CHECK_STR(str_of(told.issuer), "https://kubernetes.default.svc");
	CHECK_STR(str_of(told.credential_id), "JTI=abc-def");
	CHECK_INT(told.k.expires_s, 1795318100);
	CHECK_INT(told.k.not_before_s, 1795314500);
	CHECK(!is_told(TOKEN_SIGNATURE));
	begin();
	send_bearer(sa_token());
	scene_status(&s, 401, false);
	push();
	CHECK(is(CRED_BEARER, OUTCOME_REJECTED, 0, 0));
	CHECK_STR(str_of(told.subject), "system:serviceaccount:ns1:sa1");
}

static void test_cred__other_kinds_of_token(void)
{
	begin();
	send_bearer(token_jwt("{\"alg\":\"none\"}", STR("{\"iss\":\"https://login.example\",\"sub\":\"alice\"}"), jwt));
	push();
	CHECK_INT(told.k.token_type, TOKEN_OIDC);
	CHECK_STR(str_of(told.subject), "alice");
	CHECK_STR(str_of(told.credential_id), "");
	begin();
	send_bearer("abc123.0123456789abcdef");
	push();
	CHECK_INT(told.k.token_type, TOKEN_BOOTSTRAP);
	CHECK_STR(str_of(told.subject), "system:bootstrap:abc123");
	CHECK(!told.k.is_unverified);
	CHECK(!is_told("0123456789abcdef"));
	begin();
	send_bearer(CANARY);
	push();
	CHECK_INT(told.k.token_type, TOKEN_OPAQUE);
	CHECK_STR(str_of(told.subject), "");
	CHECK(!is_told(CANARY));
}

static void test_cred__id_is_a_keyed_hash_of_domain_and_token(void)
{
	unsigned char mac[32];
	unsigned int n = 0;
	char want[64] = "hk1:";

	HMAC(EVP_sha256(), key, sizeof(key), (const unsigned char *)"bearer:" CANARY, sizeof("bearer:" CANARY) - 1, mac, &n);
	for (int i = 0; i < 16; i++)
		(void)snprintf(want + 4 + 2 * i, 3, "%02x", mac[i]);
	begin();
	send_bearer(CANARY);
	push();
	CHECK_STR(str_of(told.k.id), want);
}

static void test_cred__the_same_token_has_the_same_id_wherever_it_is(void)
{
	char id[64], value[8192];

	begin();
	send_bearer(CANARY);
	push();
	(void)snprintf(id, sizeof(id), "%s", told.k.id);
	begin();
	scene_uri(&s, "/api?a=1&access_token=s3cr3t%2dcanary-0123456789&b=2");
	push();
	CHECK(is(CRED_QUERY_TOKEN, OUTCOME_IGNORED, 0, 0));
	CHECK_STR(str_of(told.k.id), id);
	CHECK_STR(str_of(told.uri), "/api?a=1&access_token=REDACTED&b=2");
	begin();
	(void)snprintf(value, sizeof(value), "v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.%s",
		       token_base64url(STR(CANARY), jwt));
	scene_websocket(&s, value);
	scene_status(&s, 101, false);
	s.x.is_upgraded = true;
	push();
	CHECK(is(CRED_WS_BEARER, OUTCOME_ACCEPTED, 0, 0));
	CHECK_STR(str_of(told.k.id), id);
	CHECK(!is_told(CANARY) && !is_told("s3cr3t") && !is_told(token_base64url(STR(CANARY), jwt)));
	begin();
	send_bearer(CANARY "x");
	push();
	CHECK(strcmp(told.k.id, id));
}

static void test_cred__basic_and_unknown_schemes(void)
{
	begin();
	scene_authorization(&s, "Basic " CANARY);
	push();
	CHECK(is(CRED_BASIC, OUTCOME_IGNORED, 0, 0));
	CHECK_INT(strlen(told.k.id), 36);
	CHECK(!is_told(CANARY));
	begin();
	scene_authorization(&s, "Negotiate " CANARY);
	push();
	CHECK(is(CRED_BEARER, OUTCOME_IGNORED, 0, 0));
	CHECK_INT(told.k.token_type, TOKEN_NA);
	CHECK_INT(strlen(told.k.id), 36);
	CHECK(!is_told(CANARY));
	begin();
	scene_authorization(&s, "Bearer  " CANARY);
	push();
	CHECK(is(CRED_BEARER, OUTCOME_IGNORED, 0, 0));
	CHECK_STR(str_of(told.k.id), "");
	begin();
	scene_authorization(&s, "Bearer");
	scene_status(&s, 500, false);
	push();
	CHECK(is(CRED_BEARER, OUTCOME_UNKNOWN, 0, 0));
}

static void test_cred__secrets_in_the_uri_are_overwritten_where_they_stand(void)
{
	char *block;
	struct str uri;

	begin();
	scene_uri(&s, "/a?token=" CANARY "&password=" CANARY "&x=1");
	block = s.uri;
	uri = s.x.request_uri;
	s.uri = NULL;
	push();
	CHECK(is(CRED_NONE, OUTCOME_NONE, 0, 0));
	CHECK_STR(str_of(told.uri), "/a?token=REDACTED&password=REDACTED&x=1");
	CHECK(!memmem(block, uri.n, CANARY, sizeof(CANARY) - 1));
	free(block);
}

static void test_cred__a_response_alone_says_nothing_but_is_redacted(void)
{
	begin();
	scene_uri(&s, "/a?token=" CANARY);
	s.x.has_request = false;
	send_bearer(CANARY);
	push();
	CHECK(is(CRED_UNKNOWN, OUTCOME_UNKNOWN, 0, 0));
	CHECK(!is_told(CANARY));
}

static void test_cred__websocket_tokens_need_an_upgrade(void)
{
	static const char protocols[] = "x,base64url.bearer.authorization.k8s.io.c2VjcmV0";

	begin();
	scene_websocket(&s, protocols);
	push();
	CHECK(is(CRED_WS_BEARER, OUTCOME_ACCEPTED, 0, 0));
	CHECK_INT(strlen(told.k.id), 36);
	begin();
	scene_websocket(&s, protocols);
	s.x.websocket_seen = SEEN_ABSENT;
	push();
	CHECK(is(CRED_WS_BEARER, OUTCOME_IGNORED, 0, 0));
	begin();
	scene_websocket(&s, protocols);
	s.x.protocol = PROTOCOL_HTTP2;
	push();
	CHECK(is(CRED_WS_BEARER, OUTCOME_IGNORED, 0, 0));
	begin();
	scene_websocket(&s, protocols);
	s.x.websocket_seen = SEEN_UNKNOWN;
	push();
	CHECK(is(CRED_WS_BEARER, OUTCOME_UNKNOWN, 0, 0));
	begin();
	scene_websocket(&s, "v4.channel.k8s.io");
	push();
	CHECK(is(CRED_NONE, OUTCOME_NONE, 0, 0));
}

static void test_cred__unseen_websocket_header_matters_only_to_an_upgrade(void)
{
	begin();
	s.x.ws_protocol_seen = SEEN_UNKNOWN;
	push();
	CHECK(is(CRED_NONE, OUTCOME_NONE, 0, 0));
	begin();
	s.x.protocol = PROTOCOL_HTTP1_1;
	s.x.websocket_seen = SEEN_PRESENT;
	s.x.ws_protocol_seen = SEEN_UNKNOWN;
	push();
	CHECK(is(CRED_UNKNOWN, OUTCOME_UNKNOWN, 0, 0));
}

static void test_cred__client_certificate(void)
{
	struct cert c = cert_make(&(struct cert_spec){ .cn = "alice", .groups = { "dev", "ops" }, .issuer = &ca, .eku = "clientAuth" });

	for (int has_trust = 0; has_trust < 2; has_trust++) {
		begin();
		if (has_trust)
			trust_both();
		scene_cert(&s, &c);
		push();
		CHECK(is(CRED_CLIENT_CERT, OUTCOME_ACCEPTED, 0, 0));
		CHECK_STR(str_of(told.subject), "alice");
		CHECK_INT(told.k.nr_groups, 2);
		CHECK_STR(str_of(told.groups[0]), "dev");
		CHECK_STR(str_of(told.groups[1]), "ops");
		CHECK_STR(str_of(told.issuer), "CN=kubernetes-ca");
		CHECK_STR(str_of(told.serial), "1a2b");
		CHECK(!strncmp(told.credential_id, "X509SHA256=", 11));
		CHECK_INT(told.k.expires_s, CERTS_NOW + 86400);
		CHECK_INT(told.k.not_before_s, CERTS_NOW - 86400);
		CHECK(!told.k.is_unverified);
		CHECK_INT(strlen(told.k.id), 36);
	}
	begin();
	scene_cert(&s, &c);
	send_bearer(CANARY);
	push();
	CHECK(is(CRED_CLIENT_CERT, OUTCOME_ACCEPTED, 1u << CRED_BEARER, 0));
	cred_forget(cred, 812);
	begin();
	scene_cert(&s, &c);
	send_bearer(CANARY);
	push();
	CHECK(is(CRED_CLIENT_CERT, OUTCOME_ACCEPTED, 1u << CRED_BEARER, DOUBT_AUTHORITY_UNKNOWN));
	CHECK_STR(str_of(told.subject), "alice");
	CHECK(!is_told(CANARY));
	cert_done(&c);
}

static void test_cred__a_wrong_certificate_beside_a_good_token(void)
{
	struct cert expired = cert_make(&(struct cert_spec){ .cn = "alice", .issuer = &ca, .expires_s = CERTS_NOW - 3600 });
	struct cert forged = cert_make(&(struct cert_spec){ .cn = "admin", .issuer = &other_ca });

	begin();
	scene_cert(&s, &expired);
	send_bearer(sa_token());
	push();
	CHECK(is(CRED_BEARER, OUTCOME_ACCEPTED, 1u << CRED_CLIENT_CERT, 0)); /* dates need no authority */
	CHECK_STR(str_of(told.subject), "system:serviceaccount:ns1:sa1");
	begin();
	scene_cert(&s, &forged);
	send_bearer(sa_token());
	push();
	CHECK(is(CRED_CLIENT_CERT, OUTCOME_ACCEPTED, 1u << CRED_BEARER, DOUBT_AUTHORITY_UNKNOWN));
	trust_both();
	begin();
	scene_cert(&s, &forged);
	send_bearer(sa_token());
	push();
	CHECK(is(CRED_BEARER, OUTCOME_ACCEPTED, 1u << CRED_CLIENT_CERT, 0));
	begin();
	scene_cert(&s, &forged);
	scene_status(&s, 401, false);
	push();
	CHECK(is(CRED_CLIENT_CERT, OUTCOME_REJECTED, 0, 0));
	CHECK_STR(str_of(told.subject), "admin");
	begin();
	scene_cert(&s, &forged);
	push();
	CHECK(is(CRED_CLIENT_CERT, OUTCOME_UNKNOWN, 0, DOUBT_AUTHORITY_UNKNOWN));
	cred_forget(cred, 812);
	cert_done(&expired);
	cert_done(&forged);
}

static void test_cred__front_proxy(void)
{
	struct cert proxy = cert_make(&(struct cert_spec){ .cn = "front-proxy-client", .issuer = &proxy_ca });
	struct cert impostor = cert_make(&(struct cert_spec){ .cn = "someone", .issuer = &proxy_ca });
	struct cert client = cert_make(&(struct cert_spec){ .cn = "alice", .issuer = &ca });

	trust_both();
	for (int i = 0; i < 4; i++) {
		begin();
		s.x.remote_user = STR("proxied");
		s.x.remote_groups[0] = STR("dev");
		s.x.nr_remote_groups = 1;
		if (i < 3)
			scene_cert(&s, i == 0 ? &proxy : i == 1 ? &client : &impostor);
		if (i == 2)
			scene_status(&s, 401, false);
		push();
		switch (i) {
		case 0:
			CHECK(is(CRED_FRONT_PROXY, OUTCOME_ACCEPTED, 0, 0));
			CHECK_STR(str_of(told.subject), "proxied");
			CHECK_STR(str_of(told.groups[0]), "dev");
			CHECK_STR(str_of(told.credential_id), "");
			CHECK(!told.k.is_unverified);
			CHECK_INT(strlen(told.k.id), 36);
			break;
		case 1:
			CHECK(is(CRED_CLIENT_CERT, OUTCOME_ACCEPTED, 1u << CRED_FRONT_PROXY, 0));
			CHECK_STR(str_of(told.subject), "alice");
			break;
		case 2:
			CHECK(is(CRED_FRONT_PROXY, OUTCOME_REJECTED, 1u << CRED_CLIENT_CERT, 0));
			CHECK(told.k.is_unverified);
			break;
		case 3:
			CHECK(is(CRED_FRONT_PROXY, OUTCOME_IGNORED, 0, 0));
			CHECK_STR(str_of(told.subject), "proxied");
			CHECK(told.k.is_unverified);
			CHECK_STR(str_of(told.k.id), "");
			break;
		}
	}
	cred_forget(cred, 812);
	begin();
	s.x.remote_user = STR("proxied");
	scene_cert(&s, &proxy);
	push();
	CHECK(is(CRED_FRONT_PROXY, OUTCOME_UNKNOWN, 1u << CRED_CLIENT_CERT, DOUBT_AUTHORITY_UNKNOWN));
	cert_done(&proxy);
	cert_done(&impostor);
	cert_done(&client);
}

static void test_cred__belief_in_a_certificate_ends_with_it(void)
{
	struct cert c = cert_make(&(struct cert_spec){ .cn = "alice", .issuer = &ca, .expires_s = CERTS_NOW + 10 });
	static const struct {
		uint64_t after_s;
		enum cred_kind kind;
		uint32_t doubts;
	} steps[] = {
		{ 0, CRED_CLIENT_CERT, 0 }, { 7, CRED_CLIENT_CERT, 0 }, { 8, CRED_CLIENT_CERT, DOUBT_AUTHORITY_UNKNOWN },
		{ 12, CRED_CLIENT_CERT, DOUBT_AUTHORITY_UNKNOWN }, { 13, CRED_BEARER, 0 }, { 5, CRED_CLIENT_CERT, 0 },
	};

	trust_both();
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		begin();
		s.x.request_ns += steps[i].after_s * 1000000000;
		scene_cert(&s, &c);
		send_bearer(CANARY);
		push();
		CHECK_INT(told.k.kind, steps[i].kind);
		CHECK_INT(told.doubts, steps[i].doubts);
	}
	cred_forget(cred, 812);
	cert_done(&c);
}

static void test_cred__authorities_are_of_one_process(void)
{
	struct cert forged = cert_make(&(struct cert_spec){ .cn = "admin", .issuer = &other_ca });

	trust_both();
	CHECK_INT(cred_trust(cred, 900, other_ca.pem, STR(""), STR(""), NULL), 0);
	for (int i = 0; i < 4; i++) {
		begin();
		s.process.pid = i % 2 ? 900 : 812;
		scene_cert(&s, &forged);
		send_bearer(CANARY);
		push();
		CHECK_INT(told.k.kind, i % 2 ? CRED_CLIENT_CERT : CRED_BEARER);
		CHECK_INT(told.doubts, 0);
	}
	CHECK_INT(cred_trust(cred, 812, other_ca.pem, STR(""), STR(""), NULL), 0); /* replaced */
	begin();
	scene_cert(&s, &forged);
	send_bearer(CANARY);
	push();
	CHECK(is(CRED_CLIENT_CERT, OUTCOME_ACCEPTED, 1u << CRED_BEARER, 0));
	cred_forget(cred, 812);
	cred_forget(cred, 900);
	cert_done(&forged);
}

static void test_cred__same_hash_is_not_the_same_certificate(void)
{
	struct cert a = cert_make(&(struct cert_spec){ .cn = "alice", .issuer = &ca });
	struct cert b = cert_make(&(struct cert_spec){ .cn = "bob", .issuer = &ca });

	for (int i = 0; i < 4; i++) {
		begin();
		scene_cert(&s, i % 2 ? &b : &a);
		s.conn.cert_hash = 42;
		push();
		CHECK_STR(str_of(told.subject), i % 2 ? "bob" : "alice");
	}
	cert_done(&a);
	cert_done(&b);
}

static void test_cred__certificates_that_are_cut_or_broken(void)
{
	struct cert c = cert_make(&(struct cert_spec){ .cn = "alice", .issuer = &ca });
	uint64_t bad = counters.v[COUNT_certificate_bad];

	begin();
	s.conn.is_cert_cut = true;
	push();
	CHECK(is(CRED_CLIENT_CERT, OUTCOME_UNKNOWN, 0, DOUBT_TRUNCATED | DOUBT_AUTHORITY_UNKNOWN));
	begin();
	s.conn.is_cert_cut = true;
	scene_status(&s, 401, false);
	push();
	CHECK(is(CRED_CLIENT_CERT, OUTCOME_REJECTED, 0, DOUBT_TRUNCATED));
	begin();
	scene_cert(&s, &c);
	s.conn.cert_len -= 1;
	push();
	CHECK(is(CRED_CLIENT_CERT, OUTCOME_UNKNOWN, 0, DOUBT_AUTHORITY_UNKNOWN));
	CHECK_STR(str_of(told.subject), "");
	CHECK_INT(strlen(told.k.id), 36);
	CHECK_INT(counters.v[COUNT_certificate_bad], bad + 1);
	cert_done(&c);
}

static void test_cred__long_tokens_are_fingerprinted_but_not_read(void)
{
	char *token = malloc(SECRET_MAX + 100);
	struct str value = { token, SECRET_MAX + 50 };

	memset(token, 'a', SECRET_MAX + 100);
	memcpy(token, "Bearer ", 7);
	begin();
	CHECK_INT(secret_set(&s.x.authorization, str_first(value, 20000)), 0);
	s.x.authorization_seen = SEEN_PRESENT;
	push();
	CHECK(is(CRED_BEARER, OUTCOME_ACCEPTED, 0, DOUBT_TRUNCATED));
	CHECK_INT(told.k.token_type, TOKEN_NA);
	CHECK_INT(strlen(told.k.id), 36);
	begin();
	CHECK_INT(secret_set(&s.x.authorization, value), 0);
	s.x.authorization_seen = SEEN_PRESENT;
	push();
	CHECK(is(CRED_BEARER, OUTCOME_ACCEPTED, 0, DOUBT_TRUNCATED));
	CHECK_STR(str_of(told.k.id), ""); /* of a part of it, it would be another token's */
	free(token);
}

static void test_cred__long_names_are_left_out_and_said(void)
{
	char name[1024];

	memset(name, 'n', sizeof(name));
	begin();
	s.x.remote_user = (struct str){ name, CRED_TEXT_MAX };
	push();
	CHECK_INT(strlen(told.subject), CRED_TEXT_MAX);
	CHECK_INT(told.doubts, 0);
	begin();
	s.x.remote_user = (struct str){ name, CRED_TEXT_MAX + 1 };
	for (int i = 0; i < 40; i++)
		s.x.remote_groups[s.x.nr_remote_groups++] = STR("g");
	push();
	CHECK_INT(strlen(told.subject), 0);
	CHECK_INT(told.doubts, DOUBT_TRUNCATED);
	CHECK_INT(told.k.nr_groups, CRED_GROUPS_MAX);
}

static void test_cred__many_tokens_do_not_grow_it(void)
{
	char token[64];

	for (int i = 0; i < 20000; i++) {
		begin();
		(void)snprintf(token, sizeof(token), "token-%d", i);
		send_bearer(token);
		push();
	}
	CHECK(is(CRED_BEARER, OUTCOME_ACCEPTED, 0, 0));
	CHECK_INT(counters.v[COUNT_out_of_memory], 0);
}

static void test_cred__trust_is_bounded_and_says_what_is_wrong(void)
{
	struct err err = { "" };

	for (uint32_t pid = 1; pid <= CRED_TRUST_MAX; pid++)
		CHECK_INT(cred_trust(cred, pid, ca.pem, STR(""), STR(""), &err), 0);
	CHECK_INT(cred_trust(cred, 100000, ca.pem, STR(""), STR(""), &err), -ENOSPC);
	CHECK(strstr(err.text, "100000"));
	CHECK_INT(cred_trust(cred, 1, ca.pem, STR(""), STR(""), &err), 0);
	CHECK_INT(cred_trust(cred, 1, STR("x"), STR(""), STR(""), &err), -EINVAL);
	for (uint32_t pid = 1; pid <= CRED_TRUST_MAX; pid++)
		cred_forget(cred, pid);
	cred_forget(cred, 100000);
}

static void test_cred__words_are_read_back(void)
{
	enum cred_kind kind;
	enum cred_outcome outcome;
	enum token_type type;

	for (int i = 0; i < CRED_KIND_MAX; i++)
		CHECK(!cred_kind_parse(str_of(cred_kind_word((enum cred_kind)i)), &kind) && (int)kind == i);
	for (int i = 0; i < OUTCOME_MAX; i++)
		CHECK(!cred_outcome_parse(str_of(cred_outcome_word((enum cred_outcome)i)), &outcome) && (int)outcome == i);
	for (int i = 0; i < TOKEN_TYPE_MAX; i++)
		CHECK(!token_type_parse(str_of(token_type_word((enum token_type)i)), &type) && (int)type == i);
	CHECK_INT(cred_kind_parse(STR("beare"), &kind), -EINVAL);
	CHECK_INT(cred_outcome_parse(STR(""), &outcome), -EINVAL);
	CHECK_INT(token_type_parse(STR("Opaque"), &type), -EINVAL);
}

int main(void)
{
	ca = cert_make(&(struct cert_spec){ .cn = "kubernetes-ca", .is_ca = true });
	proxy_ca = cert_make(&(struct cert_spec){ .cn = "front-proxy-ca", .is_ca = true });
	other_ca = cert_make(&(struct cert_spec){ .cn = "other-ca", .is_ca = true });
	cred = cred_new(key, SCENE_WALL_OFFSET_NS, &counters, take, &s);
	CERTS_MUST(cred);
	RUN(test_cred__nothing_sent_is_none);
	RUN(test_cred__unknown_is_never_none);
	RUN(test_cred__claims_of_a_service_account);
	RUN(test_cred__other_kinds_of_token);
	RUN(test_cred__id_is_a_keyed_hash_of_domain_and_token);
	RUN(test_cred__the_same_token_has_the_same_id_wherever_it_is);
	RUN(test_cred__basic_and_unknown_schemes);
	RUN(test_cred__secrets_in_the_uri_are_overwritten_where_they_stand);
	RUN(test_cred__a_response_alone_says_nothing_but_is_redacted);
	RUN(test_cred__websocket_tokens_need_an_upgrade);
	RUN(test_cred__unseen_websocket_header_matters_only_to_an_upgrade);
	RUN(test_cred__client_certificate);
	RUN(test_cred__a_wrong_certificate_beside_a_good_token);
	RUN(test_cred__front_proxy);
	RUN(test_cred__belief_in_a_certificate_ends_with_it);
	RUN(test_cred__authorities_are_of_one_process);
	RUN(test_cred__same_hash_is_not_the_same_certificate);
	RUN(test_cred__certificates_that_are_cut_or_broken);
	RUN(test_cred__long_tokens_are_fingerprinted_but_not_read);
	RUN(test_cred__long_names_are_left_out_and_said);
	RUN(test_cred__many_tokens_do_not_grow_it);
	RUN(test_cred__trust_is_bounded_and_says_what_is_wrong);
	RUN(test_cred__words_are_read_back);
	cred_free(cred);
	cert_done(&ca);
	cert_done(&proxy_ca);
	cert_done(&other_ca);
	buf_done(&told.text);
	return test_end();
}
