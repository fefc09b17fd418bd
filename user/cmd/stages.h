/* SPDX-License-Identifier: Apache-2.0
 *
 * stages - wires the stages in their order: record, run, message, exchange, identity.
 *
 * Live tracing, replay of a raw recording, tests and benchmarks all run these very stages; what
 * differs is where records come from and where identities go.
 */
#ifndef ANONTAP_CMD_STAGES_H
#define ANONTAP_CMD_STAGES_H

#include "judge/cred.h"
#include "wire/exchange.h"
#include "wire/flow.h"
#include "wire/http.h"

struct stages {
	struct counters counters;	/* user space's; the kernel's are read into it by live */
	struct flow flow;
	struct http http;
	struct exchanges exchanges;
	struct cred *cred;
};

/* `key` makes credential ids; wall_offset_ns is the wall clock minus ktime. 0; -ENOMEM. */
int stages_init(struct stages *s, const uint8_t key[CRED_KEY_SIZE], int64_t wall_offset_ns, identity_push_fn *push,
		void *ctx);
void stages_push(void *stages, const void *record, size_t size);	/* a record_push_fn */
void stages_finish(struct stages *s, uint64_t now_ns);			/* emit what is open, as unfinished */
void stages_done(struct stages *s);

#endif
