/* SPDX-License-Identifier: Apache-2.0
 *
 * event - one Kubernetes audit event (audit.k8s.io/v1 and v1beta1), parsed in one pass.
 *
 * The parser takes the fields that the stages read and skips the rest; unknown fields are ignored. All
 * str are borrowed: from the line where the text holds no escape, else from the parser's scratch; they
 * are valid until the next parse with the same parser. A field that is not there is an empty str.
 */
#ifndef ANONTAP_AUDIT_EVENT_H
#define ANONTAP_AUDIT_EVENT_H

#include "base/buf.h"

enum audit_stage {
	STAGE_UNKNOWN = 0,
	STAGE_REQUEST_RECEIVED,
	STAGE_RESPONSE_STARTED,
	STAGE_RESPONSE_COMPLETE,
	STAGE_PANIC,
};

enum audit_level {
	LEVEL_UNKNOWN = 0,
	LEVEL_NONE,
	LEVEL_METADATA,
	LEVEL_REQUEST,
	LEVEL_REQUEST_RESPONSE,
};

#define EVENT_GROUPS_MAX	64	/* further ones are left out, and is_cut is set */
#define EVENT_SOURCE_IPS_MAX	16

struct audit_user {
	struct str username, uid;
	struct str groups[EVENT_GROUPS_MAX];
	size_t nr_groups;
	struct str credential_id;	/* extra[authentication.kubernetes.io/credential-id][0] */
};

struct event {
	enum audit_level level;
	enum audit_stage stage;
	struct str audit_id;
	struct str request_uri;
	struct str verb;
	struct audit_user user;			/* all empty in events of failed authentication */
	struct audit_user impersonated;		/* username empty: nobody was impersonated */
	struct str source_ips[EVENT_SOURCE_IPS_MAX];	/* the last one is the peer, the rest is claimed */
	size_t nr_source_ips;
	struct str user_agent;			/* the server cuts it at 1024 bytes, "...TRUNCATED" */
	struct {
		struct str resource, ns, name, uid, api_group, api_version, subresource;
	} object;
	uint16_t code;				/* responseStatus.code; 0: not there yet */
	struct str status_message, status_reason;
	struct str decision, reason;		/* annotations authorization.k8s.io/decision and /reason */
	struct str annotations;			/* the whole object as raw JSON, for rules; empty if absent */
	struct str request_object, response_object;	/* raw JSON; empty below that level */
	uint64_t received_ns, stage_ns;		/* Unix time; 0 if absent or bad */
	bool is_cut;				/* a list was longer than is kept */
};

struct event_parser {
	struct buf scratch;			/* unescaped text */
};

void event_parser_done(struct event_parser *p);		/* a zeroed parser is valid */

/* Parse one line (one Event) of any length. Returns 0; -EINVAL not a JSON Event (of a kind and version
 * we know), or without auditID, stage or requestURI; -ENOMEM. */
int event_parse(struct event_parser *p, struct str line, struct event *ret);

const char *audit_stage_word(enum audit_stage stage);
const char *audit_level_word(enum audit_level level);

#endif
