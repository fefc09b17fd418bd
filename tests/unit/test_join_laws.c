/* SPDX-License-Identifier: Apache-2.0
 *
 * What holds whatever the order, the delays and the ids: a server that answers and logs at random, seen
 * by the join from both sides.
 */
#include "joins.h"

#define NR 3000
#define URIS 6

enum kind { PLAIN, WATCH, EXEC, REFUSED, TIMED_OUT, CRASHED, KIND_MAX };

/* One request, and what becomes of its two sides. */
struct request {
	struct both b;
	char id[24];
	enum kind kind;
	bool is_chosen;		/* its id is the client's, and others have it too */
	bool is_cut_from_log;
	bool is_unseen;
	int nr_told;
	enum verdict verdict;
};

enum what { PUSH_WIRE, PUSH_RECEIVED, PUSH_STARTED, PUSH_COMPLETE };

struct act {
	uint64_t at;
	size_t request;
	enum what what;
};

static struct request requests[NR];
static struct act acts[NR * 6];
static size_t nr_acts;
static size_t nr_told[VERDICT_MAX], nr_audit_only;
static struct counters counters;
static uint64_t seed;

static uint64_t any(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

static bool chance(unsigned percent)
{
	return any(100) < percent;
}

static void take(void *ctx, const struct match *m)
{
	nr_told[m->verdict]++;
	if (!m->identity) {
		nr_audit_only += m->verdict == VERDICT_AUDIT_ONLY;
		return;
	}
	requests[m->identity->exchange->stream].nr_told++;
	requests[m->identity->exchange->stream].verdict = m->verdict;
}

static void act(size_t request, enum what what, uint64_t at)
{
	acts[nr_acts++] = (struct act){ at, request, what };
}

static int by_time(const void *a, const void *b)
{
	const struct act *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at ? 1 : x < y ? -1 : 1;
}

static void make(size_t i)
{
	static const char *const uris[URIS] = { "/api/v1/pods", "/api/v1/nodes?limit=5", "/healthz", "/a\"b?x=\xff", "//api/v1", "/version" };
	static const char *const logged[URIS] = { "/api/v1/pods", "/api/v1/nodes?limit=5", "/healthz", "/a%22b?x=\xef\xbf\xbd", "//api/v1", "/version" };
	struct request *r = &requests[i];
	uint64_t begin = T0 + 10 * SECOND + any(600 * SECOND), took = any(50 * MS), end;
	size_t uri = any(URIS);

	*r = (struct request){ .kind = chance(60) ? PLAIN : (enum kind)any(KIND_MAX), .is_chosen = chance(20) };
	r->is_chosen &= r->kind == PLAIN;
	(void)snprintf(r->id, sizeof(r->id), r->is_chosen ? "chosen-%zu" : "made-%zu", r->is_chosen ? any(4) : i);
	both_init(&r->b, r->id, begin);
	r->b.x.stream = (uint32_t)i;
	r->b.x.request_uri = str_of(uris[uri]);
	r->b.e.request_uri = str_of(logged[uri]);
	r->b.e.verb = STR("get");
	r->b.conn.client_ip[15] = (uint8_t)any(3);
	r->b.e.source_ips[0] = r->b.conn.client_ip[15] == 0 ? STR("10.0.0.0") : r->b.conn.client_ip[15] == 1 ? STR("10.0.0.1") : STR("10.0.0.2");
	if (chance(30))
		both_anonymous(&r->b);
	if (chance(20))
		both_status(&r->b, 404);
	if (r->is_chosen)
		r->b.x.request_audit_id = r->b.x.audit_id;
	r->is_cut_from_log = chance(4) && r->kind != CRASHED;
	r->is_unseen = chance(3) && r->kind != CRASHED && !r->is_chosen && !r->is_cut_from_log;
	switch (r->kind) {
	case WATCH:
		both_uri(&r->b, "/api/v1/pods?watch=1");
		r->b.e.verb = STR("watch");
		took = any(200 * SECOND);
		break;
	case EXEC:
		both_uri(&r->b, "/api/v1/namespaces/d/pods/p/exec?command=sh");
		r->b.e.object.subresource = STR("exec");
		both_status(&r->b, 101);
		r->b.x.is_upgraded = true;
		r->b.x.has_flow_schema = false;
		r->b.x.audit_id = (struct str){ 0 };
		took = any(100 * SECOND);
		break;
	case REFUSED:
		both_status(&r->b, 401);
		r->b.x.has_flow_schema = false;
		r->b.id.credential = (struct credential){ .kind = CRED_BEARER, .outcome = OUTCOME_REJECTED };
		r->b.e.user = (struct audit_user){ 0 };
		break;
	case TIMED_OUT:
		r->b.x.status = 504;
		took = 60 * SECOND;
		break;
	case CRASHED:
		r->b.x.status = 0;
		r->b.x.has_response = r->b.x.has_flow_schema = false;
		r->b.x.audit_id = (struct str){ 0 };
		r->b.x.doubts = DOUBT_RESPONSE_UNSEEN;
		break;
	default:
		break;
	}
	end = begin + took;
	r->b.x.end_ns = r->b.x.request_ns + took;
	r->b.x.first_byte_ns = r->kind == WATCH || r->kind == EXEC ? r->b.x.request_ns + MS : r->b.x.end_ns;
	r->b.e.received_ns = begin + any(took < 30 * MS ? took + 1 : 30 * MS) / 1000 * 1000;
	if (!r->is_unseen)
		act(i, PUSH_WIRE, end + any(100 * MS));
	if (r->is_cut_from_log)
		return;
	if (r->kind == TIMED_OUT)
		end += any(60 * SECOND); /* the handler goes on */
	if (r->kind != REFUSED)
		act(i, PUSH_RECEIVED, begin + any(30 * SECOND));
	if (r->kind == REFUSED || r->kind == WATCH || r->kind == EXEC)
		act(i, PUSH_STARTED, begin + MS + any(30 * SECOND));
	if (r->kind != REFUSED && r->kind != CRASHED)
		act(i, PUSH_COMPLETE, end + any(30 * SECOND));
	if (chance(5) && r->kind != REFUSED && r->kind != CRASHED)
		act(i, PUSH_COMPLETE, end + any(30 * SECOND)); /* the line is read twice */
}

static void push(struct join *j, const struct act *a)
{
	struct request *r = &requests[a->request];
	struct event e = r->b.e;

	r->b.conn.process = &r->b.process;
	switch (a->what) {
	case PUSH_WIRE:
		join_push_identity(j, &r->b.id, a->at);
		return;
	case PUSH_RECEIVED:
		e.stage = STAGE_REQUEST_RECEIVED;
		e.code = 0;
		e.stage_ns = e.received_ns;
		break;
	case PUSH_STARTED:
		e.stage = STAGE_RESPONSE_STARTED;
		e.stage_ns = e.received_ns + MS;
		break;
	case PUSH_COMPLETE:
		e.stage_ns = e.received_ns + 2 * MS;
		break;
	}
	join_push_event(j, &e, a->at);
}

static void run(uint64_t with_seed)
{
	struct join *j = join_new(&(struct join_options){ .is_audit_only_told = true, .wire_since_ns = T0 }, &counters, take, NULL);
	size_t nr_cut = 0, nr_unseen = 0;
	uint64_t now = T0;

	seed = with_seed;
	nr_acts = nr_audit_only = 0;
	memset(nr_told, 0, sizeof(nr_told));
	for (size_t i = 0; i < NR; i++)
		make(i);
	qsort(acts, nr_acts, sizeof(*acts), by_time);
	join_tick(j, now);
	for (size_t i = 0; i < nr_acts; i++) {
		for (; now + SECOND < acts[i].at; join_tick(j, now))
			now += SECOND;
		push(j, &acts[i]);
	}
	for (int i = 0; i < 600; i++)
		join_tick(j, now += SECOND);
	join_finish(j, JOIN_ALL_IN);
	for (size_t i = 0; i < NR; i++) {
		const struct request *r = &requests[i];

		nr_cut += r->is_cut_from_log;
		nr_unseen += r->is_unseen;
		if (r->nr_told != !r->is_unseen)
			printf("    request %zu (%d) was told %d times\n", i, r->kind, r->nr_told);
		CHECK_INT(r->nr_told, !r->is_unseen);
		/* whose event has a right to be missing is known but for those with one id and one URI */
		if (r->verdict == VERDICT_UNAUDITED && !r->is_cut_from_log && !r->is_chosen && r->kind != EXEC) {
			printf("    request %zu (%d) is not unaudited\n", i, r->kind);
			CHECK(!"false unaudited");
		}
	}
	CHECK_INT(nr_told[VERDICT_MISMATCH], 0);
	CHECK_INT(nr_told[VERDICT_UNAUDITED], nr_cut);
	CHECK_INT(nr_audit_only, nr_unseen);
	CHECK_INT(nr_told[VERDICT_PENDING], 0);
	CHECK(nr_cut > 50 && nr_unseen > 30);
	CHECK_INT(join_waiting(j).bytes, 0);
	join_free(j);
}

static void test_join_laws__each_gap_is_told_once_and_no_other(void)
{
	for (uint64_t s = 1; s <= 10 && !test_is_bad; s++) {
		run(s * 7919);
		if (test_is_bad)
			printf("    seed %d\n", (int)s);
	}
}

/* The sensor is stopped and started in the middle, with another join: what fell into the time between
 * is no gap of either. Events are read on where the first stopped reading. */
static void test_join_laws__restart_of_the_sensor_makes_no_gap(void)
{
	for (uint64_t s = 1; s <= 10 && !test_is_bad; s++) {
		uint64_t stop = T0 + 200 * SECOND, start = stop + 4 * SECOND, now = T0;
		struct join *j = join_new(&(struct join_options){ .is_audit_only_told = true, .wire_since_ns = T0 }, &counters, take, NULL);
		bool is_second = false;

		seed = s * 104729;
		nr_acts = nr_audit_only = 0;
		memset(nr_told, 0, sizeof(nr_told));
		for (size_t i = 0; i < NR; i++) {
			make(i);
			requests[i].is_chosen = false;
		}
		qsort(acts, nr_acts, sizeof(*acts), by_time);
		join_tick(j, now);
		for (size_t i = 0; i < nr_acts; i++) {
			const struct request *r = &requests[acts[i].request];

			for (; now + SECOND < acts[i].at; join_tick(j, now))
				now += SECOND;
			if (acts[i].at > stop && !is_second) {
				join_finish(j, stop);
				join_free(j);
				j = join_new(&(struct join_options){ .is_audit_only_told = true, .wire_since_ns = start }, &counters, take, NULL);
				is_second = true;
			}
			/* what ends while nobody looks, or began before somebody did, is not on the wire */
			if (acts[i].what == PUSH_WIRE && acts[i].at > stop && r->b.id.time_ns < start)
				continue;
			push(j, &acts[i]);
		}
		for (int i = 0; i < 600; i++)
			join_tick(j, now += SECOND);
		join_finish(j, now);
		CHECK_INT(nr_told[VERDICT_MISMATCH], 0);
		for (size_t i = 0; i < NR; i++) {
			CHECK(requests[i].nr_told <= 1);
			CHECK(requests[i].verdict != VERDICT_UNAUDITED || requests[i].is_cut_from_log || requests[i].kind == EXEC ||
			      str_starts(str_of(requests[i].id), STR("chosen")));
		}
		CHECK(nr_told[VERDICT_UNAUDITED] > 50);
		join_free(j);
	}
}

/* Much too little room: nothing is judged wrongly, each exchange still has its word. */
static void test_join_laws__bounds_make_no_gap(void)
{
	struct join *j = join_new(&(struct join_options){ .pending_max = 20 }, &counters, take, NULL);
	uint64_t now = T0;

	seed = 4711;
	nr_acts = 0;
	memset(nr_told, 0, sizeof(nr_told));
	for (size_t i = 0; i < NR; i++)
		make(i);
	qsort(acts, nr_acts, sizeof(*acts), by_time);
	join_tick(j, now);
	for (size_t i = 0; i < nr_acts; i++) {
		for (; now + SECOND < acts[i].at; join_tick(j, now))
			now += SECOND;
		push(j, &acts[i]);
		CHECK(join_waiting(j).exchanges <= 20 && join_waiting(j).events <= 20);
	}
	join_finish(j, JOIN_ALL_IN);
	for (size_t i = 0; i < NR; i++) {
		CHECK_INT(requests[i].nr_told, !requests[i].is_unseen);
		CHECK(requests[i].verdict != VERDICT_UNAUDITED || requests[i].is_cut_from_log);
	}
	CHECK_INT(nr_told[VERDICT_MISMATCH], 0);
	CHECK(nr_told[VERDICT_PENDING] > 100 && nr_told[VERDICT_MATCHED] > 100);
	join_free(j);
}

int main(void)
{
	RUN(test_join_laws__each_gap_is_told_once_and_no_other);
	RUN(test_join_laws__restart_of_the_sensor_makes_no_gap);
	RUN(test_join_laws__bounds_make_no_gap);
	return test_end();
}
