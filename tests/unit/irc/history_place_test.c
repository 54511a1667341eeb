/* SPDX-License-Identifier: Apache-2.0 */
/* How a place in the history is asked for. Keys by time are tests/e2e/test_irc_place.py's. */
#include "bridges/irc/history_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_reference(const char *place, bool past, const char *expected)
{
	struct tr_buf out = TR_BUF_INIT(256);
	tr_irc_history_place_reference(place, past, &out);
	assert_string_equal(tr_buf_c(&out), expected);
	tr_buf_finish(&out);
}

static void an_id_is_asked_for_as_it_is(void **state)
{
	(void)state;
	assert_reference("abc-1", false, "msgid=abc-1");
	assert_reference("1000", true, "msgid=1000");
	assert_false(tr_irc_history_place_is_time("abc-1"));
	assert_false(tr_irc_history_place_is_time(""));
}

static void a_time_is_asked_for_from_its_millisecond_on_or_past_it(void **state)
{
	(void)state;
	assert_true(tr_irc_history_place_is_time(" 1000 t1000-00-0"));
	assert_reference(" 1000 t1000-00-0", false, "timestamp=1970-01-01T00:00:00.999Z");
	assert_reference(" 1000 t1000-00-0", true, "timestamp=1970-01-01T00:00:01.000Z");
	assert_reference(" 1795314970408 x", false, "timestamp=2026-11-22T02:36:10.407Z");
}

static void a_line_that_is_read_without_a_reader_has_its_id_for_both(void **state)
{
	struct tr_irc_channel channel = {.reader = NULL};
	struct tr_irc_line line;
	struct tr_buf key = TR_BUF_INIT(256);
	struct tr_buf place = TR_BUF_INIT(256);
	(void)state;
	assert_true(tr_irc_line_parse(TR_STR("@msgid=x7 :a!b@c PRIVMSG #x :hello"), &line));
	tr_irc_history_place_of(&channel, &line, &key, &place);
	assert_string_equal(tr_buf_c(&key), "x7");
	assert_string_equal(tr_buf_c(&place), "x7");
	tr_buf_clear(&key);
	tr_buf_clear(&place);
	assert_true(tr_irc_line_parse(
		TR_STR("@time=2026-01-01T00:00:00.000Z :a!b@c PRIVMSG #x :hello"), &line));
	tr_irc_history_place_of(&channel, &line, &key, &place);
	assert_int_equal(key.len + place.len, 0);
	tr_buf_finish(&key);
	tr_buf_finish(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_asked_for_as_it_is),
		cmocka_unit_test(a_time_is_asked_for_from_its_millisecond_on_or_past_it),
		cmocka_unit_test(a_line_that_is_read_without_a_reader_has_its_id_for_both),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
