/* SPDX-License-Identifier: Apache-2.0
 *
 * head - the part of a request head that an exchange keeps, while the exchange is open.
 *
 * A watch stays open for an hour and an apiserver has tens of thousands of them, so what is kept is one
 * block: lengths, then the text of the wanted headers. It becomes the str of a struct exchange at the end
 * (head_show). Raw credentials are not in the text but in struct secret.
 */
#ifndef ANONTAP_WIRE_HEAD_H
#define ANONTAP_WIRE_HEAD_H

#include "wire/exchange.h"

struct head;

/* Copy what is wanted of a request head, and say in *doubts what keeps it from being exact.
 * Returns NULL when there is no memory; *doubts then has DOUBT_OUT_OF_MEMORY. */
struct head *head_new(const struct message *m, uint32_t *doubts);

/* Let x point to the text; the secrets move to x. */
void head_show(struct head *h, struct exchange *x);

void head_free(struct head *h);

/* What is wanted of a response head. */
struct response_head {
	struct str audit_id;		/* borrowed from the message */
	bool has_flow_schema;
	uint32_t doubts;
};

struct response_head head_of_response(const struct message *m);

#endif
