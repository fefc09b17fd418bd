/* SPDX-License-Identifier: Apache-2.0
 *
 * One idea: a recording enters the pipeline where it was taken: lines behind cred, raw records in
 * front of flow; from there on a replay is a live run. */
#include <errno.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/show.h"
#include "cmd/stages.h"
#include "cmd/state.h"
#include "tap/record.h"
#include "tell/ndjson.h"

struct replay {
	struct show show;		/* first: its options are shared with trace */
	const char *path;
	/* while it runs */
	struct stages stages;		/* of a raw recording */
	struct counters counters;	/* of lines */
	struct recorded recorded;
	uint8_t key[CRED_KEY_SIZE];
	uint64_t first_ns, last_ns;
	int error;
};

#define ENOUGH 1	/* what callbacks return when --count is reached or nobody reads */

static int on_line(void *ctx, struct str line, bool is_long)
{
	struct replay *r = ctx;
	int e = is_long ? -EINVAL : ndjson_parse(line, &r->recorded);

	if (e == -ENOMEM)
		return e;
	if (e == -EINVAL)
		count(&r->counters, COUNT_recording_bad);
	if (e)
		return 0; /* a Summary, or counted */
	if (!r->first_ns)
		r->first_ns = r->recorded.identity.time_ns;
	r->last_ns = r->recorded.identity.time_ns;
	(void)snprintf(r->show.node, sizeof(r->show.node), "%.*s", STR_ARG(r->recorded.node)); /* a name, cut at 255 */
	show_identity(&r->show, &r->recorded.identity);
	return show_is_over(&r->show) ? ENOUGH : 0;
}

static void begin_raw(void *ctx, const struct record_head *head)
{
	struct replay *r = ctx;

	memcpy(r->show.node, head->node, sizeof(head->node));
	r->error = stages_init(&r->stages, r->key, head->wall_offset_ns, show_identity, &r->show);
}

static void on_record(void *ctx, const void *record, size_t size)
{
	struct replay *r = ctx;

	if (r->error)
		return;
	if (!r->first_ns)
		r->first_ns = ((const struct tap_hdr *)record)->ktime_ns;
	stages_push(&r->stages, record, size);
}

static int replay_raw(struct replay *r, struct err *err)
{
	int e = state_key(r->key, err);

	if (e < 0)
		return e;
	if (e > 0)
		show_note(&r->show, err->text);
	e = record_replay(r->path, begin_raw, on_record, r, err);
	explicit_bzero(r->key, sizeof(r->key));
	if (r->error)
		return err_set(err, r->error, "out of memory");
	if (r->stages.cred) {
		r->last_ns = r->stages.flow.last_ns;
		stages_finish(&r->stages, r->last_ns);
		r->counters = r->stages.counters;
	}
	return e;
}

static enum exit_code run_replay(void *config)
{
	struct replay *r = config;
	struct err err = { "" }, end_err = { "" };
	int e, end;

	if (!r->path) {
		fputs("anontap replay: which file? anontap replay FILE\n", stderr);
		return EXIT_MISUSED;
	}
	e = show_begin(&r->show, &err);
	if (!e)
		e = record_is_one(r->path) ? replay_raw(r, &err) : recording_read(r->path, on_line, r, &err);
	if (e == ENOUGH)
		e = 0;
	if (!e && !r->stages.cred && !r->first_ns)
		e = err_set(&err, -EINVAL, "%s is no recording of anontap: no line of it is an Exchange", r->path);
	end = show_end(&r->show, &(struct summary_run){ .counters = &r->counters, .wall_ns = r->last_ns - r->first_ns },
		       &end_err);
	if (e)
		fprintf(stderr, "anontap replay: %s\n", err.text[0] ? err.text : strerror(-e));
	if (end)
		fprintf(stderr, "anontap replay: %s\n", end_err.text);
	if (r->stages.cred)
		stages_done(&r->stages);
	recorded_done(&r->recorded);
	return e || end ? EXIT_FAILED : EXIT_CLEAN;
}

static int set_path(void *config, struct str value, struct err *err)
{
	struct replay *r = config;

	if (r->path)
		return err_set(err, -EINVAL, "one recording at a time: %s, and %.*s?", r->path, STR_ARG(value));
	r->path = value.p; /* of argv: ends with NUL and outlives us */
	return 0;
}

static const struct option_spec options[] = { SHOW_OPTIONS };

const struct command cmd_replay = {
	.name = "replay",
	.operands = "FILE",
	.summary = "tell a recording again, with the same filters and forms as trace",
	.about = "FILE is what trace --write made, plain or compressed, or a raw recording of --write-raw.\n"
		 "What was in doubt when it was recorded is in doubt still.\n",
	.examples = "  anontap replay today.ndjson.gz --credential none --status 2xx\n"
		    "  anontap replay today.ndjson.gz -o json | jq -r .requestURI | sort | uniq -c | sort -rn\n",
	.options = options,
	.nr_options = sizeof(options) / sizeof(options[0]),
	.config_size = sizeof(struct replay),
	.operand = set_path,
	.run = run_replay,
};
