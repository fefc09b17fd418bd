/* SPDX-License-Identifier: Apache-2.0
 *
 * A token as it comes; or, when the input begins with '{', the claims of one, so that the fuzzer need
 * not learn base64.
 */
#include <stdlib.h>
#include "judge/jwt.h"
#include "token.h"

#define MUST(claim) \
	do { \
		if (!(claim)) \
			abort(); \
	} while (0)

static void check_text(const struct jwt *j, struct str s)
{
	const char *from = (const char *)j->text;

	MUST(s.n <= JWT_TEXT_MAX);
	MUST(!s.n || (s.p >= from && s.p + s.n <= from + sizeof(j->text)));
	MUST(!s.n || !memchr(s.p, '\0', s.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char token[3 * JWT_MAX];
	struct str s = { (const char *)data, size };
	struct jwt *j = malloc(sizeof(*j)); /* so that reading what was not written is seen by tools that can */

	MUST(j);
	if (size && size <= JWT_MAX && data[0] == '{')
		s = str_of(token_jwt("{\"alg\":\"RS256\"}", s, token));
	(void)jwt_is_bootstrap_token(s); /* any answer will do */
	if (!jwt_parse(s, j)) {
		check_text(j, j->subject);
		check_text(j, j->issuer);
		check_text(j, j->id);
		MUST(j->expires_s >= 0 && j->not_before_s >= 0);
	}
	free(j);
	return 0;
}
