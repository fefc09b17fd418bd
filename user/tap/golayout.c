/* SPDX-License-Identifier: Apache-2.0
 * One idea: a table of what to look for. Structs that are reached through a field of another one are
 * found so, which is exact where package names repeat; only the first ones are looked up by name.
 *
 * '%' stands for what differs between the copies of the HTTP/2 server: in a path the prefix of a
 * name ("http2"), in a type also the package ("http.http2").
 */
#include "tap/golayout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ROOTS_MAX 16
#define NAME_CAP  160

/* A struct to look into. By name: `name` with `package` (NULL: the stack's). Otherwise what stands at
 * `path` in an earlier root, `elems` times dereferenced. */
struct root {
	const char *package, *name;
	uint8_t from, elems;
	const char *path;
};

struct row {
	uint16_t at; /* in the output struct */
	uint8_t root;
	const char *path;
	const char *type;
};

struct spec {
	const struct root *roots;
	size_t nr_roots;
	const struct row *rows;
	size_t nr_rows;
};

#define COUNT(a)	   (sizeof(a) / sizeof(*(a)))
#define SPEC(roots, rows)  { roots, COUNT(roots), rows, COUNT(rows) }
#define ROW(field, ...)	   { offsetof(struct tap_layout, field), __VA_ARGS__ }
#define H2_ROW(field, ...) { offsetof(struct tap_h2_layout, field), __VA_ARGS__ }

/* ---- crypto/tls, net ------------------------------------------------------------------------- */

enum { CONN, TCP_CONN, TCP_ADDR, CERT, NETFD };

static const struct root tls_roots[] = {
	[CONN] = { "crypto/tls", "tls.Conn", 0, 0, NULL },
	[TCP_CONN] = { "net", "net.TCPConn", 0, 0, NULL },
	[TCP_ADDR] = { "net", "net.TCPAddr", 0, 0, NULL },
	[CERT] = { NULL, "x509.Certificate", CONN, 2, "peerCertificates" },
	[NETFD] = { NULL, "net.netFD", TCP_CONN, 1, "conn.fd" },
};

static const struct row tls_rows[] = {
	ROW(conn_conn, CONN, "conn", "net.Conn"),
	ROW(conn_is_client, CONN, "isClient", "bool"),
	ROW(conn_vers, CONN, "vers", "uint16"),
	ROW(conn_certs, CONN, "peerCertificates", "[]*x509.Certificate"),
	ROW(conn_sni, CONN, "serverName", "string"),
	ROW(conn_alpn, CONN, "clientProtocol", "string"),
	ROW(conn_in_seq, CONN, "in.seq", "[8]uint8"),
	ROW(conn_input_pos, CONN, "input.i", "int64"),
	ROW(cert_raw, CERT, "Raw", "[]uint8"),
	ROW(tcp_fd, TCP_CONN, "conn.fd", "*net.netFD"),
	ROW(netfd_sysfd, NETFD, "pfd.Sysfd", "int"),
	ROW(netfd_laddr, NETFD, "laddr", "net.Addr"),
	ROW(netfd_raddr, NETFD, "raddr", "net.Addr"),
	ROW(addr_ip, TCP_ADDR, "IP", "net.IP"),
	ROW(addr_port, TCP_ADDR, "Port", "int"),
};

/* May be missing: BPF takes 0 for not known. Up to Go 1.18 it is a plain int32. */
static const struct row tls_optional_rows[] = {
	ROW(conn_active, CONN, "activeCall.v", "int32"),
	ROW(conn_active, CONN, "activeCall", "int32"),
};

/* ---- net/http, HTTP/1.1 ---------------------------------------------------------------------- */

enum { RESPONSE, H1_CONN, CHUNK_WRITER, CONN_READER, READER, WRITER };

static const struct root h1_roots[] = {
	[RESPONSE] = { "net/http", "http.response", 0, 0, NULL },
	[H1_CONN] = { NULL, "http.conn", RESPONSE, 1, "conn" },
	[CHUNK_WRITER] = { NULL, "http.chunkWriter", RESPONSE, 0, "cw" },
	[CONN_READER] = { NULL, "http.connReader", H1_CONN, 1, "r" },
	[READER] = { NULL, "bufio.Reader", H1_CONN, 1, "bufr" },
	[WRITER] = { NULL, "bufio.Writer", H1_CONN, 1, "bufw" },
};

static const struct row h1_rows[] = {
	ROW(reader_buf, READER, "buf", "[]uint8"),
	ROW(reader_r, READER, "r", "int"),
	ROW(reader_w, READER, "w", "int"),
	ROW(writer_n, WRITER, "n", "int"),
	ROW(h1_rwc, H1_CONN, "rwc", "net.Conn"),
	ROW(h1_r, H1_CONN, "r", "*http.connReader"),
	ROW(h1_bufr, H1_CONN, "bufr", "*bufio.Reader"),
	ROW(h1_bufw, H1_CONN, "bufw", "*bufio.Writer"),
	ROW(h1_cur_req, H1_CONN, "curReq", "atomic.Pointer[net/http.response]"),
	ROW(res_conn, RESPONSE, "conn", "*http.conn"),
	ROW(res_written, RESPONSE, "written", "int64"),
	ROW(cw_res, CHUNK_WRITER, "res", "*http.response"),
	ROW(cr_conn, CONN_READER, "conn", "*http.conn"),
	ROW(cr_has_byte, CONN_READER, "hasByte", "bool"),
	ROW(cr_byte, CONN_READER, "byteBuf", "[1]uint8"),
};

/* abi_version, read_frame, conn_active, pad and h2 are not from these tables. */
_Static_assert(sizeof(struct tap_layout) - 2 * sizeof(struct tap_h2_layout) ==
		       sizeof(__u16) * (4 + COUNT(tls_rows) + COUNT(h1_rows)),
	       "a field of struct tap_layout has no row");

/* ---- HTTP/2 ---------------------------------------------------------------------------------- */

enum { FRAMER, HEADERS, SERVER_CONN, RES_HEADERS, DECODER, ENCODER, TABLE, FIELD, BUFFERED, H2_WRITER };

static const struct root h2_roots[] = {
	[FRAMER] = { NULL, "%Framer", 0, 0, NULL },
	[HEADERS] = { NULL, "%HeadersFrame", 0, 0, NULL },
	[SERVER_CONN] = { NULL, "%serverConn", 0, 0, NULL },
	[RES_HEADERS] = { NULL, "%writeResHeaders", 0, 0, NULL },
	[DECODER] = { NULL, "hpack.Decoder", FRAMER, 1, "ReadMetaHeaders" },
	[ENCODER] = { NULL, "hpack.Encoder", SERVER_CONN, 1, "hpackEncoder" },
	[TABLE] = { NULL, "hpack.headerFieldTable", DECODER, 0, "dynTab.table" },
	[FIELD] = { NULL, "hpack.HeaderField", TABLE, 1, "ents" },
	[BUFFERED] = { NULL, "%bufferedWriter", SERVER_CONN, 1, "bw" },
	[H2_WRITER] = { NULL, "bufio.Writer", BUFFERED, 1, "bw" },
};

static const struct row h2_rows[] = {
	H2_ROW(framer_r, FRAMER, "r", "io.Reader"),
	H2_ROW(framer_meta, FRAMER, "ReadMetaHeaders", "*hpack.Decoder"),
	H2_ROW(frame_flags, HEADERS, "%FrameHeader.Flags", "%Flags"),
	H2_ROW(frame_stream, HEADERS, "%FrameHeader.StreamID", "uint32"),
	H2_ROW(frame_frag, HEADERS, "headerFragBuf", "[]uint8"),
	H2_ROW(dec_table, DECODER, "dynTab.table", "hpack.headerFieldTable"),
	H2_ROW(dec_size, DECODER, "dynTab.size", "uint32"),
	H2_ROW(dec_max, DECODER, "dynTab.maxSize", "uint32"),
	H2_ROW(enc_table, ENCODER, "dynTab.table", "hpack.headerFieldTable"),
	H2_ROW(enc_size, ENCODER, "dynTab.size", "uint32"),
	H2_ROW(enc_max, ENCODER, "dynTab.maxSize", "uint32"),
	H2_ROW(table_ents, TABLE, "ents", "[]hpack.HeaderField"),
	H2_ROW(field_name, FIELD, "Name", "string"),
	H2_ROW(field_value, FIELD, "Value", "string"),
	H2_ROW(sc_conn, SERVER_CONN, "conn", "net.Conn"),
	H2_ROW(sc_bw, SERVER_CONN, "bw", "*%bufferedWriter"),
	H2_ROW(sc_encoder, SERVER_CONN, "hpackEncoder", "*hpack.Encoder"),
	H2_ROW(bw_bw, BUFFERED, "bw", "*bufio.Writer"),
	H2_ROW(res_stream, RES_HEADERS, "streamID", "uint32"),
};

/* field_size is a size, and has no row. */
_Static_assert(sizeof(struct tap_h2_layout) == sizeof(__u16) * (1 + COUNT(h2_rows)),
	       "a field of struct tap_h2_layout has no row");

/* The bundle may serve without HTTP/1.1 being understood: bufio.Writer.n is wanted by both. */
static const struct row h2_writer_row = ROW(writer_n, H2_WRITER, "n", "int");

/* ---- engine ---------------------------------------------------------------------------------- */

struct fill {
	struct gosym *g;
	const struct spec *spec;
	const struct golayout_stack *stack;
	uint64_t types[ROOTS_MAX];
	char names[ROOTS_MAX][NAME_CAP];
	struct err *why;
};

/* `text` with '%' replaced. */
static void expand(const struct golayout_stack *stack, const char *text, bool with_package,
		   char out[NAME_CAP])
{
	const char *percent = strchr(text, '%');

	if (!percent)
		(void)snprintf(out, NAME_CAP, "%s", text);
	else
		(void)snprintf(out, NAME_CAP, "%.*s%s%s%s%s", (int)(percent - text), text,
			       with_package ? stack->short_name : "", with_package ? "." : "", stack->prefix,
			       percent + 1);
}

/* Errors that are ours go through; anything else that went wrong is their layout. */
static int refuse(struct fill *f, int r, const char *what, const char *of)
{
	if (r == -ENOMEM || elf_error(f->g->elf))
		return err_set(f->why, r, "reading the types failed at %s%s", what, of);
	return err_set(f->why, -ENOTSUP, "the type information has no %s%s", what, of);
}

static int check_type(struct fill *f, uint64_t type, const char *want, const char *of)
{
	char is[GOTYPE_NAME_MAX];
	int r = gotype_string(f->g, type, is);

	if (r < 0)
		return refuse(f, r, "type of ", of);
	if (strcmp(is, want) != 0)
		return err_set(f->why, -ENOTSUP, "%s is a %.100s, not a %s", of, is, want);
	return 0;
}

static int find_named(struct fill *f)
{
	struct gotype_want wants[ROOTS_MAX];
	size_t nr = 0;
	int r;

	for (size_t i = 0; i < f->spec->nr_roots; i++) {
		const struct root *root = &f->spec->roots[i];

		expand(f->stack, root->name, true, f->names[i]);
		if (!root->path)
			wants[nr++] = (struct gotype_want){ root->package ? root->package : f->stack->package,
							    f->names[i], 0 };
	}
	r = gotype_find(f->g, wants, nr);
	if (r < 0 && (r == -ENOMEM || elf_error(f->g->elf)))
		return refuse(f, r, wants[0].name, "");
	for (size_t i = 0; i < nr; i++) { /* the named ones come first in each table */
		f->types[i] = wants[i].type;
		if (!wants[i].type)
			return err_set(f->why, -ENOTSUP, "there is no type information for %s of %s",
				       wants[i].name, wants[i].package);
	}
	return 0;
}

static int find_roots(struct fill *f)
{
	int r = find_named(f);

	for (size_t i = 0; i < f->spec->nr_roots && r == 0; i++) {
		const struct root *root = &f->spec->roots[i];
		uint64_t off;

		if (!root->path)
			continue;
		r = gotype_field(f->g, f->types[root->from], root->path, &off, &f->types[i]);
		for (int k = 0; k < root->elems && r == 0; k++)
			r = gotype_elem(f->g, f->types[i], &f->types[i]);
		if (r < 0)
			return refuse(f, r, f->names[i], "");
		r = check_type(f, f->types[i], f->names[i], root->path);
	}
	return r;
}

static int fill_row(struct fill *f, const struct row *row, void *out)
{
	char path[NAME_CAP], type[NAME_CAP], full[2 * NAME_CAP];
	uint64_t off, field;
	__u16 v;
	int r;

	expand(f->stack, row->path, false, path);
	expand(f->stack, row->type, true, type);
	(void)snprintf(full, sizeof(full), "%s.%s", f->names[row->root], path);
	r = gotype_field(f->g, f->types[row->root], path, &off, &field);
	if (r < 0)
		return refuse(f, r, full, "");
	r = check_type(f, field, type, full);
	if (r < 0)
		return r;
	if (off > UINT16_MAX)
		return err_set(f->why, -ENOTSUP, "%s is at offset %llu, too far in", full,
			       (unsigned long long)off);
	v = (__u16)off;
	memcpy((char *)out + row->at, &v, sizeof(v));
	return 0;
}

static int fill_rows(struct fill *f, void *out)
{
	int r = 0;

	for (size_t i = 0; i < f->spec->nr_rows && r == 0; i++)
		r = fill_row(f, &f->spec->rows[i], out);
	return r;
}

int golayout_tls(struct gosym *g, struct tap_layout *ret, struct err *why)
{
	static const struct spec spec = SPEC(tls_roots, tls_rows);
	struct fill f = { .g = g, .spec = &spec, .why = why };
	struct tap_layout l = *ret;
	int r = find_roots(&f);

	if (r == 0)
		r = fill_rows(&f, &l);
	for (size_t i = 0; i < COUNT(tls_optional_rows) && r == 0; i++) {
		f.why = NULL;
		r = fill_row(&f, &tls_optional_rows[i], &l);
		r = r == -ENOTSUP ? 0 : r;
	}
	if (r < 0)
		return r;
	if (l.conn_conn != 0 || l.conn_is_client != 16)
		return err_set(why, -ENOTSUP,
			       "tls.Conn.conn and .isClient are at offsets %u and %u, not 0 and 16",
			       l.conn_conn, l.conn_is_client);
	*ret = l;
	return 0;
}

int golayout_h1(struct gosym *g, struct tap_layout *ret, struct err *why)
{
	static const struct spec spec = SPEC(h1_roots, h1_rows);
	struct fill f = { .g = g, .spec = &spec, .why = why };
	struct tap_layout l = *ret;
	int r = find_roots(&f);

	if (r == 0)
		r = fill_rows(&f, &l);
	if (r == 0)
		*ret = l;
	return r;
}

int golayout_h2(struct gosym *g, const struct golayout_stack *stack, struct tap_layout *ret, int ret_stack,
		struct err *why)
{
	static const struct spec spec = SPEC(h2_roots, h2_rows);
	struct fill f = { .g = g, .spec = &spec, .stack = stack, .why = why };
	struct tap_layout l = *ret;
	uint64_t size;
	int r = find_roots(&f);

	if (r == 0)
		r = fill_rows(&f, &l.h2[ret_stack]);
	if (r == 0)
		r = fill_row(&f, &h2_writer_row, &l);
	if (r < 0)
		return r;
	r = gotype_size(g, f.types[FIELD], &size);
	if (r < 0)
		return refuse(&f, r, "size of ", f.names[FIELD]);
	if (size == 0 || size > UINT16_MAX)
		return err_set(why, -ENOTSUP, "%s has %llu bytes", f.names[FIELD], (unsigned long long)size);
	l.h2[ret_stack].field_size = (__u16)size;
	*ret = l;
	return 0;
}
