/* SPDX-License-Identifier: Apache-2.0 */
/* What a message event says, taken apart. */
#include "core/bridge/content.h"

#include "core/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char none[] = "(nothing)";

/* JSON with ' for ", which reads better here. */
static struct tr_json *event_of(const char *type, const char *content)
{
	struct tr_json *event = tr_json_new_object();
	char *text = tr_strdup(content);
	for (char *c = text; *c != '\0'; c++) {
		*c = *c == '\'' ? '"' : *c;
	}
	tr_json_set_c(event, "type", type);
	tr_json_set_take(event, "content", tr_json_parse(tr_str_from(text), NULL));
	tr_free(text);
	return event;
}

static void add_media(const struct tr_op_media *media, struct tr_buf *out)
{
	static const char *const kinds[] = {"", "image", "video", "audio", "file", "sticker"};
	if (media->kind != TR_MEDIA_NONE) {
		tr_buf_addf(out, " [%s %s %s %lld %s]", kinds[media->kind], media->name,
			media->mime, (long long)media->size, media->mxc);
	}
}

/* All that is read of a message with this content, in static memory. */
static const char *read_as(const char *type, const char *content_text)
{
	static char result[1024];
	static const char *const kinds[] = {"text", "emote", "notice"};
	static const char *const relations[] = {"", "reply to ", "edit of "};
	struct tr_json *event = event_of(type, content_text);
	struct tr_buf out = TR_BUF_INIT(sizeof(result) - 1);
	struct tr_content content;
	if (!tr_content_read(event, &content)) {
		tr_buf_add_c(&out, none);
	} else {
		tr_buf_addf(&out, "%s: %s", kinds[content.kind], tr_buf_c(&content.text));
		add_media(&content.media, &out);
		tr_buf_addf(&out, "%s%s", content.html[0] ? " html: " : "", content.html);
		if (content.relation != TR_RELATION_NONE) {
			tr_buf_addf(&out, " (%s%s)", relations[content.relation], content.about);
		}
		if (content.thread_root != NULL) {
			tr_buf_addf(&out, " (thread %s)", content.thread_root);
		}
		for (size_t i = 0; i < content.mention_count; i++) {
			tr_buf_addf(&out, " @%.*s", TR_STR_ARG(content.mentions[i]));
		}
		tr_buf_add_c(&out, content.mentions_room ? " @room" : "");
	}
	assert_false(tr_buf_failed(&out));
	memcpy(result, tr_buf_c(&out), out.len + 1);
	tr_buf_finish(&out);
	tr_content_finish(&content);
	tr_json_free(event);
	return result;
}

static const char *message(const char *content)
{
	return read_as("m.room.message", content);
}

static void kinds_are_told_apart(void **state)
{
	(void)state;
	assert_string_equal(message("{'msgtype':'m.text','body':'a'}"), "text: a");
	assert_string_equal(message("{'msgtype':'m.emote','body':'a'}"), "emote: a");
	assert_string_equal(message("{'msgtype':'m.notice','body':'a'}"), "notice: a");
	assert_string_equal(message("{'msgtype':'m.location','body':'a'}"), "text: a");
	assert_string_equal(message("{'msgtype':'m.other','body':'a'}"), "text: a");
	assert_string_equal(message("{'msgtype':'m.key.verification.request','body':'a'}"), none);
	assert_string_equal(message("{'body':'a'}"), none);
	assert_string_equal(message("{'msgtype':'m.text','body':' \\n'}"), none);
	assert_string_equal(message("{'msgtype':'m.text','body':7}"), none);
	assert_string_equal(message("{}"), none);
	assert_string_equal(message("[]"), none);
	assert_string_equal(read_as("m.other", "{'msgtype':'m.text','body':'a'}"), none);
}

static void a_location_says_where_it_is(void **state)
{
	(void)state;
	assert_string_equal(message("{'msgtype':'m.location','body':'here','geo_uri':'geo:1,2'}"),
		"text: here (geo:1,2)");
	assert_string_equal(
		message("{'msgtype':'m.location','body':'at geo:1,2','geo_uri':'geo:1,2'}"),
		"text: at geo:1,2");
	assert_string_equal(
		message("{'msgtype':'m.location','geo_uri':'geo:1,2;u=3'}"), "text: geo:1,2;u=3");
	assert_string_equal(
		message("{'msgtype':'m.location','body':'a','geo_uri':'geo:1 2'}"), "text: a");
	assert_string_equal(
		message("{'msgtype':'m.location','body':'a','geo_uri':'http://e'}"), "text: a");
}

static void a_poll_is_its_question_and_answers(void **state)
{
	(void)state;
	static const char said[] = "text: Poll: Lunch? 1) Soup, 2) Cake";
	assert_string_equal(
		read_as("m.poll.start",
			"{'m.poll':{'question':{'m.text':[{'mimetype':'text/html','body':'<b>Lunch"
			"</b>'},{'body':'Lunch?'}]},'answers':[{'m.id':'1','m.text':[{'body':'Soup'}]},"
			"{'m.id':'2','m.text':[{'body':'Cake'}]}]}}"),
		said);
	assert_string_equal(
		read_as("org.matrix.msc3381.poll.start",
			"{'org.matrix.msc3381.poll.start':{'question':{'org.matrix.msc1767.text':"
			"'Lunch?'},'answers':[{'id':'1','org.matrix.msc1767.text':'Soup'},"
			"{'id':'2','org.matrix.msc1767.text':'Cake'}]}}"),
		said);
	assert_string_equal(read_as("m.poll.start", "{'m.text':[{'body':'Lunch? Soup'}]}"),
		"text: Lunch? Soup");
	assert_string_equal(
		read_as("m.poll.end", "{'m.text':[{'body':'Soup it is'}]}"), "text: Soup it is");
	assert_string_equal(read_as("m.poll.end", "{}"), "text: The poll has ended.");
	assert_string_equal(read_as("m.poll.start", "{'m.poll':{'question':7}}"), none);
	assert_string_equal(read_as("m.poll.response", "{'m.selections':['1']}"), none);
}

static void edit_says_the_new_text(void **state)
{
	(void)state;
	assert_string_equal(
		message("{'msgtype':'m.text','body':' * new','m.new_content':{'msgtype':'m.text',"
			"'body':'new','format':'org.matrix.custom.html','formatted_body':'<b>new</b>'},"
			"'m.relates_to':{'rel_type':'m.replace','event_id':'$1'}}"),
		"text: new html: <b>new</b> (edit of $1)");
	/* Without the relation, or without a new text, it is no edit. */
	assert_string_equal(message("{'msgtype':'m.text','body':'b','m.new_content':{'msgtype':"
				    "'m.text','body':'new'}}"),
		"text: b");
	assert_string_equal(message("{'msgtype':'m.text','body':'* b','m.relates_to':{'rel_type':"
				    "'m.replace','event_id':'$1'}}"),
		"text: * b");
	assert_string_equal(message("{'msgtype':'m.text','body':' * ','m.new_content':{'msgtype':"
				    "'m.text','body':''},'m.relates_to':{'rel_type':'m.replace',"
				    "'event_id':'$1'}}"),
		none);
}

static void quoted_reply_is_left_out_of_replies_only(void **state)
{
	(void)state;
	assert_string_equal(
		message("{'msgtype':'m.text','body':'> <@a:hs> one\\n> two\\n\\nanswer','format':"
			"'org.matrix.custom.html','formatted_body':'<mx-reply><blockquote>one"
			"</blockquote></mx-reply><i>answer</i>','m.relates_to':{'m.in_reply_to':"
			"{'event_id':'$1'}}}"),
		"text: answer html: <i>answer</i> (reply to $1)");
	assert_string_equal(message("{'msgtype':'m.text','body':'> quote\\n\\nmine'}"),
		"text: > quote\n\nmine");
	assert_string_equal(message("{'msgtype':'m.text','body':'plain','m.relates_to':{"
				    "'m.in_reply_to':{'event_id':'$1'}}}"),
		"text: plain (reply to $1)");
	assert_string_equal(message("{'msgtype':'m.text','body':'plain','m.relates_to':{"
				    "'m.in_reply_to':{'event_id':7}}}"),
		"text: plain");
}

static void thread_answers_the_message_before(void **state)
{
	(void)state;
	assert_string_equal(
		message("{'msgtype':'m.text','body':'a','m.relates_to':{'rel_type':'m.thread',"
			"'event_id':'$root','is_falling_back':true,'m.in_reply_to':{'event_id':"
			"'$last'}}}"),
		"text: a (reply to $last) (thread $root)");
	assert_string_equal(message("{'msgtype':'m.text','body':'a','m.relates_to':{'rel_type':"
				    "'m.thread','event_id':'$root'}}"),
		"text: a (reply to $root) (thread $root)");
}

static void file_has_a_caption_when_it_has_a_name_of_its_own(void **state)
{
	(void)state;
	assert_string_equal(
		message("{'msgtype':'m.image','body':'cat.png','url':'mxc://hs/x','info':{"
			"'mimetype':'image/png','size':20480}}"),
		"text:  [image cat.png image/png 20480 mxc://hs/x]");
	assert_string_equal(message("{'msgtype':'m.file','body':'look','filename':'a.pdf','url':"
				    "'mxc://hs/y'}"),
		"text: look [file a.pdf  -1 mxc://hs/y]");
	assert_string_equal(message("{'msgtype':'m.audio','body':'a.ogg','filename':'a.ogg','url':"
				    "'mxc://hs/y','info':{'size':-5}}"),
		"text:  [audio a.ogg  -1 mxc://hs/y]");
	assert_string_equal(message("{'msgtype':'m.video','body':'v','url':'https://evil/x'}"),
		"text:  [video v  -1 ]");
	assert_string_equal(message("{'msgtype':'m.video','body':'v','url':'mxc://hs/a b\\r\\n'}"),
		"text:  [video v  -1 ]");
	assert_string_equal(
		read_as("m.sticker", "{'body':'wave','url':'mxc://hs/z','info':{'size':3}}"),
		"text:  [sticker wave  3 mxc://hs/z]");
}

static void mentions_are_what_the_event_says(void **state)
{
	(void)state;
	assert_string_equal(
		message("{'msgtype':'m.text','body':'a','m.mentions':{'user_ids':['@a:hs',7,"
			"'@b:hs'],'room':true}}"),
		"text: a @@a:hs @@b:hs @room");
	assert_string_equal(
		message("{'msgtype':'m.text','body':'a','m.mentions':{'user_ids':'@a:hs'}}"),
		"text: a");
}

static void html_stands_in_for_a_missing_body(void **state)
{
	(void)state;
	assert_string_equal(message("{'msgtype':'m.text','format':'org.matrix.custom.html',"
				    "'formatted_body':'<b>bold</b> &amp; <i>plain</i>'}"),
		"text: bold & plain html: <b>bold</b> &amp; <i>plain</i>");
	assert_string_equal(message("{'msgtype':'m.text','body':'*b*','format':'other',"
				    "'formatted_body':'<b>b</b>'}"),
		"text: *b*");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_told_apart),
		cmocka_unit_test(a_location_says_where_it_is),
		cmocka_unit_test(a_poll_is_its_question_and_answers),
		cmocka_unit_test(edit_says_the_new_text),
		cmocka_unit_test(quoted_reply_is_left_out_of_replies_only),
		cmocka_unit_test(thread_answers_the_message_before),
		cmocka_unit_test(file_has_a_caption_when_it_has_a_name_of_its_own),
		cmocka_unit_test(mentions_are_what_the_event_says),
		cmocka_unit_test(html_stands_in_for_a_missing_body),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
