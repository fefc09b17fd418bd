/* SPDX-License-Identifier: Apache-2.0
 *
 * ip - an IP address as text, read without libc's resolver (inet_pton is I/O's company).
 *
 * All addresses are 16 bytes, IPv4 mapped into IPv6, as struct conn has them: so "10.0.0.9" and
 * "::ffff:10.0.0.9" are the same address. As in Go's net.ParseIP, there are no zones; as in
 * ParseIPSloppy, leading zeros of an IPv4 part are decimal.
 */
#ifndef ANONTAP_BASE_IP_H
#define ANONTAP_BASE_IP_H

#include "base/str.h"

int ip_parse(struct str s, uint8_t ret[16]);	/* 0; -EINVAL */
bool ip_is_v6_link_local(const uint8_t ip[16]);	/* fe80::/10: its text carries a zone */

#endif
