/* SPDX-License-Identifier: Apache-2.0
 *
 * conn - what is known of one TLS connection. Made by flow at the first record that names it, freed
 * by flow after its last exchange has been emitted; everybody else borrows it for a callback.
 *
 * A connection whose TAP_CONN record was lost has is_described false: then its addresses, protocol
 * and client certificate are unknown, not absent.
 */
#ifndef ANONTAP_WIRE_CONN_H
#define ANONTAP_WIRE_CONN_H

#include "base/str.h"
#include "tap_abi.h"

struct process {
	uint32_t pid;
	char comm[TAP_COMM_MAX + 1];
	char target[TAP_TARGET_MAX + 1];
};

struct conn {
	uint64_t serial;		/* tap_hdr.conn */
	const struct process *process;	/* NULL while is_described is false */
	bool is_described;
	bool is_before_attach;		/* it was open when the sensor first saw it */
	bool is_cert_cut;		/* there is a certificate, but not all of it is here */
	int32_t fd;
	uint8_t client_ip[16], server_ip[16];	/* IPv6, or IPv4 mapped into it */
	uint16_t client_port, server_port;
	bool has_address;
	uint16_t tls_version;		/* 0x0303, 0x0304 */
	char alpn[TAP_ALPN_MAX + 1];	/* "" when none was agreed */
	char server_name[TAP_SNI_MAX + 1];
	uint16_t nr_certs;
	uint16_t cert_len;
	uint8_t *cert;			/* DER of the leaf, owned by the conn; NULL: none sent */
	uint64_t cert_hash;		/* of the DER, for caches; 0 without one */
};

#define CONN_ID_MAX 48
#define CONN_ADDRESS_MAX 56

/* "PID.FD.SERIAL", or "-.-.SERIAL" while the connection is not described. Returns the length. */
size_t conn_fmt_id(const struct conn *c, char out[CONN_ID_MAX]);

/* "10.0.0.9:51234" or "[2001:db8::1]:51234". Returns the length. */
size_t conn_fmt_address(const uint8_t ip[16], uint16_t port, char out[CONN_ADDRESS_MAX]);

#endif
