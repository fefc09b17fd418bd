/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "tell/ndjson.h"

#define LINE_MAX_BYTES	(1u << 20)	/* of output that waits for a flush, before one is made */
#define SYNC_EVERY_NS	UINT64_C(1000000000)	/* how much of a recording a crash may cost */
#define WIDTH_PIPE	0		/* not a terminal: lines are not cut */

int show_begin(struct show *s, struct err *err)
{
	struct winsize size;
	bool is_tty = isatty(STDOUT_FILENO);
	const char *no_colour = getenv("NO_COLOR");

	if (s->is_node_told && gethostname(s->node, sizeof(s->node) - 1))
		s->node[0] = '\0';
	s->table.is_wide = s->form == FORM_WIDE;
	s->table.is_colour = is_tty && !(no_colour && *no_colour);
	s->table.width = is_tty && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ? size.ws_col : WIDTH_PIPE;
	return s->write_path ? recording_create(&s->recording, s->write_path, err) : 0;
}

static void count_error(struct show *s, int r)
{
	if (r == -EPIPE)
		s->is_reader_gone = true;
	else if (!s->error)
		s->error = r;
}

/* What was recorded goes to the kernel; the first failure is told here, the end tells it again. */
static void sync_recording(struct show *s)
{
	bool was_good = !s->has_write_failed;

	s->synced_ns = clock_mono_ns();
	s->has_write_failed = recording_sync(&s->recording) != 0;
	if (was_good && s->has_write_failed) {
		struct err err = { "" };

		(void)err_set(&err, 0, "cannot write %s: %s; what is shown goes on", s->write_path,
			      strerror(-s->recording.error));
		show_note(s, err.text);
	}
}

int show_flush(struct show *s)
{
	const char *p = s->out.p;
	size_t left = s->out.n;

	while (left && !s->is_reader_gone && !s->error) {
		ssize_t n = write(STDOUT_FILENO, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			count_error(s, -errno);
			break;
		}
		p += n;
		left -= (size_t)n;
	}
	buf_reset(&s->out);
	if (s->recording.gz && clock_mono_ns() - s->synced_ns > SYNC_EVERY_NS)
		sync_recording(s);
	return s->error ? s->error : s->is_reader_gone;
}

bool show_is_over(const struct show *s)
{
	return s->is_reader_gone || s->error || (s->count_max && s->shown >= s->count_max);
}

void show_note(struct show *s, const char *text)
{
	fprintf(stderr, "anontap: %s\n", text);
}

void show_identity(void *show, const struct identity *id)
{
	struct show *s = show;
	struct buf *out = &s->out;
	size_t at = out->n;

	if ((s->count_max && s->shown >= s->count_max) || !filter_match(&s->filter, id))
		return;
	s->shown++;
	summary_push(&s->summary, id);
	if (s->form == FORM_JSON || s->recording.gz) {
		ndjson_identity(out, id, str_of(s->node));
		(void)recording_write(&s->recording, str_from(buf_str(out), at)); /* told at the flush */
	}
	if (s->form != FORM_JSON) {
		out->n = at; /* that was for the recording */
		if (!s->has_head)
			table_head(&s->table, out);
		s->has_head = true;
		table_row(&s->table, id, out);
	}
	if (out->n > LINE_MAX_BYTES)
		(void)show_flush(s); /* remembered in s */
}

int show_end(struct show *s, const struct summary_run *run, struct err *err)
{
	struct buf json = { 0 };
	int r;

	summary_json(&s->summary, run, &json);
	(void)recording_write(&s->recording, buf_str(&json)); /* told below */
	if (s->form == FORM_JSON)
		(void)buf_add_str(&s->out, buf_str(&json));
	(void)show_flush(s);
	if (s->form != FORM_JSON && !s->is_reader_gone && !s->error) {
		summary_print(&s->summary, run, s->table.is_colour, stdout);
		if (fflush(stdout))
			count_error(s, -errno);
	}
	r = recording_close(&s->recording, err);
	if (s->error)
		r = err_set(err, s->error, "cannot write to standard output: %s", strerror(-s->error));
	buf_done(&json);
	buf_done(&s->out);
	summary_done(&s->summary);
	return r;
}

/* ---- options */

int show_set_credential(void *config, struct str value, struct err *err)
{
	return filter_parse_credential(&((struct show *)config)->filter, value, err);
}

int show_set_outcome(void *config, struct str value, struct err *err)
{
	return filter_parse_outcome(&((struct show *)config)->filter, value, err);
}

int show_set_status(void *config, struct str value, struct err *err)
{
	return filter_parse_status(&((struct show *)config)->filter, value, err);
}

int show_set_method(void *config, struct str value, struct err *err)
{
	return filter_parse_method(&((struct show *)config)->filter, value, err);
}

int show_set_path(void *config, struct str value, struct err *err)
{
	return filter_parse_path(&((struct show *)config)->filter, value, err);
}

int show_set_user(void *config, struct str value, struct err *err)
{
	return filter_parse_user(&((struct show *)config)->filter, value, err);
}

int show_set_client(void *config, struct str value, struct err *err)
{
	return filter_parse_client(&((struct show *)config)->filter, value, err);
}

int show_set_exclude_health(void *config, struct str value, struct err *err)
{
	((struct show *)config)->filter.is_health_excluded = true;
	return 0;
}

int show_set_count(void *config, struct str value, struct err *err)
{
	if (str_u64(value, UINT64_MAX, &((struct show *)config)->count_max) || !((struct show *)config)->count_max)
		return err_set(err, -EINVAL, "\"%.*s\" is not a number of lines", STR_ARG(value));
	return 0;
}

int show_set_output(void *config, struct str value, struct err *err)
{
	static const char *const words[] = { "table", "wide", "json" };
	struct str near;

	for (int i = 0; i < 3; i++) {
		if (str_eq(value, str_of(words[i]))) {
			((struct show *)config)->form = (enum form)i;
			return 0;
		}
	}
	near = cli_nearest(value, "table wide json");
	return err_set(err, -EINVAL, "\"%.*s\" is not a form: table, wide or json%s%.*s%s", STR_ARG(value),
		       near.n ? "; did you mean " : "", STR_ARG(near), near.n ? "?" : "");
}

int show_set_write(void *config, struct str value, struct err *err)
{
	((struct show *)config)->write_path = value.p; /* of argv: ends with NUL and outlives us */
	return 0;
}
