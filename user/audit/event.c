/* SPDX-License-Identifier: Apache-2.0
 * One idea: every text is first borrowed as it stands; only those that hold an escape are noted, and
 * unescaped together at the end, into one piece of memory of exactly known size. */
#include "audit/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "audit/skip.h"
#include "base/clock.h"

/* As many texts as an event can hold. */
#define ESCAPED_MAX (sizeof(struct event) / sizeof(struct str))

struct parse {
	struct jread r;
	struct event e;
	bool is_known;				/* nothing said that it is of another kind or version */
	size_t nr_escaped;
	struct str *escaped[ESCAPED_MAX];	/* in e */
};

void event_parser_done(struct event_parser *p)
{
	buf_done(&p->scratch);
}

static void note_escaped(struct parse *p, struct str *text)
{
	for (size_t i = 0; i < p->nr_escaped; i++)
		if (p->escaped[i] == text)
			return; /* a repeated key */
	if (p->nr_escaped < ESCAPED_MAX)
		p->escaped[p->nr_escaped++] = text;
}

static void skip(struct parse *p)
{
	struct str unused;

	(void)skip_value(&p->r, &unused); /* badness is sticky and seen at the end */
}

/* A text, or nothing if the value is of another kind: the fields we miss decide, not the ones we have. */
static void take_text(struct parse *p, struct str *ret)
{
	struct jtext t;

	if (jread_peek(&p->r) != JREAD_STRING) {
		skip(p);
		return;
	}
	if (!jread_text(&p->r, &t))
		return;
	*ret = t.raw;
	if (t.has_escape)
		note_escaped(p, ret);
}

/* Words and times of the server's own; with an escape they are unknown. */
static struct str take_plain(struct parse *p)
{
	struct jtext t;

	if (jread_peek(&p->r) != JREAD_STRING) {
		skip(p);
		return (struct str){ 0 };
	}
	if (!jread_text(&p->r, &t) || t.has_escape)
		return (struct str){ 0 };
	return t.raw;
}

static uint64_t take_time(struct parse *p)
{
	uint64_t ns = 0;

	if (clock_parse_rfc3339(take_plain(p), &ns))
		return 0;
	return ns;
}

static void take_texts(struct parse *p, struct str *ret, size_t max, size_t *ret_nr)
{
	size_t nr = 0;

	if (jread_peek(&p->r) != JREAD_ARRAY) {
		skip(p);
		return;
	}
	(void)jread_enter(&p->r, '[');
	while (jread_item(&p->r)) {
		if (nr < max) {
			ret[nr] = (struct str){ 0 };
			take_text(p, &ret[nr++]);
		} else {
			skip(p);
			p->e.is_cut = true;
		}
	}
	*ret_nr = nr;
}

/* The last one is the peer, and must be among those that are kept. */
static void take_source_ips(struct parse *p)
{
	struct event *e = &p->e;

	if (jread_peek(&p->r) != JREAD_ARRAY) {
		skip(p);
		return;
	}
	e->nr_source_ips = 0;
	(void)jread_enter(&p->r, '[');
	while (jread_item(&p->r)) {
		if (e->nr_source_ips == EVENT_SOURCE_IPS_MAX) {
			e->nr_source_ips--;
			e->is_cut = true;
		}
		take_text(p, &e->source_ips[e->nr_source_ips++]);
	}
}

/* Enter the object that comes next; anything else (null above all) is skipped. */
static bool enter_object(struct parse *p)
{
	if (jread_peek(&p->r) == JREAD_OBJECT)
		return jread_enter(&p->r, '{');
	skip(p);
	return false;
}

static void take_extra(struct parse *p, struct audit_user *user)
{
	struct jtext key;
	size_t nr;

	if (!enter_object(p))
		return;
	while (jread_member(&p->r, &key)) {
		bool was_cut = p->e.is_cut;

		if (!jtext_eq(key, STR("authentication.kubernetes.io/credential-id"))) {
			skip(p);
			continue;
		}
		take_texts(p, &user->credential_id, 1, &nr);
		p->e.is_cut = was_cut; /* one is all there is */
	}
}

static void take_user(struct parse *p, struct audit_user *user)
{
	struct jtext key;

	if (!enter_object(p))
		return;
	while (jread_member(&p->r, &key)) {
		if (jtext_eq(key, STR("username")))
			take_text(p, &user->username);
		else if (jtext_eq(key, STR("groups")))
			take_texts(p, user->groups, EVENT_GROUPS_MAX, &user->nr_groups);
		else if (jtext_eq(key, STR("uid")))
			take_text(p, &user->uid);
		else if (jtext_eq(key, STR("extra")))
			take_extra(p, user);
		else
			skip(p);
	}
}

static void take_object_ref(struct parse *p)
{
	struct event *e = &p->e;
	struct jtext key;

	if (!enter_object(p))
		return;
	while (jread_member(&p->r, &key)) {
		if (jtext_eq(key, STR("resource")))
			take_text(p, &e->object.resource);
		else if (jtext_eq(key, STR("namespace")))
			take_text(p, &e->object.ns);
		else if (jtext_eq(key, STR("name")))
			take_text(p, &e->object.name);
		else if (jtext_eq(key, STR("uid")))
			take_text(p, &e->object.uid);
		else if (jtext_eq(key, STR("apiGroup")))
			take_text(p, &e->object.api_group);
		else if (jtext_eq(key, STR("apiVersion")))
			take_text(p, &e->object.api_version);
		else if (jtext_eq(key, STR("subresource")))
			take_text(p, &e->object.subresource);
		else
			skip(p);
	}
}

static void take_code(struct parse *p)
{
	struct str number;
	uint64_t code;

	if (jread_peek(&p->r) != JREAD_NUMBER)
		skip(p);
	else if (jread_number(&p->r, &number) && !str_u64(number, UINT16_MAX, &code))
		p->e.code = (uint16_t)code;
}

static void take_status(struct parse *p)
{
	struct jtext key;

	if (!enter_object(p))
		return;
	while (jread_member(&p->r, &key)) {
		if (jtext_eq(key, STR("code")))
			take_code(p);
		else if (jtext_eq(key, STR("message")))
			take_text(p, &p->e.status_message);
		else if (jtext_eq(key, STR("reason")))
			take_text(p, &p->e.status_reason);
		else
			skip(p);
	}
}

static void take_annotations(struct parse *p)
{
	const char *from;
	struct jtext key;

	(void)jread_peek(&p->r); /* to step over white space */
	from = p->r.p;
	if (!enter_object(p))
		return;
	while (jread_member(&p->r, &key)) {
		if (jtext_eq(key, STR("authorization.k8s.io/decision")))
			take_text(p, &p->e.decision);
		else if (jtext_eq(key, STR("authorization.k8s.io/reason")))
			take_text(p, &p->e.reason);
		else
			skip(p);
	}
	p->e.annotations = (struct str){ from, (size_t)(p->r.p - from) };
}

static enum audit_stage stage_of(struct str word)
{
	for (int i = STAGE_REQUEST_RECEIVED; i <= STAGE_PANIC; i++)
		if (str_eq(word, str_of(audit_stage_word((enum audit_stage)i))))
			return (enum audit_stage)i;
	return STAGE_UNKNOWN;
}

static enum audit_level level_of(struct str word)
{
	for (int i = LEVEL_NONE; i <= LEVEL_REQUEST_RESPONSE; i++)
		if (str_eq(word, str_of(audit_level_word((enum audit_level)i))))
			return (enum audit_level)i;
	return LEVEL_UNKNOWN;
}

/* The members in the order in which the server writes them. */
static void take_member(struct parse *p, struct jtext key)
{
	struct event *e = &p->e;

	if (jtext_eq(key, STR("kind"))) {
		p->is_known &= str_eq(take_plain(p), STR("Event"));
	} else if (jtext_eq(key, STR("apiVersion"))) {
		struct str version = take_plain(p);

		p->is_known &= str_eq(version, STR("audit.k8s.io/v1")) || str_eq(version, STR("audit.k8s.io/v1beta1"));
	} else if (jtext_eq(key, STR("level"))) {
		e->level = level_of(take_plain(p));
	} else if (jtext_eq(key, STR("auditID"))) {
		take_text(p, &e->audit_id);
	} else if (jtext_eq(key, STR("stage"))) {
		e->stage = stage_of(take_plain(p));
	} else if (jtext_eq(key, STR("requestURI"))) {
		take_text(p, &e->request_uri);
	} else if (jtext_eq(key, STR("verb"))) {
		take_text(p, &e->verb);
	} else if (jtext_eq(key, STR("user"))) {
		take_user(p, &e->user);
	} else if (jtext_eq(key, STR("impersonatedUser"))) {
		take_user(p, &e->impersonated);
	} else if (jtext_eq(key, STR("sourceIPs"))) {
		take_source_ips(p);
	} else if (jtext_eq(key, STR("userAgent"))) {
		take_text(p, &e->user_agent);
	} else if (jtext_eq(key, STR("objectRef"))) {
		take_object_ref(p);
	} else if (jtext_eq(key, STR("responseStatus"))) {
		take_status(p);
	} else if (jtext_eq(key, STR("requestObject"))) {
		(void)skip_value(&p->r, &e->request_object);
	} else if (jtext_eq(key, STR("responseObject"))) {
		(void)skip_value(&p->r, &e->response_object);
	} else if (jtext_eq(key, STR("requestReceivedTimestamp"))) {
		e->received_ns = take_time(p);
	} else if (jtext_eq(key, STR("stageTimestamp"))) {
		e->stage_ns = take_time(p);
	} else if (jtext_eq(key, STR("annotations"))) {
		take_annotations(p);
	} else {
		skip(p);
	}
}

/* The scratch is sized before the first text is put there, so that none moves. */
static int unescape(struct parse *p, struct buf *scratch)
{
	size_t n = 0;

	buf_reset(scratch);
	for (size_t i = 0; i < p->nr_escaped; i++)
		n += p->escaped[i]->n;
	if (n > scratch->cap) {
		char *mem = realloc(scratch->p, n);

		if (!mem)
			return -ENOMEM;
		scratch->p = mem;
		scratch->cap = n;
	}
	for (size_t i = 0; i < p->nr_escaped; i++) {
		struct str *text = p->escaped[i];
		char *to = scratch->p + scratch->n;

		text->n = jtext_copy((struct jtext){ *text, true }, to);
		text->p = to;
		scratch->n += text->n;
	}
	return 0;
}

/* What was noted lies in p->e: it is moved with the rest only when all is unescaped. */
int event_parse(struct event_parser *parser, struct str line, struct event *ret)
{
	struct parse p;
	struct jtext key;
	int r;

	memset(&p.e, 0, sizeof(p.e));
	p.is_known = true;
	p.nr_escaped = 0;
	jread_init(&p.r, line);
	if (jread_enter(&p.r, '{'))
		while (jread_member(&p.r, &key))
			take_member(&p, key);
	if (!jread_end(&p.r) || !p.is_known || !p.e.audit_id.n || !p.e.request_uri.n || p.e.stage == STAGE_UNKNOWN)
		return -EINVAL;
	r = unescape(&p, &parser->scratch);
	if (r)
		return r;
	*ret = p.e;
	return 0;
}

const char *audit_stage_word(enum audit_stage stage)
{
	static const char *const words[] = {
		[STAGE_UNKNOWN] = "",
		[STAGE_REQUEST_RECEIVED] = "RequestReceived",
		[STAGE_RESPONSE_STARTED] = "ResponseStarted",
		[STAGE_RESPONSE_COMPLETE] = "ResponseComplete",
		[STAGE_PANIC] = "Panic",
	};

	return words[stage];
}

const char *audit_level_word(enum audit_level level)
{
	static const char *const words[] = {
		[LEVEL_UNKNOWN] = "",
		[LEVEL_NONE] = "None",
		[LEVEL_METADATA] = "Metadata",
		[LEVEL_REQUEST] = "Request",
		[LEVEL_REQUEST_RESPONSE] = "RequestResponse",
	};

	return words[level];
}
