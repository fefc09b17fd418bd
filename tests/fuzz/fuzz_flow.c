/* SPDX-License-Identifier: Apache-2.0
 *
 * Records as bytes: each two bytes of length, then the record. Nothing in them is taken on trust.
 */
#include "chain_ops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ops ops;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };

	ops_init(&ops, 0);
	while (in.n) {
		size_t n = ops_u8(&in);
		struct str rec;

		n |= (size_t)ops_u8(&in) << 8;
		rec = ops_bytes(&in, n);
		memcpy(ops.rec, rec.p ? rec.p : "", rec.n);
		flow_push(&ops.flow, ops.rec, rec.n);
	}
	ops_done(&ops);
	return 0;
}
