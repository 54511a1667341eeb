/* SPDX-License-Identifier: Apache-2.0 */
/* Lines in, lines out, streams into lines. */
#include "bridges/irc/line.h"
#include "core/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_str(struct tr_str view, const char *expected)
{
	if (!tr_str_eq_c(view, expected)) {
		fail_msg("got \"%.*s\" instead of \"%s\"", TR_STR_ARG(view), expected);
	}
}

/* The parts joined by '|': prefix|nick|user|host|command|parameters.. */
static void assert_parsed(const char *text, const char *expected)
{
	struct tr_irc_line line;
	struct tr_buf parts = TR_BUF_INIT(65536);
	assert_true(tr_irc_line_parse(tr_str_from(text), &line));
	tr_buf_addf(&parts, "%.*s|%.*s|%.*s|%.*s|%.*s", TR_STR_ARG(line.prefix),
		TR_STR_ARG(line.nick), TR_STR_ARG(line.user), TR_STR_ARG(line.host),
		TR_STR_ARG(line.command));
	for (size_t i = 0; i < line.param_count; i++) {
		tr_buf_addf(&parts, "|%.*s", TR_STR_ARG(line.params[i]));
	}
	assert_string_equal(tr_buf_c(&parts), expected);
	assert_str(line.raw, text);
	assert_str(tr_irc_param(&line, line.param_count), "");
	tr_buf_finish(&parts);
}

static void lines_fall_into_their_parts(void **state)
{
	(void)state;
	assert_parsed("PING", "||||PING");
	assert_parsed("PING :", "||||PING|");
	assert_parsed("PING ::", "||||PING|:");
	assert_parsed("ping a", "||||ping|a");
	assert_parsed(":irc.test 001 alice :Welcome to it",
		"irc.test|irc.test|||001|alice|Welcome to it");
	assert_parsed(":bob!b@h.example PRIVMSG #a :hi: there :x",
		"bob!b@h.example|bob|b|h.example|PRIVMSG|#a|hi: there :x");
	assert_parsed(":bob@h PRIVMSG #a x", "bob@h|bob||h|PRIVMSG|#a|x");
	assert_parsed(":bob!b PRIVMSG #a x", "bob!b|bob|b||PRIVMSG|#a|x");
	assert_parsed(":bob!b@x@h PRIVMSG #a x", "bob!b@x@h|bob|b@x|h|PRIVMSG|#a|x");
	assert_parsed(": PRIVMSG #a x", "||||PRIVMSG|#a|x");
	assert_parsed(":x  PRIVMSG   #a    b   :c  d  ", "x|x|||PRIVMSG|#a|b|c  d  ");
	assert_parsed("PRIVMSG #a b   ", "||||PRIVMSG|#a|b");
}

static void not_every_text_is_a_line(void **state)
{
	static const char *const bad[] = {"", " ", " PING", ":", ":prefix", ":prefix ", "@", "@a",
		"@a ", "@a :p", "12", "12 x", "1234 x", "12a x", "PRIV1 x", "PRIV-MSG x",
		"\xc3\xa9 x", ":p :x", "@@ @"};
	struct tr_irc_line line;
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(bad); i++) {
		assert_false(tr_irc_line_parse(tr_str_from(bad[i]), &line));
	}
	assert_false(tr_irc_line_parse(TR_STR("PRIVMSG #a :x\0y"), &line));
	assert_false(tr_irc_line_parse((struct tr_str){NULL, 0}, &line));
}

static void numerics_are_three_digits(void **state)
{
	struct tr_irc_line line;
	(void)state;
	assert_true(tr_irc_line_parse(TR_STR("005 x"), &line));
	assert_int_equal(line.numeric, 5);
	assert_true(tr_irc_line_parse(TR_STR("999"), &line));
	assert_int_equal(line.numeric, 999);
	assert_true(tr_irc_line_parse(TR_STR("000"), &line));
	assert_int_equal(line.numeric, 0);
	assert_true(tr_irc_line_parse(TR_STR("JOIN #a"), &line));
	assert_int_equal(line.numeric, 0);
	assert_true(tr_irc_is(&line, "join"));
	assert_false(tr_irc_is(&line, "JOI"));
}

static void fifteen_parameters_are_taken_and_the_last_keeps_the_rest(void **state)
{
	(void)state;
	for (size_t count = 0; count <= 20; count++) {
		struct tr_buf text = TR_BUF_INIT(1024);
		struct tr_irc_line line;
		tr_buf_add_c(&text, "X");
		for (size_t i = 0; i < count; i++) {
			tr_buf_addf(&text, " p%zu", i);
		}
		assert_true(tr_irc_line_parse(tr_buf_str(&text), &line));
		assert_int_equal(line.param_count, count < 15 ? count : 15);
		if (count > 15) {
			assert_true(tr_str_starts(line.params[14], TR_STR("p14 p15")));
			assert_true(tr_str_ends(tr_buf_str(&text), line.params[14]));
		}
		tr_buf_finish(&text);
	}
}

static void tags_are_found_and_unescaped(void **state)
{
	struct tr_irc_line line;
	struct tr_str value;
	struct tr_buf out = TR_BUF_INIT(256);
	(void)state;
	assert_true(tr_irc_line_parse(
		TR_STR("@a=1;b;;c=;+d/e=x=y;a=2;esc=a\\:b\\sc\\\\d\\re\\nf\\qg\\  :n PRIVMSG #a :@x=1 y"),
		&line));
	assert_true(tr_irc_tag(&line, "a", &value));
	assert_str(value, "2");
	assert_true(tr_irc_tag(&line, "b", &value));
	assert_str(value, "");
	assert_true(tr_irc_tag(&line, "c", &value));
	assert_str(value, "");
	assert_true(tr_irc_tag(&line, "+d/e", &value));
	assert_str(value, "x=y");
	assert_false(tr_irc_tag(&line, "x", &value));
	assert_false(tr_irc_tag(&line, "", &value));
	assert_true(tr_irc_tag(&line, "esc", &value));
	assert_int_equal(tr_irc_tag_unescape(value, &out), 0);
	assert_string_equal(tr_buf_c(&out), "a;b c\\d\re\nfqg");
	assert_str(line.nick, "n");
	assert_str(line.params[1], "@x=1 y");
	tr_buf_finish(&out);
}

static void more_than_64_tags_are_cut_off(void **state)
{
	struct tr_buf text = TR_BUF_INIT(8192);
	struct tr_irc_line line;
	(void)state;
	for (int i = 0; i < 200; i++) {
		tr_buf_addf(&text, "%sk%d=v", i == 0 ? "@" : ";", i);
	}
	tr_buf_add_c(&text, " PING x");
	assert_true(tr_irc_line_parse(tr_buf_str(&text), &line));
	assert_int_equal(line.tag_count, TR_IRC_TAGS_MAX);
	assert_str(line.params[0], "x");
	tr_buf_finish(&text);
}

/* writing */

static void assert_written(const struct tr_irc_out *line, const char *expected)
{
	struct tr_buf out = TR_BUF_INIT(65536);
	tr_buf_add_c(&out, "before ");
	assert_int_equal(tr_irc_line_write(&out, line, 0), 0);
	assert_string_equal(tr_buf_c(&out) + strlen("before "), expected);
	tr_buf_finish(&out);
}

static void assert_refused(const struct tr_irc_out *line, int error, size_t line_max)
{
	struct tr_buf out = TR_BUF_INIT(65536);
	tr_buf_add_c(&out, "before");
	assert_int_equal(tr_irc_line_write(&out, line, line_max), error);
	assert_string_equal(tr_buf_c(&out), "before");
	tr_buf_finish(&out);
}

static struct tr_irc_out out_line(struct tr_str a, struct tr_str b)
{
	return (struct tr_irc_out){.command = "PRIVMSG", .params = {a, b}, .param_count = 2};
}

static void lines_are_written_as_they_are_read(void **state)
{
	const struct tr_irc_out_tag tags[] = {
		{"label", TR_STR("1")}, {"+x/y", TR_STR("a; b\\\r\n")}, {"empty", {NULL, 0}}};
	struct tr_irc_out line = out_line(TR_STR("#a"), TR_STR("word"));
	(void)state;
	assert_written(&line, "PRIVMSG #a word\r\n");
	line.trailing = true;
	assert_written(&line, "PRIVMSG #a :word\r\n");
	line = out_line(TR_STR("#a"), TR_STR("two words"));
	assert_written(&line, "PRIVMSG #a :two words\r\n");
	line = out_line(TR_STR("#a"), TR_STR(""));
	assert_written(&line, "PRIVMSG #a :\r\n");
	line = out_line(TR_STR("#a"), TR_STR(":)"));
	assert_written(&line, "PRIVMSG #a ::)\r\n");
	line = out_line(TR_STR("#a"), TR_STR(" x"));
	assert_written(&line, "PRIVMSG #a : x\r\n");
	line = (struct tr_irc_out){.command = "QUIT"};
	assert_written(&line, "QUIT\r\n");
	line = out_line(TR_STR("#a"), TR_STR("x"));
	line.tags = tags;
	line.tag_count = TR_ARRAY_LEN(tags);
	assert_written(&line, "@label=1;+x/y=a\\:\\sb\\\\\\r\\n;empty PRIVMSG #a x\r\n");
}

/* S1: CVE-2010-3438, PVE-2022-45161, CVE-2022-29166, CVE-2025-27146. */
static void s1_no_field_takes_cr_lf_or_nul(void **state)
{
	static const struct tr_str evil[] = {TR_STR("\r"), TR_STR("\n"), TR_STR("\r\n"),
		TR_STR("\0"), TR_STR("a\rb"), TR_STR("a\nQUIT"), TR_STR("a\r\nQUIT :x"),
		TR_STR("a\0b"), TR_STR("a\n"), TR_STR("\nb")};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(evil); i++) {
		struct tr_str text = evil[i];
		for (size_t at = 0; at < TR_IRC_PARAMS_MAX; at++) {
			struct tr_irc_out line = {.command = "X", .param_count = TR_IRC_PARAMS_MAX};
			for (size_t k = 0; k < TR_IRC_PARAMS_MAX; k++) {
				line.params[k] = k == at ? text : TR_STR("p");
			}
			assert_refused(&line, TR_E_INVALID, 0);
			line.trailing = true;
			assert_refused(&line, TR_E_INVALID, 0);
			line.param_count = at + 1;
			assert_refused(&line, TR_E_INVALID, 0);
		}
		char *as_c = tr_str_dup(text);
		struct tr_irc_out line = out_line(TR_STR("#a"), TR_STR("x"));
		line.command = as_c;
		if (strlen(as_c) == text.len || as_c[0] == '\0') {
			assert_refused(&line, TR_E_INVALID, 0);
		}
		struct tr_irc_out_tag tag = {as_c, TR_STR("v")};
		line = out_line(TR_STR("#a"), TR_STR("x"));
		line.tags = &tag;
		line.tag_count = 1;
		if (strlen(as_c) == text.len || as_c[0] == '\0') {
			assert_refused(&line, TR_E_INVALID, 0);
		}
		/* A tag's value can carry CR and LF, escaped; NUL it cannot. */
		tag = (struct tr_irc_out_tag){"k", text};
		struct tr_buf out = TR_BUF_INIT(1024);
		int failed = tr_irc_line_write(&out, &line, 0);
		assert_int_equal(failed, tr_str_find_char(text, '\0') >= 0 ? TR_E_INVALID : 0);
		if (!failed) {
			assert_int_equal(tr_str_find_char(tr_buf_str(&out), '\r'), out.len - 2);
			assert_int_equal(tr_str_find_char(tr_buf_str(&out), '\n'), out.len - 1);
		}
		tr_buf_finish(&out);
		tr_free(as_c);
	}
}

static void middle_parameters_must_be_words(void **state)
{
	static const struct tr_str bad[] = {
		TR_STR(""), TR_STR(" "), TR_STR("a b"), TR_STR(":a"), TR_STR("a "), TR_STR(" a")};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(bad); i++) {
		struct tr_irc_out line = out_line(bad[i], TR_STR("x"));
		assert_refused(&line, TR_E_INVALID, 0);
	}
	struct tr_irc_out many = out_line(TR_STR("a"), TR_STR("b"));
	many.param_count = TR_IRC_PARAMS_MAX + 1;
	assert_refused(&many, TR_E_INVALID, 0);
}

static void commands_and_tag_keys_have_a_grammar(void **state)
{
	static const char *const commands[] = {"", "PRIV MSG", "1", "A1", ":X", "@X", "\xc3\x84"};
	static const char *const keys[] = {"", "a b", "a=b", "a;b", "\xc3\xa4", "a@"};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(commands); i++) {
		struct tr_irc_out line = out_line(TR_STR("#a"), TR_STR("x"));
		line.command = commands[i];
		assert_refused(&line, TR_E_INVALID, 0);
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(keys); i++) {
		const struct tr_irc_out_tag tag = {keys[i], TR_STR("v")};
		struct tr_irc_out line = out_line(TR_STR("#a"), TR_STR("x"));
		line.tags = &tag;
		line.tag_count = 1;
		assert_refused(&line, TR_E_INVALID, 0);
	}
}

static void the_length_is_kept(void **state)
{
	char text[9000];
	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t max = 512; max <= 4096; max *= 2) {
		size_t fits = max - strlen("PRIVMSG #a :\r\n");
		struct tr_irc_out line = out_line(TR_STR("#a"), tr_str_of(text, fits));
		line.trailing = true;
		struct tr_buf out = TR_BUF_INIT(65536);
		assert_int_equal(tr_irc_line_write(&out, &line, max), 0);
		assert_int_equal(out.len, max);
		tr_buf_finish(&out);
		line.params[1] = tr_str_of(text, fits + 1);
		assert_refused(&line, TR_E_TOO_BIG, max);
		if (max == 512) {
			assert_refused(&line, TR_E_TOO_BIG, 0);
		}
	}
	/* Tags have room of their own. */
	struct tr_irc_out_tag tag = {"k", tr_str_of(text, 4000)};
	struct tr_irc_out line = out_line(TR_STR("#a"), TR_STR("x"));
	struct tr_buf out = TR_BUF_INIT(65536);
	line.tags = &tag;
	line.tag_count = 1;
	assert_int_equal(tr_irc_line_write(&out, &line, 0), 0);
	tr_buf_finish(&out);
	tag.value = tr_str_of(text, 4100);
	assert_refused(&line, TR_E_TOO_BIG, 0);
}

/* streams */

struct taken {
	struct tr_buf text;
	size_t count;
	size_t stop_at; /* 0 = never */
};

static bool take(void *arg, struct tr_str line)
{
	struct taken *taken = arg;
	taken->count++;
	tr_buf_addf(&taken->text, "<%.*s>", TR_STR_ARG(line));
	return taken->stop_at == 0 || taken->count < taken->stop_at;
}

static void a_stream_may_be_cut_anywhere(void **state)
{
	static const char stream[] = "one\r\ntwo\n\r\n\n\r\r\nthree \r x\r\r\n:f o u r\r\nrest";
	size_t len = sizeof(stream) - 1;
	(void)state;
	for (size_t a = 0; a <= len; a++) {
		for (size_t b = a; b <= len; b++) {
			struct tr_buf partial = TR_BUF_INIT(TR_IRC_PARTIAL_MAX);
			struct taken taken = {.text = TR_BUF_INIT(1024)};
			size_t too_long = 0;
			const size_t cuts[] = {0, a, b, len};
			for (size_t i = 0; i < 3; i++) {
				char *piece =
					tr_memdup(stream + cuts[i], cuts[i + 1] - cuts[i] + 1);
				assert_true(tr_irc_lines_feed(&partial,
					tr_str_of(piece, cuts[i + 1] - cuts[i]), &too_long, take,
					&taken));
				tr_free(piece);
			}
			assert_string_equal(
				tr_buf_c(&taken.text), "<one><two><three \r x><:f o u r>");
			assert_str(tr_buf_str(&partial), "rest");
			assert_int_equal(too_long, 0);
			tr_buf_finish(&partial);
			tr_buf_finish(&taken.text);
		}
	}
}

static void feed_in_pieces(struct tr_str bytes, size_t piece, struct taken *taken, size_t *too_long)
{
	struct tr_buf partial = TR_BUF_INIT(TR_IRC_PARTIAL_MAX);
	while (bytes.len > 0) {
		struct tr_str now = tr_str_slice(bytes, 0, piece);
		assert_true(tr_irc_lines_feed(&partial, now, too_long, take, taken));
		bytes = tr_str_from_index(bytes, now.len);
	}
	tr_buf_finish(&partial);
}

static void a_line_beyond_the_limit_is_dropped_whole_and_counted(void **state)
{
	static const size_t pieces[] = {1000, 4096, 16384, 1000000};
	(void)state;
	for (size_t extra = 0; extra <= 40000; extra = extra < 4 ? extra + 1 : extra * 10) {
		for (int ending = 0; ending < 3; ending++) {
			struct tr_buf bytes = TR_BUF_INIT(1000000);
			tr_buf_add_c(&bytes, "a\n");
			for (size_t i = 0; i < TR_IRC_RECEIVED_MAX + extra; i++) {
				/* A CR where what is kept ends must not make it look whole. */
				bool cr = ending == 2 && i == TR_IRC_RECEIVED_MAX;
				tr_buf_add_char(&bytes, cr ? '\r' : 'x');
			}
			tr_buf_add_c(&bytes, ending == 0 ? "\n" : "\r\n");
			tr_buf_add_c(&bytes, "b\n");
			for (size_t i = 0; i < TR_ARRAY_LEN(pieces); i++) {
				struct taken taken = {.text = TR_BUF_INIT(1000000)};
				size_t too_long = 0;
				feed_in_pieces(tr_buf_str(&bytes), pieces[i], &taken, &too_long);
				assert_int_equal(too_long, extra > 0 ? 1 : 0);
				assert_int_equal(taken.count, extra > 0 ? 2 : 3);
				tr_buf_finish(&taken.text);
			}
			tr_buf_finish(&bytes);
		}
	}
}

static void feeding_stops_when_the_callback_says_so(void **state)
{
	struct tr_buf partial = TR_BUF_INIT(TR_IRC_PARTIAL_MAX);
	struct taken taken = {.text = TR_BUF_INIT(100), .stop_at = 2};
	size_t too_long = 0;
	(void)state;
	assert_true(tr_irc_lines_feed(&partial, TR_STR("a"), &too_long, take, &taken));
	assert_false(tr_irc_lines_feed(&partial, TR_STR("\nb\nc\nd"), &too_long, take, &taken));
	assert_string_equal(tr_buf_c(&taken.text), "<a><b>");
	tr_buf_finish(&partial);
	tr_buf_finish(&taken.text);
	taken = (struct taken){.text = TR_BUF_INIT(100), .stop_at = 1};
	assert_true(tr_irc_lines_feed(&partial, TR_STR("a"), &too_long, take, &taken));
	assert_false(tr_irc_lines_feed(&partial, TR_STR("\nb\n"), &too_long, take, &taken));
	assert_string_equal(tr_buf_c(&taken.text), "<a>");
	tr_buf_finish(&partial);
	tr_buf_finish(&taken.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_fall_into_their_parts),
		cmocka_unit_test(not_every_text_is_a_line),
		cmocka_unit_test(numerics_are_three_digits),
		cmocka_unit_test(fifteen_parameters_are_taken_and_the_last_keeps_the_rest),
		cmocka_unit_test(tags_are_found_and_unescaped),
		cmocka_unit_test(more_than_64_tags_are_cut_off),
		cmocka_unit_test(lines_are_written_as_they_are_read),
		cmocka_unit_test(s1_no_field_takes_cr_lf_or_nul),
		cmocka_unit_test(middle_parameters_must_be_words),
		cmocka_unit_test(commands_and_tag_keys_have_a_grammar),
		cmocka_unit_test(the_length_is_kept),
		cmocka_unit_test(a_stream_may_be_cut_anywhere),
		cmocka_unit_test(a_line_beyond_the_limit_is_dropped_whole_and_counted),
		cmocka_unit_test(feeding_stops_when_the_callback_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
