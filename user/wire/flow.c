/* SPDX-License-Identifier: Apache-2.0
 * One idea: the kernel numbers the records of a direction before it knows whether they fit in the ring,
 * so the distance between the number expected and the number seen is the loss, whatever caused it. */
#include "wire/flow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct flow_conn {
	struct conn conn;
	void *state;			/* the protocol stage's */
	uint64_t last_ns;		/* greatest ktime seen by the last record */
	uint32_t next_seq[2];		/* by direction: what the next record should have */
	struct flow_conn *older, *newer;
};

void flow_init(struct flow *f, struct counters *counters, run_push_fn *push, void *ctx)
{
	*f = (struct flow){ .counters = counters, .push = push, .ctx = ctx };
}

/* ---- the list by last record ---- */

static void unlink_conn(struct flow *f, struct flow_conn *fc)
{
	if (f->awake == fc)
		f->awake = fc->newer;
	*(fc->older ? &fc->older->newer : &f->oldest) = fc->newer;
	*(fc->newer ? &fc->newer->older : &f->newest) = fc->older;
}

static void link_newest(struct flow *f, struct flow_conn *fc)
{
	fc->older = f->newest;
	fc->newer = NULL;
	fc->last_ns = f->last_ns;
	*(f->newest ? &f->newest->newer : &f->oldest) = fc;
	f->newest = fc;
	if (!f->awake)
		f->awake = fc;
}

/* ---- connections ---- */

static void push_gap(struct flow *f, struct flow_conn *fc, uint8_t dir, uint64_t ktime_ns)
{
	struct run run = { .kind = RUN_GAP, .dir = dir, .conn = &fc->conn, .state = &fc->state, .ktime_ns = ktime_ns };

	count(f->counters, COUNT_seq_gaps);
	f->push(f->ctx, &run);
}

static uint64_t socket_key(const struct conn *c)
{
	return (uint64_t)c->process->pid << 32 | (uint32_t)c->fd;
}

static void end_conn(struct flow *f, struct flow_conn *fc, const struct tap_hdr *rec, bool is_cut, uint64_t ktime_ns)
{
	struct run run = {
		.kind = RUN_END,
		.is_cut = is_cut,
		.conn = &fc->conn,
		.state = &fc->state,
		.rec = rec,
		.ktime_ns = ktime_ns,
	};

	f->push(f->ctx, &run);
	assert(!fc->state);
	unlink_conn(f, fc);
	(void)map_del(&f->conns, fc->conn.serial); /* it is there */
	if (fc->conn.process && map_get(&f->sockets, socket_key(&fc->conn)) == fc)
		(void)map_del(&f->sockets, socket_key(&fc->conn)); /* it is there */
	free(fc->conn.cert);
	free(fc);
}

/* The list is in order of time, so those that fell silent since the last look are next to each other. */
static void push_idle(struct flow *f)
{
	while (f->awake && f->awake->last_ns + FLOW_IDLE_NS <= f->last_ns) {
		struct flow_conn *fc = f->awake;
		struct run run = { .kind = RUN_IDLE, .conn = &fc->conn, .state = &fc->state, .ktime_ns = f->last_ns };

		f->awake = fc->newer;
		f->push(f->ctx, &run);
	}
}

/* The connection of this serial number, made when new. NULL: no memory, counted. */
static struct flow_conn *conn_of(struct flow *f, uint64_t serial, uint64_t ktime_ns)
{
	struct flow_conn *fc = map_get(&f->conns, serial);

	if (fc) {
		unlink_conn(f, fc);
		link_newest(f, fc);
		return fc;
	}
	if (f->conns.n >= FLOW_CONNECTIONS_MAX) {
		count(f->counters, COUNT_connections_dropped);
		end_conn(f, f->oldest, NULL, true, ktime_ns);
	}
	fc = calloc(1, sizeof(*fc));
	if (!fc || map_put(&f->conns, serial, fc)) {
		free(fc);
		count(f->counters, COUNT_out_of_memory);
		return NULL;
	}
	fc->conn.serial = serial;
	link_newest(f, fc);
	return fc;
}

/* The process of this id, made when new. NULL: no memory, counted. */
static struct process *process_of(struct flow *f, uint32_t pid)
{
	struct process *p = map_get(&f->processes, pid);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p || map_put(&f->processes, pid, p)) {
		free(p);
		count(f->counters, COUNT_out_of_memory);
		return NULL;
	}
	p->pid = pid;
	return p;
}

/* A descriptor has one connection at a time: whoever had it before has ended without our seeing it,
 * because its TAP_CLOSE was lost, or because the kernel's table dropped it and found it again. */
static void take_socket(struct flow *f, struct flow_conn *fc, uint64_t ktime_ns)
{
	struct flow_conn *before = map_get(&f->sockets, socket_key(&fc->conn));

	if (before) {
		count(f->counters, COUNT_end_unseen);
		push_gap(f, before, TAP_READ, ktime_ns);
		push_gap(f, before, TAP_WRITE, ktime_ns);
		end_conn(f, before, NULL, false, ktime_ns);
	}
	if (map_put(&f->sockets, socket_key(&fc->conn), fc))
		count(f->counters, COUNT_out_of_memory); /* its successor will not end it */
}

/* FNV-1a; never 0. */
static uint64_t hash_of(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return h ? h : 1;
}

static void describe(struct flow *f, struct flow_conn *fc, const struct tap_conn *r)
{
	struct conn *c = &fc->conn;
	const uint8_t *cert = r->data + r->sni_len;
	size_t sni_len = r->sni_len < TAP_SNI_MAX ? r->sni_len : TAP_SNI_MAX;

	if (r->how & TAP_CONN_FROM_START)
		c->is_before_attach = false; /* the kernel may learn it after the first description */
	if (c->is_described)
		return;
	c->process = process_of(f, r->tgid);
	if (!c->process)
		return;
	c->is_described = true;
	c->is_before_attach = !(r->how & TAP_CONN_FROM_START);
	c->fd = r->fd;
	if (c->fd >= 0)
		take_socket(f, fc, r->hdr.ktime_ns);
	memcpy(c->client_ip, r->client_ip, sizeof(c->client_ip));
	memcpy(c->server_ip, r->server_ip, sizeof(c->server_ip));
	c->client_port = r->client_port;
	c->server_port = r->server_port;
	c->has_address = !(r->how & TAP_CONN_NO_ADDRESS);
	c->tls_version = r->tls_version;
	memcpy(c->alpn, r->alpn, r->alpn_len);
	memcpy(c->server_name, r->data, sni_len);
	c->nr_certs = r->nr_certs;
	c->is_cert_cut = r->how & TAP_CONN_CERT_CUT;
	if (!r->cert_len)
		return;
	c->cert = malloc(r->cert_len);
	if (!c->cert) {
		count(f->counters, COUNT_out_of_memory);
		c->is_cert_cut = true; /* there is one: it must not read as none sent */
		return;
	}
	memcpy(c->cert, cert, r->cert_len);
	c->cert_len = r->cert_len;
	c->cert_hash = hash_of(c->cert, c->cert_len);
}

static void end_process(struct flow *f, uint32_t pid, uint64_t ktime_ns)
{
	struct flow_conn *fc = f->oldest, *newer;

	for (; fc; fc = newer) {
		newer = fc->newer;
		if (fc->conn.process && fc->conn.process->pid == pid)
			end_conn(f, fc, NULL, false, ktime_ns);
	}
}

static void push_process(struct flow *f, const struct tap_process *r)
{
	struct process *p = map_get(&f->processes, r->tgid);

	if (!p && !r->target[0])
		return; /* the kernel's word on a process that is not traced */
	if (p && (r->is_exit || !r->target[0]))
		end_process(f, r->tgid, r->hdr.ktime_ns);
	if (r->is_exit)
		return;
	p = process_of(f, r->tgid);
	if (!p)
		return;
	memcpy(p->comm, r->comm, sizeof(r->comm));
	if (r->target[0])
		memcpy(p->target, r->target, sizeof(r->target));
}

static void push_close(struct flow *f, const struct tap_close *r)
{
	struct flow_conn *fc = conn_of(f, r->hdr.conn, r->hdr.ktime_ns);

	if (!fc)
		return;
	for (uint8_t dir = 0; dir < 2; dir++) {
		int32_t missing = (int32_t)(r->next_seq[dir] - fc->next_seq[dir]);

		if (missing > 0)
			push_gap(f, fc, dir, r->hdr.ktime_ns);
		else if (missing < 0)
			count(f->counters, COUNT_record_bad);
	}
	end_conn(f, fc, &r->hdr, false, r->hdr.ktime_ns);
}

static void push_record(struct flow *f, const struct tap_hdr *h)
{
	struct flow_conn *fc = conn_of(f, h->conn, h->ktime_ns);
	struct run run = { .kind = RUN_RECORD, .dir = h->flags & TAP_DIR, .rec = h, .ktime_ns = h->ktime_ns };
	int32_t missing;

	if (!fc)
		return;
	missing = (int32_t)(h->seq - fc->next_seq[run.dir]);
	if (missing < 0) { /* told already, or never in order: it cannot be placed */
		count(f->counters, COUNT_record_bad);
		return;
	}
	fc->next_seq[run.dir] = h->seq + 1;
	if (missing)
		push_gap(f, fc, run.dir, h->ktime_ns);
	run.conn = &fc->conn;
	run.state = &fc->state;
	f->push(f->ctx, &run);
}

/* ---- is this what tap_abi.h says? ---- */

#define AS(type, rec) ((const struct type *)(const void *)(rec))

/* A fixed part, and behind it as many bytes as it announces. */
static bool is_long(const struct tap_hdr *h, size_t fixed, size_t variable)
{
	return h->size == fixed + variable;
}

static bool is_sound(const struct tap_hdr *h)
{
	static const size_t fixed[TAP_KIND_MAX] = {
		[TAP_CONN] = sizeof(struct tap_conn),	  [TAP_CLOSE] = sizeof(struct tap_close),
		[TAP_FRAME] = sizeof(struct tap_frame),	  [TAP_MORE] = sizeof(struct tap_more),
		[TAP_DATA] = sizeof(struct tap_data),	  [TAP_SNAPSHOT] = sizeof(struct tap_snapshot),
		[TAP_HEAD] = sizeof(struct tap_head),	  [TAP_END] = sizeof(struct tap_end),
		[TAP_PROCESS] = sizeof(struct tap_process),
	};

	if (h->kind >= TAP_KIND_MAX || !fixed[h->kind] || h->size < fixed[h->kind])
		return false;
	switch (h->kind) {
	case TAP_CONN:
		return AS(tap_conn, h)->alpn_len <= TAP_ALPN_MAX &&
		       is_long(h, fixed[TAP_CONN], (size_t)AS(tap_conn, h)->sni_len + AS(tap_conn, h)->cert_len);
	case TAP_FRAME:
		return AS(tap_frame, h)->got <= AS(tap_frame, h)->length &&
		       is_long(h, fixed[TAP_FRAME], AS(tap_frame, h)->got);
	case TAP_MORE:
		return is_long(h, fixed[TAP_MORE], AS(tap_more, h)->got);
	case TAP_SNAPSHOT:
		return is_long(h, fixed[TAP_SNAPSHOT], AS(tap_snapshot, h)->len);
	case TAP_HEAD:
		return is_long(h, fixed[TAP_HEAD], AS(tap_head, h)->got);
	default:
		return is_long(h, fixed[h->kind], 0);
	}
}

void flow_push(struct flow *f, const void *rec, size_t size)
{
	const struct tap_hdr *h = rec;

	if (size < sizeof(*h) || h->size > size || !is_sound(h)) {
		count(f->counters, COUNT_record_bad);
		return;
	}
	if (h->ktime_ns > f->last_ns)
		f->last_ns = h->ktime_ns;
	if (h->kind == TAP_PROCESS) {
		push_process(f, AS(tap_process, h));
	} else if (h->kind == TAP_CLOSE) {
		push_close(f, AS(tap_close, h));
	} else if (h->kind == TAP_CONN) {
		struct flow_conn *fc = conn_of(f, h->conn, h->ktime_ns);

		if (fc)
			describe(f, fc, AS(tap_conn, h));
	} else {
		push_record(f, h);
	}
	push_idle(f);
}

void flow_finish(struct flow *f)
{
	while (f->oldest)
		end_conn(f, f->oldest, NULL, true, f->last_ns);
}

void flow_done(struct flow *f)
{
	struct process *p;
	size_t pos = 0;

	flow_finish(f);
	while ((p = map_next(&f->processes, &pos, NULL)))
		free(p);
	map_done(&f->processes);
	map_done(&f->conns);
	map_done(&f->sockets);
}
