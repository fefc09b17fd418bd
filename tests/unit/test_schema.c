/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON Schema names the words of the code by hand; here it is held to them. That lines are valid by
 * it is seen in tests/e2e, where there is a validator.
 */
#include <stdio.h>
#include "judge/cred.h"
#include "test.h"

static char schema[64 * 1024];
static size_t schema_n;

static bool has(const char *format, const char *word)
{
	char quoted[512];

	(void)snprintf(quoted, sizeof(quoted), format, word);
	if (memmem(schema, schema_n, quoted, strlen(quoted)))
		return true;
	printf("    not in user/tell/exchange.schema.json: %s\n", quoted);
	return false;
}

static void test_schema__knows_every_credential_word(void)
{
	for (int i = 0; i < CRED_KIND_MAX; i++)
		CHECK(has("\"%s\"", cred_kind_word((enum cred_kind)i)));
	for (int i = 0; i < OUTCOME_MAX; i++)
		CHECK(has("\"%s\"", cred_outcome_word((enum cred_outcome)i)));
	for (int i = TOKEN_NA + 1; i < TOKEN_TYPE_MAX; i++)
		CHECK(has("\"%s\"", token_type_word((enum token_type)i)));
}

static void test_schema__knows_every_doubt_and_what_it_means(void)
{
	for (int i = 0; i < DOUBT_MAX; i++) {
		char meaning[512];

		(void)snprintf(meaning, sizeof(meaning), "`%s`: %s", doubt_word((enum doubt_bit)i), doubt_help((enum doubt_bit)i));
		CHECK(has("\"%s\"", doubt_word((enum doubt_bit)i)));
		CHECK(has("%s", meaning));
	}
}

static void test_schema__knows_every_protocol(void)
{
	for (int p = PROTOCOL_UNKNOWN + 1; p <= PROTOCOL_HTTP2; p++)
		CHECK(has("\"%s\"", protocol_name((enum protocol)p)));
}

int main(void)
{
	FILE *f = fopen("user/tell/exchange.schema.json", "r"); /* tests run at the top of the tree */

	if (f) {
		schema_n = fread(schema, 1, sizeof(schema), f);
		fclose(f);
	}
	RUN(test_schema__knows_every_credential_word);
	RUN(test_schema__knows_every_doubt_and_what_it_means);
	RUN(test_schema__knows_every_protocol);
	return test_end();
}
