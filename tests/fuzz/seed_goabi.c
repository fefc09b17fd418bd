/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes the first inputs of fuzz_goabi: small programs as tests/unit/fakego.h makes them, one of each
 * form, named by their sha256.
 *
 *	cc -D_GNU_SOURCE -Iuser -Itests -o seed_goabi tests/fuzz/seed_goabi.c -lcrypto
 *	./seed_goabi tests/fuzz/corpus/goabi
 */
#include <openssl/sha.h>

#include "unit/fakego.h"

static int write_seed(const char *dir, struct fakego f)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	char path[4096], hex[2 * sizeof(hash) + 1];
	FILE *out;
	int r;

	fakego_make(&f);
	SHA256(f.p, f.n, hash);
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	snprintf(path, sizeof(path), "%s/%s", dir, hex);
	out = fopen(path, "wb");
	r = out && fwrite(f.p, 1, f.n, out) == f.n ? 0 : 1;
	if (out && fclose(out) != 0)
		r = 1;
	printf("%s %zu bytes\n", path, f.n);
	fakego_done(&f);
	return r;
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	return write_seed(argv[1], (struct fakego){ .is_small = true, .is_go127 = true }) |
	       write_seed(argv[1], (struct fakego){ .is_small = true, .is_pie = true }) |
	       write_seed(argv[1], (struct fakego){ .is_small = true, .is_unsorted = true }) |
	       write_seed(argv[1], (struct fakego){ .is_pie = false });
}
