/* SPDX-License-Identifier: Apache-2.0
 * One idea: two lists of words. */
#include "judge/route.h"

#include <errno.h>

static bool is_one_of(struct str s, const char *const *words)
{
	for (; *words; words++)
		if (str_eq(s, str_of(*words)))
			return true;
	return false;
}

int route_parse(struct route *r, struct str method, struct str uri)
{
	static const char *const long_verbs[] = { "watch", "proxy", NULL };
	static const char *const long_subresources[] = { "attach", "exec", "proxy", "log", "portforward", NULL };
	const struct request_info *i = &r->info;
	int error = request_info_parse(&r->info, method, uri);

	r->is_long_running = r->may_upgrade = false;
	if (error) {
		r->info = (struct request_info){ .scratch = r->info.scratch };
		return error == -ENOMEM ? -ENOMEM : 0;
	}
	if (i->is_refused)
		return 0;
	r->is_long_running = is_one_of(i->verb, long_verbs) ||
			     (i->is_resource ? is_one_of(i->subresource, long_subresources) :
					       str_starts(i->path, STR("/debug/pprof/")));
	r->may_upgrade = str_eq(i->verb, STR("proxy")) || (i->is_resource && is_one_of(i->subresource, long_subresources) &&
							     !str_eq(i->subresource, STR("log")));
	return 0;
}

void route_done(struct route *r)
{
	request_info_done(&r->info);
}
