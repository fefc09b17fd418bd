/* SPDX-License-Identifier: Apache-2.0
 * One idea: a class needs no name, only a hash and two counts. */
#include "judge/class.h"

#include <errno.h>
#include <stdlib.h>

struct class {
	uint64_t nr_audited, nr_missing;
};

enum user_kind {
	USER_UNKNOWN,
	USER_ANONYMOUS,
	USER_AUTHENTICATED,
	USER_REFUSED,
};

static enum user_kind user_kind_of(const struct credential *c)
{
	if (c->outcome == OUTCOME_REJECTED)
		return USER_REFUSED;
	if (c->outcome == OUTCOME_ACCEPTED)
		return USER_AUTHENTICATED;
	if (c->outcome == OUTCOME_NONE || c->outcome == OUTCOME_IGNORED)
		return USER_ANONYMOUS;
	return USER_UNKNOWN;
}

uint64_t class_of(const struct classes *c, const struct identity *id, const struct route *r)
{
	const struct request_info *i = &r->info;
	struct str path = i->path, resource = i->resource;
	uint64_t hash = hash_str(&c->key, i->verb);

	if (!i->is_resource) {
		while (str_starts(path, STR("/")))
			path = str_from(path, 1);
		resource = str_take_until(&path, '/');
	}
	hash = hash_mix(hash, hash_str(&c->key, i->api_group));
	hash = hash_mix(hash, hash_str(&c->key, resource));
	hash = hash_mix(hash, hash_str(&c->key, i->subresource));
	return hash_mix(hash, (uint64_t)i->is_resource << 16 | (uint64_t)user_kind_of(&id->credential) << 8 |
				      id->exchange->status / 100);
}

static struct class *class_get(struct classes *c, uint64_t which, int *ret_error)
{
	struct class *class = map_get(&c->list, which);

	if (class)
		return class;
	*ret_error = -ENOSPC;
	if (c->list.n >= CLASS_MAX)
		return NULL;
	*ret_error = -ENOMEM;
	class = calloc(1, sizeof(*class));
	if (class && map_put(&c->list, which, class)) {
		free(class);
		class = NULL;
	}
	return class;
}

int class_note_audited(struct classes *c, uint64_t which)
{
	int error;
	struct class *class = class_get(c, which, &error);

	if (!class)
		return error;
	class->nr_audited++;
	return 0;
}

int class_note_missing(struct classes *c, uint64_t which)
{
	int error;
	struct class *class = class_get(c, which, &error);

	if (!class)
		return error;
	class->nr_missing++;
	return 0;
}

bool class_is_never_audited(const struct classes *c, uint64_t which)
{
	const struct class *class = map_get(&c->list, which);

	return class && !class->nr_audited && class->nr_missing >= CLASS_LEARNED_MIN;
}

void classes_done(struct classes *c)
{
	struct class *class;
	size_t pos = 0;

	while ((class = map_next(&c->list, &pos, NULL)))
		free(class);
	map_done(&c->list);
}
