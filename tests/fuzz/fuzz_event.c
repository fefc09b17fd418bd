/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as an audit line and as a webhook body: what is taken lies inside the line or the scratch,
 * and every item of a list that opens can be asked for its event.
 */
#include <stdint.h>
#include <stdlib.h>
#include "audit/event.h"
#include "audit/event_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sum;

/* Touch every byte: a wild pointer is seen by the sanitizer. */
static void touch(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		sum += (unsigned char)s.p[i];
}

static void touch_user(const struct audit_user *u)
{
	touch(u->username);
	touch(u->uid);
	touch(u->credential_id);
	for (size_t i = 0; i < u->nr_groups; i++)
		touch(u->groups[i]);
}

static void touch_event(const struct event *e)
{
	touch(e->audit_id);
	touch(e->request_uri);
	touch(e->verb);
	touch(e->user_agent);
	touch(e->object.resource);
	touch(e->object.ns);
	touch(e->object.name);
	touch(e->object.uid);
	touch(e->object.api_group);
	touch(e->object.api_version);
	touch(e->object.subresource);
	touch(e->status_message);
	touch(e->status_reason);
	touch(e->decision);
	touch(e->reason);
	touch(e->annotations);
	touch(e->request_object);
	touch(e->response_object);
	touch_user(&e->user);
	touch_user(&e->impersonated);
	for (size_t i = 0; i < e->nr_source_ips; i++)
		touch(e->source_ips[i]);
	touch(str_of(audit_stage_word(e->stage)));
	touch(str_of(audit_level_word(e->level)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = { (const char *)data, size }, item;
	struct event_parser parser = { 0 };
	struct event_list list;
	struct event event;

	if (!event_parse(&parser, all, &event))
		touch_event(&event);
	if (!event_list_open(&list, all)) {
		while (event_list_next(&list, &item)) {
			touch(item);
			if (!event_parse(&parser, item, &event))
				touch_event(&event);
		}
	}
	event_parser_done(&parser);
	return 0;
}
