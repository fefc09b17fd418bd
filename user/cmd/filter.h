/* SPDX-License-Identifier: Apache-2.0
 *
 * filter - which identities a command shows. Each option given narrows; the values of one option widen.
 *
 * Health endpoints are known by their exact paths, never by User-Agent: that, anybody can choose.
 */
#ifndef ANONTAP_CMD_FILTER_H
#define ANONTAP_CMD_FILTER_H

#include "base/err.h"
#include "judge/cred.h"

#define FILTER_VALUES_MAX 32	/* of one option */

struct filter_cidr {
	uint8_t ip[16];		/* IPv4 mapped into IPv6 */
	uint8_t bits;
};

struct filter {
	uint32_t kinds, outcomes;	/* bit per enum; 0: any */
	struct {
		uint16_t from, to;
	} statuses[FILTER_VALUES_MAX];
	size_t nr_statuses;
	struct str methods[FILTER_VALUES_MAX];
	size_t nr_methods;
	struct str paths[FILTER_VALUES_MAX], users[FILTER_VALUES_MAX];	/* globs */
	size_t nr_paths, nr_users;
	struct filter_cidr clients[FILTER_VALUES_MAX];
	size_t nr_clients;
	bool is_health_excluded;
};

/* Each takes one value of its option, a list where commas make sense. The str must live as long as the
 * filter. Return 0; -EINVAL with a sentence that names the nearest valid word; -E2BIG. */
int filter_parse_credential(struct filter *f, struct str value, struct err *err);	/* "none,bearer" */
int filter_parse_outcome(struct filter *f, struct str value, struct err *err);
int filter_parse_status(struct filter *f, struct str value, struct err *err);		/* "401,5xx,200-299" */
int filter_parse_method(struct filter *f, struct str value, struct err *err);
int filter_parse_path(struct filter *f, struct str value, struct err *err);		/* glob, without the query */
int filter_parse_user(struct filter *f, struct str value, struct err *err);		/* glob, also the impersonated */
int filter_parse_client(struct filter *f, struct str value, struct err *err);		/* "10.0.0.0/8", "::1" */

/* What is not known does not match an option that asks for it. */
bool filter_match(const struct filter *f, const struct identity *id);

#endif
