/* SPDX-License-Identifier: Apache-2.0
 *
 * gotype - a Go program's run-time type information: named struct types and where their fields are.
 *
 * The descriptors are in every Go program for reflection and garbage collection, whether stripped or
 * not, and carry field names and offsets. A type is its descriptor's address; 0 is none.
 *
 * It works on an open gosym and keeps nothing. Queries return 0; -ENOENT there is no such thing;
 * -ERANGE a descriptor is damaged; -ENOMEM; or elf.h's errors.
 *
 * A type can be missing though its code is there: the linker drops descriptors that nothing refers to.
 */
#ifndef ANONTAP_TAP_GOTYPE_H
#define ANONTAP_TAP_GOTYPE_H

#include "tap/gosym.h"

#define GOTYPE_TYPES_MAX  (1u << 20)	/* looked at in one search; kube-apiserver has 52,154 */
#define GOTYPE_FIELDS_MAX 4096		/* of a struct */
#define GOTYPE_BYTES_MAX  (256ull << 20) /* of all descriptors */
#define GOTYPE_WANTED_MAX 64
#define GOTYPE_SAME_MAX	  64		/* types of one string: package names repeat, paths do not */
#define GOTYPE_NAME_MAX	  256		/* of a type's string, as given out; longer ones are cut */

struct gotype_want {
	const char *package;		/* its path: "golang.org/x/net/http2"; also found vendored */
	const char *name;		/* as Go prints it: "http2.Framer" */
	uint64_t type;			/* answered; 0: not found */
};

/* Find struct types. First by binary search for the pointers to them among the typelinks, a few dozen
 * reads; what is not found so, by walking all types through pointers, elements and fields. */
int gotype_find(struct gosym *g, struct gotype_want *wants, size_t nr);

/* Follow `path` from a struct through nested structs, "in.seq". The offset counts from the first. */
int gotype_field(struct gosym *g, uint64_t type, const char *path, uint64_t *ret_off, uint64_t *ret_type);

/* What a pointer, slice or array type holds. */
int gotype_elem(struct gosym *g, uint64_t type, uint64_t *ret_type);

/* sizeof a value of the type. */
int gotype_size(struct gosym *g, uint64_t type, uint64_t *ret_size);

/* The type as Go prints it: "[]*x509.Certificate". */
int gotype_string(struct gosym *g, uint64_t type, char ret[GOTYPE_NAME_MAX]);

#endif
