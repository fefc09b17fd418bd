/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * conn.bpf.h - connections: found by *tls.Conn, born at the first hit, described once.
 *
 * Whether a connection is seen from its start is read, not guessed: the TLS record counter of the
 * inbound half (tls.Conn.in.seq) stands at the first application record, and nothing of that record
 * was consumed.
 */
#ifndef ANONTAP_CONN_BPF_H
#define ANONTAP_CONN_BPF_H

#include "ring.bpf.h"

#define TLS13 0x0304

static __always_inline const struct tap_layout *layout_of(struct pt_regs *ctx)
{
	__u32 i = TAP_COOKIE_LAYOUT(bpf_get_attach_cookie(ctx));
	const struct tap_layout *l = bpf_map_lookup_elem(&layouts, &i);

	if (!l || !l->abi_version) {
		count(TAP_COUNT_layout_missing);
		return NULL;
	}
	return l;
}

static __always_inline __u32 tgid_now(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

/* A connection already known, by its *tls.Conn. */
static __always_inline struct conn *conn_find(__u64 ptr)
{
	struct conn_key key = { .ptr = ptr, .tgid = tgid_now() };

	return bpf_map_lookup_elem(&conns, &key);
}

/* The kernel's view of the socket: both addresses. 0, or -1 when fd is no connected TCP socket. */
static __always_inline int socket_addresses(int fd, struct tap_conn *r)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **fds = BPF_CORE_READ(fdt, fd), *file = NULL;
	struct socket *socket;
	struct sock *sk;
	__u16 family;

	if (fd < 0 || (__u32)fd >= BPF_CORE_READ(fdt, max_fds))
		return -1;
	if (bpf_probe_read_kernel(&file, sizeof(file), fds + fd) || !file)
		return -1;
	socket = BPF_CORE_READ(file, private_data);
	if (!socket || BPF_CORE_READ(socket, file) != file)
		return -1;
	sk = BPF_CORE_READ(socket, sk);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	r->client_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	r->server_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (family == AF_INET) {
		r->client_ip[10] = r->client_ip[11] = r->server_ip[10] = r->server_ip[11] = 0xff;
		BPF_CORE_READ_INTO((__u32 *)&r->client_ip[12], sk, __sk_common.skc_daddr);
		BPF_CORE_READ_INTO((__u32 *)&r->server_ip[12], sk, __sk_common.skc_rcv_saddr);
		return 0;
	}
	if (family == AF_INET6 && bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
		BPF_CORE_READ_INTO(&r->client_ip, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
		BPF_CORE_READ_INTO(&r->server_ip, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
		return 0;
	}
	return -1;
}

/* Go's view of one end: a net.Addr holding a *TCPAddr. */
static __always_inline int go_address(const struct tap_layout *l, __u64 addr_iface, __u8 ip[16], __u16 *port)
{
	__u64 addr = user_u64(addr_iface + 8);
	struct go_slice bytes;

	if (!addr || user_read(&bytes, sizeof(bytes), addr + l->addr_ip))
		return -1;
	*port = user_u64(addr + l->addr_port);
	if (bytes.len == 16)
		return user_read(ip, 16, bytes.ptr);
	if (bytes.len != 4)
		return -1;
	__builtin_memset(ip, 0, 10);
	ip[10] = ip[11] = 0xff;
	return user_read(ip + 12, 4, bytes.ptr);
}

static __always_inline bool same_ip(const __u8 a[16], const __u8 b[16])
{
	for (int i = 0; i < 16; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/* Fill in the addresses: the kernel's where it has them, checked against Go's. */
static __noinline void describe_addresses(const struct tap_layout *l, __u64 tcp, struct tap_conn *r)
{
	__u64 fd = user_u64(tcp + l->tcp_fd);
	__u8 ip[16] = {};
	__u16 port = 0;
	__s32 sysfd = -1;

	(void)user_read(&sysfd, sizeof(sysfd), fd + l->netfd_sysfd); /* -1 is then no socket */
	r->fd = sysfd;
	if (!socket_addresses(sysfd, r)) {
		r->how |= TAP_CONN_SOCKET;
		if (!go_address(l, fd + l->netfd_raddr, ip, &port) &&
		    (port != r->client_port || !same_ip(ip, r->client_ip))) {
			r->how |= TAP_CONN_DIFFERS;
			count(TAP_COUNT_address_differs);
		}
		return;
	}
	if (go_address(l, fd + l->netfd_raddr, r->client_ip, &r->client_port) ||
	    go_address(l, fd + l->netfd_laddr, r->server_ip, &r->server_port))
		r->how |= TAP_CONN_NO_ADDRESS;
}

#define CONN_SLOT(room) \
	if (cert_len <= (room)) { \
		__u8 *slot = bpf_ringbuf_reserve(&ring, sizeof(struct tap_conn) + 256 + (room), 0); \
		if (!slot) \
			goto lost; \
		if (sni_len && bpf_probe_read_user(slot + sizeof(struct tap_conn), sni_len & 255, (void *)sni.ptr)) \
			sni_len = 0; \
		if (cert_len && bpf_probe_read_user(slot + sizeof(struct tap_conn) + (sni_len & 255), cert_len, \
						    (void *)cert.ptr)) { \
			cert_len = 0; \
			r->how |= TAP_CONN_CERT_CUT; \
		} \
		r->sni_len = sni_len; \
		r->cert_len = cert_len; \
		r->hdr.size = sizeof(struct tap_conn) + sni_len + cert_len; \
		__builtin_memcpy(slot, r, sizeof(struct tap_conn)); \
		bpf_ringbuf_submit(slot, wake()); \
		return 0; \
	}

/* Send TAP_CONN. On a full ring it is due again at the next hit. */
int describe(const struct tap_layout *l, struct conn *c, __u64 ptr);

__noinline int describe(const struct tap_layout *l, struct conn *c, __u64 ptr)
{
	struct tap_conn record = {}, *r = &record;
	struct go_string alpn = {}, sni = {};
	struct go_slice certs = {}, cert = {};
	__u32 sni_len, cert_len = 0;

	if (!l || !c)
		return -1;
	c->is_description_due = 0;
	r->hdr.kind = TAP_CONN;
	r->hdr.conn = c->serial;
	r->hdr.ktime_ns = bpf_ktime_get_ns();
	r->tgid = c->tgid;
	if (c->is_from_start)
		r->how |= TAP_CONN_FROM_START;
	describe_addresses(l, c->tcp, r);
	(void)user_read(&r->tls_version, sizeof(r->tls_version), ptr + l->conn_vers);
	(void)user_read(&alpn, sizeof(alpn), ptr + l->conn_alpn);
	if (alpn.len > 0 && alpn.len <= TAP_ALPN_MAX) {
		__u32 n = alpn.len & 31;

		if (n <= TAP_ALPN_MAX && !bpf_probe_read_user(r->alpn, n, (void *)alpn.ptr))
			r->alpn_len = n;
	}
	(void)user_read(&sni, sizeof(sni), ptr + l->conn_sni);
	sni_len = sni.len > 0 && sni.len < TAP_SNI_MAX ? sni.len : 0;
	if (user_read(&certs, sizeof(certs), ptr + l->conn_certs)) {
		r->how |= TAP_CONN_CERT_CUT; /* there may be one: never told as none */
	} else if (certs.len > 0) {
		r->nr_certs = certs.len;
		if (user_read(&cert, sizeof(cert), user_u64(certs.ptr) + l->cert_raw) || cert.len <= 0 ||
		    cert.len > TAP_CERT_MAX)
			r->how |= TAP_CONN_CERT_CUT;
		else
			cert_len = cert.len;
	}
	CONN_SLOT(0)
	CONN_SLOT(1024)
	CONN_SLOT(2048)
	CONN_SLOT(TAP_CERT_MAX)
lost:
	count(TAP_COUNT_lost_connection);
	c->is_description_due = 1;
	return -1;
}

/* Has nothing been read from the connection by the server, apart from what is being copied now? */
static __always_inline bool is_at_start(const struct tap_layout *l, __u64 ptr, __u8 dir)
{
	__u64 seq = __builtin_bswap64(user_u64(ptr + l->conn_in_seq));
	__u64 first = 0;
	__u16 version = 0;

	if (user_read(&version, sizeof(version), ptr + l->conn_vers))
		return false;
	if (version != TLS13)
		first = 1; /* the client's Finished was the first record under these keys */
	if (dir == TAP_READ)
		return seq == first + 1 && !user_u64(ptr + l->conn_input_pos);
	return seq == first;
}

static __noinline struct conn *conn_new(const struct tap_layout *l, const struct conn_key *key, __u64 tcp, __u32 layout,
					__u8 dir)
{
	struct conn fresh = { .tcp = tcp, .tgid = key->tgid, .layout = layout };
	struct go_string alpn = {};
	__u32 closed = 0;
	struct conn *c;

	/* Go may still hand out what it had decrypted when Close was called: no new connection that. */
	if (l->conn_active && (user_read(&closed, sizeof(closed), key->ptr + l->conn_active) || (closed & 1)))
		return NULL;
	if (user_read(&alpn, sizeof(alpn), key->ptr + l->conn_alpn))
		return NULL;
	if (alpn.len == 2) {
		char name[2] = {};

		if (user_read(name, 2, alpn.ptr))
			return NULL;
		fresh.is_http2 = name[0] == 'h' && name[1] == '2';
	}
	fresh.is_from_start = is_at_start(l, key->ptr, dir);
	fresh.serial = __sync_fetch_and_add(&next_serial, 1);
	if (!bpf_map_update_elem(&conns, key, &fresh, BPF_NOEXIST)) {
		c = bpf_map_lookup_elem(&conns, key);
		if (c)
			(void)describe(l, c, key->ptr); /* due again when lost */
		return c;
	}
	c = bpf_map_lookup_elem(&conns, key); /* the other direction was faster, or there is no room */
	if (!c)
		count(TAP_COUNT_untracked);
	return c;
}

/* The connection of a read or write, made when new. NULL: not ours to look at. */
static __always_inline struct conn *conn_of(struct pt_regs *ctx, const struct tap_layout *l, __u64 ptr, __u8 dir)
{
	struct {
		struct go_iface conn;
		__u8 is_client;
		__u8 pad[7];
	} head = {};
	struct conn_key key = { .ptr = ptr, .tgid = tgid_now() };
	struct conn *c;

	/* goabi refuses programs whose tls.Conn does not begin like this */
	if (user_read(&head, 17, ptr) || head.is_client)
		return NULL;
	c = bpf_map_lookup_elem(&conns, &key);
	if (c && c->tcp == head.conn.data) {
		if (dir == TAP_READ && !c->is_from_start && c->dir[0].state == STATE_NEW && is_at_start(l, ptr, dir)) {
			c->is_from_start = 1; /* a write was faster, between the decryption and this copy */
			c->is_description_due = 1;
		}
		if (c->is_description_due)
			(void)describe(l, c, ptr); /* due again when lost */
		return c;
	}
	if (!bpf_map_lookup_elem(&targets, &key.tgid))
		return NULL;
	if (c)
		(void)bpf_map_delete_elem(&conns, &key); /* Close was missed; gone already is as good */
	return conn_new(l, &key, head.conn.data, TAP_COOKIE_LAYOUT(bpf_get_attach_cookie(ctx)), dir);
}

#endif
