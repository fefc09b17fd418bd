/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_wire - what flow, http and exchange cost: small GETs over HTTP/2, as client-go makes them, their
 * headers by reference, an Audit-Id of its own in each response; and what an idle connection costs.
 *
 *	bench_wire [EXCHANGES [CONNECTIONS]]
 */
#include <inttypes.h>
#include <malloc.h>
#include <time.h>
#include "records.h"
#include "wire/exchange.h"
#include "wire/flow.h"
#include "wire/http.h"

struct bench {
	struct counters counters;
	struct flow flow;
	struct http http;
	struct exchanges exchanges;
	uint64_t nr, nr_doubted, nr_bytes;
};

/* One connection's next record: buffers that are patched in place. */
struct client {
	struct encoder encoder[2];
	uint32_t seq[2], stream;
};

static void emit(void *ctx, struct exchange *x)
{
	struct bench *b = ctx;

	b->nr++;
	b->nr_doubted += x->doubts != 0;
	b->nr_bytes += x->request_uri.n + x->audit_id.n;
}

/* Of processor time: others may be at work on the machine. */
static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void push_conn(struct bench *b, uint64_t serial, uint64_t ktime_ns)
{
	struct tap_conn r = { .hdr = { .kind = TAP_CONN, .size = sizeof(r), .conn = serial, .ktime_ns = ktime_ns },
			      .tgid = 812,
			      .fd = (int)serial, .how = TAP_CONN_FROM_START, .alpn_len = 2, .alpn = "h2" };

	flow_push(&b->flow, &r, sizeof(r));
}

/* Records of one kind in a ring slot, ready to be patched. */
struct slot {
	union {
		struct tap_hdr hdr;
		struct tap_frame frame;
		struct tap_data data;
	} r;
	uint8_t room[1024];
};

static void push_headers(struct bench *b, struct client *c, uint64_t serial, uint8_t dir, bool is_end)
{
	struct slot s;
	struct buf *block = &c->encoder[dir].block;

	s.r.frame = (struct tap_frame){
		.hdr = { TAP_FRAME, dir, (uint16_t)(sizeof(s.r.frame) + block->n), c->seq[dir]++, serial, 2 },
		.length = (uint32_t)block->n, .stream = c->stream, .type = 1, .fflags = 0x04 | is_end,
		.got = (uint16_t)block->n,
	};
	memcpy(s.r.frame.payload, block->p, block->n);
	flow_push(&b->flow, &s, s.r.hdr.size);
}

static void push_data(struct bench *b, struct client *c, uint64_t serial)
{
	struct tap_data r = { .hdr = { TAP_DATA, TAP_WRITE, sizeof(r), c->seq[1]++, serial, 3 }, .stream = c->stream,
			      .bytes = 2048, .frames = 1, .fflags = 1 };

	flow_push(&b->flow, &r, sizeof(r));
}

/* Blocks are encoded beforehand; the cost of that is not what is measured. */
static void encode_request(struct client *c, const char *path)
{
	struct encoder *e = &c->encoder[0];

	buf_reset(&e->block);
	encode(e, ":authority", "10.0.0.1:6443");
	encode(e, ":method", "GET");
	encode(e, ":path", path);
	encode(e, ":scheme", "https");
	encode(e, "accept", "application/vnd.kubernetes.protobuf, */*");
	encode(e, "authorization",
	       "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6IkFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaIn0.eyJhdWQiOlsiaHR0cHM6Ly9rd"
	       "WJlcm5ldGVzLmRlZmF1bHQuc3ZjIl0sImV4cCI6MTc5NDA0MDAwMCwiaWF0IjoxNzYyNTA0MDAwLCJpc3MiOiJodHRwczovL2t1Y"
	       "mVybmV0ZXMuZGVmYXVsdC5zdmMifQ.c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl");
	encode(e, "user-agent", "kube-controller-manager/v1.34.2 (linux/amd64) kubernetes/8cc511e/node-controller");
	encode(e, "accept-encoding", "gzip");
}

static void encode_response(struct client *c, uint64_t nr)
{
	struct encoder *e = &c->encoder[1];
	char audit_id[40];

	snprintf(audit_id, sizeof(audit_id), "10e8296b-70a4-4bc4-a090-%012" PRIx64, nr);
	buf_reset(&e->block);
	encode(e, ":status", "200");
	encode(e, "audit-id", audit_id);
	encode(e, "cache-control", "no-cache, private");
	encode(e, "content-type", "application/vnd.kubernetes.protobuf");
	encode(e, "x-kubernetes-pf-flowschema-uid", "11d3a5f8-3a41-4c8a-9ad8-5b9a3d0ad9b1");
	encode(e, "x-kubernetes-pf-prioritylevel-uid", "b2a17d6f-5f6b-4f1e-8a5e-17e2a17e2a17");
	encode(e, "content-length", "2048");
	encode(e, "date", "Sun, 22 Nov 2026 03:27:18 GMT");
}

static void bench_init(struct bench *b)
{
	*b = (struct bench){ 0 };
	exchange_init(&b->exchanges, &b->counters, emit, b);
	http_init(&b->http, &b->counters, exchange_push, &b->exchanges);
	flow_init(&b->flow, &b->counters, http_push, &b->http);
}

static void bench_done(struct bench *b)
{
	flow_done(&b->flow);
	http_done(&b->http);
	exchange_done(&b->exchanges);
	for (int i = 0; i < COUNT_MAX; i++)
		if (b->counters.v[i])
			printf("  %s %" PRIu64 "\n", counter_name(i), b->counters.v[i]);
}

#define BATCH 64

/* Records of so many exchanges: encoded, which is not measured, then pushed, which is. */
struct batch {
	struct slot slot[BATCH * 3];
};

static void measure(uint64_t nr, uint64_t nr_conns)
{
	struct client *clients = calloc(nr_conns, sizeof(*clients));
	struct batch *batch = malloc(sizeof(*batch));
	struct bench b;
	double spent = 0;

	RECORDS_MUST(clients && batch);
	bench_init(&b);
	for (uint64_t i = 0; i < nr_conns; i++) {
		clients[i].stream = 1;
		push_conn(&b, i + 1, 1);
	}
	for (uint64_t done = 0; done < nr; done += BATCH) {
		struct slot *s = batch->slot;
		double start;

		for (int i = 0; i < BATCH; i++) {
			uint64_t serial = (done + (uint64_t)i) * 7 % nr_conns + 1;
			struct client *c = &clients[serial - 1];

			encode_request(c, "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication");
			encode_response(c, done + (uint64_t)i);
			for (uint8_t dir = 0; dir < 2; dir++, s++) {
				struct buf *block = &c->encoder[dir].block;

				s->r.frame = (struct tap_frame){
					.hdr = { TAP_FRAME, dir, (uint16_t)(sizeof(s->r.frame) + block->n), c->seq[dir]++, serial,
						 done },
					.length = (uint32_t)block->n, .stream = c->stream, .type = 1,
					.fflags = dir ? 0x04 : 0x05, .got = (uint16_t)block->n,
				};
				memcpy(s->r.frame.payload, block->p, block->n);
			}
			s++->r.data = (struct tap_data){ .hdr = { TAP_DATA, TAP_WRITE, sizeof(s->r.data), c->seq[1]++, serial, done },
							 .stream = c->stream, .bytes = 2048, .frames = 1, .fflags = 1 };
			c->stream += 2;
		}
		start = seconds();
		for (s = batch->slot; s < batch->slot + BATCH * 3; s++)
			flow_push(&b.flow, s, sizeof(*s));
		spent += seconds() - start;
	}
	printf("%" PRIu64 " connections: %" PRIu64 " exchanges, %.0f a second, %.0f ns each, %" PRIu64 " in doubt\n", nr_conns,
	       b.nr, (double)b.nr / spent, spent * 1e9 / (double)b.nr, b.nr_doubted);
	bench_done(&b);
	for (uint64_t i = 0; i < nr_conns; i++) {
		encoder_done(&clients[i].encoder[0]);
		encoder_done(&clients[i].encoder[1]);
	}
	free(clients);
	free(batch);
}

static void push_head(struct bench *b, uint64_t serial, uint8_t dir, uint32_t seq, uint64_t off, struct str text)
{
	struct {
		struct tap_head r;
		char room[1024];
	} s;

	s.r = (struct tap_head){ .hdr = { TAP_HEAD, dir, (uint16_t)(sizeof(s.r) + text.n), seq, serial, 2 }, .off = off,
				 .got = (uint16_t)text.n, .how = TAP_HEAD_START | TAP_HEAD_END };
	memcpy(s.r.bytes, text.p, text.n);
	flow_push(&b->flow, &s, s.r.hdr.size);
}

static void measure_http1(uint64_t nr, uint64_t nr_conns)
{
	static const struct str request = STR("GET /api/v1/nodes HTTP/1.1\r\nHost: 10.0.0.1:6443\r\nUser-Agent: curl/8.5.0\r\n"
					      "Accept: */*\r\nAuthorization: Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6IkFCQ0RFRkci\r\n\r\n");
	static const struct str response = STR("HTTP/1.1 200 OK\r\nAudit-Id: 10e8296b-70a4-4bc4-a090-000000000001\r\n"
					       "Cache-Control: no-cache, private\r\nContent-Type: application/json\r\n"
					       "X-Kubernetes-Pf-Flowschema-Uid: 11d3a5f8-3a41-4c8a-9ad8-5b9a3d0ad9b1\r\n"
					       "Date: Sun, 22 Nov 2026 03:27:18 GMT\r\nContent-Length: 2048\r\n\r\n");
	struct bench b;
	double start;

	bench_init(&b);
	start = seconds();
	for (uint64_t i = 0; i < nr; i++) {
		uint64_t serial = i % nr_conns + 1, n = i / nr_conns;
		struct tap_end end = { .hdr = { TAP_END, TAP_WRITE, sizeof(end), (uint32_t)(2 * n + 1), serial, 3 },
				       .read_off = (n + 1) * request.n, .body_bytes = 2048 };

		push_head(&b, serial, TAP_READ, (uint32_t)n, n * request.n, request);
		push_head(&b, serial, TAP_WRITE, (uint32_t)(2 * n), n * 4096, response);
		flow_push(&b.flow, &end, sizeof(end));
	}
	start = seconds() - start;
	printf("HTTP/1, %" PRIu64 " connections: %.0f a second, %.0f ns each\n", nr_conns, (double)b.nr / start,
	       start * 1e9 / (double)b.nr);
	bench_done(&b);
}

/* Heap of `nr` connections after `exchanges` each, all of them idle; with one watch open on each, or none. */
static void weigh(uint64_t nr, int exchanges, bool has_watch)
{
	struct bench b;
	size_t before = mallinfo2().uordblks;

	bench_init(&b);
	for (uint64_t serial = 1; serial <= nr; serial++) {
		struct client c = { .stream = 1 };

		push_conn(&b, serial, 1);
		for (int i = 0; i < exchanges; i++, c.stream += 2) {
			encode_request(&c, "/api/v1/nodes");
			encode_response(&c, (uint64_t)i);
			push_headers(&b, &c, serial, TAP_READ, true);
			push_headers(&b, &c, serial, TAP_WRITE, false);
			push_data(&b, &c, serial);
		}
		if (has_watch) {
			encode_request(&c, "/api/v1/nodes?watch=true&resourceVersion=1234567");
			push_headers(&b, &c, serial, TAP_READ, true);
		}
		encoder_done(&c.encoder[0]);
		encoder_done(&c.encoder[1]);
	}
	push_conn(&b, nr + 1, 2 * FLOW_IDLE_NS);
	printf("%" PRIu64 " idle connections after %d exchanges%s: %zu bytes each\n", nr, exchanges,
	       has_watch ? ", a watch open" : "", (mallinfo2().uordblks - before) / nr);
	bench_done(&b);
}

int main(int argc, char **argv)
{
	uint64_t nr = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	uint64_t nr_conns = argc > 2 ? strtoull(argv[2], NULL, 10) : 64;

	measure(nr, 1);
	measure(nr, nr_conns);
	measure(nr, 2000);
	measure_http1(nr, nr_conns);
	weigh(2000, 1, false);
	weigh(2000, 1, true);
	weigh(2000, 100, false);
	return 0;
}
