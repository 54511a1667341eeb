/* SPDX-License-Identifier: Apache-2.0 */
/* What people see as one character stays one. */
#include "core/base/grapheme.h"

#include "core/base/alloc.h"
#include "core/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void clusters_are_found(void **state)
{
	static const struct {
		const char *text;
		size_t first;
	} cases[] = {
		{"ab", 1}, {"\r\nx", 2}, {"e\xcc\x81x", 3}, /* e and acute */
		{"\xc3\xa9x", 2},                           /* e with acute */
		{"a\xcc\x81\xcc\xa3\xcc\x88x", 7},          /* three marks */
		{"\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa\xf0\x9f\x87\xab\xf0\x9f\x87\xb7", 8}, /* DE FR */
		{"\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbdx", 8},              /* thumb with a skin tone */
		{"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb!", 11}, /* woman, ZWJ, laptop */
		{"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb\xf0\x9f\x91\xa9",
			11},                                             /* and a woman */
		{"\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 4},                 /* two faces */
		{"\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd\xf0\x9f\x91\x8d", 8}, /* two thumbs */
		{"\xf0\x9f\x91\xa9\xf0\x9f\x8f\xbd\xe2\x80\x8d\xf0\x9f\x92\xbb\xe2\x9d\xa4", 15},
		{"\xe2\x9d\xa4\xef\xb8\x8fx", 6},             /* heart and variation selector */
		{"1\xef\xb8\x8f\xe2\x83\xa3x", 7},            /* keycap */
		{"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xabx", 9}, /* Hangul of three jamo */
		{"\xe0\xa4\xa8\xe0\xa4\xbfx", 6},             /* Devanagari with a vowel sign */
		{"\x02\xcc\x81", 1},                          /* nothing joins a control */
	};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(cases); i++) {
		assert_int_equal(tr_grapheme_length(tr_str_from(cases[i].text), 0), cases[i].first);
	}
}

static void bytes_that_are_no_text_stand_alone(void **state)
{
	(void)state;
	assert_int_equal(tr_grapheme_length(TR_STR("\xff\xcc\x81"), 0), 1);
	assert_int_equal(tr_grapheme_length(TR_STR("\xc3"), 0), 1);
	assert_int_equal(tr_grapheme_length(TR_STR("a\xcc"), 0), 1);
	assert_int_equal(tr_grapheme_length(TR_STR("a\xcc\x81\xff"), 0), 3);
}

static void a_cluster_without_end_ends(void **state)
{
	struct tr_buf text = TR_BUF_INIT(65536);
	(void)state;
	tr_buf_add_c(&text, "a");
	for (int i = 0; i < 10000; i++) {
		tr_buf_add_c(&text, "\xcc\x81");
	}
	size_t first = tr_grapheme_length(tr_buf_str(&text), 0);
	assert_in_range(first, 100, 1024);
	tr_buf_finish(&text);
}

static void what_fits_ends_between_clusters(void **state)
{
	(void)state;
	assert_int_equal(tr_grapheme_fit(TR_STR("abc"), 3), 3);
	assert_int_equal(tr_grapheme_fit(TR_STR("abc"), 2), 2);
	assert_int_equal(tr_grapheme_fit(TR_STR(""), 0), 0);
	assert_int_equal(tr_grapheme_fit(TR_STR("abe\xcc\x81"), 4), 2);
	assert_int_equal(tr_grapheme_fit(TR_STR("abe\xcc\x81"), 5), 5);
	/* A flag of two letters of four bytes each. */
	assert_int_equal(tr_grapheme_fit(TR_STR("a\xf0\x9f\x87\xb3\xf0\x9f\x87\xb1"), 8), 1);
	/* One that is too long by itself is cut between characters. */
	assert_int_equal(tr_grapheme_fit(TR_STR("\xf0\x9f\x87\xb3\xf0\x9f\x87\xb1"), 7), 4);
	assert_int_equal(tr_grapheme_fit(TR_STR("\xf0\x9f\x87\xb3"), 3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clusters_are_found),
		cmocka_unit_test(bytes_that_are_no_text_stand_alone),
		cmocka_unit_test(a_cluster_without_end_ends),
		cmocka_unit_test(what_fits_ends_between_clusters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
