/* SPDX-License-Identifier: Apache-2.0
 *
 * message - what http1 and http2 say to exchange: the events of one HTTP message, in order within a
 * direction of a connection. Borrowed: valid during the push only.
 *
 * A stream may get a second response HEAD when the first one's status could not be decoded (code 0): it
 * may have been an informational one. A request HEAD of HTTP/2 of which no pseudo-header field could be
 * decoded may be trailers: that is so when the stream has a request already, or is not a new one.
 */
#ifndef ANONTAP_WIRE_MESSAGE_H
#define ANONTAP_WIRE_MESSAGE_H

#include "wire/conn.h"

struct field {
	struct str name;		/* HTTP/2: as sent, lower case; HTTP/1: as sent */
	struct str value;
	bool is_name_known;		/* false: an HPACK reference that cannot be resolved */
	bool is_value_known;
};

enum message_kind {
	MESSAGE_HEAD,		/* a request or response head; 1xx other than 101 and trailers are not told */
	MESSAGE_BODY,		/* `bytes` more of the body */
	MESSAGE_END,		/* the message ended as it should; `bytes`, if not 0, is the body's total. Of a
				 * response without a HEAD: it was lost, and is over */
	MESSAGE_RESET,		/* RST_STREAM: `code`; dir says who sent it */
	MESSAGE_GOAWAY,		/* GOAWAY by the server: `stream` is the last it will process */
	MESSAGE_LOST,		/* records of this direction were lost: what is open is in doubt */
	MESSAGE_CLOSED,		/* the connection ended, nothing more follows */
};

struct message {
	enum message_kind kind;
	uint8_t dir;			/* TAP_READ, TAP_WRITE */
	uint8_t http_minor;		/* HTTP/1.x of a head: 0 or 1 */
	bool is_http2;
	bool is_malformed;		/* a head that breaks the protocol; fields holds what could be read */
	bool is_truncated;		/* a head of which part was not kept */
	bool is_unknown;		/* a head whose fields could not be decoded at all */
	bool has_bad_lines;		/* HTTP/1: lines that are no header fields were left out of a malformed head */
	bool is_cut;			/* CLOSED: the connection goes on, it is only not followed any further */
	struct conn *conn;
	uint32_t stream;
	uint64_t ktime_ns;
	uint64_t bytes;
	uint32_t code;			/* RESET: error code; HEAD of a response: status */
	struct str method, target;	/* HEAD of a request (HTTP/2: :method and :path) */
	struct str authority;		/* :authority, or Host */
	struct str protocol;		/* :protocol of an extended CONNECT (RFC 8441), else empty */
	const struct field *fields;	/* HEAD: without pseudo-header fields */
	size_t nr_fields;
};

typedef void message_push_fn(void *ctx, const struct message *m);

#endif
