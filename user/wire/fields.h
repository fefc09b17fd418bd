/* SPDX-License-Identifier: Apache-2.0
 *
 * fields - the header fields of one head while it is being told: a list, and the bytes it points to.
 *
 * One is shared by all connections of a stage and emptied for each head, so that a field costs a copy
 * and no allocation. Both parts are reserved whole at the first use and never move; only pages that a
 * head once touched are in memory. They may hold secrets: fields_done() overwrites them.
 */
#ifndef ANONTAP_WIRE_FIELDS_H
#define ANONTAP_WIRE_FIELDS_H

#include "wire/message.h"

/* Enough for every head that net/http accepts: MaxHeaderBytes is 1 MiB, an entry counts 32 and more. */
#define FIELDS_MAX 32768
#define FIELDS_TEXT_MAX (1024 * 1024 + 64 * 1024)

struct fields {
	struct field *list;
	size_t nr;
	char *text;
	size_t n;		/* bytes of text in use */
	size_t dirty;		/* bytes of text ever used */
	size_t nr_unknown;	/* fields whose name or value is not known */
	bool is_truncated;	/* more came than fits; the rest was left out */
};

int fields_reset(struct fields *f);	/* empty; 0, -ENOMEM */
void fields_done(struct fields *f);

/* Append a copy. What does not fit is left out, and said to be. */
void fields_add(struct fields *f, struct str name, struct str value, bool is_name_known, bool is_value_known);

/* Append without copying: the bytes are in f->text, or live as long. */
void fields_link(struct fields *f, struct str name, struct str value);

/* Copy bytes to be worked on in place: NULL when they do not fit. */
char *fields_copy(struct fields *f, struct str s);

#endif
