/* SPDX-License-Identifier: Apache-2.0 */
/* Numbered PINGs: how they are written, and which PONGs are answers to them. */
#include "bridges/irc/pong.h"
#include "irc_peer.h"

/* The number that the line has for "tr", or 0 = it is none of its PONGs. */
static uint64_t number_of(const char *text)
{
	enum { UNTOUCHED = 77 };
	struct tr_irc_line line;
	uint64_t number = UNTOUCHED;
	assert_true(tr_irc_line_parse(tr_str_from(text), &line));
	if (tr_irc_pong_number(&line, "tr", &number)) {
		assert_true(number != 0);
		return number;
	}
	assert_true(number == UNTOUCHED);
	return 0;
}

static void a_pong_has_the_number_of_its_ping(void **state)
{
	(void)state;
	assert_true(number_of(":irc.test PONG irc.test :tr1") == 1);
	assert_true(number_of("PONG irc.test tr10") == 10);
	assert_true(number_of("pong tr11") == 11);
	assert_true(number_of("PONG :tr18446744073709551615") == UINT64_MAX);
}

static void a_foreign_token_is_no_pong_of_ours(void **state)
{
	(void)state;
	static const char *const foreign[] = {"PONG", "PONG :", "PONG irc.test",
		"PONG tr1 irc.test", "PONG irc.test tj1", "PONG irc.test :t1", "PONG irc.test 1",
		"PONG irc.test TR1", "PONG irc.test keepalive", "PING tr1", "PING irc.test tr1",
		"NOTICE alice tr1", ":irc.test 005 irc.test tr1"};
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		assert_true(number_of(foreign[i]) == 0);
	}
}

static void a_malformed_number_is_none(void **state)
{
	(void)state;
	static const char *const malformed[] = {"PONG tr", "PONG :tr ", "PONG :tr 1", "PONG :tr1 ",
		"PONG tr1f", "PONG trff", "PONG tr0x1", "PONG tr-1", "PONG tr+1", "PONG tr1.0",
		"PONG trtr1", "PONG irc.test tr\xc2\xb2"};
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		assert_true(number_of(malformed[i]) == 0);
	}
}

static void zero_is_no_number(void **state)
{
	(void)state;
	assert_true(number_of("PONG tr0") == 0);
	assert_true(number_of("PONG irc.test :tr000") == 0);
}

static void an_overlong_number_is_none_instead_of_another(void **state)
{
	(void)state;
	assert_true(number_of("PONG tr18446744073709551616") == 0);
	assert_true(number_of("PONG tr18446744073709551617") == 0);
	assert_true(number_of("PONG tr100000000000000000000000000000000000000001") == 0);
}

static void a_ping_is_written_with_its_number_in_decimal(void **state)
{
	struct peer *peer = *state;
	peer_register(peer);
	tr_irc_ping_number(peer->connection, "tr", 1);
	tr_irc_ping_number(peer->connection, "tj", 255);
	tr_irc_ping_number(peer->connection, "tr", UINT64_MAX);
	peer_expect(peer, "\r\nPING tr1\r\nPING tj255\r\nPING tr18446744073709551615\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pong_has_the_number_of_its_ping),
		cmocka_unit_test(a_foreign_token_is_no_pong_of_ours),
		cmocka_unit_test(a_malformed_number_is_none),
		cmocka_unit_test(zero_is_no_number),
		cmocka_unit_test(an_overlong_number_is_none_instead_of_another),
		cmocka_unit_test_setup_teardown(
			a_ping_is_written_with_its_number_in_decimal, peer_setup, peer_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
