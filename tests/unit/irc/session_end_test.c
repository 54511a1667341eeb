/* SPDX-License-Identifier: Apache-2.0 */
/* When a bot that was refused tries again by itself. */
#include "bridges/irc/session_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MINUTE_MS = 60000 };

static void a_banned_bot_tries_again_after_about_half_an_hour(void **state)
{
	struct tr_error error;
	(void)state;
	tr_error_set_class(&error, TR_E_DENIED, TR_CLASS_DENIED, "banned");
	for (int i = 0; i < 100; i++) {
		assert_in_range(tr_irc_banned_bot_wait_ms(&error), 20 * MINUTE_MS, 40 * MINUTE_MS);
	}
}

static void a_wrong_password_is_not_tried_again(void **state)
{
	struct tr_error error;
	(void)state;
	tr_error_set_class(&error, TR_E_AUTH, TR_CLASS_DENIED, "wrong password");
	assert_int_equal(tr_irc_banned_bot_wait_ms(&error), 0);
}

static void a_full_server_is_no_throttle(void **state)
{
	struct tr_error error;
	(void)state;
	tr_error_set_class(&error, TR_E_UNAVAILABLE, TR_CLASS_RETRY_AFTER, "full");
	assert_true(tr_irc_is_full(&error));
	assert_false(tr_irc_connects_holds(&error));
	tr_error_set_class(&error, TR_E_CLOSED, TR_CLASS_RETRY_AFTER, "throttled");
	assert_false(tr_irc_is_full(&error));
	assert_true(tr_irc_connects_holds(&error));
	/* Services that do not answer a login. */
	tr_error_set_class(&error, TR_E_UNAVAILABLE, TR_CLASS_RETRY, "aborted");
	assert_false(tr_irc_is_full(&error));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_banned_bot_tries_again_after_about_half_an_hour),
		cmocka_unit_test(a_wrong_password_is_not_tried_again),
		cmocka_unit_test(a_full_server_is_no_throttle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
