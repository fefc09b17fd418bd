/* SPDX-License-Identifier: Apache-2.0
 *
 * One idea: an option is a row in a table. What the row says is what help prints, what completion
 * offers and what the parser takes; there is no second place.
 */
#include "cmd/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "version.h"

#define NAME_COLUMN 30

/* Terminal columns of a word of ours: "…" is three bytes and one column. */
static int columns_of(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void put_option(FILE *out, const struct option_spec *o)
{
	char left[64];
	const char *help = o->help, *line_end;
	int room;

	(void)snprintf(left, sizeof(left), "--%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
	room = NAME_COLUMN - columns_of(left);
	fprintf(out, "  %s%*s", left, room > 0 ? room : 0, "");
	if (room < 2)
		fprintf(out, "\n  %-*s", NAME_COLUMN, "");
	while ((line_end = strchr(help, '\n'))) {
		fprintf(out, "%.*s\n  %-*s", (int)(line_end - help), help, NAME_COLUMN, "");
		help = line_end + 1;
	}
	fprintf(out, "%s\n", help);
}

static void help_of_all(FILE *out)
{
	fputs("anontap: who called the Kubernetes API, with what credential, and what became of it -\n"
	      "read from the live TLS traffic of kube-apiserver.\n\n"
	      "Usage: anontap COMMAND [OPTIONS]\n\nCommands:\n", out);
	for (size_t i = 0; commands[i]; i++)
		fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nanontap COMMAND --help tells of each. Exit codes: 0 clean, 1 failed, 2 misused, 3 findings.\n", out);
}

void cli_help(FILE *out, const struct command *c)
{
	if (!c) {
		help_of_all(out);
		return;
	}
	fprintf(out, "anontap %s - %s\n\nUsage: anontap %s%s%s%s\n", c->name, c->summary, c->name,
		c->nr_options ? " [OPTIONS]" : "", c->operands ? " " : "", c->operands ? c->operands : "");
	if (c->about)
		fprintf(out, "\n%s", c->about);
	if (c->nr_options) {
		fputs("\nOptions:\n", out);
		for (size_t i = 0; i < c->nr_options; i++)
			put_option(out, &c->options[i]);
	}
	if (c->examples)
		fprintf(out, "\nExamples:\n%s", c->examples);
}

/* ---- man page and completion */

static void put_roff(FILE *out, const char *text)
{
	bool is_line_start = true;

	for (; *text; text++) {
		if (is_line_start && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		if (*text == '-')
			fputs("\\-", out);
		else if (*text == '\\')
			fputs("\\e", out);
		else
			fputc(*text, out);
		is_line_start = *text == '\n';
	}
}

void cli_man(FILE *out)
{
	fprintf(out, ".TH ANONTAP 8 \"\" \"anontap %s\"\n.SH NAME\nanontap \\- who called the Kubernetes API, with what "
		"credential\n.SH SYNOPSIS\n.B anontap\n.I COMMAND\n[\\fIOPTIONS\\fR]\n", ANONTAP_VERSION);
	for (size_t i = 0; commands[i]; i++) {
		const struct command *c = commands[i];

		fprintf(out, ".SH %s\n.B anontap %s\n%s\n.PP\n", c->name, c->name, c->operands ? c->operands : "");
		put_roff(out, c->summary);
		fputs(".\n.PP\n", out);
		if (c->about) {
			fputs(".nf\n", out);
			put_roff(out, c->about);
			fputs(".fi\n", out);
		}
		for (size_t k = 0; k < c->nr_options; k++) {
			fprintf(out, ".TP\n.B \\-\\-%s\n", c->options[k].name);
			if (c->options[k].arg)
				fprintf(out, ".I %s\n.br\n", c->options[k].arg);
			put_roff(out, c->options[k].help);
			fputc('\n', out);
		}
		if (c->examples) {
			fputs(".PP\n.nf\n", out);
			put_roff(out, c->examples);
			fputs(".fi\n", out);
		}
	}
	fputs(".SH EXIT STATUS\n0 clean, 1 failed, 2 misused, 3 findings.\n", out);
}

int cli_completion(FILE *out, struct str shell, struct err *err)
{
	if (!str_eq(shell, STR("bash")))
		return err_set(err, -EINVAL, "no completion for \"%.*s\": there is one for bash", STR_ARG(shell));
	fputs("# bash completion for anontap\n_anontap()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tCOMPREPLY=()\n\tif ((COMP_CWORD == 1)); then\n\t\tmapfile -t COMPREPLY < <(compgen -W \"", out);
	for (size_t i = 0; commands[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", commands[i]->name);
	fputs("\" -- \"$cur\")\n\t\treturn\n\tfi\n\tcase ${COMP_WORDS[1]}:$prev in\n", out);
	for (size_t i = 0; commands[i]; i++)
		for (size_t k = 0; k < commands[i]->nr_options; k++)
			if (commands[i]->options[k].words)
				fprintf(out, "\t%s:--%s) mapfile -t COMPREPLY < <(compgen -W \"%s\" -- \"$cur\") && return ;;\n",
					commands[i]->name, commands[i]->options[k].name, commands[i]->options[k].words);
	fputs("\tesac\n\tcase ${COMP_WORDS[1]} in\n", out);
	for (size_t i = 0; commands[i]; i++) {
		fprintf(out, "\t%s) mapfile -t COMPREPLY < <(compgen -W \"--help", commands[i]->name);
		for (size_t k = 0; k < commands[i]->nr_options; k++)
			fprintf(out, " --%s", commands[i]->options[k].name);
		fprintf(out, "\" -- \"$cur\"%s) ;;\n", commands[i]->operands ? "; compgen -f -- \"$cur\"" : "");
	}
	fputs("\tesac\n}\ncomplete -F _anontap anontap\n", out);
	return 0;
}

/* ---- words */

/* Edits between two short words (Levenshtein). */
static size_t distance(struct str a, struct str b)
{
	size_t row[33];

	if (a.n > 32 || b.n > 32)
		return 32;
	for (size_t k = 0; k <= b.n; k++)
		row[k] = k;
	for (size_t i = 1; i <= a.n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t k = 1; k <= b.n; k++) {
			size_t change = diagonal + (a.p[i - 1] != b.p[k - 1]), above = row[k] + 1, left = row[k - 1] + 1;

			diagonal = row[k];
			row[k] = change < above ? change : above;
			if (left < row[k])
				row[k] = left;
		}
	}
	return row[b.n];
}

struct str cli_nearest(struct str s, const char *words)
{
	struct str rest = str_of(words), best = { 0 };
	size_t best_distance = s.n / 2 + 1;

	while (rest.n) {
		struct str word = str_take_until(&rest, ' ');
		size_t d = distance(s, word);

		if (d < best_distance) {
			best_distance = d;
			best = word;
		}
	}
	return best;
}

int cli_duration(struct str value, uint64_t *ret_ns, struct err *err)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = { { "ms", 1000000 }, { "s", 1000000000 }, { "m", 60000000000 }, { "h", 3600000000000 } };
	struct str rest = value;
	uint64_t total = 0, n;

	if (!str_u64(value, 1000000000, &n)) {
		*ret_ns = n * 1000000000;
		return 0;
	}
	while (rest.n) {
		size_t digits = 0, letters = 0, i;

		while (digits < rest.n && rest.p[digits] >= '0' && rest.p[digits] <= '9')
			digits++;
		while (digits + letters < rest.n && rest.p[digits + letters] >= 'a' && rest.p[digits + letters] <= 'z')
			letters++;
		for (i = 0; i < 4; i++)
			if (str_eq((struct str){ rest.p + digits, letters }, str_of(units[i].unit)))
				break;
		if (i == 4 || str_u64(str_first(rest, digits), 1000000, &n))
			goto bad;
		total += n * units[i].ns;
		rest = str_from(rest, digits + letters);
	}
	if (!total)
		goto bad;
	*ret_ns = total;
	return 0;
bad:
	return err_set(err, -EINVAL, "\"%.*s\" is not a duration: write 30s, 5m, 1h30m or 500ms", STR_ARG(value));
}

/* ---- parsing */

static const struct option_spec *option_named(const struct command *c, struct str name)
{
	for (size_t i = 0; i < c->nr_options; i++)
		if (str_eq(name, str_of(c->options[i].name)) ||
		    (name.n == 1 && name.p[0] == 'o' && !strcmp(c->options[i].name, "output")))
			return &c->options[i];
	return NULL;
}

static enum exit_code unknown_option(const struct command *c, struct str name)
{
	char words[1024] = "";
	size_t n = 0;
	struct str near;

	for (size_t i = 0; i < c->nr_options && n < sizeof(words); i++)
		n += (size_t)snprintf(words + n, sizeof(words) - n, "%s%s", i ? " " : "", c->options[i].name);
	near = cli_nearest(name, words);
	fprintf(stderr, "anontap %s: unknown option --%.*s", c->name, STR_ARG(name));
	if (near.n)
		fprintf(stderr, "; did you mean --%.*s?", STR_ARG(near));
	fprintf(stderr, "\nanontap %s --help lists them.\n", c->name);
	return EXIT_MISUSED;
}

static enum exit_code misused(const struct command *c, const struct err *err)
{
	fprintf(stderr, "anontap %s: %s\n", c->name, err->text);
	return EXIT_MISUSED;
}

static enum exit_code parse(const struct command *c, void *config, int argc, char **argv)
{
	bool is_operand = false;
	struct err err = { .text = "bad value" };

	for (int i = 0; i < argc; i++) {
		struct str word = str_of(argv[i]), name, value = { 0 };
		const struct option_spec *o;
		bool has_value;

		if (!is_operand && str_eq(word, STR("--"))) {
			is_operand = true;
			continue;
		}
		if (is_operand || !str_starts(word, STR("-")) || word.n == 1) {
			if (!c->operand) {
				fprintf(stderr, "anontap %s takes no operands: \"%s\"\n", c->name, argv[i]);
				return EXIT_MISUSED;
			}
			if (c->operand(config, word, &err))
				return misused(c, &err);
			continue;
		}
		name = str_from(word, str_starts(word, STR("--")) ? 2 : 1);
		has_value = str_has(name, '=');
		if (has_value) {
			value = name;
			name = str_take_until(&value, '=');
		}
		o = option_named(c, name);
		if (!o)
			return unknown_option(c, name);
		if (o->arg && !has_value) {
			if (++i == argc) {
				fprintf(stderr, "anontap %s: --%s needs a value: %s\n", c->name, o->name, o->arg);
				return EXIT_MISUSED;
			}
			value = str_of(argv[i]);
		} else if (!o->arg && has_value) {
			fprintf(stderr, "anontap %s: --%s takes no value\n", c->name, o->name);
			return EXIT_MISUSED;
		}
		if (o->set(config, value, &err)) {
			fprintf(stderr, "anontap %s: --%s: %s\n", c->name, o->name, err.text);
			return EXIT_MISUSED;
		}
	}
	return EXIT_CLEAN;
}

static const struct command *command_named(struct str name)
{
	for (size_t i = 0; commands[i]; i++)
		if (str_eq(name, str_of(commands[i]->name)))
			return commands[i];
	return NULL;
}

static enum exit_code unknown_command(struct str name)
{
	char words[256] = "";
	size_t n = 0;
	struct str near;

	for (size_t i = 0; commands[i] && n < sizeof(words); i++)
		n += (size_t)snprintf(words + n, sizeof(words) - n, "%s%s", i ? " " : "", commands[i]->name);
	near = cli_nearest(name, words);
	fprintf(stderr, "anontap: unknown command \"%.*s\"", STR_ARG(name));
	if (near.n)
		fprintf(stderr, "; did you mean %.*s?", STR_ARG(near));
	fputs("\nanontap --help lists them.\n", stderr);
	return EXIT_MISUSED;
}

static bool asks_for_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h");
}

enum exit_code cli_main(int argc, char **argv)
{
	const struct command *c;
	enum exit_code code;
	void *config;

	if (argc < 2) {
		help_of_all(stderr);
		return EXIT_MISUSED;
	}
	if (asks_for_help(argv[1])) {
		help_of_all(stdout);
		return EXIT_CLEAN;
	}
	c = command_named(!strcmp(argv[1], "--version") ? STR("version") : str_of(argv[1]));
	if (!c)
		return unknown_command(str_of(argv[1]));
	for (int i = 2; i < argc && strcmp(argv[i], "--"); i++) {
		if (asks_for_help(argv[i])) {
			cli_help(stdout, c);
			return EXIT_CLEAN;
		}
	}
	config = calloc(1, c->config_size ? c->config_size : 1);
	if (!config) {
		fputs("anontap: out of memory\n", stderr);
		return EXIT_FAILED;
	}
	if (c->defaults)
		c->defaults(config);
	code = parse(c, config, argc - 2, argv + 2);
	if (code == EXIT_CLEAN)
		code = c->run(config);
	if (c->done)
		c->done(config);
	free(config);
	return code;
}
