/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cmd/commands.h"
#include "version.h"
#include "tap_abi.h"

struct help_config {
	struct str command, shell;
	bool wants_man;
};

static int set_man(void *config, struct str value, struct err *err)
{
	((struct help_config *)config)->wants_man = true;
	return 0;
}

static int set_completion(void *config, struct str value, struct err *err)
{
	((struct help_config *)config)->shell = value;
	return 0;
}

static int set_command(void *config, struct str value, struct err *err)
{
	((struct help_config *)config)->command = value;
	return 0;
}

static enum exit_code run_help(void *config)
{
	const struct help_config *h = config;
	struct err err = { "" };

	if (h->wants_man) {
		cli_man(stdout);
		return EXIT_CLEAN;
	}
	if (h->shell.n) {
		if (!cli_completion(stdout, h->shell, &err))
			return EXIT_CLEAN;
		fprintf(stderr, "anontap help: %s\n", err.text);
		return EXIT_MISUSED;
	}
	if (!h->command.n) {
		cli_help(stdout, NULL);
		return EXIT_CLEAN;
	}
	for (size_t i = 0; commands[i]; i++) {
		if (str_eq(h->command, str_of(commands[i]->name))) {
			cli_help(stdout, commands[i]);
			return EXIT_CLEAN;
		}
	}
	fprintf(stderr, "anontap help: no command \"%.*s\"; anontap --help lists them.\n", STR_ARG(h->command));
	return EXIT_MISUSED;
}

static enum exit_code run_version(void *config)
{
	printf("anontap %s (record ABI %d)\n", ANONTAP_VERSION, TAP_ABI_VERSION);
	return EXIT_CLEAN;
}

static const struct option_spec help_options[] = {
	{ "man", NULL, "print the manual page (roff)", set_man, NULL },
	{ "completion", "SHELL", "print a completion script: bash", set_completion, "bash" },
};

const struct command cmd_help = {
	.name = "help",
	.operands = "[COMMAND]",
	.summary = "explain a command; print the man page or completion",
	.options = help_options,
	.nr_options = sizeof(help_options) / sizeof(help_options[0]),
	.config_size = sizeof(struct help_config),
	.operand = set_command,
	.run = run_help,
};

const struct command cmd_version = {
	.name = "version",
	.summary = "print the version",
	.run = run_version,
};
