/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange - pairs each request with its response, and says what is in doubt.
 *
 * Messages of http1 and http2 are pushed in; one struct exchange is emitted for every request, when
 * its response has ended, its stream was reset, its connection closed, or exchange_finish() said that
 * no more will come. Every request seen is emitted exactly once. A response whose request was not
 * seen is emitted too, with DOUBT_REQUEST_UNSEEN and nothing said of its credential.
 *
 * Events of a stream that is over are left out: a body or a reset that follows a complete response, and
 * late trailers. A GOAWAY is noted on the exchange of the last stream it names if that is still open.
 *
 * After records were lost every exchange then open has DOUBT_RECORDS_LOST; what was lost of it may include
 * its end. It is emitted when its end is seen all the same, at the end of the connection, or, when a later
 * request needs its room or comes EXCHANGE_LOST_NS after the loss and nothing of it was seen since, as it is.
 *
 * What it does not do: interpret credentials. Raw ones are held in struct secret for judge/cred.
 */
#ifndef ANONTAP_WIRE_EXCHANGE_H
#define ANONTAP_WIRE_EXCHANGE_H

#include "base/counters.h"
#include "base/map.h"
#include "base/secret.h"
#include "wire/conn.h"
#include "wire/message.h"

/* What may keep an exchange from being exact: bit, word in `doubts`, meaning. */
#define DOUBTS(X) \
	X(HEADER_UNKNOWN,	"header-unknown",	"a header field refers to HPACK state never seen") \
	X(RECORDS_LOST,		"records-lost",		"records of this connection were lost meanwhile") \
	X(REQUEST_UNSEEN,	"request-unseen",	"the response was seen, its request was not") \
	X(RESPONSE_UNSEEN,	"response-unseen",	"no response was seen before the connection ended") \
	X(UNFINISHED,		"unfinished",		"still under way when tracing stopped") \
	X(RESET,		"reset",		"the stream or connection ended before the response did") \
	X(TRUNCATED,		"truncated",		"a header or certificate was longer than is kept") \
	X(CONNECTION_UNKNOWN,	"connection-unknown",	"the connection's description was lost: its client certificate is unknown") \
	X(MALFORMED,		"malformed",		"the request broke the protocol") \
	X(AUTHORITY_UNKNOWN,	"authority-unknown",	"which CA the server trusts for this certificate is not known") \
	X(SEVERAL_CREDENTIALS,	"several-credentials",	"several credentials were sent: which of them the server accepted is not seen") \
	X(OUT_OF_MEMORY,	"out-of-memory",	"memory ran out: fields are missing") \
	X(REQUEST_UNFINISHED,	"request-unfinished",	"the response ended before the end of the request was seen: its size is what was seen by then")

enum doubt_bit {
#define X(name, word, help) DOUBT_BIT_##name,
	DOUBTS(X)
#undef X
	DOUBT_MAX,
};
enum doubt {
#define X(name, word, help) DOUBT_##name = 1 << DOUBT_BIT_##name,
	DOUBTS(X)
#undef X
};

const char *doubt_word(enum doubt_bit bit);
const char *doubt_help(enum doubt_bit bit);

/* Was this header there? Unknown is never told as absent. */
enum seen {
	SEEN_UNKNOWN = 0,
	SEEN_ABSENT,
	SEEN_PRESENT,
};

enum protocol {
	PROTOCOL_UNKNOWN = 0,
	PROTOCOL_HTTP1_0,
	PROTOCOL_HTTP1_1,
	PROTOCOL_HTTP2,
};

const char *protocol_name(enum protocol p);	/* "HTTP/1.1", "HTTP/2.0"; "" for unknown */

#define EXCHANGE_GROUPS_MAX 64
#define EXCHANGE_STREAMS_MAX 4096	/* open on one connection; more are dropped and counted */
#define EXCHANGE_VALUE_MAX 8192		/* of one value but a secret; longer ones are cut: DOUBT_TRUNCATED */
#define EXCHANGE_CANCELLED_MAX 16	/* streams remembered after the client has reset them */

#define EXCHANGE_LOST_NS 120000000000ULL	/* twice kube-apiserver's --request-timeout */

/* All str and secrets are owned by the exchange and valid during the callback; an empty str is "not sent"
 * when the request was seen without doubt about its headers. */
struct exchange {
	struct conn *conn;
	uint32_t stream;		/* HTTP/2: stream id. HTTP/1: ordinal of the request since first seen */
	enum protocol protocol;
	uint32_t doubts;		/* DOUBT_* */

	uint64_t request_ns;		/* ktime of the request's first byte seen; 0: unseen */
	uint64_t first_byte_ns;		/* of the response's head; 0: unseen */
	uint64_t end_ns;		/* of the response's end, or of what ended the exchange */

	bool has_request, has_response;
	struct str method, host;
	struct str request_uri;		/* as sent: may hold a token, judge/cred redacts it in place */
	struct str user_agent;
	struct str forwarded_for;	/* X-Forwarded-For fields, joined by ", " */
	struct str real_ip;		/* X-Real-Ip */
	struct str request_audit_id;	/* Audit-ID as the client chose it */

	enum seen authorization_seen;
	struct secret authorization;	/* value of the first Authorization field */
	enum seen ws_protocol_seen;
	struct secret ws_protocol;	/* Sec-WebSocket-Protocol: fields joined by "," */
	enum seen websocket_seen;	/* Upgrade: websocket together with Connection: upgrade: only then does
					 * the server look for a token in ws_protocol */

	struct str impersonate_user, impersonate_uid;
	struct str impersonate_groups[EXCHANGE_GROUPS_MAX];
	size_t nr_impersonate_groups;
	struct str remote_user;		/* X-Remote-User: front proxy, or forged */
	struct str remote_groups[EXCHANGE_GROUPS_MAX];
	size_t nr_remote_groups;

	uint16_t status;		/* final response; 0: unseen */
	struct str audit_id;		/* Audit-Id of the response */
	bool has_flow_schema;		/* X-Kubernetes-PF-FlowSchema-UID: the server got past authentication */
	bool is_upgraded;		/* 101; HTTP/2: 2xx to an extended CONNECT */
	bool is_goaway;			/* a GOAWAY followed: the server thought it anonymous, or is closing */
	bool has_request_bytes;		/* false: HTTP/1 with a Transfer-Encoding, whose framing is not seen */
	uint64_t request_bytes;		/* of the bodies, as far as the server read them */
	uint64_t response_bytes;

	char *text[2];			/* what the str point into, by direction */
};

/* x, and what of its secrets was not wiped, is freed after the return. Must not push into the stage. */
typedef void exchange_emit_fn(void *ctx, struct exchange *x);

struct exchanges {
	struct counters *counters;
	exchange_emit_fn *emit;
	void *ctx;
	struct map open;		/* conn serial -> struct peer: the open streams of it */
};

void exchange_init(struct exchanges *e, struct counters *counters, exchange_emit_fn *emit, void *ctx);
void exchange_push(void *exchanges, const struct message *m);	/* a message_push_fn */

/* Emit all that is open, as unfinished. flow_finish() leads to the same, by way of MESSAGE_CLOSED. */
void exchange_finish(struct exchanges *e, uint64_t ktime_ns);
void exchange_done(struct exchanges *e);			/* emits nothing */

#endif
