/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/conn.h"
#include "test.h"

static void check_address(const char *bytes, uint16_t port, const char *want)
{
	char out[CONN_ADDRESS_MAX];
	size_t n = conn_fmt_address((const uint8_t *)bytes, port, out);

	CHECK_STR(str_of(out), want);
	CHECK_INT(n, strlen(want));
}

static void test_conn__mapped_ipv4_is_dotted(void)
{
	check_address("\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x00\x00\x09", 51234, "10.0.0.9:51234");
	check_address("\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff", 65535, "255.255.255.255:65535");
	check_address("\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\0", 0, "0.0.0.0:0");
}

static void test_conn__ipv6_is_as_rfc5952_has_it(void)
{
	check_address("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 6443, "[2001:db8::1]:6443");
	check_address("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 1, "[::]:1");
	check_address("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 1, "[::1]:1");
	check_address("\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 1, "[fe80::]:1");
	/* the longest run, and of two equal ones the first */
	check_address("\x20\x01\0\0\0\0\0\1\0\0\0\0\0\0\0\1", 1, "[2001:0:0:1::1]:1");
	check_address("\x20\x01\0\0\0\0\0\1\0\1\0\0\0\0\0\1", 1, "[2001::1:1:0:0:1]:1");
	/* one group alone is no run */
	check_address("\x20\x01\x0d\xb8\0\0\0\1\0\1\0\1\0\1\0\1", 1, "[2001:db8:0:1:1:1:1:1]:1");
	check_address("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 65535,
		      "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void test_conn__id_names_process_fd_and_serial(void)
{
	struct process p = { .pid = UINT32_MAX };
	struct conn c = { .serial = UINT64_MAX, .process = &p, .is_described = true, .fd = INT32_MIN };
	char out[CONN_ID_MAX];

	CHECK_INT(conn_fmt_id(&c, out), strlen("4294967295.-2147483648.18446744073709551615"));
	CHECK_STR(str_of(out), "4294967295.-2147483648.18446744073709551615");
	c = (struct conn){ .serial = 31, .process = &p, .is_described = true, .fd = 7 };
	p.pid = 812;
	conn_fmt_id(&c, out);
	CHECK_STR(str_of(out), "812.7.31");
}

static void test_conn__id_of_an_undescribed_one_guesses_nothing(void)
{
	struct conn c = { .serial = 31 };
	char out[CONN_ID_MAX];

	CHECK_INT(conn_fmt_id(&c, out), 6);
	CHECK_STR(str_of(out), "-.-.31");
}

int main(void)
{
	RUN(test_conn__mapped_ipv4_is_dotted);
	RUN(test_conn__ipv6_is_as_rfc5952_has_it);
	RUN(test_conn__id_names_process_fd_and_serial);
	RUN(test_conn__id_of_an_undescribed_one_guesses_nothing);
	return test_end();
}
