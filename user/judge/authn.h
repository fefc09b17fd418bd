/* SPDX-License-Identifier: Apache-2.0
 *
 * authn - kube-apiserver's authentication, replayed on what is known of a request and its response.
 *
 * The server asks, in this order: front-proxy headers, client certificate, bearer token, websocket
 * token. The first that succeeds wins; a wrong one is passed over; if none succeeds and one was wrong
 * the answer is 401, and if nothing at all was found the caller is anonymous. (kubernetes
 * pkg/kubeapiserver/authenticator/config.go; apiserver pkg/authentication/request/union.)
 *
 * So a request that got past authentication with one credential proves it good, and with several
 * proves that one of them is. Proof is what this module looks for; where there is none the answer is
 * "unknown". PURE: a table of cases, no memory.
 *
 * Deviations from the letter, both for servers that are set up as usual: a server that asked for a
 * certificate has a --client-ca-file; and a bearer token is looked at by some authenticator.
 */
#ifndef ANONTAP_JUDGE_AUTHN_H
#define ANONTAP_JUDGE_AUTHN_H

#include "judge/cred.h"
#include "judge/trust.h"

/* What the status says of authentication. */
enum authn_answer {
	AUTHN_UNTOLD,	/* no response seen, or one that may have come before authentication */
	AUTHN_REFUSED,	/* 401 */
	AUTHN_PASSED,	/* the server went on after authentication */
};

enum authn_answer authn_answer_of(const struct exchange *x);

/* How a token stands in a header. */
enum authn_token {
	AUTHN_TOKEN_ABSENT,
	AUTHN_TOKEN_UNKNOWN,	/* the header was not decoded */
	AUTHN_TOKEN_IGNORED,	/* something the server passes over: another scheme, an empty token, no websocket */
	AUTHN_TOKEN_BROKEN,	/* the server refuses it without looking it up */
	AUTHN_TOKEN_MAYBE,	/* tried, if this is a websocket request, which is not known */
	AUTHN_TOKEN_TRIED,
};

struct authn_request {
	enum authn_answer answer;
	bool is_head_known;		/* all of the request's headers were decoded */
	enum seen cert;			/* SEEN_UNKNOWN: the connection is not described */
	bool is_cert_known;		/* its content is here: has_subject and the beliefs say something */
	bool has_subject;		/* without a CN the server passes a valid certificate over */
	enum belief belief[AUTHORITY_MAX];
	bool has_remote_user;
	enum authn_token bearer, ws_bearer;
	bool has_basic, has_query_token;
};

struct authn_result {
	enum cred_kind kind;
	enum cred_outcome outcome;
	uint32_t also;		/* bit per enum cred_kind */
	uint32_t doubts;	/* DOUBT_AUTHORITY_UNKNOWN, DOUBT_CONNECTION_UNKNOWN, DOUBT_SEVERAL_CREDENTIALS */
};

void authn_judge(const struct authn_request *q, struct authn_result *ret);

#endif
