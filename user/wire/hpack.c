/* SPDX-License-Identifier: Apache-2.0
 * One idea: the inflater is fed one field at a time, whose beginning is read here first. So a reference
 * to an entry that was never seen is met before nghttp2 sees it, and can be replaced by an empty name. */
#include "wire/hpack.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_DEFAULT 4096	/* RFC 7541 4.2, RFC 9113 6.5.2 */
#define STATIC_ENTRIES 61	/* RFC 7541 appendix A */
#define STRING_MAX 65536	/* nghttp2 takes no longer one (NGHTTP2_HD_MAX_NV) */
#define INT_MAX_BYTES 6		/* of an integer below 2^32, as short as it can be written */
#define CODE_BITS_MAX 30	/* of a Huffman code, RFC 7541 appendix B */

/* The first bits of each representation, and the bits of the integer behind them (RFC 7541 6). */
enum { INDEXED = 0x80, INSERT = 0x40, SIZE = 0x20, PLAIN = 0x00 };
enum { INDEXED_BITS = 7, INSERT_BITS = 6, SIZE_BITS = 5, PLAIN_BITS = 4, LENGTH_BITS = 7 };

/* An integer with a prefix of `bits`, padded as far as net/http takes it (hpack.readVarInt). Returns the
 * bytes it takes; 0: cut, or not below 2^32. */
static size_t read_int(struct str s, unsigned bits, uint64_t *ret)
{
	uint64_t mask = (1u << bits) - 1, v;
	size_t at = 1;

	if (!s.n)
		return 0;
	v = (uint8_t)s.p[0] & mask;
	if (v == mask) {
		for (unsigned shift = 0;; shift += 7) {
			if (at == s.n || shift > 56)
				return 0;
			v += (uint64_t)((uint8_t)s.p[at] & 0x7f) << shift;
			if (!((uint8_t)s.p[at++] & 0x80))
				break;
		}
	}
	if (v > UINT32_MAX)
		return 0;
	*ret = v;
	return at;
}

static size_t write_int(uint8_t *out, uint8_t first, unsigned bits, uint32_t v)
{
	uint32_t mask = (1u << bits) - 1;
	size_t n = 0;

	if (v < mask) {
		out[n++] = first | (uint8_t)v;
		return n;
	}
	out[n++] = first | (uint8_t)mask;
	for (v -= mask; v >= 0x80; v >>= 7)
		out[n++] = (uint8_t)(v | 0x80);
	out[n++] = (uint8_t)v;
	return n;
}

/* A string literal: where its bytes are, whether coded. Returns the bytes it takes in all; 0: cut. */
static size_t read_string(struct str s, struct str *ret, bool *ret_is_coded)
{
	uint64_t n;
	size_t used = read_int(s, LENGTH_BITS, &n);

	if (!used || n > s.n - used)
		return 0;
	*ret_is_coded = (uint8_t)s.p[0] & 0x80;
	*ret = (struct str){ s.p + used, n };
	return used + n;
}

/* A table: its entries oldest first, as in a tap_snapshot. */
struct hpack_rest {
	uint32_t max_size;
	uint32_t len;
	char data[];
};

/* ---- the inflater ---- */

static int error_of(ssize_t r)
{
	return r == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EBADMSG;
}

static int new_inflater(struct hpack *h)
{
	int r = nghttp2_hd_inflate_new(&h->inflater);

	if (r) {
		h->inflater = NULL;
		return -ENOMEM;
	}
	r = nghttp2_hd_inflate_change_table_size(h->inflater, h->limit ? h->limit : HPACK_TABLE_ASSUMED);
	return r ? error_of(r) : 0;
}

static void free_rest(struct hpack_rest *rest)
{
	if (rest)
		explicit_bzero(rest->data, rest->len); /* tokens are indexed, too */
	free(rest);
}

static void close_inflater(struct hpack *h)
{
	if (h->inflater)
		nghttp2_hd_inflate_del(h->inflater);
	h->inflater = NULL;
	free_rest(h->rest);
	h->rest = NULL;
}

/* Feed the bytes of one field, or a part of one. *ret is the field once it is complete. */
static int feed(struct hpack *h, const void *p, size_t n, nghttp2_nv *ret)
{
	int flags = 0;
	ssize_t r = nghttp2_hd_inflate_hd2(h->inflater, ret, &flags, p, n, 0);

	if (r < 0)
		return error_of(r);
	return (size_t)r == n ? 0 : -EBADMSG;
}

static int feed_size(struct hpack *h, uint32_t size)
{
	uint8_t update[INT_MAX_BYTES];
	nghttp2_nv nv;

	return feed(h, update, write_int(update, SIZE, SIZE_BITS, size), &nv);
}

/* Take a size update now, although fields came before it in the block. */
static int allow_size_update(struct hpack *h)
{
	return nghttp2_hd_inflate_end_headers(h->inflater) ? -EBADMSG : 0;
}

static int feed_string(struct hpack *h, struct str s, bool is_coded, nghttp2_nv *ret)
{
	uint8_t length[INT_MAX_BYTES];
	int r = feed(h, length, write_int(length, is_coded ? 0x80 : 0, LENGTH_BITS, (uint32_t)s.n), ret);

	return r || !s.n ? r : feed(h, s.p, s.n, ret);
}

/* Feed a literal with a name of its own, to be inserted. */
static int insert(struct hpack *h, struct str name, struct str value)
{
	uint8_t first = INSERT;
	nghttp2_nv nv;
	int r = feed(h, &first, 1, &nv);

	if (!r)
		r = feed_string(h, name, false, &nv);
	return r ? r : feed_string(h, value, false, &nv);
}

/* ---- tables ---- */

/* The next entry of a table. Returns false when there is none, or it is cut. */
static bool next_entry(struct str *data, struct str *ret_name, struct str *ret_value)
{
	uint16_t n[2];

	if (data->n < sizeof(n))
		return false;
	memcpy(n, data->p, sizeof(n));
	*data = str_from(*data, sizeof(n));
	if (data->n < (size_t)n[0] + n[1])
		return false;
	*ret_name = str_first(*data, n[0]);
	*data = str_from(*data, n[0]);
	*ret_value = str_first(*data, n[1]);
	*data = str_from(*data, n[1]);
	return true;
}

/* Make the inflater, with the entries of a sound table. */
static int fill(struct hpack *h, struct str data, uint32_t max_size)
{
	struct str name, value;
	int r = new_inflater(h);

	if (!r && max_size != TABLE_DEFAULT)
		r = feed_size(h, max_size);
	while (!r && next_entry(&data, &name, &value))
		r = insert(h, name, value);
	return r ? r : allow_size_update(h); /* the entries were no block: one begins now */
}

/* See that there is an inflater. */
static int open_inflater(struct hpack *h)
{
	struct hpack_rest *rest = h->rest;
	int r;

	if (h->inflater)
		return 0;
	h->rest = NULL;
	r = rest ? fill(h, (struct str){ rest->data, rest->len }, rest->max_size) : new_inflater(h);
	free_rest(rest);
	return r;
}

void hpack_put_aside(struct hpack *h)
{
	struct hpack_rest *rest;
	size_t last, len = 0;
	char *at;

	if (!h->inflater)
		return;
	last = nghttp2_hd_inflate_get_num_table_entries(h->inflater);
	for (size_t i = last; i > STATIC_ENTRIES; i--) {
		const nghttp2_nv *nv = nghttp2_hd_inflate_get_table_entry(h->inflater, i);

		if (nv->namelen > UINT16_MAX || nv->valuelen > UINT16_MAX)
			return;
		len += 2 * sizeof(uint16_t) + nv->namelen + nv->valuelen;
	}
	rest = malloc(sizeof(*rest) + len);
	if (!rest)
		return;
	rest->max_size = (uint32_t)nghttp2_hd_inflate_get_max_dynamic_table_size(h->inflater);
	rest->len = (uint32_t)len;
	at = rest->data;
	for (size_t i = last; i > STATIC_ENTRIES; i--) {
		const nghttp2_nv *nv = nghttp2_hd_inflate_get_table_entry(h->inflater, i);
		uint16_t n[2] = { (uint16_t)nv->namelen, (uint16_t)nv->valuelen };

		memcpy(at, n, sizeof(n));
		memcpy(at + sizeof(n), nv->name, n[0]);
		memcpy(at + sizeof(n) + n[0], nv->value, n[1]);
		at += sizeof(n) + n[0] + n[1];
	}
	close_inflater(h);
	h->rest = rest;
}

void hpack_done(struct hpack *h)
{
	close_inflater(h);
	*h = (struct hpack){ 0 };
}

void hpack_start(struct hpack *h)
{
	close_inflater(h);
	h->is_exact = true;
}

void hpack_seed_unknown(struct hpack *h)
{
	close_inflater(h);
	h->is_exact = false;
}

void hpack_allow(struct hpack *h, uint32_t size)
{
	if (size > HPACK_TABLE_MAX)
		size = HPACK_TABLE_MAX;
	if (size <= HPACK_TABLE_ASSUMED || size <= h->limit)
		return;
	h->limit = size;
	if (h->inflater) /* between blocks, and raised: cannot fail */
		(void)nghttp2_hd_inflate_change_table_size(h->inflater, size);
}

int hpack_seed(struct hpack *h, const struct tap_snapshot *s)
{
	struct str data = { (const char *)s->data, s->len }, name, value;
	uint64_t size = 0;
	uint16_t nr = 0;
	int r;

	hpack_seed_unknown(h);
	if (s->how & TAP_SNAPSHOT_CUT)
		return 0;
	for (; next_entry(&data, &name, &value); nr++)
		size += 32 + name.n + value.n;
	if (data.n || nr != s->nr || size != s->table_size || size > s->max_size || s->max_size > HPACK_TABLE_MAX)
		return -EBADMSG;
	hpack_allow(h, s->max_size);
	r = fill(h, (struct str){ (const char *)s->data, s->len }, s->max_size);
	if (r)
		hpack_seed_unknown(h);
	else
		h->is_exact = true;
	return r;
}

/* ---- blocks ---- */

static struct str name_of(const nghttp2_nv *nv)
{
	return (struct str){ (const char *)nv->name, nv->namelen };
}

static struct str value_of(const nghttp2_nv *nv)
{
	return (struct str){ (const char *)nv->value, nv->valuelen };
}

/* An entry inserted under an unknown name has the empty one; nobody else may (RFC 9113 8.2.1). */
static bool is_name_known(const struct hpack *h, const nghttp2_nv *nv)
{
	return h->is_exact || nv->namelen;
}

/* A literal, its first bytes read. */
struct literal {
	uint64_t index;			/* of the name; 0: `name` */
	struct str name, value;		/* as sent */
	bool is_name_coded, is_value_coded;
	bool is_insert;
	bool is_name_unknown;		/* `index` is beyond what is known of the table */
	bool is_padded;			/* an integer is longer than need be */
	size_t n;			/* bytes in all */
};

static int read_literal(struct str s, struct literal *ret)
{
	struct literal l = { .is_insert = (uint8_t)s.p[0] & INSERT };
	size_t used;

	l.n = read_int(s, l.is_insert ? INSERT_BITS : PLAIN_BITS, &l.index);
	l.is_padded = l.n >= INT_MAX_BYTES;
	if (!l.n)
		return -EBADMSG;
	if (!l.index) {
		used = read_string(str_from(s, l.n), &l.name, &l.is_name_coded);
		if (!used)
			return -EBADMSG;
		l.is_padded |= used - l.name.n >= INT_MAX_BYTES;
		l.n += used;
	}
	used = read_string(str_from(s, l.n), &l.value, &l.is_value_coded);
	if (!used)
		return -EBADMSG;
	l.is_padded |= used - l.value.n >= INT_MAX_BYTES;
	l.n += used;
	*ret = l;
	return 0;
}

/* Feed a literal as it could have been written: lengths unpadded, an empty name for an unknown one. */
static int feed_literal(struct hpack *h, const struct literal *l, nghttp2_nv *ret)
{
	uint8_t first[INT_MAX_BYTES];
	uint32_t index = l->is_name_unknown ? 0 : (uint32_t)l->index;
	int r = feed(h, first,
		     l->is_insert ? write_int(first, INSERT, INSERT_BITS, index) :
				    write_int(first, PLAIN, PLAIN_BITS, index),
		     ret);

	if (!r && !index)
		r = feed_string(h, l->name, l->is_name_coded, ret);
	return r ? r : feed_string(h, l->value, l->is_value_coded, ret);
}

static void add(const struct hpack *h, struct fields *fields, const nghttp2_nv *nv)
{
	fields_add(fields, name_of(nv), value_of(nv), is_name_known(h, nv), true);
}

/* A literal with a string that nghttp2 would refuse for its length. If it is to be inserted, it is so large
 * that it empties the table instead (RFC 7541 4.4); or may be, and then the table is no longer known. */
static int decode_long(struct hpack *h, const struct literal *l, struct fields *fields)
{
	struct literal named = *l;
	size_t max, least = 0;
	nghttp2_nv nv = { 0 };
	int r = 0;

	named.value = (struct str){ 0 };
	named.is_insert = false;
	if (l->name.n <= STRING_MAX) { /* a longer name is none that matters */
		r = feed_literal(h, &named, &nv);
		if (!r)
			fields_add(fields, name_of(&nv), l->is_value_coded ? (struct str){ 0 } : l->value,
				   is_name_known(h, &nv), !l->is_value_coded);
	}
	if (r || !l->is_insert)
		return r;
	least += l->is_name_coded ? l->name.n * 8 / CODE_BITS_MAX : l->name.n;
	least += l->is_value_coded ? l->value.n * 8 / CODE_BITS_MAX : l->value.n;
	max = nghttp2_hd_inflate_get_max_dynamic_table_size(h->inflater);
	if (least < max) {
		hpack_seed_unknown(h);
		return new_inflater(h);
	}
	r = allow_size_update(h);
	if (!r)
		r = feed_size(h, 0);
	return r ? r : feed_size(h, (uint32_t)max);
}

/* nghttp2 refused the Huffman code of a literal that is not inserted. net/http does not even look at it in
 * a request that is malformed already, and goes on: so must the table, in a new inflater. */
static int decode_miscoded(struct hpack *h, const struct literal *l, struct fields *fields)
{
	nghttp2_hd_inflater *bad = h->inflater;
	size_t max = nghttp2_hd_inflate_get_max_dynamic_table_size(bad);
	size_t i = nghttp2_hd_inflate_get_num_table_entries(bad);
	int r;

	h->inflater = NULL;
	r = new_inflater(h);
	if (!r && max != TABLE_DEFAULT)
		r = feed_size(h, (uint32_t)max);
	for (; !r && i > STATIC_ENTRIES; i--) {
		const nghttp2_nv *nv = nghttp2_hd_inflate_get_table_entry(bad, i);

		r = insert(h, name_of(nv), value_of(nv));
	}
	nghttp2_hd_inflate_del(bad);
	fields_add(fields, STR(""), STR(""), false, false);
	return r;
}

static int decode_literal(struct hpack *h, struct str s, struct fields *fields, size_t *ret_used)
{
	struct literal l;
	nghttp2_nv nv = { 0 };
	int r = read_literal(s, &l);

	if (r)
		return r;
	l.is_name_unknown = l.index > nghttp2_hd_inflate_get_num_table_entries(h->inflater);
	if (l.is_name_unknown && h->is_exact)
		return -EBADMSG;
	*ret_used = l.n;
	if (l.name.n > STRING_MAX || l.value.n > STRING_MAX)
		return decode_long(h, &l, fields);
	if (l.is_name_unknown || l.is_padded)
		r = feed_literal(h, &l, &nv);
	else
		r = feed(h, s.p, l.n, &nv);
	if (r == -EBADMSG && !l.is_insert)
		return decode_miscoded(h, &l, fields);
	if (!r)
		add(h, fields, &nv);
	return r;
}

static int decode_indexed(struct hpack *h, struct str s, struct fields *fields, size_t *ret_used)
{
	uint8_t first[INT_MAX_BYTES];
	uint64_t index;
	nghttp2_nv nv = { 0 };
	int r;

	*ret_used = read_int(s, INDEXED_BITS, &index);
	if (!*ret_used || !index)
		return -EBADMSG;
	if (index > nghttp2_hd_inflate_get_num_table_entries(h->inflater)) {
		if (h->is_exact)
			return -EBADMSG;
		fields_add(fields, STR(""), STR(""), false, false);
		return 0;
	}
	r = feed(h, first, write_int(first, INDEXED, INDEXED_BITS, (uint32_t)index), &nv);
	if (!r)
		add(h, fields, &nv);
	return r;
}

static int decode_size(struct hpack *h, struct str s, bool is_at_start, size_t *ret_used)
{
	uint64_t size;

	*ret_used = read_int(s, SIZE_BITS, &size);
	if (!*ret_used)
		return -EBADMSG;
	if (!is_at_start) { /* net/http takes it while the table is empty */
		if (nghttp2_hd_inflate_get_dynamic_table_size(h->inflater) || allow_size_update(h))
			return -EBADMSG;
	}
	return feed_size(h, (uint32_t)size);
}

int hpack_decode(struct hpack *h, struct str block, struct fields *fields)
{
	bool is_at_start = true;
	int r = open_inflater(h);

	while (!r && block.n) {
		uint8_t first = (uint8_t)block.p[0];
		bool is_size = !(first & (INDEXED | INSERT)) && (first & SIZE);
		size_t used = 0;

		if (is_size)
			r = decode_size(h, block, is_at_start, &used);
		else if (first & INDEXED)
			r = decode_indexed(h, block, fields, &used);
		else
			r = decode_literal(h, block, fields, &used);
		is_at_start = is_at_start && is_size;
		block = str_from(block, used);
	}
	if (!r)
		r = allow_size_update(h); /* the block has ended: the next one may begin with one */
	if (r)
		hpack_seed_unknown(h);
	return r;
}
