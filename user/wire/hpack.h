/* SPDX-License-Identifier: Apache-2.0
 *
 * hpack - decodes the header blocks of one direction of an HTTP/2 connection (RFC 7541), also when its
 * beginning was not seen.
 *
 * The dynamic table is nghttp2's inflater, made at the first block that needs it. What is known of it
 * has two states:
 *   exact    every entry is here: seen from the start (hpack_start), or copied out of the server
 *            (hpack_seed). A reference beyond the table is an error of the sender.
 *   inexact  entries older than this object are not here (hpack_seed_unknown; a zeroed object). The table
 *            counts from its newest entry, so each entry inserted since resolves exactly, and a reference
 *            beyond those is *unknown*: told as a field with is_name_known false, never as absent. A name
 *            that is only ever repeated by reference stays unknown. Exact again by hpack_seed.
 * No placeholder entries are kept for the unknown ones: a table of any size may be joined, and an
 * inflater that knows nothing costs nothing.
 *
 * Limits on the table's size (RFC 7541 4.2, 6.3): the size in force is what the encoder says in its
 * blocks and nothing else. SETTINGS_HEADER_TABLE_SIZE only bounds what it may say, and comes from the
 * other direction, whose order against this one is not known; so it is used to allow more, never to
 * refuse (hpack_allow). A sender that says more than the server allows is refused by the server.
 *
 * Where Go's decoder takes what nghttp2's refuses, Go is followed, so that no client can blind the sensor
 * with a block that the server goes on from (golang.org/x/net/http2/hpack): a size update between fields
 * while the table is empty, strings above nghttp2's 64 KiB (of a Huffman-coded one only the name is told),
 * padded integers, and wrong Huffman codes where a request is malformed already.
 */
#ifndef ANONTAP_WIRE_HPACK_H
#define ANONTAP_WIRE_HPACK_H

#include "wire/fields.h"

#define HPACK_TABLE_ASSUMED (64 * 1024)	/* allowed without having seen the SETTINGS that allow it */
#define HPACK_TABLE_MAX (1024 * 1024)	/* largest table kept; a sender that goes beyond is refused */

struct nghttp2_hd_inflater;
struct hpack_rest;

struct hpack {
	struct nghttp2_hd_inflater *inflater;	/* NULL: at rest, or the table is empty, of 4096 bytes */
	struct hpack_rest *rest;		/* the table, put aside */
	uint32_t limit;				/* what a size update may say; 0: HPACK_TABLE_ASSUMED */
	bool is_exact;
};

void hpack_done(struct hpack *h);

void hpack_start(struct hpack *h);		/* exact, and empty: the first block of a connection follows */
void hpack_seed_unknown(struct hpack *h);	/* inexact: blocks were lost, or are older than the sensor */

/* Exact, with the table of the snapshot. Returns 0 (a table that the snapshot says is cut leaves h
 * inexact); -EBADMSG its content contradicts itself, -ENOMEM: h is then inexact. */
int hpack_seed(struct hpack *h, const struct tap_snapshot *s);

/* The receiver of this direction announced SETTINGS_HEADER_TABLE_SIZE. */
void hpack_allow(struct hpack *h, uint32_t size);

/* Put the table aside until the next block: text and lengths instead of an inflater, which needs 1.3 KiB and
 * 220 bytes an entry. For connections that are silent: waking costs as much as decoding the table's entries.
 * Without memory it stays awake. */
void hpack_put_aside(struct hpack *h);

/* Decode one whole header block and append its fields. Returns 0; -EBADMSG it is refused, -ENOMEM: fields
 * has what came before, and h is inexact from here on. */
int hpack_decode(struct hpack *h, struct str block, struct fields *fields);

#endif
