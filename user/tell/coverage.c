/* SPDX-License-Identifier: Apache-2.0
 *
 * One idea: everything is a count at the moment it comes, so memory does not grow with the log. */
#include "tell/coverage.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

#define HOUR_NS		UINT64_C(3600000000000)
#define SKEW_ZERO	(COVERAGE_SKEWS / 2)
#define SKEW_STEPS	8		/* buckets in a power of two */
#define SKEW_LAST	487		/* of the greatest int64_t */

/* ---- hours */

/* Where it is or would be. */
static size_t find_hour(const struct coverage *c, uint64_t hour)
{
	size_t low = 0, high = c->nr_hours;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->hours[middle].hour < hour)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct coverage_hour *add_hour(struct coverage *c, size_t at, uint64_t hour)
{
	if (c->nr_hours == COVERAGE_HOURS_MAX)
		return NULL;
	if (c->nr_hours == c->hours_cap) {
		size_t cap = c->hours_cap ? 2 * c->hours_cap : 64;
		struct coverage_hour *grown = realloc(c->hours, cap * sizeof(*grown));

		if (!grown)
			return NULL;
		c->hours = grown;
		c->hours_cap = cap;
	}
	memmove(&c->hours[at + 1], &c->hours[at], (c->nr_hours++ - at) * sizeof(c->hours[0]));
	c->hours[at] = (struct coverage_hour){ .hour = hour };
	return &c->hours[at];
}

/* NULL: it is left out, and counted. */
static struct coverage_hour *hour_of(struct coverage *c, uint64_t at_ns)
{
	uint64_t hour = at_ns / HOUR_NS;
	struct coverage_hour *h = c->at_hour < c->nr_hours ? &c->hours[c->at_hour] : NULL;

	if (h && h->hour == hour)
		return h;
	c->at_hour = find_hour(c, hour);
	h = c->at_hour < c->nr_hours ? &c->hours[c->at_hour] : NULL;
	if (!h || h->hour != hour)
		h = add_hour(c, c->at_hour, hour);
	c->hours_left_out += !h;
	return h;
}

_Static_assert(SKEW_LAST < SKEW_ZERO, "both signs have room");

/* ---- skew: buckets that grow with the distance from zero, as floating point numbers do */

static size_t skew_bucket(int64_t ns)
{
	uint64_t v = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	size_t at = v;

	if (v >= SKEW_STEPS) {
		int power = 63 - __builtin_clzll(v);

		at = (size_t)(power - 2) * SKEW_STEPS + (v >> (power - 3) & (SKEW_STEPS - 1));
	}
	at = at < SKEW_LAST ? at : SKEW_LAST;
	return ns < 0 ? SKEW_ZERO - at : SKEW_ZERO + at;
}

/* The middle of the bucket. */
static int64_t skew_of(size_t bucket)
{
	size_t at = bucket < SKEW_ZERO ? SKEW_ZERO - bucket : bucket - SKEW_ZERO;
	int64_t v = (int64_t)at;

	if (at >= SKEW_STEPS) {
		int shift = (int)(at / SKEW_STEPS) - 1;

		v = (int64_t)(SKEW_STEPS + at % SKEW_STEPS) << shift;
		v += shift ? INT64_C(1) << (shift - 1) : 0;
	}
	return bucket < SKEW_ZERO ? -v : v;
}

int64_t coverage_skew_median(const struct coverage *c)
{
	uint64_t passed = 0;

	for (size_t i = 0; i < COVERAGE_SKEWS; i++) {
		passed += c->skews[i];
		if (passed > c->nr_skews / 2)
			return skew_of(i);
	}
	return 0;
}

/* ---- what comes in */

static struct str path_of(struct str uri)
{
	return str_take_until(&uri, '?');
}

static void add_exchange(struct coverage *c, const struct match *m)
{
	struct str path = path_of(m->identity->exchange->request_uri);
	struct coverage_hour *h = hour_of(c, m->identity->time_ns);

	c->exchanges++;
	if (h) {
		h->exchanges++;
		h->matched += m->verdict == VERDICT_MATCHED;
		h->unaudited += m->verdict == VERDICT_UNAUDITED;
		h->mismatch += m->verdict == VERDICT_MISMATCH;
	}
	if (m->verdict == VERDICT_UNAUDITED) {
		c->by_gap[m->gap]++;
		top_add(&c->unaudited[m->gap], path);
	}
	if (m->verdict == VERDICT_MISMATCH) {
		c->identity_mismatches += m->differs >> JOIN_IDENTITY & 1;
		top_add(&c->mismatches, path);
	}
	if (!m->event)
		return;
	for (int i = 0; i < JOIN_FIELD_MAX; i++) {
		c->agrees[i] += m->agrees >> i & 1;
		c->differs[i] += m->differs >> i & 1;
	}
	c->skews[skew_bucket(m->skew_ns)]++;
	c->nr_skews++;
}

void coverage_match(struct coverage *c, const struct match *m)
{
	c->by_verdict[m->verdict]++;
	if (m->identity)
		add_exchange(c, m);
	else if (m->verdict == VERDICT_AUDIT_ONLY)
		top_add(&c->audit_only, path_of(m->event->request_uri));
}

static void add_outside(struct coverage *c, const struct identity *id)
{
	struct coverage_hour *h = hour_of(c, id->time_ns);

	c->exchanges++;
	c->by_verdict[VERDICT_PENDING]++;
	if (h)
		h->exchanges++;
}

void coverage_before_log(struct coverage *c, const struct identity *id)
{
	c->before_log++;
	add_outside(c, id);
}

void coverage_after_log(struct coverage *c, const struct identity *id)
{
	c->after_log++;
	add_outside(c, id);
}

void coverage_outside_wire(struct coverage *c)
{
	c->outside_wire++;
}

bool coverage_is_request(const struct event *e)
{
	return e->stage == STAGE_RESPONSE_COMPLETE || e->stage == STAGE_PANIC ||
	       (e->stage == STAGE_RESPONSE_STARTED && !e->user.username.n);
}

void coverage_event(struct coverage *c, const struct event *e)
{
	bool is_anonymous = str_eq(e->user.username, STR("system:anonymous")), is_rejected = e->code == 401;
	struct coverage_hour *h;

	if (!coverage_is_request(e))
		return;
	c->requests++;
	c->anonymous += is_anonymous;
	c->rejected += is_rejected;
	h = hour_of(c, e->received_ns);
	if (h) {
		h->requests++;
		h->anonymous += is_anonymous;
		h->rejected += is_rejected;
	}
	top_add(&c->users, e->user.username.n ? e->user.username : STR("(nobody: refused before there was a user)"));
	if (is_anonymous && str_eq(e->decision, STR("allow"))) {
		c->anonymous_allowed++;
		top_add(&c->anonymous_paths, path_of(e->request_uri));
	}
	if (is_rejected)
		top_add(&c->rejected_sources, e->nr_source_ips ? e->source_ips[e->nr_source_ips - 1] : STR("(no address)"));
}

void coverage_done(struct coverage *c)
{
	for (int i = 0; i < GAP_MAX; i++)
		top_done(&c->unaudited[i]);
	top_done(&c->mismatches);
	top_done(&c->audit_only);
	top_done(&c->users);
	top_done(&c->anonymous_paths);
	top_done(&c->rejected_sources);
	free(c->hours);
	*c = (struct coverage){ 0 };
}

uint64_t coverage_ratio(uint64_t matched, uint64_t unaudited)
{
	/* rounded down: what is not whole is not told as whole */
	return matched + unaudited ? (uint64_t)((unsigned __int128)matched * 1000000000 / (matched + unaudited)) : UINT64_MAX;
}

bool coverage_has_findings(const struct coverage *c)
{
	return c->by_gap[GAP_UNEXPLAINED] || c->by_gap[GAP_LOG_GONE] || c->identity_mismatches;
}

/* ---- for a person */

static void print_n(FILE *out, uint64_t n, const char *what)
{
	if (n)
		fprintf(out, "  %8" PRIu64 "  %s\n", n, what);
}

/* "99.97 %", never 100 when one is missing. */
static void print_ratio(FILE *out, uint64_t ratio)
{
	fprintf(out, "%" PRIu64 ".%02" PRIu64 " %%", ratio / 10000000, ratio / 100000 % 100);
}

static void print_span(FILE *out, const char *what, uint64_t from_ns, uint64_t to_ns)
{
	char from[CLOCK_RFC3339_MAX], to[CLOCK_RFC3339_MAX];

	(void)clock_rfc3339(from_ns, from); /* always of the same form: 19 characters up to the second */
	(void)clock_rfc3339(to_ns, to);
	fprintf(out, "%s %.19sZ to %.19sZ", what, from, to);
}

static const struct {
	enum verdict verdict;
	const char *help;
} verdicts[] = {
	{ VERDICT_MATCHED, "matched: on the wire and in the log, and both say the same" },
	{ VERDICT_UNAUDITED, "unaudited: on the wire, not in the log" },
	{ VERDICT_MISMATCH, "mismatch: wire and log contradict each other" },
	{ VERDICT_UNAUDITABLE, "unauditable: such requests never reach the audit log" },
	{ VERDICT_AUDIT_ONLY, "audit-only: in the log, not seen on the wire" },
};

static const struct {
	enum gap_reason gap;
	bool is_alarm;
	const char *help;
} gaps[] = {
	{ GAP_UNEXPLAINED, true, "missing from the log, and nothing explains it" },
	{ GAP_LOG_GONE, true, "missing: the log was deleted, replaced or truncated" },
	{ GAP_LEARNED, false, "not logged, as nothing of their class ever was" },
	{ GAP_POLICY, false, "not logged, as the audit policy says" },
};

static void print_verdicts(const struct coverage *c, const struct coverage_run *run, bool is_colour, FILE *out)
{
	uint64_t ratio = coverage_ratio(c->by_verdict[VERDICT_MATCHED], c->by_verdict[VERDICT_UNAUDITED]);
	const char *sep = "";

	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		print_n(out, c->by_verdict[verdicts[i].verdict], verdicts[i].help);
	print_n(out, c->by_verdict[VERDICT_PENDING] - c->before_log - c->after_log, "cannot be judged");
	print_n(out, c->before_log, "before the beginning of the audit log: not judged");
	print_n(out, c->after_log, "after the end of the audit log: not judged");
	print_n(out, c->outside_wire, "requests of the log that are outside the recordings' time: not judged");
	if (ratio != UINT64_MAX) {
		fputs("coverage: ", out);
		print_ratio(out, ratio);
		fputs(" of what was on the wire is in the log\n", out);
	}
	for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
		bool is_red = is_colour && gaps[i].is_alarm;
		char title[160];

		(void)snprintf(title, sizeof(title), "%s%" PRIu64 " %s%s, by path", is_red ? "\033[1;31m" : "",
			       c->by_gap[gaps[i].gap], gaps[i].help, is_red ? "\033[0m" : ""); /* they fit */
		top_print(&c->unaudited[gaps[i].gap], title, out);
	}
	if (c->by_verdict[VERDICT_MISMATCH]) {
		fputs("mismatches differ in: ", out);
		for (int i = 0; i < JOIN_FIELD_MAX; i++) {
			if (!c->differs[i] || i == JOIN_TIME)
				continue;
			fprintf(out, "%s%s %" PRIu64, sep, join_field_word((enum join_field)i), c->differs[i]);
			sep = ", ";
		}
		fputc('\n', out);
		top_print(&c->mismatches, "mismatches, by path", out);
	}
	top_print(&c->audit_only, "in the log and not on the wire, by path", out);
	if (c->nr_skews)
		fprintf(out, "the log's time of a request is %.1f ms after the wire's, in the median\n",
			(double)coverage_skew_median(c) / 1e6);
	if (run->wire_lost)
		fprintf(out, "the recordings say that %" PRIu64 " records were lost: no request of the log is called unseen\n",
			run->wire_lost);
	print_n(out, run->nr_unended, "recordings without a Summary: what their sensor lost is not known");
	print_n(out, run->nr_cut, "recordings that are cut short or damaged");
}

static void print_log(const struct coverage *c, bool is_colour, FILE *out)
{
	char title[160];

	top_print(&c->users, "who, in the audit log", out);
	fprintf(out, "anonymous, in the audit log: %" PRIu64 ", of which %s%" PRIu64 " allowed%s\n", c->anonymous,
		is_colour && c->anonymous_allowed ? "\033[1;33m" : "", c->anonymous_allowed,
		is_colour && c->anonymous_allowed ? "\033[0m" : "");
	top_print(&c->anonymous_paths, "anonymous and allowed, by path", out);
	(void)snprintf(title, sizeof(title), "401, in the audit log: %" PRIu64 ", by source", c->rejected); /* it fits */
	top_print(&c->rejected_sources, title, out);
}

static void print_hours(const struct coverage *c, const struct coverage_run *run, FILE *out)
{
	bool is_short = c->nr_hours > COVERAGE_HOURS_SHOWN;
	size_t hidden = 0;

	if (!c->nr_hours)
		return;
	fprintf(out, "by hour:\n  HOUR               REQUESTS ANONYMOUS      401%s\n",
		run->has_wire ? "     WIRE  MATCHED UNAUDITED COVERAGE" : "");
	for (size_t i = 0; i < c->nr_hours; i++) {
		const struct coverage_hour *h = &c->hours[i];
		uint64_t ratio = coverage_ratio(h->matched, h->unaudited);
		char time[CLOCK_RFC3339_MAX];

		if (is_short && !h->unaudited && !h->mismatch && i + COVERAGE_HOURS_SHOWN < c->nr_hours) {
			hidden++;
			continue;
		}
		(void)clock_rfc3339(h->hour * HOUR_NS, time); /* always of the same form */
		fprintf(out, "  %.16sZ  %8" PRIu64 "  %8" PRIu64 " %8" PRIu64, time, h->requests, h->anonymous, h->rejected);
		if (run->has_wire)
			fprintf(out, " %8" PRIu64 " %8" PRIu64 "  %8" PRIu64 "  ", h->exchanges, h->matched, h->unaudited);
		if (run->has_wire && ratio != UINT64_MAX)
			print_ratio(out, ratio);
		else if (run->has_wire)
			fputc('-', out);
		fputc('\n', out);
	}
	print_n(out, hidden, "earlier hours without a gap or mismatch");
	print_n(out, c->hours_left_out, "exchanges and requests in further hours");
}

void coverage_print(const struct coverage *c, const struct coverage_run *run, bool is_colour, FILE *out)
{
	fputc('\n', out);
	if (run->has_wire) {
		fprintf(out, "%" PRIu64 " exchanges", c->exchanges);
		print_span(out, ",", run->wire_from_ns, run->wire_to_ns);
		fputs(", set against\n", out);
	}
	fprintf(out, "%" PRIu64 " audited requests", c->requests);
	if (run->has_log)
		print_span(out, ",", run->log_from_ns, run->log_to_ns);
	fputc('\n', out);
	if (run->has_wire)
		print_verdicts(c, run, is_colour, out);
	print_log(c, is_colour, out);
	print_hours(c, run, out);
	for (int i = 0; i < COUNT_MAX; i++)
		print_n(out, run->counters->v[i], counter_help((enum counter)i));
}

/* ---- for a program */

/* A ratio as a number from 0 to 1: json writes thousand-millionths as it does nanoseconds. */
static void put_ratio(struct json *j, uint64_t matched, uint64_t unaudited)
{
	uint64_t ratio = coverage_ratio(matched, unaudited);

	if (ratio != UINT64_MAX)
		json_put_seconds(j, "coverage", ratio);
}

static void put_time(struct json *j, const char *key, uint64_t ns)
{
	char time[CLOCK_RFC3339_MAX];

	if (ns)
		json_put_str(j, key, (struct str){ time, clock_rfc3339(ns, time) });
}

static void put_object(struct json *j, const char *key)
{
	json_key(j, key);
	json_open(j, '{');
}

static void put_fields(struct json *j, const char *key, const uint64_t n[JOIN_FIELD_MAX])
{
	put_object(j, key);
	for (int i = 0; i < JOIN_FIELD_MAX; i++)
		if (n[i])
			json_put_u64(j, join_field_word((enum join_field)i), n[i]);
	json_close(j, '}');
}

static void put_hours(struct json *j, const struct coverage *c, bool has_wire)
{
	json_key(j, "hours");
	json_open(j, '[');
	for (size_t i = 0; i < c->nr_hours; i++) {
		const struct coverage_hour *h = &c->hours[i];

		json_open(j, '{');
		put_time(j, "time", h->hour * HOUR_NS);
		json_put_u64(j, "requests", h->requests);
		json_put_u64(j, "anonymous", h->anonymous);
		json_put_u64(j, "rejected", h->rejected);
		if (has_wire) {
			json_put_u64(j, "exchanges", h->exchanges);
			json_put_u64(j, "matched", h->matched);
			json_put_u64(j, "unaudited", h->unaudited);
			json_put_u64(j, "mismatch", h->mismatch);
			put_ratio(j, h->matched, h->unaudited);
		}
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_wire(struct json *j, const struct coverage *c, const struct coverage_run *run)
{
	int64_t skew = coverage_skew_median(c);

	json_put_u64(j, "exchanges", c->exchanges);
	put_object(j, "byVerdict"); /* always all of them: 0 is a statement */
	for (int i = 0; i < VERDICT_MAX; i++)
		json_put_u64(j, verdict_word((enum verdict)i), c->by_verdict[i]);
	json_close(j, '}');
	put_object(j, "byGap");
	for (int i = 0; i < GAP_MAX; i++)
		json_put_u64(j, gap_reason_word((enum gap_reason)i), c->by_gap[i]);
	json_close(j, '}');
	put_ratio(j, c->by_verdict[VERDICT_MATCHED], c->by_verdict[VERDICT_UNAUDITED]);
	put_fields(j, "agrees", c->agrees);
	put_fields(j, "differs", c->differs);
	put_object(j, "notJudged");
	json_put_u64(j, "beforeLog", c->before_log);
	json_put_u64(j, "afterLog", c->after_log);
	json_put_u64(j, "outsideRecordings", c->outside_wire);
	json_close(j, '}');
	if (c->nr_skews) {
		json_key(j, "skewMedianSeconds");
		if (skew < 0)
			(void)buf_add_c(j->out, '-'); /* the buf remembers */
		json_seconds(j, (uint64_t)(skew < 0 ? -skew : skew));
	}
	put_object(j, "recordings");
	put_time(j, "from", run->wire_from_ns);
	put_time(j, "to", run->wire_to_ns);
	json_put_u64(j, "lost", run->wire_lost);
	json_put_u64(j, "withoutSummary", run->nr_unended);
	json_put_u64(j, "cut", run->nr_cut);
	json_close(j, '}');
}

void coverage_json(const struct coverage *c, const struct coverage_run *run, struct buf *out)
{
	struct json j;

	json_init(&j, out);
	json_open(&j, '{');
	json_put_z(&j, "kind", "Summary");
	json_put_z(&j, "apiVersion", "anontap.io/v1");
	if (run->has_wire)
		put_wire(&j, c, run);
	put_object(&j, "log");
	put_time(&j, "from", run->log_from_ns);
	put_time(&j, "to", run->log_to_ns);
	json_put_u64(&j, "requests", c->requests);
	json_put_u64(&j, "anonymous", c->anonymous);
	json_put_u64(&j, "anonymousAllowed", c->anonymous_allowed);
	json_put_u64(&j, "rejected", c->rejected);
	json_close(&j, '}');
	put_hours(&j, c, run->has_wire);
	put_object(&j, "faults");
	for (int i = 0; i < COUNT_MAX; i++)
		if (run->counters->v[i])
			json_put_u64(&j, counter_name((enum counter)i), run->counters->v[i]);
	json_close(&j, '}');
	json_close(&j, '}');
	(void)buf_add_c(out, '\n'); /* the buf remembers */
}
