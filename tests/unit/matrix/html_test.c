/* SPDX-License-Identifier: Apache-2.0 */
/* HTML into spans, and spans into plain text and HTML. */
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/matrix/html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void assert_gives(const char *html, const char *plain, const char *clean)
{
	struct tr_spans spans = {0};
	struct tr_buf out = TR_BUF_INIT(100000);

	assert_int_equal(tr_html_parse(tr_str_from(html), &spans), 0);
	assert_int_equal(tr_spans_to_plain(&spans, &out), 0);
	assert_string_equal(tr_buf_c(&out), plain);
	tr_buf_clear(&out);
	assert_int_equal(tr_spans_to_html(&spans, &out), 0);
	if (clean) {
		assert_string_equal(tr_buf_c(&out), clean);
	}
	tr_buf_finish(&out);
	tr_spans_finish(&spans);
}

static void inline_styles_become_spans_and_html_again(void **state)
{
	(void)state;
	assert_gives("plain", "plain", "plain");
	assert_gives("a <b>bold</b> <i>x</i><u>y</u><del>z</del> <code>c</code>", "a bold xyz c",
		"a <strong>bold</strong> <em>x</em><u>y</u><del>z</del> <code>c</code>");
	assert_gives("<b><i>both</b> half</i>", "both half",
		"<strong><em>both</em></strong><em> half</em>");
	assert_gives("<font color=\"red\" data-mx-bg-color=\"#00f\">r</font>", "r",
		"<font color=\"#ff0000\" data-mx-color=\"#ff0000\" "
		"data-mx-bg-color=\"#0000ff\">r</font>");
	assert_gives(
		"<span data-mx-spoiler=\"why\">s</span>", "s", "<span data-mx-spoiler>s</span>");
	assert_gives("1 &lt; 2 &amp; &quot;3&#39; \xc3\xa9", "1 < 2 & \"3' \xc3\xa9",
		"1 &lt; 2 &amp; &quot;3&#39; \xc3\xa9");
}

static void white_space_collapses_as_in_a_browser(void **state)
{
	(void)state;
	assert_gives("  a \n <b> b</b>  c  ", "a b c", "a <strong>b</strong> c");
	assert_gives("<p>a </p>\n<p> b</p>\n", "a\nb", "<p>a</p><p>b</p>");
	assert_gives("a<br>b<br/>\n c<br>", "a\nb\nc", "a<br>b<br>c");
	assert_gives("<pre><code class=\"language-c\">int  a;\n\tb;\n</code></pre>",
		"int  a;\n\tb;", "<pre><code>int  a;\n\tb;</code></pre>");
}

static void blocks_stand_on_lines_of_their_own(void **state)
{
	(void)state;
	assert_gives("<h2>Title</h2>text<hr>more", "Title\ntext\n---\nmore",
		"<h2>Title</h2><p>text</p><p>---</p><p>more</p>");
	assert_gives("<blockquote><p>said</p><blockquote>deeper</blockquote></blockquote>answer",
		"> said\n> > deeper\nanswer",
		"<blockquote><p>said</p><blockquote><p>deeper</p></blockquote></blockquote>"
		"<p>answer</p>");
	assert_gives("<blockquote>a<br>b</blockquote>", "> a\n> b",
		"<blockquote><p>a<br>b</p></blockquote>");
	assert_gives("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>",
		"a | b\n1 | 2", NULL);
}

static void lists_keep_their_numbers_and_depth(void **state)
{
	(void)state;
	assert_gives("<ul>\n<li>one</li>\n<li>two<ul><li>deep</li></ul></li></ul>",
		"- one\n- two\n  - deep",
		"<ul><li>one</li><li>two</li><ul><li>deep</li></ul></ul>");
	assert_gives("<ol start=\"3\"><li>c</li><li>d</li></ol>", "3. c\n4. d",
		"<ol start=\"3\"><li>c</li><li>d</li></ol>");
	assert_gives("<ul><li><p>first</p><p>second</p></li></ul>", "- first\n  second",
		"<ul><li>first<br>second</li></ul>");
	assert_gives("<ul><li>a<ul><li>b</li></ul>tail</li><li>c</li></ul>",
		"- a\n  - b\ntail\n- c", NULL);
}

static void links_are_kept_only_to_harmless_places(void **state)
{
	(void)state;
	assert_gives("<a href=\"https://example.com/?a=1&amp;b\">here <b>now</b></a>!",
		"here now (https://example.com/?a=1&b)!",
		"<a href=\"https://example.com/?a=1&amp;b\">here </a>"
		"<a href=\"https://example.com/?a=1&amp;b\"><strong>now</strong></a>!");
	assert_gives("<a href=\"https://example.com/\">example.com</a>", "example.com", NULL);
	assert_gives("<a href=\"https://matrix.to/#/@alice:hs\">Alice</a>: hi", "Alice: hi",
		"<a href=\"https://matrix.to/#/@alice:hs\">Alice</a>: hi");
	assert_gives("<a href=\"javascript:alert(1)\">x</a>", "x", "x");
	assert_gives("<a href=\" JaVa\nScript:alert(1)\">x</a>", "x", "x");
	assert_gives("<a href=\"&#x1;https://e\">x</a>", "x", "x");
	assert_gives("<a href=\"data:text/html,x\" onclick=\"y\">x</a>", "x", "x");
	assert_gives("<a href=\"//evil\">x</a><a>y</a>", "xy", "xy");
	assert_gives("<a href=\"https://e/&quot;onmouseover=&quot;x\">x</a>",
		"x (https://e/\"onmouseover=\"x)",
		"<a href=\"https://e/&quot;onmouseover=&quot;x\">x</a>");
}

static void what_is_not_on_the_list_is_left_out(void **state)
{
	(void)state;
	assert_gives("a<script>alert(1)</script><style>x{}</style>b", "ab", "ab");
	assert_gives("<unknown onload=x>kept</unknown>", "kept", "kept");
	assert_gives(
		"<iframe src=x>no</iframe><object>no</object><svg><b>no</b></svg>ok", "ok", "ok");
	assert_gives("<img src=\"mxc://a/b\" alt=\":smile:\"><img src=x onerror=y>",
		":smile:", ":smile:");
	assert_gives("<!-- comment --><!doctype html><html><body>x", "x", "x");
	assert_gives("<img alt=\"<script>\">", "<script>", "&lt;script&gt;");
}

static void the_quoted_reply_is_left_out(void **state)
{
	(void)state;
	assert_gives("<mx-reply><blockquote><a href=\"https://matrix.to/#/$e\">In reply to</a>"
		     "old</blockquote></mx-reply>new <b>text</b>",
		"new text", "new <strong>text</strong>");
	assert_gives("<MX-Reply>x</MX-Reply>y", "y", "y");
}

static void invalid_bytes_and_control_characters_do_no_harm(void **state)
{
	(void)state;
	assert_gives("a\xff"
		     "b",
		"a\xef\xbf\xbd"
		"b",
		NULL);
	assert_gives("a&#1;&#27;[31m&#127;b", "a[31mb", "a[31mb");
	assert_gives("\x1b[31m", "\xef\xbf\xbd[31m", NULL);
	assert_gives("", "", "");
	assert_gives("<p></p><br><b></b>", "", "");
}

static void spans_made_elsewhere_become_html(void **state)
{
	struct tr_spans spans = {0};
	struct tr_buf out = TR_BUF_INIT(1000);

	(void)state;
	tr_spans_add(&spans, TR_STR("plain <"));
	assert_false(tr_spans_formatted(&spans));
	tr_spans_add(&spans, TR_STR("b"))->styles = TR_STYLE_BOLD | TR_STYLE_ITALIC;
	assert_true(tr_spans_formatted(&spans));
	tr_spans_add(&spans, TR_STR("c"))->fg = 0x00ff00;
	assert_int_equal(tr_spans_to_html(&spans, &out), 0);
	assert_string_equal(tr_buf_c(&out),
		"plain &lt;<strong><em>b</em></strong>"
		"<font color=\"#00ff00\" data-mx-color=\"#00ff00\">c</font>");
	tr_buf_finish(&out);
	out.max = 10;
	assert_int_equal(tr_spans_to_html(&spans, &out), TR_E_TOO_BIG);
	tr_buf_finish(&out);
	assert_true(tr_str_empty(tr_spans_href(&spans, TR_STR("vbscript:x"))));
	assert_true(tr_str_eq_c(tr_spans_href(&spans, TR_STR("HTTP://x ")), "HTTP://x"));
	tr_spans_finish(&spans);
	tr_spans_finish(&spans);
}

static void assert_refused_soon(const char *piece, size_t count, const char *then, size_t again)
{
	struct tr_buf html = TR_BUF_INIT(1000000);
	struct tr_spans spans = {0};
	clock_t start = clock();
	int rc;

	for (size_t i = 0; i < count; i++) {
		tr_buf_addf(&html, "%s", piece);
		if (tr_str_ends(tr_str_from(piece), TR_STR("="))) {
			tr_buf_addf(&html, "%zu>", i);
		}
	}
	for (size_t i = 0; i < again; i++) {
		tr_buf_add_c(&html, then);
	}
	rc = tr_html_parse(tr_buf_str(&html), &spans);
	assert_int_equal(rc, TR_E_TOO_BIG);
	assert_int_equal(spans.count, 0);
	assert_true((clock() - start) / (CLOCKS_PER_SEC / 1000) < 1000);
	tr_spans_finish(&spans);
	tr_buf_finish(&html);
}

static void hostile_html_is_refused_before_it_costs(void **state)
{
	(void)state;
	assert_refused_soon("<div>", 150, "", 0);
	assert_refused_soon("<div>", 10000, "", 0);
	assert_refused_soon("<font color=", 500, "<p>x</p>", 400);
	assert_refused_soon("<b><!--</b>-->", 500, "<p>x</p>", 400);
	assert_refused_soon("<b x=\"</b>\">", 500, "<p>x</p>", 400);
	assert_refused_soon("<font><marquee></font></marquee>", 300, "<p>x</p>", 400);
	assert_refused_soon("x", TR_HTML_MAX_BYTES + 1, "", 0);
}

static void a_long_ordinary_message_is_taken(void **state)
{
	struct tr_buf html = TR_BUF_INIT(TR_HTML_MAX_BYTES);
	struct tr_spans spans = {0};

	(void)state;
	for (int i = 0; i < 300; i++) {
		tr_buf_addf(&html, "<p>word %d <b>bold</b> <code>x</code></p>\n", i);
	}
	assert_false(tr_buf_failed(&html));
	assert_int_equal(tr_html_parse(tr_buf_str(&html), &spans), 0);
	assert_int_equal(spans.count, 1200);
	tr_spans_finish(&spans);
	tr_buf_finish(&html);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inline_styles_become_spans_and_html_again),
		cmocka_unit_test(white_space_collapses_as_in_a_browser),
		cmocka_unit_test(blocks_stand_on_lines_of_their_own),
		cmocka_unit_test(lists_keep_their_numbers_and_depth),
		cmocka_unit_test(links_are_kept_only_to_harmless_places),
		cmocka_unit_test(what_is_not_on_the_list_is_left_out),
		cmocka_unit_test(the_quoted_reply_is_left_out),
		cmocka_unit_test(invalid_bytes_and_control_characters_do_no_harm),
		cmocka_unit_test(spans_made_elsewhere_become_html),
		cmocka_unit_test(hostile_html_is_refused_before_it_costs),
		cmocka_unit_test(a_long_ordinary_message_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
