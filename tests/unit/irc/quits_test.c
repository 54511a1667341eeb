/* SPDX-License-Identifier: Apache-2.0 */
/* Which quits are a netsplit's, and for how long their leaves are held back. */
#include "bridges/irc/irc_config.h"
#include "bridges/irc/quits.h"
#include "core/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void two_servers_are_a_netsplit_and_nothing_else_is(void **state)
{
	static const char *const yes[] = {"hub.example.net leaf.example.net", "*.net *.split",
		"a.b c.d", "irc-1.example.org services.example.org"};
	static const char *const no[] = {"", "bye", "good night", "see example.net", "a.b  c.d",
		"a.b c.d e.f", "hub.example. leaf.example", ".net .split", "a.b a.B", "a.b c/d",
		" a.b", "a.b ", "a.b c.d.", "\xff.\xff \xfe.\xfe"};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(yes); i++) {
		assert_true(tr_irc_is_netsplit(tr_str_from(yes[i])));
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(no); i++) {
		assert_false(tr_irc_is_netsplit(tr_str_from(no[i])));
	}
}

static void a_netsplit_is_held_for_a_minute_where_nothing_is_configured(void **state)
{
	struct tr_irc_quits quits = {0};
	const struct tr_irc_quit_debounce off = {.quitsPerSecond = 5};
	(void)state;
	assert_int_equal(
		tr_irc_quits_delay(&quits, &off, TR_STR("a.net b.net"), false, 1000), 60000);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(tr_irc_quits_delay(&quits, &off, TR_STR("bye"), false, 1000), 0);
	}
}

static void quits_of_a_netsplit_batch_are_held_whatever_their_reason(void **state)
{
	struct tr_irc_quits quits = {0};
	const struct tr_irc_quit_debounce off = {.quitsPerSecond = 5};
	(void)state;
	assert_int_equal(tr_irc_quits_delay(&quits, &off, TR_STR("lost"), true, 1000), 60000);
	assert_int_equal(tr_irc_quits_delay(&quits, &off, TR_STR("lost"), false, 1000), 0);
}

static void many_quits_in_a_second_are_held_as_configured(void **state)
{
	struct tr_irc_quits quits = {0};
	const struct tr_irc_quit_debounce on = {
		.enabled = true, .quitsPerSecond = 3, .delayMinMs = 5000, .delayMaxMs = 9000};
	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(
			tr_irc_quits_delay(&quits, &on, TR_STR("bye"), false, 1000 + i), 0);
	}
	for (uint64_t i = 0; i < 50; i++) {
		uint64_t delay = tr_irc_quits_delay(&quits, &on, TR_STR("bye"), false, 1100 + i);
		assert_in_range(delay, 5000, 9000);
	}
	assert_int_equal(tr_irc_quits_delay(&quits, &on, TR_STR("bye"), false, 2000), 0);
	assert_in_range(
		tr_irc_quits_delay(&quits, &on, TR_STR("a.net b.net"), false, 2001), 5000, 9000);
}

static void odd_delays_do_no_harm(void **state)
{
	struct tr_irc_quits quits = {0};
	struct tr_irc_quit_debounce odd = {.enabled = true, .delayMinMs = 9000, .delayMaxMs = 5000};
	(void)state;
	assert_int_equal(tr_irc_quits_delay(&quits, &odd, TR_STR("x"), false, 1), 9000);
	odd.delayMaxMs = INT64_MAX;
	assert_true(tr_irc_quits_delay(&quits, &odd, TR_STR("x"), false, 1) >= 9000);
	odd.delayMaxMs = odd.delayMinMs;
	assert_int_equal(tr_irc_quits_delay(&quits, &odd, TR_STR("x"), false, 1), 9000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_servers_are_a_netsplit_and_nothing_else_is),
		cmocka_unit_test(a_netsplit_is_held_for_a_minute_where_nothing_is_configured),
		cmocka_unit_test(quits_of_a_netsplit_batch_are_held_whatever_their_reason),
		cmocka_unit_test(many_quits_in_a_second_are_held_as_configured),
		cmocka_unit_test(odd_delays_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
