/* SPDX-License-Identifier: Apache-2.0
 *
 * jread - reads JSON in place, member by member, without a tree and without memory.
 *
 *	jread_init(&r, line);
 *	if (jread_enter(&r, '{'))
 *		while (jread_member(&r, &key))
 *			if (jtext_eq(key, STR("exp"))) jread_number(&r, &exp); else jread_skip(&r);
 *	if (!jread_end(&r)) … it was not one whole JSON value
 *
 * It is the reverse of json: what that writes reads back byte for byte. It is strict (RFC 8259; no
 * trailing commas, no raw control characters) except that it does not check UTF-8. Badness is sticky:
 * after it every call returns false. Nesting is at most JREAD_DEPTH_MAX deep, without recursion.
 *
 * What a tree would hide is the caller's to see: repeated keys, order, the exact digits of a number.
 */
#ifndef ANONTAP_BASE_JREAD_H
#define ANONTAP_BASE_JREAD_H

#include "base/str.h"

#define JREAD_DEPTH_MAX 32

struct jread {
	const char *p, *end;
	uint32_t has_item;	/* a bit per level: a comma is due before the next item */
	uint32_t is_object;	/* a bit per level */
	int depth;
	bool is_bad;
};

/* A string as it stands between its quotes; borrowed from the input. */
struct jtext {
	struct str raw;
	bool has_escape;
};

enum jread_kind {
	JREAD_BAD,
	JREAD_OBJECT,
	JREAD_ARRAY,
	JREAD_STRING,
	JREAD_NUMBER,
	JREAD_TRUE,
	JREAD_FALSE,
	JREAD_NULL,
};

void jread_init(struct jread *r, struct str s);
enum jread_kind jread_peek(struct jread *r);			/* of the value that comes next */

/* '{' or '[' as the next value. Then jread_member() or jread_item() until it returns false. */
bool jread_enter(struct jread *r, char bracket);
bool jread_member(struct jread *r, struct jtext *ret_key);	/* false: the object ended, or is bad */
bool jread_item(struct jread *r);				/* false: the array ended, or is bad */

bool jread_text(struct jread *r, struct jtext *ret);
bool jread_number(struct jread *r, struct str *ret);		/* its characters */
bool jread_bool(struct jread *r, bool *ret);
bool jread_skip(struct jread *r);				/* the next value, whatever it is */
bool jread_end(struct jread *r);				/* all was read and nothing was bad */

bool jtext_eq(struct jtext t, struct str s);

/* Without escapes, into out, which has room for t.raw.n bytes; returns how many there are. "\ufffd"
 * and lone surrogates become the byte 0xff: json writes that escape for a byte that is not UTF-8. */
size_t jtext_copy(struct jtext t, char *out);

/* A number without sign and exponent, as thousand-millionths: "1.5" is 1500000000. More digits than
 * nine are cut. Returns 0; -EINVAL; -ERANGE. */
int jread_nanos(struct str number, uint64_t *ret);

#endif
