/* SPDX-License-Identifier: Apache-2.0
 *
 * One idea: a fuzzer is a function of bytes, so what it once found runs as a test in any build. Each
 * name is printed before its file is run: when the program dies, the last line names the culprit.
 *
 *	replay_jwt [FILE]...
 *
 * The empty input is always run, so that a fuzzer without a corpus is a test too.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The whole file, malloc'd to its very size so that a read beyond it is seen; NULL: unreadable. */
static uint8_t *slurp(const char *path, size_t *ret_size)
{
	uint8_t *data = NULL;
	FILE *f = fopen(path, "rb");
	long size;

	if (!f)
		return NULL;
	if (!fseek(f, 0, SEEK_END) && (size = ftell(f)) >= 0 && size <= (long)INPUT_MAX) {
		rewind(f);
		data = malloc(size ? (size_t)size : 1);
		if (data && fread(data, 1, (size_t)size, f) != (size_t)size) {
			free(data);
			data = NULL;
		}
		*ret_size = (size_t)size;
	}
	fclose(f);
	return data;
}

int main(int argc, char **argv)
{
	int passed = 1, failed = 0;

	puts("(empty)");
	fflush(stdout);
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++) {
		size_t size = 0;
		uint8_t *data = slurp(argv[i], &size);

		puts(argv[i]);
		fflush(stdout);
		if (!data) {
			printf("FAIL %s: cannot be read\n", argv[i]);
			failed++;
			continue;
		}
		LLVMFuzzerTestOneInput(data, size);
		free(data);
		passed++;
	}
	printf("%d passed, %d failed, 0 skipped\n", passed, failed);
	return failed ? 1 : 0;
}
