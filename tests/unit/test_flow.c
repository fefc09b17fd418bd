/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "wire/flow.h"
#include "test.h"

/* What was pushed, as a line: "r0" record of direction 0, "g1" gap, "e" end, "c" end that is cut. */
struct seen {
	char runs[512];
	struct counters counters;
	struct flow flow;
	struct conn last;	/* as it was at the last run; pointers in it are not valid any more */
	char comm[TAP_COMM_MAX + 1], target[TAP_TARGET_MAX + 1];
	uint64_t ktime_ns;
	uint8_t end_kind;	/* of the record with it; 0: none */
	int nr_states;
};

static void see(void *ctx, const struct run *run)
{
	struct seen *s = ctx;
	size_t n = strlen(s->runs);

	if (!*run->state) {
		s->nr_states++;
		*run->state = s;
	}
	CHECK(*run->state == s);
	s->last = *run->conn;
	s->ktime_ns = run->ktime_ns;
	if (run->conn->process) {
		memcpy(s->comm, run->conn->process->comm, sizeof(s->comm));
		memcpy(s->target, run->conn->process->target, sizeof(s->target));
	}
	if (n + 4 > sizeof(s->runs))
		n = 0; /* of so many nobody asks what they were */
	if (run->kind == RUN_RECORD) {
		CHECK_INT(run->rec->flags & TAP_DIR, run->dir);
		memcpy(s->runs + n, run->dir ? "r1" : "r0", 3);
	} else if (run->kind == RUN_GAP) {
		memcpy(s->runs + n, run->dir ? "g1" : "g0", 3);
	} else if (run->kind == RUN_IDLE) {
		s->runs[n] = 'i';
		s->runs[n + 1] = (char)('0' + run->conn->serial);
		s->runs[n + 2] = '\0';
	} else {
		memcpy(s->runs + n, run->is_cut ? "c" : "e", 2);
		s->end_kind = run->rec ? run->rec->kind : 0;
		s->nr_states--;
		*run->state = NULL;
	}
}

static void seen_init(struct seen *s)
{
	memset(s, 0, sizeof(*s));
	flow_init(&s->flow, &s->counters, see, s);
}

static void push_data_at(struct seen *s, uint64_t conn, uint8_t dir, uint32_t seq, uint64_t ktime_ns)
{
	struct tap_data r = { .hdr = { TAP_DATA, dir, sizeof(r), seq, conn, ktime_ns }, .stream = 1 };

	flow_push(&s->flow, &r, sizeof(r));
}

static void push_data(struct seen *s, uint64_t conn, uint8_t dir, uint32_t seq)
{
	push_data_at(s, conn, dir, seq, 1000 + seq);
}

static void push_close(struct seen *s, uint64_t conn, uint32_t seq0, uint32_t seq1)
{
	struct tap_close r = { .hdr = { TAP_CLOSE, 0, sizeof(r), 0, conn, 5000 }, .next_seq = { seq0, seq1 } };

	flow_push(&s->flow, &r, sizeof(r));
}

static void push_conn_fd(struct seen *s, uint64_t conn, uint32_t pid, int fd, uint8_t how, const char *cert)
{
	struct {
		struct tap_conn r;
		char data[64];
	} all = { .r = { .hdr = { TAP_CONN, 0, sizeof(struct tap_conn) + 3 + strlen(cert), 0, conn, 1000 },
			 .tgid = pid, .fd = fd, .client_port = 51234, .server_port = 6443, .tls_version = 0x0304, .how = how,
			 .alpn_len = 2, .alpn = "h2", .sni_len = 3, .cert_len = strlen(cert), .nr_certs = *cert ? 1 : 0 } };

	memcpy(all.r.data, "sni", 3);
	memcpy(all.r.data + 3, cert, strlen(cert));
	flow_push(&s->flow, &all, all.r.hdr.size);
}

static void push_conn(struct seen *s, uint64_t conn, uint32_t pid, uint8_t how, const char *cert)
{
	push_conn_fd(s, conn, pid, (int)conn + 6, how, cert);
}

static void push_process(struct seen *s, uint32_t pid, bool is_exit, const char *comm, const char *target)
{
	struct tap_process r = { .hdr = { TAP_PROCESS, 0, sizeof(r), 0, 0, 3000 }, .tgid = pid, .is_exit = is_exit };

	memcpy(r.comm, comm, strlen(comm));
	memcpy(r.target, target, strlen(target));
	flow_push(&s->flow, &r, sizeof(r));
}

static void test_flow__records_in_order_are_pushed_on(void)
{
	struct seen s;

	seen_init(&s);
	push_data(&s, 1, 0, 0);
	push_data(&s, 1, 1, 0);
	push_data(&s, 1, 0, 1);
	push_data(&s, 1, 1, 1);
	push_close(&s, 1, 2, 2);
	CHECK_STR(str_of(s.runs), "r0r1r0r1e");
	CHECK_INT(s.end_kind, TAP_CLOSE);
	CHECK_INT(s.flow.conns.n, 0);
	flow_done(&s.flow);
	CHECK_INT(s.nr_states, 0);
}

static void test_flow__a_hole_is_a_gap_of_its_direction(void)
{
	struct seen s;

	seen_init(&s);
	push_data(&s, 1, 0, 0);
	push_data(&s, 1, 0, 2);
	push_data(&s, 1, 1, 0);
	push_data(&s, 1, 1, 7);
	CHECK_STR(str_of(s.runs), "r0g0r0r1g1r1");
	CHECK_INT(s.counters.v[COUNT_seq_gaps], 2);
	flow_done(&s.flow);
}

static void test_flow__a_first_record_that_is_not_number_0_is_a_gap(void)
{
	struct seen s;

	seen_init(&s);
	push_data(&s, 1, 1, 3);
	CHECK_STR(str_of(s.runs), "g1r1");
	flow_done(&s.flow);
}

static void test_flow__a_loss_at_the_tail_is_a_gap_before_the_end(void)
{
	struct seen s;

	seen_init(&s);
	push_data(&s, 1, 0, 0);
	push_close(&s, 1, 2, 1);
	CHECK_STR(str_of(s.runs), "r0g0g1e");
	CHECK_INT(s.counters.v[COUNT_seq_gaps], 2);
	flow_done(&s.flow);
}

static void test_flow__a_connection_of_which_only_the_end_is_left_has_its_gaps(void)
{
	struct seen s;

	seen_init(&s);
	push_close(&s, 1, 4, 0);
	CHECK_STR(str_of(s.runs), "g0e");
	flow_done(&s.flow);
}

static void test_flow__sequence_numbers_wrap(void)
{
	struct seen s;

	seen_init(&s);
	push_data(&s, 1, 0, 0x7fffffff);
	push_data(&s, 1, 0, 0xfffffffe);
	push_data(&s, 1, 0, 0xffffffff);
	push_data(&s, 1, 0, 0);
	push_data(&s, 1, 0, 2);
	CHECK_STR(str_of(s.runs), "g0r0g0r0r0r0g0r0");
	flow_done(&s.flow);
}

static void test_flow__a_record_told_again_is_dropped_and_counted(void)
{
	struct seen s;

	seen_init(&s);
	push_data(&s, 1, 0, 0);
	push_data(&s, 1, 0, 1);
	push_data(&s, 1, 0, 0);
	push_data(&s, 1, 0, 2);
	push_close(&s, 1, 1, 0);
	CHECK_STR(str_of(s.runs), "r0r0r0e");
	CHECK_INT(s.counters.v[COUNT_record_bad], 2);
	flow_done(&s.flow);
}

static void test_flow__description_is_kept_whole(void)
{
	struct seen s;

	seen_init(&s);
	push_process(&s, 812, false, "kube-apiserver", "cp");
	push_data(&s, 1, 0, 0);
	CHECK(!s.last.is_described && !s.last.process);
	push_conn(&s, 1, 812, TAP_CONN_FROM_START, "DER");
	push_data(&s, 1, 0, 1);
	CHECK(s.last.is_described && !s.last.is_before_attach && s.last.has_address && !s.last.is_cert_cut);
	CHECK_STR(str_of(s.last.alpn), "h2");
	CHECK_STR(str_of(s.last.server_name), "sni");
	CHECK_STR(str_of(s.comm), "kube-apiserver");
	CHECK_STR(str_of(s.target), "cp");
	CHECK_INT(s.last.cert_len, 3);
	CHECK(!memcmp(s.last.cert, "DER", 3));
	CHECK(s.last.cert_hash != 0);
	CHECK_INT(s.last.fd, 7);
	CHECK_INT(s.last.server_port, 6443);
	push_conn(&s, 1, 99, 0, "");	/* repeated: the content is the same, by contract */
	push_data(&s, 1, 0, 2);
	CHECK(!s.last.is_before_attach && s.last.cert_len == 3 && s.last.process->pid == 812);
	flow_done(&s.flow);
}

static void test_flow__that_it_was_seen_from_its_start_may_be_learned_later(void)
{
	struct seen s;

	seen_init(&s);
	push_conn(&s, 1, 812, 0, "");
	push_data(&s, 1, 0, 0);
	CHECK(s.last.is_before_attach);
	CHECK(!s.last.cert && !s.last.cert_hash);
	push_conn(&s, 1, 812, TAP_CONN_FROM_START, "");
	push_data(&s, 1, 0, 1);
	CHECK(!s.last.is_before_attach);
	flow_done(&s.flow);
}

static void test_flow__a_certificate_that_was_cut_is_not_none(void)
{
	struct seen s;

	seen_init(&s);
	push_conn(&s, 1, 812, TAP_CONN_CERT_CUT | TAP_CONN_NO_ADDRESS, "");
	push_data(&s, 1, 0, 0);
	CHECK(s.last.is_cert_cut && !s.last.cert && !s.last.has_address);
	flow_done(&s.flow);
}

static void test_flow__a_process_that_ends_ends_its_connections(void)
{
	struct seen s;

	seen_init(&s);
	push_conn(&s, 1, 812, 0, "");
	push_conn(&s, 2, 813, 0, "");
	push_conn(&s, 3, 812, 0, "");
	push_data(&s, 4, 0, 0);
	push_process(&s, 812, true, "", "");
	CHECK_STR(str_of(s.runs), "r0ee");
	CHECK_INT(s.end_kind, 0);
	CHECK_INT(s.ktime_ns, 3000);
	CHECK_INT(s.flow.conns.n, 2);
	flow_done(&s.flow);
}

static void test_flow__an_executed_program_ends_what_its_process_held(void)
{
	struct seen s;

	seen_init(&s);
	push_process(&s, 812, false, "runc:[2:INIT]", "");	/* traced by nobody */
	CHECK_INT(s.flow.processes.n, 0);
	push_process(&s, 812, false, "kube-apiserver", "cp");
	push_conn(&s, 1, 812, 0, "");
	push_process(&s, 812, false, "other", "");
	CHECK_STR(str_of(s.runs), "e");
	push_process(&s, 812, false, "kube-apiserver", "cp2");	/* named again by the agent: nothing ends */
	push_conn(&s, 2, 812, 0, "");
	push_process(&s, 812, false, "kube-apiserver", "cp3");
	push_data(&s, 2, 0, 0);
	CHECK_STR(str_of(s.runs), "er0");
	CHECK_STR(str_of(s.target), "cp3");
	flow_done(&s.flow);
}

static void test_flow__a_descriptor_with_a_new_connection_ends_the_old_one(void)
{
	struct seen s;

	seen_init(&s);
	push_conn_fd(&s, 1, 812, 7, 0, "");
	push_conn_fd(&s, 2, 812, 8, 0, "");
	push_conn_fd(&s, 3, 813, 7, 0, "");
	push_conn_fd(&s, 4, 812, -1, 0, ""); /* its descriptor could not be read */
	push_conn_fd(&s, 5, 812, -1, 0, "");
	CHECK_STR(str_of(s.runs), "");
	push_conn_fd(&s, 6, 812, 7, 0, "");
	CHECK_STR(str_of(s.runs), "g0g1e");
	CHECK_INT(s.counters.v[COUNT_end_unseen], 1);
	push_conn_fd(&s, 6, 812, 7, 0, ""); /* described again: no other */
	push_close(&s, 6, 0, 0);
	push_conn_fd(&s, 7, 812, 7, 0, "");
	CHECK_STR(str_of(s.runs), "g0g1ee");
	flow_done(&s.flow);
}

static void test_flow__what_is_open_at_the_end_is_cut_not_ended(void)
{
	struct seen s;

	seen_init(&s);
	push_data(&s, 1, 0, 0);
	push_data(&s, 2, 0, 5);
	flow_finish(&s.flow);
	CHECK_STR(str_of(s.runs), "r0g0r0cc");
	CHECK_INT(s.ktime_ns, 1005);
	CHECK_INT(s.nr_states, 0);
	flow_done(&s.flow);
}

static void test_flow__a_silent_connection_is_told_once_to_be_idle(void)
{
	const uint64_t idle = FLOW_IDLE_NS;
	struct seen s;

	seen_init(&s);
	push_data_at(&s, 1, 0, 0, 10);
	push_data_at(&s, 2, 0, 0, 20);
	push_data_at(&s, 3, 0, 0, 20 + idle / 2);
	CHECK_STR(str_of(s.runs), "r0r0r0");
	push_data_at(&s, 3, 0, 1, 20 + idle);
	CHECK_STR(str_of(s.runs), "r0r0r0r0i1i2");
	push_data_at(&s, 2, 0, 1, 30 + idle);	/* speaks again */
	push_data_at(&s, 3, 0, 2, 40 + idle * 2);
	CHECK_STR(str_of(s.runs), "r0r0r0r0i1i2r0r0i2");
	push_data_at(&s, 3, 0, 3, 30);		/* late: time does not go back */
	push_close(&s, 3, 4, 0);
	push_data_at(&s, 1, 0, 1, 50 + idle * 2);
	push_data_at(&s, 2, 0, 2, 50 + idle * 4);
	CHECK_STR(str_of(s.runs), "r0r0r0r0i1i2r0r0i2r0er0r0i1");
	flow_done(&s.flow);
}

static void test_flow__the_connection_longest_silent_makes_room(void)
{
	struct seen s;

	seen_init(&s);
	for (uint64_t c = 1; c <= FLOW_CONNECTIONS_MAX; c++)
		push_data(&s, c, 0, 0);
	push_data(&s, 1, 0, 1);
	s.runs[0] = '\0';
	push_data(&s, FLOW_CONNECTIONS_MAX + 1, 0, 0);
	CHECK_STR(str_of(s.runs), "cr0");
	CHECK_INT(s.counters.v[COUNT_connections_dropped], 1);
	push_data(&s, 1, 0, 2);	/* still known */
	CHECK_STR(str_of(s.runs), "cr0r0");
	push_data(&s, 2, 0, 1);	/* that was it: what it said before is a gap now */
	CHECK_STR(str_of(s.runs), "cr0r0cg0r0");
	flow_done(&s.flow);
	CHECK_INT(s.nr_states, 0);
}

static void test_flow__records_that_contradict_the_abi_are_dropped_and_counted(void)
{
	union {
		struct tap_hdr hdr;
		struct tap_frame frame;
		struct tap_more more;
		struct tap_data data;
		struct tap_snapshot snapshot;
		struct tap_head head;
		struct tap_conn conn;
		struct tap_process process;
		uint64_t room[64];
	} r;
	uint64_t nr = 0;
	struct seen s;

	seen_init(&s);
#define BAD(...) \
	do { \
		memset(&r, 0, sizeof(r)); \
		__VA_ARGS__; \
		flow_push(&s.flow, &r, sizeof(r)); \
		nr++; \
		CHECK_INT(s.counters.v[COUNT_record_bad], nr); \
	} while (0)
	BAD();
	BAD(r.hdr = (struct tap_hdr){ .kind = TAP_KIND_MAX, .size = 24 });
	BAD(r.hdr = (struct tap_hdr){ .kind = 255, .size = 24 });
	BAD(r.hdr = (struct tap_hdr){ .kind = TAP_DATA, .size = sizeof(r.data) - 1 });
	BAD(r.hdr = (struct tap_hdr){ .kind = TAP_DATA, .size = sizeof(r.data) + 1 });
	BAD(r.hdr = (struct tap_hdr){ .kind = TAP_DATA, .size = sizeof(r) + 1 });
	BAD(r.hdr = (struct tap_hdr){ .kind = TAP_FRAME, .size = sizeof(r.frame) + 5 }; r.frame.got = 4; r.frame.length = 9);
	BAD(r.hdr = (struct tap_hdr){ .kind = TAP_FRAME, .size = sizeof(r.frame) + 5 }; r.frame.got = 5; r.frame.length = 4);
	BAD(r.hdr = (struct tap_hdr){ .kind = TAP_MORE, .size = sizeof(r.more) + 5 }; r.more.got = 6);
	BAD(r.hdr = (struct tap_hdr){ .kind = TAP_SNAPSHOT, .size = sizeof(r.snapshot) + 5 }; r.snapshot.len = 6);
	BAD(r.hdr = (struct tap_hdr){ .kind = TAP_HEAD, .size = sizeof(r.head) + 5 }; r.head.got = 4);
	BAD(r.hdr = (struct tap_hdr){ .kind = TAP_CONN, .size = sizeof(r.conn) + 5 }; r.conn.sni_len = 3; r.conn.cert_len = 3);
	BAD(r.hdr = (struct tap_hdr){ .kind = TAP_CONN, .size = sizeof(r.conn) }; r.conn.alpn_len = TAP_ALPN_MAX + 1);
	BAD(r.hdr = (struct tap_hdr){ .kind = TAP_PROCESS, .size = sizeof(r.process) - 4 });
#undef BAD
	flow_push(&s.flow, &r, 23);
	CHECK_INT(s.counters.v[COUNT_record_bad], nr + 1);
	CHECK_INT(s.flow.conns.n, 0);
	/* the ring slot may be larger than the record */
	memset(&r, 0, sizeof(r));
	r.hdr = (struct tap_hdr){ .kind = TAP_DATA, .size = sizeof(r.data), .conn = 1 };
	flow_push(&s.flow, &r, sizeof(r));
	CHECK_STR(str_of(s.runs), "r0");
	flow_done(&s.flow);
}

static void test_flow__a_dropped_record_leaves_a_gap(void)
{
	struct seen s;
	struct tap_data bad = { .hdr = { TAP_DATA, 0, sizeof(bad) - 1, 1, 1, 1 } };

	seen_init(&s);
	push_data(&s, 1, 0, 0);
	flow_push(&s.flow, &bad, sizeof(bad));
	push_data(&s, 1, 0, 2);
	CHECK_STR(str_of(s.runs), "r0g0r0");
	flow_done(&s.flow);
}

int main(void)
{
	RUN(test_flow__records_in_order_are_pushed_on);
	RUN(test_flow__a_hole_is_a_gap_of_its_direction);
	RUN(test_flow__a_first_record_that_is_not_number_0_is_a_gap);
	RUN(test_flow__a_loss_at_the_tail_is_a_gap_before_the_end);
	RUN(test_flow__a_connection_of_which_only_the_end_is_left_has_its_gaps);
	RUN(test_flow__sequence_numbers_wrap);
	RUN(test_flow__a_record_told_again_is_dropped_and_counted);
	RUN(test_flow__description_is_kept_whole);
	RUN(test_flow__that_it_was_seen_from_its_start_may_be_learned_later);
	RUN(test_flow__a_certificate_that_was_cut_is_not_none);
	RUN(test_flow__a_process_that_ends_ends_its_connections);
	RUN(test_flow__an_executed_program_ends_what_its_process_held);
	RUN(test_flow__a_descriptor_with_a_new_connection_ends_the_old_one);
	RUN(test_flow__what_is_open_at_the_end_is_cut_not_ended);
	RUN(test_flow__a_silent_connection_is_told_once_to_be_idle);
	RUN(test_flow__the_connection_longest_silent_makes_room);
	RUN(test_flow__records_that_contradict_the_abi_are_dropped_and_counted);
	RUN(test_flow__a_dropped_record_leaves_a_gap);
	return test_end();
}
