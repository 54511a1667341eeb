/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing JSON strictly, and printing what came. */
#include "core/base/alloc.h"
#include "core/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void assert_becomes(struct tr_str text, const char *expected)
{
	struct tr_error error = {0};
	struct tr_json *value = tr_json_parse(text, &error);
	char *printed;

	if (!value) {
		print_error("%s\n", error.text);
	}
	assert_non_null(value);
	printed = tr_json_text(value);
	assert_string_equal(printed, expected);
	tr_free(printed);
	tr_json_free(value);
}

static void assert_same(const char *text)
{
	assert_becomes(tr_str_from(text), text);
}

static void assert_refused(struct tr_str text, enum tr_error_code code, const char *reason)
{
	struct tr_error error = {0};

	assert_null(tr_json_parse(text, &error));
	assert_int_equal(error.code, code);
	assert_non_null(strstr(error.text, reason));
}

static void values_are_printed_compactly_as_they_came(void **state)
{
	(void)state;
	assert_same("{\"a\":[1,-2,0.5,true,false,null,\"x\"],\"b\":{},\"c\":[],\"\":\"\"}");
	assert_becomes(TR_STR(" [ 1 , { \"a\" : \t2 } ]\r\n"), "[1,{\"a\":2}]");
	assert_becomes(TR_STR("\"\\u00e9\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\\\\\\"\\u0001\""),
		"\"\xc3\xa9\xf0\x9f\x98\x80/\\b\\f\\n\\r\\t\\\\\\\"\\u0001\"");
	assert_same("\"\x7f h\xc3\xa9llo \xe2\x82\xac and more plain text\"");
	assert_same("5");
}

static void malformed_text_is_refused_with_its_place(void **state)
{
	static const char *bad[] = {"", " ", "{", "[", "[1", "[1,", "[1,]", "{\"a\"}", "{\"a\":}",
		"{\"a\":1,}", "{a:1}", "{1:1}", "[1 2]", "[1}", "{\"a\":1]", "]", "01", "-", "+1",
		"1.", ".5", "1e", "1e+", "-01", "0x10", "tru", "True", "nul", "NaN", "Infinity",
		"'a'", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\", "\"a\nb\"", "\"\t\"",
		"1 2", "{} x", "[1]]", "\xef\xbb\xbf{}", "/**/1", "[,1]", "{,}"};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(bad); i++) {
		assert_refused(tr_str_from(bad[i]), TR_E_INVALID, "at byte");
	}
	assert_refused(TR_STR("{\"a\":1} x"), TR_E_INVALID, "at byte 8");
	assert_refused(TR_STR("1\0"), TR_E_INVALID, "at byte 1");
	assert_refused(TR_STR("\"\xff\""), TR_E_INVALID, "not UTF-8");
	assert_refused(TR_STR("\"\xed\xa0\x80\""), TR_E_INVALID, "not UTF-8");
	assert_refused(TR_STR("{\"12345678\xc0\xaf\":1}"), TR_E_INVALID, "not UTF-8");
}

static void nesting_size_and_count_are_capped(void **state)
{
	char deep[2 * TR_JSON_MAX_DEPTH + 3];
	char *big = tr_alloc_array(2, TR_JSON_MAX_VALUES + 4);
	struct tr_json *value;

	(void)state;
	memset(deep, '[', TR_JSON_MAX_DEPTH);
	memset(deep + TR_JSON_MAX_DEPTH, ']', TR_JSON_MAX_DEPTH);
	value = tr_json_parse(tr_str_of(deep, 2 * TR_JSON_MAX_DEPTH), NULL);
	assert_non_null(value);
	tr_json_free(value);
	memset(deep, '[', TR_JSON_MAX_DEPTH + 1);
	assert_refused(tr_str_of(deep, sizeof(deep)), TR_E_TOO_BIG, "deep");
	big[0] = '[';
	for (size_t i = 0; i < TR_JSON_MAX_VALUES; i++) {
		big[2 * i + 1] = '1';
		big[2 * i + 2] = ',';
	}
	assert_refused(tr_str_of(big, 2 * TR_JSON_MAX_VALUES + 2), TR_E_TOO_BIG, "too many");
	assert_refused(tr_str_of(big, (size_t)TR_JSON_MAX_BYTES + 1), TR_E_TOO_BIG, "the most");
	tr_free(big);
}

static void nul_and_lone_surrogates_become_the_replacement_character(void **state)
{
	(void)state;
	assert_becomes(TR_STR("{\"a\\u0000b\":\"x\\u0000y\",\"c\":\"\0z\"}"),
		"{\"a\xef\xbf\xbd"
		"b\":\"x\xef\xbf\xbdy\",\"c\":\"\xef\xbf\xbdz\"}");
	assert_becomes(TR_STR("\"\\ud800\""), "\"\xef\xbf\xbd\"");
	assert_becomes(TR_STR("\"\\udc00x\""), "\"\xef\xbf\xbdx\"");
	assert_becomes(TR_STR("\"\\ud800\\u0041\""), "\"\xef\xbf\xbd"
						     "A\"");
	assert_becomes(TR_STR("\"\\ud800\\ud83d\\ude00\""), "\"\xef\xbf\xbd\xf0\x9f\x98\x80\"");
	/* An escaped backslash before u is text. */
	assert_same("\"\\\\u0000\"");
}

static void large_numbers_keep_their_digits(void **state)
{
	struct tr_json *value;
	int64_t number = 5;

	(void)state;
	assert_same("9007199254740992");
	assert_same("-9007199254740992");
	assert_same("9007199254740993");
	assert_same("{\"id\":18446744073709551615,\"n\":[-123456789012345678901234567890]}");
	assert_same("[1e400,-1E+400,1.5]");
	assert_same("1.00000000000000000000000000000000000000000000000000000000000000000000001");
	assert_becomes(TR_STR("[1.0,1e3,-0,0.1,1e300,123456789.123]"),
		"[1,1000,0,0.1,1e+300,123456789.123]");
	value = tr_json_parse(TR_STR("{\"a\":9007199254740993,\"b\":9007199254740992,\"c\":1e3,"
				     "\"d\":1.5,\"e\":\"1\",\"f\":-7}"),
		NULL);
	assert_false(tr_json_get_int(value, "a", &number));
	assert_int_equal(tr_json_type(tr_json_get(value, "a")), TR_JSON_NUMBER);
	assert_false(tr_json_get_int(value, "d", &number));
	assert_false(tr_json_get_int(value, "e", &number));
	assert_false(tr_json_get_int(value, "none", &number));
	assert_true(number == 5);
	assert_true(tr_json_get_int(value, "b", &number) && number == INT64_C(9007199254740992));
	assert_true(tr_json_get_int(value, "c", &number) && number == 1000);
	assert_true(tr_json_get_int(value, "f", &number) && number == -7);
	tr_json_free(value);
}

static void of_duplicate_keys_the_last_one_wins(void **state)
{
	struct tr_buf text = TR_BUF_INIT(100000);
	struct tr_json *value;
	int64_t number;

	(void)state;
	assert_becomes(TR_STR("{\"a\":1,\"b\":2,\"a\":3}"), "{\"b\":2,\"a\":3}");
	assert_becomes(TR_STR("{\"a\":1,\"\\u0061\":{\"x\":1,\"x\":2},\"a\":[{\"y\":1,\"y\":2}]}"),
		"{\"a\":[{\"y\":2}]}");
	assert_becomes(TR_STR("{\"A\":1,\"a\":2}"), "{\"A\":1,\"a\":2}");
	tr_buf_add_char(&text, '{');
	for (int i = 0; i < 2000; i++) {
		tr_buf_addf(&text, "%s\"k%d\":%d", i > 0 ? "," : "", i % 500, i);
	}
	tr_buf_add_char(&text, '}');
	value = tr_json_parse(tr_buf_str(&text), NULL);
	assert_int_equal(tr_json_count(value), 500);
	assert_true(tr_json_get_int(value, "k0", &number) && number == 1500);
	assert_true(tr_json_get_int(value, "k499", &number) && number == 1999);
	tr_json_free(value);
	tr_buf_finish(&text);
}

static void an_object_of_many_keys_parses_in_linear_time(void **state)
{
	struct tr_buf text = TR_BUF_INIT(10000000);
	clock_t start;
	struct tr_json *value;

	(void)state;
	tr_buf_add_char(&text, '{');
	for (int i = 0; i < 200000; i++) {
		tr_buf_addf(&text, "%s\"%d\":0", i > 0 ? "," : "", i);
	}
	tr_buf_add_char(&text, '}');
	start = clock();
	value = tr_json_parse(tr_buf_str(&text), NULL);
	assert_true((clock() - start) / CLOCKS_PER_SEC < 5);
	assert_int_equal(tr_json_count(value), 200000);
	tr_json_free(value);
	tr_buf_finish(&text);
}

static void reading_what_is_not_there_gives_nothing(void **state)
{
	struct tr_json *value = tr_json_parse(
		TR_STR("{\"content\":{\"m.relates_to\":{\"event_id\":\"$e\"},\"t\":true,"
		       "\"f\":false,\"l\":[1,2]}}"),
		NULL);
	const struct tr_json *content = tr_json_get(value, "content");

	(void)state;
	assert_true(tr_str_eq_c(
		tr_json_get_str(tr_json_path(value, "content", "m.relates_to", NULL), "event_id"),
		"$e"));
	assert_null(tr_json_path(value, "content", "nothing", "event_id", NULL));
	assert_null(tr_json_get(NULL, "x"));
	assert_null(tr_json_get(tr_json_get(content, "l"), "x"));
	assert_true(tr_str_empty(tr_json_str(content)));
	assert_true(tr_str_empty(tr_json_get_str(NULL, "x")));
	assert_false(tr_json_is_str(NULL));
	assert_true(tr_json_get_bool(content, "t", false));
	assert_false(tr_json_get_bool(content, "f", true));
	assert_true(tr_json_get_bool(content, "l", true));
	assert_true(tr_json_is_true(tr_json_get(content, "t")));
	assert_false(tr_json_is_true(tr_json_get(content, "f")));
	assert_int_equal(tr_json_count(tr_json_get(content, "l")), 2);
	assert_int_equal(tr_json_count(NULL), 0);
	assert_null(tr_json_first(NULL));
	assert_true(tr_str_eq_c(tr_json_key(tr_json_first(content)), "m.relates_to"));
	assert_true(tr_str_empty(tr_json_key(tr_json_first(tr_json_get(content, "l")))));
	assert_int_equal(tr_json_type(NULL), TR_JSON_NULL);
	tr_json_free(value);
	tr_json_free(NULL);
	assert_null(tr_json_dup(NULL));
}

static void built_trees_print_as_valid_json(void **state)
{
	struct tr_json *root = tr_json_new_object();
	struct tr_json *list = tr_json_add_array(root, "list");
	struct tr_json *again;
	char *text;

	(void)state;
	tr_json_set_str(root, "s", TR_STR("a\xff\0b"));
	tr_json_set_c(root, "c", "first");
	tr_json_set_c(root, "c", "second");
	tr_json_set_int(root, "i", INT64_MAX);
	tr_json_set_int(root, "small", -5);
	tr_json_set_bool(root, "b", true);
	tr_json_set_c(tr_json_add_object(root, "o\xff"), "k", NULL);
	tr_json_append_str(list, TR_STR("x"));
	tr_json_append_take(list, tr_json_new_null());
	tr_json_append_take(list, tr_json_dup(tr_json_get(root, "small")));
	tr_json_remove(root, "b");
	tr_json_remove(root, "b");
	text = tr_json_text(root);
	assert_string_equal(text, "{\"list\":[\"x\",null,-5],\"s\":\"a\xef\xbf\xbd\xef\xbf\xbd"
				  "b\",\"c\":\"second\",\"i\":9223372036854775807,\"small\":-5,"
				  "\"o\xef\xbf\xbd\":{\"k\":\"\"}}");
	assert_true(tr_str_empty(tr_json_key(tr_json_next(tr_json_next(tr_json_first(list))))));
	again = tr_json_dup(root);
	tr_json_free(root);
	tr_json_set_take(again, "list", tr_json_new_bool(false));
	tr_json_remove(again, "s");
	tr_free(text);
	text = tr_json_text(again);
	assert_string_equal(text, "{\"list\":false,\"c\":\"second\",\"i\":9223372036854775807,"
				  "\"small\":-5,\"o\xef\xbf\xbd\":{\"k\":\"\"}}");
	tr_free(text);
	tr_json_free(again);
}

static void printing_stops_at_the_buffers_maximum(void **state)
{
	struct tr_buf out = TR_BUF_INIT(10);
	struct tr_json *value = tr_json_parse(TR_STR("[1,2,3,4,5,6]"), NULL);

	(void)state;
	assert_int_equal(tr_json_print(value, &out), TR_E_TOO_BIG);
	assert_true(tr_buf_failed(&out));
	tr_buf_finish(&out);
	tr_buf_clear(&out);
	assert_int_equal(tr_json_print(NULL, &out), 0);
	assert_string_equal(tr_buf_c(&out), "null");
	tr_buf_finish(&out);
	tr_json_free(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_printed_compactly_as_they_came),
		cmocka_unit_test(malformed_text_is_refused_with_its_place),
		cmocka_unit_test(nesting_size_and_count_are_capped),
		cmocka_unit_test(nul_and_lone_surrogates_become_the_replacement_character),
		cmocka_unit_test(large_numbers_keep_their_digits),
		cmocka_unit_test(of_duplicate_keys_the_last_one_wins),
		cmocka_unit_test(an_object_of_many_keys_parses_in_linear_time),
		cmocka_unit_test(reading_what_is_not_there_gives_nothing),
		cmocka_unit_test(built_trees_print_as_valid_json),
		cmocka_unit_test(printing_stops_at_the_buffers_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
