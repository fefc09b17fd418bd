/* SPDX-License-Identifier: Apache-2.0
 *
 * cli - commands and options as const tables, from which parsing, help, completion and the man page
 * all come.
 *
 * A command has a config struct; each option is a function that puts one value into it. Commands see
 * their config, never argv. Exit codes: 0 clean, 1 failed, 2 misused, 3 findings.
 */
#ifndef ANONTAP_CMD_CLI_H
#define ANONTAP_CMD_CLI_H

#include <stdio.h>
#include "base/err.h"
#include "base/str.h"

enum exit_code {
	EXIT_CLEAN = 0,
	EXIT_FAILED = 1,
	EXIT_MISUSED = 2,
	EXIT_FINDINGS = 3,
};

struct option_spec {
	const char *name;	/* without the dashes */
	const char *arg;	/* what the value is, as shown: "DURATION"; NULL: a flag, set() gets "" */
	const char *help;
	int (*set)(void *config, struct str value, struct err *err);
	const char *words;	/* possible values for completion, separated by spaces; NULL: any */
};

struct command {
	const char *name;
	const char *operands;	/* as shown: "FILE"; NULL: takes none */
	const char *summary;	/* one line */
	const char *about;	/* paragraphs */
	const char *examples;	/* lines "  command\n" */
	const struct option_spec *options;
	size_t nr_options;
	size_t config_size;
	void (*defaults)(void *config);
	int (*operand)(void *config, struct str value, struct err *err);
	enum exit_code (*run)(void *config);
	void (*done)(void *config);
};

/* All commands, in the order in which help shows them. Ends with a NULL. */
extern const struct command *const commands[];

/* Parse argv, run the command. Errors of use go to stderr, with what to try. */
enum exit_code cli_main(int argc, char **argv);

void cli_help(FILE *out, const struct command *command);	/* NULL: of anontap itself */
void cli_man(FILE *out);
int cli_completion(FILE *out, struct str shell, struct err *err);	/* "bash"; -EINVAL */

/* Parse "30s", "5m", "1h30m", "500ms" or plain seconds. Returns 0; -EINVAL, -ERANGE. */
int cli_duration(struct str value, uint64_t *ret_ns, struct err *err);

/* The word among `words` (separated by spaces) nearest to `s`, for "did you mean". "" when none is near. */
struct str cli_nearest(struct str s, const char *words);

#endif
