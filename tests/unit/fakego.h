/* SPDX-License-Identifier: Apache-2.0
 *
 * fakego - a Go program of some kilobytes, made in memory: an ELF with the functions, types and tables
 * that goabi_parse() asks for, and nothing else. For tests of what real compilers do not make: a field
 * that moved, a function that is missing, damage at each byte.
 *
 *	struct fakego f = { .edits = { { "isClient:16:", "isClient:24:" } } };
 *	fakego_make(&f);  elf_open_memory(&e, f.p, f.n, "fake", &err);  ...  fakego_done(&f);
 *
 * Edits are made in the tables below before they are used; an edit that finds nothing aborts the test.
 */
#ifndef ANONTAP_TESTS_FAKEGO_H
#define ANONTAP_TESTS_FAKEGO_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAKEGO_EDITS 8
#define FAKEGO_MAX   (128u << 10)

struct fakego {
	/* set before */
	const char *edits[FAKEGO_EDITS][2];
	bool is_go127;		/* types stand one after the other; no typelinks */
	bool is_pie;		/* pointers are zero in the file, and relocations */
	bool is_unsorted;	/* the typelinks are in the wrong order */
	bool is_small;		/* crypto/tls alone */

	/* made */
	uint8_t *p;
	size_t n;
	size_t text, pclntab, types, links, module, version; /* file offsets */
	size_t nr_links;

	/* private */
	char *tables[2];
	size_t ptrs[8192];
	size_t nr_ptrs;
};

/* name, recipe. "entry" is a prologue; "call NAME" and what fakego_code() knows follow it. */
static const char fakego_funcs[] =
	"runtime.memmove leaf\n"
	"crypto/tls.(*Conn).Read entry,spill,call=runtime.memmove\n"
	"crypto/tls.(*Conn).Write entry,call=crypto/tls.(*Conn).writeRecordLocked,"
	"call=crypto/tls.(*Conn).writeRecordLocked\n"
	"crypto/tls.(*Conn).writeRecordLocked leaf\n"
	"crypto/tls.(*Conn).Close entry\n"
	"net/http.(*conn).readRequest entry\n"
	"net/http.(*chunkWriter).writeHeader large\n"
	"net/http.(*response).finishRequest entry,call=net/http.(*connReader).abortPendingRead\n"
	"net/http.(*connReader).abortPendingRead leaf\n"
	"golang.org/x/net/http2.(*Framer).readMetaFrame large\n"
	"golang.org/x/net/http2.(*writeResHeaders).writeFrame entry\n"
	"net/http.(*http2Framer).readMetaFrame entry\n"
	"net/http.(*http2writeResHeaders).writeFrame entry\n"
	"main.main leaf\n";

/* package, type, size, then field:offset:type. */
static const char fakego_types[] =
	"crypto/tls tls.Conn 848 conn:0:net.Conn isClient:16:bool vers:72:uint16 activeCall:736:atomic.Int32 "
	"peerCertificates:160:[]*x509.Certificate serverName:208:string clientProtocol:352:string "
	"in:368:tls.halfConn input:700:bytes.Reader\n"
	"crypto/tls tls.halfConn 152 seq:64:[8]uint8\n"
	"sync/atomic atomic.Int32 4 _:0:atomic.noCopy v:0:int32\n"
	"bytes bytes.Reader 40 s:0:[]uint8 i:24:int64\n"
	"crypto/x509 x509.Certificate 1500 Raw:0:[]uint8\n"
	"net net.TCPConn 8 conn:0:net.conn\n"
	"net net.conn 8 fd:0:*net.netFD\n"
	"net net.netFD 128 pfd:0:poll.FD laddr:96:net.Addr raddr:112:net.Addr\n"
	"internal/poll poll.FD 72 Sysfd:16:int\n"
	"net net.TCPAddr 48 IP:0:net.IP Port:24:int\n"
	"bufio bufio.Reader 96 buf:0:[]uint8 r:40:int w:48:int\n"
	"bufio bufio.Writer 64 n:40:int\n"
	"net/http http.response 400 conn:0:*http.conn cw:48:http.chunkWriter written:104:int64\n"
	"net/http http.conn 200 rwc:16:net.Conn r:72:*http.connReader bufr:80:*bufio.Reader "
	"bufw:88:*bufio.Writer curReq:112:atomic.Pointer[net/http.response]\n"
	"net/http http.chunkWriter 24 res:0:*http.response\n"
	"net/http http.connReader 80 conn:24:*http.conn hasByte:32:bool byteBuf:33:[1]uint8\n"
	"hpack hpack.Decoder 200 dynTab:0:hpack.dynamicTable\n"
	"hpack hpack.Encoder 200 dynTab:8:hpack.dynamicTable\n"
	"hpack hpack.dynamicTable 56 table:0:hpack.headerFieldTable size:48:uint32 maxSize:52:uint32\n"
	"hpack hpack.headerFieldTable 48 ents:0:[]hpack.HeaderField\n"
	"hpack hpack.HeaderField 40 Name:0:string Value:16:string\n"
	"golang.org/x/net/http2 http2.Framer 200 r:0:io.Reader ReadMetaHeaders:168:*hpack.Decoder\n"
	"golang.org/x/net/http2 http2.HeadersFrame 56 FrameHeader:0:http2.FrameHeader headerFragBuf:24:[]uint8\n"
	"golang.org/x/net/http2 http2.FrameHeader 12 Flags:2:http2.Flags StreamID:8:uint32\n"
	"golang.org/x/net/http2 http2.serverConn 600 conn:16:net.Conn bw:32:*http2.bufferedWriter "
	"hpackEncoder:456:*hpack.Encoder\n"
	"golang.org/x/net/http2 http2.bufferedWriter 40 bw:32:*bufio.Writer\n"
	"golang.org/x/net/http2 http2.writeResHeaders 80 streamID:0:uint32\n"
	"net/http http.http2Framer 200 r:0:io.Reader ReadMetaHeaders:168:*hpack.Decoder\n"
	"net/http http.http2HeadersFrame 56 http2FrameHeader:0:http.http2FrameHeader headerFragBuf:24:[]uint8\n"
	"net/http http.http2FrameHeader 12 Flags:2:http.http2Flags StreamID:8:uint32\n"
	"net/http http.http2serverConn 600 conn:16:net.Conn bw:32:*http.http2bufferedWriter "
	"hpackEncoder:432:*hpack.Encoder\n"
	"net/http http.http2bufferedWriter 40 bw:32:*bufio.Writer\n"
	"net/http http.http2writeResHeaders 80 streamID:0:uint32\n";

#define FAKEGO_BASE 0x400000u
#define FAKEGO_NAMES 512
#define FAKEGO_FIELDS 16

/* A type, by its string; a struct also has a line of the table. */
struct fakego_type {
	char string[128];
	char package[64];
	uint8_t kind;
	uint32_t size;
	int elem;
	int nr_fields;
	struct {
		char name[48];
		uint32_t off;
		int type;
	} fields[FAKEGO_FIELDS];
	size_t desc; /* file offset */
	size_t string_at;
};

struct fakego_world {
	struct fakego_type t[FAKEGO_NAMES];
	int nr;
};

static void fakego_die(const char *what)
{
	fprintf(stderr, "fakego: %s\n", what);
	abort();
}

static size_t fakego_put(struct fakego *f, const void *p, size_t n, size_t align)
{
	size_t at = (f->n + align - 1) & ~(align - 1);

	if (at + n > FAKEGO_MAX)
		fakego_die("too large");
	if (p)
		memcpy(f->p + at, p, n);
	f->n = at + n;
	return at;
}

static void fakego_u32(struct fakego *f, size_t at, size_t v)
{
	uint32_t w = (uint32_t)v;

	memcpy(f->p + at, &w, 4);
}

static void fakego_u64(struct fakego *f, size_t at, uint64_t v)
{
	memcpy(f->p + at, &v, 8);
}

/* A pointer to file offset `to`. */
static void fakego_ptr(struct fakego *f, size_t at, size_t to)
{
	if (f->nr_ptrs == sizeof(f->ptrs) / sizeof(*f->ptrs))
		fakego_die("too many pointers");
	f->ptrs[f->nr_ptrs++] = at;
	fakego_u64(f, at, FAKEGO_BASE + to);
}

static char *fakego_edit(struct fakego *f, const char *text, bool *done)
{
	char *s = strdup(text);

	for (int i = 0; s && i < FAKEGO_EDITS && f->edits[i][0]; i++) {
		const char *from = f->edits[i][0], *to = f->edits[i][1];
		char *at = strstr(s, from), *next;

		if (!at)
			continue;
		done[i] = true;
		if (asprintf(&next, "%.*s%s%s", (int)(at - s), s, to, at + strlen(from)) < 0)
			next = NULL;
		free(s);
		s = next;
	}
	if (!s)
		fakego_die("no memory");
	return s;
}

/* ---- code, x86-64 ---------------------------------------------------------------------------- */

static void fakego_bytes(struct fakego *f, const char *bytes, size_t n)
{
	(void)fakego_put(f, bytes, n, 1);
}
#define FAKEGO_BYTES(f, s) fakego_bytes(f, s, sizeof(s) - 1)

struct fakego_func {
	char name[160], recipe[400];
	size_t at, end, name_at;
};

struct fakego_call {
	size_t at;
	char target[160];
};

static void fakego_code(struct fakego *f, struct fakego_func *fn, struct fakego_call *calls, int *nr_calls)
{
	char *save, *step;

	fn->at = fakego_put(f, NULL, 0, 32);
	for (step = strtok_r(fn->recipe, ",", &save); step; step = strtok_r(NULL, ",", &save)) {
		if (strcmp(step, "entry") == 0) /* cmp; jbe; push; mov; sub $0x58,%rsp */
			FAKEGO_BYTES(f, "\x49\x3b\x66\x10\x76\x40\x55\x48\x89\xe5\x48\x83\xec\x58");
		else if (strcmp(step, "large") == 0) /* lea -0x880(%rsp),%r12; cmp; jbe; push; mov; sub $0x900 */
			FAKEGO_BYTES(f, "\x4c\x8d\xa4\x24\x80\xf7\xff\xff\x4d\x3b\x66\x10\x0f\x86\x40\0\0\0"
					"\x55\x48\x89\xe5\x48\x81\xec\x00\x09\0\0");
		else if (strcmp(step, "old") == 0) /* before 1.21: cmp; jbe; sub; mov %rbp,0x50(%rsp); lea */
			FAKEGO_BYTES(f, "\x49\x3b\x66\x10\x76\x40\x48\x83\xec\x58\x48\x89\x6c\x24\x50\x48\x8d\x6c\x24\x50");
		else if (strcmp(step, "spill") == 0) /* mov %rax,0x68(%rsp) */
			FAKEGO_BYTES(f, "\x48\x89\x44\x24\x68");
		else if (strcmp(step, "spillold") == 0) /* mov %rax,0x60(%rsp) */
			FAKEGO_BYTES(f, "\x48\x89\x44\x24\x60");
		else if (strcmp(step, "clobber") == 0) /* mov %rcx,0x68(%rsp) */
			FAKEGO_BYTES(f, "\x48\x89\x4c\x24\x68");
		else if (strcmp(step, "jump") == 0) /* je +0 */
			FAKEGO_BYTES(f, "\x74\x00");
		else if (strcmp(step, "arg") == 0) /* mov %rbx,%rax */
			FAKEGO_BYTES(f, "\x48\x89\xd8");
		else if (strcmp(step, "bad") == 0) /* no instruction in 64-bit mode */
			FAKEGO_BYTES(f, "\x06");
		else if (strncmp(step, "call=", 5) == 0) {
			FAKEGO_BYTES(f, "\xe8\0\0\0\0");
			calls[*nr_calls].at = f->n - 5;
			snprintf(calls[(*nr_calls)++].target, 160, "%s", step + 5);
		} else if (strcmp(step, "leaf") != 0)
			fakego_die(step);
	}
	FAKEGO_BYTES(f, "\xc3");
	while (f->n % 32)
		FAKEGO_BYTES(f, "\xcc");
	fn->end = f->n;
}

static void fakego_functions(struct fakego *f)
{
	static struct fakego_func fns[32];
	static struct fakego_call calls[64];
	int nr = 0, nr_calls = 0;
	char *save, *line;
	size_t names, cu, tab;

	for (line = strtok_r(f->tables[0], "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *space = strrchr(line, ' ');

		snprintf(fns[nr].name, sizeof(fns[nr].name), "%.*s", (int)(space - line), line);
		snprintf(fns[nr].recipe, sizeof(fns[nr].recipe), "%s", space + 1);
		nr++;
	}
	f->text = fakego_put(f, NULL, 0, 64);
	for (int i = 0; i < nr; i++)
		fakego_code(f, &fns[i], calls, &nr_calls);
	for (int i = 0; i < nr_calls; i++)
		for (int k = 0; k < nr; k++)
			if (strcmp(calls[i].target, fns[k].name) == 0)
				fakego_u32(f, calls[i].at + 1, fns[k].at - (calls[i].at + 5));

	f->pclntab = fakego_put(f, NULL, 72, 32);
	names = f->n;
	for (int i = 0; i < nr; i++)
		fns[i].name_at = fakego_put(f, fns[i].name, strlen(fns[i].name) + 1, 1) - names;
	cu = f->n;
	tab = fakego_put(f, NULL, 8 * (size_t)nr + 8, 8);
	for (int i = 0; i < nr; i++) {
		size_t func = fakego_put(f, NULL, 8, 4);

		fakego_u32(f, tab + 8 * (size_t)i, fns[i].at - f->text);
		fakego_u32(f, tab + 8 * (size_t)i + 4, func - tab);
		fakego_u32(f, tab + 8 * (size_t)i + 8, fns[i].end - f->text);
		fakego_u32(f, func, fns[i].at - f->text);
		fakego_u32(f, func + 4, fns[i].name_at);
	}
	memcpy(f->p + f->pclntab, "\xf1\xff\xff\xff\0\0\1\x8", 8);
	fakego_u64(f, f->pclntab + 8, (uint64_t)nr);
	fakego_u64(f, f->pclntab + 32, names - f->pclntab);
	fakego_u64(f, f->pclntab + 40, cu - f->pclntab);
	fakego_u64(f, f->pclntab + 48, cu - f->pclntab);
	fakego_u64(f, f->pclntab + 56, cu - f->pclntab);
	fakego_u64(f, f->pclntab + 64, tab - f->pclntab);
}

/* ---- types ----------------------------------------------------------------------------------- */

static int fakego_type(struct fakego_world *w, const char *string)
{
	struct fakego_type *t;
	const char *elem = NULL;
	int i;

	for (i = 0; i < w->nr; i++)
		if (strcmp(w->t[i].string, string) == 0)
			return i;
	if (w->nr == FAKEGO_NAMES)
		fakego_die("too many types");
	t = &w->t[w->nr++];
	snprintf(t->string, sizeof(t->string), "%s", string);
	t->elem = -1;
	t->kind = 2; /* int, for all that nobody looks into */
	t->size = 8;
	if (string[0] == '*') {
		t->kind = 22;
		elem = string + 1;
	} else if (strncmp(string, "[]", 2) == 0) {
		t->kind = 23;
		elem = string + 2;
	} else if (string[0] == '[') {
		t->kind = 17;
		elem = strchr(string, ']') + 1;
	}
	if (elem) {
		int e = fakego_type(w, elem);

		w->t[i].elem = e;
	}
	return i;
}

static void fakego_struct(struct fakego_world *w, char *line)
{
	char *save, *word = strtok_r(line, " ", &save), package[64];
	struct fakego_type *t;
	int i;

	snprintf(package, sizeof(package), "%s", word);
	i = fakego_type(w, strtok_r(NULL, " ", &save));
	t = &w->t[i];
	t->kind = 25;
	snprintf(t->package, sizeof(t->package), "%s", package);
	t->size = (uint32_t)strtoul(strtok_r(NULL, " ", &save), NULL, 10);
	while ((word = strtok_r(NULL, " ", &save))) {
		char *off = strchr(word, ':'), *type = strchr(off + 1, ':');

		snprintf(t->fields[t->nr_fields].name, sizeof(t->fields[0].name), "%.*s", (int)(off - word), word);
		t->fields[t->nr_fields].off = (uint32_t)strtoul(off + 1, NULL, 10);
		t->fields[t->nr_fields++].type = fakego_type(w, type + 1);
	}
	/* Go has a pointer type wherever a method has a pointer receiver. */
	char pointer[160];

	snprintf(pointer, sizeof(pointer), "*%s", t->string);
	(void)fakego_type(w, pointer);
}

static size_t fakego_desc_size(const struct fakego_type *t)
{
	switch (t->kind) {
	case 17:
		return 72;
	case 22:
	case 23:
		return 56;
	case 25:
		return 80 + 16 + 24 * (size_t)t->nr_fields;
	default:
		return 48;
	}
}

static size_t fakego_name(struct fakego *f, const char *name)
{
	uint8_t head[2] = { 0, (uint8_t)strlen(name) };
	size_t at = fakego_put(f, head, 2, 1);

	(void)fakego_put(f, name, strlen(name), 1);
	return at;
}

static void fakego_desc(struct fakego *f, struct fakego_world *w, struct fakego_type *t)
{
	size_t d = t->desc;
	char star[160];

	fakego_u64(f, d, t->size);
	f->p[d + 23] = t->kind;
	if (t->elem < 0) {
		f->p[d + 20] = 2 | 4; /* extra star, named */
		snprintf(star, sizeof(star), "*%s", t->string);
		fakego_u32(f, d + 40, fakego_name(f, star) - f->types);
	} else {
		fakego_u32(f, d + 40, fakego_name(f, t->string) - f->types);
		fakego_ptr(f, d + 48, w->t[t->elem].desc);
	}
	if (t->kind != 25)
		return;
	f->p[d + 20] |= 1; /* uncommon */
	fakego_ptr(f, d + 56, d + 96);
	fakego_u64(f, d + 64, (uint64_t)t->nr_fields);
	fakego_u64(f, d + 72, (uint64_t)t->nr_fields);
	fakego_u32(f, d + 80, fakego_name(f, t->package) - f->types);
	for (int i = 0; i < t->nr_fields; i++) {
		size_t at = d + 96 + 24 * (size_t)i;

		fakego_ptr(f, at, fakego_name(f, t->fields[i].name));
		fakego_ptr(f, at + 8, w->t[t->fields[i].type].desc);
		fakego_u64(f, at + 16, t->fields[i].off);
	}
}

static int fakego_by_string(const void *a, const void *b)
{
	return strcmp((*(const struct fakego_type *const *)a)->string, (*(const struct fakego_type *const *)b)->string);
}

/* Returns the number of typelinks. */
static size_t fakego_write_types(struct fakego *f, size_t *ret_descs_end)
{
	struct fakego_world *w = calloc(1, sizeof(*w));
	struct fakego_type *order[FAKEGO_NAMES];
	char *save, *line;
	size_t nr = 0;

	if (!w)
		fakego_die("no memory");
	for (line = strtok_r(f->tables[1], "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		fakego_struct(w, line);
	f->types = fakego_put(f, NULL, 8, 32);
	for (int i = 0; i < w->nr; i++)
		w->t[i].desc = fakego_put(f, NULL, fakego_desc_size(&w->t[i]), 8);
	*ret_descs_end = f->n;
	for (int i = 0; i < w->nr; i++)
		fakego_desc(f, w, &w->t[i]);
	for (int i = 0; i < w->nr; i++)
		if (w->t[i].elem >= 0)
			order[nr++] = &w->t[i];
	qsort(order, nr, sizeof(*order), fakego_by_string);
	f->links = fakego_put(f, NULL, 4 * nr, 4);
	for (size_t i = 0; i < nr; i++)
		fakego_u32(f, f->links + 4 * i, order[f->is_unsorted ? nr - 1 - i : i]->desc - f->types);
	free(w);
	f->nr_links = nr;
	return nr;
}

/* ---- the file -------------------------------------------------------------------------------- */

static void fakego_slice(struct fakego *f, unsigned int word, size_t to, size_t n)
{
	fakego_ptr(f, f->module + 8 * word, to);
	fakego_u64(f, f->module + 8 * word + 8, n);
	fakego_u64(f, f->module + 8 * word + 16, n);
}

static void fakego_write_module(struct fakego *f, size_t nr_links, size_t descs_end, size_t etypes)
{
	uint64_t pcln, names, nr;

	memcpy(&names, f->p + f->pclntab + 32, 8);
	memcpy(&pcln, f->p + f->pclntab + 64, 8);
	memcpy(&nr, f->p + f->pclntab + 8, 8);
	f->module = fakego_put(f, NULL, 64 * 8, 32);
	fakego_ptr(f, f->module, f->pclntab);
	fakego_ptr(f, f->module + 8, f->pclntab + names);
	fakego_ptr(f, f->module + 8 * 13, f->pclntab + pcln);
	fakego_slice(f, 16, f->pclntab + pcln, nr + 1);
	fakego_ptr(f, f->module + 8 * 22, f->text);
	fakego_ptr(f, f->module + 8 * 62, f->text); /* the one textsect is at word 60, behind the rest */
	fakego_ptr(f, f->module + 8 * 37, f->types);
	if (f->is_go127) {
		fakego_u64(f, f->module + 8 * 38, descs_end - f->types);
		fakego_ptr(f, f->module + 8 * 39, etypes);
		fakego_u64(f, f->module + 8 * 40, descs_end - f->types);
		fakego_slice(f, 45, f->module + 8 * 60, 1);
	} else {
		fakego_ptr(f, f->module + 8 * 38, etypes);
		fakego_slice(f, 42, f->module + 8 * 60, 1);
		fakego_slice(f, 45, f->links, nr_links);
	}
}

static int fakego_by_number(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

static void fakego_relocate(struct fakego *f, Elf64_Phdr *dynamic)
{
	Elf64_Dyn dyn[4] = { { DT_RELA, { 0 } }, { DT_RELASZ, { f->nr_ptrs * sizeof(Elf64_Rela) } },
			     { DT_RELAENT, { sizeof(Elf64_Rela) } }, { DT_NULL, { 0 } } };
	size_t at;

	qsort(f->ptrs, f->nr_ptrs, sizeof(*f->ptrs), fakego_by_number);
	dyn[0].d_un.d_ptr = FAKEGO_BASE + ((f->n + 7) & ~7ull);
	for (size_t i = 0; i < f->nr_ptrs; i++) {
		Elf64_Rela rela = { FAKEGO_BASE + f->ptrs[i], ELF64_R_INFO(0, R_X86_64_RELATIVE), 0 };

		memcpy(&rela.r_addend, f->p + f->ptrs[i], 8);
		fakego_u64(f, f->ptrs[i], 0);
		(void)fakego_put(f, &rela, sizeof(rela), 8);
	}
	at = fakego_put(f, dyn, sizeof(dyn), 8);
	*dynamic = (Elf64_Phdr){ PT_DYNAMIC, PF_R, at, FAKEGO_BASE + at, 0, sizeof(dyn), sizeof(dyn), 8 };
}

static void fakego_make(struct fakego *f)
{
	bool done[FAKEGO_EDITS] = { false };
	Elf64_Ehdr eh = { .e_type = f->is_pie ? ET_DYN : ET_EXEC, .e_machine = EM_X86_64, .e_version = 1,
			  .e_phoff = sizeof(eh), .e_ehsize = sizeof(eh), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 4 };
	Elf64_Phdr ph[4] = { 0 };
	size_t code_end, ro_end, nr_links, descs_end;

	f->p = calloc(1, FAKEGO_MAX);
	if (!f->p)
		fakego_die("no memory");
	f->tables[0] = fakego_edit(f, fakego_funcs, done);
	f->tables[1] = fakego_edit(f, fakego_types, done);
	if (f->is_small) {
		*strstr(f->tables[0], "net/http.(*conn)") = '\0';
		*strstr(f->tables[1], "bufio bufio.Reader") = '\0';
	}
	for (int i = 0; i < FAKEGO_EDITS && f->edits[i][0]; i++)
		if (!done[i])
			fakego_die(f->edits[i][0]);
	f->n = sizeof(eh) + sizeof(ph);
	fakego_functions(f); /* the table of functions is in the code's segment: fewer bytes, no matter */
	code_end = f->n = (f->n + 31) & ~31ull;
	nr_links = fakego_write_types(f, &descs_end);
	ro_end = f->n = (f->n + 31) & ~31ull;
	fakego_write_module(f, nr_links, descs_end, ro_end);
	f->version = fakego_put(f, "\xff Go buildinf:\x08\x02", 16, 16);
	(void)fakego_put(f, NULL, 16, 1);
	(void)fakego_put(f, f->is_go127 ? "\x06go1.27" : "\x06go1.26", 7, 1);
	if (f->is_pie)
		fakego_relocate(f, &ph[3]);
	memcpy(eh.e_ident, ELFMAG "\2\1\1", 7);
	ph[0] = (Elf64_Phdr){ PT_LOAD, PF_R | PF_X, 0, FAKEGO_BASE, 0, code_end, code_end, 1 };
	ph[1] = (Elf64_Phdr){ PT_LOAD, PF_R, code_end, FAKEGO_BASE + code_end, 0, ro_end - code_end, ro_end - code_end, 1 };
	ph[2] = (Elf64_Phdr){ PT_LOAD, PF_R | PF_W, ro_end, FAKEGO_BASE + ro_end, 0, f->n - ro_end, f->n - ro_end, 1 };
	memcpy(f->p, &eh, sizeof(eh));
	memcpy(f->p + sizeof(eh), ph, sizeof(ph));
	free(f->tables[0]);
	free(f->tables[1]);
}

static void fakego_done(struct fakego *f)
{
	free(f->p);
	f->p = NULL;
}

#endif
