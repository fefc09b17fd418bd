/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_join - how many requests a second one core joins, and what one that waits costs.
 *
 *	bench_join [REQUESTS]	each is an exchange and two events (RequestReceived, ResponseComplete)
 *
 * Three orders: the log a little behind the wire, the wire behind the log, and the log 30 s behind at
 * 2,000 requests a second (a webhook), so that 60,000 exchanges wait. Prints one line for each.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "judge/join.h"

#define SECOND UINT64_C(1000000000)
#define T0 (UINT64_C(1795400000) * SECOND)
#define CONNS 200
#define RATE 2000

struct request {
	char id[40], uri[80];
	struct conn conn;
	struct exchange x;
	struct identity id_of;
	struct event e;
};

static uint64_t nr_told[VERDICT_MAX];

static void take(void *ctx, const struct match *m)
{
	(void)ctx;
	nr_told[m->verdict]++;
}

/* Of the processor: others may be using the machine. */
static uint64_t cpu_ns(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* it exists on Linux */
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void make(struct request *r, struct process *process, uint64_t i)
{
	static const char *const resources[] = { "pods", "configmaps", "secrets", "leases" };
	static const char *const names[] = { "system:node:worker-1", "system:serviceaccount:kube-system:controller" };
	uint64_t at = T0 + i * (SECOND / RATE), mix = i * 0x9e3779b97f4a7c15ULL;

	(void)snprintf(r->id, sizeof(r->id), "%08x-%04x-4%03x-8%03x-%012llx", (unsigned)(mix >> 32), (unsigned)(mix & 0xffff),
		       (unsigned)(mix >> 52), (unsigned)(mix >> 40) & 0xfff, (unsigned long long)i);
	(void)snprintf(r->uri, sizeof(r->uri), "/api/v1/namespaces/ns-%u/%s/object-%u?timeout=10s", (unsigned)(mix >> 20) % 50,
		       resources[i % 4], (unsigned)(mix >> 30) % 1000);
	r->conn = (struct conn){ .serial = i % CONNS, .process = process, .is_described = true, .has_address = true,
				 .client_ip = { [10] = 0xff, 0xff, 10, 0, 0, (uint8_t)(i % CONNS) }, .alpn = "h2" };
	r->x = (struct exchange){ .conn = &r->conn, .stream = (uint32_t)i, .protocol = PROTOCOL_HTTP2, .has_request = true,
				  .has_response = true, .method = STR("GET"), .host = STR("10.0.0.1:6443"),
				  .request_uri = str_of(r->uri), .user_agent = STR("kubelet/v1.34.2 (linux/amd64) kubernetes/8cc511e"),
				  .status = 200, .audit_id = str_of(r->id), .has_flow_schema = true,
				  .request_ns = at - T0 + SECOND, .first_byte_ns = at - T0 + SECOND + 1000000,
				  .end_ns = at - T0 + SECOND + 1000000 };
	r->id_of = (struct identity){ .exchange = &r->x, .time_ns = at,
				      .credential = { .kind = CRED_CLIENT_CERT, .outcome = OUTCOME_ACCEPTED, .id = "hk1:0123",
						      .subject = str_of(names[i % CONNS % 2]), .issuer = STR("kubernetes-ca"),
						      .credential_id = STR("X509SHA256=0123456789abcdef0123456789abcdef0123456789ab"
									   "cdef0123456789abcdef"),
						      .groups = { STR("system:nodes") }, .nr_groups = 1 } };
	r->e = (struct event){ .level = LEVEL_METADATA, .audit_id = str_of(r->id), .request_uri = str_of(r->uri),
			       .verb = STR("get"),
			       .user = { .username = r->id_of.credential.subject,
					 .credential_id = r->id_of.credential.credential_id,
					 .groups = { STR("system:nodes"), STR("system:authenticated") }, .nr_groups = 2 },
			       .nr_source_ips = 1, .user_agent = r->x.user_agent,
			       .object = { .resource = str_of(resources[i % 4]), .ns = STR("ns"), .name = STR("object"),
					   .api_version = STR("v1") },
			       .decision = STR("allow"), .reason = STR("RBAC: allowed by ClusterRoleBinding"),
			       .annotations = STR("{\"authorization.k8s.io/decision\":\"allow\",\"authorization.k8s.io/reason\":"
						  "\"RBAC: allowed by ClusterRoleBinding\"}"),
			       .received_ns = at + 100000 };
}

static struct str source(const struct request *r, char text[16])
{
	(void)snprintf(text, 16, "10.0.0.%u", r->conn.client_ip[15]);
	return str_of(text);
}

static void log_it(struct join *j, struct request *r, bool is_last, uint64_t now_ns)
{
	char text[16];

	r->e.source_ips[0] = source(r, text);
	r->e.stage = is_last ? STAGE_RESPONSE_COMPLETE : STAGE_REQUEST_RECEIVED;
	r->e.code = is_last ? 200 : 0;
	r->e.stage_ns = r->e.received_ns + (is_last ? 1000000 : 0);
	join_push_event(j, &r->e, now_ns);
}

/* lag: how many requests the log is behind the wire; negative: the wire is behind the log. */
static void run(const char *what, uint64_t nr, long lag)
{
	static struct process process = { .pid = 812, .comm = "kube-apiserver", .target = "kube-apiserver" };
	static struct request r, behind;
	struct counters counters = { 0 };
	struct join *j;
	struct mallinfo2 before = mallinfo2();
	size_t exchanges_max = 0, bytes_max = 0, heap_max = 0;
	uint64_t begin, took, making;

	begin = cpu_ns();
	for (uint64_t i = 0; i < nr; i++) {
		make(&r, &process, i);
		if (lag)
			make(&behind, &process, i);
	}
	making = cpu_ns() - begin;
	memset(nr_told, 0, sizeof(nr_told));
	j = join_new(&(struct join_options){ .pending_max = 70000 }, &counters, take, NULL);
	if (!j)
		exit(1);
	begin = cpu_ns();
	for (uint64_t i = 0; i < nr + (uint64_t)labs(lag); i++) {
		uint64_t now = T0 + i * (SECOND / RATE);
		bool has_first = i < nr, has_second = i >= (uint64_t)labs(lag);

		if (has_first)
			make(&r, &process, i);
		if (has_second && lag)
			make(&behind, &process, i - (uint64_t)labs(lag));
		if (has_first && lag >= 0)
			join_push_identity(j, &r.id_of, now);
		if (has_first && lag < 0) {
			log_it(j, &r, false, now);
			log_it(j, &r, true, now);
		}
		if (has_second && lag >= 0) {
			log_it(j, lag ? &behind : &r, false, now);
			log_it(j, lag ? &behind : &r, true, now);
		}
		if (has_second && lag < 0)
			join_push_identity(j, &behind.id_of, now);
		if (i % 256 == 0) {
			struct join_waiting w = join_waiting(j);

			join_tick(j, now);
			if (w.exchanges + w.events > exchanges_max) {
				exchanges_max = w.exchanges + w.events;
				bytes_max = w.bytes;
				heap_max = mallinfo2().uordblks - before.uordblks;
			}
		}
	}
	took = cpu_ns() - begin;
	took = took > making ? took - making : took;
	join_finish(j, JOIN_ALL_IN);
	printf("%-28s %8.0f joins/s  %6.2f us each  matched %llu of %llu  waiting at most %zu, %zu bytes each, heap %zu KiB\n", what,
	       (double)nr * 1e9 / (double)took, (double)took / 1e3 / (double)nr, (unsigned long long)nr_told[VERDICT_MATCHED],
	       (unsigned long long)nr, exchanges_max, exchanges_max ? bytes_max / exchanges_max : 0, heap_max / 1024);
	join_free(j);
}

int main(int argc, char **argv)
{
	uint64_t nr = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;

	run("log after wire", nr, 0);
	run("wire after log", nr, -10);
	run("log 30 s after wire", nr, 30L * RATE);
	return 0;
}
