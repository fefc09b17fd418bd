/* SPDX-License-Identifier: Apache-2.0
 *
 * load - load each program of a BPF object and say what the verifier made of it.
 *
 *	load OBJECT
 *
 * Prints a line for each program: name, instructions processed, or the error with the end of the
 * verifier's log. Exits 1 when one does not load. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>

#define PROGRAMS_MAX 32
#define LOG_SIZE (1u << 20)

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0; /* the log below tells it */
}

int main(int argc, char **argv)
{
	struct bpf_program *p;
	struct bpf_object *object;
	char *logs[PROGRAMS_MAX] = { 0 };
	size_t n = 0;
	int r;

	if (argc != 2)
		return 2;
	(void)libbpf_set_print(quiet);
	object = bpf_object__open(argv[1]);
	if (!object) {
		fprintf(stderr, "cannot open %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	bpf_object__for_each_program(p, object) {
		if (n == PROGRAMS_MAX || !(logs[n] = calloc(1, LOG_SIZE)))
			return 1;
		(void)bpf_program__set_log_buf(p, logs[n++], LOG_SIZE);
		(void)bpf_program__set_log_level(p, 4); /* statistics only */
	}
	r = bpf_object__load(object);
	n = 0;
	bpf_object__for_each_program(p, object) {
		const char *stats = strstr(logs[n], "processed ");

		if (stats)
			printf("%s %lu\n", bpf_program__name(p), strtoul(stats + 10, NULL, 10));
		else
			printf("%s not verified: %s\n", bpf_program__name(p),
			       logs[n] + (strlen(logs[n]) > 800 ? strlen(logs[n]) - 800 : 0));
		free(logs[n++]);
	}
	if (r)
		fprintf(stderr, "the kernel refused %s: %s\n", argv[1], strerror(-r));
	bpf_object__close(object);
	return r ? 1 : 0;
}
