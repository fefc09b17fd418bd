/* SPDX-License-Identifier: Apache-2.0
 *
 * The encoder is nghttp2's, an independent one of what is decoded here with hand-made steps; odd encodings
 * are written byte by byte.
 */
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include "wire/hpack.h"
#include "base/buf.h"
#include "test.h"

#define MUST(claim) \
	do { \
		if (!(claim)) \
			abort(); \
	} while (0)

#define FIELDS_OF_BLOCK 8
#define BLOCKS 150

static struct fields fields;
static char texts[BLOCKS][FIELDS_OF_BLOCK][2][96];
static size_t nr_texts[BLOCKS];
static struct buf blocks[BLOCKS];
static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

/* Encode block b of random fields, many of them again and again. */
static void encode_block(nghttp2_hd_deflater *d, size_t b)
{
	nghttp2_nv nv[FIELDS_OF_BLOCK];
	ssize_t n;

	nr_texts[b] = 1 + random_below(FIELDS_OF_BLOCK);
	for (size_t i = 0; i < nr_texts[b]; i++) {
		char *name = texts[b][i][0], *value = texts[b][i][1];

		if (!random_below(3))
			snprintf(name, 96, "%s", random_below(2) ? "user-agent" : "audit-id");
		else
			snprintf(name, 96, "x-%u", random_below(30));
		snprintf(value, 96, "value-%u-%0*u", random_below(40), (int)random_below(60) + 1, 7);
		nv[i] = (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), 0 };
	}
	buf_done(&blocks[b]);
	buf_init(&blocks[b], 0);
	MUST(!buf_add(&blocks[b], "", 1));
	blocks[b].p = realloc(blocks[b].p, 4096);
	MUST(blocks[b].p);
	blocks[b].cap = 4096;
	n = nghttp2_hd_deflate_hd(d, (uint8_t *)blocks[b].p, 4096, nv, nr_texts[b]);
	MUST(n >= 0);
	blocks[b].n = (size_t)n;
}

static struct tap_snapshot *snapshot_of(nghttp2_hd_deflater *d)
{
	struct tap_snapshot *s = calloc(1, 65536);
	size_t nr;

	MUST(s);
	nr = nghttp2_hd_deflate_get_num_table_entries(d) - 61;
	for (size_t i = nr; i > 0; i--) {
		const nghttp2_nv *nv = nghttp2_hd_deflate_get_table_entry(d, 61 + i);
		uint16_t len[2] = { nv->namelen, nv->valuelen };

		memcpy(s->data + s->len, len, sizeof(len));
		memcpy(s->data + s->len + 4, nv->name, len[0]);
		memcpy(s->data + s->len + 4 + len[0], nv->value, len[1]);
		s->len += 4 + len[0] + len[1];
	}
	s->nr = nr;
	s->table_size = nghttp2_hd_deflate_get_dynamic_table_size(d);
	s->max_size = nghttp2_hd_deflate_get_max_dynamic_table_size(d);
	return s;
}

static int decode(struct hpack *h, const void *p, size_t n)
{
	MUST(!fields_reset(&fields));
	return hpack_decode(h, (struct str){ p, n }, &fields);
}

/* Is what was decoded block b, all of it known? */
static bool is_block(size_t b)
{
	if (fields.nr != nr_texts[b] || fields.nr_unknown)
		return false;
	for (size_t i = 0; i < fields.nr; i++)
		if (!str_eq(fields.list[i].name, str_of(texts[b][i][0])) ||
		    !str_eq(fields.list[i].value, str_of(texts[b][i][1])))
			return false;
	return true;
}

/* Is it block b, as far as it is known? Adds up what is not known of headers with a static name. */
static bool is_part_of_block(size_t b, size_t *nr_unknown)
{
	if (fields.nr != nr_texts[b])
		return false;
	for (size_t i = 0; i < fields.nr; i++) {
		const struct field *f = &fields.list[i];

		if (!strcmp(texts[b][i][0], "user-agent"))
			*nr_unknown += !f->is_name_known || !f->is_value_known;
		if ((f->is_name_known && !str_eq(f->name, str_of(texts[b][i][0]))) ||
		    (f->is_value_known && !str_eq(f->value, str_of(texts[b][i][1]))))
			return false;
	}
	return true;
}

static void test_hpack__a_connection_seen_from_its_start_is_exact(void)
{
	nghttp2_hd_deflater *d;
	struct hpack h = { 0 };

	MUST(!nghttp2_hd_deflate_new(&d, 4096));
	hpack_start(&h);
	for (size_t b = 0; b < BLOCKS; b++) {
		encode_block(d, b);
		CHECK_INT(decode(&h, blocks[b].p, blocks[b].n), 0);
		CHECK(is_block(b));
	}
	nghttp2_hd_deflate_del(d);
	hpack_done(&h);
}

static void test_hpack__a_table_put_aside_comes_back_as_it_was(void)
{
	nghttp2_hd_deflater *d;
	struct hpack exact = { 0 }, joined = { 0 };

	MUST(!nghttp2_hd_deflate_new(&d, 65536));
	hpack_put_aside(&exact); /* there is none yet */
	hpack_start(&exact);
	for (size_t b = 0; b < BLOCKS; b++) {
		size_t nr_unknown = 0;

		if (b % 40 == 20)
			MUST(!nghttp2_hd_deflate_change_table_size(d, b % 80 == 20 ? 900 : 9000));
		encode_block(d, b);
		CHECK_INT(decode(&exact, blocks[b].p, blocks[b].n), 0);
		CHECK(is_block(b));
		hpack_put_aside(&exact);
		CHECK(!exact.inflater && exact.rest && exact.is_exact);
		if (b < 10)
			continue;
		CHECK_INT(decode(&joined, blocks[b].p, blocks[b].n), 0);
		CHECK(is_part_of_block(b, &nr_unknown));
		if (b % 3 == 0)
			hpack_put_aside(&joined);
		if (b % 3 == 1)
			hpack_put_aside(&joined); /* twice is once */
	}
	hpack_put_aside(&joined);
	hpack_seed_unknown(&joined);
	CHECK(!joined.rest);
	nghttp2_hd_deflate_del(d);
	hpack_done(&exact);
	hpack_done(&joined);
}

static void test_hpack__a_snapshot_makes_it_exact_at_any_block(void)
{
	static const size_t sizes[] = { 4096, 0, 100, 700, 16384 };

	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		static struct hpack h[BLOCKS];
		nghttp2_hd_deflater *d;

		MUST(!nghttp2_hd_deflate_new(&d, 65536));
		MUST(!nghttp2_hd_deflate_change_table_size(d, sizes[k]));
		encode_block(d, 0);
		for (size_t b = 1; b < BLOCKS; b++) {
			struct tap_snapshot *s = snapshot_of(d);

			CHECK_INT(s->max_size, sizes[k]);
			CHECK_INT(hpack_seed(&h[b], s), 0);
			free(s);
			encode_block(d, b);
			for (size_t i = 1; i <= b; i++) {
				CHECK_INT(decode(&h[i], blocks[b].p, blocks[b].n), 0);
				CHECK(is_block(b));
			}
		}
		for (size_t b = 0; b < BLOCKS; b++)
			hpack_done(&h[b]);
		nghttp2_hd_deflate_del(d);
	}
}

static void test_hpack__entries_older_than_it_are_unknown_and_never_wrong(void)
{
	for (size_t join = 1; join < 50; join++) {
		nghttp2_hd_deflater *d;
		struct hpack h = { 0 };
		size_t nr_unknown = 0, nr_early = 0, nr_late = 0;

		MUST(!nghttp2_hd_deflate_new(&d, join % 3 ? 4096 : 65536));
		if (join % 3 == 0) /* a table far larger than assumed */
			MUST(!nghttp2_hd_deflate_change_table_size(d, 20000));
		for (size_t b = 0; b < BLOCKS; b++) {
			encode_block(d, b);
			if (b < join)
				continue;
			CHECK_INT(decode(&h, blocks[b].p, blocks[b].n), 0);
			CHECK(is_part_of_block(b, b < join + 80 ? &nr_early : &nr_late));
			nr_unknown += fields.nr_unknown;
		}
		CHECK(join < 3 || nr_unknown);
		if (join % 3)
			CHECK_INT(nr_late, 0); /* the table has turned over: all that is referred to was seen */
		nghttp2_hd_deflate_del(d);
		hpack_done(&h);
	}
}

static void test_hpack__an_unknown_name_keeps_its_known_value(void)
{
	struct hpack h = { 0 };

	/* literal, inserted, name 62: older than the object */
	CHECK_INT(decode(&h, "\x7e\x03" "abc", 5), 0);
	CHECK_INT(fields.nr, 1);
	CHECK(!fields.list[0].is_name_known && fields.list[0].is_value_known);
	CHECK_STR(fields.list[0].value, "abc");
	/* referred to by index: the same; the entry behind it: nothing */
	CHECK_INT(decode(&h, "\xbe\xbf", 2), 0);
	CHECK_INT(fields.nr, 2);
	CHECK(!fields.list[0].is_name_known && fields.list[0].is_value_known);
	CHECK(!fields.list[1].is_name_known && !fields.list[1].is_value_known);
	CHECK_INT(fields.nr_unknown, 2);
	/* not inserted */
	CHECK_INT(decode(&h, "\x0f\x2f\x01x\x1f\x2f\x01y", 8), 0);
	CHECK(!fields.list[0].is_name_known && !fields.list[1].is_name_known);
	CHECK_INT(decode(&h, "\xbe", 1), 0);
	CHECK_STR(fields.list[0].value, "abc");
	hpack_done(&h);
}

static void test_hpack__a_reference_beyond_an_exact_table_is_refused(void)
{
	struct hpack h = { 0 };

	hpack_start(&h);
	CHECK_INT(decode(&h, "\x40\x01" "a\x01" "b\xbe", 6), 0);
	CHECK_INT(decode(&h, "\xbf", 1), -EBADMSG);
	CHECK(!h.is_exact);
	CHECK_INT(decode(&h, "\xbf\x82", 2), 0); /* from here on it is unknown */
	CHECK_INT(fields.nr_unknown, 1);
	CHECK_STR(fields.list[1].name, ":method");
	hpack_done(&h);
}

static void test_hpack__a_snapshot_that_contradicts_itself_is_refused(void)
{
	nghttp2_hd_deflater *d;
	struct tap_snapshot *s, bad;
	struct hpack h = { 0 };

	MUST(!nghttp2_hd_deflate_new(&d, 4096));
	encode_block(d, 0);
	encode_block(d, 1);
	s = snapshot_of(d);
	bad = *s;
	s->table_size++;
	CHECK_INT(hpack_seed(&h, s), -EBADMSG);
	*s = bad;
	s->nr--;
	CHECK_INT(hpack_seed(&h, s), -EBADMSG);
	*s = bad;
	s->len--;
	CHECK_INT(hpack_seed(&h, s), -EBADMSG);
	*s = bad;
	s->max_size = s->table_size - 1;
	CHECK_INT(hpack_seed(&h, s), -EBADMSG);
	*s = bad;
	s->max_size = HPACK_TABLE_MAX + 1;
	CHECK_INT(hpack_seed(&h, s), -EBADMSG);
	CHECK(!h.is_exact);
	*s = bad;
	CHECK_INT(hpack_seed(&h, s), 0);
	CHECK(h.is_exact);
	s->how = TAP_SNAPSHOT_CUT;
	CHECK_INT(hpack_seed(&h, s), 0);
	CHECK(!h.is_exact);
	free(s);
	nghttp2_hd_deflate_del(d);
	hpack_done(&h);
}

/* RFC 7541 4.2, 6.3; both sides' SETTINGS come by the other direction, whose order is not known. */
static void test_hpack__settings_never_make_a_valid_block_refused(void)
{
	nghttp2_hd_deflater *d;
	struct hpack h = { 0 };

	MUST(!nghttp2_hd_deflate_new(&d, 262144));
	hpack_start(&h);
	for (size_t b = 0; b < BLOCKS; b++) {
		if (b == 20) /* the receiver's wish to shrink, not yet obeyed */
			hpack_allow(&h, 100);
		if (b == 40) /* obeyed: the block begins with the update */
			MUST(!nghttp2_hd_deflate_change_table_size(d, 100));
		if (b == 60) { /* shrunk to nothing and grown again between two blocks: two updates */
			MUST(!nghttp2_hd_deflate_change_table_size(d, 0));
			MUST(!nghttp2_hd_deflate_change_table_size(d, 4096));
		}
		if (b == 80) /* obeyed before the SETTINGS were seen */
			MUST(!nghttp2_hd_deflate_change_table_size(d, 65536));
		if (b == 120) {
			hpack_allow(&h, 131072);
			MUST(!nghttp2_hd_deflate_change_table_size(d, 131072));
		}
		if (b == 140) /* for an inflater that is there already, and not lowered again */
			hpack_allow(&h, 4096);
		encode_block(d, b);
		CHECK_INT(decode(&h, blocks[b].p, blocks[b].n), 0);
		CHECK(is_block(b));
		CHECK(h.is_exact);
	}
	/* beyond what anybody allowed */
	CHECK_INT(decode(&h, "\x3f\xe1\xff\x0f", 4), -EBADMSG);
	hpack_allow(&h, UINT32_MAX);
	CHECK_INT(h.limit, HPACK_TABLE_MAX);
	nghttp2_hd_deflate_del(d);
	hpack_done(&h);
}

static void test_hpack__a_size_update_inside_a_block_needs_an_empty_table(void)
{
	struct hpack h = { 0 };

	hpack_start(&h);
	CHECK_INT(decode(&h, "\x82\x3f\x00\x86", 4), 0);	/* Go takes it */
	CHECK_INT(fields.nr, 2);
	CHECK_INT(decode(&h, "\x3f\xe1\x1f\x40\x01" "a\x01" "b", 8), 0);
	CHECK_INT(decode(&h, "\x20\x3f\xe1\x1f\x82", 5), 0);	/* two at the beginning */
	CHECK_INT(decode(&h, "\x40\x01" "a\x01" "b\x3f\x00", 7), -EBADMSG);
	hpack_done(&h);
}

/* Append a literal up to the length of its value, n bytes. */
static void add_long(struct buf *b, uint8_t first, const char *name, size_t n, uint8_t coded)
{
	buf_add_c(b, (char)first);
	buf_add_c(b, (char)strlen(name));
	buf_add(b, name, strlen(name));
	buf_add_c(b, (char)(coded | 0x7f));
	for (n -= 127; n >= 0x80; n >>= 7)
		buf_add_c(b, (char)(n | 0x80));
	buf_add_c(b, (char)n);
}

static void add_fill(struct buf *b, char fill, size_t n)
{
	while (n--)
		buf_add_c(b, fill);
}

static void test_hpack__a_string_too_long_for_nghttp2_hides_nothing(void)
{
	struct hpack h = { 0 };
	struct buf b = { 0 };

	/* not inserted: the value is here, and what follows too */
	hpack_start(&h);
	CHECK_INT(decode(&h, "\x40\x01" "a\x01" "b", 5), 0);
	add_long(&b, 0x10, "authorization", 100000, 0);
	add_fill(&b, 'x', 100000);
	buf_add(&b, "\xbe\x82", 2);
	CHECK_INT(decode(&h, b.p, b.n), 0);
	CHECK_INT(fields.nr, 3);
	CHECK_STR(fields.list[0].name, "authorization");
	CHECK_INT(fields.list[0].value.n, 100000);
	CHECK_STR(fields.list[1].name, "a");
	CHECK_STR(fields.list[2].name, ":method");
	CHECK(h.is_exact);
	/* inserted: it empties the table, which stays exact */
	b.p[0] = 0x40;
	b.n -= 2;
	CHECK_INT(decode(&h, b.p, b.n), 0);
	CHECK_INT(fields.nr, 1);
	CHECK_INT(decode(&h, "\x40\x01" "c\x01" "d\xbe", 6), 0);
	CHECK_STR(fields.list[1].name, "c");
	CHECK_INT(decode(&h, "\xbf", 1), -EBADMSG);
	/* Huffman-coded ('0' is 00000): its name, and that its value is not known */
	buf_reset(&b);
	hpack_start(&h);
	add_long(&b, 0x10, "authorization", 70000, 0x80);
	add_fill(&b, 0, 70000);
	buf_add(&b, "\x82", 1);
	CHECK_INT(decode(&h, b.p, b.n), 0);
	CHECK_INT(fields.nr, 2);
	CHECK_STR(fields.list[0].name, "authorization");
	CHECK(fields.list[0].is_name_known && !fields.list[0].is_value_known);
	CHECK_INT(fields.nr_unknown, 1);
	/* and inserted into a table that may hold it: the table is not known any more, and nothing is wrong */
	CHECK_INT(decode(&h, "\x3f\xe1\xff\x03\x40\x01" "a\x01" "b", 9), 0);
	b.p[0] = 0x40;
	CHECK_INT(decode(&h, b.p, b.n), 0);
	CHECK_INT(fields.nr, 2);
	CHECK(!h.is_exact);
	CHECK_INT(decode(&h, "\xbe\x40\x01" "c\x01" "d\xbe", 7), 0);
	CHECK_INT(fields.nr_unknown, 1);
	CHECK_STR(fields.list[2].name, "c");
	/* a name that long is none that matters */
	buf_reset(&b);
	buf_add_c(&b, 0);
	buf_add_c(&b, 0x7f);
	buf_add(&b, "\xf1\x86\x06", 3);
	add_fill(&b, 'n', 127 + 0x71 + (0x06 << 7) + (0x06 << 14));
	buf_add(&b, "\x01v\x82", 3);
	CHECK_INT(decode(&h, b.p, b.n), 0);
	CHECK_INT(fields.nr, 1);
	CHECK_STR(fields.list[0].name, ":method");
	buf_done(&b);
	hpack_done(&h);
}

static void test_hpack__padded_integers_are_taken_as_go_takes_them(void)
{
	struct hpack h = { 0 };

	hpack_start(&h);
	CHECK_INT(decode(&h, "\x40\x01" "a\x01" "b", 5), 0);
	/* literal, not inserted, name index 15 + 47 = 62, padded with six empty bytes */
	CHECK_INT(decode(&h, "\x0f\xaf\x80\x80\x80\x80\x80\x80\x00\x01" "c", 11), 0);
	CHECK_STR(fields.list[0].name, "a");
	CHECK_STR(fields.list[0].value, "c");
	/* nine bytes are taken, ten are not */
	CHECK_INT(decode(&h, "\x0f\xaf\x80\x80\x80\x80\x80\x80\x80\x00\x01" "c", 12), 0);
	CHECK_INT(decode(&h, "\x0f\xaf\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00\x01" "c", 14), -EBADMSG);
	/* above 2^32 */
	CHECK_INT(decode(&h, "\xff\x80\x80\x80\x80\x10", 6), -EBADMSG);
	hpack_done(&h);
}

static void test_hpack__a_wrong_huffman_code_costs_its_field_alone(void)
{
	struct hpack h = { 0 };

	hpack_start(&h);
	CHECK_INT(decode(&h, "\x40\x01" "a\x01" "b\x40\x01" "c\x01" "d", 10), 0);
	/* EOS inside a value that is not inserted: net/http may never look at it */
	CHECK_INT(decode(&h, "\x82\x00\x01x\x84\xff\xff\xff\xff\xbf\xbe", 11), 0);
	CHECK_INT(fields.nr, 4);
	CHECK(!fields.list[1].is_name_known);
	CHECK_STR(fields.list[2].name, "a");
	CHECK_STR(fields.list[3].name, "c");
	CHECK(h.is_exact);
	/* of one that is inserted: what the table holds now cannot be said */
	CHECK_INT(decode(&h, "\x40\x01x\x84\xff\xff\xff\xff", 8), -EBADMSG);
	CHECK(!h.is_exact);
	hpack_done(&h);
}

static void test_hpack__a_cut_block_is_refused(void)
{
	static const char block[] = "\x82\x40\x03" "abc\x83\x1c\x64\x5f\x0f\x0d\x02" "12";

	for (size_t n = 0; n < sizeof(block) - 1; n++) {
		struct hpack h = { 0 };
		bool is_whole = n == 0 || n == 1 || n == 10;

		hpack_start(&h);
		CHECK_INT(decode(&h, block, n), is_whole ? 0 : -EBADMSG);
		hpack_done(&h);
	}
}

static void test_hpack__what_does_not_fit_is_left_out_and_the_table_goes_on(void)
{
	struct hpack h = { 0 };
	struct buf b = { 0 };

	hpack_start(&h);
	buf_add(&b, "\x40\x01" "a\x7f\xc1\x16", 6); /* a value of 3008 bytes */
	add_fill(&b, 'x', 127 + 0x41 + (0x16 << 7));
	add_fill(&b, '\xbe', 2000);
	buf_add(&b, "\x40\x01" "c\x01" "d", 5);
	CHECK_INT(decode(&h, b.p, b.n), 0);
	CHECK(fields.is_truncated);
	CHECK(fields.n <= FIELDS_TEXT_MAX);
	CHECK(h.is_exact);
	CHECK_INT(decode(&h, "\xbe", 1), 0);
	CHECK(!fields.is_truncated);
	CHECK_STR(fields.list[0].name, "c");
	buf_done(&b);
	hpack_done(&h);
}

int main(void)
{
	RUN(test_hpack__a_connection_seen_from_its_start_is_exact);
	RUN(test_hpack__a_table_put_aside_comes_back_as_it_was);
	RUN(test_hpack__a_snapshot_makes_it_exact_at_any_block);
	RUN(test_hpack__entries_older_than_it_are_unknown_and_never_wrong);
	RUN(test_hpack__an_unknown_name_keeps_its_known_value);
	RUN(test_hpack__a_reference_beyond_an_exact_table_is_refused);
	RUN(test_hpack__a_snapshot_that_contradicts_itself_is_refused);
	RUN(test_hpack__settings_never_make_a_valid_block_refused);
	RUN(test_hpack__a_size_update_inside_a_block_needs_an_empty_table);
	RUN(test_hpack__a_string_too_long_for_nghttp2_hides_nothing);
	RUN(test_hpack__padded_integers_are_taken_as_go_takes_them);
	RUN(test_hpack__a_wrong_huffman_code_costs_its_field_alone);
	RUN(test_hpack__a_cut_block_is_refused);
	RUN(test_hpack__what_does_not_fit_is_left_out_and_the_table_goes_on);
	fields_done(&fields);
	for (size_t b = 0; b < BLOCKS; b++)
		buf_done(&blocks[b]);
	return test_end();
}
