/* SPDX-License-Identifier: Apache-2.0
 *
 * goabi - all that anontap must know of one Go program file before it can be probed: where the probes
 * go, and where the fields are that the BPF programs read.
 *
 * Everything is read out of the file itself: functions from .gopclntab, call sites by decoding the
 * instructions, field offsets from the run-time type information. There is no version table. What
 * does not fit is refused by name. The file may be hostile: every offset is bounded, and the work is
 * capped in time and memory. Nothing stays mapped after goabi_read() returns.
 */
#ifndef ANONTAP_TAP_GOABI_H
#define ANONTAP_TAP_GOABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tap_abi.h"

/* The BPF programs, and where each goes. */
enum probe {
	PROBE_TLS_READ,		/* CALL runtime.memmove in crypto/tls.(*Conn).Read */
	PROBE_TLS_WRITE,	/* CALL writeRecordLocked in crypto/tls.(*Conn).Write */
	PROBE_TLS_CLOSE,	/* entry of crypto/tls.(*Conn).Close */
	PROBE_H2_REQUEST,	/* (*Framer).readMetaFrame: a HEADERS frame is read, nothing decoded yet */
	PROBE_H2_RESPONSE,	/* entry of (*writeResHeaders).writeFrame: nothing encoded yet */
	PROBE_H1_REQUEST,	/* net/http.(*conn).readRequest: a request head is about to be read */
	PROBE_H1_RESPONSE,	/* net/http.(*chunkWriter).writeHeader: a response head is about to be written */
	PROBE_H1_FINISH,	/* CALL (*connReader).abortPendingRead in (*response).finishRequest: all is written */
	PROBE_MAX,
};

#define GOABI_SITES_MAX	 32
#define GOABI_REASON_MAX 160

struct goabi_site {
	enum probe probe;
	uint8_t stack;		/* TAP_STACK_*: which HTTP/2 server; 0 for the others */
	uint8_t len;		/* of the instruction */
	uint8_t bytes[15];	/* the instruction, to compare with the process before attaching */
	uint64_t off;		/* in the file: what an uprobe wants */
	uint64_t va;
};

struct goabi {
	char go_version[32];		/* "go1.26.8" */
	char machine[8];		/* "x86-64" or "arm64" */
	bool is_pie;
	bool sees_h1;			/* HTTP/1.1 of net/http */
	bool sees_h2[2];		/* by TAP_STACK_* */
	char h1_reason[GOABI_REASON_MAX];	/* why not, when not */
	char h2_reason[2][GOABI_REASON_MAX];
	struct tap_layout layout;
	struct goabi_site sites[GOABI_SITES_MAX];
	size_t nr_sites;
	uint32_t nr_functions;		/* for doctor */
};

/* Read the program file at `path`.
 * Returns 0; -ENOEXEC not an ELF for a machine we know; -ENODATA not a Go program (or none of its
 * tables found); -ENOENT a Go program without crypto/tls; -ENOTSUP its layout or code is not of a
 * form we know (the sentence names it); -E2BIG over a cap; -EIO, -ENOMEM, or what open() says. */
int goabi_read(const char *path, struct goabi *ret, struct err *err);

/* The same on an open elf (tap/elf.h), whose name stands in the sentences. */
struct elf;
int goabi_parse(struct elf *e, struct goabi *ret, struct err *err);

const char *probe_name(enum probe probe);	/* "tls_read" */

#endif
