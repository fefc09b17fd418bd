/* SPDX-License-Identifier: Apache-2.0
 *
 * A line of a recording. What is read of it is written, and must read back as the same line.
 */
#include <stdlib.h>
#include "tell/ndjson.h"

#define MUST(claim) \
	do { \
		if (!(claim)) \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct recorded first = { 0 }, second = { 0 };
	struct buf once = { 0 }, again = { 0 };

	if (!ndjson_parse((struct str){ (const char *)data, size }, &first)) {
		ndjson_identity(&once, &first.identity, first.node);
		MUST(!ndjson_parse(buf_str(&once), &second));
		ndjson_identity(&again, &second.identity, second.node);
		MUST(str_eq(buf_str(&once), buf_str(&again)));
	}
	recorded_done(&first);
	recorded_done(&second);
	buf_done(&once);
	buf_done(&again);
	return 0;
}
