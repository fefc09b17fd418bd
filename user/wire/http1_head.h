/* SPDX-License-Identifier: Apache-2.0
 *
 * http1_head - reads one HTTP/1 head as Go's net/http does (net/textproto, http.readRequest): bare LF
 * and obs-fold are taken, a space before the colon is not.
 *
 * A head may be cut: then a line that is not there whole, or that a lost line may continue, is left out.
 * A head that net/http refuses is read as far as it can be: lines that are no header fields are left out
 * (has_bad_lines), the others are fields.
 */
#ifndef ANONTAP_WIRE_HTTP1_HEAD_H
#define ANONTAP_WIRE_HTTP1_HEAD_H

#include "wire/fields.h"

struct http1_head {
	uint8_t minor;			/* HTTP/1.x: 0 or 1 */
	bool is_malformed;
	bool has_bad_lines;
	struct str method, target;	/* request */
	struct str authority;		/* of an absolute target, or Host */
	uint32_t status;		/* response; 0: none could be read */
};

/* Read the head in `bytes`; appends its fields. The str of both point into fields. */
struct http1_head http1_read_request(struct str bytes, struct fields *fields);
struct http1_head http1_read_response(struct str bytes, struct fields *fields);

#endif
