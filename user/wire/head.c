/* SPDX-License-Identifier: Apache-2.0
 * One idea: a header name is told by its length first; few wanted ones share one. */
#include "wire/head.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum want {
	WANT_NONE,
	WANT_AUTHORIZATION,
	WANT_WS_PROTOCOL,
	WANT_UPGRADE,
	WANT_CONNECTION,
	WANT_USER_AGENT,
	WANT_FORWARDED_FOR,
	WANT_REAL_IP,
	WANT_AUDIT_ID,
	WANT_IMPERSONATE_USER,
	WANT_IMPERSONATE_UID,
	WANT_IMPERSONATE_GROUP,
	WANT_REMOTE_USER,
	WANT_REMOTE_GROUP,
	WANT_FLOW_SCHEMA,
	WANT_MAX,
};

static enum want is(struct str name, struct str wanted, enum want want)
{
	return str_ieq(name, wanted) ? want : WANT_NONE;
}

static enum want want_of(struct str name)
{
	switch (name.n) {
	case 7:
		return is(name, STR("upgrade"), WANT_UPGRADE);
	case 8:
		return is(name, STR("audit-id"), WANT_AUDIT_ID);
	case 9:
		return is(name, STR("x-real-ip"), WANT_REAL_IP);
	case 10:
		return (name.p[0] | 0x20) == 'u' ? is(name, STR("user-agent"), WANT_USER_AGENT) :
						   is(name, STR("connection"), WANT_CONNECTION);
	case 13:
		return (name.p[0] | 0x20) == 'a' ? is(name, STR("authorization"), WANT_AUTHORIZATION) :
						   is(name, STR("x-remote-user"), WANT_REMOTE_USER);
	case 14:
		return is(name, STR("x-remote-group"), WANT_REMOTE_GROUP);
	case 15:
		return (name.p[0] | 0x20) == 'x' ? is(name, STR("x-forwarded-for"), WANT_FORWARDED_FOR) :
						   is(name, STR("impersonate-uid"), WANT_IMPERSONATE_UID);
	case 16:
		return is(name, STR("impersonate-user"), WANT_IMPERSONATE_USER);
	case 17:
		return is(name, STR("impersonate-group"), WANT_IMPERSONATE_GROUP);
	case 22:
		return is(name, STR("sec-websocket-protocol"), WANT_WS_PROTOCOL);
	case 30:
		return is(name, STR("x-kubernetes-pf-flowschema-uid"), WANT_FLOW_SCHEMA);
	default:
		return WANT_NONE;
	}
}

/* The single values, in the order of their text. */
enum slot {
	SLOT_METHOD,
	SLOT_HOST,
	SLOT_REQUEST_URI,
	SLOT_USER_AGENT,
	SLOT_FORWARDED_FOR,
	SLOT_REAL_IP,
	SLOT_AUDIT_ID,
	SLOT_IMPERSONATE_USER,
	SLOT_IMPERSONATE_UID,
	SLOT_REMOTE_USER,
	SLOT_MAX,
};

static const size_t SLOT_AT[SLOT_MAX] = {
	[SLOT_METHOD] = offsetof(struct exchange, method),
	[SLOT_HOST] = offsetof(struct exchange, host),
	[SLOT_REQUEST_URI] = offsetof(struct exchange, request_uri),
	[SLOT_USER_AGENT] = offsetof(struct exchange, user_agent),
	[SLOT_FORWARDED_FOR] = offsetof(struct exchange, forwarded_for),
	[SLOT_REAL_IP] = offsetof(struct exchange, real_ip),
	[SLOT_AUDIT_ID] = offsetof(struct exchange, request_audit_id),
	[SLOT_IMPERSONATE_USER] = offsetof(struct exchange, impersonate_user),
	[SLOT_IMPERSONATE_UID] = offsetof(struct exchange, impersonate_uid),
	[SLOT_REMOTE_USER] = offsetof(struct exchange, remote_user),
};

struct head {
	struct secret authorization, ws_protocol;
	uint8_t authorization_seen, ws_protocol_seen, websocket_seen;
	uint8_t nr_impersonate_groups, nr_remote_groups;
	uint32_t slot_len[SLOT_MAX];
	uint32_t text_len;
	uint32_t group_len[];		/* of both, then the text */
};
_Static_assert(EXCHANGE_GROUPS_MAX <= UINT8_MAX, "groups");

static char *text_of(struct head *h)
{
	return (char *)&h->group_len[h->nr_impersonate_groups + h->nr_remote_groups];
}

/* What a walk over the fields found, borrowed from the message. */
struct found {
	struct str first[WANT_MAX];
	size_t nr[WANT_MAX];
	struct str groups[2][EXCHANGE_GROUPS_MAX];
	size_t nr_groups[2];		/* impersonated, remote */
	size_t joined[WANT_MAX];	/* length of all fields of the name, with two bytes between */
	bool is_value_unknown[WANT_MAX];
	bool is_name_unknown;		/* of any field: it may be every header */
	bool is_connection_upgrade;
	bool has_unknown;
	bool is_cut;
};

static bool has_word(struct str s, struct str word)
{
	for (; s.n >= word.n; s = str_from(s, 1))
		if (str_istarts(s, word))
			return true;
	return false;
}

static struct str capped(struct str s, struct found *f)
{
	if (s.n > EXCHANGE_VALUE_MAX)
		f->is_cut = true;
	return str_first(s, EXCHANGE_VALUE_MAX);
}

static void find_group(struct found *f, int which, struct str value)
{
	if (f->nr_groups[which] == EXCHANGE_GROUPS_MAX)
		f->is_cut = true;
	else
		f->groups[which][f->nr_groups[which]++] = capped(value, f);
}

static void find(const struct message *m, struct found *f)
{
	memset(f->first, 0, sizeof(f->first));
	memset(f->nr, 0, sizeof(f->nr));
	memset(f->joined, 0, sizeof(f->joined));
	memset(f->is_value_unknown, 0, sizeof(f->is_value_unknown));
	f->nr_groups[0] = f->nr_groups[1] = 0;
	f->is_name_unknown = f->is_connection_upgrade = f->has_unknown = f->is_cut = false;
	for (size_t i = 0; i < m->nr_fields; i++) {
		const struct field *field = &m->fields[i];
		enum want want = field->is_name_known ? want_of(field->name) : WANT_NONE;

		f->is_name_unknown |= !field->is_name_known;
		f->is_value_unknown[want] |= !field->is_value_known;
		f->has_unknown |= !field->is_name_known || (want && !field->is_value_known);
		if (!want || !field->is_value_known)
			continue;
		if (want == WANT_CONNECTION)
			f->is_connection_upgrade |= has_word(field->value, STR("upgrade"));
		else if (want == WANT_IMPERSONATE_GROUP)
			find_group(f, 0, field->value);
		else if (want == WANT_REMOTE_GROUP)
			find_group(f, 1, field->value);
		f->joined[want] += field->value.n + (f->nr[want] ? 2 : 0);
		if (!f->nr[want]++)
			f->first[want] = field->value;
	}
}

/* The values of all fields of a name, a separator between: at most `max` bytes into out. */
static size_t join(const struct message *m, enum want want, struct str separator, char *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0, nr = 0; i < m->nr_fields; i++) {
		const struct field *field = &m->fields[i];
		struct str value = field->value;

		if (!field->is_name_known || !field->is_value_known || want_of(field->name) != want)
			continue;
		if (nr++) {
			if (n + separator.n > max)
				break;
			memcpy(out + n, separator.p, separator.n);
			n += separator.n;
		}
		value = str_first(value, max - n);
		if (value.n)
			memcpy(out + n, value.p, value.n);
		n += value.n;
	}
	return n;
}

static uint8_t seen_of(bool is_found, bool is_uncertain)
{
	if (is_found)
		return SEEN_PRESENT;
	return is_uncertain ? SEEN_UNKNOWN : SEEN_ABSENT;
}

/* 0; -ENOMEM: then the value is unknown, not absent */
static void keep_secret(struct secret *secret, uint8_t *seen, struct str value, uint32_t *doubts)
{
	if (secret_set(secret, value)) {
		*doubts |= DOUBT_OUT_OF_MEMORY;
		*seen = SEEN_UNKNOWN;
	} else if (secret->is_cut) {
		*doubts |= DOUBT_TRUNCATED;
	}
}

static void keep_secrets(struct head *h, const struct message *m, const struct found *f, uint32_t *doubts)
{
	struct str ws = f->first[WANT_WS_PROTOCOL];
	char *joined = NULL;

	if (f->nr[WANT_AUTHORIZATION])
		keep_secret(&h->authorization, &h->authorization_seen, f->first[WANT_AUTHORIZATION], doubts);
	if (!f->nr[WANT_WS_PROTOCOL])
		return;
	if (f->nr[WANT_WS_PROTOCOL] > 1) {
		size_t max = f->joined[WANT_WS_PROTOCOL];

		joined = malloc(max); /* two at least: there is a separator */
		if (!joined) {
			*doubts |= DOUBT_OUT_OF_MEMORY;
			h->ws_protocol_seen = SEEN_UNKNOWN;
			return;
		}
		ws = (struct str){ joined, join(m, WANT_WS_PROTOCOL, STR(","), joined, max) };
	}
	keep_secret(&h->ws_protocol, &h->ws_protocol_seen, ws, doubts);
	if (joined)
		explicit_bzero(joined, ws.n);
	free(joined);
}

static char *put(char *at, struct str s, uint32_t *ret_len)
{
	if (s.n)
		memcpy(at, s.p, s.n);
	*ret_len = (uint32_t)s.n;
	return at + s.n;
}

/* The text of the slots but X-Forwarded-For, which is joined from its fields. */
static void fill_slots(const struct message *m, struct found *f, struct str slots[SLOT_MAX])
{
	slots[SLOT_METHOD] = capped(m->method, f);
	slots[SLOT_HOST] = capped(m->authority, f);
	slots[SLOT_REQUEST_URI] = capped(m->target, f);
	slots[SLOT_USER_AGENT] = capped(f->first[WANT_USER_AGENT], f);
	slots[SLOT_FORWARDED_FOR] = (struct str){ NULL, f->joined[WANT_FORWARDED_FOR] };
	slots[SLOT_FORWARDED_FOR] = capped(slots[SLOT_FORWARDED_FOR], f);
	slots[SLOT_REAL_IP] = capped(f->first[WANT_REAL_IP], f);
	slots[SLOT_AUDIT_ID] = capped(f->first[WANT_AUDIT_ID], f);
	slots[SLOT_IMPERSONATE_USER] = capped(f->first[WANT_IMPERSONATE_USER], f);
	slots[SLOT_IMPERSONATE_UID] = capped(f->first[WANT_IMPERSONATE_UID], f);
	slots[SLOT_REMOTE_USER] = capped(f->first[WANT_REMOTE_USER], f);
}

static void copy_text(struct head *h, const struct message *m, const struct found *f, const struct str slots[SLOT_MAX])
{
	char *at = text_of(h);
	uint32_t *group_len = h->group_len;

	for (size_t i = 0; i < SLOT_MAX; i++) {
		if (i == SLOT_FORWARDED_FOR) {
			h->slot_len[i] = (uint32_t)join(m, WANT_FORWARDED_FOR, STR(", "), at, slots[i].n);
			at += h->slot_len[i];
		} else {
			at = put(at, slots[i], &h->slot_len[i]);
		}
	}
	for (int which = 0; which < 2; which++)
		for (size_t i = 0; i < f->nr_groups[which]; i++)
			at = put(at, f->groups[which][i], group_len++);
	h->text_len = (uint32_t)(at - text_of(h));
}

struct head *head_new(const struct message *m, uint32_t *doubts)
{
	struct found f;
	struct str slots[SLOT_MAX];
	bool is_uncertain, is_websocket;
	size_t n = 0, nr_groups;
	struct head *h;

	find(m, &f);
	fill_slots(m, &f, slots);
	for (size_t i = 0; i < SLOT_MAX; i++)
		n += slots[i].n;
	for (int which = 0; which < 2; which++)
		for (size_t i = 0; i < f.nr_groups[which]; i++)
			n += f.groups[which][i].n;
	nr_groups = f.nr_groups[0] + f.nr_groups[1];
	h = malloc(sizeof(*h) + nr_groups * sizeof(h->group_len[0]) + n);
	if (!h) {
		*doubts |= DOUBT_OUT_OF_MEMORY;
		return NULL;
	}
	is_uncertain = f.is_name_unknown || m->is_unknown || m->is_truncated || m->has_bad_lines;
	is_websocket = f.is_connection_upgrade && str_ieq(f.first[WANT_UPGRADE], STR("websocket"));
	*h = (struct head){
		.authorization_seen =
			seen_of(f.nr[WANT_AUTHORIZATION], is_uncertain || f.is_value_unknown[WANT_AUTHORIZATION]),
		.ws_protocol_seen =
			seen_of(f.nr[WANT_WS_PROTOCOL], is_uncertain || f.is_value_unknown[WANT_WS_PROTOCOL]),
		.websocket_seen = seen_of(is_websocket, is_uncertain || f.is_value_unknown[WANT_UPGRADE] ||
								f.is_value_unknown[WANT_CONNECTION]),
		.nr_impersonate_groups = (uint8_t)f.nr_groups[0],
		.nr_remote_groups = (uint8_t)f.nr_groups[1],
	};
	copy_text(h, m, &f, slots);
	if (f.has_unknown || m->is_unknown)
		*doubts |= DOUBT_HEADER_UNKNOWN;
	if (f.is_cut || m->is_truncated)
		*doubts |= DOUBT_TRUNCATED;
	if (m->is_malformed)
		*doubts |= DOUBT_MALFORMED;
	keep_secrets(h, m, &f, doubts);
	return h;
}

void head_show(struct head *h, struct exchange *x)
{
	char *at = text_of(h);
	uint32_t *len = h->group_len;

	x->text[TAP_READ] = at;
	for (size_t i = 0; i < SLOT_MAX; i++) {
		*(struct str *)(void *)((char *)x + SLOT_AT[i]) = (struct str){ at, h->slot_len[i] };
		at += h->slot_len[i];
	}
	for (; x->nr_impersonate_groups < h->nr_impersonate_groups; at += *len++)
		x->impersonate_groups[x->nr_impersonate_groups++] = (struct str){ at, *len };
	for (; x->nr_remote_groups < h->nr_remote_groups; at += *len++)
		x->remote_groups[x->nr_remote_groups++] = (struct str){ at, *len };
	x->authorization_seen = h->authorization_seen;
	x->ws_protocol_seen = h->ws_protocol_seen;
	x->websocket_seen = h->websocket_seen;
	x->authorization = h->authorization;
	x->ws_protocol = h->ws_protocol;
	h->authorization = h->ws_protocol = (struct secret){ 0 };
}

void head_free(struct head *h)
{
	if (!h)
		return;
	secret_wipe(&h->authorization);
	secret_wipe(&h->ws_protocol);
	explicit_bzero(text_of(h), h->text_len); /* a request URI may hold a token */
	free(h);
}

struct response_head head_of_response(const struct message *m)
{
	struct response_head r = { 0 };

	for (size_t i = 0; i < m->nr_fields; i++) {
		const struct field *field = &m->fields[i];
		enum want want = field->is_name_known ? want_of(field->name) : WANT_NONE;

		if (!field->is_name_known || (want && !field->is_value_known))
			r.doubts |= DOUBT_HEADER_UNKNOWN;
		else if (want == WANT_FLOW_SCHEMA)
			r.has_flow_schema = true;
		else if (want == WANT_AUDIT_ID && !r.audit_id.n)
			r.audit_id = str_first(field->value, EXCHANGE_VALUE_MAX);
		if (want == WANT_AUDIT_ID && field->value.n > EXCHANGE_VALUE_MAX)
			r.doubts |= DOUBT_TRUNCATED;
	}
	if (m->is_unknown || !m->code)
		r.doubts |= DOUBT_HEADER_UNKNOWN;
	if (m->is_truncated)
		r.doubts |= DOUBT_TRUNCATED;
	if (m->is_malformed)
		r.doubts |= DOUBT_MALFORMED;
	return r;
}
