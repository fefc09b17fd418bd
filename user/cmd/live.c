/* SPDX-License-Identifier: Apache-2.0
 *
 * One idea: there is one way in for a process, take_up(), whether it was asked for by pid, found by a
 * scan, or told of by the kernel; and it may be called for the same process any number of times.
 */
#include "cmd/live.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tap_abi.h"

#define SCAN_EVERY_NS	UINT64_C(1000000000)
#define REFUSED_MAX	256		/* beyond: the oldest is tried again */
#define BUNDLE_MAX	28000	/* of a CA file: two of them fit into a record */
#define NAMES_MAX	4096

/* A pid, which life of it, and the program it runs in that life. */
struct process_life {
	uint32_t pid;
	uint64_t start, ino;
	bool is_missing;	/* gone at the last look, though the kernel has not said so */
};

struct live {
	struct live_options options;
	record_push_fn *push;
	live_note_fn *note;
	void *ctx;
	struct probes *probes;
	struct ring ring;
	struct process_life processes[LIVE_PIDS_MAX * 4];
	size_t nr_processes;
	struct process_life refused[REFUSED_MAX];	/* could not be traced: not tried again every second */
	size_t nr_refused;
	uint64_t scanned_ns;
	bool is_scan_due;
};

static size_t index_of(const struct live *l, uint32_t pid)
{
	size_t i = 0;

	while (i < l->nr_processes && l->processes[i].pid != pid)
		i++;
	return i;
}

__attribute__((format(printf, 2, 3))) static void note(struct live *l, const char *fmt, ...)
{
	char text[640];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut when too long */
	va_end(ap);
	l->note(l->ctx, text);
}

/* Tell the stages which process this is, in the form in which a recording holds it. */
static void push_process(struct live *l, const struct target *t, bool is_exit)
{
	struct tap_process r = {
		.hdr = { .kind = TAP_PROCESS, .size = sizeof(r), .ktime_ns = clock_mono_ns() },
		.tgid = t->pid,
		.is_exit = is_exit,
	};

	memcpy(r.comm, t->comm, strnlen(t->comm, sizeof(r.comm) - 1));
	memcpy(r.target, t->name, strnlen(t->name, sizeof(r.target) - 1));
	l->push(l->ctx, &r, sizeof(r));
}

/* ---- what the server trusts: the CA files named on its command line, as it sees them */

static int read_flag_file(uint32_t pid, const char *flag, struct buf *ret)
{
	struct buf path = { .max = 4096 };
	int fd, r = target_flag(pid, flag, &path);

	if (!r)
		r = buf_add_c(&path, '\0');
	fd = r ? r : target_open(pid, path.p);
	buf_done(&path);
	if (fd < 0)
		return fd;
	for (;;) {
		char piece[4096];
		ssize_t n = read(fd, piece, sizeof(piece));

		if (n < 0)
			r = -errno;
		if (n > 0)
			r = buf_add(ret, piece, (size_t)n);
		if (n <= 0 || r)
			break;
	}
	close(fd);
	return r;
}

static void push_trust(struct live *l, const struct target *t)
{
	struct buf client = { .max = BUNDLE_MAX }, proxy = { .max = BUNDLE_MAX }, names = { .max = NAMES_MAX }, record = { 0 };
	struct tap_trust r = { .hdr = { .kind = TAP_TRUST, .ktime_ns = clock_mono_ns() }, .tgid = t->pid };

	/* a server without these flags trusts no such certificates: then the parts stay empty */
	if (read_flag_file(t->pid, "--client-ca-file", &client) == -E2BIG ||
	    read_flag_file(t->pid, "--requestheader-client-ca-file", &proxy) == -E2BIG)
		note(l, "process %u: a CA file of more than %d bytes is not read: which certificates it accepts is not known",
		     t->pid, BUNDLE_MAX);
	(void)target_flag(t->pid, "--requestheader-allowed-names", &names);
	r.client_len = (uint16_t)client.n;
	r.proxy_len = (uint16_t)proxy.n;
	r.names_len = (uint16_t)names.n;
	r.hdr.size = (uint16_t)(sizeof(r) + client.n + proxy.n + names.n);
	(void)buf_add(&record, &r, sizeof(r)); /* the buf remembers */
	(void)buf_add_str(&record, buf_str(&client));
	(void)buf_add_str(&record, buf_str(&proxy));
	(void)buf_add_str(&record, buf_str(&names));
	if ((client.n || proxy.n) && !client.error && !proxy.error && !buf_error(&record))
		l->push(l->ctx, record.p, record.n);
	buf_done(&client);
	buf_done(&proxy);
	buf_done(&names);
	buf_done(&record);
}

/* ---- taking processes up */

static int attach_file(struct live *l, const struct target *t, struct goabi *abi, struct err *err)
{
	char exe[TARGET_PROC_MAX];
	int r;

	target_exe_path(t->pid, exe);
	r = goabi_read(exe, abi, err);
	if (!r)
		r = probes_check((pid_t)t->pid, abi, err);
	if (!r)
		r = probes_attach(l->probes, exe, abi, err);
	return r;
}

static int take_up(struct live *l, const struct target *t, struct err *err)
{
	static const size_t processes_max = sizeof(l->processes) / sizeof(l->processes[0]);
	struct goabi abi;
	char exe[TARGET_PROC_MAX];
	bool is_known;
	int r = 0;

	if (index_of(l, t->pid) < l->nr_processes)
		return 0;
	if (l->nr_processes == processes_max)
		return err_set(err, -ENOSPC, "already tracing %zu processes, which is as many as there can be", processes_max);
	target_exe_path(t->pid, exe);
	push_process(l, t, false);
	push_trust(l, t);
	is_known = probes_has_file(l->probes, exe);
	r = probes_add(l->probes, (pid_t)t->pid); /* first, so that an attached file is never deaf to it */
	if (r)
		return err_set(err, r, "cannot count process %u in: %s", t->pid, strerror(-r));
	if (!is_known)
		r = attach_file(l, t, &abi, err);
	if (r) {
		(void)probes_remove(l->probes, (pid_t)t->pid); /* it was just added */
		push_process(l, t, true);
		return r;
	}
	l->processes[l->nr_processes++] = (struct process_life){ t->pid, t->start, t->ino, false };
	if (is_known) {
		note(l, "tracing %s (pid %u)", t->name, t->pid);
		return 0;
	}
	note(l, "tracing %s (pid %u, %s)", t->name, t->pid, abi.go_version);
	if (!abi.sees_h2[0] && !abi.sees_h2[1])
		note(l, "process %u: HTTP/2 is not visible: %s", t->pid, abi.h2_reason[0]);
	if (!abi.sees_h1)
		note(l, "process %u: HTTP/1.1 is not visible: %s", t->pid, abi.h1_reason);
	return 0;
}

static bool is_refused(const struct live *l, const struct target *t)
{
	size_t n = l->nr_refused < REFUSED_MAX ? l->nr_refused : REFUSED_MAX;

	for (size_t i = 0; i < n; i++)
		if (l->refused[i].pid == t->pid && l->refused[i].start == t->start && l->refused[i].ino == t->ino)
			return true;
	return false;
}

struct scan {
	struct live *live;
	struct err *err;
	int result;		/* of the first that failed */
};

static int found(const struct target *t, void *ctx)
{
	struct scan *s = ctx;
	struct live *l = s->live;
	struct err err = { "" };
	int r;

	if (is_refused(l, t))
		return 0;
	r = take_up(l, t, &err);
	if (!r)
		return 0;
	l->refused[l->nr_refused++ % REFUSED_MAX] = (struct process_life){ t->pid, t->start, t->ino, false };
	if (!s->result) {
		s->result = r;
		if (s->err)
			*s->err = err;
	}
	return 0; /* go on: the others are as good */
}

static int scan(struct live *l, struct err *err)
{
	struct scan s = { .live = l, .err = err };
	int r = 0;

	l->scanned_ns = clock_mono_ns();
	l->is_scan_due = false;
	if (l->options.nr_names)
		r = target_scan(l->options.names, l->options.nr_names, found, &s, err);
	return s.result ? s.result : r;
}

static void drop_process(struct live *l, uint32_t pid)
{
	size_t i = index_of(l, pid);

	if (i == l->nr_processes)
		return;
	l->processes[i] = l->processes[--l->nr_processes];
	(void)probes_remove(l->probes, (pid_t)pid); /* the key may be gone: as good */
	note(l, "process %u ended", pid);
}

/* Did this process execute a program that may be one of ours? The kernel's comm is cut. */
static bool may_be_named(const struct live *l, const struct tap_process *p)
{
	for (size_t i = 0; i < l->options.nr_names; i++)
		if (!strncmp(p->comm, l->options.names[i], TAP_COMM_MAX - 1))
			return true;
	return false;
}

static void on_record(void *ctx, const void *record, size_t size)
{
	struct live *l = ctx;
	const struct tap_process *p = record;

	if (p->hdr.kind != TAP_PROCESS) {
		l->push(l->ctx, record, size);
	} else if (p->is_exit) {
		l->push(l->ctx, record, size);
		drop_process(l, p->tgid);
	} else {
		if (index_of(l, p->tgid) < l->nr_processes) { /* it executed another program */
			push_process(l, &(struct target){ .pid = p->tgid }, true);
			drop_process(l, p->tgid);
		}
		if (may_be_named(l, p))
			l->is_scan_due = true; /* not here, inside the ring's callback: attaching takes a while */
	}
}

/* Processes whose end the kernel did not tell. At the first look their last records may still wait in
 * the ring, so only the second counts. */
static void drop_ended(struct live *l)
{
	for (size_t i = 0; i < l->nr_processes;) {
		struct process_life *p = &l->processes[i];
		struct target t = { .pid = p->pid }, now;
		bool was_missing = p->is_missing;

		p->is_missing = target_of_pid(t.pid, &now, NULL) || now.start != p->start;
		if (p->is_missing && was_missing) {
			push_process(l, &t, true);
			drop_process(l, t.pid); /* the last takes its place */
		} else {
			i++;
		}
	}
}

int live_open(const struct live_options *options, record_push_fn *push, live_note_fn *note_fn, void *ctx,
	      struct live **ret, struct err *err)
{
	struct live *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return err_set(err, -ENOMEM, "out of memory");
	*l = (struct live){ .options = *options, .push = push, .note = note_fn, .ctx = ctx };
	if (!l->options.nr_names && !l->options.nr_pids)
		l->options.names[l->options.nr_names++] = "kube-apiserver";
	r = probes_new(&options->probes, &l->probes, err);
	if (!r)
		r = ring_init(&l->ring, probes_ring_fd(l->probes), on_record, l, err);
	if (r)
		goto out;
	if (l->options.nr_names)
		(void)probes_watch_processes(l->probes); /* without it, the look every second finds them */
	for (size_t i = 0; i < l->options.nr_pids && !r; i++) {
		struct target t;

		r = target_of_pid(l->options.pids[i], &t, err);
		if (!r)
			r = take_up(l, &t, err);
	}
	if (r)
		goto out;
	r = scan(l, err);
	if (r && l->nr_processes) {
		note(l, "%s", err ? err->text : strerror(-r)); /* some are traced: go on with them */
		r = 0;
	}
	if (!r && !l->nr_processes && !l->options.is_waiting)
		r = err_set(err, -ESRCH, "no %s runs on this machine (that this user can see): start it, name another with "
			    "--target or --pid, wait for it with --wait, or run anontap doctor", l->options.names[0]);
	if (r)
		goto out;
	*ret = l;
	l = NULL;
out:
	live_close(l);
	return r;
}

int live_poll(struct live *l, int timeout_ms)
{
	int r = ring_poll(&l->ring, timeout_ms);

	if (r < 0 && r != -EINTR)
		return r;
	if (l->is_scan_due || clock_mono_ns() - l->scanned_ns > SCAN_EVERY_NS) {
		struct err err = { "" };

		drop_ended(l);
		if (scan(l, &err))
			note(l, "%s", err.text);
	}
	return !l->nr_processes && !l->options.nr_names ? 1 : 0;
}

void live_read_counters(const struct live *l, struct counters *counters)
{
	probes_read_counters(l->probes, counters);
}

void live_close(struct live *l)
{
	if (!l)
		return;
	ring_done(&l->ring);
	probes_free(l->probes);
	free(l);
}
