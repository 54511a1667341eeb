/* SPDX-License-Identifier: Apache-2.0 */
/* Styles from Matrix to IRC and from IRC to Matrix. */
#include "bridges/irc/format.h"
#include "bridges/irc/format_pen.h"
#include "bridges/irc/text.h"
#include "core/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define B "\x02"
#define C "\x03"
#define H "\x04"
#define O "\x0f"
#define M "\x11"
#define R "\x16"
#define I "\x1d"
#define S "\x1e"
#define U "\x1f"

static bool nick_of(void *arg, struct tr_str user_id, struct tr_buf *out)
{
	(void)arg;
	if (!tr_str_eq_c(user_id, "@alice:hs.test") && !tr_str_eq_c(user_id, "@a b:hs.test")) {
		return false;
	}
	return tr_buf_add_c(out, "al1ce") == 0;
}

/* Control characters as "{02}", LF as it is. */
static void show(struct tr_str text, struct tr_buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];
		if (byte < ' ' && byte != '\n') {
			tr_buf_addf(out, "{%02x}", byte);
		} else {
			tr_buf_add_char(out, text.ptr[i]);
		}
	}
}

static void assert_shown(struct tr_str got, const char *expected)
{
	struct tr_buf a = TR_BUF_INIT(65536);
	struct tr_buf b = TR_BUF_INIT(65536);
	show(got, &a);
	show(tr_str_from(expected), &b);
	assert_string_equal(tr_buf_c(&a), tr_buf_c(&b));
	tr_buf_finish(&a);
	tr_buf_finish(&b);
}

struct vector {
	const char *in, *out;
};

static void assert_from_html(const struct vector *vectors, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct tr_buf out = TR_BUF_INIT(65536);
		assert_int_equal(
			tr_irc_format_from_html(tr_str_from(vectors[i].in), nick_of, NULL, &out),
			0);
		assert_shown(tr_buf_str(&out), vectors[i].out);
		tr_buf_finish(&out);
	}
}

static void assert_to_html(const struct vector *vectors, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct tr_buf out = TR_BUF_INIT(65536);
		struct tr_spans spans = {0};
		tr_irc_format_read(tr_str_from(vectors[i].in), &spans);
		if (tr_spans_formatted(&spans)) {
			assert_int_equal(tr_spans_to_html(&spans, &out), 0);
		}
		assert_string_equal(tr_buf_c(&out), vectors[i].out);
		tr_spans_finish(&spans);
		tr_buf_finish(&out);
	}
}

static void styles_become_codes(void **state)
{
	static const struct vector vectors[] = {
		{"plain &amp; <b>bold</b> end", "plain & " B "bold" O " end"},
		{"<strong>b<em>bi</em>b</strong>", B "b" I "bi" I "b"},
		{"<i>a</i><u>b</u><del>c</del><s>d</s><code>e</code>",
			I "a" I U "b" U S "cd" S M "e"},
		{"<strike>a</strike> <tt>b</tt> <ins>c</ins>", S "a" O " " M "b" O " " U "c"},
		{"<b>1</b>\n<i>2</i>", B "1" O " " I "2"},
		{"<b>two<br>lines</b>", B "two\n" B "lines"},
		{"<p>one</p><p>two</p>", "one\ntwo"},
		{"<span>x</span><sup>2</sup>", "x2"},
		{"a\x02"
		 "b\x03"
		 "4c<b>\x01"
		 "d</b>",
			"a\xef\xbf\xbd"
			"b\xef\xbf\xbd"
			"4c" B "\xef\xbf\xbd"
			"d"},
	};
	(void)state;
	assert_from_html(vectors, TR_ARRAY_LEN(vectors));
}

static void colours_become_codes_that_swallow_nothing(void **state)
{
	static const struct vector vectors[] = {
		{"<font color=\"red\">r</font>", C "04r"},
		{"<font color=\"red\">1 r</font> 2", C "041 r" O " 2"},
		{"<span data-mx-color=\"#ff0000\">r</span>5", C "04r" O "5"},
		{"<span data-mx-color=\"#ff0000\">,5</span>", C "04" B B ",5"},
		{"<span data-mx-color=\"#ff0000\"><b>,5</b></span>", C "04" B ",5"},
		{"<span data-mx-color=\"#ff0000\" data-mx-bg-color=\"#00007f\">7</span>",
			C "04,027"},
		{"<span data-mx-bg-color=\"#00007f\">7</span>", C "99,027"},
		{"<font color=\"#b50000\">x</font>", C "40x"},
		{"<font color=\"blue\">b<font color=\"green\">g</font>b</font>",
			C "12b" C "03g" C "12b"},
		{"<font color=\"white\">0</font><font color=\"black\">1</font>", C "000" C "011"},
		{"<b>a<font color=\"red\">b</font>c</b>", B "a" C "04b" O B "c"},
		{"<font color=\"no-such\">x</font>", "x"},
		{"see <span data-mx-spoiler>this</span>!", "see " C "01,01this" O "!"},
	};
	(void)state;
	assert_from_html(vectors, TR_ARRAY_LEN(vectors));
}

static void blocks_become_lines_as_people_write_them(void **state)
{
	static const struct vector vectors[] = {
		{"<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>", "- a\n- b\n  - c"},
		{"<ol start=\"3\"><li>a</li><li>b</li></ol>", "3. a\n4. b"},
		{"<ul><li>a<br>b</li></ul>", "- a\n  b"},
		{"<blockquote>q<br>r</blockquote>a", "> q\n> r\na"},
		{"<blockquote><p>a</p><blockquote>b</blockquote></blockquote>", "> a\n> > b"},
		{"<h1>Title</h1>text", B "Title\ntext"},
		{"<h2>a <i>b</i></h2>", B "a " I "b"},
		{"<pre><code class=\"language-c\">int a;\n\n  b;\n</code></pre>", "int a;\n  b;"},
		{"<table><tr><th>h</th><th>i</th></tr><tr><td>1</td><td>2</td></tr></table>",
			B "h" O " | " B "i\n1 | 2"},
		{"a<hr>b", "a\n---\nb"},
		{"a<br><br>b", "a\nb"},
		{"<img src=\"mxc://a/b\" alt=\":cat:\"> x", ":cat: x"},
		{"<details><summary>More</summary>inside</details>", "More\ninside"},
		{"<blockquote><ul><li><b>x</b></li></ul></blockquote>", "> - " B "x"},
		{"<mx-reply><blockquote>old</blockquote></mx-reply>new", "new"},
		{"", ""},
		{"<p> </p>", ""},
		{"<script>x</script>", ""},
	};
	(void)state;
	assert_from_html(vectors, TR_ARRAY_LEN(vectors));
}

static void links_show_their_address_once(void **state)
{
	static const struct vector vectors[] = {
		{"<a href=\"http://e.x/1\">foo</a> bar", "foo (http://e.x/1) bar"},
		{"<a href=\"https://e.x\">https://e.x</a>", "https://e.x"},
		{"<a href=\"https://e.x/\">e.x</a>", "e.x"},
		{"<a href=\"https://e.x/1\"><b>f</b>oo</a>", B "f" O "oo (https://e.x/1)"},
		{"<b><a href=\"https://e.x/1\">f</a></b>", B "f" O " (https://e.x/1)"},
		{"<a href=\"javascript:x\">foo</a>", "foo"},
	};
	(void)state;
	assert_from_html(vectors, TR_ARRAY_LEN(vectors));
}

static void pills_become_nicks(void **state)
{
	static const struct vector vectors[] = {
		{"<a href=\"https://matrix.to/#/@alice:hs.test\">Alice A.</a>: hi", "al1ce: hi"},
		{"<a href=\"https://matrix.to/#/%40alice%3Ahs.test?via=x\">Alice</a>", "al1ce"},
		{"<a href=\"matrix:u/alice:hs.test\"><b>Al</b>ice</a>!", B "al1ce" O "!"},
		{"<a href=\"https://matrix.to/#/@a%20b:hs.test\">x</a>", "al1ce"},
		{"<a href=\"https://matrix.to/#/@bob:hs.test\">Bob</a>: hi", "Bob: hi"},
		{"<a href=\"https://matrix.to/#/@a%zz\">Bob</a>: hi", "Bob: hi"},
		{"<a href=\"https://matrix.to/#/#room:hs.test\">#room</a>", "#room"},
	};
	(void)state;
	assert_from_html(vectors, TR_ARRAY_LEN(vectors));
}

/* Scenario 33. */
static void codes_become_html_that_is_balanced(void **state)
{
	static const struct vector vectors[] = {
		{"plain", ""},
		{"a < b & c's", ""},
		{B "b" B "p", "<strong>b</strong>p"},
		{B "b" O "p", "<strong>b</strong>p"},
		{B "b" I "bi" B "i", "<strong>b</strong><strong><em>bi</em></strong><em>i</em>"},
		{U "u" U S "s" S M "m", "<u>u</u><del>s</del><code>m</code>"},
		{B "&<>\"'" B, "<strong>&amp;&lt;&gt;&quot;&#39;</strong>"},
		{B B "x", ""},
		{B, ""},
		{C "4red", "<font color=\"#ff0000\" data-mx-color=\"#ff0000\">red</font>"},
		{C "4" C "12b" C "t",
			"<font color=\"#0000fc\" data-mx-color=\"#0000fc\">b</font>t"},
		{C "0,1w", "<font color=\"#ffffff\" data-mx-color=\"#ffffff\" "
			   "data-mx-bg-color=\"#000000\">w</font>"},
		{C "52x", "<font color=\"#ff0000\" data-mx-color=\"#ff0000\">x</font>"},
		{C "99x", ""},
		{C "4r" C "99x", "<font color=\"#ff0000\" data-mx-color=\"#ff0000\">r</font>x"},
		{H "12aB9fx", "<font color=\"#12ab9f\" data-mx-color=\"#12ab9f\">x</font>"},
		{H "12aB9x", ""},
		{C "1,1hidden" C " x", "<span data-mx-spoiler>hidden</span> x"},
		{R "r" R "n", "<font color=\"#000000\" data-mx-color=\"#000000\" "
			      "data-mx-bg-color=\"#d2d2d2\">r</font>n"},
		{C "4" R "r" O "n", "<font color=\"#000000\" data-mx-color=\"#000000\" "
				    "data-mx-bg-color=\"#ff0000\">r</font>n"},
		{B "a\x07\x01\x1b"
		   "b",
			"<strong>ab</strong>"},
		{"$& " B "$1" B, "$&amp; <strong>$1</strong>"},
	};
	(void)state;
	assert_to_html(vectors, TR_ARRAY_LEN(vectors));
}

static void the_nearest_colour_is_found(void **state)
{
	(void)state;
	for (int32_t i = 0; i < TR_IRC_COLOUR_DEFAULT; i++) {
		int32_t rgb = tr_irc_colour_rgb(i);
		int32_t back = tr_irc_colour_rgb(tr_irc_colour_nearest(rgb));
		for (int shift = 0; shift <= 16; shift += 8) {
			int apart = (rgb >> shift & 0xff) - (back >> shift & 0xff);
			assert_in_range(apart + 40, 0, 80);
		}
	}
	for (int32_t i = 0; i < 16; i++) {
		assert_int_equal(tr_irc_colour_nearest(tr_irc_colour_rgb(i)), i);
	}
	assert_int_equal(tr_irc_colour_nearest(0x008000), 3);
	assert_int_equal(tr_irc_colour_nearest(0x800000), 5);
	assert_int_equal(tr_irc_colour_nearest(0x0000ff), 12);
	assert_int_equal(tr_irc_colour_nearest(0x00ff00), 9);
	assert_int_equal(tr_irc_colour_nearest(0x363637), 91);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Spans as one comparable text, runs of the same look put together. */
static void describe(const struct tr_spans *spans, struct tr_buf *out)
{
	const struct tr_span *before = NULL;
	for (size_t i = 0; i < spans->count; i++) {
		const struct tr_span *span = &spans->items[i];
		if (before == NULL || before->styles != span->styles || before->fg != span->fg ||
			before->bg != span->bg) {
			tr_buf_addf(out, "|%x,%x,%x:", span->styles, (unsigned)span->fg,
				(unsigned)span->bg);
		}
		tr_buf_add(out, span->text);
		before = span;
	}
}

/* What is written as codes reads back as the same spans. */
static void styles_survive_the_way_there_and_back(void **state)
{
	static const char *const words[] = {"a", ",", ",5", "12", "word", " x", "\xc3\xa9"};
	uint32_t seed = 7;
	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct tr_spans spans = {0};
		struct tr_spans back = {0};
		struct tr_buf text = TR_BUF_INIT(65536);
		struct tr_buf one = TR_BUF_INIT(65536);
		struct tr_buf two = TR_BUF_INIT(65536);
		for (uint32_t count = next_random(&seed) % 8; count > 0; count--) {
			uint32_t word = next_random(&seed) % TR_ARRAY_LEN(words);
			struct tr_span *span = tr_spans_add(&spans, tr_str_from(words[word]));
			span->styles = next_random(&seed) % 32;
			int32_t fg = (int32_t)(next_random(&seed) % 20);
			int32_t bg = (int32_t)(next_random(&seed) % 20);
			span->fg = fg < 16 ? tr_irc_colour_rgb(fg) : TR_COLOUR_NONE;
			span->bg = bg < 16 && bg != fg ? tr_irc_colour_rgb(bg) : TR_COLOUR_NONE;
		}
		assert_int_equal(tr_irc_format_from_spans(&spans, NULL, NULL, &text), 0);
		tr_irc_format_read(tr_buf_str(&text), &back);
		describe(&spans, &one);
		describe(&back, &two);
		assert_string_equal(tr_buf_c(&one), tr_buf_c(&two));
		tr_spans_finish(&spans);
		tr_spans_finish(&back);
		tr_buf_finish(&text);
		tr_buf_finish(&one);
		tr_buf_finish(&two);
	}
}

/* The look of every character, spaces left out. */
static void describe_characters(struct tr_str line, struct tr_buf *out)
{
	struct tr_spans spans = {0};
	tr_irc_format_read(line, &spans);
	for (size_t i = 0; i < spans.count; i++) {
		const struct tr_span *span = &spans.items[i];
		for (size_t at = 0; at < span->text.len; at++) {
			if (span->text.ptr[at] != ' ') {
				tr_buf_addf(out, "%c%x,%x,%x ", span->text.ptr[at], span->styles,
					(unsigned)span->fg, (unsigned)span->bg);
			}
		}
	}
	tr_spans_finish(&spans);
}

static void styles_go_on_behind_a_cut(void **state)
{
	static const char *const pieces[] = {B, I, U, S, M, R, O, C "04", C "7,12", C, H "00ff7f",
		H "102030,405060", "word ", "a", ",5", "7", " ", "longer-word", "\xc3\xa9"};
	uint32_t seed = 3;
	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct tr_buf text = TR_BUF_INIT(4096);
		struct tr_buf one = TR_BUF_INIT(65536);
		struct tr_buf two = TR_BUF_INIT(65536);
		char **lines = NULL;
		bool cut = false;
		for (uint32_t count = next_random(&seed) % 40; count > 0; count--) {
			tr_buf_add_c(&text, pieces[next_random(&seed) % TR_ARRAY_LEN(pieces)]);
		}
		size_t max = 30 + next_random(&seed) % 30;
		size_t count = tr_irc_text_split(tr_buf_str(&text), max, SIZE_MAX, &lines, &cut);
		for (size_t i = 0; i < count; i++) {
			assert_true(strlen(lines[i]) <= max);
			describe_characters(tr_str_from(lines[i]), &two);
		}
		describe_characters(tr_buf_str(&text), &one);
		assert_string_equal(tr_buf_c(&one), tr_buf_c(&two));
		tr_irc_text_lines_free(lines, count);
		tr_buf_finish(&text);
		tr_buf_finish(&one);
		tr_buf_finish(&two);
	}
}

static void too_much_is_left_to_the_plain_body(void **state)
{
	struct tr_buf html = TR_BUF_INIT(65536);
	struct tr_buf out = TR_BUF_INIT(65536);
	(void)state;
	for (int i = 0; i < 3000; i++) {
		tr_buf_add_c(&html, "<b>x</b>");
	}
	assert_true(tr_irc_format_from_html(tr_buf_str(&html), NULL, NULL, &out) < 0);
	assert_int_equal(out.len, 0);
	tr_buf_finish(&html);
	tr_buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(styles_become_codes),
		cmocka_unit_test(colours_become_codes_that_swallow_nothing),
		cmocka_unit_test(blocks_become_lines_as_people_write_them),
		cmocka_unit_test(links_show_their_address_once),
		cmocka_unit_test(pills_become_nicks),
		cmocka_unit_test(codes_become_html_that_is_balanced),
		cmocka_unit_test(the_nearest_colour_is_found),
		cmocka_unit_test(styles_survive_the_way_there_and_back),
		cmocka_unit_test(styles_go_on_behind_a_cut),
		cmocka_unit_test(too_much_is_left_to_the_plain_body),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
