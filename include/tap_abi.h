/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) OR Apache-2.0
 *
 * tap_abi.h - what crosses between the BPF programs and the agent: ring records, map keys and
 * values. Included by both sides; user space compares TAP_ABI_VERSION and the sizes below with the
 * object's BTF before it attaches.
 *
 * A connection has two directions, TAP_READ (client to server) and TAP_WRITE (server to client).
 * Within one direction the traced process holds a lock, so records of a direction are in order and
 * `seq` counts them without a hole; a hole is a proved loss. Between directions only time orders.
 *
 * A record with a variable part is offsetof(struct, that part) + its length long: hdr.size.
 *
 * What never crosses: bodies. HTTP/2 DATA and HTTP/1 bodies are byte counts.
 */
#ifndef ANONTAP_TAP_ABI_H
#define ANONTAP_TAP_ABI_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define TAP_ABI_VERSION 1

enum tap_kind {
	TAP_CONN = 1,	/* struct tap_conn: a connection was first seen */
	TAP_CLOSE,	/* struct tap_close: the server closed it */
	TAP_FRAME,	/* struct tap_frame: an HTTP/2 frame other than DATA, or its beginning */
	TAP_MORE,	/* struct tap_more: more payload of the last TAP_FRAME of this direction */
	TAP_DATA,	/* struct tap_data: HTTP/2 DATA frames of one stream, added up */
	TAP_SNAPSHOT,	/* struct tap_snapshot: the HPACK table, as it is before the next block */
	TAP_HEAD,	/* struct tap_head: bytes of an HTTP/1 head */
	TAP_END,	/* struct tap_end: net/http finished an HTTP/1 response */
	TAP_PROCESS,	/* struct tap_process: a process was executed, or ended */
	TAP_TRUST,	/* struct tap_trust: what a traced server trusts; from the agent */
	TAP_KIND_MAX,
};

/* tap_hdr.flags */
#define TAP_READ	0x00	/* client to server: requests */
#define TAP_WRITE	0x01	/* server to client: responses */
#define TAP_DIR		0x01	/* mask */

struct tap_hdr {
	__u8 kind;		/* enum tap_kind */
	__u8 flags;
	__u16 size;		/* of the whole record that counts; the ring slot may be larger */
	__u32 seq;		/* within (conn, direction), from 0; 0 in TAP_CONN, TAP_CLOSE, TAP_PROCESS */
	__u64 conn;		/* serial number of the connection, never reused in one run */
	__u64 ktime_ns;		/* CLOCK_MONOTONIC */
};
_Static_assert(sizeof(struct tap_hdr) == 24, "tap_hdr");

#define TAP_ALPN_MAX	16
#define TAP_SNI_MAX	256
#define TAP_CERT_MAX	8192

/* tap_conn.how */
#define TAP_CONN_FROM_START	0x01	/* nothing of it was read or written before */
#define TAP_CONN_SOCKET		0x02	/* addresses are the kernel socket's */
#define TAP_CONN_DIFFERS	0x04	/* Go's addresses are not the kernel socket's */
#define TAP_CONN_CERT_CUT	0x08	/* there is a certificate, larger than TAP_CERT_MAX or unreadable */
#define TAP_CONN_NO_ADDRESS	0x10	/* no address could be read */

/* May be sent again for the same connection after a loss; the content is the same. */
struct tap_conn {
	struct tap_hdr hdr;
	__u32 tgid;
	__s32 fd;
	__u8 client_ip[16];	/* IPv6, or IPv4 mapped into it */
	__u8 server_ip[16];
	__u16 client_port;	/* host order */
	__u16 server_port;
	__u16 tls_version;	/* 0x0303 is 1.2, 0x0304 is 1.3 */
	__u8 how;
	__u8 alpn_len;
	__u16 sni_len;
	__u16 cert_len;		/* DER of the leaf; 0: the client sent none, unless TAP_CONN_CERT_CUT */
	__u16 nr_certs;
	__u16 pad;
	char alpn[TAP_ALPN_MAX];
	__u8 data[];		/* sni_len bytes of server name, then cert_len bytes of DER */
};
_Static_assert(__builtin_offsetof(struct tap_conn, data) == 24 + 72, "tap_conn");

struct tap_close {
	struct tap_hdr hdr;
	__u32 next_seq[2];	/* by direction: what the next record would have had */
	__u64 bytes[2];		/* plaintext bytes since first seen, by direction */
};
_Static_assert(sizeof(struct tap_close) == 24 + 24, "tap_close");

#define TAP_PAYLOAD_MAX	16384	/* of one record: a TLS record's plaintext */

/* A frame whose payload came in several pieces is a TAP_FRAME and TAP_MOREs until `length` is full.
 * HEADERS, CONTINUATION, RST_STREAM, SETTINGS, GOAWAY, PUSH_PROMISE cross; others do not. */
struct tap_frame {
	struct tap_hdr hdr;
	__u32 length;		/* of the frame's payload, 24 bits */
	__u32 stream;
	__u8 type;
	__u8 fflags;		/* the frame's flags */
	__u16 got;		/* payload bytes in this record */
	__u32 pad;
	__u8 payload[];
};
_Static_assert(sizeof(struct tap_frame) == 24 + 16, "tap_frame");

struct tap_more {
	struct tap_hdr hdr;
	__u16 got;
	__u8 pad[14];
	__u8 payload[];
};
_Static_assert(sizeof(struct tap_more) == 24 + 16, "tap_more");

/* DATA frames of one stream in a row. A record is held back until something else happens on the
 * direction; hdr.ktime_ns is the last frame's time. */
struct tap_data {
	struct tap_hdr hdr;
	__u32 stream;
	__u32 bytes;		/* without padding */
	__u32 span_us;		/* from the first of these frames to the last */
	__u16 frames;
	__u8 fflags;		/* the last frame's: END_STREAM */
	__u8 pad;
};
_Static_assert(sizeof(struct tap_data) == 24 + 16, "tap_data");

#define TAP_TABLE_MAX	128	/* entries: 4096 / 32 */
#define TAP_TABLE_BYTES	4096	/* of names and values */

/* tap_snapshot.how */
#define TAP_SNAPSHOT_CUT	0x01	/* the table was larger than fits: nothing in it is usable */

/* Valid for the block of `stream` that follows: in either direction the next record is the HEADERS
 * frame of that stream. Sent when a direction is joined in the middle, and after a loss in it. */
struct tap_snapshot {
	struct tap_hdr hdr;
	__u32 stream;
	__u32 table_size;	/* as RFC 7541 counts it */
	__u32 max_size;		/* dynamic table size in force */
	__u16 nr;
	__u16 len;		/* bytes in data */
	__u8 how;
	__u8 pad[7];
	__u8 data[];		/* nr entries, oldest first: u16 name length, u16 value length (host order), bytes */
};
_Static_assert(sizeof(struct tap_snapshot) == 24 + 24, "tap_snapshot");

/* tap_head.how */
#define TAP_HEAD_START	0x01	/* a head begins with this record's first byte */
#define TAP_HEAD_END	0x02	/* this record holds the blank line; nothing after it is included */
#define TAP_HEAD_DIRECT	0x04	/* written to the connection by other means than net/http's response:
				 * 100 Continue, an upgrade (101), or net/http's own 400, 431, 505 */
#define TAP_HEAD_CUT	0x08	/* bytes of the head are missing: longer than a record holds */

struct tap_head {
	struct tap_hdr hdr;
	__u64 off;		/* of the first byte here, in the direction's stream since first seen */
	__u16 got;
	__u8 how;
	__u8 pad[5];
	__u8 bytes[];
};
_Static_assert(sizeof(struct tap_head) == 24 + 16, "tap_head");

/* net/http finished the response (direction TAP_WRITE): all is written. */
struct tap_end {
	struct tap_hdr hdr;
	__u64 read_off;		/* request bytes consumed on the connection since first seen */
	__u64 body_bytes;	/* of the response, as the handler wrote them */
};
_Static_assert(sizeof(struct tap_end) == 24 + 16, "tap_end");

#define TAP_COMM_MAX	16
#define TAP_TARGET_MAX	48

/* From the kernel: some process executed a program, or a traced one ended; `target` is empty.
 * From the agent, into a recording: this process is traced, and under which name. */
struct tap_process {
	struct tap_hdr hdr;
	__u32 tgid;
	__u32 is_exit;
	char comm[TAP_COMM_MAX];	/* NUL-padded, as the kernel cuts it */
	char target[TAP_TARGET_MAX];	/* NUL-padded */
};
_Static_assert(sizeof(struct tap_process) == 24 + 72, "tap_process");

/* From the agent, also into a recording: the CA certificates (PEM, public) of a traced server. An empty
 * part says that the server has none. */
struct tap_trust {
	struct tap_hdr hdr;
	__u32 tgid;
	__u16 client_len;	/* of --client-ca-file's content */
	__u16 proxy_len;	/* of --requestheader-client-ca-file's */
	__u16 names_len;	/* of --requestheader-allowed-names */
	__u16 pad;
	__u32 pad2;
	__u8 data[];		/* the three, in this order */
};
_Static_assert(sizeof(struct tap_trust) == 24 + 16, "tap_trust");

/* ---- maps ------------------------------------------------------------------------------------ */

/* One traced program file: byte offsets into Go's structs, from the file's own type information.
 * Index in the map `layouts`; a probe's cookie is TAP_COOKIE(layout, stack). */
#define TAP_LAYOUTS_MAX	64
#define TAP_COOKIE(layout, stack)	((__u64)(layout) | (__u64)(stack) << 16)
#define TAP_COOKIE_LAYOUT(cookie)	((__u32)((cookie) & 0xffff))
#define TAP_COOKIE_STACK(cookie)	((__u32)((cookie) >> 16) & 1)

/* The two copies of Go's HTTP/2 server. */
#define TAP_STACK_XNET		0	/* golang.org/x/net/http2 */
#define TAP_STACK_BUNDLED	1	/* net/http */

struct tap_h2_layout {
	__u16 framer_r;		/* Framer.r, an io.Reader */
	__u16 framer_meta;	/* Framer.ReadMetaHeaders, *hpack.Decoder */
	__u16 frame_flags;	/* HeadersFrame -> FrameHeader.Flags */
	__u16 frame_stream;	/* HeadersFrame -> FrameHeader.StreamID */
	__u16 frame_frag;	/* HeadersFrame.headerFragBuf, []byte */
	__u16 dec_table;	/* hpack.Decoder -> dynTab.table (headerFieldTable) */
	__u16 dec_size;		/* hpack.Decoder -> dynTab.size */
	__u16 dec_max;		/* hpack.Decoder -> dynTab.maxSize */
	__u16 enc_table;	/* hpack.Encoder, as above */
	__u16 enc_size;
	__u16 enc_max;
	__u16 table_ents;	/* headerFieldTable.ents, []HeaderField */
	__u16 field_size;	/* sizeof(HeaderField) */
	__u16 field_name;	/* HeaderField.Name, string */
	__u16 field_value;
	__u16 sc_conn;		/* serverConn.conn, a net.Conn */
	__u16 sc_bw;		/* serverConn.bw, *bufferedWriter */
	__u16 sc_encoder;	/* serverConn.hpackEncoder, *hpack.Encoder */
	__u16 bw_bw;		/* bufferedWriter.bw, *bufio.Writer */
	__u16 res_stream;	/* writeResHeaders.streamID */
};

struct tap_layout {
	__u16 abi_version;	/* TAP_ABI_VERSION: 0 means the slot is empty */
	__u16 read_frame;	/* frame size of (*Conn).Read: its receiver is spilled at SP + this + 8 */
	/* crypto/tls.Conn */
	__u16 conn_conn;	/* .conn, a net.Conn */
	__u16 conn_is_client;
	__u16 conn_vers;
	__u16 conn_active;	/* .activeCall, atomic.Int32: bit 0 says that Close was called; 0: not known */
	__u16 pad;
	__u16 conn_certs;	/* .peerCertificates, []*x509.Certificate */
	__u16 conn_sni;		/* .serverName, string */
	__u16 conn_alpn;	/* .clientProtocol, string */
	__u16 conn_in_seq;	/* .in.seq, [8]byte, big endian */
	__u16 conn_input_pos;	/* .input.i, int64: read position in the current record */
	__u16 cert_raw;		/* x509.Certificate.Raw, []byte */
	/* net */
	__u16 tcp_fd;		/* TCPConn -> conn.fd, *netFD */
	__u16 netfd_sysfd;	/* netFD -> pfd.Sysfd */
	__u16 netfd_laddr;	/* net.Addr */
	__u16 netfd_raddr;
	__u16 addr_ip;		/* TCPAddr.IP, []byte */
	__u16 addr_port;
	/* bufio */
	__u16 reader_buf;	/* bufio.Reader.buf, []byte */
	__u16 reader_r;
	__u16 reader_w;
	__u16 writer_n;		/* bufio.Writer.n */
	/* net/http HTTP/1 server */
	__u16 h1_rwc;		/* conn.rwc, a net.Conn */
	__u16 h1_r;		/* conn.r, *connReader */
	__u16 h1_bufr;		/* conn.bufr, *bufio.Reader */
	__u16 h1_bufw;		/* conn.bufw, *bufio.Writer */
	__u16 h1_cur_req;	/* conn.curReq, atomic.Pointer[response] */
	__u16 res_conn;		/* response.conn, *conn */
	__u16 res_written;	/* response.written, int64 */
	__u16 cw_res;		/* chunkWriter.res, *response */
	__u16 cr_conn;		/* connReader.conn, *conn */
	__u16 cr_has_byte;	/* connReader.hasByte */
	__u16 cr_byte;		/* connReader.byteBuf */
	struct tap_h2_layout h2[2];	/* by TAP_STACK_* */
};
_Static_assert(sizeof(struct tap_layout) == 2 * (34 + 2 * 20), "tap_layout");

#endif
