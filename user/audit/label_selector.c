/* SPDX-License-Identifier: Apache-2.0
 * One idea: the grammar is small enough for one token of lookahead; nothing is kept but where it stands. */
#include "audit/label_selector.h"

#define NAME_MAX_BYTES		63
#define SUBDOMAIN_MAX_BYTES	253

enum token { END, WORD, IN, NOT_IN, COMMA, OPEN, CLOSE, NOT, EQUALS, DOUBLE_EQUALS, NOT_EQUALS, GREATER, LESS };

struct lexer {
	struct str rest;
	enum token token;	/* the next one */
	struct str text;	/* of a WORD, IN or NOT_IN */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_special(char c)
{
	return c == '=' || c == '!' || c == '(' || c == ')' || c == ',' || c == '>' || c == '<';
}

static enum token special(struct lexer *l)
{
	char c = l->rest.p[0], next = l->rest.n > 1 ? l->rest.p[1] : '\0';
	bool is_two = next == '=' && (c == '=' || c == '!');

	l->rest = str_from(l->rest, is_two ? 2 : 1);
	if (l->rest.n && !l->rest.p[0])
		l->rest = str_from(l->rest, 1);
	switch (c) {
	case '=':
		return is_two ? DOUBLE_EQUALS : EQUALS;
	case '!':
		return is_two ? NOT_EQUALS : NOT;
	case '(':
		return OPEN;
	case ')':
		return CLOSE;
	case ',':
		return COMMA;
	case '>':
		return GREATER;
	default:
		return LESS;
	}
}

/* A zero byte ends a word or an operator and is gone with it; where a token is due it ends everything. */
static void next(struct lexer *l)
{
	size_t n = 0;

	while (l->rest.n && is_space(l->rest.p[0]))
		l->rest = str_from(l->rest, 1);
	l->text = (struct str){ 0 };
	if (!l->rest.n || !l->rest.p[0]) {
		l->rest = (struct str){ 0 };
		l->token = END;
		return;
	}
	if (is_special(l->rest.p[0])) {
		l->token = special(l);
		return;
	}
	while (n < l->rest.n && l->rest.p[n] && !is_special(l->rest.p[n]) && !is_space(l->rest.p[n]))
		n++;
	l->text = str_first(l->rest, n);
	l->token = str_eq(l->text, STR("in")) ? IN : str_eq(l->text, STR("notin")) ? NOT_IN : WORD;
	l->rest = str_from(l->rest, n < l->rest.n && !l->rest.p[n] ? n + 1 : n);
}

static bool is_word(const struct lexer *l)
{
	return l->token == WORD || l->token == IN || l->token == NOT_IN;
}

static bool is_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alphanumeric(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static bool is_name(struct str s)
{
	if (!s.n || s.n > NAME_MAX_BYTES || !is_alphanumeric(s.p[0]) || !is_alphanumeric(s.p[s.n - 1]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_alphanumeric(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && s.p[i] != '.')
			return false;
	return true;
}

bool label_is_subdomain(struct str s)
{
	if (!s.n || s.n > SUBDOMAIN_MAX_BYTES || s.p[s.n - 1] == '.')
		return false;
	while (s.n) {
		struct str label = str_take_until(&s, '.');

		if (!label.n || !is_lower(label.p[0]) || !is_lower(label.p[label.n - 1]))
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!is_lower(label.p[i]) && label.p[i] != '-')
				return false;
	}
	return true;
}

static bool is_key(struct str s)
{
	struct str prefix;

	if (!str_has(s, '/'))
		return is_name(s);
	prefix = str_take_until(&s, '/');
	return label_is_subdomain(prefix) && is_name(s);
}

static bool is_value(struct str s)
{
	return !s.n || is_name(s);
}

/* "(a,,b)": empty values are values; behind the last one, or where it is bad, *l stands. */
static bool take_values(struct lexer *l)
{
	if (l->token != OPEN)
		return false;
	next(l);
	if (l->token == CLOSE) {
		next(l);
		return true;
	}
	for (;;) {
		if (is_word(l)) {
			if (!is_value(l->text))
				return false;
			next(l);
			if (l->token != COMMA && l->token != CLOSE)
				return false;
		} else if (l->token == COMMA) {
			next(l);
			if (l->token == COMMA)
				next(l);
		} else {
			return false;
		}
		if (l->token == CLOSE) {
			next(l);
			return true;
		}
	}
}

static bool take_exact_value(struct lexer *l, bool is_number)
{
	uint64_t unused;

	if (l->token == END || l->token == COMMA)
		return !is_number;
	if (!is_word(l) || !is_value(l->text) || (is_number && str_u64(l->text, INT64_MAX, &unused)))
		return false;
	next(l);
	return true;
}

static bool take_requirement(struct lexer *l)
{
	bool is_not = l->token == NOT;
	enum token operator;

	if (is_not)
		next(l);
	if (!is_word(l) || !is_key(l->text))
		return false;
	next(l);
	if (is_not || l->token == END || l->token == COMMA)
		return true;
	operator = l->token;
	next(l);
	switch (operator) {
	case IN:
	case NOT_IN:
		return take_values(l);
	case EQUALS:
	case DOUBLE_EQUALS:
	case NOT_EQUALS:
		return take_exact_value(l, false);
	case GREATER:
	case LESS:
		return take_exact_value(l, true);
	default:
		return false;
	}
}

bool label_selector_is_valid(struct str s)
{
	struct lexer l = { .rest = s };

	next(&l);
	while (l.token != END) {
		if (!take_requirement(&l))
			return false;
		if (l.token == END)
			return true;
		if (l.token != COMMA)
			return false;
		next(&l);
		if (!is_word(&l) && l.token != NOT)
			return false;
	}
	return true;
}
