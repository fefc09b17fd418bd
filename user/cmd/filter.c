/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "cmd/cli.h"

static int too_many(struct err *err)
{
	return err_set(err, -E2BIG, "more than %d values", FILTER_VALUES_MAX);
}

/* All words of an enum, separated by spaces. */
typedef const char *word_fn(unsigned i);

static const char *kind_word(unsigned i)
{
	return cred_kind_word((enum cred_kind)i);
}

static const char *outcome_word(unsigned i)
{
	return cred_outcome_word((enum cred_outcome)i);
}

/* A list of an enum's words into bits. */
static int parse_words(struct str value, word_fn *word_of, unsigned nr, uint32_t *ret_bits, struct err *err)
{
	uint32_t bits = *ret_bits;

	while (value.n) {
		struct str word = str_take_until(&value, ','), near;
		char words[256] = "";
		size_t n = 0;
		unsigned i = 0;

		while (i < nr && !str_eq(word, str_of(word_of(i))))
			i++;
		if (i < nr) {
			bits |= UINT32_C(1) << i;
			continue;
		}
		for (i = 0; i < nr && n < sizeof(words); i++)
			n += (size_t)snprintf(words + n, sizeof(words) - n, "%s%s", i ? " " : "", word_of(i));
		near = cli_nearest(word, words);
		return err_set(err, -EINVAL, "\"%.*s\" is none of: %s%s%.*s%s", STR_ARG(word), words,
			       near.n ? "; did you mean " : "", STR_ARG(near), near.n ? "?" : "");
	}
	*ret_bits = bits;
	return 0;
}

int filter_parse_credential(struct filter *f, struct str value, struct err *err)
{
	return parse_words(value, kind_word, CRED_KIND_MAX, &f->kinds, err);
}

int filter_parse_outcome(struct filter *f, struct str value, struct err *err)
{
	return parse_words(value, outcome_word, OUTCOME_MAX, &f->outcomes, err);
}

/* "404", "4xx", "200-299" */
static int parse_one_status(struct str s, uint16_t *ret_from, uint16_t *ret_to)
{
	uint64_t from, to;

	if (s.n == 3 && str_ieq(str_from(s, 1), STR("xx")) && s.p[0] >= '1' && s.p[0] <= '5') {
		from = (uint64_t)(s.p[0] - '0') * 100;
		to = from + 99;
	} else {
		struct str first = str_take_until(&s, '-');

		if (str_u64(first, 599, &from))
			return -EINVAL;
		to = from;
		if (s.n && str_u64(s, 599, &to))
			return -EINVAL;
	}
	if (from < 100 || to < from)
		return -EINVAL;
	*ret_from = (uint16_t)from;
	*ret_to = (uint16_t)to;
	return 0;
}

int filter_parse_status(struct filter *f, struct str value, struct err *err)
{
	while (value.n) {
		struct str word = str_take_until(&value, ',');

		if (f->nr_statuses == FILTER_VALUES_MAX)
			return too_many(err);
		if (parse_one_status(word, &f->statuses[f->nr_statuses].from, &f->statuses[f->nr_statuses].to))
			return err_set(err, -EINVAL, "\"%.*s\" is no status: write 404, 4xx or 200-299", STR_ARG(word));
		f->nr_statuses++;
	}
	return 0;
}

static int parse_list(struct str values[FILTER_VALUES_MAX], size_t *nr, struct str value, bool is_split, struct err *err)
{
	while (value.n) {
		if (*nr == FILTER_VALUES_MAX)
			return too_many(err);
		values[(*nr)++] = is_split ? str_take_until(&value, ',') : value;
		if (!is_split)
			break;
	}
	return 0;
}

int filter_parse_method(struct filter *f, struct str value, struct err *err)
{
	return parse_list(f->methods, &f->nr_methods, value, true, err);
}

int filter_parse_path(struct filter *f, struct str value, struct err *err)
{
	return parse_list(f->paths, &f->nr_paths, value, false, err);
}

int filter_parse_user(struct filter *f, struct str value, struct err *err)
{
	return parse_list(f->users, &f->nr_users, value, false, err);
}

static int parse_cidr(struct str s, struct filter_cidr *ret)
{
	struct str address = str_take_until(&s, '/');
	struct filter_cidr c = { .bits = 128 };
	char text[INET6_ADDRSTRLEN + 1];
	uint64_t bits;
	bool is_v4;

	if (address.n >= sizeof(text))
		return -EINVAL;
	memcpy(text, address.p, address.n);
	text[address.n] = '\0';
	is_v4 = inet_pton(AF_INET, text, c.ip + 12) == 1;
	if (is_v4)
		c.ip[10] = c.ip[11] = 0xff;
	else if (inet_pton(AF_INET6, text, c.ip) != 1)
		return -EINVAL;
	if (s.n) {
		if (str_u64(s, is_v4 ? 32 : 128, &bits))
			return -EINVAL;
		c.bits = (uint8_t)(bits + (is_v4 ? 96 : 0));
	}
	*ret = c;
	return 0;
}

int filter_parse_client(struct filter *f, struct str value, struct err *err)
{
	while (value.n) {
		struct str word = str_take_until(&value, ',');

		if (f->nr_clients == FILTER_VALUES_MAX)
			return too_many(err);
		if (parse_cidr(word, &f->clients[f->nr_clients]))
			return err_set(err, -EINVAL, "\"%.*s\" is no address range: write 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32",
				       STR_ARG(word));
		f->nr_clients++;
	}
	return 0;
}

static bool is_in(const struct filter_cidr *c, const uint8_t ip[16])
{
	unsigned whole = c->bits / 8, rest = c->bits % 8;

	if (memcmp(c->ip, ip, whole))
		return false;
	return !rest || !((c->ip[whole] ^ ip[whole]) >> (8 - rest));
}

static bool is_health(const struct exchange *x, struct str path)
{
	static const char *const roots[] = { "/healthz", "/livez", "/readyz" };

	if (!str_eq(x->method, STR("GET")) && !str_eq(x->method, STR("HEAD")))
		return false;
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		struct str root = str_of(roots[i]);

		if (str_starts(path, root) && (path.n == root.n || path.p[root.n] == '/'))
			return true;
	}
	return false;
}

static bool matches_any(const struct str *globs, size_t nr, struct str s)
{
	for (size_t i = 0; i < nr; i++)
		if (s.n && str_glob(globs[i], s))
			return true;
	return false;
}

static bool status_matches(const struct filter *f, uint16_t status)
{
	for (size_t i = 0; i < f->nr_statuses; i++)
		if (status >= f->statuses[i].from && status <= f->statuses[i].to)
			return true;
	return false;
}

static bool method_matches(const struct filter *f, struct str method)
{
	for (size_t i = 0; i < f->nr_methods; i++)
		if (str_ieq(f->methods[i], method))
			return true;
	return false;
}

static bool client_matches(const struct filter *f, const struct conn *c)
{
	for (size_t i = 0; c && c->has_address && i < f->nr_clients; i++)
		if (is_in(&f->clients[i], c->client_ip))
			return true;
	return false;
}

bool filter_match(const struct filter *f, const struct identity *id)
{
	const struct exchange *x = id->exchange;
	const struct credential *c = &id->credential;
	struct str rest = x->request_uri, path = str_take_until(&rest, '?');

	if (f->kinds && !(f->kinds >> c->kind & 1))
		return false;
	if (f->outcomes && !(f->outcomes >> c->outcome & 1))
		return false;
	if (f->nr_statuses && !status_matches(f, x->status))
		return false;
	if (f->nr_methods && !method_matches(f, x->method))
		return false;
	if (f->nr_paths && !matches_any(f->paths, f->nr_paths, path))
		return false;
	if (f->nr_users && !matches_any(f->users, f->nr_users, c->subject) &&
	    !matches_any(f->users, f->nr_users, x->impersonate_user))
		return false;
	if (f->nr_clients && !client_matches(f, x->conn))
		return false;
	return !f->is_health_excluded || !is_health(x, path);
}
