/* SPDX-License-Identifier: Apache-2.0
 * One idea: memory that never moves, so that a str into it stays good while more is added. */
#include "wire/fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int fields_reset(struct fields *f)
{
	if (!f->list)
		f->list = malloc(FIELDS_MAX * sizeof(*f->list));
	if (!f->text)
		f->text = malloc(FIELDS_TEXT_MAX);
	f->nr = f->n = f->nr_unknown = 0;
	f->is_truncated = false;
	return f->list && f->text ? 0 : -ENOMEM;
}

void fields_done(struct fields *f)
{
	if (f->text)
		explicit_bzero(f->text, f->dirty);
	free(f->text);
	free(f->list);
	*f = (struct fields){ 0 };
}

char *fields_copy(struct fields *f, struct str s)
{
	char *p = f->text + f->n;

	if (s.n > FIELDS_TEXT_MAX - f->n)
		return NULL;
	if (s.n)
		memcpy(p, s.p, s.n);
	f->n += s.n;
	if (f->dirty < f->n)
		f->dirty = f->n;
	return p;
}

static void append(struct fields *f, struct field field)
{
	if (f->nr == FIELDS_MAX) {
		f->is_truncated = true;
		return;
	}
	f->nr_unknown += !field.is_name_known || !field.is_value_known;
	f->list[f->nr++] = field;
}

void fields_link(struct fields *f, struct str name, struct str value)
{
	append(f, (struct field){ name, value, true, true });
}

void fields_add(struct fields *f, struct str name, struct str value, bool is_name_known, bool is_value_known)
{
	char *n = fields_copy(f, name), *v = n ? fields_copy(f, value) : NULL;

	if (!v) {
		f->is_truncated = true;
		return;
	}
	append(f, (struct field){ { n, name.n }, { v, value.n }, is_name_known, is_value_known });
}
