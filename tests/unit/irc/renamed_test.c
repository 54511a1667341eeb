/* SPDX-License-Identifier: Apache-2.0 */
/* Which nicks are given and not chosen. What a rename does to chats is tested with a bridge. */
#include "bridges/irc/renamed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void guest_nicks_are_known(void **state)
{
	static const char *const given[] = {
		"Guest1", "guest12345", "GUEST-77", "Guest_3", "0AAAAAAAB", "42"};
	static const char *const chosen[] = {"Guest", "guestbook", "Guest1a", "guest-", "Guesty1",
		"MyGuest1", "fay", "g", "", "_Guest1"};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(given); i++) {
		assert_true(tr_irc_is_guest_nick(tr_str_from(given[i])));
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(chosen); i++) {
		assert_false(tr_irc_is_guest_nick(tr_str_from(chosen[i])));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(guest_nicks_are_known)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
