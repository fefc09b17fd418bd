/* SPDX-License-Identifier: Apache-2.0
 *
 * samples.h - record streams of whole connections, one of each kind, for the laws that hold of any stream.
 *
 * Every request has a request URI of its own, "/r/N", and its response the Audit-Id "a-N".
 */
#ifndef ANONTAP_TESTS_SAMPLES_H
#define ANONTAP_TESTS_SAMPLES_H

#include "records.h"

#define REQUEST(method, n) ":method", method, ":scheme", "https", ":authority", "10.0.0.1:6443", ":path", "/r/" #n
#define OK(n) ":status", "200", "audit-id", "a-" #n, "x-kubernetes-pf-flowschema-uid", "f0"
#define END_STREAM 1

static inline void sample_http2_requests(struct script *s, uint32_t b)
{
	/* a bearer, and the same again all by reference */
	script_headers(s, TAP_READ, b + 1, END_STREAM, 1, REQUEST("GET", 1), "user-agent", "kubectl", "authorization",
		       "Bearer alice", NULL);
	script_headers(s, TAP_READ, b + 3, END_STREAM, 1, REQUEST("GET", 3), "user-agent", "kubectl", "authorization",
		       "Bearer alice", NULL);
	script_headers(s, TAP_WRITE, b + 3, 0, 1, OK(3), "date", "d1", NULL);
	script_data(s, TAP_WRITE, b + 3, 300, true);
	script_headers(s, TAP_WRITE, b + 1, 0, 1, OK(1), "date", "d1", NULL);
	script_data(s, TAP_WRITE, b + 1, 50, false);
	/* another identity over the same connection: a proxy's */
	script_headers(s, TAP_READ, b + 5, 0, 1, REQUEST("POST", 5), "user-agent", "curl", "authorization", "Bearer bob",
		       "x-forwarded-for", "198.51.100.7", "x-forwarded-for", "203.0.113.9", "x-real-ip", "198.51.100.7",
		       NULL);
	script_data(s, TAP_READ, b + 5, 1000, false);
	script_data(s, TAP_WRITE, b + 1, 70, true);
	script_data(s, TAP_READ, b + 5, 24, true);
	script_headers(s, TAP_WRITE, b + 5, END_STREAM, 1, ":status", "201", "audit-id", "a-5", NULL);
	/* impersonation, in three frames */
	script_headers(s, TAP_READ, b + 7, END_STREAM, 3, REQUEST("GET", 7), "authorization", "Bearer alice",
		       "impersonate-user", "carol", "impersonate-group", "ops", "impersonate-group", "dev",
		       "impersonate-uid", "u-1", NULL);
	/* a watch, which the client ends */
	script_headers(s, TAP_READ, b + 9, END_STREAM, 1, REQUEST("GET", 9), "user-agent", "kubectl", "audit-id", "mine",
		       NULL);
	script_headers(s, TAP_WRITE, b + 9, 0, 1, OK(9), NULL);
	script_headers(s, TAP_WRITE, b + 7, END_STREAM, 2, ":status", "403", "audit-id", "a-7", NULL);
	script_data(s, TAP_WRITE, b + 9, 11, false);
	/* early hints, then the response, then trailers */
	script_headers(s, TAP_READ, b + 11, 0, 1, REQUEST("PUT", 11), "user-agent", "curl", "x-remote-user", "dave",
		       "x-remote-group", "g1", "x-remote-group", "g2", NULL);
	script_headers(s, TAP_WRITE, b + 11, 0, 1, ":status", "103", "link", "</x>", NULL);
	script_data(s, TAP_READ, b + 11, 5, false);
	script_headers(s, TAP_READ, b + 11, END_STREAM, 1, "x-checksum", "c1", NULL);
	script_headers(s, TAP_WRITE, b + 11, 0, 1, OK(11), "date", "d2", NULL);
	script_data(s, TAP_WRITE, b + 11, 900, false);
	script_data(s, TAP_WRITE, b + 9, 12, false);
	script_headers(s, TAP_WRITE, b + 11, END_STREAM, 1, "x-trailer", "t1", NULL);
	script_reset(s, TAP_READ, b + 9, 8);
	/* nobody: the server says so with GOAWAY; one is open then, and never answered */
	script_headers(s, TAP_READ, b + 13, END_STREAM, 1, REQUEST("GET", 13), "user-agent", "scan", NULL);
	script_headers(s, TAP_READ, b + 15, END_STREAM, 1, REQUEST("GET", 15), "user-agent", "scan", NULL);
	script_headers(s, TAP_WRITE, b + 13, END_STREAM, 1, ":status", "401", "audit-id", "a-13", "date", "d2", NULL);
	script_frame(s, TAP_WRITE, 7, 0, 0, (uint8_t[8]){ 0, 0, 0, b + 15 }, 8);
}

static inline void sample_http2(struct script *s)
{
	script_process(s, 812, "kube-apiserver", "kube-apiserver", false);
	script_conn(s, 7, TAP_CONN_FROM_START, "h2");
	script_frame(s, TAP_READ, 4, 0, 0, "\0\4\0\1\0\0", 6);
	script_frame(s, TAP_WRITE, 4, 0, 0, "\0\3\0\0\0\xfa", 6);
	script_frame(s, TAP_READ, 4, 1, 0, "", 0);
	sample_http2_requests(s, 0);
	script_close(s);
}

/* Attached in mid-connection: both directions begin with a snapshot of tables that are in use. */
static inline void sample_http2_late(struct script *s)
{
	struct script before = { 0 };

	script_process(s, 812, "kube-apiserver", "kube-apiserver", false);
	script_conn(s, 8, 0, "h2");
	script_headers(&before, TAP_READ, 1, END_STREAM, 1, REQUEST("GET", 0), "user-agent", "kubectl", "authorization",
		       "Bearer alice", "impersonate-user", "carol", NULL);
	script_headers(&before, TAP_READ, 1, END_STREAM, 1, "user-agent", "scan", "authorization", "Bearer eve", NULL);
	script_headers(&before, TAP_WRITE, 1, END_STREAM, 1, OK(0), "date", "d1", "x-trailer", "t1", NULL);
	for (int dir = 0; dir < 2; dir++) {
		s->encoder[dir] = before.encoder[dir];
		before.encoder[dir] = (struct encoder){ 0 };
	}
	script_done(&before);
	/* the response to a request that came before us */
	script_headers(s, TAP_WRITE, 1, END_STREAM, 1, OK(1000), NULL);
	sample_http2_requests(s, 20);
	script_close(s);
}

#define HEAD_WHOLE (TAP_HEAD_START | TAP_HEAD_END)
#define LINE(method, n) method " /r/" #n " HTTP/1.1\r\nHost: 10.0.0.1:6443\r\n"
#define ANSWER(status, n) "HTTP/1.1 " status "\r\nAudit-Id: a-" #n "\r\n"

static inline void sample_http1(struct script *s)
{
	script_process(s, 812, "kube-apiserver", "kube-apiserver", false);
	script_conn(s, 9, TAP_CONN_FROM_START, "http/1.1");
	script_head(s, TAP_READ, HEAD_WHOLE,
		    LINE("GET", 1) "User-Agent: curl\r\nAuthorization: Bearer alice\r\n\r\n", 0);
	script_head(s, TAP_WRITE, HEAD_WHOLE, ANSWER("200 OK", 1) "X-Kubernetes-PF-FlowSchema-UID: f0\r\n\r\n", 120);
	script_end(s, 120);
	/* a body, asked for with 100 Continue */
	script_head(s, TAP_READ, TAP_HEAD_START, LINE("POST", 2) "User-Agent: curl\r\nAuthor", 0);
	script_head(s, TAP_READ, TAP_HEAD_END, "ization: Bearer bob\r\nExpect: 100-continue\r\n\r\n", 1024);
	script_head(s, TAP_WRITE, HEAD_WHOLE | TAP_HEAD_DIRECT, "HTTP/1.1 100 Continue\r\n\r\n", 0);
	script_head(s, TAP_WRITE, TAP_HEAD_START, "HTTP/1.1 201 Created\r\nAud", 0);
	script_head(s, TAP_WRITE, TAP_HEAD_END, "it-Id: a-2\r\n\r\n", 33);
	script_end(s, 33);
	/* impersonation, folded and repeated */
	script_head(s, TAP_READ, HEAD_WHOLE,
		    LINE("GET", 3) "authorization: Bearer alice\r\nImpersonate-User:\r\n carol\r\nImpersonate-Group: ops\r\n"
				   "impersonate-group: dev\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n", 0);
	script_head(s, TAP_WRITE, HEAD_WHOLE, ANSWER("403 Forbidden", 3) "\r\n", 10);
	script_end(s, 10);
	script_head(s, TAP_READ, HEAD_WHOLE, LINE("GET", 4) "User-Agent: scan\r\n\r\n", 0);
	script_head(s, TAP_WRITE, HEAD_WHOLE, ANSWER("401 Unauthorized", 4) "\r\n", 20);
	script_end(s, 20);
	/* exec: what follows is not HTTP any more */
	script_head(s, TAP_READ, HEAD_WHOLE,
		    LINE("GET", 5) "Authorization: Bearer bob\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
				   "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n", 5000);
	script_head(s, TAP_WRITE, HEAD_WHOLE | TAP_HEAD_DIRECT, ANSWER("101 Switching Protocols", 5) "\r\n", 7000);
	script_close(s);
}

/* What net/http refuses by itself, on connections of their own. */
static inline void sample_http1_refused(struct script *s)
{
	script_process(s, 812, "kube-apiserver", "kube-apiserver", false);
	script_conn(s, 10, TAP_CONN_FROM_START, "");
	script_head(s, TAP_READ, HEAD_WHOLE, LINE("GET", 1) "Authorization: Bearer alice\r\n\r\n", 0);
	script_head(s, TAP_WRITE, HEAD_WHOLE, ANSWER("200 OK", 1) "\r\n", 2);
	script_end(s, 2);
	script_head(s, TAP_READ, HEAD_WHOLE, "GET /r/2 HTTP/1.1\r\nAuthorization: Bearer bob\r\n\r\n", 0);
	script_head(s, TAP_WRITE, HEAD_WHOLE | TAP_HEAD_DIRECT,
		    "HTTP/1.1 400 Bad Request: missing required Host header\r\nContent-Type: text/plain; charset=utf-8\r\n"
		    "Connection: close\r\n\r\n", 47);
	script_close(s);
	script_conn(s, 11, 0, "http/1.1");
	script_head(s, TAP_READ, TAP_HEAD_START, LINE("GET", 3) "X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaa", 0);
	script_head(s, TAP_READ, 0, "aaaaaaaaaaaaaaaaaaaaaaaaa", 0);
	script_head(s, TAP_WRITE, HEAD_WHOLE | TAP_HEAD_DIRECT,
		    "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n"
		    "Connection: close\r\n\r\n", 35);
	script_close(s);
}

typedef void sample_fn(struct script *s);

static const struct {
	const char *name;
	sample_fn *make;
} SAMPLES[] = {
	{ "http2", sample_http2 },
	{ "http2_late", sample_http2_late },
	{ "http1", sample_http1 },
	{ "http1_refused", sample_http1_refused },
};

#define NR_SAMPLES (sizeof(SAMPLES) / sizeof(SAMPLES[0]))

#endif
