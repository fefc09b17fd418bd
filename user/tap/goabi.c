/* SPDX-License-Identifier: Apache-2.0
 * One idea: what is asked for stands in tables, here the functions and the probes in them, in
 * golayout.c the fields; the code only looks up, checks and refuses.
 *
 * crypto/tls is required. Each HTTP server that is linked (HTTP/1.1 and both copies of HTTP/2) is
 * taken whole or not at all, with its reason: half of one would yield requests without responses.
 */
#include "tap/goabi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap/golayout.h"
#include "tap/insn.h"

#define WRITE_CALLS_MAX	 4 /* of writeRecordLocked in Write; known versions have 2 */
#define FINISH_CALLS_MAX 4

enum func {
	TLS_READ,
	TLS_WRITE,
	TLS_CLOSE,
	TLS_RECORD,
	MEMMOVE,
	H1_READ_REQUEST,
	H1_WRITE_HEADER,
	H1_FINISH_REQUEST,
	H1_ABORT_READ,
	XNET_READ,
	XNET_WRITE,
	BUNDLE_READ,
	BUNDLE_WRITE,
	INTERNAL_READ,
	INTERNAL_WRITE,
	FUNC_MAX,
};

static const char *const func_names[FUNC_MAX] = {
	[TLS_READ] = "crypto/tls.(*Conn).Read",
	[TLS_WRITE] = "crypto/tls.(*Conn).Write",
	[TLS_CLOSE] = "crypto/tls.(*Conn).Close",
	[TLS_RECORD] = "crypto/tls.(*Conn).writeRecordLocked",
	[MEMMOVE] = "runtime.memmove",
	[H1_READ_REQUEST] = "net/http.(*conn).readRequest",
	[H1_WRITE_HEADER] = "net/http.(*chunkWriter).writeHeader",
	[H1_FINISH_REQUEST] = "net/http.(*response).finishRequest",
	[H1_ABORT_READ] = "net/http.(*connReader).abortPendingRead",
	[XNET_READ] = "golang.org/x/net/http2.(*Framer).readMetaFrame",
	[XNET_WRITE] = "golang.org/x/net/http2.(*writeResHeaders).writeFrame",
	[BUNDLE_READ] = "net/http.(*http2Framer).readMetaFrame",
	[BUNDLE_WRITE] = "net/http.(*http2writeResHeaders).writeFrame",
	[INTERNAL_READ] = "net/http/internal/http2.(*Framer).readMetaFrame",
	[INTERNAL_WRITE] = "net/http/internal/http2.(*writeResHeaders).writeFrame",
};

/* The copies of the HTTP/2 server. Go 1.27 moved the bundle; a program has one or the other. */
static const struct h2_stack {
	enum func read, write;
	struct golayout_stack types;
	int slot;
} h2_stacks[] = {
	{ XNET_READ, XNET_WRITE, { "golang.org/x/net/http2", "http2", "" }, TAP_STACK_XNET },
	{ BUNDLE_READ, BUNDLE_WRITE, { "net/http", "http", "http2" }, TAP_STACK_BUNDLED },
	{ INTERNAL_READ, INTERNAL_WRITE, { "net/http/internal/http2", "http2", "" }, TAP_STACK_BUNDLED },
};

const char *probe_name(enum probe probe)
{
	static const char *const names[PROBE_MAX] = {
		[PROBE_TLS_READ] = "tls_read",	     [PROBE_TLS_WRITE] = "tls_write",
		[PROBE_TLS_CLOSE] = "tls_close",     [PROBE_H2_REQUEST] = "h2_request",
		[PROBE_H2_RESPONSE] = "h2_response", [PROBE_H1_REQUEST] = "h1_request",
		[PROBE_H1_RESPONSE] = "h1_response", [PROBE_H1_FINISH] = "h1_finish",
	};

	return probe < PROBE_MAX ? names[probe] : "unknown";
}

struct reader {
	struct elf *elf;
	struct gosym sym;
	struct gofunc funcs[FUNC_MAX];
	struct goabi *abi;
	uint8_t *code;	 /* of one function, GOSYM_FUNC_MAX */
	struct err *why; /* Go's names only; the file's is put before it */
};

/* ---- sites ----------------------------------------------------------------------------------- */

/* Exactly one function has the name: with two, which one serves is a guess. */
static int require(struct reader *rd, enum func f)
{
	size_t nr = rd->funcs[f].nr;

	if (nr == 0)
		return err_set(rd->why, -ENOTSUP, "there is no %s", func_names[f]);
	if (nr > 1)
		return err_set(rd->why, -ENOTSUP, "there are %zu functions %s", nr, func_names[f]);
	return 0;
}

static int load_code(struct reader *rd, enum func f, struct insn_code *ret)
{
	const struct gofunc *fn = &rd->funcs[f];
	uint64_t off;
	int r = elf_off(rd->elf, fn->va[0], fn->size[0], &off);

	if (r == 0)
		r = elf_read(rd->elf, off, rd->code, fn->size[0]);
	if (r < 0)
		return err_set(rd->why, elf_error(rd->elf) ? r : -ENOTSUP, "the code of %s is not in the file",
			       func_names[f]);
	*ret = (struct insn_code){ rd->elf->machine, fn->va[0], rd->code, fn->size[0] };
	return 0;
}

static int refuse_code(struct reader *rd, int r, enum func f, const char *what)
{
	return err_set(rd->why, -ENOTSUP, "%s in %s%s", what, func_names[f],
		       r == -EILSEQ ? ": an instruction cannot be decoded" : "");
}

static int add_site(struct reader *rd, const struct insn_code *c, uint64_t va, enum probe probe, int stack)
{
	struct goabi_site *s = &rd->abi->sites[rd->abi->nr_sites];
	size_t len;
	int r;

	if (rd->abi->nr_sites == GOABI_SITES_MAX)
		return err_set(rd->why, -E2BIG, "there are more than %d places to probe", GOABI_SITES_MAX);
	*s = (struct goabi_site){ .probe = probe, .stack = (uint8_t)stack, .va = va };
	r = elf_off(rd->elf, va, 1, &s->off);
	if (r == 0)
		r = insn_len(c, va, &len);
	if (r < 0 || len > sizeof(s->bytes))
		return err_set(rd->why, -ENOTSUP, "the instruction at %#llx cannot be decoded",
			       (unsigned long long)va);
	s->len = (uint8_t)len;
	memcpy(s->bytes, c->p + (va - c->va), len);
	rd->abi->nr_sites++;
	return 0;
}

/* Sites at every CALL of `target` in `f`, of which there must be `min` to `max`. */
static int add_calls(struct reader *rd, enum func f, enum func target, size_t min, size_t max,
		     enum probe probe)
{
	uint64_t va[GOABI_SITES_MAX];
	struct insn_code c;
	size_t nr = 0, n = 0;
	int r = load_code(rd, f, &c);

	if (r < 0)
		return r;
	for (size_t i = 0; i < rd->funcs[target].nr && r == 0; i++) {
		r = insn_calls(&c, rd->funcs[target].va[i], va + nr, GOABI_SITES_MAX - nr, &n);
		nr += r == 0 ? n : 0;
	}
	if (r < 0)
		return refuse_code(rd, r, f, "no calls can be told");
	if (nr < min || nr > max)
		return err_set(rd->why, -ENOTSUP, "%s calls %s %zu times, not %zu to %zu", func_names[f],
			       func_names[target], nr, min, max);
	for (size_t i = 0; i < nr && r == 0; i++)
		r = add_site(rd, &c, va[i], probe, 0);
	return r;
}

static int add_entry(struct reader *rd, enum func f, enum probe probe, int stack)
{
	struct insn_code c;
	uint64_t va;
	int r = load_code(rd, f, &c);

	if (r < 0)
		return r;
	r = insn_entry(&c, &va);
	if (r < 0)
		return refuse_code(rd, r, f, "no prologue of a known form");
	return add_site(rd, &c, va, probe, stack);
}

static int find_frame(struct reader *rd)
{
	struct insn_code c;
	uint32_t frame;
	int r = load_code(rd, TLS_READ, &c);

	if (r < 0)
		return r;
	r = insn_receiver_frame(&c, &frame);
	if (r < 0)
		return refuse_code(rd, r, TLS_READ, "the receiver is not kept at a known place");
	if (frame > UINT16_MAX)
		return err_set(rd->why, -ENOTSUP, "the frame of %s has %u bytes", func_names[TLS_READ],
			       frame);
	rd->abi->layout.read_frame = (__u16)frame;
	return 0;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static int read_tls(struct reader *rd)
{
	static const enum func needed[] = { TLS_READ, TLS_WRITE, TLS_CLOSE, TLS_RECORD };
	int r = 0;

	if (!rd->funcs[TLS_READ].nr && !rd->funcs[TLS_WRITE].nr)
		return err_set(rd->why, -ENOENT, "it has no crypto/tls");
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed) && r == 0; i++)
		r = require(rd, needed[i]);
	if (r == 0)
		r = add_calls(rd, TLS_READ, MEMMOVE, 1, 1, PROBE_TLS_READ);
	if (r == 0)
		r = find_frame(rd);
	if (r == 0)
		r = add_calls(rd, TLS_WRITE, TLS_RECORD, 1, WRITE_CALLS_MAX, PROBE_TLS_WRITE);
	if (r == 0)
		r = add_entry(rd, TLS_CLOSE, PROBE_TLS_CLOSE, 0);
	if (r == 0)
		r = golayout_tls(&rd->sym, &rd->abi->layout, rd->why);
	return r;
}

static int read_h1(struct reader *rd)
{
	static const enum func needed[] = { H1_READ_REQUEST, H1_WRITE_HEADER, H1_FINISH_REQUEST,
					    H1_ABORT_READ };
	int r = 0;

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed) && r == 0; i++)
		r = require(rd, needed[i]);
	if (r == 0)
		r = add_entry(rd, H1_READ_REQUEST, PROBE_H1_REQUEST, 0);
	if (r == 0)
		r = add_entry(rd, H1_WRITE_HEADER, PROBE_H1_RESPONSE, 0);
	if (r == 0)
		r = add_calls(rd, H1_FINISH_REQUEST, H1_ABORT_READ, 1, FINISH_CALLS_MAX, PROBE_H1_FINISH);
	if (r == 0)
		r = golayout_h1(&rd->sym, &rd->abi->layout, rd->why);
	return r;
}

static int read_h2(struct reader *rd, const struct h2_stack *s)
{
	int r = require(rd, s->read);

	if (r == 0)
		r = require(rd, s->write);
	if (r == 0)
		r = add_entry(rd, s->read, PROBE_H2_REQUEST, s->slot);
	if (r == 0)
		r = add_entry(rd, s->write, PROBE_H2_RESPONSE, s->slot);
	if (r == 0)
		r = golayout_h2(&rd->sym, &s->types, &rd->abi->layout, s->slot, rd->why);
	return r;
}

/* A server that is not understood is left out, and so are the sites that it had already; what would
 * fail everything else too is an error. */
static int settle(struct reader *rd, int r, size_t nr_sites, bool *sees, char reason[GOABI_REASON_MAX])
{
	*sees = r == 0;
	reason[0] = '\0';
	if (r == 0)
		return 0;
	rd->abi->nr_sites = nr_sites;
	if (r == -ENOMEM || elf_error(rd->elf))
		return r;
	(void)snprintf(reason, GOABI_REASON_MAX, "%.*s", GOABI_REASON_MAX - 1, rd->why->text);
	return 0;
}

static int read_servers(struct reader *rd)
{
	struct goabi *abi = rd->abi;
	size_t nr_sites = abi->nr_sites;
	int r = read_h1(rd);

	r = settle(rd, r, nr_sites, &abi->sees_h1, abi->h1_reason);
	for (int i = 0; i < 2; i++)
		(void)snprintf(abi->h2_reason[i], sizeof(abi->h2_reason[i]), "it is not linked");
	for (size_t i = 0; i < sizeof(h2_stacks) / sizeof(*h2_stacks) && r == 0; i++) {
		const struct h2_stack *s = &h2_stacks[i];

		if (abi->sees_h2[s->slot] || !(rd->funcs[s->read].nr || rd->funcs[s->write].nr))
			continue;
		nr_sites = abi->nr_sites;
		r = read_h2(rd, s);
		r = settle(rd, r, nr_sites, &abi->sees_h2[s->slot], abi->h2_reason[s->slot]);
	}
	return r;
}

int goabi_parse(struct elf *e, struct goabi *ret, struct err *err)
{
	struct err why = { "its tables are damaged, or larger than is read" };
	struct goabi abi = { .is_pie = e->is_pie, .layout.abi_version = TAP_ABI_VERSION };
	struct reader rd = { .elf = e, .abi = &abi, .why = &why };
	int r = gosym_open(&rd.sym, e, err);

	if (r < 0)
		return r;
	(void)snprintf(abi.go_version, sizeof(abi.go_version), "%s", rd.sym.version);
	(void)snprintf(abi.machine, sizeof(abi.machine), "%s", e->machine == ELF_X86_64 ? "x86-64" : "arm64");
	abi.nr_functions = rd.sym.nr_funcs;
	for (size_t i = 0; i < FUNC_MAX; i++)
		rd.funcs[i].name = func_names[i];
	rd.code = malloc(GOSYM_FUNC_MAX);
	if (!rd.code)
		return err_set(err, -ENOMEM, "no memory to read %s", e->name);
	r = gosym_find(&rd.sym, rd.funcs, FUNC_MAX);
	if (r == -ERANGE)
		r = err_set(&why, -ENOTSUP, "its table of functions is damaged");
	if (r == 0)
		r = read_tls(&rd);
	if (r == 0)
		r = read_servers(&rd);
	if (r == 0)
		*ret = abi;
	else if (elf_error(e))
		(void)elf_say(e, r, err);
	else
		err_set(err, r, "%s (%s): %s", e->name, abi.go_version, why.text);
	free(rd.code);
	return r;
}

int goabi_read(const char *path, struct goabi *ret, struct err *err)
{
	struct elf e;
	int r = elf_open(&e, path, err);

	if (r < 0)
		return r;
	r = goabi_parse(&e, ret, err);
	elf_done(&e);
	return r;
}
