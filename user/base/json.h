/* SPDX-License-Identifier: Apache-2.0
 *
 * json - writes one JSON value into a buf, without building a tree. (Reading is jread's.)
 *
 * Commas are the writer's business: open, add keys or values, close. Strings are escaped; bytes that
 * are not UTF-8 become U+FFFD, so the output is valid JSON whatever a client sent. Errors are the
 * buf's sticky ones. Nesting is at most 32 deep (asserted: it is ours).
 */
#ifndef ANONTAP_BASE_JSON_H
#define ANONTAP_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"

struct json {
	struct buf *out;
	uint32_t has_item;	/* a bit per level: something was written there */
	int depth;
};

void json_init(struct json *j, struct buf *out);
void json_open(struct json *j, char bracket);		/* '{' or '[' as the next value */
void json_close(struct json *j, char bracket);		/* '}' or ']' */
void json_key(struct json *j, const char *key);		/* then a value or json_open() */
void json_str(struct json *j, struct str s);
void json_u64(struct json *j, uint64_t v);
void json_bool(struct json *j, bool v);
void json_seconds(struct json *j, uint64_t ns);		/* as seconds, 9 digits, trailing zeros cut */

/* key and value at once */
void json_put_str(struct json *j, const char *key, struct str s);
void json_put_strs(struct json *j, const char *key, const struct str *s, size_t n);	/* an array */
void json_put_z(struct json *j, const char *key, const char *z);
void json_put_u64(struct json *j, const char *key, uint64_t v);
void json_put_bool(struct json *j, const char *key, bool v);
void json_put_seconds(struct json *j, const char *key, uint64_t ns);

#endif
