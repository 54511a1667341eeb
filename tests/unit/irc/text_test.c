/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting messages into lines and making IRC's text plain. */
#include "bridges/irc/text.h"
#include "core/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The lines as "<one><two>", with "+" when some are left out. */
static void assert_split(struct tr_str text, size_t max, size_t lines_max, const char *expected)
{
	char **lines = NULL;
	bool cut = false;
	struct tr_buf got = TR_BUF_INIT(65536);
	size_t count = tr_irc_text_split(text, max, lines_max, &lines, &cut);
	for (size_t i = 0; i < count; i++) {
		tr_buf_addf(&got, "<%s>", lines[i]);
	}
	tr_buf_add_c(&got, cut ? "+" : "");
	assert_string_equal(tr_buf_c(&got), expected);
	tr_irc_text_lines_free(lines, count);
	tr_buf_finish(&got);
}

static void a_message_becomes_lines_that_fit(void **state)
{
	(void)state;
	assert_split(TR_STR("hello"), 10, 9, "<hello>");
	assert_split(TR_STR(""), 10, 9, "");
	assert_split(TR_STR("a\nb"), 10, 9, "<a><b>");
	assert_split(TR_STR("a\r\nb\rc\n\n\nd\n"), 10, 9, "<a><b><c><d>");
	assert_split(TR_STR("  \n \t \n"), 10, 9, "");
	assert_split(TR_STR("0123456789"), 10, 9, "<0123456789>");
	assert_split(TR_STR("0123456789a"), 10, 9, "<0123456789><a>");
	assert_split(TR_STR("0123456 89ab"), 10, 9, "<0123456><89ab>");
	assert_split(TR_STR("01 3456789ab"), 10, 9, "<01 3456789><ab>");
	assert_split(TR_STR("0123456789 b"), 10, 9, "<0123456789><b>");
	assert_split(TR_STR("  indented code"), 20, 9, "<  indented code>");
	assert_split(TR_STR("a\nb\nc"), 10, 2, "<a><b>+");
	assert_split(TR_STR("a\nb\n\n "), 10, 2, "<a><b>");
	assert_split(TR_STR("a"), 10, 0, "+");
}

static void lines_are_cut_between_characters(void **state)
{
	(void)state;
	assert_split(TR_STR("\xc3\xa4\xc3\xb6\xc3\xbc"), 5, 9, "<\xc3\xa4\xc3\xb6><\xc3\xbc>");
	assert_split(TR_STR("\xf0\x9f\x98\x80\xf0\x9f\x98\x80"), 7, 9,
		"<\xf0\x9f\x98\x80><\xf0\x9f\x98\x80>");
	/* Less than a character is no line length. */
	for (size_t max = 0; max <= 4; max++) {
		assert_split(TR_STR("\xf0\x9f\x98\x80\xf0\x9f\x98\x80"), max, 9,
			"<\xf0\x9f\x98\x80><\xf0\x9f\x98\x80>");
	}
}

static void what_would_break_a_line_or_command_a_client_goes(void **state)
{
	(void)state;
	assert_split(TR_STR("\x01"
			    "ACTION waves\x01"),
		40, 9, "<ACTION waves>");
	assert_split(TR_STR("a\0b\x01"
			    "c"),
		40, 9, "<abc>");
	assert_split(TR_STR("\x01\0\x01"), 40, 9, "");
	assert_split(TR_STR("a\x1b"
			    "b\x07"
			    "c\x7f"
			    "d\x02"
			    "e\tf"),
		40, 9,
		"<abcd\x02"
		"e\tf>");
}

/* What must be there on the other side: all but styles, spaces at cuts, line ends, NUL and 0x01. */
static void add_substance(struct tr_buf *out, struct tr_str text)
{
	struct tr_buf clean = TR_BUF_INIT(4096);
	struct tr_buf plain = TR_BUF_INIT(4096);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '\0' && text.ptr[i] != 0x01) {
			tr_buf_add_char(&clean, text.ptr[i]);
		}
	}
	assert_int_equal(tr_irc_text_plain(tr_buf_str(&clean), &plain), 0);
	tr_buf_finish(&clean);
	for (size_t i = 0; i < plain.len; i++) {
		if (plain.data[i] != ' ') {
			tr_buf_add_char(out, plain.data[i]);
		}
	}
	tr_buf_finish(&plain);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void add_random_text(struct tr_buf *out, uint32_t *seed)
{
	static const char *const pieces[] = {"a", "word", " ", "  ", "\n", "\r\n", "\xc3\xa9",
		"\xe2\x82\xac", "\xf0\x9f\x98\x80", "\x01", "\t", "\r", "longer-word", "\x03",
		"\xcc\x81", "\x02", "\x16", "\x0f",
		"\x03"
		"04",
		"\x03"
		"05,12",
		"\x04"
		"00ff7f",
		",5", "7", "\xe2\x80\x8d"};
	uint32_t count = next_random(seed) % 60;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t pick = next_random(seed) % (TR_ARRAY_LEN(pieces) + 1);
		if (pick == TR_ARRAY_LEN(pieces)) {
			tr_buf_add_char(out, '\0');
		} else {
			tr_buf_add_c(out, pieces[pick]);
		}
	}
}

static void nothing_but_spaces_and_marks_is_lost(void **state)
{
	uint32_t seed = 1;
	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct tr_buf text = TR_BUF_INIT(4096);
		struct tr_buf in = TR_BUF_INIT(4096);
		struct tr_buf out = TR_BUF_INIT(4096);
		char **lines = NULL;
		bool cut = false;
		size_t max = 4 + next_random(&seed) % 30;
		add_random_text(&text, &seed);
		size_t count = tr_irc_text_split(tr_buf_str(&text), max, SIZE_MAX, &lines, &cut);
		for (size_t i = 0; i < count; i++) {
			struct tr_str line = tr_str_from(lines[i]);
			assert_true(line.len > 0 && line.len <= max);
			assert_true(tr_utf8_valid(line));
			assert_false(tr_str_empty(tr_str_trim(line)));
			assert_null(strpbrk(lines[i], "\r\n\x01"));
			add_substance(&out, line);
		}
		add_substance(&in, tr_buf_str(&text));
		assert_false(cut);
		assert_string_equal(tr_buf_c(&in), tr_buf_c(&out));
		tr_irc_text_lines_free(lines, count);
		tr_buf_finish(&text);
		tr_buf_finish(&in);
		tr_buf_finish(&out);
	}
}

/* A retry after a restart must find its own lines again. */
static void the_same_message_is_always_cut_the_same_way(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_split(TR_STR("some words that are cut, and more of them"), 12, 9,
			"<some words><that are><cut, and><more of them>");
	}
}

typedef int text_function(struct tr_str text, struct tr_buf *out);

static void assert_becomes(text_function *function, struct tr_str text, const char *expected)
{
	struct tr_buf out = TR_BUF_INIT(4096);
	assert_int_equal(function(text, &out), 0);
	assert_string_equal(tr_buf_c(&out), expected);
	assert_true(tr_utf8_valid(tr_buf_str(&out)));
	tr_buf_finish(&out);
}

static void formatting_codes_go_and_text_stays(void **state)
{
	static const struct {
		struct tr_str in;
		const char *out;
	} cases[] = {
		{TR_STR("plain"), "plain"},
		{TR_STR("\x02"
			"bold\x02 \x1d"
			"it\x1d \x1f"
			"un\x1f \x1e"
			"st\x1e \x11"
			"mo\x11 \x16"
			"re\x16\x0f"),
			"bold it un st mo re"},
		{TR_STR("\x03"
			"4red\x03 \x03"
			"04,12both\x03"),
			"red both"},
		{TR_STR("\x03"
			"4,text"),
			",text"},
		{TR_STR("\x03"
			",4x"),
			",4x"},
		{TR_STR("\x03"
			"123"),
			"3"},
		{TR_STR("\x03"
			"1,234"),
			"4"},
		{TR_STR("\x03"), ""},
		{TR_STR("\x03"
			"9"),
			""},
		{TR_STR("\x03"
			"9,"),
			","},
		{TR_STR("\x04"
			"FF00aahex\x04 x"),
			"hex x"},
		{TR_STR("\x04"
			"FF0000,00FF00hex"),
			"hex"},
		{TR_STR("\x04"
			"FF0000,zzz"),
			",zzz"},
		{TR_STR("\x04"), ""},
		{TR_STR("a\tb\x07"
			"c\x7f"
			"d\x1b[31m"),
			"a bcd[31m"},
		{TR_STR("\xc3\xa9\xe2\x82\xac"), "\xc3\xa9\xe2\x82\xac"},
		{TR_STR("caf\xe9"), "caf\xc3\xa9"},
		{TR_STR("\xe9\xc3\xa9"), "\xc3\xa9\xc3\x83\xc2\xa9"},
		{TR_STR("\x80\x9f\xa0"), "\xe2\x82\xac\xc5\xb8\xc2\xa0"},
		{TR_STR("a\xc2\x85\xc2\x9b"
			"b"),
			"ab"},
		{TR_STR("a\xe2\x80\xa8"
			"b"),
			"a b"},
		{TR_STR("\0x\0"), "x"},
		{TR_STR("\xd7\xa9\xe2\x80\x8f\xe2\x81\xa7x\xe2\x81\xa9"),
			"\xd7\xa9\xe2\x80\x8f\xe2\x81\xa7x\xe2\x81\xa9"},
		{TR_STR(""), ""},
	};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(cases); i++) {
		assert_becomes(tr_irc_text_plain, cases[i].in, cases[i].out);
	}
}

/* S33: colours and overrides of direction that make "<nick>" look like another. */
static void s33_no_name_changes_how_its_surroundings_look(void **state)
{
	static const struct {
		struct tr_str in;
		const char *out;
	} cases[] = {
		{TR_STR("al\x03"
			"4ice\x02"),
			"alice"},
		{TR_STR("\xe2\x80\xae"
			"ecila\xe2\x80\xac"),
			"ecila"},
		{TR_STR("\xe2\x81\xa6"
			"al\xe2\x81\xa7ic\xe2\x81\xa8"
			"e\xe2\x81\xa9"),
			"alice"},
		{TR_STR("a\xe2\x80\x8bl\xe2\x80\x8c\xe2\x80\x8d\xe2\x81\xa0ice\xef\xbb\xbf\xc2\xad"),
			"alice"},
		{TR_STR("\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f"
			"alice"),
			"alice"},
		{TR_STR("\xc2\x9b"
			"31malice"),
			"31malice"},
		{TR_STR("\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xad"), ""},
		{TR_STR("\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d"), "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d"},
		{TR_STR("J\xe9r\xf4me"), "J\xc3\xa9r\xc3\xb4me"},
	};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(cases); i++) {
		assert_becomes(tr_irc_text_name, cases[i].in, cases[i].out);
	}
	/* And in a message the override that would turn the rest of the line goes. */
	assert_becomes(tr_irc_text_plain,
		TR_STR("x \xe2\x80\xae"
		       "y\xe2\x80\xad"),
		"x y");
}

/* S30, S33: whoever looks like somebody else is still somebody else. */
static void s30_different_nicks_have_different_identities(void **state)
{
	static const struct tr_str nicks[] = {TR_STR("alice"), TR_STR("alice\xe2\x80\xae"),
		TR_STR("alice\x02"),
		TR_STR("al\x03"
		       "4ice"),
		TR_STR("caf\xe9"), TR_STR("caf\xc3\xa9"), TR_STR("caf\xc3\x83\xc2\xa9"),
		TR_STR("alice\xe2\x80\x8b"), TR_STR("\xff"), TR_STR("ff"), TR_STR("\xc3"),
		TR_STR("\xc3\xbf")};
	(void)state;
	for (size_t a = 0; a < TR_ARRAY_LEN(nicks); a++) {
		struct tr_buf one = TR_BUF_INIT(256);
		assert_int_equal(tr_irc_text_identity(nicks[a], &one), 0);
		assert_true(tr_utf8_valid(tr_buf_str(&one)));
		for (size_t b = 0; b < a; b++) {
			struct tr_buf other = TR_BUF_INIT(256);
			tr_irc_text_identity(nicks[b], &other);
			assert_false(tr_str_eq(tr_buf_str(&one), tr_buf_str(&other)));
			tr_buf_finish(&other);
		}
		tr_buf_finish(&one);
	}
	assert_becomes(tr_irc_text_identity, TR_STR("[x]_`"), "[x]_`");
	assert_becomes(tr_irc_text_identity, TR_STR("caf\xe9\x02"), "caf!e9!02");
}

/* A channel that strips colours keeps our lines without them in its history. */
static void texts_are_the_same_without_their_formatting(void **state)
{
	(void)state;
	assert_true(tr_irc_text_same(TR_STR("a b"), TR_STR("a b")));
	assert_true(tr_irc_text_same(TR_STR("\x02"
					    "a\x03"
					    "04 b"),
		TR_STR("a b")));
	assert_false(tr_irc_text_same(TR_STR("a b"), TR_STR("a  b")));
	assert_false(tr_irc_text_same(TR_STR("a"), TR_STR("")));
}

static void ctcp_falls_into_verb_and_rest(void **state)
{
	static const struct {
		struct tr_str in;
		const char *verb, *rest;
	} cases[] = {
		{TR_STR("\x01"
			"ACTION waves\x01"),
			"ACTION", "waves"},
		{TR_STR("\x01"
			"ACTION waves"),
			"ACTION", "waves"},
		{TR_STR("\x01"
			"VERSION\x01"),
			"VERSION", ""},
		{TR_STR("\x01"
			"PING 1 2\x01"),
			"PING", "1 2"},
		{TR_STR("\x01\x01"), "", ""},
	};
	struct tr_str verb;
	struct tr_str rest;
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(cases); i++) {
		assert_true(tr_irc_ctcp(cases[i].in, &verb, &rest));
		assert_true(tr_str_eq_c(verb, cases[i].verb));
		assert_true(tr_str_eq_c(rest, cases[i].rest));
	}
	assert_false(tr_irc_ctcp(TR_STR(""), &verb, &rest));
	assert_false(tr_irc_ctcp(TR_STR("\x01"), &verb, &rest));
	assert_false(tr_irc_ctcp(TR_STR("x\x01"
					"ACTION\x01"),
		&verb, &rest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_becomes_lines_that_fit),
		cmocka_unit_test(lines_are_cut_between_characters),
		cmocka_unit_test(what_would_break_a_line_or_command_a_client_goes),
		cmocka_unit_test(nothing_but_spaces_and_marks_is_lost),
		cmocka_unit_test(the_same_message_is_always_cut_the_same_way),
		cmocka_unit_test(formatting_codes_go_and_text_stays),
		cmocka_unit_test(s33_no_name_changes_how_its_surroundings_look),
		cmocka_unit_test(s30_different_nicks_have_different_identities),
		cmocka_unit_test(texts_are_the_same_without_their_formatting),
		cmocka_unit_test(ctcp_falls_into_verb_and_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
