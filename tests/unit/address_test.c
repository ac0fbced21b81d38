/*
 * What counts as one client, where it is read from, and how it is called.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "common/address.h"

static const uint8_t ipv4[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 7 };
static const uint8_t ipv6[16] = { 0x20, 0x01, 0x0d, 0xb8, [7] = 5, [8] = 6, [15] = 9 };

static void
test_client(void **state)
{
	static const uint8_t network[16] = { 0x20, 0x01, 0x0d, 0xb8, [7] = 5 };
	uint8_t client[16];

	address_client(ipv4, client);
	assert_memory_equal(client, ipv4, 16);
	address_client(ipv6, client);
	assert_memory_equal(client, network, 16);
}

static void
test_text(void **state)
{
	static const uint8_t longest[16] = { 0xfe, 0x80, 0x11, 0x11, 0x22, 0x22, 0x33, 0x33, 0x44,
		0x44, 0x55, 0x55, 0x66, 0x66, 0x77, 0x77 };
	char text[ADDRESS_TEXT_SIZE];

	assert_string_equal(address_text(ipv4, text), "192.0.2.7");
	assert_string_equal(address_text(ipv6, text), "2001:db8:0:5:600::9");
	assert_string_equal(address_text(longest, text), "fe80:1111:2222:3333:4444:5555:6666:7777");
}

static void
test_sockets(void **state)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
	char text[ADDRESS_PORT_TEXT_SIZE];
	uint8_t address[ADDRESS_SIZE];

	in->sin_family = AF_INET;
	in->sin_port = htons(4711);
	memcpy(&in->sin_addr, ipv4 + 12, 4);
	address_from(&ss, address);
	assert_memory_equal(address, ipv4, 16);
	assert_string_equal(address_port_text(&ss, text), "192.0.2.7:4711");
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(65535);
	memcpy(&in6->sin6_addr, ipv6, 16);
	address_from(&ss, address);
	assert_memory_equal(address, ipv6, 16);
	assert_string_equal(address_port_text(&ss, text), "[2001:db8:0:5:600::9]:65535");
	memcpy(&in6->sin6_addr, ipv4, 16);
	assert_string_equal(address_port_text(&ss, text), "192.0.2.7:65535");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_sockets),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
