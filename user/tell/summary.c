/* SPDX-License-Identifier: Apache-2.0 */
#include "tell/summary.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/jread.h"
#include "base/json.h"
#include "tell/escape.h"

bool credential_is_none(const struct credential *c)
{
	return c->kind == CRED_NONE || c->outcome == OUTCOME_IGNORED;
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
	top_done(&s->paths);
	top_done(&s->clients);
	*s = (struct summary){ 0 };
}

/* ---- for a person */

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
	top_print(&s->paths, "without credential, by path", out);
	top_print(&s->clients, "without credential, by client", out);
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

static bool take_lost(struct jread *r, uint64_t *sum)
{
	struct jtext key;

	if (!jread_enter(r, '{'))
		return false;
	while (jread_member(r, &key)) {
		struct str number;
		uint64_t n;

		if (!jread_number(r, &number) || str_u64(number, UINT64_MAX, &n))
			return false;
		*sum = n > UINT64_MAX - *sum ? UINT64_MAX : *sum + n;
	}
	return true;
}

int summary_parse_lost(struct str line, uint64_t *ret)
{
	bool is_summary = false, has_lost = false;
	struct jtext key, kind;
	struct jread r;
	uint64_t sum = 0;

	jread_init(&r, line);
	if (!jread_enter(&r, '{'))
		return -EINVAL;
	while (jread_member(&r, &key)) {
		if (jtext_eq(key, STR("kind")))
			is_summary = jread_text(&r, &kind) && jtext_eq(kind, STR("Summary"));
		else if (jtext_eq(key, STR("lost")))
			has_lost = take_lost(&r, &sum);
		else
			(void)jread_skip(&r); /* badness is sticky */
	}
	if (!jread_end(&r) || !is_summary || !has_lost)
		return -EINVAL;
	*ret = sum;
	return 0;
}
