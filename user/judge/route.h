/* SPDX-License-Identifier: Apache-2.0
 *
 * route - as much of kube-apiserver's RequestInfo as the join needs of a method and a request URI:
 * resource, verb, whether the request is a long-running one, whether the server refuses to route it.
 *
 * After apiserver pkg/endpoints/request/requestinfo.go (v0.34.2) and kubernetes
 * pkg/controlplane/apiserver/config.go. The words it knows may be spelled with escapes;
 * what it returns stays as it was sent. Field selectors are not read.
 * The str are borrowed from the arguments, or literals.
 */
#ifndef ANONTAP_JUDGE_ROUTE_H
#define ANONTAP_JUDGE_ROUTE_H

#include "base/str.h"

struct route {
	bool is_resource;
	bool is_long_running;	/* watch, proxy, log, exec, attach, portforward, profiles */
	bool may_upgrade;	/* proxy, exec, attach, portforward: the connection may be hijacked */
	bool is_unroutable;	/* a prefix verb with nothing after it: 500 without audit */
	struct str verb;	/* resource: get, list, watch, create…; else the method as sent */
	struct str group;
	struct str resource;	/* of other paths: their first segment */
	struct str subresource;
};

struct route route_of(struct str method, struct str uri);

#endif
