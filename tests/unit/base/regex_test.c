/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions with limits. */
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/base/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static int warnings;

static void count_line(enum tr_log_level level, const char *line, void *arg)
{
	(void)level;
	(void)line;
	(void)arg;
	warnings++;
}

static bool matches(const char *pattern, struct tr_str text)
{
	struct tr_regex *regex = tr_regex_create(tr_str_from(pattern), NULL);
	bool result;

	assert_non_null(regex);
	result = tr_regex_matches(regex, text);
	tr_regex_destroy(regex);
	return result;
}

static void patterns_match_anywhere_unless_anchored(void **state)
{
	(void)state;
	assert_true(matches("b+", TR_STR("abbc")));
	assert_true(matches("^$", tr_str_of(NULL, 0)));
	assert_false(matches("^b", TR_STR("abbc")));
	assert_true(matches("^@irc_.*:example\\.com$", TR_STR("@irc_Alice:example.com")));
	assert_true(matches("^.$", TR_STR("\xe2\x82\xac")));
	assert_true(matches("x\xef\xbf\xbdy", TR_STR("x\xffy")));
}

static void a_match_far_into_the_text_is_found(void **state)
{
	char text[2001];

	(void)state;
	for (size_t i = 0; i < 1998; i += 3) {
		memcpy(text + i, "\xe2\x82\xac", 3);
	}
	memcpy(text + 1998, "!!", 3);
	assert_true(matches("!!$", tr_str_from(text)));
	assert_true(matches("\xe2\x82\xac!", tr_str_from(text)));
	assert_false(matches("\\?", tr_str_from(text)));
}

static void bad_patterns_are_refused_with_their_position(void **state)
{
	struct tr_error error = {0};
	char long_pattern[9000];

	(void)state;
	assert_null(tr_regex_create(TR_STR("ab(c"), &error));
	assert_int_equal(error.code, TR_E_INVALID);
	assert_non_null(strstr(error.text, "position 4"));
	memset(long_pattern, 'a', sizeof(long_pattern));
	assert_null(tr_regex_create(tr_str_of(long_pattern, sizeof(long_pattern)), &error));
	assert_int_equal(error.code, TR_E_TOO_BIG);
	memset(long_pattern, '(', 200);
	memset(long_pattern + 200, ')', 200);
	assert_null(tr_regex_create(tr_str_of(long_pattern, 400), &error));
	assert_null(tr_regex_create(TR_STR("\\C"), NULL));
	tr_regex_destroy(NULL);
}

static void runaway_matches_end_soon_and_do_not_match(void **state)
{
	char text[65536];
	clock_t start = clock();

	(void)state;
	/* The library looks for the letters a match needs first, so they are there. */
	memset(text, 'a', sizeof(text));
	memcpy(text + sizeof(text) - 2, "b!", 2);
	warnings = 0;
	tr_log_set_sink(count_line, NULL);
	assert_false(matches("(a+)+b$", tr_str_of(text, sizeof(text))));
	assert_false(matches("a{0,90}a{0,90}b$", tr_str_of(text, sizeof(text))));
	tr_log_set_sink(NULL, NULL);
	assert_int_equal(warnings, 2);
	assert_true((clock() - start) / (CLOCKS_PER_SEC / 1000) < 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_anywhere_unless_anchored),
		cmocka_unit_test(a_match_far_into_the_text_is_found),
		cmocka_unit_test(bad_patterns_are_refused_with_their_position),
		cmocka_unit_test(runaway_matches_end_soon_and_do_not_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
