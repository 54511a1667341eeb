/* SPDX-License-Identifier: Apache-2.0 */
/* Text views and UTF-8. */
#include "core/base/alloc.h"
#include "core/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_text(struct tr_str view, const char *expected)
{
	assert_true(tr_str_eq_c(view, expected));
}

static void empty_views_with_and_without_pointer_are_equal(void **state)
{
	(void)state;
	assert_true(tr_str_eq(tr_str_from(NULL), TR_STR("")));
	assert_true(tr_str_empty(tr_str_from(NULL)));
	assert_int_equal(tr_str_compare(tr_str_from(NULL), TR_STR("")), 0);
	assert_true(tr_str_starts(tr_str_from(NULL), TR_STR("")));
	assert_true(tr_str_ends(tr_str_from(NULL), tr_str_from(NULL)));
}

static void comparing_looks_at_bytes_and_only_ascii_case(void **state)
{
	(void)state;
	assert_true(tr_str_compare(TR_STR("a"), TR_STR("ab")) < 0);
	assert_true(tr_str_compare(TR_STR("b"), TR_STR("ab")) > 0);
	assert_true(tr_str_compare(TR_STR("\x7f"), TR_STR("\x80")) < 0);
	assert_true(tr_str_eq_nocase(TR_STR("NickServ"), TR_STR("nICKsERV")));
	assert_false(tr_str_eq_nocase(TR_STR("[x]"), TR_STR("{x}")));
	assert_false(tr_str_eq_nocase(TR_STR("\xc3\x84"), TR_STR("\xc3\xa4")));
}

static void find_sees_first_last_and_no_match(void **state)
{
	(void)state;
	assert_int_equal(tr_str_find(TR_STR("aab"), TR_STR("ab")), 1);
	assert_int_equal(tr_str_find(TR_STR("aab"), TR_STR("abc")), -1);
	assert_int_equal(tr_str_find(TR_STR("ab"), TR_STR("abc")), -1);
	assert_int_equal(tr_str_find(TR_STR(""), TR_STR("")), 0);
	assert_int_equal(tr_str_find_char(TR_STR("a:b:c"), ':'), 1);
	assert_int_equal(tr_str_rfind_char(TR_STR("a:b:c"), ':'), 3);
	assert_int_equal(tr_str_rfind_char(TR_STR("abc"), ':'), -1);
}

static void slices_are_clamped_to_the_view(void **state)
{
	(void)state;
	assert_text(tr_str_slice(TR_STR("hello"), 1, 3), "ell");
	assert_text(tr_str_slice(TR_STR("hello"), 4, 100), "o");
	assert_text(tr_str_from_index(TR_STR("hello"), 9), "");
	assert_text(tr_str_trim(TR_STR(" \t a b \r\n")), "a b");
	assert_text(tr_str_trim(TR_STR(" \r\n ")), "");
}

static void split_gives_every_field_even_empty_ones(void **state)
{
	struct tr_str rest = TR_STR("a,,b,");
	struct tr_str field;
	const char *expected[] = {"a", "", "b", ""};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(expected); i++) {
		assert_true(tr_str_split(&rest, ',', &field));
		assert_text(field, expected[i]);
	}
	assert_false(tr_str_split(&rest, ',', &field));
	assert_false(tr_str_split(&rest, ',', &field));
}

static void words_are_separated_by_runs_of_blanks(void **state)
{
	struct tr_str rest = TR_STR("  !join \t #a  ");
	struct tr_str word;

	(void)state;
	assert_true(tr_str_word(&rest, &word));
	assert_text(word, "!join");
	assert_true(tr_str_word(&rest, &word));
	assert_text(word, "#a");
	assert_false(tr_str_word(&rest, &word));
	assert_true(tr_str_empty(rest));
}

static void numbers_are_whole_and_in_range(void **state)
{
	uint64_t u = 7;
	int64_t i = 7;

	(void)state;
	assert_true(tr_str_to_u64(TR_STR("18446744073709551615"), &u));
	assert_true(u == UINT64_MAX);
	u = 7;
	assert_false(tr_str_to_u64(TR_STR("18446744073709551616"), &u));
	assert_false(tr_str_to_u64(TR_STR(""), &u));
	assert_false(tr_str_to_u64(TR_STR("+1"), &u));
	assert_false(tr_str_to_u64(TR_STR("1 "), &u));
	assert_true(u == 7);
	assert_true(tr_str_to_i64(TR_STR("-9223372036854775808"), &i));
	assert_true(i == INT64_MIN);
	assert_true(tr_str_to_i64(TR_STR("9223372036854775807"), &i));
	assert_true(i == INT64_MAX);
	assert_false(tr_str_to_i64(TR_STR("9223372036854775808"), &i));
	assert_false(tr_str_to_i64(TR_STR("-9223372036854775809"), &i));
	assert_false(tr_str_to_i64(TR_STR("-"), &i));
}

static void utf8_refuses_overlong_surrogate_and_out_of_range(void **state)
{
	(void)state;
	assert_true(tr_utf8_valid(TR_STR("plain ascii longer than eight bytes")));
	assert_true(tr_utf8_valid(TR_STR("h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x98\x80")));
	assert_true(tr_utf8_valid(TR_STR("\xf4\x8f\xbf\xbf")));
	assert_false(tr_utf8_valid(TR_STR("\xc0\xaf")));
	assert_false(tr_utf8_valid(TR_STR("\xe0\x9f\xbf")));
	assert_false(tr_utf8_valid(TR_STR("\xed\xa0\x80")));
	assert_false(tr_utf8_valid(TR_STR("\xf0\x8f\xbf\xbf")));
	assert_false(tr_utf8_valid(TR_STR("\xf4\x90\x80\x80")));
	assert_false(tr_utf8_valid(TR_STR("12345678\xff")));
	assert_false(tr_utf8_valid(TR_STR("cut \xe2\x82")));
}

static void decoding_replaces_bad_bytes_one_by_one(void **state)
{
	struct tr_str text = TR_STR("a\xff\xe2\x82\xac\xe2\x82");
	uint32_t expected[] = {'a', 0xfffd, 0x20ac, 0xfffd, 0xfffd};
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(expected); i++) {
		assert_int_equal(tr_utf8_next(text, &at), expected[i]);
	}
	assert_int_equal(at, text.len);
}

static void every_code_point_survives_encoding(void **state)
{
	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		char bytes[4];
		size_t at = 0;
		struct tr_str text = tr_str_of(bytes, tr_utf8_encode(c, bytes));
		bool surrogate = c >= 0xd800 && c <= 0xdfff;

		assert_int_equal(tr_utf8_next(text, &at), surrogate ? 0xfffd : c);
		assert_int_equal(at, text.len);
	}
}

static void fit_never_cuts_a_code_point(void **state)
{
	struct tr_str text = TR_STR("a\xf0\x9f\x98\x80z");

	(void)state;
	assert_int_equal(tr_utf8_fit(text, 0), 0);
	assert_int_equal(tr_utf8_fit(text, 1), 1);
	assert_int_equal(tr_utf8_fit(text, 4), 1);
	assert_int_equal(tr_utf8_fit(text, 5), 5);
	assert_int_equal(tr_utf8_fit(text, 99), 6);
	assert_int_equal(tr_utf8_fit(TR_STR("\x80\x80\x80\x80\x80\x80\x80"), 5), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_views_with_and_without_pointer_are_equal),
		cmocka_unit_test(comparing_looks_at_bytes_and_only_ascii_case),
		cmocka_unit_test(find_sees_first_last_and_no_match),
		cmocka_unit_test(slices_are_clamped_to_the_view),
		cmocka_unit_test(split_gives_every_field_even_empty_ones),
		cmocka_unit_test(words_are_separated_by_runs_of_blanks),
		cmocka_unit_test(numbers_are_whole_and_in_range),
		cmocka_unit_test(utf8_refuses_overlong_surrogate_and_out_of_range),
		cmocka_unit_test(decoding_replaces_bad_bytes_one_by_one),
		cmocka_unit_test(every_code_point_survives_encoding),
		cmocka_unit_test(fit_never_cuts_a_code_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
