/* SPDX-License-Identifier: Apache-2.0
 *
 * route - what kube-apiserver makes of a request (audit/request_info), and what follows from it for the
 * join: whether the request is a long-running one, and whether its connection may be hijacked.
 *
 * Long-running are verbs and subresources as in kubernetes pkg/controlplane/apiserver/config.go, and
 * profiles (apiserver pkg/server/filters/longrunning.go). A zeroed struct is valid; its memory is kept
 * from one parse to the next.
 */
#ifndef ANONTAP_JUDGE_ROUTE_H
#define ANONTAP_JUDGE_ROUTE_H

#include "audit/request_info.h"

struct route {
	struct request_info info;
	bool is_long_running;	/* watch, proxy, log, exec, attach, portforward, profiles */
	bool may_upgrade;	/* proxy, exec, attach, portforward */
};

/* Returns 0; -ENOMEM. What Go's server refuses is a route to nowhere: all fields are empty. */
int route_parse(struct route *r, struct str method, struct str uri);
void route_done(struct route *r);

#endif
