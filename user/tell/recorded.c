/* SPDX-License-Identifier: Apache-2.0
 * One idea: a table says for each field of a line what it is and where it goes; a few need a function. */
#include "tell/recorded.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/jread.h"
#include "tell/date.h"

struct reading {
	struct jread r;
	struct recorded *to;
	size_t used;			/* of to->text */
	struct str kind, version;
	bool has_time, has_id, has_credential, has_first_byte, has_duration;
	uint64_t first_byte_ns, duration_ns;	/* after the request */
};

typedef void take_fn(struct reading *g);

enum what {
	TEXT,		/* struct str */
	Z,		/* char[room] */
	TEXTS,		/* struct str[room], and their number */
	LIST,		/* ["a","b"] as one struct str, "a, b" */
	U16, U32, U64,
	BOOL,
	DATE,		/* int64_t, Unix seconds */
	OBJECT,		/* the fields of a table of its own */
	OTHER,		/* take() */
};

struct line_field {
	const char *name;
	enum what what;
	size_t at, room, nr_at;		/* in struct recorded */
	const struct line_field *fields;	/* ends with a name of NULL */
	take_fn *take;
};

#define AT(member) offsetof(struct recorded, member)
#define ROOM(member) sizeof(((struct recorded *)0)->member)
#define NR(member) (ROOM(member) / sizeof(struct str))

static void bad(struct reading *g)
{
	g->r.is_bad = true;
}

/* The text is as long as the line: what stands between quotes always fits, unescaped. */
static struct str take_text(struct reading *g)
{
	struct jtext t;
	struct str s;

	if (!jread_text(&g->r, &t))
		return (struct str){ 0 };
	s = (struct str){ g->to->text + g->used, jtext_copy(t, g->to->text + g->used) };
	g->used += s.n;
	return s;
}

static void take_z(struct reading *g, char *out, size_t room)
{
	struct str s = take_text(g);

	if (s.n >= room)
		bad(g);
	else if (s.n)
		memcpy(out, s.p, s.n); /* what follows is zero already */
}

static size_t take_texts(struct reading *g, struct str *out, size_t max)
{
	size_t n = 0;

	if (!jread_enter(&g->r, '['))
		return 0;
	while (jread_item(&g->r)) {
		struct str s = take_text(g);

		if (n < max)
			out[n++] = s;
		else
			g->to->exchange.doubts |= DOUBT_TRUNCATED;
	}
	return n;
}

/* The ", " between two takes no more room than their quotes and comma did. */
static struct str take_list(struct reading *g)
{
	const char *from = g->to->text + g->used;
	size_t nr = 0;

	if (!jread_enter(&g->r, '['))
		return (struct str){ 0 };
	while (jread_item(&g->r)) {
		if (nr++) {
			memcpy(g->to->text + g->used, ", ", 2);
			g->used += 2;
		}
		(void)take_text(g); /* it stands behind what is there */
	}
	return (struct str){ from, (size_t)(g->to->text + g->used - from) };
}

static uint64_t take_u64(struct reading *g, uint64_t max)
{
	struct str number;
	uint64_t v = 0;

	if (jread_number(&g->r, &number) && str_u64(number, max, &v))
		bad(g);
	return v;
}

static bool take_nanos(struct reading *g, uint64_t *out)
{
	struct str number;

	if (jread_number(&g->r, &number) && jread_nanos(number, out))
		bad(g);
	return true;
}

static int64_t take_date(struct reading *g)
{
	int64_t unix_s = 0;

	if (date_parse(take_text(g), &unix_s))
		bad(g);
	return unix_s;
}

static void take_kind_of_line(struct reading *g)
{
	g->kind = take_text(g);
}

static void take_version(struct reading *g)
{
	g->version = take_text(g);
}

static void take_time(struct reading *g)
{
	g->has_time = !clock_parse_rfc3339(take_text(g), &g->to->identity.time_ns);
}

/* "PID.FD.SERIAL", or "-.-.SERIAL". */
static void take_conn_id(struct reading *g)
{
	struct str s = take_text(g), pid = str_take_until(&s, '.'), fd = str_take_until(&s, '.');
	struct conn *c = &g->to->conn;
	bool is_negative = fd.n && fd.p[0] == '-';
	uint64_t v;

	g->has_id = true;
	if (str_u64(s, UINT64_MAX, &c->serial))
		bad(g);
	if (str_eq(pid, STR("-")) && str_eq(fd, STR("-")))
		return;
	if (str_u64(pid, UINT32_MAX, &v) || str_u64(is_negative ? str_from(fd, 1) : fd, INT32_MAX, &v))
		bad(g);
	else
		c->fd = is_negative ? -(int32_t)v : (int32_t)v;
}

/* "10.0.0.9" into IPv6, or "[2001:db8::1]". */
static int parse_ip(struct str s, uint8_t ip[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char z[INET6_ADDRSTRLEN];
	bool is_v6 = s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';

	if (is_v6)
		s = str_first(str_from(s, 1), s.n - 2);
	if (s.n >= sizeof(z))
		return -EINVAL;
	memcpy(z, s.p, s.n);
	z[s.n] = '\0';
	memcpy(ip, mapped, sizeof(mapped));
	return inet_pton(is_v6 ? AF_INET6 : AF_INET, z, is_v6 ? ip : ip + 12) == 1 ? 0 : -EINVAL;
}

/* "10.0.0.9:51234" or "[2001:db8::1]:51234" */
static void take_address(struct reading *g, uint8_t ip[16], uint16_t *port)
{
	struct str s = take_text(g), host = s;
	uint64_t v;

	while (host.n && host.p[host.n - 1] != ':')
		host.n--;
	if (!host.n || str_u64(str_from(s, host.n), UINT16_MAX, &v)) {
		bad(g);
		return;
	}
	*port = (uint16_t)v;
	host.n--;
	if (parse_ip(host, ip))
		bad(g);
	g->to->conn.has_address = true;
}

static void take_client(struct reading *g)
{
	take_address(g, g->to->conn.client_ip, &g->to->conn.client_port);
}

static void take_server(struct reading *g)
{
	take_address(g, g->to->conn.server_ip, &g->to->conn.server_port);
}

static void take_tls_version(struct reading *g)
{
	struct str s = take_text(g);

	if (s.n == 3 && str_starts(s, STR("1.")) && s.p[2] >= '0' && s.p[2] <= '3')
		g->to->conn.tls_version = (uint16_t)(0x0301 + s.p[2] - '0');
}

/* Only of a described connection it is known. */
static void take_before_attach(struct reading *g)
{
	g->to->conn.is_described = jread_bool(&g->r, &g->to->conn.is_before_attach);
}

static void take_protocol(struct reading *g)
{
	struct str s = take_text(g);

	for (enum protocol p = PROTOCOL_HTTP1_0; p <= PROTOCOL_HTTP2; p++)
		if (str_eq(s, str_of(protocol_name(p))))
			g->to->exchange.protocol = p;
}

static void take_cred_kind(struct reading *g)
{
	g->has_credential = !cred_kind_parse(take_text(g), &g->to->identity.credential.kind);
}

static void take_outcome(struct reading *g)
{
	if (cred_outcome_parse(take_text(g), &g->to->identity.credential.outcome))
		bad(g);
}

static void take_also(struct reading *g)
{
	enum cred_kind kind;

	if (!jread_enter(&g->r, '['))
		return;
	while (jread_item(&g->r))
		if (!cred_kind_parse(take_text(g), &kind))
			g->to->identity.credential.also |= 1u << kind;
}

static void take_token_type(struct reading *g)
{
	if (token_type_parse(take_text(g), &g->to->identity.credential.token_type))
		bad(g);
}

static void take_request_bytes(struct reading *g)
{
	g->to->exchange.request_bytes = take_u64(g, UINT64_MAX);
	g->to->exchange.has_request_bytes = true;
}

static void take_response_bytes(struct reading *g)
{
	g->to->exchange.response_bytes = take_u64(g, UINT64_MAX);
	g->to->exchange.has_response = true;
}

static void take_first_byte(struct reading *g)
{
	g->has_first_byte = take_nanos(g, &g->first_byte_ns);
}

static void take_duration(struct reading *g)
{
	g->has_duration = take_nanos(g, &g->duration_ns);
}

static void take_doubts(struct reading *g)
{
	if (!jread_enter(&g->r, '['))
		return;
	while (jread_item(&g->r)) {
		struct str word = take_text(g);

		for (int i = 0; i < DOUBT_MAX; i++)
			if (str_eq(word, str_of(doubt_word((enum doubt_bit)i))))
				g->to->exchange.doubts |= 1u << i;
	}
}

static const struct line_field process_fields[] = {
	{ "pid", U32, .at = AT(process.pid) },
	{ "comm", Z, .at = AT(process.comm), .room = ROOM(process.comm) },
	{ "target", Z, .at = AT(process.target), .room = ROOM(process.target) },
	{ 0 },
};

static const struct line_field connection_fields[] = {
	{ "id", OTHER, .take = take_conn_id },
	{ "client", OTHER, .take = take_client },
	{ "server", OTHER, .take = take_server },
	{ "tlsVersion", OTHER, .take = take_tls_version },
	{ "alpn", Z, .at = AT(conn.alpn), .room = ROOM(conn.alpn) },
	{ "serverName", Z, .at = AT(conn.server_name), .room = ROOM(conn.server_name) },
	{ "beforeAttach", OTHER, .take = take_before_attach },
	{ 0 },
};

static const struct line_field credential_fields[] = {
	{ "kind", OTHER, .take = take_cred_kind },
	{ "outcome", OTHER, .take = take_outcome },
	{ "also", OTHER, .take = take_also },
	{ "id", Z, .at = AT(identity.credential.id), .room = ROOM(identity.credential.id) },
	{ "tokenType", OTHER, .take = take_token_type },
	{ "unverified", BOOL, .at = AT(identity.credential.is_unverified) },
	{ "subject", TEXT, .at = AT(identity.credential.subject) },
	{ "groups", TEXTS, .at = AT(identity.credential.groups), .room = NR(identity.credential.groups),
	  .nr_at = AT(identity.credential.nr_groups) },
	{ "issuer", TEXT, .at = AT(identity.credential.issuer) },
	{ "serial", TEXT, .at = AT(identity.credential.serial) },
	{ "notBefore", DATE, .at = AT(identity.credential.not_before_s) },
	{ "expires", DATE, .at = AT(identity.credential.expires_s) },
	{ "credentialID", TEXT, .at = AT(identity.credential.credential_id) },
	{ 0 },
};

static const struct line_field impersonate_fields[] = {
	{ "user", TEXT, .at = AT(exchange.impersonate_user) },
	{ "uid", TEXT, .at = AT(exchange.impersonate_uid) },
	{ "groups", TEXTS, .at = AT(exchange.impersonate_groups), .room = NR(exchange.impersonate_groups),
	  .nr_at = AT(exchange.nr_impersonate_groups) },
	{ 0 },
};

static const struct line_field front_proxy_fields[] = {
	{ "user", TEXT, .at = AT(exchange.remote_user) },
	{ "groups", TEXTS, .at = AT(exchange.remote_groups), .room = NR(exchange.remote_groups),
	  .nr_at = AT(exchange.nr_remote_groups) },
	{ 0 },
};

static const struct line_field status_fields[] = {
	{ "code", U16, .at = AT(exchange.status) },
	{ 0 },
};

static const struct line_field line_fields[] = {
	{ "kind", OTHER, .take = take_kind_of_line },
	{ "apiVersion", OTHER, .take = take_version },
	{ "time", OTHER, .take = take_time },
	{ "node", TEXT, .at = AT(node) },
	{ "process", OBJECT, .fields = process_fields },
	{ "connection", OBJECT, .fields = connection_fields },
	{ "protocol", OTHER, .take = take_protocol },
	{ "stream", U32, .at = AT(exchange.stream) },
	{ "method", TEXT, .at = AT(exchange.method) },
	{ "host", TEXT, .at = AT(exchange.host) },
	{ "requestURI", TEXT, .at = AT(exchange.request_uri) },
	{ "userAgent", TEXT, .at = AT(exchange.user_agent) },
	{ "forwardedFor", LIST, .at = AT(exchange.forwarded_for) },
	{ "realIP", TEXT, .at = AT(exchange.real_ip) },
	{ "requestAuditID", TEXT, .at = AT(exchange.request_audit_id) },
	{ "credential", OBJECT, .fields = credential_fields },
	{ "impersonate", OBJECT, .fields = impersonate_fields },
	{ "frontProxy", OBJECT, .fields = front_proxy_fields },
	{ "responseStatus", OBJECT, .fields = status_fields },
	{ "auditID", TEXT, .at = AT(exchange.audit_id) },
	{ "flowSchema", BOOL, .at = AT(exchange.has_flow_schema) },
	{ "upgraded", BOOL, .at = AT(exchange.is_upgraded) },
	{ "goaway", BOOL, .at = AT(exchange.is_goaway) },
	{ "requestBytes", OTHER, .take = take_request_bytes },
	{ "responseBytes", OTHER, .take = take_response_bytes },
	{ "firstByteSeconds", OTHER, .take = take_first_byte },
	{ "durationSeconds", OTHER, .take = take_duration },
	{ "doubts", OTHER, .take = take_doubts },
	{ 0 },
};

static void take_members(struct reading *g, const struct line_field *fields);

static void take(struct reading *g, const struct line_field *f)
{
	char *at = (char *)g->to + f->at;

	switch (f->what) {
	case TEXT:
		*(struct str *)at = take_text(g);
		break;
	case Z:
		take_z(g, at, f->room);
		break;
	case TEXTS:
		*(size_t *)((char *)g->to + f->nr_at) = take_texts(g, (struct str *)at, f->room);
		break;
	case LIST:
		*(struct str *)at = take_list(g);
		break;
	case U16:
		*(uint16_t *)at = (uint16_t)take_u64(g, UINT16_MAX);
		break;
	case U32:
		*(uint32_t *)at = (uint32_t)take_u64(g, UINT32_MAX);
		break;
	case U64:
		*(uint64_t *)at = take_u64(g, UINT64_MAX);
		break;
	case BOOL:
		(void)jread_bool(&g->r, (bool *)at); /* badness is sticky */
		break;
	case DATE:
		*(int64_t *)at = take_date(g);
		break;
	case OBJECT:
		take_members(g, f->fields);
		break;
	case OTHER:
		f->take(g);
		break;
	}
}

/* Lines are written in the order of the tables: a search begins behind the field found last. */
static void take_members(struct reading *g, const struct line_field *fields)
{
	const struct line_field *next = fields;
	struct jtext key;

	if (!jread_enter(&g->r, '{'))
		return;
	while (jread_member(&g->r, &key)) {
		const struct line_field *f = next;

		while (f->name && !jtext_eq(key, str_of(f->name)))
			f++;
		if (!f->name)
			for (f = fields; f != next && !jtext_eq(key, str_of(f->name)); f++)
				;
		if (!f->name || (f == next && !jtext_eq(key, str_of(f->name)))) {
			(void)jread_skip(&g->r); /* badness is sticky */
			continue;
		}
		take(g, f);
		next = f + 1;
	}
}

/* All parts of `to` but its memory are zero; the times become ktimes of a clock that is the wall's. */
static void tie(struct reading *g)
{
	struct recorded *to = g->to;
	struct exchange *x = &to->exchange;
	const struct credential *k = &to->identity.credential;
	uint64_t time_ns = to->identity.time_ns;

	to->identity.exchange = x;
	x->conn = &to->conn;
	to->conn.process = to->conn.is_described ? &to->process : NULL;
	x->has_request = !(x->doubts & DOUBT_REQUEST_UNSEEN);
	x->request_ns = x->has_request ? time_ns : 0;
	if (g->has_first_byte)
		x->first_byte_ns = time_ns + g->first_byte_ns;
	else if (x->has_response && !x->has_request)
		x->first_byte_ns = time_ns;
	if (g->has_duration)
		x->end_ns = time_ns + g->duration_ns;
	if (k->kind == CRED_FRONT_PROXY) {
		x->remote_user = k->subject;
		memcpy(x->remote_groups, k->groups, k->nr_groups * sizeof(k->groups[0]));
		x->nr_remote_groups = k->nr_groups;
	}
}

static int make_room(struct recorded *r, size_t n)
{
	char *text;

	if (n <= r->text_cap)
		return 0;
	text = realloc(r->text, n);
	if (!text)
		return -ENOMEM;
	r->text = text;
	r->text_cap = n;
	return 0;
}

int ndjson_parse(struct str line, struct recorded *r)
{
	struct reading g = { .to = r };
	int error = make_room(r, line.n);

	if (error)
		return error;
	*r = (struct recorded){ .text = r->text, .text_cap = r->text_cap };
	jread_init(&g.r, line);
	take_members(&g, line_fields);
	if (str_eq(g.version, STR("anontap.io/v1")) && g.kind.n && !str_eq(g.kind, STR("Exchange")))
		return -ENOMSG;
	if (!jread_end(&g.r) || !str_eq(g.kind, STR("Exchange")) || !str_eq(g.version, STR("anontap.io/v1")) || !g.has_time ||
	    !g.has_id || !g.has_credential)
		return -EINVAL;
	tie(&g);
	return 0;
}

void recorded_done(struct recorded *r)
{
	if (!r)
		return;
	free(r->text);
	*r = (struct recorded){ 0 };
}
