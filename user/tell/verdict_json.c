/* SPDX-License-Identifier: Apache-2.0
 * One idea: a field that says the same as the exchange beside it is not said twice. */
#include "tell/verdict_json.h"

#include "base/clock.h"
#include "judge/gotext.h"

static void put_known(struct json *j, const char *key, struct str s)
{
	if (s.n)
		json_put_str(j, key, s);
}

static void put_fields(struct json *j, const char *key, uint32_t bits)
{
	json_key(j, key);
	json_open(j, '[');
	for (int i = 0; i < JOIN_FIELD_MAX; i++)
		if (bits >> i & 1)
			json_str(j, str_of(join_field_word((enum join_field)i)));
	json_close(j, ']');
}

static void put_signed_seconds(struct json *j, const char *key, int64_t ns)
{
	json_key(j, key);
	if (ns < 0)
		(void)buf_add_c(j->out, '-'); /* the buf remembers */
	json_seconds(j, ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns);
}

static void put_user(struct json *j, const char *key, const struct audit_user *u)
{
	json_key(j, key);
	json_open(j, '{');
	put_known(j, "username", u->username);
	put_known(j, "uid", u->uid);
	if (u->nr_groups)
		json_put_strs(j, "groups", u->groups, u->nr_groups);
	put_known(j, "credentialID", u->credential_id);
	json_close(j, '}');
}

static void put_object(struct json *j, const struct event *e)
{
	if (!e->object.resource.n && !e->object.name.n)
		return;
	json_key(j, "objectRef");
	json_open(j, '{');
	put_known(j, "resource", e->object.resource);
	put_known(j, "namespace", e->object.ns);
	put_known(j, "name", e->object.name);
	put_known(j, "uid", e->object.uid);
	put_known(j, "apiGroup", e->object.api_group);
	put_known(j, "apiVersion", e->object.api_version);
	put_known(j, "subresource", e->object.subresource);
	json_close(j, '}');
}

/* What the wire has too. */
static void put_request(struct json *j, const struct match *m, struct buf *scratch)
{
	const struct event *e = m->event;
	uint32_t told = m->identity ? m->differs : UINT32_MAX;

	if (!m->identity || m->by == JOINED_BY_REQUEST)
		put_known(j, "auditID", e->audit_id);
	if (told & 1u << JOIN_REQUEST_URI)
		put_known(j, "requestURI", gotext_uri_log(e->request_uri, scratch));
	if (told & 1u << JOIN_USER_AGENT)
		put_known(j, "userAgent", e->user_agent);
	if ((told & 1u << JOIN_STATUS) && e->code) {
		json_key(j, "responseStatus");
		json_open(j, '{');
		json_put_u64(j, "code", e->code);
		json_close(j, '}');
	}
}

static void put_audit(struct json *j, const struct match *m, struct buf *scratch)
{
	const struct event *e = m->event;

	json_key(j, "audit");
	json_open(j, '{');
	put_request(j, m, scratch);
	json_put_z(j, "stage", audit_stage_word(e->stage));
	json_put_z(j, "level", audit_level_word(e->level));
	json_put_str(j, "verb", e->verb);
	put_user(j, "user", &e->user);
	if (e->impersonated.username.n)
		put_user(j, "impersonatedUser", &e->impersonated);
	json_put_strs(j, "sourceIPs", e->source_ips, e->nr_source_ips);
	put_object(j, e);
	put_known(j, "decision", e->decision);
	put_known(j, "reason", e->reason);
	if (e->is_cut)
		json_put_bool(j, "cut", true);
	json_close(j, '}');
}

void verdict_json_put(struct json *j, const struct match *m, struct buf *scratch)
{
	json_put_z(j, "verdict", verdict_word(m->verdict));
	if (m->verdict == VERDICT_UNAUDITED)
		json_put_z(j, "gap", gap_reason_word(m->gap));
	put_known(j, "why", m->why);
	if (m->identity && m->event) {
		json_key(j, "join");
		json_open(j, '{');
		json_put_z(j, "by", join_by_word(m->by));
		put_fields(j, "agrees", m->agrees);
		put_fields(j, "differs", m->differs);
		if (m->lag_ns) /* offline, the event was pushed at its own time: nothing is known of lag */
			put_signed_seconds(j, "lagSeconds", m->lag_ns);
		if (m->event->received_ns)
			put_signed_seconds(j, "skewSeconds", m->skew_ns);
		json_close(j, '}');
	}
	if (m->event)
		put_audit(j, m, scratch);
}

void verdict_json_line(struct buf *out, const struct match *m, struct str node, struct buf *scratch)
{
	uint64_t at = m->event->received_ns ? m->event->received_ns : m->event->stage_ns;
	char time[CLOCK_RFC3339_MAX];
	struct json j;

	json_init(&j, out);
	json_open(&j, '{');
	json_put_z(&j, "kind", "Exchange");
	json_put_z(&j, "apiVersion", "anontap.io/v1");
	if (at)
		json_put_str(&j, "time", (struct str){ time, clock_rfc3339(at, time) });
	put_known(&j, "node", node);
	verdict_json_put(&j, m, scratch);
	json_key(&j, "doubts");
	json_open(&j, '[');
	json_close(&j, ']');
	json_close(&j, '}');
	(void)buf_add_c(out, '\n'); /* the buf remembers */
}
