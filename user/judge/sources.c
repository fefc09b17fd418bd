/* SPDX-License-Identifier: Apache-2.0
 * One idea: one number for each address; to be seen on the wire once outweighs any count. */
#include "judge/sources.h"

#include "base/ip.h"

static uint64_t key_of(const struct sources *s, const uint8_t ip[16])
{
	return hash_str(&s->key, (struct str){ (const char *)ip, 16 });
}

static void put(struct sources *s, uint64_t key, uintptr_t n)
{
	if (!map_get(&s->list, key) && s->list.n >= SOURCES_MAX)
		s->is_full = true;
	else if (map_put(&s->list, key, (void *)n))
		s->is_full = true;
}

void sources_note_wire(struct sources *s, const struct conn *c)
{
	uint64_t key;

	if (!c->has_address || s->is_full)
		return;
	key = key_of(s, c->client_ip);
	if ((uintptr_t)map_get(&s->list, key) != 1)
		put(s, key, 1);
}

bool sources_note_log(struct sources *s, const struct event *e)
{
	uint8_t ip[16];
	uint64_t key;
	uintptr_t n;

	if (!e->nr_source_ips || s->is_full || ip_parse(e->source_ips[e->nr_source_ips - 1], ip))
		return false;
	key = key_of(s, ip);
	n = (uintptr_t)map_get(&s->list, key);
	if (n == 1)
		return false;
	n = n ? n + 1 : 2;
	put(s, key, n);
	return !s->is_full && n > SOURCES_STRANGE_MIN + 1;
}

void sources_done(struct sources *s)
{
	map_done(&s->list);
}
