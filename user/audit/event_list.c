/* SPDX-License-Identifier: Apache-2.0
 * One idea: walked once for its shape and once for its items; skipping is cheaper than remembering. */
#include "audit/event_list.h"

#include <errno.h>
#include "audit/skip.h"

/* Are the value's brackets and commas in order, as far as the items of a list go? */
static bool walk_items(struct str items)
{
	struct str unused;
	struct jread r;

	jread_init(&r, items);
	if (jread_enter(&r, '['))
		while (jread_item(&r))
			(void)skip_value(&r, &unused); /* badness is sticky and seen at the end */
	return jread_end(&r);
}

static bool text_is(struct jread *r, struct str word)
{
	struct jtext t;

	return jread_text(r, &t) && jtext_eq(t, word);
}

int event_list_open(struct event_list *l, struct str body)
{
	bool is_list = false, is_event = false, is_version = false, has_items = false;
	struct str items = STR("[]");
	struct jtext key;
	struct jread r;

	jread_init(&r, body);
	if (jread_enter(&r, '{')) {
		while (jread_member(&r, &key)) {
			struct str value;
			struct jread v;

			if (!skip_value(&r, &value))
				break;
			jread_init(&v, value);
			if (jtext_eq(key, STR("kind"))) {
				is_list = text_is(&v, STR("EventList"));
				jread_init(&v, value);
				is_event = text_is(&v, STR("Event"));
			} else if (jtext_eq(key, STR("apiVersion"))) {
				is_version = text_is(&v, STR("audit.k8s.io/v1"));
				jread_init(&v, value);
				is_version |= text_is(&v, STR("audit.k8s.io/v1beta1"));
			} else if (jtext_eq(key, STR("items")) && jread_peek(&v) == JREAD_ARRAY) {
				items = value;
				has_items = true;
			}
		}
	}
	if (!jread_end(&r) || !is_version || (!is_list && !is_event))
		return -EINVAL;
	if (is_list && has_items && !walk_items(items))
		return -EINVAL;
	*l = (struct event_list){ .single = is_event ? body : (struct str){ 0 } };
	jread_init(&l->r, is_list ? items : STR("[]"));
	(void)jread_enter(&l->r, '['); /* it is one */
	return 0;
}

bool event_list_next(struct event_list *l, struct str *ret_item)
{
	if (l->single.n) {
		*ret_item = l->single;
		l->single = (struct str){ 0 };
		return true;
	}
	return jread_item(&l->r) && skip_value(&l->r, ret_item);
}
