/* SPDX-License-Identifier: Apache-2.0
 *
 * One idea: time is the files'. The log is read line by line, and before an event is pushed all that had
 * ended on the wire by then is: so the join sees what it would have seen live, in bounded memory.
 *
 * What is outside the log's time is judged by nobody: the log may have begun later, or its end not have
 * been copied. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/lines.h"
#include "base/clock.h"
#include "cmd/commands.h"
#include "cmd/logged.h"
#include "cmd/recordings.h"
#include "cmd/show.h"
#include "judge/compare.h"
#include "tell/coverage.h"
#include "tell/escape.h"
#include "tell/ndjson.h"
#include "tell/verdict_json.h"

#define AUDITS_MAX	1024		/* a rotated log has hundreds of files */
#define TICKS_MAX	100		/* of JOIN_STEP_MAX_NS, over a time in which nothing happened: all has waited then */
#define TICK_NS		1000000000ULL
#define PROGRESS_NS	200000000ULL
#define REASON_WIDTH	16
#define VERDICT_WIDTH	12

struct audit_file {
	const char *path;
	uint64_t first_ns;		/* stage time of its first event; 0: it has none */
	uint64_t size;
};

struct analyze {
	struct show show;		/* first: its options are shared with trace */
	struct audit_file audits[AUDITS_MAX];
	size_t nr_audits;
	struct recordings wire;
	const char *policy_path;
	uint64_t since_ns, until_ns;	/* 0: no bound */
	/* while it runs */
	struct policy *policy;
	struct join *join;		/* NULL: there is no recording */
	struct event_parser parser;
	struct logged logged;
	struct counters counters;
	struct coverage coverage;
	struct buf line, scratch;
	char node[256];			/* of the recordings */
	uint64_t log_from_ns, log_to_ns;	/* stage times: of the first event, and the greatest so far */
	uint64_t lines_lost;		/* that were no event, or too long, up to the last event */
	uint64_t ticked_ns;
	uint64_t bytes_before, bytes_all, progress_ns;
	bool is_log_over, has_progress, has_filter, has_reason;
	int error;
	struct err *err;
};

/* ---- telling */

static bool is_in_time(const struct analyze *a, uint64_t at_ns)
{
	return at_ns >= a->since_ns && (!a->until_ns || at_ns < a->until_ns);
}

static void put_cell(struct buf *out, const char *text, int width)
{
	(void)buf_fmt(out, "%-*.*s ", width, width, text); /* the buf remembers */
}

static void put_reason(struct buf *out, const struct match *m)
{
	char text[128] = "";
	size_t n = 0;

	if (m->verdict == VERDICT_UNAUDITED)
		(void)snprintf(text, sizeof(text), "%s", gap_reason_word(m->gap));
	for (int i = 0; m->verdict == VERDICT_MISMATCH && i < JOIN_FIELD_MAX && n < sizeof(text); i++)
		if (m->differs >> i & 1 && i != JOIN_TIME)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? "," : "", join_field_word((enum join_field)i));
	put_cell(out, text[0] ? text : "-", REASON_WIDTH);
}

static void tell_row(struct analyze *a, const struct match *m, const struct identity *id)
{
	struct buf *out = &a->show.out;
	bool is_alarm = (m->verdict == VERDICT_UNAUDITED && (m->gap == GAP_UNEXPLAINED || m->gap == GAP_LOG_GONE)) ||
			m->verdict == VERDICT_MISMATCH;

	if (!a->show.has_head) {
		put_cell(out, "VERDICT", VERDICT_WIDTH);
		if (a->has_reason)
			put_cell(out, "WHY", REASON_WIDTH);
		table_head(&a->show.table, out);
	}
	a->show.has_head = true;
	if (is_alarm && a->show.table.is_colour)
		(void)buf_add_str(out, STR("\033[1;31m"));
	put_cell(out, verdict_word(m->verdict), VERDICT_WIDTH);
	if (a->has_reason)
		put_reason(out, m);
	if (is_alarm && a->show.table.is_colour)
		(void)buf_add_str(out, STR("\033[0m"));
	table_row(&a->show.table, id, out);
}

/* The exchange's line, the verdict's fields before its closing brace. */
static void tell_json(struct analyze *a, const struct match *m)
{
	struct buf *out = &a->show.out;
	struct str exchange, verdict;
	struct json j;

	if (!m->identity) {
		verdict_json_line(out, m, str_of(a->node), &a->scratch);
		return;
	}
	buf_reset(&a->line);
	ndjson_identity(&a->line, m->identity, str_of(a->node));
	exchange = buf_str(&a->line);
	if (buf_error(&a->line) || !exchange.n)
		return;
	(void)buf_add(out, exchange.p, exchange.n - 2); /* without "}\n"; the buf remembers */
	buf_reset(&a->line);
	json_init(&j, &a->line);
	json_open(&j, '{');
	verdict_json_put(&j, m, &a->scratch);
	json_close(&j, '}');
	verdict = str_from(buf_str(&a->line), 1);
	(void)buf_add_c(out, ',');
	(void)buf_add_str(out, verdict);
	(void)buf_add_c(out, '\n');
}

static uint64_t end_of(const struct identity *id)
{
	return id->exchange->end_ns > id->exchange->request_ns && id->exchange->request_ns
		       ? id->time_ns + (id->exchange->end_ns - id->exchange->request_ns)
		       : id->time_ns;
}

/* An exchange of which the log cannot have all that there was: told as what it is, not as a gap. Answered
 * near the log's end, its event may have come after. */
static bool is_outside_log(struct analyze *a, struct match *m)
{
	const struct identity *id = m->identity;

	if (m->verdict != VERDICT_UNAUDITED && m->verdict != VERDICT_PENDING)
		return false;
	if (id->time_ns <= a->log_from_ns + COMPARE_SLACK_NS) {
		m->why = STR("cannot be judged: before the beginning of the audit log");
		coverage_before_log(&a->coverage, id);
	} else if (a->is_log_over && end_of(id) + COMPARE_SLACK_NS >= a->log_to_ns) {
		m->why = STR("cannot be judged: after the end of the audit log");
		coverage_after_log(&a->coverage, id);
	} else {
		return false;
	}
	m->verdict = VERDICT_PENDING;
	return true;
}

static void on_match(void *ctx, const struct match *told)
{
	struct analyze *a = ctx;
	struct match m = *told;
	const struct identity *id = m.identity ? m.identity : logged_identity(&a->logged, m.event);
	bool is_outside;

	if (!is_in_time(a, id->time_ns) || (a->has_filter && !filter_match(&a->show.filter, id)))
		return;
	if (!m.identity && !recordings_cover(&a->wire, m.event->received_ns)) {
		coverage_outside_wire(&a->coverage);
		return;
	}
	is_outside = m.identity && is_outside_log(a, &m);
	if (!is_outside)
		coverage_match(&a->coverage, &m);
	if (a->show.form == FORM_JSON)
		tell_json(a, &m);
	else if (m.verdict != VERDICT_MATCHED && !is_outside)
		tell_row(a, &m, id);
}

static void clear_progress(struct analyze *a)
{
	if (a->has_progress)
		fputs("\r\033[K", stderr);
	a->has_progress = false;
}

static void flush(struct analyze *a)
{
	if (a->show.out.n)
		clear_progress(a);
	(void)show_flush(&a->show); /* remembered in show */
}

/* ---- the wire, up to a time */

static void tick(struct analyze *a, uint64_t now_ns)
{
	if (!a->ticked_ns)
		a->ticked_ns = now_ns;
	if (now_ns < a->ticked_ns + TICK_NS)
		return;
	for (int i = 0; i < TICKS_MAX && now_ns - a->ticked_ns > JOIN_STEP_MAX_NS; i++) {
		a->ticked_ns += JOIN_STEP_MAX_NS;
		join_tick(a->join, a->ticked_ns);
	}
	a->ticked_ns = now_ns;
	join_tick(a->join, now_ns);
}

static void push_wire(struct analyze *a, uint64_t until_ns)
{
	const struct identity *id;
	struct str node;
	uint64_t end_ns;
	int r = 0;

	while (!a->error && (r = recordings_peek(&a->wire, &id, &end_ns, &node, a->err)) > 0 && end_ns <= until_ns) {
		(void)snprintf(a->node, sizeof(a->node), "%.*s", STR_ARG(node)); /* a name, cut at 255 */
		tick(a, end_ns);
		join_push_identity(a->join, id, end_ns);
		recordings_skip(&a->wire);
		if (a->show.out.n > AUDIT_LINE_MAX / 64)
			flush(a);
	}
	if (r < 0)
		a->error = r;
}

/* ---- the log */

/* Lines between the last event and this one could not be read: what they said is not known. */
static void note_lines_lost(struct analyze *a, uint64_t at_ns)
{
	uint64_t lost = a->counters.v[COUNT_audit_lines_bad] + a->counters.v[COUNT_audit_lines_long];

	if (lost != a->lines_lost && a->join)
		join_events_lost(a->join, a->log_to_ns < at_ns ? a->log_to_ns : at_ns, at_ns);
	a->lines_lost = lost;
}

static void on_line(void *ctx, struct str line)
{
	struct analyze *a = ctx;
	struct event e;
	uint64_t at_ns;
	int r;

	if (a->error || show_is_over(&a->show) || !str_trim(line).n)
		return;
	r = event_parse(&a->parser, line, &e);
	if (r == -ENOMEM)
		a->error = err_set(a->err, r, "out of memory");
	else if (r)
		count(&a->counters, COUNT_audit_lines_bad);
	if (r)
		return;
	at_ns = e.stage_ns ? e.stage_ns : e.received_ns;
	note_lines_lost(a, at_ns);
	if (at_ns > a->log_to_ns)
		a->log_to_ns = at_ns;
	if (coverage_is_request(&e) && is_in_time(a, e.received_ns) &&
	    (!a->has_filter || filter_match(&a->show.filter, logged_identity(&a->logged, &e))))
		coverage_event(&a->coverage, &e);
	if (!a->join)
		return;
	push_wire(a, at_ns);
	tick(a, at_ns);
	if (at_ns + COMPARE_SLACK_NS >= recordings_first_ns(&a->wire) &&
	    e.received_ns <= recordings_last_ns(&a->wire) + COMPARE_SLACK_NS)
		join_push_event(a->join, &e, at_ns);
	else if (coverage_is_request(&e) && is_in_time(a, e.received_ns))
		coverage_outside_wire(&a->coverage);
}

static bool on_progress(void *ctx, uint64_t nr_read, uint64_t nr_total)
{
	struct analyze *a = ctx;
	uint64_t now = clock_mono_ns();

	flush(a);
	if (isatty(STDERR_FILENO) && now - a->progress_ns > PROGRESS_NS && a->bytes_all) {
		fprintf(stderr, "\r%5.1f %% of %.1f MB of audit log\033[K", 100.0 * (double)(a->bytes_before + nr_read) / (double)a->bytes_all,
			(double)a->bytes_all / 1e6);
		a->has_progress = true;
		a->progress_ns = now;
	}
	return !a->error && !show_is_over(&a->show);
}

struct first {
	struct event_parser parser;
	uint64_t at_ns;
};

static void on_first(void *ctx, struct str line)
{
	struct first *f = ctx;
	struct event e;

	if (!f->at_ns && !event_parse(&f->parser, line, &e))
		f->at_ns = e.stage_ns ? e.stage_ns : e.received_ns;
}

static bool is_first_unseen(void *ctx, uint64_t nr_read, uint64_t nr_total)
{
	return !((struct first *)ctx)->at_ns;
}

static int compare_files(const void *a, const void *b)
{
	uint64_t x = ((const struct audit_file *)a)->first_ns, y = ((const struct audit_file *)b)->first_ns;

	return (x > y) - (x < y);
}

/* When each file begins; they are put into that order. */
static int look_at_log(struct analyze *a, struct err *err)
{
	struct counters apart = { 0 }; /* all is read again */
	int r = 0;

	for (size_t i = 0; i < a->nr_audits && !r; i++) {
		struct audit_file *file = &a->audits[i];
		struct first first = { 0 };
		struct stat st;

		r = lines_read(file->path, on_first, is_first_unseen, &first, &apart, err);
		if (r == -EBADMSG && first.at_ns)
			r = 0; /* told when it is read */
		event_parser_done(&first.parser);
		file->first_ns = first.at_ns;
		file->size = stat(file->path, &st) ? 0 : (uint64_t)st.st_size;
		a->bytes_all += file->size;
		if (!r && file->first_ns && (!a->log_from_ns || file->first_ns < a->log_from_ns))
			a->log_from_ns = file->first_ns;
	}
	qsort(a->audits, a->nr_audits, sizeof(a->audits[0]), compare_files);
	if (!r && !a->log_from_ns)
		r = err_set(err, -EINVAL, "no audit event in %s: is it the audit log of kube-apiserver, in JSON?", a->audits[0].path);
	return r;
}

/* Returns 0, also when a file is cut (told); -errno. */
static int read_log(struct analyze *a, bool *is_cut, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < a->nr_audits && !r; i++) {
		const struct audit_file *file = &a->audits[i];

		if (a->join && file->first_ns && file->first_ns + JOIN_STEP_MAX_NS < a->log_to_ns)
			return err_set(err, -EINVAL, "%s begins before the file before it ends: set the log of one server at a time "
					"against recordings", file->path);
		r = lines_read(file->path, on_line, on_progress, a, &a->counters, err);
		a->bytes_before += file->size;
		if (r == -EBADMSG) {
			clear_progress(a);
			show_note(&a->show, err->text);
			*is_cut = true;
			r = 0;
			if (a->join)
				join_events_lost(a->join, a->log_to_ns,
						 i + 1 < a->nr_audits ? a->audits[i + 1].first_ns : UINT64_MAX);
		}
		if (a->error)
			r = a->error;
		if (show_is_over(&a->show))
			break;
	}
	return r;
}

/* ---- the run */

static int begin_join(struct analyze *a, struct err *err)
{
	struct join_options o = { .is_audit_only_told = true };
	int r = recordings_scan(&a->wire, &a->counters, err);

	if (r)
		return r;
	o.wire_since_ns = recordings_first_ns(&a->wire);
	if (getrandom(o.seed, sizeof(o.seed), 0) != sizeof(o.seed))
		return err_set(err, -errno, "no random numbers: %s", strerror(errno));
	a->join = join_new(&o, &a->counters, on_match, a);
	if (!a->join)
		return err_set(err, -ENOMEM, "out of memory");
	join_set_policy(a->join, a->policy);
	join_events_lost(a->join, 0, a->log_from_ns);
	for (size_t i = 0; i < a->wire.nr; i++)
		if (a->wire.reels[i].lost || a->wire.reels[i].is_cut)
			join_wire_lost(a->join, a->wire.reels[i].first_ns, a->wire.reels[i].last_ns);
	return 0;
}

static int finish(struct analyze *a)
{
	a->is_log_over = true;
	if (!a->join || a->error || show_is_over(&a->show))
		return a->error;
	join_events_lost(a->join, a->log_to_ns, UINT64_MAX);
	push_wire(a, UINT64_MAX);
	if (!a->error)
		join_finish(a->join, JOIN_ALL_IN);
	return a->error;
}

static int tell_summary(struct analyze *a, struct err *err)
{
	struct coverage_run run = {
		.counters = &a->counters, .has_wire = a->wire.nr != 0, .has_log = a->log_from_ns != 0,
		.log_from_ns = a->log_from_ns, .log_to_ns = a->log_to_ns,
		.wire_from_ns = recordings_first_ns(&a->wire), .wire_to_ns = recordings_last_ns(&a->wire),
	};

	for (size_t i = 0; i < a->wire.nr; i++) {
		run.wire_lost += a->wire.reels[i].lost;
		run.nr_unended += !a->wire.reels[i].has_summary;
		run.nr_cut += a->wire.reels[i].is_cut;
	}
	if (a->show.form == FORM_JSON)
		coverage_json(&a->coverage, &run, &a->show.out);
	flush(a);
	clear_progress(a);
	if (a->show.form != FORM_JSON && !show_is_over(&a->show)) {
		coverage_print(&a->coverage, &run, a->show.table.is_colour, stdout);
		if (fflush(stdout))
			a->show.error = -errno;
	}
	return a->show.error ? err_set(err, a->show.error, "cannot write to standard output: %s", strerror(-a->show.error)) : 0;
}

static void done(struct analyze *a)
{
	join_free(a->join);
	policy_free(a->policy);
	recordings_done(&a->wire);
	event_parser_done(&a->parser);
	logged_done(&a->logged);
	coverage_done(&a->coverage);
	buf_done(&a->line);
	buf_done(&a->scratch);
	buf_done(&a->show.out);
}

static void fit_table(struct analyze *a)
{
	struct table *t = &a->show.table;
	unsigned prefix = VERDICT_WIDTH + 1 + REASON_WIDTH + 1;

	a->has_reason = !t->width || t->width >= TABLE_WIDTH_MIN + prefix;
	if (t->width)
		t->width -= a->has_reason ? prefix : t->width > VERDICT_WIDTH + 1 ? VERDICT_WIDTH + 1 : 0;
}

static enum exit_code run_analyze(void *config)
{
	static const struct filter no_filter = { 0 };
	struct analyze *a = config;
	struct err err = { "" };
	bool is_cut = false, has_findings;
	int r;

	if (!a->nr_audits) {
		fputs("anontap analyze: which audit log? anontap analyze --audit FILE [--recording FILE]\n", stderr);
		return EXIT_MISUSED;
	}
	if (a->policy_path && !a->wire.nr) {
		fputs("anontap analyze: --policy explains gaps, and gaps are found with --recording FILE\n", stderr);
		return EXIT_MISUSED;
	}
	a->err = &err;
	a->has_filter = memcmp(&a->show.filter, &no_filter, sizeof(no_filter)) != 0;
	r = a->policy_path ? policy_load(a->policy_path, &a->policy, &err) : 0;
	if (!r && a->policy && policy_warning(a->policy)[0])
		show_note(&a->show, policy_warning(a->policy));
	if (!r)
		r = show_begin(&a->show, &err);
	fit_table(a);
	if (!r)
		r = look_at_log(a, &err);
	if (!r && a->wire.nr)
		r = begin_join(a, &err);
	if (!r)
		r = read_log(a, &is_cut, &err);
	if (!r)
		r = finish(a);
	if (!r)
		r = tell_summary(a, &err);
	flush(a); /* nothing, unless it failed on the way */
	clear_progress(a);
	if (r)
		fprintf(stderr, "anontap analyze: %s\n", err.text[0] ? err.text : strerror(-r));
	has_findings = coverage_has_findings(&a->coverage);
	done(a);
	return r || is_cut ? EXIT_FAILED : has_findings ? EXIT_FINDINGS : EXIT_CLEAN;
}

/* ---- options */

static int set_audit(void *config, struct str value, struct err *err)
{
	struct analyze *a = config;

	if (a->nr_audits == AUDITS_MAX)
		return err_set(err, -E2BIG, "more than %d files", AUDITS_MAX);
	a->audits[a->nr_audits++].path = value.p; /* of argv: ends with NUL and outlives us */
	return 0;
}

static int set_recording(void *config, struct str value, struct err *err)
{
	return recordings_add(&((struct analyze *)config)->wire, value.p, err);
}

static int set_policy(void *config, struct str value, struct err *err)
{
	((struct analyze *)config)->policy_path = value.p;
	return 0;
}

/* "2026-11-22T03:00:00Z", "2026-11-22", or "2h" ago. */
static int parse_time(struct str value, uint64_t *ret_ns, struct err *err)
{
	char day[40];
	uint64_t ago;

	if (!clock_parse_rfc3339(value, ret_ns))
		return 0;
	(void)snprintf(day, sizeof(day), "%.*sT00:00:00Z", value.n < 11 ? (int)value.n : 0, value.p); /* what is cut is no day */
	if (!clock_parse_rfc3339(str_of(day), ret_ns))
		return 0;
	if (cli_duration(value, &ago, NULL))
		return err_set(err, -EINVAL, "\"%.*s\" is no time: write 2026-11-22T03:00:00Z, 2026-11-22, or 2h for two hours ago",
			       STR_ARG(value));
	*ret_ns = clock_wall_ns() > ago ? clock_wall_ns() - ago : 0;
	return 0;
}

static int set_since(void *config, struct str value, struct err *err)
{
	return parse_time(value, &((struct analyze *)config)->since_ns, err);
}

static int set_until(void *config, struct str value, struct err *err)
{
	return parse_time(value, &((struct analyze *)config)->until_ns, err);
}

static const struct option_spec options[] = {
	{ "audit", "FILE", "an audit log of kube-apiserver, plain or gzip; may be repeated, in any order:\n"
			   "the files of a rotated log, of one server", set_audit, NULL },
	{ "recording", "FILE", "what trace --write made meanwhile on that server; may be repeated", set_recording, NULL },
	{ "policy", "FILE", "the server's audit policy: what it does not log is told as that", set_policy, NULL },
	{ "since", "TIME", "only requests from then on: 2026-11-22T03:00:00Z, 2026-11-22, or 2h (ago)", set_since, NULL },
	{ "until", "TIME", "only requests before then", set_until, NULL },
	SHOW_FILTER_OPTIONS,
	SHOW_FORM_OPTION,
};

const struct command cmd_analyze = {
	.name = "analyze",
	.summary = "set recordings against the audit log and prove what is missing from it; or sum up the log alone",
	.about = "Every exchange of the recordings gets a verdict:\n"
		 "  matched      in the log as well, and both say the same\n"
		 "  unaudited    not in the log, though it was on the wire. WHY is `unexplained`, `policy` (the\n"
		 "               policy file says that it is not logged) or `learned` (nothing of its class, by\n"
		 "               verb, resource, kind of user and status, is in this log)\n"
		 "  mismatch     log and wire contradict each other; WHY names the fields\n"
		 "  unauditable  the server logs no such request: GET /api/v1/watch, what net/http refuses, …\n"
		 "  audit-only   in the log, but not in the recordings\n"
		 "  pending      cannot be judged, because something was lost; -o json says what\n\n"
		 "What was on the wire before the log begins or after it ends, or within 2 s of either, is told\n"
		 "as that and is no gap: perhaps the log was not copied whole. Make recordings without filters,\n"
		 "or what they leave out is audit-only.\n\n"
		 "Without --recording: who called, anonymous calls, 401s, by hour.\n\n"
		 "Exit code 3: an unaudited exchange that nothing explains, or one whose identity is not the log's.\n",
	.examples = "  anontap trace --duration 10m --write wire.ndjson.gz\n"
		    "  anontap analyze --audit /var/log/kubernetes/audit.log --recording wire.ndjson.gz\n"
		    "  anontap analyze --audit audit.log --recording wire.ndjson.gz --policy audit-policy.yaml -o json |\n"
		    "    jq 'select(.verdict == \"unaudited\" and .gap == \"unexplained\")'\n"
		    "  anontap analyze --audit audit-2026-11-21.log.gz --audit audit.log --since 2026-11-21\n",
	.options = options,
	.nr_options = sizeof(options) / sizeof(options[0]),
	.config_size = sizeof(struct analyze),
	.run = run_analyze,
};
