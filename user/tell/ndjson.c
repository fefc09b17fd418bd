/* SPDX-License-Identifier: Apache-2.0
 * One idea: fields are written in the order in which a person reads them, and nothing that is not known. */
#include "tell/ndjson.h"

#include "base/clock.h"
#include "base/json.h"
#include "tell/date.h"

static void put_known(struct json *j, const char *key, struct str s)
{
	if (s.n)
		json_put_str(j, key, s);
}

static void put_strs(struct json *j, const char *key, const struct str *s, size_t n)
{
	if (n)
		json_put_strs(j, key, s, n);
}

static void put_date(struct json *j, const char *key, int64_t unix_s)
{
	char text[DATE_MAX];
	size_t n = unix_s ? date_fmt(unix_s, text) : 0;

	put_known(j, key, (struct str){ text, n });
}

static void put_process(struct json *j, const struct process *p)
{
	json_key(j, "process");
	json_open(j, '{');
	json_put_u64(j, "pid", p->pid);
	put_known(j, "comm", str_of(p->comm));
	put_known(j, "target", str_of(p->target));
	json_close(j, '}');
}

static const char *tls_name(uint16_t version)
{
	static const char *const names[] = { "1.0", "1.1", "1.2", "1.3" };

	return version >= 0x0301 && version <= 0x0304 ? names[version - 0x0301] : "";
}

static void put_connection(struct json *j, const struct conn *c)
{
	char text[CONN_ID_MAX > CONN_ADDRESS_MAX ? CONN_ID_MAX : CONN_ADDRESS_MAX];
	size_t n = conn_fmt_id(c, text);

	json_key(j, "connection");
	json_open(j, '{');
	json_put_str(j, "id", (struct str){ text, n });
	if (c->has_address) {
		n = conn_fmt_address(c->client_ip, c->client_port, text);
		json_put_str(j, "client", (struct str){ text, n });
		n = conn_fmt_address(c->server_ip, c->server_port, text);
		json_put_str(j, "server", (struct str){ text, n });
	}
	put_known(j, "tlsVersion", str_of(tls_name(c->tls_version)));
	put_known(j, "alpn", str_of(c->alpn));
	put_known(j, "serverName", str_of(c->server_name));
	if (c->is_described)
		json_put_bool(j, "beforeAttach", c->is_before_attach);
	json_close(j, '}');
}

/* "a, b" as ["a","b"]. */
static void put_list(struct json *j, const char *key, struct str s)
{
	bool has_more = str_trim(s).n > 0;

	if (!has_more)
		return;
	json_key(j, key);
	json_open(j, '[');
	while (has_more) {
		has_more = str_has(s, ',');
		json_str(j, str_trim(str_take_until(&s, ',')));
	}
	json_close(j, ']');
}

static void put_request(struct json *j, const struct exchange *x)
{
	put_known(j, "protocol", str_of(protocol_name(x->protocol)));
	json_put_u64(j, "stream", x->stream);
	put_known(j, "method", x->method);
	put_known(j, "host", x->host);
	put_known(j, "requestURI", x->request_uri);
	put_known(j, "userAgent", x->user_agent);
	put_list(j, "forwardedFor", x->forwarded_for);
	put_known(j, "realIP", x->real_ip);
	put_known(j, "requestAuditID", x->request_audit_id);
}

static void put_credential(struct json *j, const struct credential *k)
{
	json_key(j, "credential");
	json_open(j, '{');
	json_put_z(j, "kind", cred_kind_word(k->kind));
	json_put_z(j, "outcome", cred_outcome_word(k->outcome));
	if (k->also) {
		json_key(j, "also");
		json_open(j, '[');
		for (int i = 0; i < CRED_KIND_MAX; i++)
			if (k->also >> i & 1)
				json_str(j, str_of(cred_kind_word((enum cred_kind)i)));
		json_close(j, ']');
	}
	put_known(j, "id", str_of(k->id));
	put_known(j, "tokenType", str_of(token_type_word(k->token_type)));
	if (k->is_unverified)
		json_put_bool(j, "unverified", true);
	put_known(j, "subject", k->subject);
	put_strs(j, "groups", k->groups, k->nr_groups);
	put_known(j, "issuer", k->issuer);
	put_known(j, "serial", k->serial);
	put_date(j, "notBefore", k->not_before_s);
	put_date(j, "expires", k->expires_s);
	put_known(j, "credentialID", k->credential_id);
	json_close(j, '}');
}

static void put_impersonate(struct json *j, const struct exchange *x)
{
	if (!x->impersonate_user.n && !x->impersonate_uid.n && !x->nr_impersonate_groups)
		return;
	json_key(j, "impersonate");
	json_open(j, '{');
	put_known(j, "user", x->impersonate_user);
	put_known(j, "uid", x->impersonate_uid);
	put_strs(j, "groups", x->impersonate_groups, x->nr_impersonate_groups);
	json_close(j, '}');
}

/* What a front proxy said; as the credential it is there already. */
static void put_front_proxy(struct json *j, const struct identity *id)
{
	const struct exchange *x = id->exchange;

	if (id->credential.kind == CRED_FRONT_PROXY || (!x->remote_user.n && !x->nr_remote_groups))
		return;
	json_key(j, "frontProxy");
	json_open(j, '{');
	put_known(j, "user", x->remote_user);
	put_strs(j, "groups", x->remote_groups, x->nr_remote_groups);
	json_close(j, '}');
}

static void put_response(struct json *j, const struct exchange *x)
{
	if (x->status) {
		json_key(j, "responseStatus");
		json_open(j, '{');
		json_put_u64(j, "code", x->status);
		json_close(j, '}');
	}
	put_known(j, "auditID", x->audit_id);
	if (x->has_flow_schema)
		json_put_bool(j, "flowSchema", true);
	if (x->has_response)
		json_put_bool(j, "upgraded", x->is_upgraded);
	if (x->is_goaway)
		json_put_bool(j, "goaway", true);
}

static void put_sizes(struct json *j, const struct exchange *x)
{
	if (x->has_request_bytes)
		json_put_u64(j, "requestBytes", x->request_bytes);
	if (x->has_response)
		json_put_u64(j, "responseBytes", x->response_bytes);
	if (x->request_ns && x->first_byte_ns >= x->request_ns)
		json_put_seconds(j, "firstByteSeconds", x->first_byte_ns - x->request_ns);
	if (x->request_ns && x->end_ns >= x->request_ns)
		json_put_seconds(j, "durationSeconds", x->end_ns - x->request_ns);
}

static void put_doubts(struct json *j, uint32_t doubts)
{
	json_key(j, "doubts");
	json_open(j, '[');
	for (int i = 0; i < DOUBT_MAX; i++)
		if (doubts >> i & 1)
			json_str(j, str_of(doubt_word((enum doubt_bit)i)));
	json_close(j, ']');
}

void ndjson_identity(struct buf *out, const struct identity *id, struct str node)
{
	const struct exchange *x = id->exchange;
	char time[CLOCK_RFC3339_MAX];
	struct json j;

	json_init(&j, out);
	json_open(&j, '{');
	json_put_z(&j, "kind", "Exchange");
	json_put_z(&j, "apiVersion", "anontap.io/v1");
	json_put_str(&j, "time", (struct str){ time, clock_rfc3339(id->time_ns, time) });
	put_known(&j, "node", node);
	if (x->conn->process)
		put_process(&j, x->conn->process);
	put_connection(&j, x->conn);
	put_request(&j, x);
	put_credential(&j, &id->credential);
	put_impersonate(&j, x);
	put_front_proxy(&j, id);
	put_response(&j, x);
	put_sizes(&j, x);
	put_doubts(&j, x->doubts);
	json_close(&j, '}');
	(void)buf_add_c(out, '\n'); /* the buf remembers */
}
