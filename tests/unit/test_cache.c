/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include "judge/cache.h"
#include "test.h"

static int put(struct cache *c, uint64_t key, size_t size)
{
	struct cache_entry *e = malloc(size);

	*e = (struct cache_entry){ .key = key, .size = size };
	return cache_put(c, e);
}

static void test_cache__keeps_no_more_than_it_may(void)
{
	struct cache c;
	size_t n = 0;

	CHECK_INT(cache_init(&c, 100, 1 << 20), 0);
	for (uint64_t key = 1; key <= 1000; key++)
		CHECK_INT(put(&c, key, sizeof(struct cache_entry)), 0);
	for (uint64_t key = 1; key <= 1000; key++)
		n += cache_get(&c, key) != NULL;
	CHECK_INT(n, 100);
	CHECK(cache_get(&c, 1000));
	cache_done(&c);
}

static void test_cache__bytes_are_bounded_too(void)
{
	struct cache c;

	CHECK_INT(cache_init(&c, 100, 1000), 0);
	for (uint64_t key = 1; key <= 50; key++) {
		CHECK_INT(put(&c, key, 100 + key), 0);
		CHECK(c.bytes <= 1000);
		CHECK(cache_get(&c, key));
	}
	CHECK_INT(put(&c, 99, 1001), -E2BIG);
	CHECK(cache_get(&c, 50));
	cache_done(&c);
}

static void test_cache__what_is_used_stays(void)
{
	struct cache c;

	CHECK_INT(cache_init(&c, 10, 1 << 20), 0);
	CHECK_INT(put(&c, 7, 64), 0);
	for (uint64_t key = 100; key < 200; key++) {
		CHECK(cache_get(&c, 7));
		CHECK_INT(put(&c, key, 64), 0);
	}
	CHECK(cache_get(&c, 7));
	CHECK(!cache_get(&c, 100));
	cache_done(&c);
}

static void test_cache__the_same_key_replaces(void)
{
	struct cache c;

	CHECK_INT(cache_init(&c, 10, 1 << 20), 0);
	CHECK_INT(put(&c, 7, 64), 0);
	CHECK_INT(put(&c, 7, 128), 0);
	CHECK_INT(((struct cache_entry *)cache_get(&c, 7))->size, 128);
	CHECK_INT(c.bytes, 128);
	cache_done(&c);
}

int main(void)
{
	RUN(test_cache__keeps_no_more_than_it_may);
	RUN(test_cache__bytes_are_bounded_too);
	RUN(test_cache__what_is_used_stays);
	RUN(test_cache__the_same_key_replaces);
	return test_end();
}
