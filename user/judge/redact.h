/* SPDX-License-Identifier: Apache-2.0
 *
 * redact - takes secrets out of a request URI.
 *
 * Replaced by REDACTED: the values of query keys that name a secret (redact.c lists them; compared
 * after percent-decoding, without case), a value that looks like a JWT whatever its key, and the
 * user information of an absolute-form target ("http://user:password@host/"). Everything else stays
 * byte for byte, so a URI without a secret is the same as in the audit log.
 *
 * What it does not do: look into values (the command= of an exec may hold anything) or into the path.
 */
#ifndef ANONTAP_JUDGE_REDACT_H
#define ANONTAP_JUDGE_REDACT_H

#include "base/buf.h"

#define REDACT_SPANS_MAX 32	/* secrets in one URI that are replaced one by one; from the last one on,
				 * all that follows is one secret */

struct redaction {
	struct str secret[REDACT_SPANS_MAX];	/* what is to be replaced, in order; borrowed from the URI */
	size_t nr_secrets;
	struct str access_token;		/* value of the first access_token=, still percent-encoded */
};

void redact_find(struct str uri, struct redaction *ret);

/* The URI with REDACTED for each secret, appended to out. Returns 0; -ENOMEM. */
int redact_fmt(struct str uri, const struct redaction *what, struct buf *out);

/* Decode %XX and '+' of a query value into out (s.n bytes). Broken escapes stay. Returns the length. */
size_t redact_query_decode(struct str s, char *out);

#endif
