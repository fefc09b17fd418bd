/* SPDX-License-Identifier: Apache-2.0
 *
 * A request's Authorization, Sec-WebSocket-Protocol and URI, a line each, and a first byte that says
 * what else is so of it. Whatever they are: one identity comes out, and its secrets are gone.
 */
#include <stdlib.h>
#include <string.h>
#include "judge/cred.h"
#include "tell/ndjson.h"

#define MUST(claim) \
	do { \
		if (!(claim)) \
			abort(); \
	} while (0)

static int told;

static bool holds(struct str s, struct str secret)
{
	return s.n && memmem(s.p, s.n, secret.p, secret.n);
}

/* ctx: the last word of Authorization, which only a token's own claims may repeat. */
static void take(void *ctx, const struct identity *id)
{
	const struct credential *k = &id->credential;
	const struct str *secret = ctx;
	struct buf line = { 0 };

	told++;
	MUST(!k->id[0] || strlen(k->id) == 36);
	MUST(secret->n < 12 || k->is_unverified || (!holds(k->subject, *secret) && !holds(k->issuer, *secret)));
	MUST((k->kind == CRED_NONE) == (k->outcome == OUTCOME_NONE));
	MUST(!(k->also >> k->kind & 1));
	ndjson_identity(&line, id, STR(""));
	MUST(!buf_error(&line));
	buf_done(&line);
}

static struct str last_word(struct str s)
{
	while (str_has(s, ' '))
		(void)str_take_until(&s, ' ');
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[CRED_KEY_SIZE] = "an installation's key: 32 bytes";
	static const uint16_t statuses[] = { 200, 401, 403, 400, 500, 101, 0, 429 };
	static struct counters counters;
	static struct cred *cred;
	static struct str secret;
	struct process process = { .pid = 1 };
	struct conn conn = { .is_described = true, .process = &process };
	struct exchange x = { .conn = &conn, .has_request = true, .request_ns = 1 };
	struct str rest = { (const char *)data, size }, authorization, ws;
	char *uri;
	uint8_t how;

	if (!size)
		return 0;
	if (!cred)
		cred = cred_new(key, 0, &counters, take, &secret);
	MUST(cred);
	how = data[0];
	rest = str_from(rest, 1);
	authorization = str_take_until(&rest, '\n');
	ws = str_take_until(&rest, '\n');
	uri = str_dup(rest);
	MUST(uri && !secret_set(&x.authorization, authorization) && !secret_set(&x.ws_protocol, ws));
	x.request_uri = (struct str){ uri, rest.n };
	x.authorization_seen = authorization.n ? SEEN_PRESENT : how & 1 ? SEEN_UNKNOWN : SEEN_ABSENT;
	x.ws_protocol_seen = ws.n ? SEEN_PRESENT : SEEN_ABSENT;
	x.websocket_seen = (enum seen)(how >> 1 & 3) % 3;
	x.protocol = how & 8 ? PROTOCOL_HTTP2 : PROTOCOL_HTTP1_1;
	x.status = statuses[how >> 4 & 7];
	x.has_response = x.status != 0;
	x.is_upgraded = x.status == 101;
	conn.is_described = !(how & 128);
	secret = last_word(authorization);
	told = 0;
	cred_push(cred, &x);
	MUST(told == 1 && !x.authorization.n && !x.ws_protocol.n);
	free(uri);
	return 0;
}
