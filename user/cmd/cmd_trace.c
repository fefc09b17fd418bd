/* SPDX-License-Identifier: Apache-2.0
 *
 * One idea: a run is live records through the stages into a show; what ends it (Ctrl-C, time, count,
 * the last process, a reader gone) all leads to the same drain, summary and detach.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "cmd/commands.h"
#include "cmd/live.h"
#include "cmd/show.h"
#include "cmd/stages.h"
#include "cmd/state.h"
#include "tap/record.h"

#define POLL_MS 20	/* how long a record may wait in the ring of a quiet system */

struct trace {
	struct show show;	/* first: its options are shared with replay */
	struct live_options live;
	uint64_t duration_ns;	/* 0: until stopped */
	const char *raw_path;
	/* while it runs */
	struct stages stages;
	struct record_writer raw;
	uint64_t ring_bytes, ring_records;
};

static volatile sig_atomic_t stop_signal;

static void on_signal(int sig)
{
	stop_signal = sig;
}

static void catch_signals(void)
{
	struct sigaction stop = { .sa_handler = on_signal }, ignore = { .sa_handler = SIG_IGN };

	stop.sa_flags = (int)SA_RESETHAND; /* a second Ctrl-C ends at once */
	(void)sigaction(SIGINT, &stop, NULL);
	(void)sigaction(SIGTERM, &stop, NULL);
	(void)sigaction(SIGHUP, &stop, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL); /* a write says EPIPE instead */
}

/* A slot of the ring: 8 bytes of header, the record, rounded up to 8. */
static uint64_t ring_slot(size_t size)
{
	return 8 + ((size + 7) & ~(size_t)7);
}

static void on_record(void *ctx, const void *record, size_t size)
{
	struct trace *t = ctx;

	t->ring_bytes += ring_slot(size);
	t->ring_records++;
	record_write(&t->raw, record, size);
	stages_push(&t->stages, record, size);
}

static void on_note(void *ctx, const char *text)
{
	struct trace *t = ctx;

	show_note(&t->show, text);
}

static void follow(struct trace *t, struct live *live)
{
	uint64_t end_ns = t->duration_ns ? clock_mono_ns() + t->duration_ns : UINT64_MAX;
	int r = 0;

	while (!stop_signal && !r && clock_mono_ns() < end_ns && !show_is_over(&t->show)) {
		r = live_poll(live, POLL_MS);
		if (show_flush(&t->show))
			break;
	}
	if (r < 0)
		show_note(&t->show, strerror(-r));
}

static enum exit_code run_trace(void *config)
{
	struct trace *t = config;
	uint8_t key[CRED_KEY_SIZE];
	struct clock_map clock;
	struct live *live = NULL;
	struct err err = { "" };
	uint64_t begin_ns;
	int r;

	catch_signals();
	t->show.is_node_told = true;
	(void)prctl(PR_SET_DUMPABLE, 0); /* no core file: it would hold tokens */
	clock_read(&clock);
	begin_ns = clock_mono_ns();
	r = state_key(key, &err);
	if (r < 0)
		goto out;
	if (r > 0)
		show_note(&t->show, err.text);
	r = stages_init(&t->stages, key, clock.offset_ns, show_identity, &t->show);
	explicit_bzero(key, sizeof(key));
	if (r) {
		(void)err_set(&err, r, "out of memory");
		goto out;
	}
	r = show_begin(&t->show, &err);
	if (!r && t->raw_path)
		r = record_create(&t->raw, t->raw_path, clock.offset_ns, t->show.node, &err);
	if (!r)
		r = live_open(&t->live, on_record, on_note, t, &live, &err);
	if (r)
		goto out;
	(void)malloc_trim(0); /* the kernel's BTF was read to load the programs: 10 MB */
	follow(t, live);
	(void)live_poll(live, 0); /* drain */
	stages_finish(&t->stages, clock_mono_ns());
	live_read_counters(live, &t->stages.counters);
	r = show_end(&t->show, &(struct summary_run){ .counters = &t->stages.counters, .ring_bytes = t->ring_bytes,
						      .ring_records = t->ring_records, .wall_ns = clock_mono_ns() - begin_ns },
		     &err);
out:
	if (r < 0)
		fprintf(stderr, "anontap trace: %s\n", err.text);
	if (record_close(&t->raw, &err)) {
		fprintf(stderr, "anontap trace: %s\n", err.text);
		r = -EIO;
	}
	live_close(live);
	if (t->stages.cred)
		stages_done(&t->stages);
	return r < 0 ? EXIT_FAILED : EXIT_CLEAN;
}

/* ---- options */

static int set_pid(void *config, struct str value, struct err *err)
{
	struct live_options *o = &((struct trace *)config)->live;
	uint64_t pid;

	if (str_u64(value, INT32_MAX, &pid) || !pid)
		return err_set(err, -EINVAL, "\"%.*s\" is not a process id (pid)", STR_ARG(value));
	if (o->nr_pids == LIVE_PIDS_MAX)
		return err_set(err, -E2BIG, "more than %d processes", LIVE_PIDS_MAX);
	o->pids[o->nr_pids++] = (uint32_t)pid;
	return 0;
}

static int set_target(void *config, struct str value, struct err *err)
{
	struct live_options *o = &((struct trace *)config)->live;

	if (!value.n || value.n >= TAP_TARGET_MAX)
		return err_set(err, -EINVAL, "a program's name has 1 to %d characters", TAP_TARGET_MAX - 1);
	if (o->nr_names == LIVE_NAMES_MAX)
		return err_set(err, -E2BIG, "more than %d names", LIVE_NAMES_MAX);
	o->names[o->nr_names++] = value.p; /* of argv: ends with NUL and outlives us */
	return 0;
}

static int set_wait(void *config, struct str value, struct err *err)
{
	((struct trace *)config)->live.is_waiting = true;
	return 0;
}

static int set_duration(void *config, struct str value, struct err *err)
{
	return cli_duration(value, &((struct trace *)config)->duration_ns, err);
}

static int set_raw(void *config, struct str value, struct err *err)
{
	((struct trace *)config)->raw_path = value.p;
	return 0;
}

static int set_ring(void *config, struct str value, struct err *err)
{
	struct str number = value;
	uint64_t bytes, unit = 1;

	if (value.n && (value.p[value.n - 1] | 0x20) == 'k')
		unit = 1024;
	else if (value.n && (value.p[value.n - 1] | 0x20) == 'm')
		unit = 1024 * 1024;
	if (unit > 1)
		number.n--;
	if (str_u64(number, UINT32_MAX / unit, &bytes) || !bytes)
		return err_set(err, -EINVAL, "\"%.*s\" is not a size: write 4m or 512k", STR_ARG(value));
	((struct trace *)config)->live.probes.ring_bytes = (uint32_t)(bytes * unit);
	return 0;
}

static int set_connections(void *config, struct str value, struct err *err)
{
	uint64_t n;

	if (str_u64(value, 1 << 20, &n) || n < 16)
		return err_set(err, -EINVAL, "\"%.*s\": from 16 to %d", STR_ARG(value), 1 << 20);
	((struct trace *)config)->live.probes.connections_max = (uint32_t)n;
	return 0;
}

static const struct option_spec options[] = {
	{ "pid", "PID", "trace this process; may be repeated", set_pid, NULL },
	{ "target", "NAME", "trace every process of this name, in containers too, and those that come\n"
			    "later; may be repeated (default: kube-apiserver)", set_target, "kube-apiserver" },
	{ "wait", NULL, "wait for a process of that name, when there is none yet", set_wait, NULL },
	{ "duration", "TIME", "stop after 30s, 5m, 1h30m", set_duration, "10s 30s 1m 5m 1h" },
	SHOW_OPTIONS,
	{ "write-raw", "FILE", "also write the raw records, for tests and bug reports. THEY HOLD SECRETS:\n"
			       "tokens of everybody seen. Mode 0600, never over an existing file", set_raw, NULL },
	{ "ring-size", "SIZE", "of the buffer between kernel and agent: 256k to 256m, a power of two (4m).\n"
			       "Twice that is resident. Larger when `lost` counts", set_ring, NULL },
	{ "connections", "N", "how many connections the kernel side keeps apart (16384)", set_connections, NULL },
};

const struct command cmd_trace = {
	.name = "trace",
	.summary = "watch live who calls the API, with what credential, and what they are answered",
	.about = "Reads the TLS traffic of a running kube-apiserver (or another Go server) by eBPF probes on\n"
		 "crypto/tls. The server is not changed, not restarted, and does not notice. Lines without a\n"
		 "credential stand out. A summary follows at the end: Ctrl-C, --duration or --count.\n\n"
		 "Filters narrow what is shown and recorded, not what is counted in the summary's losses.\n",
	.examples = "  anontap trace                                      every kube-apiserver of this machine\n"
		    "  anontap trace --credential none,basic --status 2xx  who got something without a credential\n"
		    "  anontap trace --status 401 --duration 5m            who fails to authenticate\n"
		    "  anontap trace --user 'system:serviceaccount:*' --path '*/secrets*' -o wide\n"
		    "  anontap trace -o json --write today.ndjson.gz | jq .credential\n",
	.options = options,
	.nr_options = sizeof(options) / sizeof(options[0]),
	.config_size = sizeof(struct trace),
	.run = run_trace,
};
