/* SPDX-License-Identifier: Apache-2.0
 * One idea: a bit per nesting level remembers whether a comma is due. */
#include "base/json.h"

#include <assert.h>

#include "base/utf8.h"

void json_init(struct json *j, struct buf *out)
{
	*j = (struct json){ .out = out };
}

static void before_value(struct json *j)
{
	uint32_t bit = UINT32_C(1) << j->depth;

	if (j->has_item & bit)
		(void)buf_add_c(j->out, ','); /* the buf remembers */
	j->has_item |= bit;
}

void json_open(struct json *j, char bracket)
{
	before_value(j);
	(void)buf_add_c(j->out, bracket);
	assert(j->depth < 31);
	j->depth++;
	j->has_item &= ~(UINT32_C(1) << j->depth);
}

void json_close(struct json *j, char bracket)
{
	assert(j->depth > 0);
	j->depth--;
	(void)buf_add_c(j->out, bracket);
}

static void add_escaped(struct buf *out, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t plain = 0, i = 0;

	if (!s.n)
		return; /* then s.p may be NULL, to which not even 0 may be added */
	while (i < s.n) {
		size_t len = 1;

		if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\') {
			i++;
			continue;
		}
		if (p[i] >= 0x80) {
			len = utf8_length(str_from(s, i));
			if (len) {
				i += len;
				continue;
			}
			len = 1;
		}
		(void)buf_add(out, s.p + plain, i - plain);
		if (p[i] == '"' || p[i] == '\\')
			(void)buf_fmt(out, "\\%c", p[i]);
		else if (p[i] >= 0x80)
			(void)buf_add_str(out, STR("\\ufffd"));
		else
			(void)buf_fmt(out, "\\u%04x", p[i]);
		i += len;
		plain = i;
	}
	(void)buf_add(out, s.p + plain, s.n - plain);
}

void json_str(struct json *j, struct str s)
{
	before_value(j);
	(void)buf_add_c(j->out, '"');
	add_escaped(j->out, s);
	(void)buf_add_c(j->out, '"');
}

/* Digits of v, the last one at end[-1]; returns where they begin. */
static char *digits_before(char *end, uint64_t v)
{
	do {
		*--end = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return end;
}

void json_u64(struct json *j, uint64_t v)
{
	char text[24], *from = digits_before(text + sizeof(text), v);

	before_value(j);
	(void)buf_add(j->out, from, (size_t)(text + sizeof(text) - from));
}

void json_bool(struct json *j, bool v)
{
	before_value(j);
	(void)buf_add_str(j->out, v ? STR("true") : STR("false"));
}

void json_seconds(struct json *j, uint64_t ns)
{
	char text[16];
	int n = 9;
	uint64_t fraction = ns % 1000000000;

	json_u64(j, ns / 1000000000);
	if (!fraction)
		return;
	for (int i = 9; i > 0; i--, fraction /= 10)
		text[i] = (char)('0' + fraction % 10);
	text[0] = '.';
	while (text[n] == '0')
		n--;
	(void)buf_add(j->out, text, (size_t)n + 1);
}

void json_key(struct json *j, const char *key)
{
	uint32_t bit = UINT32_C(1) << j->depth;

	json_str(j, str_of(key));
	(void)buf_add_c(j->out, ':');
	j->has_item &= ~bit; /* no comma between key and value; the value sets it again */
}

void json_put_str(struct json *j, const char *key, struct str s)
{
	json_key(j, key);
	json_str(j, s);
}

void json_put_strs(struct json *j, const char *key, const struct str *s, size_t n)
{
	json_key(j, key);
	json_open(j, '[');
	for (size_t i = 0; i < n; i++)
		json_str(j, s[i]);
	json_close(j, ']');
}

void json_put_z(struct json *j, const char *key, const char *z)
{
	json_put_str(j, key, str_of(z));
}

void json_put_u64(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_u64(j, v);
}

void json_put_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}

void json_put_seconds(struct json *j, const char *key, uint64_t ns)
{
	json_key(j, key);
	json_seconds(j, ns);
}
