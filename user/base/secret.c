/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int secret_set(struct secret *s, struct str bytes)
{
	secret_wipe(s);
	s->is_cut = bytes.n > SECRET_MAX;
	bytes = str_first(bytes, SECRET_MAX);
	s->p = malloc(bytes.n ? bytes.n : 1);
	if (!s->p)
		return -ENOMEM;
	if (bytes.n)
		memcpy(s->p, bytes.p, bytes.n);
	s->n = bytes.n;
	return 0;
}

void secret_wipe(struct secret *s)
{
	if (s->p)
		explicit_bzero(s->p, s->n);
	free(s->p);
	*s = (struct secret){ 0 };
}

struct str secret_str(const struct secret *s)
{
	return (struct str){ s->p, s->n };
}
