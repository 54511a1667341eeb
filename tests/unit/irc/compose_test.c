/* SPDX-License-Identifier: Apache-2.0 */
/* What operations read like on IRC. */
#include "bridges/irc/compose.h"
#include "bridges/irc/compose_long.h"

#include "core/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char short_template[] = "$NICK: $REPLY";
static char long_template[] = "<$NICK> \"$ORIGINAL\" <- $REPLY";
static char truncated_template[] = "(full message at <$URL>)";

static struct tr_irc_matrix_handler config;

/* Bob is on IRC as bob7; nobody else has a nick. */
static bool nick_of(void *arg, struct tr_str user_id, struct tr_buf *out)
{
	(void)arg;
	if (!tr_str_eq_c(user_id, "@bob:hs")) {
		return false;
	}
	tr_buf_add_c(out, "bob7");
	return true;
}

static int setup(void **state)
{
	(void)state;
	config = (struct tr_irc_matrix_handler){
		.shortReplyTemplate = short_template,
		.longReplyTemplate = long_template,
		.truncatedMessageTemplate = truncated_template,
		.shortReplyTresholdSeconds = 300,
		.replySourceMaxLength = 10,
		.showStickers = true,
		.showReactions = true,
		.showRedactions = true,
	};
	return 0;
}

static struct tr_op message(const char *text)
{
	return (struct tr_op){
		.kind = TR_OP_MESSAGE,
		.sender = "@alice:hs",
		.event_id = "$1",
		.room_id = "!r:hs",
		.origin_ts = 1000000,
		.text = text,
		.html = "",
		.key = "",
		.reason = "",
		.media = {TR_MEDIA_NONE, "", "", -1, "", ""},
	};
}

static struct tr_op reply(const char *text, const char *original, int64_t age_ms)
{
	struct tr_op op = message(text);
	op.relation = TR_RELATION_REPLY;
	op.about = (struct tr_about){.event_id = "$0",
		.sender = "@bob:hs",
		.sender_name = "Bob",
		.text = original,
		.origin_ts = op.origin_ts - age_ms};
	return op;
}

/* "text", "/me text", "(notice) text" or "(nothing)", in static memory. */
static const char *read_as(const struct tr_op *op)
{
	static char result[2048];
	static const char *const fronts[] = {"", "/me ", "(notice) "};
	const struct tr_irc_composer composer = {&config, nick_of, NULL};
	struct tr_irc_composed composed;
	bool says = tr_irc_compose(&composer, op, &composed);
	struct tr_buf out = TR_BUF_INIT(sizeof(result) - 1);
	tr_buf_add_c(&out, says ? fronts[composed.kind] : "(nothing)");
	tr_buf_add_c(&out, says ? tr_buf_c(&composed.text) : "");
	assert_false(tr_buf_failed(&out));
	memcpy(result, tr_buf_c(&out), out.len + 1);
	tr_buf_finish(&out);
	tr_irc_composed_finish(&composed);
	return result;
}

static bool depends(const struct tr_op *op)
{
	const struct tr_irc_composer composer = {&config, nick_of, NULL};
	struct tr_irc_composed composed;
	tr_irc_compose(&composer, op, &composed);
	bool result = composed.depends;
	tr_irc_composed_finish(&composed);
	return result;
}

static void plain_messages_are_their_text(void **state)
{
	(void)state;
	struct tr_op op = message("hello\nthere");
	assert_string_equal(read_as(&op), "hello\nthere");
	op.message = TR_MESSAGE_EMOTE;
	assert_string_equal(read_as(&op), "/me hello\nthere");
	op.message = TR_MESSAGE_NOTICE;
	assert_string_equal(read_as(&op), "(notice) hello\nthere");
	op.html = "<b>hello</b>";
	assert_string_equal(read_as(&op), "(notice) \x02hello");
	op.html = "<script></script>";
	assert_string_equal(read_as(&op), "(notice) hello\nthere");
}

static void only_what_may_change_is_stored(void **state)
{
	(void)state;
	struct tr_op op = message("hello");
	assert_false(depends(&op));
	op.html = "<b>hello</b> <a href=\"https://example.com\">there</a>";
	assert_false(depends(&op));
	op.html = "<a href=\"https://matrix.to/#/@bob:hs\">Bob</a> hello";
	assert_true(depends(&op));
	op = reply("hello", "x", 0);
	assert_true(depends(&op));
	op = message("");
	op.media = (struct tr_op_media){TR_MEDIA_FILE, "a", "", 1, "mxc://hs/a", "https://hs/a"};
	assert_true(depends(&op));
}

static void recent_replies_address_and_older_ones_quote(void **state)
{
	(void)state;
	struct tr_op op = reply("yes", "is it?", 300000);
	assert_string_equal(read_as(&op), "bob7: yes");
	op = reply("yes", "is it?", 300001);
	assert_string_equal(read_as(&op), "<bob7> \"is it?\" <- yes");
	op = reply("yes", "a question that is long", 300001);
	assert_string_equal(read_as(&op), "<bob7> \"a question...\" <- yes");
	op = reply("yes", "two\nlines", 300001);
	assert_string_equal(read_as(&op), "<bob7> \"two...\" <- yes");
	op = reply("yes",
		"\x02\x03"
		"04bold\x0f \xe2\x80\xaered\x01",
		300001);
	assert_string_equal(read_as(&op), "<bob7> \"bold red\" <- yes");
	/* The text is not known, or may not be shown. */
	op = reply("yes", NULL, 300001);
	assert_string_equal(read_as(&op), "bob7: yes");
	op.about.sender = "@carol:hs";
	op.about.sender_name = "Ca\nrol\xe2\x80\xae";
	assert_string_equal(read_as(&op), "Carol: yes");
	op.about.sender = NULL;
	assert_string_equal(read_as(&op), "yes");
	op = reply("yes", "is it?", 0);
	op.about.origin_ts = 0;
	assert_string_equal(read_as(&op), "<bob7> \"is it?\" <- yes");
}

static void replies_do_not_say_twice_whom_they_address(void **state)
{
	(void)state;
	struct tr_op op = reply("bob7: yes", "is it?", 0);
	assert_string_equal(read_as(&op), "bob7: yes");
	op.text = "Bob7, yes";
	assert_string_equal(read_as(&op), "Bob7, yes");
	op.text = "bob77: yes";
	assert_string_equal(read_as(&op), "bob7: bob77: yes");
	op = reply("more", "said before", 0);
	op.sender = "@bob:hs";
	assert_string_equal(read_as(&op), "more");
	op = reply("waves", "is it?", 0);
	op.message = TR_MESSAGE_EMOTE;
	assert_string_equal(read_as(&op), "/me waves");
}

static void templates_see_no_variables_in_text(void **state)
{
	(void)state;
	config.replySourceMaxLength = 100;
	struct tr_op op = reply("$ORIGINAL $$5 $& $NICK", "cost is $& or $$5 $REPLY", 300001);
	assert_string_equal(
		read_as(&op), "<bob7> \"cost is $& or $$5 $REPLY\" <- $ORIGINAL $$5 $& $NICK");
}

static void edits_are_corrections(void **state)
{
	(void)state;
	struct tr_op op = reply("I have the best of all cats", "I have teh best of all cats", 0);
	op.relation = TR_RELATION_EDIT;
	op.about.sender = op.sender;
	assert_string_equal(read_as(&op), "s/teh/the/");
	op.message = TR_MESSAGE_EMOTE;
	assert_string_equal(read_as(&op), "s/teh/the/");
	op.message = TR_MESSAGE_NOTICE;
	assert_string_equal(read_as(&op), "(notice) s/teh/the/");
	op.about.text = op.text;
	assert_string_equal(read_as(&op), "(nothing)");
	op.about.text = NULL;
	op.html = "<i>I</i> have";
	assert_string_equal(read_as(&op), "(notice) * \x1dI\x0f have");
	op = message("");
	op.relation = TR_RELATION_EDIT;
	op.media = (struct tr_op_media){TR_MEDIA_FILE, "a.txt", "", 1, "", ""};
	assert_string_equal(read_as(&op), "* uploaded a file: a.txt (1B)");
}

static void files_are_told_with_size_address_and_caption(void **state)
{
	(void)state;
	static const struct {
		struct tr_op_media media;
		const char *caption, *said;
	} vectors[] = {
		{{TR_MEDIA_IMAGE, "cat.png", "", 20480, "m", "https://hs/x"}, "",
			"/me uploaded an image: cat.png (20KiB) < https://hs/x >"},
		{{TR_MEDIA_VIDEO, "v.mp4", "", 12 << 20, "m", "https://hs/x"}, "look",
			"/me uploaded a video: v.mp4 (12MiB) < https://hs/x > look"},
		{{TR_MEDIA_AUDIO, "a.ogg", "", 0, "", ""}, "",
			"/me uploaded an audio file: a.ogg (0B)"},
		{{TR_MEDIA_FILE, "", "", -1, "m", "https://hs/x"}, "",
			"/me uploaded a file < https://hs/x >"},
		{{TR_MEDIA_FILE, "\r\n\x01", "", INT64_MAX, "", ""}, "",
			"/me uploaded a file (8796093022208MiB)"},
		{{TR_MEDIA_FILE, "a\r\nQUIT\x02 b\x01", "", 1, "", ""}, "",
			"/me uploaded a file: aQUIT b (1B)"},
		{{TR_MEDIA_STICKER, "wave", "", 5, "m", "https://hs/x"}, "",
			"/me sent a sticker: wave < https://hs/x >"},
	};
	for (size_t i = 0; i < TR_ARRAY_LEN(vectors); i++) {
		struct tr_op op = message(vectors[i].caption);
		op.media = vectors[i].media;
		assert_string_equal(read_as(&op), vectors[i].said);
	}
	config.showStickers = false;
	struct tr_op op = message("");
	op.media = vectors[TR_ARRAY_LEN(vectors) - 1].media;
	assert_string_equal(read_as(&op), "(nothing)");
}

static void reactions_and_redactions_are_told_by_setting(void **state)
{
	(void)state;
	struct tr_op op = reply("", "is it good?", 0);
	op.kind = TR_OP_REACTION;
	op.key = ":)\r\n\x01";
	assert_string_equal(
		read_as(&op), "/me reacted with :)... to a message of bob7: \"is it good...\"");
	op.key = "mxc://hs/party";
	op.about.sender = op.sender;
	op.about.text = NULL;
	assert_string_equal(read_as(&op), "/me reacted with a picture to a message");
	op.kind = TR_OP_REDACTION;
	op.reason = "not\nnice";
	op.about.sender = "@bob:hs";
	assert_string_equal(read_as(&op), "/me removed a message of bob7 (not...)");
	op.about.is_reaction = true;
	assert_string_equal(read_as(&op), "(nothing)");
	config.showReactions = config.showRedactions = false;
	op.about.is_reaction = false;
	assert_string_equal(read_as(&op), "(nothing)");
	op.kind = TR_OP_REACTION;
	assert_string_equal(read_as(&op), "(nothing)");
}

/* --- long ones */

static const char *shortened(const struct tr_op *op, const char *url, size_t lines, size_t width)
{
	static char result[4096];
	const struct tr_irc_composer composer = {&config, nick_of, NULL};
	struct tr_irc_composed composed;
	assert_true(tr_irc_compose(&composer, op, &composed));
	if (url != NULL) {
		tr_irc_long_with_file(&config, op, &composed, url, width);
	} else {
		tr_irc_long_without_file(&composed, lines, width);
	}
	assert_true(composed.depends);
	(void)snprintf(result, sizeof(result), "%s%s",
		composed.kind == TR_MESSAGE_EMOTE ? "/me " : "", tr_buf_c(&composed.text));
	tr_irc_composed_finish(&composed);
	return result;
}

static void long_text_is_its_beginning_and_a_link(void **state)
{
	(void)state;
	struct tr_op op = message("the first line\nthe second\nthe third\nthe fourth");
	assert_string_equal(shortened(&op, "https://hs/t", 3, 400),
		"the first line... (full message at <https://hs/t>)");
	assert_string_equal(shortened(&op, "https://hs/t", 3, 62),
		"the first line... (full message at <https://hs/t>)");
	assert_string_equal(
		shortened(&op, "https://hs/t", 3, 45), "(full message at <https://hs/t>)");
	op.html = "<b>the first<br>line</b>";
	assert_string_equal(shortened(&op, "https://hs/t", 3, 400),
		"\x02the first\x0f... (full message at <https://hs/t>)");
	op = reply("the first line\nthe second", "x", 0);
	assert_string_equal(shortened(&op, "https://hs/t", 1, 400),
		"bob7: the first line... (full message at <https://hs/t>)");
}

static void without_a_file_the_first_lines_remain(void **state)
{
	(void)state;
	struct tr_op op = message("one\n\ntwo\nthree\nfour");
	assert_string_equal(shortened(&op, NULL, 3, 400), "one\ntwo\n...(truncated)");
	assert_string_equal(shortened(&op, NULL, 1, 400), "one...(truncated)");
	op.text = "word word word word word word";
	assert_string_equal(shortened(&op, NULL, 1, 30), "word word word...(truncated)");
}

static void long_code_is_a_link_with_its_language(void **state)
{
	(void)state;
	struct tr_op op = message("```c\nint a;\nint b;\n```");
	struct tr_buf text = TR_BUF_INIT(4096);
	op.html = "<pre><code class=\"language-c\">int a;\nint b;\n</code></pre>";
	assert_string_equal(
		shortened(&op, "https://hs/t", 1, 400), "/me sent a c code block: https://hs/t");
	tr_irc_long_file_text(&op, &text);
	assert_string_equal(tr_buf_c(&text), "int a;\nint b;\n");
	op.html = "<pre><code>int a;\nint b;\n</code></pre>";
	assert_string_equal(
		shortened(&op, "https://hs/t", 1, 400), "/me sent a code block: https://hs/t");
	op.html = "<p>see</p><pre><code class=\"language-c\">int a;\n</code></pre>";
	op.text = "see\n```c\nint a;\n```";
	assert_string_equal(
		shortened(&op, "https://hs/t", 1, 400), "see... (full message at <https://hs/t>)");
	tr_buf_clear(&text);
	tr_irc_long_file_text(&op, &text);
	assert_string_equal(tr_buf_c(&text), "see\n```c\nint a;\n```\n");
	tr_buf_finish(&text);
}

static void file_names_are_safe_in_paths(void **state)
{
	(void)state;
	struct tr_op op = message("x");
	struct tr_buf name = TR_BUF_INIT(256);
	tr_irc_long_file_name("a[b]/../\\|", &op, &name);
	assert_string_equal(tr_buf_c(&name), "a_b__..____1970-01-01T00-16-40.000Z.txt");
	tr_buf_finish(&name);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(plain_messages_are_their_text),
		TEST(only_what_may_change_is_stored),
		TEST(recent_replies_address_and_older_ones_quote),
		TEST(replies_do_not_say_twice_whom_they_address),
		TEST(templates_see_no_variables_in_text),
		TEST(edits_are_corrections),
		TEST(files_are_told_with_size_address_and_caption),
		TEST(reactions_and_redactions_are_told_by_setting),
		TEST(long_text_is_its_beginning_and_a_link),
		TEST(without_a_file_the_first_lines_remain),
		TEST(long_code_is_a_link_with_its_language),
		TEST(file_names_are_safe_in_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
