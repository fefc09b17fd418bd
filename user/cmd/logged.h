/* SPDX-License-Identifier: Apache-2.0
 *
 * logged - an audit event in the form of an identity, so that filters and the table take requests that
 * only the log has.
 *
 * What the log does not say is not known: the kind of credential, sizes, the connection but its address.
 * Not for the join, which would take it for something seen.
 */
#ifndef ANONTAP_CMD_LOGGED_H
#define ANONTAP_CMD_LOGGED_H

#include "audit/event.h"
#include "judge/cred.h"

/* Zeroed at first, to be used again; must not be copied: its parts point to each other. */
struct logged {
	struct identity identity;
	struct exchange exchange;
	struct conn conn;
	struct buf uri;
};

/* Valid until the next call, as long as the event is. */
const struct identity *logged_identity(struct logged *l, const struct event *e);
void logged_done(struct logged *l);

#endif
