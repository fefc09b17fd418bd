/* SPDX-License-Identifier: Apache-2.0
 *
 * jwt - reads the public claims of a JSON Web Token, and trusts none of them.
 *
 * A token is a JWT when it has three parts, of which the first two are base64url of a JSON object. A
 * claim that is shown and stands there twice makes it none (the server's decoder, go-jose, refuses
 * repeated names), and so does a NUL in one. The signature is not looked at: whoever made the token
 * chose these words.
 *
 * A struct jwt holds its own text: it is not to be moved after jwt_parse(), and needs no end. It never
 * holds the signature, and nothing of it suffices to make the token again.
 */
#ifndef ANONTAP_JUDGE_JWT_H
#define ANONTAP_JUDGE_JWT_H

#include "base/str.h"

#define JWT_MAX (16 * 1024)	/* longer tokens are not read */
#define JWT_TEXT_MAX 512	/* of one claim; longer ones are left out, and is_cut says so */

struct jwt {
	bool is_service_account;	/* by its subject, or by the claims that Kubernetes puts into its tokens */
	bool is_cut;
	struct str subject;		/* sub */
	struct str issuer;		/* iss */
	struct str id;			/* jti */
	int64_t expires_s;		/* exp: Unix seconds; 0: not there, or not a time */
	int64_t not_before_s;		/* nbf, else iat */
	char text[5][JWT_TEXT_MAX];
};

/* Returns 0; -EINVAL it is no JWT; -E2BIG longer than JWT_MAX. */
int jwt_parse(struct str token, struct jwt *ret);

/* Is this a bootstrap token, [a-z0-9]{6}.[a-z0-9]{16}? Then its first six characters are its public id.
 * (k8s.io/cluster-bootstrap/token/api: BootstrapTokenPattern) */
bool jwt_is_bootstrap_token(struct str token);

#endif
