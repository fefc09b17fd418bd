/* SPDX-License-Identifier: Apache-2.0
 *
 * request_info - what kube-apiserver makes of a method and a request URI: the verb, and the resource or
 * the path, by which it authorizes and audits. The same rules as in
 * k8s.io/apiserver/pkg/endpoints/request/requestinfo.go v0.34.2, with the prefixes of kube-apiserver
 * (/api without a group, /apis), and Go's reading of URIs before it.
 *
 * A zeroed struct is valid. The str are borrowed from its scratch and from the arguments, until the
 * next parse.
 */
#ifndef ANONTAP_AUDIT_REQUEST_INFO_H
#define ANONTAP_AUDIT_REQUEST_INFO_H

#include "base/buf.h"

struct request_info {
	bool is_resource;
	bool is_refused;	/* answered with 500 before anything is audited: a special verb and nothing after it */
	struct str path;	/* decoded */
	struct str verb;	/* "" for unknown methods on resources; the method in lower case elsewhere */
	struct str api_prefix, api_group, api_version, ns, resource, subresource, name;
	struct buf scratch;
};

void request_info_done(struct request_info *i);

/* `uri` as in the request line, or as in an event's requestURI. Returns 0; -EINVAL: not a URI that
 * Go's server takes (it answers 400 and nothing is audited); -ENOMEM. */
int request_info_parse(struct request_info *i, struct str method, struct str uri);

#endif
