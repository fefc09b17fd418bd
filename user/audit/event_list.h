/* SPDX-License-Identifier: Apache-2.0
 *
 * event_list - the body that kube-apiserver posts to an audit webhook, taken apart into events.
 *
 *	if (!event_list_open(&l, body))
 *		while (event_list_next(&l, &item))
 *			event_parse(&parser, item, &event) …
 *
 * The body is one EventList (audit.k8s.io/v1 or v1beta1) or one Event. It is walked to its end before
 * the first event is handed out, so that a batch is taken whole or refused whole. What an item holds is
 * event_parse()'s business. Nothing is copied: items are borrowed from the body.
 */
#ifndef ANONTAP_AUDIT_EVENT_LIST_H
#define ANONTAP_AUDIT_EVENT_LIST_H

#include "base/jread.h"

struct event_list {
	struct jread r;		/* in the items */
	struct str single;	/* the body is one Event, not handed out yet */
};

/* Returns 0; -EINVAL: not one whole JSON value of a kind and version we know. */
int event_list_open(struct event_list *l, struct str body);

/* The next event as JSON text; false at the end. */
bool event_list_next(struct event_list *l, struct str *ret_item);

#endif
