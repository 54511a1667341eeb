/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that are not UTF-8. */
#include "bridges/irc/encoding.h"
#include "core/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_reads(const char *encoding, struct tr_str line, const char *expected)
{
	struct tr_error error;
	struct tr_buf out = TR_BUF_INIT(TR_IRC_DECODED_MAX(line.len));
	struct tr_irc_encoding *open = encoding ? tr_irc_encoding_open(encoding, &error) : NULL;
	assert_true(encoding == NULL || open != NULL);
	for (int i = 0; i < 2; i++) { /* the converter begins anew with every line */
		tr_buf_clear(&out);
		tr_irc_decode(open, line, &out);
		assert_string_equal(tr_buf_c(&out), expected);
		assert_true(tr_utf8_valid(tr_buf_str(&out)));
	}
	tr_irc_encoding_close(open);
	tr_buf_finish(&out);
}

static void utf8_is_utf8_whatever_is_configured(void **state)
{
	(void)state;
	assert_reads(NULL, TR_STR("caf\xc3\xa9"), "caf\xc3\xa9");
	assert_reads("KOI8-R", TR_STR("caf\xc3\xa9"), "caf\xc3\xa9");
	assert_reads("GB18030", TR_STR("plain"), "plain");
}

static void other_lines_are_read_as_configured(void **state)
{
	(void)state;
	assert_reads(NULL, TR_STR("caf\xe9 \x80 \x93x\x94"),
		"caf\xc3\xa9 \xe2\x82\xac \xe2\x80\x9cx\xe2\x80\x9d");
	assert_reads("ISO-8859-15", TR_STR("caf\xe9 \xa4"), "caf\xc3\xa9 \xe2\x82\xac");
	assert_reads("CP1251", TR_STR("\xef\xf0\xe8\xe2\xe5\xf2"),
		"\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82");
	assert_reads("GB18030", TR_STR("\xc4\xe3\xba\xc3"), "\xe4\xbd\xa0\xe5\xa5\xbd");
	assert_reads("SHIFT_JIS", TR_STR("\x82\xb1"), "\xe3\x81\x93");
	/* Codes of formatting stay what they are. */
	assert_reads("CP1251",
		TR_STR("\x02\xef\x03"
		       "04,05\xf0\x0f"),
		"\x02\xd0\xbf\x03"
		"04,05\xd1\x80\x0f");
}

static void what_means_nothing_is_shown_as_such(void **state)
{
	(void)state;
	assert_reads(NULL, TR_STR("a\x81z"), "a\xef\xbf\xbdz");
	assert_reads("GB18030", TR_STR("a\xffz"), "a\xef\xbf\xbdz");
	assert_reads("SHIFT_JIS", TR_STR("a\x82"), "a\xef\xbf\xbd");
}

/* Servers cut lines at bytes. */
static void a_line_cut_inside_a_character_stays_utf8(void **state)
{
	(void)state;
	assert_reads(NULL, TR_STR("caf\xc3\xa9 \xe2\x82"), "caf\xc3\xa9 ");
	assert_reads(NULL, TR_STR("\xc3\xa9\xf0\x9f\x98"), "\xc3\xa9");
	assert_reads("CP1251", TR_STR("\xc3\xa9\xc3"), "\xc3\xa9");
	/* But a line that has no UTF-8 before is just another encoding. */
	assert_reads(NULL, TR_STR("caf\xe9"), "caf\xc3\xa9");
	assert_reads(NULL, TR_STR("\xe9\xe9"), "\xc3\xa9\xc3\xa9");
}

static void long_lines_are_read_whole(void **state)
{
	struct tr_buf line = TR_BUF_INIT(8192);
	struct tr_buf expected = TR_BUF_INIT(32768);
	(void)state;
	for (int i = 0; i < 4000; i++) {
		tr_buf_add_char(&line, '\xef');
		tr_buf_add_c(&expected, "\xd0\xbf");
	}
	assert_reads("CP1251", tr_buf_str(&line), tr_buf_c(&expected));
	tr_buf_finish(&line);
	tr_buf_finish(&expected);
}

static void encodings_that_cannot_serve_are_refused(void **state)
{
	static const char *const names[] = {"no-such-encoding", "", "UTF-16", "UTF-16LE", "UCS-4",
		"UTF-7", "EBCDIC-US", "IBM037", "LATIN1//TRANSLIT", "ISO-8859-15/"};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(names); i++) {
		struct tr_error error = {0};
		assert_null(tr_irc_encoding_open(names[i], &error));
		assert_int_equal(error.code, TR_E_INVALID);
	}
	assert_null(tr_irc_encoding_open("no-such-encoding", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_is_utf8_whatever_is_configured),
		cmocka_unit_test(other_lines_are_read_as_configured),
		cmocka_unit_test(what_means_nothing_is_shown_as_such),
		cmocka_unit_test(a_line_cut_inside_a_character_stays_utf8),
		cmocka_unit_test(long_lines_are_read_whole),
		cmocka_unit_test(encodings_that_cannot_serve_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
