/* SPDX-License-Identifier: Apache-2.0
 *
 * gosym - a Go program's own tables: its functions (.gopclntab), where its types are (moduledata), and
 * which Go built it (buildinfo).
 *
 * These are in every Go program, stripped or not, because the runtime needs them to unwind its stacks.
 * They are found by content, in the loaded segments; section names only say where to look first.
 * Known forms: Go 1.18 to 1.27. A form is recognised by what stands in it, not by the version.
 *
 * Life: gosym_open() on an open elf, which must outlive it; queries; nothing to free. gotype.h answers
 * questions about types.
 *
 * Errors are those of elf.h, and those said below. It does not read line tables or plugins.
 */
#ifndef ANONTAP_TAP_GOSYM_H
#define ANONTAP_TAP_GOSYM_H

#include "base/str.h"
#include "tap/elf.h"

#define GOSYM_FUNCS_MAX	   (1u << 21)	/* functions of a program; kube-apiserver has 1 << 17 */
#define GOSYM_FUNC_MAX	   (256u << 10)	/* bytes of a function that was asked for */
#define GOSYM_NAMES_MAX	   (128u << 20)	/* bytes of all their names */
#define GOSYM_WANTED_MAX   64
#define GOSYM_SAME_MAX	   4		/* functions of one name */

struct gosym {
	struct elf *elf;
	char version[32];		/* "go1.26.8"; "unknown" when the build information is gone */
	uint32_t nr_funcs;
	uint64_t text;			/* address that function entries count from */

	/* Type descriptors are at addresses [types, etypes). They are listed either by offsets from
	 * `types`, sorted by type string (typelinks), or by standing one after the other (descs). */
	uint64_t types, etypes;
	uint64_t typelinks, nr_typelinks;
	uint64_t descs, edescs;
	bool offsets_are_shifted;	/* Go 1.18: a struct field holds offset << 1 | is-embedded */

	/* private: file offsets */
	uint64_t pclntab, names, names_end, functab, functab_end;
};

/* A function to find. Set `name`; the rest is answered. */
struct gofunc {
	const char *name;		/* "crypto/tls.(*Conn).Read" */
	size_t nr;			/* how many have it; 0: absent */
	uint64_t va[GOSYM_SAME_MAX];
	uint32_t size[GOSYM_SAME_MAX];	/* up to the next function: with padding */
};

/* Returns 0; -ENODATA no .gopclntab or moduledata; -ENOTSUP they are of no known form; elf.h's. */
int gosym_open(struct gosym *g, struct elf *e, struct err *err);

/* Find all `nr` <= GOSYM_WANTED_MAX functions in one pass. A name also matches where it stands in
 * somebody's vendor directory ("k8s.io/kubernetes/vendor/golang.org/x/net/…", as Kubernetes before
 * 1.30 was built). Returns 0 also when some are absent; -EINVAL a name of one byte; -ERANGE the tables
 * are damaged; -E2BIG over a cap; elf.h's. */
int gosym_find(struct gosym *g, struct gofunc *funcs, size_t nr);

/* Is `whole` this package path or qualified name, vendored or not? */
bool gosym_is_name(struct str whole, struct str name);

#endif
