/* SPDX-License-Identifier: Apache-2.0
 *
 * One idea: Space-Saving (Metwally, Agrawal, El Abbadi 2005). When the table is full, a new key takes
 * over the rarest entry and its count, and remembers that count as its possible error. */
#include "tell/summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "tell/escape.h"

bool credential_is_none(const struct credential *c)
{
	return c->kind == CRED_NONE || c->outcome == OUTCOME_IGNORED;
}

/* FNV-1a: whoever aims at collisions makes the search compare keys, no more. */
static uint32_t hash_of(struct str s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619u;
	return h;
}

/* Where the key is; nr when it is not. */
static size_t find(const struct summary_entries *e, size_t nr, uint32_t hash, struct str key)
{
	for (size_t i = 0; i < nr; i++)
		if (e->hash[i] == hash && str_eq(str_of(e->key[i]), key))
			return i;
	return nr;
}

static size_t rarest(const struct summary_entries *e)
{
	size_t at = 0;

	for (size_t i = 1; i < SUMMARY_TOP_MAX; i++)
		if (e->n[i] < e->n[at])
			at = i;
	return at;
}

static void top_add(struct summary_top *t, struct str key)
{
	struct summary_entries *e = t->entries;
	uint32_t hash;
	size_t at;

	key = str_first(key, SUMMARY_KEY_MAX);
	hash = hash_of(key);
	if (!e)
		e = t->entries = calloc(1, sizeof(*e));
	if (!e) {
		t->is_approximate = true;
		return;
	}
	at = find(e, t->nr, hash, key);
	if (at == t->nr && t->nr == SUMMARY_TOP_MAX) {
		at = rarest(e);
		e->error[at] = e->n[at];
		t->is_approximate = true;
	} else if (at == t->nr) {
		t->nr++;
	} else {
		e->n[at]++;
		return;
	}
	e->hash[at] = hash;
	if (key.n)
		memcpy(e->key[at], key.p, key.n);
	e->key[at][key.n] = '\0';
	e->n[at]++;
}

static void add_target(struct summary *s, const struct process *p)
{
	for (size_t i = 0; i < s->nr_targets; i++)
		if (s->pids[i] == p->pid)
			return;
	if (s->nr_targets == SUMMARY_TARGETS_MAX)
		return;
	s->pids[s->nr_targets] = p->pid;
	(void)snprintf(s->targets[s->nr_targets++], sizeof(s->targets[0]), "%.47s (pid %u)", p->target[0] ? p->target : p->comm,
		       p->pid); /* a process's pid always fits */
}

void summary_push(struct summary *s, const struct identity *id)
{
	const struct exchange *x = id->exchange;
	const struct credential *c = &id->credential;
	struct str rest = x->request_uri;

	s->exchanges++;
	s->by_kind[c->kind]++;
	s->by_outcome[c->outcome]++;
	s->by_both[c->kind][c->outcome]++;
	s->by_class[x->status < 600 ? x->status / 100 : 0]++;
	s->in_doubt += x->doubts != 0;
	for (int i = 0; i < DOUBT_MAX; i++)
		s->by_doubt[i] += x->doubts >> i & 1;
	if (x->conn && x->conn->process)
		add_target(s, x->conn->process);
	if (!credential_is_none(c))
		return;
	top_add(&s->paths, str_take_until(&rest, '?'));
	if (x->conn && x->conn->has_address) {
		char address[CONN_ADDRESS_MAX];
		struct str text;

		(void)conn_fmt_address(x->conn->client_ip, 0, address); /* its length is not needed */
		text = str_of(address);
		text.n -= text.n >= 2 ? 2 : 0; /* without ":0" */
		top_add(&s->clients, text);
	}
}

void summary_done(struct summary *s)
{
	free(s->paths.entries);
	free(s->clients.entries);
	*s = (struct summary){ 0 };
}

/* ---- for a person */

/* The entry that comes next: most first, then by key; `last` is the one before, nr at first. */
static size_t next_most(const struct summary_top *t, size_t last)
{
	const struct summary_entries *e = t->entries;
	size_t best = t->nr;

	for (size_t i = 0; i < t->nr; i++) {
		bool is_told = last < t->nr && (e->n[i] > e->n[last] || (e->n[i] == e->n[last] && strcmp(e->key[i], e->key[last]) <= 0));

		if (is_told)
			continue;
		if (best == t->nr || e->n[i] > e->n[best] || (e->n[i] == e->n[best] && strcmp(e->key[i], e->key[best]) < 0))
			best = i;
	}
	return best;
}

static void print_top(const struct summary_top *t, const char *title, FILE *out)
{
	const struct summary_entries *e = t->entries;

	if (!t->nr)
		return;
	fprintf(out, "%s%s:\n", title, t->is_approximate ? " (approximate: too many to count each)" : "");
	for (size_t n = 0, i = next_most(t, t->nr); n < SUMMARY_TOP_SHOWN && i < t->nr; n++, i = next_most(t, i)) {
		char key[4 * SUMMARY_KEY_MAX + 1];

		(void)escape(str_of(e->key[i]), key, sizeof(key)); /* it fits: four bytes for each */
		fprintf(out, "  %8" PRIu64 "  %s", e->n[i], key);
		if (e->error[i])
			fprintf(out, "  (%" PRIu64 " at least)", e->n[i] - e->error[i]);
		fputc('\n', out);
	}
	if (t->nr > SUMMARY_TOP_SHOWN)
		fprintf(out, "            and %zu more\n", t->nr - SUMMARY_TOP_SHOWN);
}

static void print_credentials(const struct summary *s, FILE *out)
{
	fputs("by credential and outcome:\n", out);
	for (int k = 0; k < CRED_KIND_MAX; k++) {
		const char *kind = cred_kind_word((enum cred_kind)k);
		int gap = 15 - (int)strlen(kind); /* the longest has 11 */

		if (!s->by_kind[k])
			continue;
		fprintf(out, "  %8" PRIu64 "  %s", s->by_kind[k], kind);
		for (int o = 0; o < OUTCOME_MAX; o++) {
			if (!s->by_both[k][o] || (k == CRED_NONE && o == OUTCOME_NONE))
				continue;
			fprintf(out, "%*s%s %" PRIu64, gap, gap > 2 ? "" : ", ", cred_outcome_word((enum cred_outcome)o),
				s->by_both[k][o]);
			gap = 2; /* from here on a comma */
		}
		fputc('\n', out);
	}
}

static void print_losses(const struct summary *s, const struct counters *c, bool is_colour, FILE *out)
{
	uint64_t losses = 0;

	for (int i = 0; i < COUNT_MAX; i++)
		if (counter_is_loss((enum counter)i))
			losses += c->v[i];
	if (losses)
		fprintf(out, "%slost: %" PRIu64 " records: what they hit is marked as in doubt%s\n", is_colour ? "\033[31;1m" : "",
			losses, is_colour ? "\033[0m" : "");
	else
		fputs("lost: nothing\n", out);
	for (int i = 0; i < COUNT_MAX; i++)
		if (c->v[i])
			fprintf(out, "  %8" PRIu64 "  %s\n", c->v[i], counter_help((enum counter)i));
	if (s->in_doubt)
		fprintf(out, "in doubt: %" PRIu64 " exchanges\n", s->in_doubt);
	for (int i = 0; i < DOUBT_MAX; i++)
		if (s->by_doubt[i])
			fprintf(out, "  %8" PRIu64 "  %s: %s\n", s->by_doubt[i], doubt_word((enum doubt_bit)i),
				doubt_help((enum doubt_bit)i));
}

void summary_print(const struct summary *s, const struct summary_run *run, bool is_colour, FILE *out)
{
	static const char *const classes[] = { "no response", "1xx", "2xx", "3xx", "4xx", "5xx" };
	const char *sep = "";

	fprintf(out, "\n%" PRIu64 " exchanges in %.1f s", s->exchanges, (double)run->wall_ns / 1e9);
	for (size_t i = 0; i < s->nr_targets; i++) {
		char target[4 * sizeof(s->targets[0])];

		(void)escape(str_of(s->targets[i]), target, sizeof(target)); /* a process may call itself anything */
		fprintf(out, "%s%s", i ? ", " : " of ", target);
	}
	fputc('\n', out);
	if (s->exchanges) {
		print_credentials(s, out);
		fputs("by status: ", out);
		for (int i = 0; i < 6; i++) {
			int k = (i + 1) % 6; /* "no response" last */

			if (!s->by_class[k])
				continue;
			fprintf(out, "%s%s %" PRIu64, sep, classes[k], s->by_class[k]);
			sep = ", ";
		}
		fputc('\n', out);
	}
	print_top(&s->paths, "without credential, by path", out);
	print_top(&s->clients, "without credential, by client", out);
	print_losses(s, run->counters, is_colour, out);
}

/* ---- for a program */

void summary_json(const struct summary *s, const struct summary_run *run, struct buf *out)
{
	static const char *const classes[] = { "none", "1xx", "2xx", "3xx", "4xx", "5xx" };
	struct json j;

	json_init(&j, out);
	json_open(&j, '{');
	json_put_z(&j, "kind", "Summary");
	json_put_z(&j, "apiVersion", "anontap.io/v1");
	json_put_u64(&j, "exchanges", s->exchanges);
	json_key(&j, "byCredential");
	json_open(&j, '{');
	for (int i = 0; i < CRED_KIND_MAX; i++)
		if (s->by_kind[i])
			json_put_u64(&j, cred_kind_word((enum cred_kind)i), s->by_kind[i]);
	json_close(&j, '}');
	json_key(&j, "byOutcome");
	json_open(&j, '{');
	for (int i = 0; i < OUTCOME_MAX; i++)
		if (s->by_outcome[i])
			json_put_u64(&j, cred_outcome_word((enum cred_outcome)i), s->by_outcome[i]);
	json_close(&j, '}');
	json_key(&j, "byStatus");
	json_open(&j, '{');
	for (int i = 0; i < 6; i++)
		if (s->by_class[i])
			json_put_u64(&j, classes[i], s->by_class[i]);
	json_close(&j, '}');
	json_key(&j, "doubts");
	json_open(&j, '{');
	for (int i = 0; i < DOUBT_MAX; i++)
		if (s->by_doubt[i])
			json_put_u64(&j, doubt_word((enum doubt_bit)i), s->by_doubt[i]);
	json_close(&j, '}');
	json_key(&j, "lost"); /* always all of them: 0 is a statement */
	json_open(&j, '{');
	for (int i = 0; i < COUNT_MAX; i++)
		if (counter_is_loss((enum counter)i))
			json_put_u64(&j, counter_name((enum counter)i), run->counters->v[i]);
	json_close(&j, '}');
	json_key(&j, "faults");
	json_open(&j, '{');
	for (int i = 0; i < COUNT_MAX; i++)
		if (!counter_is_loss((enum counter)i) && run->counters->v[i])
			json_put_u64(&j, counter_name((enum counter)i), run->counters->v[i]);
	json_close(&j, '}');
	json_key(&j, "targets");
	json_open(&j, '[');
	for (size_t i = 0; i < s->nr_targets; i++)
		json_str(&j, str_of(s->targets[i]));
	json_close(&j, ']');
	json_put_u64(&j, "ringRecords", run->ring_records);
	json_put_u64(&j, "ringBytes", run->ring_bytes);
	json_put_seconds(&j, "wallSeconds", run->wall_ns);
	json_close(&j, '}');
	(void)buf_add_c(out, '\n'); /* the buf remembers */
}
