/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "fakego.h"
#include "godata.h"
#include "tap/gotype.h"

#define NO_GO "there is no go to build the test program with"

static int open_fake(struct fakego *f, struct elf *e, struct gosym *g, struct err *err)
{
	int r = elf_open_memory(e, f->p, f->n, "fake", err);

	return r < 0 ? r : gosym_open(g, e, err);
}

static void test_gosym__functions_are_where_the_debug_information_says(void)
{
	static const char *const names[] = { "crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write", "runtime.memmove",
					     "net/http.(*conn).readRequest", "main.main" };
	const char *queries[5];
	long long pc[5];
	char text[5][64];
	struct gofunc funcs[6];
	struct gosym g;
	struct elf e;

	for (int i = 0; i < 5; i++) {
		snprintf(text[i], sizeof(text[i]), "func %s", names[i]);
		queries[i] = text[i];
		funcs[i].name = names[i];
	}
	funcs[5].name = "crypto/tls.(*Conn).Rea";
	if (godata_ask(queries, 5, pc) < 0)
		SKIP(NO_GO);
	CHECK_INT(elf_open(&e, godata_full.path, NULL), 0);
	CHECK_INT(gosym_open(&g, &e, NULL), 0);
	CHECK(strncmp(g.version, "go1.", 4) == 0);
	CHECK_INT(gosym_find(&g, funcs, 6), 0);
	for (int i = 0; i < 5; i++) {
		CHECK_INT(funcs[i].nr, 1);
		CHECK_INT(funcs[i].va[0], pc[i]);
		CHECK(funcs[i].size[0] > 0);
	}
	CHECK_INT(funcs[5].nr, 0);
	elf_done(&e);
}

static void test_gosym__tables_are_found_without_section_headers(void)
{
	struct gofunc with = { .name = "crypto/tls.(*Conn).Read" }, without = with;
	const char *path = godata(&godata_stripped);
	struct gosym g, h;
	struct elf e, f;
	uint8_t *p;
	size_t n;

	if (!path || !(p = godata_load(path, &n)))
		SKIP(NO_GO);
	CHECK_INT(elf_open(&e, path, NULL), 0);
	CHECK_INT(gosym_open(&g, &e, NULL), 0);
	CHECK_INT(gosym_find(&g, &with, 1), 0);
	memset(p + offsetof(Elf64_Ehdr, e_shoff), 0, sizeof(Elf64_Off));
	CHECK_INT(elf_open_memory(&f, p, n, "no sections", NULL), 0);
	CHECK_INT(gosym_open(&h, &f, NULL), 0);
	CHECK_INT(gosym_find(&h, &without, 1), 0);
	CHECK_INT(without.nr, 1);
	CHECK_INT(without.va[0], with.va[0]);
	CHECK_STR(str_of(h.version), g.version);
	CHECK_INT(h.types, g.types);
	elf_done(&e);
	elf_done(&f);
	free(p);
}

static void test_gosym__a_vendored_name_is_the_same_name(void)
{
	struct str name = STR("golang.org/x/net/http2.F");

	CHECK(gosym_is_name(STR("golang.org/x/net/http2.F"), name));
	CHECK(gosym_is_name(STR("k8s.io/kubernetes/vendor/golang.org/x/net/http2.F"), name));
	CHECK(!gosym_is_name(STR("k8s.io/golang.org/x/net/http2.F"), name));
	CHECK(!gosym_is_name(STR("myvendor/golang.org/x/net/http2.F"), name));
	CHECK(!gosym_is_name(STR("olang.org/x/net/http2.F"), name));
	CHECK(!gosym_is_name(STR("golang.org/x/net/http2.Fx"), name));
}

static void test_gosym__all_functions_of_one_name_are_counted(void)
{
	struct fakego f = { .edits = { { "main.main leaf", "x/vendor/golang.org/x/net/http2.(*Framer).readMetaFrame leaf" } } };
	struct gofunc func = { .name = "golang.org/x/net/http2.(*Framer).readMetaFrame" };
	struct gosym g;
	struct elf e;

	fakego_make(&f);
	CHECK_INT(open_fake(&f, &e, &g, NULL), 0);
	CHECK_INT(gosym_find(&g, &func, 1), 0);
	CHECK_INT(func.nr, 2);
	CHECK(func.va[0] != func.va[1]);
	elf_done(&e);
	fakego_done(&f);
}

static void test_gosym__a_magic_alone_is_no_table(void)
{
	struct fakego f = { 0 };
	struct err err = { "" };
	struct gosym g;
	struct elf e;

	fakego_make(&f);
	memcpy(f.p + f.text + 64, f.p + f.pclntab, 8); /* as in the code of debug/gosym */
	CHECK_INT(open_fake(&f, &e, &g, NULL), 0);
	elf_done(&e);
	memset(f.p + f.pclntab, 0, 8);
	CHECK_INT(open_fake(&f, &e, &g, &err), -ENODATA);
	CHECK_STR(str_of(err.text), "fake is not a Go program (1.18 or later): it has no .gopclntab");
	elf_done(&e);
	fakego_done(&f);
}

static void test_gosym__a_moduledata_of_another_form_is_refused(void)
{
	struct fakego f = { 0 };
	struct err err = { "" };
	uint64_t word = 99;
	struct gosym g;
	struct elf e;

	fakego_make(&f);
	memcpy(f.p + f.module + 8 * 46, &word, 8); /* the typelinks: length and capacity differ */
	CHECK_INT(open_fake(&f, &e, &g, &err), -ENOTSUP);
	CHECK_STR(str_of(err.text), "fake (go1.26): its runtime.moduledata is of no known form");
	elf_done(&e);
	word = f.nr_links;
	memcpy(f.p + f.module + 8 * 46, &word, 8);
	CHECK_INT(open_fake(&f, &e, &g, NULL), 0);
	elf_done(&e);
	f.p[f.module + 8 * 62] ^= 1; /* a slice of something else where textsectmap should be */
	CHECK_INT(open_fake(&f, &e, &g, &err), -ENOTSUP);
	elf_done(&e);
	memset(f.p + f.module, 0, 8);
	CHECK_INT(open_fake(&f, &e, &g, &err), -ENODATA);
	CHECK_STR(str_of(err.text), "fake (go1.26): its runtime.moduledata was not found");
	elf_done(&e);
	fakego_done(&f);
}

static void test_gosym__code_in_several_sections_is_refused(void)
{
	struct fakego f = { 0 };
	struct err err = { "" };
	uint64_t two = 2;
	struct gosym g;
	struct elf e;

	fakego_make(&f);
	memcpy(f.p + f.module + 8 * 43, &two, 8);
	memcpy(f.p + f.module + 8 * 44, &two, 8);
	CHECK_INT(open_fake(&f, &e, &g, &err), -ENOTSUP);
	CHECK_STR(str_of(err.text), "fake (go1.26): its code is in several sections");
	elf_done(&e);
	fakego_done(&f);
}

static void test_gosym__a_program_without_build_information_is_still_read(void)
{
	struct fakego f = { 0 };
	struct gosym g;
	struct elf e;

	fakego_make(&f);
	f.p[f.version] = 0;
	CHECK_INT(open_fake(&f, &e, &g, NULL), 0);
	CHECK_STR(str_of(g.version), "unknown");
	elf_done(&e);
	fakego_done(&f);
}

static void test_gosym__a_version_is_made_printable(void)
{
	struct fakego f = { 0 };
	struct gosym g;
	struct elf e;

	fakego_make(&f);
	f.p[f.version + 34] = '\033';
	CHECK_INT(open_fake(&f, &e, &g, NULL), 0);
	CHECK_STR(str_of(g.version), "g?1.26");
	elf_done(&e);
	fakego_done(&f);
}

/* ---- types ----------------------------------------------------------------------------------- */

static const char *const queries[] = {
	"crypto/tls.Conn in.seq", "crypto/tls.Conn input.i", "net.netFD pfd.Sysfd", "size crypto/x509.Certificate",
	"net/http.response written",
};

static void check_types(const char *path, const long long *want)
{
	struct gotype_want w[] = { { "crypto/tls", "tls.Conn", 0 }, { "net", "net.netFD", 0 },
				   { "crypto/x509", "x509.Certificate", 0 }, { "net/http", "http.response", 0 } };
	char text[GOTYPE_NAME_MAX];
	uint64_t off, type;
	struct gosym g;
	struct elf e;

	CHECK_INT(elf_open(&e, path, NULL), 0);
	CHECK_INT(gosym_open(&g, &e, NULL), 0);
	CHECK_INT(gotype_find(&g, w, 4), 0);
	CHECK(gotype_field(&g, w[0].type, "in.seq", &off, &type) == 0 && (long long)off == want[0]);
	CHECK(gotype_string(&g, type, text) == 0 && strcmp(text, "[8]uint8") == 0);
	CHECK(gotype_field(&g, w[0].type, "input.i", &off, &type) == 0 && (long long)off == want[1]);
	CHECK_INT(gotype_field(&g, w[0].type, "input.nothing", &off, &type), -ENOENT);
	CHECK_INT(gotype_field(&g, w[0].type, "vers.x", &off, &type), -ENOENT);
	CHECK(gotype_field(&g, w[1].type, "pfd.Sysfd", &off, &type) == 0 && (long long)off == want[2]);
	CHECK(gotype_size(&g, w[2].type, &off) == 0 && (long long)off == want[3]);
	CHECK(gotype_field(&g, w[3].type, "written", &off, &type) == 0 && (long long)off == want[4]);
	CHECK(gotype_field(&g, w[0].type, "peerCertificates", &off, &type) == 0);
	CHECK(gotype_elem(&g, type, &type) == 0 && gotype_elem(&g, type, &type) == 0 && type == w[2].type);
	CHECK_INT(gotype_elem(&g, w[2].type, &type), -ENOENT);
	elf_done(&e);
}

static void test_gotype__fields_are_where_the_debug_information_says(void)
{
	const char *stripped = godata(&godata_stripped), *pie = godata(&godata_pie);
	long long want[5];

	if (!stripped || !pie || godata_ask(queries, 5, want) < 0)
		SKIP(NO_GO);
	check_types(godata_full.path, want);
	check_types(stripped, want);
	check_types(pie, want);
}

static uint32_t find_in_fake(struct fakego f, struct gotype_want *w, size_t nr)
{
	struct gosym g;
	uint32_t cost;
	struct elf e;

	fakego_make(&f);
	CHECK_INT(open_fake(&f, &e, &g, NULL), 0);
	cost = e.cost;
	CHECK_INT(gotype_find(&g, w, nr), 0);
	cost = e.cost - cost;
	elf_done(&e);
	fakego_done(&f);
	return cost;
}

static void test_gotype__what_the_sorted_links_do_not_have_is_found_by_walking(void)
{
	struct gotype_want w[] = { { "net/http", "http.http2serverConn", 0 }, { "golang.org/x/net/http2", "http2.Framer", 0 } };
	uint32_t sorted = find_in_fake((struct fakego){ 0 }, w, 2), unsorted;

	CHECK(w[0].type && w[1].type);
	unsorted = find_in_fake((struct fakego){ .is_unsorted = true }, w, 2);
	CHECK(w[0].type && w[1].type);
	CHECK(unsorted > 2 * sorted);
	(void)find_in_fake((struct fakego){ .is_go127 = true }, w, 2);
	CHECK(w[0].type && w[1].type);
}

static void test_gotype__a_package_is_told_by_its_path_not_by_its_name(void)
{
	struct gotype_want w[] = { { "net/http", "http2.Framer", 0 }, { "golang.org/x/net/http2", "http2.Framer", 0 } };

	(void)find_in_fake((struct fakego){ 0 }, w, 2);
	CHECK(!w[0].type && w[1].type);
	(void)find_in_fake((struct fakego){ .is_go127 = true }, w, 2);
	CHECK(!w[0].type && w[1].type);
}

static void test_gotype__go_1_18_offsets_are_shifted(void)
{
	struct gotype_want w = { "crypto/tls", "tls.Conn", 0 };
	struct fakego f = { 0 };
	uint64_t off, type;
	struct gosym g;
	struct elf e;

	fakego_make(&f);
	CHECK_INT(open_fake(&f, &e, &g, NULL), 0);
	CHECK(!g.offsets_are_shifted);
	CHECK_INT(gotype_find(&g, &w, 1), 0);
	g.offsets_are_shifted = true;
	CHECK(gotype_field(&g, w.type, "vers", &off, &type) == 0 && off == 36);
	elf_done(&e);
	fakego_done(&f);
}

static void test_gotype__descriptors_outside_the_types_are_refused(void)
{
	char text[GOTYPE_NAME_MAX];
	struct fakego f = { 0 };
	uint64_t off;
	struct gosym g;
	struct elf e;

	fakego_make(&f);
	CHECK_INT(open_fake(&f, &e, &g, NULL), 0);
	CHECK_INT(gotype_size(&g, g.types - 8, &off), -ERANGE);
	CHECK_INT(gotype_size(&g, g.etypes, &off), -ERANGE);
	CHECK_INT(gotype_size(&g, g.types + 4, &off), -ERANGE);
	CHECK_INT(gotype_string(&g, 0, text), -ERANGE);
	elf_done(&e);
	fakego_done(&f);
}

int main(void)
{
	RUN(test_gosym__functions_are_where_the_debug_information_says);
	RUN(test_gosym__tables_are_found_without_section_headers);
	RUN(test_gosym__a_vendored_name_is_the_same_name);
	RUN(test_gosym__all_functions_of_one_name_are_counted);
	RUN(test_gosym__a_magic_alone_is_no_table);
	RUN(test_gosym__a_moduledata_of_another_form_is_refused);
	RUN(test_gosym__code_in_several_sections_is_refused);
	RUN(test_gosym__a_program_without_build_information_is_still_read);
	RUN(test_gosym__a_version_is_made_printable);
	RUN(test_gotype__fields_are_where_the_debug_information_says);
	RUN(test_gotype__what_the_sorted_links_do_not_have_is_found_by_walking);
	RUN(test_gotype__a_package_is_told_by_its_path_not_by_its_name);
	RUN(test_gotype__go_1_18_offsets_are_shifted);
	RUN(test_gotype__descriptors_outside_the_types_are_refused);
	return test_end();
}
