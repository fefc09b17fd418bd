/* SPDX-License-Identifier: Apache-2.0
 *
 * show - what trace and replay have in common: filters, the form of the output, the recording, the
 * summary.
 *
 *	show_begin(); show_identity() for each, show_flush() now and then; show_end()
 *
 * stdout is the answer, stderr is talk. When nobody reads stdout any more the show is over; when the
 * recording cannot be written, the table goes on and show_end() says what failed.
 */
#ifndef ANONTAP_CMD_SHOW_H
#define ANONTAP_CMD_SHOW_H

#include "cmd/cli.h"
#include "cmd/filter.h"
#include "tell/recording.h"
#include "tell/summary.h"
#include "tell/table.h"

enum form { FORM_TABLE, FORM_WIDE, FORM_JSON };

struct show {
	struct filter filter;
	enum form form;
	uint64_t count_max;		/* stop after so many lines; 0: no end */
	const char *write_path;
	bool is_node_told;		/* a live run: lines carry this machine's name */
	/* while it runs */
	char node[256];
	struct table table;
	struct summary summary;
	struct recording recording;
	struct buf out;
	uint64_t shown;
	uint64_t synced_ns;
	bool has_head, is_reader_gone, has_write_failed;
	int error;			/* of stdout: the first */
};

int show_begin(struct show *s, struct err *err);
void show_identity(void *show, const struct identity *id);	/* an identity_push_fn */
int show_flush(struct show *s);		/* 0; 1 nobody reads any more; -errno of stdout */
bool show_is_over(const struct show *s);	/* enough lines, or nobody reads */
void show_note(struct show *s, const char *text);

/* The summary, then all is closed. Returns 0; what failed first of stdout and the recording. */
int show_end(struct show *s, const struct summary_run *run, struct err *err);

/* Options; a config that uses them begins with a struct show. */
int show_set_credential(void *config, struct str value, struct err *err);
int show_set_outcome(void *config, struct str value, struct err *err);
int show_set_status(void *config, struct str value, struct err *err);
int show_set_method(void *config, struct str value, struct err *err);
int show_set_path(void *config, struct str value, struct err *err);
int show_set_user(void *config, struct str value, struct err *err);
int show_set_client(void *config, struct str value, struct err *err);
int show_set_exclude_health(void *config, struct str value, struct err *err);
int show_set_count(void *config, struct str value, struct err *err);
int show_set_output(void *config, struct str value, struct err *err);
int show_set_write(void *config, struct str value, struct err *err);

#define SHOW_FILTER_OPTIONS \
	{ "credential", "KIND,…", "only these kinds: none, bearer, client-cert, basic, query-token, ws-bearer,\n" \
	  "front-proxy, unknown", show_set_credential, \
	  "none bearer client-cert basic query-token ws-bearer front-proxy unknown" }, \
	{ "outcome", "WORD,…", "only these: none, ignored, rejected, accepted, unknown", show_set_outcome, \
	  "none ignored rejected accepted unknown" }, \
	{ "status", "CODE,…", "only these: 404, 4xx, 200-299", show_set_status, "401 403 2xx 4xx 5xx" }, \
	{ "method", "NAME,…", "only these methods", show_set_method, "GET POST PUT PATCH DELETE" }, \
	{ "path", "GLOB", "only these paths (without the query); * is any run, ? any one; may be repeated", \
	  show_set_path, NULL }, \
	{ "user", "GLOB", "only this user, or impersonated user; may be repeated", show_set_user, NULL }, \
	{ "client", "CIDR,…", "only clients in 10.0.0.0/8, 2001:db8::/32, …", show_set_client, NULL }, \
	{ "exclude-health", NULL, "without GET and HEAD of /healthz, /livez, /readyz and below", show_set_exclude_health, NULL }

#define SHOW_FORM_OPTION \
	{ "output", "FORM", "table (default), wide, or json: one object a line; -o for short", show_set_output, \
	  "table wide json" }

#define SHOW_OPTIONS \
	{ "count", "N", "stop after N lines", show_set_count, NULL }, \
	SHOW_FILTER_OPTIONS, SHOW_FORM_OPTION, \
	{ "write", "FILE", "also record what is shown, for replay; compressed when FILE ends in .gz.\n" \
	  "A recording holds no secrets", show_set_write, NULL }

#endif
