/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "fakego.h"
#include "godata.h"
#include "tap/elf.h"
#include "tap/goabi.h"
#include "tap/gosym.h"

#define NO_GO "there is no go to build the test program with"

static int parse(const uint8_t *p, size_t n, struct goabi *abi, struct err *err)
{
	struct elf e;
	int r = elf_open_memory(&e, p, n, "fake", err);

	if (r < 0)
		return r;
	r = goabi_parse(&e, abi, err);
	elf_done(&e);
	return r;
}

static int parse_fake(struct fakego f, struct goabi *abi, struct err *err)
{
	int r;

	fakego_make(&f);
	r = parse(f.p, f.n, abi, err);
	fakego_done(&f);
	return r;
}

/* With these edits, the program is refused, with this sentence. */
static void check_refused(struct fakego f, int want, const char *sentence)
{
	struct goabi abi = { .nr_functions = 77 };
	struct err err = { "" };

	CHECK_INT(parse_fake(f, &abi, &err), want);
	CHECK_STR(str_of(err.text), sentence);
	CHECK_INT(abi.nr_functions, 77);
}

static size_t count_sites(const struct goabi *abi, enum probe probe, int stack)
{
	size_t nr = 0;

	for (size_t i = 0; i < abi->nr_sites; i++)
		nr += abi->sites[i].probe == probe && abi->sites[i].stack == stack;
	return nr;
}

#define EDIT(...) ((struct fakego){ .edits = { __VA_ARGS__ } })

/* ---- against the debug information of a real program ------------------------------------------ */

#define FIELD(field, query)	{ offsetof(struct tap_layout, field), query }
#define H2_FIELD(field, query)	{ offsetof(struct tap_layout, h2[TAP_STACK_BUNDLED].field), query }

/* H2 is replaced by what the bundle's types begin with, P by what its names begin with. */
static const struct {
	size_t at;
	const char *query;
} layout_fields[] = {
	FIELD(conn_conn, "crypto/tls.Conn conn"),
	FIELD(conn_is_client, "crypto/tls.Conn isClient"),
	FIELD(conn_vers, "crypto/tls.Conn vers"),
	FIELD(conn_active, "crypto/tls.Conn activeCall"),
	FIELD(conn_certs, "crypto/tls.Conn peerCertificates"),
	FIELD(conn_sni, "crypto/tls.Conn serverName"),
	FIELD(conn_alpn, "crypto/tls.Conn clientProtocol"),
	FIELD(conn_in_seq, "crypto/tls.Conn in.seq"),
	FIELD(conn_input_pos, "crypto/tls.Conn input.i"),
	FIELD(cert_raw, "crypto/x509.Certificate Raw"),
	FIELD(tcp_fd, "net.TCPConn conn.fd"),
	FIELD(netfd_sysfd, "net.netFD pfd.Sysfd"),
	FIELD(netfd_laddr, "net.netFD laddr"),
	FIELD(netfd_raddr, "net.netFD raddr"),
	FIELD(addr_ip, "net.TCPAddr IP"),
	FIELD(addr_port, "net.TCPAddr Port"),
	FIELD(reader_buf, "bufio.Reader buf"),
	FIELD(reader_r, "bufio.Reader r"),
	FIELD(reader_w, "bufio.Reader w"),
	FIELD(writer_n, "bufio.Writer n"),
	FIELD(h1_rwc, "net/http.conn rwc"),
	FIELD(h1_r, "net/http.conn r"),
	FIELD(h1_bufr, "net/http.conn bufr"),
	FIELD(h1_bufw, "net/http.conn bufw"),
	FIELD(h1_cur_req, "net/http.conn curReq"),
	FIELD(res_conn, "net/http.response conn"),
	FIELD(res_written, "net/http.response written"),
	FIELD(cw_res, "net/http.chunkWriter res"),
	FIELD(cr_conn, "net/http.connReader conn"),
	FIELD(cr_has_byte, "net/http.connReader hasByte"),
	FIELD(cr_byte, "net/http.connReader byteBuf"),
	H2_FIELD(framer_r, "H2Framer r"),
	H2_FIELD(framer_meta, "H2Framer ReadMetaHeaders"),
	H2_FIELD(frame_flags, "H2HeadersFrame PFrameHeader.Flags"),
	H2_FIELD(frame_stream, "H2HeadersFrame PFrameHeader.StreamID"),
	H2_FIELD(frame_frag, "H2HeadersFrame headerFragBuf"),
	H2_FIELD(dec_table, "vendor/golang.org/x/net/http2/hpack.Decoder dynTab.table"),
	H2_FIELD(dec_size, "vendor/golang.org/x/net/http2/hpack.Decoder dynTab.size"),
	H2_FIELD(dec_max, "vendor/golang.org/x/net/http2/hpack.Decoder dynTab.maxSize"),
	H2_FIELD(enc_table, "vendor/golang.org/x/net/http2/hpack.Encoder dynTab.table"),
	H2_FIELD(enc_size, "vendor/golang.org/x/net/http2/hpack.Encoder dynTab.size"),
	H2_FIELD(enc_max, "vendor/golang.org/x/net/http2/hpack.Encoder dynTab.maxSize"),
	H2_FIELD(table_ents, "vendor/golang.org/x/net/http2/hpack.headerFieldTable ents"),
	H2_FIELD(field_size, "size vendor/golang.org/x/net/http2/hpack.HeaderField"),
	H2_FIELD(field_name, "vendor/golang.org/x/net/http2/hpack.HeaderField Name"),
	H2_FIELD(field_value, "vendor/golang.org/x/net/http2/hpack.HeaderField Value"),
	H2_FIELD(sc_conn, "H2serverConn conn"),
	H2_FIELD(sc_bw, "H2serverConn bw"),
	H2_FIELD(sc_encoder, "H2serverConn hpackEncoder"),
	H2_FIELD(bw_bw, "H2bufferedWriter bw"),
	H2_FIELD(res_stream, "H2writeResHeaders streamID"),
};
#define NR_FIELDS (sizeof(layout_fields) / sizeof(*layout_fields))

static int ask_layout(long long *want)
{
	static const char *const is_internal[] = { "size net/http/internal/http2.Framer" };
	const char *query[NR_FIELDS], *h2 = "net/http.http2", *prefix = "http2";
	char text[NR_FIELDS][160];
	long long size;

	if (godata_ask(is_internal, 1, &size) < 0)
		return -1;
	if (size > 0) { /* Go 1.27 */
		h2 = "net/http/internal/http2.";
		prefix = "";
	}
	for (size_t i = 0; i < NR_FIELDS; i++) {
		const char *q = layout_fields[i].query, *p = strstr(q, "PFrameHeader");

		if (p)
			snprintf(text[i], sizeof(text[i]), "%s%.*s%s%s", h2, (int)(p - q - 2), q + 2, prefix, p + 1);
		else if (strncmp(q, "H2", 2) == 0)
			snprintf(text[i], sizeof(text[i]), "%s%s", h2, q + 2);
		else
			snprintf(text[i], sizeof(text[i]), "%s", q);
		query[i] = text[i];
	}
	return godata_ask(query, NR_FIELDS, want);
}

static void check_layout(const char *path, const long long *want, struct goabi *abi)
{
	struct err err = { "" };

	CHECK_INT(goabi_read(path, abi, &err), 0);
	CHECK_STR(str_of(err.text), "");
	CHECK_INT(abi->layout.abi_version, TAP_ABI_VERSION);
	for (size_t i = 0; i < NR_FIELDS; i++) {
		__u16 got;

		memcpy(&got, (char *)&abi->layout + layout_fields[i].at, sizeof(got));
		if (got != want[i])
			printf("    %s:\n", layout_fields[i].query);
		CHECK_INT(got, want[i]);
	}
	CHECK(abi->sees_h1 && abi->sees_h2[TAP_STACK_BUNDLED] && !abi->sees_h2[TAP_STACK_XNET]);
	CHECK_STR(str_of(abi->h2_reason[TAP_STACK_XNET]), "it is not linked");
	CHECK_INT(count_sites(abi, PROBE_TLS_READ, 0), 1);
	CHECK(count_sites(abi, PROBE_TLS_WRITE, 0) >= 1);
	CHECK_INT(count_sites(abi, PROBE_TLS_CLOSE, 0), 1);
	CHECK_INT(count_sites(abi, PROBE_H1_REQUEST, 0), 1);
	CHECK_INT(count_sites(abi, PROBE_H1_RESPONSE, 0), 1);
	CHECK(count_sites(abi, PROBE_H1_FINISH, 0) >= 1);
	CHECK_INT(count_sites(abi, PROBE_H2_REQUEST, TAP_STACK_BUNDLED), 1);
	CHECK_INT(count_sites(abi, PROBE_H2_RESPONSE, TAP_STACK_BUNDLED), 1);
}

static void test_goabi__the_layout_is_what_the_debug_information_says(void)
{
	const char *stripped = godata(&godata_stripped), *pie = godata(&godata_pie);
	struct goabi abi, other;
	long long want[NR_FIELDS];

	if (!stripped || !pie || ask_layout(want) < 0)
		SKIP(NO_GO);
	check_layout(godata_full.path, want, &abi);
	CHECK(!abi.is_pie && abi.nr_functions > 1000);
	check_layout(stripped, want, &other);
	CHECK_INT(other.layout.read_frame, abi.layout.read_frame);
	CHECK_INT(other.nr_sites, abi.nr_sites);
	check_layout(pie, want, &other);
	CHECK(other.is_pie);
	CHECK_INT(other.layout.read_frame, abi.layout.read_frame);
}

static void test_goabi__a_site_is_the_instruction_in_the_file(void)
{
	const char *path = godata(&godata_stripped);
	struct goabi abi;
	uint8_t *p;
	size_t n;

	if (!path || !(p = godata_load(path, &n)))
		SKIP(NO_GO);
	CHECK_INT(goabi_read(path, &abi, NULL), 0);
	for (size_t i = 0; i < abi.nr_sites; i++) {
		const struct goabi_site *s = &abi.sites[i];

		CHECK(s->off < n && memcmp(p + s->off, s->bytes, s->len) == 0);
		if (strcmp(abi.machine, "x86-64") == 0) /* both are emulated, not stepped */
			CHECK((s->len == 5 && s->bytes[0] == 0xe8) || (s->len == 1 && s->bytes[0] == 0x55));
	}
	free(p);
}

static void test_goabi__nothing_stays_open(void)
{
	int before = dup(0), after;
	struct goabi abi;

	close(before);
	CHECK_INT(goabi_read("/proc/self/exe", &abi, NULL), -ENODATA);
	after = dup(0);
	close(after);
	CHECK_INT(after, before);
}

/* ---- what it makes of programs that do not fit ------------------------------------------------ */

static void check_fake_layout(const struct goabi *abi)
{
	const struct tap_layout *l = &abi->layout;

	CHECK_INT(l->read_frame, 0x60);
	CHECK_INT(l->conn_in_seq, 368 + 64);
	CHECK_INT(l->conn_input_pos, 700 + 24);
	CHECK_INT(l->conn_active, 736);
	CHECK_INT(l->netfd_sysfd, 16);
	CHECK_INT(l->writer_n, 40);
	CHECK_INT(l->h1_cur_req, 112);
	CHECK_INT(l->h2[TAP_STACK_XNET].sc_encoder, 456);
	CHECK_INT(l->h2[TAP_STACK_BUNDLED].sc_encoder, 432);
	CHECK_INT(l->h2[TAP_STACK_BUNDLED].enc_table, 8);
	CHECK_INT(l->h2[TAP_STACK_BUNDLED].enc_max, 8 + 52);
	CHECK_INT(l->h2[TAP_STACK_XNET].field_size, 40);
	CHECK_INT(l->h2[TAP_STACK_XNET].frame_stream, 8);
}

static void test_goabi__the_fake_program_is_read_in_every_form(void)
{
	struct fakego forms[] = { { .is_pie = false }, { .is_go127 = true }, { .is_pie = true }, { .is_unsorted = true } };
	struct goabi abi;

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		CHECK_INT(parse_fake(forms[i], &abi, NULL), 0);
		CHECK(abi.sees_h1 && abi.sees_h2[0] && abi.sees_h2[1]);
		CHECK_INT(abi.nr_sites, 11);
		CHECK_INT(abi.is_pie, forms[i].is_pie);
		check_fake_layout(&abi);
	}
}

static void test_goabi__go_1_27_has_the_bundle_in_a_package_of_its_own(void)
{
	struct fakego f = EDIT({ "golang.org/x/net/http2.(*Framer)", "net/http/internal/http2.(*Framer)" },
			       { "golang.org/x/net/http2.(*writeRes", "net/http/internal/http2.(*writeRes" },
			       { "net/http.(*http2Framer)", "x.(*http2Framer)" }, { "net/http.(*http2write", "x.(*http2write" },
			       { "golang.org/x/net/http2 http2.Framer", "net/http/internal/http2 http2.Framer" },
			       { "golang.org/x/net/http2 http2.HeadersF", "net/http/internal/http2 http2.HeadersF" },
			       { "golang.org/x/net/http2 http2.serverC", "net/http/internal/http2 http2.serverC" },
			       { "golang.org/x/net/http2 http2.writeRes", "net/http/internal/http2 http2.writeRes" });
	struct goabi abi;

	f.is_go127 = true;
	CHECK_INT(parse_fake(f, &abi, NULL), 0);
	CHECK(!abi.sees_h2[TAP_STACK_XNET] && abi.sees_h2[TAP_STACK_BUNDLED]);
	CHECK_STR(str_of(abi.h2_reason[TAP_STACK_BUNDLED]), "");
	CHECK_INT(count_sites(&abi, PROBE_H2_REQUEST, TAP_STACK_BUNDLED), 1);
	CHECK_INT(abi.layout.h2[TAP_STACK_BUNDLED].sc_encoder, 456);
}

static void test_goabi__a_vendored_copy_is_the_x_net_stack(void)
{
	struct fakego f = EDIT({ "golang.org/x/net/http2.(*Framer)", "k8s.io/kubernetes/vendor/golang.org/x/net/http2.(*Framer)" },
			       { "golang.org/x/net/http2.(*writeRes", "k8s.io/kubernetes/vendor/golang.org/x/net/http2.(*writeRes" },
			       { "golang.org/x/net/http2 http2.Framer", "k8s.io/kubernetes/vendor/golang.org/x/net/http2 http2.Framer" });
	struct goabi abi;

	CHECK_INT(parse_fake(f, &abi, NULL), 0);
	CHECK(abi.sees_h2[TAP_STACK_XNET]);
}

static void test_goabi__a_program_without_tls_is_told_so(void)
{
	check_refused(EDIT({ "crypto/tls.(*Conn).Read ", "crypto/tls.(*Conn).Rea " },
			   { "crypto/tls.(*Conn).Write ", "crypto/tls.(*Conn).Writ " }),
		      -ENOENT, "fake (go1.26): it has no crypto/tls");
	check_refused(EDIT({ "crypto/tls.(*Conn).Close ", "crypto/tls.(*Conn).Clos " }), -ENOTSUP,
		      "fake (go1.26): there is no crypto/tls.(*Conn).Close");
}

static void test_goabi__the_number_of_call_sites_must_be_the_known_one(void)
{
	check_refused(EDIT({ "spill,call=runtime.memmove", "spill,call=runtime.memmove,call=runtime.memmove" }), -ENOTSUP,
		      "fake (go1.26): crypto/tls.(*Conn).Read calls runtime.memmove 2 times, not 1 to 1");
	check_refused(EDIT({ "spill,call=runtime.memmove", "spill,call=main.main" }), -ENOTSUP,
		      "fake (go1.26): crypto/tls.(*Conn).Read calls runtime.memmove 0 times, not 1 to 1");
	check_refused(EDIT({ "call=crypto/tls.(*Conn).writeRecordLocked,call=crypto/tls.(*Conn).writeRecordLocked",
			     "call=main.main" }),
		      -ENOTSUP,
		      "fake (go1.26): crypto/tls.(*Conn).Write calls crypto/tls.(*Conn).writeRecordLocked 0 times, not 1 to 4");
}

static void test_goabi__code_of_another_form_is_refused_by_name(void)
{
	check_refused(EDIT({ "entry,spill", "entry" }), -ENOTSUP,
		      "fake (go1.26): the receiver is not kept at a known place in crypto/tls.(*Conn).Read");
	check_refused(EDIT({ "entry,spill", "entry,spill,clobber" }), -ENOTSUP,
		      "fake (go1.26): the receiver is not kept at a known place in crypto/tls.(*Conn).Read");
	check_refused(EDIT({ "Close entry", "Close arg,entry" }), -ENOTSUP,
		      "fake (go1.26): no prologue of a known form in crypto/tls.(*Conn).Close");
	check_refused(EDIT({ "entry,spill", "entry,spill,bad" }), -ENOTSUP,
		      "fake (go1.26): no calls can be told in crypto/tls.(*Conn).Read: an instruction cannot be decoded");
}

static void test_goabi__before_go_1_21_the_frame_is_taken_at_once(void)
{
	struct goabi abi;

	CHECK_INT(parse_fake(EDIT({ "Read entry,spill", "Read old,spillold" }), &abi, NULL), 0);
	CHECK_INT(abi.layout.read_frame, 0x58);
}

static void test_goabi__a_field_that_does_not_fit_is_refused_by_name(void)
{
	check_refused(EDIT({ "vers:72:", "version:72:" }), -ENOTSUP,
		      "fake (go1.26): the type information has no tls.Conn.vers");
	check_refused(EDIT({ "vers:72:uint16", "vers:72:uint32" }), -ENOTSUP,
		      "fake (go1.26): tls.Conn.vers is a uint32, not a uint16");
	check_refused(EDIT({ "seq:64:[8]uint8", "seq:64:uint64" }), -ENOTSUP,
		      "fake (go1.26): tls.Conn.in.seq is a uint64, not a [8]uint8");
	check_refused(EDIT({ "isClient:16:", "isClient:24:" }), -ENOTSUP,
		      "fake (go1.26): tls.Conn.conn and .isClient are at offsets 0 and 24, not 0 and 16");
	check_refused(EDIT({ "tls.Conn 848", "tls.Conn 99999" }, { "vers:72:", "vers:70000:" }), -ENOTSUP,
		      "fake (go1.26): tls.Conn.vers is at offset 70000, too far in");
	check_refused(EDIT({ "net net.TCPAddr", "other net.TCPAddr" }), -ENOTSUP,
		      "fake (go1.26): there is no type information for net.TCPAddr of net");
}

static void test_goabi__a_counter_of_calls_is_not_required(void)
{
	struct goabi abi;

	CHECK_INT(parse_fake(EDIT({ "v:0:int32", "v:0:int64" }), &abi, NULL), 0);
	CHECK_INT(abi.layout.conn_active, 0);
	CHECK_INT(parse_fake(EDIT({ "activeCall:736:atomic.Int32", "activeCall:736:int32" }), &abi, NULL), 0); /* Go 1.18 */
	CHECK_INT(abi.layout.conn_active, 736);
}

static void test_goabi__a_server_that_does_not_fit_is_left_out_whole(void)
{
	struct goabi abi;

	CHECK_INT(parse_fake(EDIT({ "hasByte:32:bool", "hasByte:32:uint8" }), &abi, NULL), 0);
	CHECK(!abi.sees_h1 && abi.sees_h2[0] && abi.sees_h2[1]);
	CHECK_STR(str_of(abi.h1_reason), "http.connReader.hasByte is a uint8, not a bool");
	CHECK_INT(abi.layout.h1_rwc, 0);
	CHECK_INT(abi.layout.writer_n, 40); /* HTTP/2 wants it too */
	CHECK(!count_sites(&abi, PROBE_H1_REQUEST, 0) && !count_sites(&abi, PROBE_H1_RESPONSE, 0) &&
	      !count_sites(&abi, PROBE_H1_FINISH, 0));

	CHECK_INT(parse_fake(EDIT({ "net/http.(*chunkWriter).writeHeader", "net/http.writeHeader" }), &abi, NULL), 0);
	CHECK_STR(str_of(abi.h1_reason), "there is no net/http.(*chunkWriter).writeHeader");

	CHECK_INT(parse_fake(EDIT({ "call=net/http.(*connReader).abortPendingRead", "call=main.main" }), &abi, NULL), 0);
	CHECK_STR(str_of(abi.h1_reason), "net/http.(*response).finishRequest calls net/http.(*connReader).abortPendingRead "
					 "0 times, not 1 to 4");

	CHECK_INT(parse_fake(EDIT({ "hpackEncoder:456:*hpack.Encoder", "hpackEncoder:456:hpack.Encoder" }), &abi, NULL), 0);
	CHECK(abi.sees_h1 && !abi.sees_h2[TAP_STACK_XNET] && abi.sees_h2[TAP_STACK_BUNDLED]);
	CHECK_STR(str_of(abi.h2_reason[TAP_STACK_XNET]), "the type information has no hpack.Encoder");
	CHECK(!count_sites(&abi, PROBE_H2_REQUEST, TAP_STACK_XNET) && count_sites(&abi, PROBE_H2_REQUEST, TAP_STACK_BUNDLED));
	CHECK_INT(abi.layout.h2[TAP_STACK_XNET].sc_bw, 0);
}

static void test_goabi__two_copies_of_a_server_are_not_guessed_between(void)
{
	struct goabi abi;

	CHECK_INT(parse_fake(EDIT({ "main.main leaf", "x/vendor/golang.org/x/net/http2.(*Framer).readMetaFrame entry" }), &abi, NULL), 0);
	CHECK(!abi.sees_h2[TAP_STACK_XNET]);
	CHECK_STR(str_of(abi.h2_reason[TAP_STACK_XNET]), "there are 2 functions golang.org/x/net/http2.(*Framer).readMetaFrame");
}

static void test_goabi__probes_have_names(void)
{
	for (int i = 0; i < PROBE_MAX; i++)
		CHECK(probe_name((enum probe)i)[0]);
	CHECK_STR(str_of(probe_name(PROBE_MAX)), "unknown");
}

/* ---- hostile files: any result will do, within bounds ----------------------------------------- */

/* A copy of exactly its size, so that the sanitizer sees a read past its end. */
static int parse_copy(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	struct goabi abi;
	int r;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, p, n);
	r = parse(copy, n, &abi, NULL);
	free(copy);
	return r;
}

static void test_goabi__a_fake_cut_anywhere_ends_in_an_answer(void)
{
	struct fakego f = { 0 };
	int r = 0;

	fakego_make(&f);
	for (size_t n = 0; n < f.n; n += 7) {
		uint8_t *p = malloc(f.n);
		Elf64_Phdr ph;

		CHECK(parse_copy(f.p, n) < 0);
		/* and with the last segment ending where the file does, so that what is left is read */
		memcpy(p, f.p, f.n);
		for (int i = 0; i < 3; i++) {
			uint8_t *at = p + sizeof(Elf64_Ehdr) + (size_t)i * sizeof(ph);

			memcpy(&ph, at, sizeof(ph));
			if (ph.p_offset + ph.p_filesz > n)
				ph.p_filesz = ph.p_offset < n ? n - ph.p_offset : 0;
			if (!ph.p_filesz)
				ph.p_type = PT_NULL;
			memcpy(at, &ph, sizeof(ph));
		}
		r = parse_copy(p, n);
		CHECK(r <= 0);
		free(p);
	}
	CHECK_INT(r, 0); /* only the end of the build information was missing */
	fakego_done(&f);
}

static void test_goabi__ten_thousand_damaged_fakes_end_in_an_answer(void)
{
	struct fakego forms[] = { { .is_pie = false }, { .is_go127 = true }, { .is_pie = true } };
	uint64_t seed = 1;
	int ok = 0;

	for (size_t k = 0; k < 3; k++) {
		struct fakego *f = &forms[k];

		fakego_make(f);
		for (int i = 0; i < 3334; i++) {
			uint8_t saved[8];
			size_t at[8], nr = 1 + godata_random(&seed) % 8;

			for (size_t j = 0; j < nr; j++) {
				at[j] = godata_random(&seed) % f->n;
				saved[j] = f->p[at[j]];
				/* small and large numbers are likelier to matter than any others */
				f->p[at[j]] = (uint8_t[]){ 0, 1, 0x7f, 0x80, 0xff, (uint8_t)godata_random(&seed),
							   (uint8_t)(saved[j] + 8), (uint8_t)(saved[j] - 8) }[godata_random(&seed) % 8];
			}
			ok += parse_copy(f->p, f->n) == 0;
			while (nr--)
				f->p[at[nr]] = saved[nr];
		}
		CHECK_INT(parse_copy(f->p, f->n), 0);
		fakego_done(f);
	}
	CHECK(ok > 100 && ok < 9900); /* the damage is neither invisible nor always at the door */
}

static void test_goabi__a_real_program_cut_at_any_page_ends_in_an_answer(void)
{
	const char *path = godata(&godata_stripped);
	struct goabi abi;
	uint8_t *p;
	size_t n;
	int bad = 0;

	if (!path || !(p = godata_load(path, &n)))
		SKIP(NO_GO);
	for (size_t at = 0; at < n; at += 4096)
		bad += parse(p, at, &abi, NULL) > 0;
	CHECK_INT(bad, 0);
	free(p);
}

static void test_goabi__damage_in_a_real_programs_tables_ends_in_an_answer(void)
{
	const char *path = godata(&godata_stripped);
	uint64_t seed = 2, types;
	struct goabi abi;
	struct gosym g;
	struct elf e;
	uint8_t *p;
	size_t n;

	if (!path || !(p = godata_load(path, &n)))
		SKIP(NO_GO);
	CHECK_INT(elf_open_memory(&e, p, n, "it", NULL), 0);
	CHECK_INT(gosym_open(&g, &e, NULL), 0);
	CHECK_INT(elf_off(&e, g.types, 1, &types), 0);
	elf_done(&e);
	for (int i = 0; i < 400; i++) {
		size_t base[] = { g.pclntab, g.functab, types, 0 }, size[] = { 72, 65536, (size_t)(g.etypes - g.types), 4096 };
		size_t which = godata_random(&seed) % 4, at = base[which] + godata_random(&seed) % size[which];
		uint8_t saved = p[at];

		p[at] = (uint8_t)godata_random(&seed);
		CHECK(parse(p, n, &abi, NULL) <= 0);
		p[at] = saved;
	}
	free(p);
}

int main(void)
{
	RUN(test_goabi__the_layout_is_what_the_debug_information_says);
	RUN(test_goabi__a_site_is_the_instruction_in_the_file);
	RUN(test_goabi__nothing_stays_open);
	RUN(test_goabi__the_fake_program_is_read_in_every_form);
	RUN(test_goabi__go_1_27_has_the_bundle_in_a_package_of_its_own);
	RUN(test_goabi__a_vendored_copy_is_the_x_net_stack);
	RUN(test_goabi__a_program_without_tls_is_told_so);
	RUN(test_goabi__the_number_of_call_sites_must_be_the_known_one);
	RUN(test_goabi__code_of_another_form_is_refused_by_name);
	RUN(test_goabi__before_go_1_21_the_frame_is_taken_at_once);
	RUN(test_goabi__a_field_that_does_not_fit_is_refused_by_name);
	RUN(test_goabi__a_counter_of_calls_is_not_required);
	RUN(test_goabi__a_server_that_does_not_fit_is_left_out_whole);
	RUN(test_goabi__two_copies_of_a_server_are_not_guessed_between);
	RUN(test_goabi__probes_have_names);
	RUN(test_goabi__a_fake_cut_anywhere_ends_in_an_answer);
	RUN(test_goabi__ten_thousand_damaged_fakes_end_in_an_answer);
	RUN(test_goabi__a_real_program_cut_at_any_page_ends_in_an_answer);
	RUN(test_goabi__damage_in_a_real_programs_tables_ends_in_an_answer);
	return test_end();
}
