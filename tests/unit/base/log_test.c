/* SPDX-License-Identifier: Apache-2.0 */
/* Log records and errors: what people read. */
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char *last_line;
static int lines;

static void keep_line(enum tr_log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	tr_free(last_line);
	last_line = tr_strdup(line);
	lines++;
}

static int set_up(void **state)
{
	(void)state;
	lines = 0;
	tr_clock_fake(0);
	tr_log_set_sink(keep_line, NULL);
	tr_log_set_format(TR_LOG_TEXT);
	tr_log_set_level(TR_LOG_INFO);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tr_log_set_sink(NULL, NULL);
	tr_clock_real();
	tr_free(last_line);
	last_line = NULL;
	return 0;
}

static void records_below_the_level_are_not_written(void **state)
{
	enum tr_log_level level;

	(void)state;
	tr_log_debug("test", "unseen");
	assert_int_equal(lines, 0);
	tr_log_info("test", "seen %d", 1);
	assert_string_equal(last_line, "1970-01-01T00:00:00.000Z info  test: seen 1");
	assert_true(tr_log_level_from_name("Silly", &level));
	assert_int_equal(level, TR_LOG_TRACE);
	assert_false(tr_log_level_from_name("loud", &level));
}

static void text_of_peers_stays_on_one_line(void **state)
{
	(void)state;
	tr_log_info("irc", "%s", "a\r\n\x1b[31m\xff\xc2\x85\xe2\x80\xae ok \xc3\xa9");
	assert_string_equal(last_line,
		"1970-01-01T00:00:00.000Z info  irc: a\\u000d\\n\\u001b[31m\\xff\\u0085\\u202e "
		"ok \xc3\xa9");
}

static void json_records_stay_valid_when_cut(void **state)
{
	char text[3000];

	(void)state;
	tr_log_set_format(TR_LOG_JSON);
	tr_log_info("irc", "say \"hi\"\n\xff");
	assert_string_equal(last_line,
		"{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\",\"module\":\"irc\","
		"\"text\":\"say \\\"hi\\\"\\n\\\\xff\"}");
	memset(text, '"', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	tr_log_info("irc", "%s", text);
	assert_in_range(strlen(last_line), 1990, 2000);
	assert_string_equal(last_line + strlen(last_line) - 4, "\\\"\"}");
}

static void text_records_are_cut_at_a_code_point(void **state)
{
	char text[3001] = "";

	(void)state;
	for (size_t i = 0; i < 3000; i += 3) {
		memcpy(text + i, "\xe2\x82\xac", 3);
	}
	tr_log_info("irc", "%s", text);
	assert_in_range(strlen(last_line), 1990, 2000);
	assert_true(tr_utf8_valid(tr_str_from(last_line)));
}

static void errors_carry_code_class_and_one_sentence(void **state)
{
	struct tr_error error = {0};

	(void)state;
	assert_int_equal(
		tr_error_set(&error, TR_E_NETWORK, "no route to %s", "a\nb"), TR_E_NETWORK);
	assert_int_equal(error.cls, TR_CLASS_RETRY);
	assert_string_equal(error.text, "no route to a b");
	assert_int_equal(tr_error_prefix(&error, "irc.example.com"), TR_E_NETWORK);
	assert_string_equal(error.text, "irc.example.com: no route to a b");
	tr_error_set_class(&error, TR_E_NOT_FOUND, TR_CLASS_GONE, "%s", "room");
	assert_int_equal(error.cls, TR_CLASS_GONE);
	assert_int_equal(tr_error_set(NULL, TR_E_BUG, "x"), TR_E_BUG);
	assert_int_equal(tr_error_prefix(NULL, "x"), TR_E_BUG);
	assert_string_equal(tr_error_code_name(TR_E_TOO_BIG), "too_big");
	assert_string_equal(tr_error_class_name(TR_CLASS_RETRY_AFTER), "retry_after");
}

static void long_error_text_is_cut_at_a_code_point(void **state)
{
	struct tr_error error = {0};
	char text[1000] = "";

	(void)state;
	for (size_t i = 0; i < 900; i += 3) {
		memcpy(text + i, "\xe2\x82\xac", 3);
	}
	tr_error_set(&error, TR_E_INVALID, "a%s", text);
	assert_true(tr_utf8_valid(tr_str_from(error.text)));
	assert_in_range(strlen(error.text), 230, 239);
	for (int i = 0; i < 5; i++) {
		tr_error_prefix(&error, "%.*s", i, "xyzv");
		assert_true(tr_utf8_valid(tr_str_from(error.text)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			records_below_the_level_are_not_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(text_of_peers_stays_on_one_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			json_records_stay_valid_when_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			text_records_are_cut_at_a_code_point, set_up, tear_down),
		cmocka_unit_test(errors_carry_code_class_and_one_sentence),
		cmocka_unit_test(long_error_text_is_cut_at_a_code_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
