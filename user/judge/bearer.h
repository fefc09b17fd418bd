/* SPDX-License-Identifier: Apache-2.0
 *
 * bearer - finds the token in an Authorization value and in websocket protocols, as apiserver's
 * pkg/authentication/request/bearertoken and .../websocket do.
 *
 * What it returns is a secret, borrowed from what was given.
 */
#ifndef ANONTAP_JUDGE_BEARER_H
#define ANONTAP_JUDGE_BEARER_H

#include "judge/authn.h"

struct bearer {
	enum authn_token state;
	bool is_basic;		/* of Authorization: the scheme; then state is AUTHN_TOKEN_ABSENT */
	bool is_token_cut;	/* the token goes on behind what was kept */
	struct str token;	/* the token; of Basic, what follows the scheme; of another scheme, all */
};

/* The value of Authorization, of which the end is missing when is_cut. */
void bearer_of_authorization(struct str value, bool is_cut, struct bearer *ret);

/* Sec-WebSocket-Protocol of a websocket request. The token is decoded into room (value.n bytes). */
void bearer_of_websocket(struct str value, char *room, struct bearer *ret);

#endif
