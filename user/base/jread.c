/* SPDX-License-Identifier: Apache-2.0
 * One idea: two bits per nesting level are the whole state of a JSON parser: what kind the level is,
 * and whether a comma is due. */
#include "base/jread.h"

#include <errno.h>
#include <string.h>

#include "base/hex.h"

void jread_init(struct jread *r, struct str s)
{
	*r = (struct jread){ .p = s.p, .end = s.n ? s.p + s.n : s.p };
}

static bool bad(struct jread *r)
{
	r->is_bad = true;
	return false;
}

/* The next byte that is not white space; 0 at the end (a NUL in the input is bad anywhere). */
static char next_byte(struct jread *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
	return r->p < r->end && !r->is_bad ? *r->p : '\0';
}

enum jread_kind jread_peek(struct jread *r)
{
	switch (next_byte(r)) {
	case '{':
		return JREAD_OBJECT;
	case '[':
		return JREAD_ARRAY;
	case '"':
		return JREAD_STRING;
	case 't':
		return JREAD_TRUE;
	case 'f':
		return JREAD_FALSE;
	case 'n':
		return JREAD_NULL;
	case '-':
	case '0' ... '9':
		return JREAD_NUMBER;
	default:
		return JREAD_BAD;
	}
}

bool jread_enter(struct jread *r, char bracket)
{
	uint32_t bit;

	if (next_byte(r) != bracket || r->depth + 1 >= JREAD_DEPTH_MAX)
		return bad(r);
	r->p++;
	r->depth++;
	bit = UINT32_C(1) << r->depth;
	r->has_item &= ~bit;
	r->is_object = bracket == '{' ? r->is_object | bit : r->is_object & ~bit;
	return true;
}

/* The next item of the level: its comma is taken. False at the closing bracket, which is taken too. */
static bool next_item(struct jread *r, char closing)
{
	uint32_t bit = UINT32_C(1) << r->depth;
	char c = next_byte(r);

	if (!r->depth || !c)
		return bad(r);
	if (c == closing) {
		r->p++;
		r->depth--;
		return false;
	}
	if (r->has_item & bit) {
		if (c != ',')
			return bad(r);
		r->p++;
		if (next_byte(r) == closing)
			return bad(r);
	}
	r->has_item |= bit;
	return true;
}

bool jread_member(struct jread *r, struct jtext *ret_key)
{
	if (!next_item(r, '}') || !jread_text(r, ret_key))
		return false;
	if (next_byte(r) != ':')
		return bad(r);
	r->p++;
	return true;
}

bool jread_item(struct jread *r)
{
	return next_item(r, ']');
}

/* Length of the escape at p[0] = '\\'; 0 when it is none. */
static size_t escape_length(const char *p, const char *end)
{
	if (end - p < 2)
		return 0;
	if (p[1] != 'u')
		return p[1] && strchr("\"\\/bfnrt", p[1]) ? 2 : 0;
	if (end - p < 6)
		return 0;
	for (int i = 2; i < 6; i++)
		if (hex_value(p[i]) < 0)
			return 0;
	return 6;
}

bool jread_text(struct jread *r, struct jtext *ret)
{
	const char *from, *p;
	bool has_escape = false;

	if (next_byte(r) != '"')
		return bad(r);
	from = p = r->p + 1;
	while (p < r->end && *p != '"') {
		if ((unsigned char)*p < 0x20)
			return bad(r);
		if (*p == '\\') {
			size_t n = escape_length(p, r->end);

			if (!n)
				return bad(r);
			has_escape = true;
			p += n;
		} else {
			p++;
		}
	}
	if (p >= r->end)
		return bad(r);
	r->p = p + 1;
	*ret = (struct jtext){ { from, (size_t)(p - from) }, has_escape };
	return true;
}

/* Digits at r->p; false when there is none. */
static bool skip_digits(struct jread *r)
{
	const char *from = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return r->p > from;
}

bool jread_number(struct jread *r, struct str *ret)
{
	const char *from;

	if (jread_peek(r) != JREAD_NUMBER)
		return bad(r);
	from = r->p;
	if (*r->p == '-')
		r->p++;
	if (r->p < r->end && *r->p == '0')
		r->p++;
	else if (!skip_digits(r))
		return bad(r);
	if (r->p < r->end && *r->p == '.') {
		r->p++;
		if (!skip_digits(r))
			return bad(r);
	}
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
		r->p++;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		if (!skip_digits(r))
			return bad(r);
	}
	*ret = (struct str){ from, (size_t)(r->p - from) };
	return true;
}

static bool skip_word(struct jread *r, struct str word)
{
	if ((size_t)(r->end - r->p) < word.n || memcmp(r->p, word.p, word.n))
		return bad(r);
	r->p += word.n;
	return true;
}

bool jread_bool(struct jread *r, bool *ret)
{
	enum jread_kind kind = jread_peek(r);

	if (kind != JREAD_TRUE && kind != JREAD_FALSE)
		return bad(r);
	if (!skip_word(r, kind == JREAD_TRUE ? STR("true") : STR("false")))
		return false;
	*ret = kind == JREAD_TRUE;
	return true;
}

/* One value that is no object or array, or the opening of one. */
static bool skip_one(struct jread *r)
{
	struct jtext text;
	struct str number;

	switch (jread_peek(r)) {
	case JREAD_OBJECT:
		return jread_enter(r, '{');
	case JREAD_ARRAY:
		return jread_enter(r, '[');
	case JREAD_STRING:
		return jread_text(r, &text);
	case JREAD_NUMBER:
		return jread_number(r, &number);
	case JREAD_TRUE:
		return skip_word(r, STR("true"));
	case JREAD_FALSE:
		return skip_word(r, STR("false"));
	case JREAD_NULL:
		return skip_word(r, STR("null"));
	case JREAD_BAD:
		break;
	}
	return bad(r);
}

bool jread_skip(struct jread *r)
{
	int depth = r->depth;
	struct jtext key;

	if (!skip_one(r))
		return false;
	while (r->depth > depth) {
		bool is_object = r->is_object >> r->depth & 1;
		bool has_next = is_object ? jread_member(r, &key) : jread_item(r);

		if (has_next)
			(void)skip_one(r); /* badness is sticky and seen below */
		if (r->is_bad)
			return false;
	}
	return true;
}

bool jread_end(struct jread *r)
{
	(void)next_byte(r); /* to step over white space */
	return !r->is_bad && r->depth == 0 && r->p == r->end;
}

static uint32_t hex4(const char *p)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 4 | (uint32_t)hex_value(p[i]);
	return v;
}

static size_t put_utf8(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* The escape at p, which jread_text() found whole: what it stands for into out. Returns the bytes
 * written; *p moves behind it. */
static size_t take_escape(const char **p, const char *end, char *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = *p;
	uint32_t c;

	if (at[1] != 'u') {
		*p = at + 2;
		out[0] = to[strchr(from, at[1]) - from];
		return 1;
	}
	c = hex4(at + 2);
	*p = at + 6;
	if (c >= 0xd800 && c < 0xdc00 && end - *p >= 6 && at[6] == '\\' && at[7] == 'u') {
		uint32_t low = hex4(at + 8);

		if (low >= 0xdc00 && low < 0xe000) {
			*p = at + 12;
			return put_utf8(0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00), out);
		}
	}
	if ((c >= 0xd800 && c < 0xe000) || c == 0xfffd) {
		out[0] = (char)0xff;
		return 1;
	}
	return put_utf8(c, out);
}

size_t jtext_copy(struct jtext t, char *out)
{
	const char *p = t.raw.p, *end = t.raw.n ? t.raw.p + t.raw.n : t.raw.p;
	size_t n = 0;

	if (!t.has_escape) {
		if (t.raw.n)
			memcpy(out, t.raw.p, t.raw.n);
		return t.raw.n;
	}
	while (p < end) {
		if (*p == '\\')
			n += take_escape(&p, end, out + n);
		else
			out[n++] = *p++;
	}
	return n;
}

bool jtext_eq(struct jtext t, struct str s)
{
	const char *p = t.raw.p, *end = t.raw.n ? t.raw.p + t.raw.n : t.raw.p;
	size_t at = 0;

	if (!t.has_escape)
		return str_eq(t.raw, s);
	while (p < end) {
		char bytes[4];
		size_t n = 1;

		if (*p == '\\')
			n = take_escape(&p, end, bytes);
		else
			bytes[0] = *p++;
		if (s.n - at < n || memcmp(s.p + at, bytes, n))
			return false;
		at += n;
	}
	return at == s.n;
}

int jread_nanos(struct str number, uint64_t *ret)
{
	struct str whole = str_take_until(&number, '.');
	uint64_t seconds, nanos = 0, unit = 1000000000;
	int r = str_u64(whole, UINT64_MAX / 1000000000 - 1, &seconds);

	if (r)
		return r;
	for (size_t i = 0; i < number.n; i++) {
		if (number.p[i] < '0' || number.p[i] > '9')
			return -EINVAL;
		unit /= 10;
		nanos += (uint64_t)(number.p[i] - '0') * unit;
	}
	*ret = seconds * 1000000000 + nanos;
	return 0;
}
