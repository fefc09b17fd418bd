/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cli.h"

#include <errno.h>

#include "test.h"

static uint64_t duration(const char *text)
{
	uint64_t ns = 0;

	return cli_duration(str_of(text), &ns, NULL) ? 0 : ns;
}

static void test_cli__durations_with_and_without_units(void)
{
	CHECK_INT(duration("30s"), 30000000000);
	CHECK_INT(duration("1h30m"), 5400000000000);
	CHECK_INT(duration("500ms"), 500000000);
	CHECK_INT(duration("7"), 7000000000);
}

static void test_cli__what_is_no_duration_is_refused(void)
{
	static const char *const bad[] = { "", "soon", "5x", "s", "1h-", "0s", "99999999999s", "5 s" };
	struct err err = { "" };
	uint64_t ns = 1;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(duration(bad[i]) == 0);
	CHECK_INT(cli_duration(STR("soon"), &ns, &err), -EINVAL);
	CHECK_INT(ns, 1); /* written only on success */
	CHECK(strstr(err.text, "30s"));
}

static void test_cli__the_nearest_word_is_near(void)
{
	CHECK_STR(cli_nearest(STR("baerer"), "none bearer basic"), "bearer");
	CHECK_STR(cli_nearest(STR("duratoin"), "pid target duration"), "duration");
	CHECK_STR(cli_nearest(STR("xyzzy"), "none bearer basic"), "");
	CHECK_STR(cli_nearest(STR(""), ""), "");
}

static void test_cli__every_command_explains_itself(void)
{
	for (size_t i = 0; commands[i]; i++) {
		CHECK(commands[i]->name && commands[i]->summary && commands[i]->run);
		for (size_t k = 0; k < commands[i]->nr_options; k++) {
			const struct option_spec *o = &commands[i]->options[k];

			CHECK(o->name && o->help && o->set);
			for (size_t m = 0; m < k; m++)
				CHECK(strcmp(o->name, commands[i]->options[m].name));
		}
	}
}

static void test_cli__completion_is_for_shells_it_knows(void)
{
	struct err err = { "" };
	FILE *out = tmpfile();

	CHECK(out);
	CHECK_INT(cli_completion(out, STR("bash"), &err), 0);
	CHECK(ftell(out) > 500);
	CHECK_INT(cli_completion(out, STR("fish"), &err), -EINVAL);
	CHECK(strstr(err.text, "bash"));
	fclose(out);
}

int main(void)
{
	RUN(test_cli__durations_with_and_without_units);
	RUN(test_cli__what_is_no_duration_is_refused);
	RUN(test_cli__the_nearest_word_is_near);
	RUN(test_cli__every_command_explains_itself);
	RUN(test_cli__completion_is_for_shells_it_knows);
	return test_end();
}
