/* SPDX-License-Identifier: Apache-2.0
 *
 * exchanges.h - makes exchanges for tests of what comes after wire/: a GET over HTTP/2 on a described
 * connection, answered 200, of which everything was seen. A test changes what it is about.
 */
#ifndef ANONTAP_TESTS_EXCHANGES_H
#define ANONTAP_TESTS_EXCHANGES_H

#include <stdlib.h>
#include "certs.h"
#include "judge/cred.h"

struct scene {
	struct process process;
	struct conn conn;
	struct exchange x;
	char *uri;	/* the exchange's own copy: cred overwrites secrets in it */
};

#define SCENE_KTIME_NS UINT64_C(5000000000)
#define SCENE_WALL_OFFSET_NS ((int64_t)(CERTS_NOW * INT64_C(1000000000)) - (int64_t)SCENE_KTIME_NS)

static inline void scene_init(struct scene *s)
{
	*s = (struct scene){
		.process = { .pid = 812, .comm = "kube-apiserver", .target = "kube-apiserver" },
		.conn = { .serial = 31, .is_described = true, .is_before_attach = true, .fd = 7, .has_address = true,
			  .client_ip = { [10] = 0xff, 0xff, 10, 0, 0, 9 }, .server_ip = { [10] = 0xff, 0xff, 10, 0, 0, 1 },
			  .client_port = 51234, .server_port = 6443, .tls_version = 0x0304, .alpn = "h2",
			  .server_name = "kubernetes" },
		.x = { .stream = 5, .protocol = PROTOCOL_HTTP2, .request_ns = SCENE_KTIME_NS,
		       .first_byte_ns = SCENE_KTIME_NS + 1100000, .end_ns = SCENE_KTIME_NS + 1900000, .has_request = true,
		       .has_response = true, .has_request_bytes = true, .method = STR("GET"), .host = STR("10.0.0.1:6443"),
		       .user_agent = STR("kubectl/v1.34.2 (linux/amd64)"), .authorization_seen = SEEN_ABSENT,
		       .ws_protocol_seen = SEEN_ABSENT, .websocket_seen = SEEN_ABSENT, .status = 200,
		       .audit_id = STR("10e8296b-70a4-4bc4-a090-763d9c5b46b4"), .has_flow_schema = true,
		       .response_bytes = 51234 },
	};
	s->conn.process = &s->process;
	s->x.conn = &s->conn;
}

static inline void scene_uri(struct scene *s, const char *uri)
{
	free(s->uri);
	s->uri = str_dup(str_of(uri));
	CERTS_MUST(s->uri);
	s->x.request_uri = str_of(s->uri);
}

static inline void scene_authorization(struct scene *s, const char *value)
{
	CERTS_MUST(!secret_set(&s->x.authorization, str_of(value)));
	s->x.authorization_seen = SEEN_PRESENT;
}

static inline void scene_websocket(struct scene *s, const char *protocols)
{
	CERTS_MUST(!secret_set(&s->x.ws_protocol, str_of(protocols)));
	s->x.ws_protocol_seen = s->x.websocket_seen = SEEN_PRESENT;
	s->x.protocol = PROTOCOL_HTTP1_1;
}

static inline void scene_cert(struct scene *s, const struct cert *c)
{
	s->conn.cert = (uint8_t *)c->der.p;
	s->conn.cert_len = (uint16_t)c->der.n;
	s->conn.nr_certs = 1;
	s->conn.cert_hash = 0;
	for (size_t i = 0; i < c->der.n; i++)
		s->conn.cert_hash = s->conn.cert_hash * 31 + (unsigned char)c->der.p[i];
}

static inline void scene_status(struct scene *s, uint16_t status, bool has_flow_schema)
{
	s->x.status = status;
	s->x.has_flow_schema = has_flow_schema;
}

static inline void scene_done(struct scene *s)
{
	secret_wipe(&s->x.authorization);
	secret_wipe(&s->x.ws_protocol);
	free(s->uri);
	s->uri = NULL;
}

#endif
