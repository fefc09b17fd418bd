/* SPDX-License-Identifier: Apache-2.0
 *
 * golayout - where the fields are that the BPF programs read, out of the program's own type
 * information.
 *
 * One table: for each field of struct tap_layout, the Go struct, the path in it, and the type that
 * must stand there. A field that is missing, or is of another type, or lies too far in, is refused by
 * name: BPF must never read a guess.
 *
 * Each function fills its part of `ret` and nothing else, or nothing at all. The sentence in `why`
 * names Go's names only; the caller knows the file. Returns 0; -ENOTSUP the layout is not one we know;
 * -ENOMEM, or elf.h's errors.
 */
#ifndef ANONTAP_TAP_GOLAYOUT_H
#define ANONTAP_TAP_GOLAYOUT_H

#include "tap/gotype.h"
#include "tap_abi.h"

/* A copy of Go's HTTP/2 server. */
struct golayout_stack {
	const char *package;	/* path: "golang.org/x/net/http2", "net/http" */
	const char *short_name;	/* as types are printed: "http2", "http" */
	const char *prefix;	/* of each type's name: "", or "http2" in the bundle */
};

/* crypto/tls.Conn and below; also that Conn.conn and .isClient are where BPF reads both at once. */
int golayout_tls(struct gosym *g, struct tap_layout *ret, struct err *why);

/* HTTP/1.1 of net/http. */
int golayout_h1(struct gosym *g, struct tap_layout *ret, struct err *why);

int golayout_h2(struct gosym *g, const struct golayout_stack *stack, struct tap_layout *ret, int ret_stack,
		struct err *why);

#endif
