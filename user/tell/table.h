/* SPDX-License-Identifier: Apache-2.0
 *
 * table - exchanges as lines for a terminal, fitted to its width.
 *
 * The URI takes what the other columns leave; what does not fit ends in "…". The wide form adds
 * columns and is never cut. With colour, calls without a credential are bold yellow, those of them
 * that were answered 2xx outside the health and version paths bold red, rejected ones red, lines in
 * doubt dim. All text from outside is escaped.
 */
#ifndef ANONTAP_TELL_TABLE_H
#define ANONTAP_TELL_TABLE_H

#include "base/buf.h"
#include "judge/cred.h"

#define TABLE_WIDTH_MIN 60

struct table {
	unsigned width;		/* columns of the terminal; 0: do not cut */
	bool is_wide;
	bool is_colour;
};

void table_head(const struct table *t, struct buf *out);
void table_row(const struct table *t, const struct identity *id, struct buf *out);

#endif
