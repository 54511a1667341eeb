/* SPDX-License-Identifier: Apache-2.0 */
/* What of a Matrix message people on the network read. */
#include "core/bridge/bridge_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const char none[] = "(nothing)";

/* The kind and text of a message with this content, in static memory. */
static const char *text_of(const char *content)
{
	static char out[1024];
	static const char *const kinds[] = {"text", "emote", "notice"};
	struct tr_json *event = tr_json_new_object();
	struct tr_buf text = TR_BUF_INIT(4096);
	enum tr_message_kind kind;
	tr_json_set_take(event, "content", tr_json_parse(tr_str_from(content), NULL));
	bool any = tr_event_text(event, &kind, &text);
	(void)snprintf(out, sizeof(out), "%s%s%s", any ? kinds[kind] : none, any ? ": " : "",
		any ? tr_buf_c(&text) : "");
	tr_buf_finish(&text);
	tr_json_free(event);
	return out;
}

static void kinds_are_told_apart(void **state)
{
	(void)state;
	assert_string_equal(text_of("{\"msgtype\":\"m.text\",\"body\":\"a\"}"), "text: a");
	assert_string_equal(text_of("{\"msgtype\":\"m.emote\",\"body\":\"a\"}"), "emote: a");
	assert_string_equal(text_of("{\"msgtype\":\"m.notice\",\"body\":\"a\"}"), "notice: a");
	assert_string_equal(text_of("{\"msgtype\":\"m.location\",\"body\":\"a\"}"), "text: a");
	assert_string_equal(text_of("{\"msgtype\":\"m.other\",\"body\":\"a\"}"), none);
	assert_string_equal(text_of("{\"body\":\"a\"}"), none);
	assert_string_equal(text_of("{\"msgtype\":\"m.text\",\"body\":\" \\n\"}"), none);
	assert_string_equal(text_of("{\"msgtype\":\"m.text\",\"body\":7}"), none);
	assert_string_equal(text_of("{}"), none);
	assert_string_equal(text_of("[]"), none);
}

static void edit_is_marked(void **state)
{
	(void)state;
	assert_string_equal(
		text_of("{\"msgtype\":\"m.text\",\"body\":\" * new\",\"m.new_content\":{\"msgtype\":"
			"\"m.text\",\"body\":\"new\"},\"m.relates_to\":{\"rel_type\":\"m.replace\","
			"\"event_id\":\"$1\"}}"),
		"text: * new");
	/* Without the relation it is no edit. */
	assert_string_equal(
		text_of("{\"msgtype\":\"m.text\",\"body\":\"b\",\"m.new_content\":{\"msgtype\":"
			"\"m.text\",\"body\":\"new\"}}"),
		"text: b");
	assert_string_equal(text_of("{\"msgtype\":\"m.text\",\"body\":\" * \",\"m.new_content\":{"
				    "\"msgtype\":\"m.text\",\"body\":\"\"},\"m.relates_to\":{"
				    "\"rel_type\":\"m.replace\"}}"),
		none);
}

static void quoted_reply_is_left_out_of_replies_only(void **state)
{
	(void)state;
	assert_string_equal(
		text_of("{\"msgtype\":\"m.text\",\"body\":\"> <@a:hs> one\\n> two\\n\\nanswer\","
			"\"m.relates_to\":{\"m.in_reply_to\":{\"event_id\":\"$1\"}}}"),
		"text: answer");
	assert_string_equal(text_of("{\"msgtype\":\"m.text\",\"body\":\"> quote\\n\\nmine\"}"),
		"text: > quote\n\nmine");
	assert_string_equal(text_of("{\"msgtype\":\"m.text\",\"body\":\"plain\",\"m.relates_to\":{"
				    "\"m.in_reply_to\":{\"event_id\":\"$1\"}}}"),
		"text: plain");
}

static void file_is_a_link(void **state)
{
	(void)state;
	assert_string_equal(
		text_of("{\"msgtype\":\"m.image\",\"body\":\"cat.png\",\"url\":\"mxc://hs/x\"}"),
		"text: uploaded a file: cat.png <mxc://hs/x>");
	assert_string_equal(
		text_of("{\"msgtype\":\"m.file\",\"body\":\"look\",\"filename\":\"a.pdf\","
			"\"url\":\"mxc://hs/y\"}"),
		"text: uploaded a file: a.pdf <mxc://hs/y>");
}

static void html_stands_in_for_a_missing_body(void **state)
{
	(void)state;
	assert_string_equal(text_of("{\"msgtype\":\"m.text\",\"format\":\"org.matrix.custom.html\","
				    "\"formatted_body\":\"<b>bold</b> &amp; <i>plain</i>\"}"),
		"text: bold & plain");
	assert_string_equal(text_of("{\"msgtype\":\"m.text\",\"body\":\"*b*\",\"format\":"
				    "\"org.matrix.custom.html\",\"formatted_body\":\"<b>b</b>\"}"),
		"text: *b*");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_told_apart),
		cmocka_unit_test(edit_is_marked),
		cmocka_unit_test(quoted_reply_is_left_out_of_replies_only),
		cmocka_unit_test(file_is_a_link),
		cmocka_unit_test(html_stands_in_for_a_missing_body),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
