/* SPDX-License-Identifier: Apache-2.0
 *
 * The laws that hold of any record stream, tried on whole sample connections: how it was cut into records
 * does not matter, and any one record that is lost is a counted gap and never a wrong header.
 */
#include "chain.h"
#include "samples.h"
#include "test.h"

static const size_t PIECES[] = { 1, 2, 3, 5, 9, 16, 33, 100 };

static bool is_same(const struct told *a, const struct told *b)
{
	if (a->serial != b->serial || a->stream != b->stream || a->doubts != b->doubts ||
	    a->has_request != b->has_request || a->has_response != b->has_response || a->protocol != b->protocol ||
	    a->request_ns != b->request_ns || a->first_byte_ns != b->first_byte_ns || a->end_ns != b->end_ns)
		return false;
	for (int f = 0; f < FIELD_MAX; f++)
		if (strcmp(a->field[f], b->field[f]))
			return false;
	return true;
}

static void test_wire__any_cut_into_records_tells_the_same(void)
{
	for (size_t i = 0; i < NR_SAMPLES; i++) {
		static struct script s;
		struct chain whole, pieces;

		SAMPLES[i].make(&s);
		chain_play(&whole, &s, 0, -1, false);
		CHECK(whole.nr > 1);
		for (size_t k = 0; k < sizeof(PIECES) / sizeof(PIECES[0]); k++) {
			chain_play(&pieces, &s, PIECES[k], -1, false);
			CHECK_INT(pieces.nr, whole.nr);
			for (size_t n = 0; n < whole.nr && n < pieces.nr; n++)
				CHECK(is_same(&whole.told[n], &pieces.told[n]));
			CHECK(!memcmp(&whole.counters, &pieces.counters, sizeof(whole.counters)));
			chain_done(&pieces);
		}
		chain_done(&whole);
		script_done(&s);
	}
}

static void test_wire__what_was_put_aside_meanwhile_makes_no_difference(void)
{
	for (size_t i = 0; i < NR_SAMPLES; i++) {
		static struct script s;
		struct chain fast, slow;
		struct play p = { .lose = -1, .is_slow = true, .push = chain_push, .ctx = &slow };

		SAMPLES[i].make(&s);
		chain_play(&fast, &s, 0, -1, false);
		chain_init(&slow);
		play(&p, &s);
		chain_finish(&slow);
		CHECK_INT(slow.nr, fast.nr);
		for (size_t n = 0; n < slow.nr && n < fast.nr; n++) {
			slow.told[n].request_ns /= 4000;
			slow.told[n].first_byte_ns /= 4000;
			slow.told[n].end_ns = fast.told[n].end_ns;
			CHECK(is_same(&slow.told[n], &fast.told[n]));
		}
		CHECK(!memcmp(&fast.counters, &slow.counters, sizeof(fast.counters)));
		chain_done(&fast);
		chain_done(&slow);
		script_done(&s);
	}
}

/* ---- one record lost */

#define REQUEST_IS_COVERED (DOUBT_HEADER_UNKNOWN | DOUBT_REQUEST_UNSEEN | DOUBT_TRUNCATED)
#define RESPONSE_IS_COVERED \
	(DOUBT_HEADER_UNKNOWN | DOUBT_RECORDS_LOST | DOUBT_RESPONSE_UNSEEN | DOUBT_TRUNCATED | DOUBT_UNFINISHED)
#define SIZE_IS_COVERED (DOUBT_RECORDS_LOST | DOUBT_REQUEST_UNSEEN | DOUBT_REQUEST_UNFINISHED | DOUBT_UNFINISHED)

static uint32_t cover_of(int f)
{
	switch (f) {
	case FIELD_STATUS:
	case FIELD_AUDIT_ID:
	case FIELD_FLOW_SCHEMA:
	case FIELD_UPGRADED:
		return RESPONSE_IS_COVERED;
	case FIELD_GOAWAY:
		return DOUBT_RECORDS_LOST;
	case FIELD_REQUEST_BYTES:
	case FIELD_RESPONSE_BYTES:
		return SIZE_IS_COVERED;
	default:
		return REQUEST_IS_COVERED;
	}
}

/* Is what was told of a damaged stream true: the same, or less and in doubt? */
static bool is_true(const struct told *t, const struct told *truth)
{
	for (int f = 0; f < FIELD_MAX; f++) {
		const char *got = t->field[f], *want = truth->field[f];
		bool is_size = f == FIELD_REQUEST_BYTES || f == FIELD_RESPONSE_BYTES;
		bool may_be_cut = (f == FIELD_URI || f == FIELD_IMPERSONATE_GROUPS || f == FIELD_FORWARDED_FOR) &&
				  (t->doubts & DOUBT_TRUNCATED);

		if (!strcmp(got, want))
			continue;
		if (!(t->doubts & cover_of(f)) || (!is_size && *got && !(may_be_cut && !strncmp(got, want, strlen(got))))) {
			printf("    %s is %s, not %s\n", chain_field_name[f], got, want);
			return false;
		}
	}
	return true;
}

/* The exchange that is the same as `truth`: by stream, in HTTP/1 by its place. */
static const struct told *counterpart(const struct chain *c, const struct chain *whole, const struct told *truth)
{
	size_t rank = 0;

	if (truth->protocol == PROTOCOL_HTTP2)
		return chain_find(c, truth->serial, truth->stream);
	for (size_t i = 0; i < whole->nr; i++)
		rank += whole->told[i].serial == truth->serial && whole->told[i].stream < truth->stream;
	for (size_t i = 0; i < c->nr; i++) {
		size_t before = 0;

		for (size_t k = 0; k < c->nr; k++)
			before += c->told[k].serial == truth->serial && c->told[k].stream < c->told[i].stream;
		if (c->told[i].serial == truth->serial && before == rank)
			return &c->told[i];
	}
	return NULL;
}

/* Lose each record in turn. Returns how many exchanges were in doubt over all. */
static long lose_each(const struct script *s, size_t piece, bool has_resync)
{
	struct chain whole;
	long nr = chain_play(&whole, s, piece, -1, false), in_doubt = 0;

	for (long lose = 0; lose < nr; lose++) {
		struct play p = { .piece = piece, .lose = lose, .has_resync = has_resync, .push = chain_push };
		struct chain c;
		bool is_good = true;
		size_t nr_gone = 0;

		p.ctx = &c;
		chain_init(&c);
		play(&p, s);
		chain_finish(&c);
		for (size_t i = 0; i < whole.nr; i++) {
			const struct told *truth = &whole.told[i], *t = counterpart(&c, &whole, truth);

			if (t) {
				is_good &= is_true(t, truth);
				in_doubt += t->doubts != truth->doubts;
			} else { /* only if the one head there was is what was lost */
				nr_gone++;
				is_good &= !truth->has_request || !truth->has_response;
			}
		}
		is_good &= c.nr + nr_gone == whole.nr && nr_gone <= 1;
		if (p.lost_kind == TAP_CONN || p.lost_kind == TAP_PROCESS || p.lost_kind == TAP_CLOSE)
			/* of a lost end, the next connection on the same descriptor tells, both ways */
			is_good &= c.counters.v[COUNT_seq_gaps] == 2 * c.counters.v[COUNT_end_unseen];
		else
			is_good &= c.counters.v[COUNT_seq_gaps] == 1;
		CHECK(is_good);
		if (!is_good) {
			printf("    piece %zu, resync %d, record %ld of %ld lost, kind %u: %zu exchanges, not %zu\n", piece,
			       has_resync, lose, nr, p.lost_kind, c.nr, whole.nr);
			chain_print(&c);
		}
		chain_done(&c);
	}
	chain_done(&whole);
	return in_doubt;
}

static void test_wire__a_lost_record_is_counted_and_never_a_wrong_header(void)
{
	for (size_t i = 0; i < NR_SAMPLES; i++) {
		static struct script s;

		SAMPLES[i].make(&s);
		CHECK(lose_each(&s, 0, false) > 0);
		CHECK(lose_each(&s, 16, false) > 0);
		CHECK(lose_each(&s, 3, false) > 0);
		script_done(&s);
	}
}

static void test_wire__a_lost_record_before_a_resync_is_never_a_wrong_header(void)
{
	for (size_t i = 0; i < NR_SAMPLES; i++) {
		static struct script s;
		long with, without;

		SAMPLES[i].make(&s);
		without = lose_each(&s, 0, false);
		with = lose_each(&s, 0, true);
		if (!strncmp(SAMPLES[i].name, "http2", 5))
			CHECK(with < without); /* else the snapshots were not used */
		CHECK(lose_each(&s, 16, true) > 0);
		script_done(&s);
	}
}

/* ---- two records lost: then a response may be paired with another request, but in doubt */

/* Is each header true by itself: what came in one head is of one request, what came in the other of one? */
static bool is_sound(const struct told *t, const struct chain *whole)
{
	bool is_request = false, is_response = false, is_pair = false;

	for (size_t i = 0; i < whole->nr; i++) {
		const struct told *w = &whole->told[i];
		bool is_this[2] = { true, true };

		if (w->serial != t->serial)
			continue;
		for (int f = 0; f < FIELD_GOAWAY; f++) {
			const char *got = t->field[f], *want = w->field[f];
			bool is_of_response = f >= FIELD_STATUS;
			bool may_be_cut = (f == FIELD_URI || f == FIELD_IMPERSONATE_GROUPS) && (t->doubts & DOUBT_TRUNCATED);

			if (!strcmp(got, want))
				continue;
			if (*got && !(may_be_cut && !strncmp(got, want, strlen(got))))
				is_this[is_of_response] = false;
			else if (!(t->doubts & cover_of(f)))
				is_this[is_of_response] = false;
		}
		is_request |= is_this[0];
		is_response |= is_this[1];
		is_pair |= is_this[0] && is_this[1];
	}
	return is_request && is_response && (is_pair || (t->doubts & DOUBT_RECORDS_LOST));
}

static void lose_two(const struct script *s, bool has_resync)
{
	struct chain whole;
	long nr = chain_play(&whole, s, 0, -1, false);

	for (long lose = 0; lose < nr; lose++) {
		for (long too = lose + 1; too < nr; too++) {
			struct play p = { .lose = lose, .lose_too = too, .has_resync = has_resync, .push = chain_push };
			struct chain c;
			bool is_good = true;

			p.ctx = &c;
			chain_init(&c);
			play(&p, s);
			chain_finish(&c);
			for (size_t i = 0; i < c.nr; i++)
				is_good &= is_sound(&c.told[i], &whole);
			is_good &= c.nr <= whole.nr;
			CHECK(is_good);
			if (!is_good) {
				printf("    resync %d, records %ld and %ld of %ld lost\n", has_resync, lose, too, nr);
				chain_print(&c);
			}
			chain_done(&c);
		}
	}
	chain_done(&whole);
}

static void test_wire__two_lost_records_mix_no_two_heads(void)
{
	for (size_t i = 0; i < NR_SAMPLES; i++) {
		static struct script s;

		SAMPLES[i].make(&s);
		lose_two(&s, false);
		lose_two(&s, true);
		script_done(&s);
	}
}

int main(void)
{
	RUN(test_wire__any_cut_into_records_tells_the_same);
	RUN(test_wire__what_was_put_aside_meanwhile_makes_no_difference);
	RUN(test_wire__a_lost_record_is_counted_and_never_a_wrong_header);
	RUN(test_wire__a_lost_record_before_a_resync_is_never_a_wrong_header);
	RUN(test_wire__two_lost_records_mix_no_two_heads);
	return test_end();
}
