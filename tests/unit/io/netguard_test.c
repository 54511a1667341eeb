/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses are public. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/alloc.h"
#include "core/io/netguard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static bool is_public(const char *text)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	memset(&v4, 0, sizeof(v4));
	memset(&v6, 0, sizeof(v6));
	v4.sin_family = AF_INET;
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		return tr_netguard_public((const struct sockaddr *)&v4);
	}
	v6.sin6_family = AF_INET6;
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return tr_netguard_public((const struct sockaddr *)&v6);
}

static void ordinary_addresses_are_public(void **state)
{
	static const char *const addresses[] = {"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "172.15.255.255",
		"172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
		"223.255.255.255", "2606:4700::1111", "2a00:1450::1", "2001:200::1",
		"::ffff:8.8.8.8", "64:ff9b::808:808"};
	size_t i;

	(void)state;
	for (i = 0; i < TR_ARRAY_LEN(addresses); i++) {
		if (!is_public(addresses[i])) {
			fail_msg("%s should be public", addresses[i]);
		}
	}
}

static void special_addresses_are_not(void **state)
{
	static const char *const addresses[] = {"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255",
		"100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.169.254",
		"172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1",
		"192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
		"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1",
		"::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
		"64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001::1",
		"2001:db8::1", "2001:20::1", "2002:7f00:1::", "2002:808:808::", "3fff::1",
		"fc00::1", "fd12:3456::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "4000::1"};
	size_t i;

	(void)state;
	for (i = 0; i < TR_ARRAY_LEN(addresses); i++) {
		if (is_public(addresses[i])) {
			fail_msg("%s should not be public", addresses[i]);
		}
	}
}

static void other_families_are_not(void **state)
{
	struct sockaddr address;

	(void)state;
	memset(&address, 0, sizeof(address));
	address.sa_family = AF_UNIX;
	assert_false(tr_netguard_public(&address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_addresses_are_public),
		cmocka_unit_test(special_addresses_are_not),
		cmocka_unit_test(other_families_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
