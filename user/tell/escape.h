/* SPDX-License-Identifier: Apache-2.0
 *
 * escape - makes bytes from outside fit for a terminal: a client must not write to the operator's. */
#ifndef ANONTAP_TELL_ESCAPE_H
#define ANONTAP_TELL_ESCAPE_H

#include "base/str.h"

/* s into out, NUL-terminated, cut where it does not fit; control characters, DEL, C1 and bytes that are
 * not UTF-8 as \xNN. Returns the length. */
size_t escape(struct str s, char *out, size_t size);

#endif
