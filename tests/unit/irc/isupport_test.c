/* SPDX-License-Identifier: Apache-2.0 */
/* What 005 says and what follows from it: bounds, folding, channel names, modes. */
#include "bridges/irc/isupport.h"
#include "core/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct tr_irc_isupport told(const char *tokens)
{
	struct tr_irc_isupport isupport;
	struct tr_irc_line line;
	struct tr_buf text = TR_BUF_INIT(8192);
	tr_irc_isupport_init(&isupport);
	tr_buf_addf(&text, ":irc.test 005 alice %s :are supported by this server", tokens);
	assert_true(tr_irc_line_parse(tr_buf_str(&text), &line));
	tr_irc_isupport_take(&isupport, &line);
	tr_buf_finish(&text);
	return isupport;
}

static void the_defaults_are_those_of_the_rfc(void **state)
{
	struct tr_irc_isupport isupport;
	(void)state;
	tr_irc_isupport_init(&isupport);
	assert_int_equal(isupport.casemapping, TR_IRC_CASE_RFC1459);
	assert_int_equal(isupport.nick_len, 9);
	assert_int_equal(isupport.channel_len, 200);
	assert_int_equal(isupport.line_len, 512);
	assert_int_equal(isupport.modes, 3);
	assert_int_equal(isupport.chathistory_max, 0);
	assert_string_equal(isupport.chan_types, "#&");
	assert_string_equal(isupport.prefix_modes, "ov");
	assert_false(isupport.utf8_only);
}

static void a_history_is_asked_by_msgid_unless_the_server_takes_times_only(void **state)
{
	(void)state;
	assert_false(told("CHATHISTORY=100").history_by_time_only);
	assert_false(told("MSGREFTYPES=msgid,timestamp").history_by_time_only);
	assert_false(told("MSGREFTYPES=").history_by_time_only);
	assert_true(told("MSGREFTYPES=timestamp").history_by_time_only);
	assert_false(told("MSGREFTYPES=timestamp -MSGREFTYPES").history_by_time_only);
}

static void what_a_server_says_is_taken(void **state)
{
	struct tr_irc_isupport i = told("NICKLEN=32 CHANNELLEN=64 TOPICLEN=390 MODES=4 "
					"CASEMAPPING=ascii CHANTYPES=# PREFIX=(qaohv)~&@%+ "
					"CHANMODES=Ibe,k,fl,mnst");
	(void)state;
	assert_int_equal(i.nick_len, 32);
	assert_int_equal(i.channel_len, 64);
	assert_int_equal(i.topic_len, 390);
	assert_int_equal(i.modes, 4);
	assert_int_equal(i.casemapping, TR_IRC_CASE_ASCII);
	assert_string_equal(i.chan_types, "#");
	assert_string_equal(i.prefix_modes, "qaohv");
	assert_string_equal(i.prefix_symbols, "~&@%+");
	assert_string_equal(i.chan_modes[0], "Ibe");
	assert_string_equal(i.chan_modes[3], "mnst");
	i = told("NETWORK=Example CHATHISTORY=100 UTF8ONLY LINELEN=2048 STATUSMSG=@+ "
		 "TARGMAX=PRIVMSG:4,NOTICE:,JOIN:3,:,x KICKLEN=100 AWAYLEN=200");
	assert_string_equal(i.network, "Example");
	assert_int_equal(i.chathistory_max, 100);
	assert_true(i.utf8_only);
	assert_int_equal(i.line_len, 2048);
	assert_string_equal(i.status_msg, "@+");
	assert_int_equal(i.targ_max_privmsg, 4);
	assert_int_equal(i.targ_max_join, 3);
	assert_int_equal(i.kick_len, 100);
	assert_int_equal(i.away_len, 200);
	assert_int_equal(told("draft/CHATHISTORY=50").chathistory_max, 50);
	assert_string_equal(told("PREFIX=").prefix_modes, "");
}

static void absurd_values_change_nothing(void **state)
{
	static const char *const absurd[] = {"NICKLEN=0", "NICKLEN=-1",
		"NICKLEN=99999999999999999999", "NICKLEN=513", "NICKLEN=x", "NICKLEN=", "NICKLEN",
		"CHANNELLEN=0", "CHANNELLEN=100000", "LINELEN=1", "LINELEN=511", "LINELEN=1000000",
		"MODES=0", "MODES=16", "MODES=", "CHANTYPES=", "CHANTYPES=abc", "CHANTYPES=#a",
		"CHANTYPES=#,", "CHANTYPES=[", "CHANTYPES=!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
		"PREFIX=ov@+", "PREFIX=(ov)@", "PREFIX=(ov", "PREFIX=)(", "PREFIX=(ab)xy",
		"PREFIX=(o1)@+", "PREFIX=(ov)@_",
		"PREFIX=(abcdefghijklmnopqrstuvwxyz)!!!!!!!!!!!!!!!!!!!!!!!!!!",
		"CASEMAPPING=", "CASEMAPPING", "CHANMODES=", "CHANMODES=1,2,3,4",
		"STATUSMSG=@@@@@@@@@@@@@@@@@@@@@@", "CHATHISTORY=-5", "TARGMAX=PRIVMSG:0,JOIN:x",
		"UNKNOWN=1", "=", "=x", "-NICKLEN"};
	struct tr_irc_isupport before;
	(void)state;
	tr_irc_isupport_init(&before);
	for (size_t k = 0; k < TR_ARRAY_LEN(absurd); k++) {
		struct tr_irc_isupport after = told(absurd[k]);
		if (strcmp(absurd[k], "CHANMODES=") == 0) {
			continue;
		}
		if (memcmp(&before, &after, sizeof(before)) != 0) {
			fail_msg("%s changed something", absurd[k]);
		}
	}
	/* 005 with too few parameters. */
	static const char *const lines[] = {"005", "005 alice", "005 alice :x", "005 alice x"};
	for (size_t k = 0; k < TR_ARRAY_LEN(lines); k++) {
		struct tr_irc_line line;
		struct tr_irc_isupport after = before;
		assert_true(tr_irc_line_parse(tr_str_from(lines[k]), &line));
		tr_irc_isupport_take(&after, &line);
		assert_memory_equal(&before, &after, sizeof(before));
	}
}

static void what_a_server_takes_back_is_the_default_again(void **state)
{
	static const char *const tokens[] = {"NICKLEN=32", "MAXNICKLEN=32", "CHANNELLEN=64",
		"TOPICLEN=390", "KICKLEN=9", "AWAYLEN=9", "LINELEN=2048", "MODES=9",
		"CHATHISTORY=50", "MAXTARGETS=4", "CASEMAPPING=ascii", "PREFIX=(qo)~@",
		"CHANMODES=I,k,f,mnst", "CHANTYPES=#", "STATUSMSG=@+", "NETWORK=Example",
		"TARGMAX=PRIVMSG:4,JOIN:3", "EXCEPTS", "INVEX=J", "UTF8ONLY"};
	struct tr_irc_isupport before;
	(void)state;
	tr_irc_isupport_init(&before);
	for (size_t k = 0; k < TR_ARRAY_LEN(tokens); k++) {
		struct tr_buf text = TR_BUF_INIT(256);
		struct tr_irc_isupport after = told(tokens[k]);
		assert_memory_not_equal(&before, &after, sizeof(before));
		tr_buf_addf(&text, "%s -%.*s", tokens[k], (int)strcspn(tokens[k], "="), tokens[k]);
		after = told(tr_buf_c(&text));
		if (memcmp(&before, &after, sizeof(before)) != 0) {
			fail_msg("%s stays", tokens[k]);
		}
		tr_buf_finish(&text);
	}
}

static void values_may_be_escaped(void **state)
{
	struct tr_irc_isupport before;
	(void)state;
	tr_irc_isupport_init(&before);
	assert_string_equal(told("NETWORK=An\\x20Example\\x5Cx").network, "An Example\\x");
	assert_string_equal(told("NETWORK=a\\x2").network, "a\\x2");
	assert_string_equal(told("NETWORK=a\\xzz").network, "a\\xzz");
	assert_int_equal(told("NICKLEN=3\\x30").nick_len, 30);
	/* What is no text is no value. */
	static const char *const wrong[] = {"NETWORK=a\\x00b", "NETWORK=a\\x0ab", "NETWORK=\\xff",
		"CHANTYPES=\\x20", "CHANTYPES=#\\x00"};
	for (size_t k = 0; k < TR_ARRAY_LEN(wrong); k++) {
		struct tr_irc_isupport after = told(wrong[k]);
		assert_memory_equal(&before, &after, sizeof(before));
	}
}

static void lists_of_exceptions_have_their_letters(void **state)
{
	(void)state;
	assert_int_equal(told("EXCEPTS").except_mode, 'e');
	assert_int_equal(told("EXCEPTS=x INVEX=").except_mode, 'x');
	assert_int_equal(told("INVEX=").invex_mode, 'I');
	assert_int_equal(told("INVEX=JJ EXCEPTS=1").invex_mode, 0);
	assert_int_equal(told("MAXTARGETS=4").targ_max_privmsg, 4);
}

static bool same(const struct tr_irc_isupport *isupport, const char *a, const char *b)
{
	struct tr_buf folded_a = TR_BUF_INIT(256);
	struct tr_buf folded_b = TR_BUF_INIT(256);
	bool result = tr_irc_same(isupport, tr_str_from(a), tr_str_from(b));
	assert_int_equal(tr_irc_fold(isupport, tr_str_from(a), &folded_a), 0);
	assert_int_equal(tr_irc_fold(isupport, tr_str_from(b), &folded_b), 0);
	assert_int_equal(result, tr_str_eq(tr_buf_str(&folded_a), tr_buf_str(&folded_b)));
	tr_buf_finish(&folded_a);
	tr_buf_finish(&folded_b);
	return result;
}

static char deaf_by_version(const char *rest)
{
	struct tr_irc_isupport isupport;
	struct tr_irc_line line;
	struct tr_buf text = TR_BUF_INIT(512);
	tr_irc_isupport_init(&isupport);
	tr_buf_addf(&text, ":irc.test 004 alice irc.test %s", rest);
	assert_true(tr_irc_line_parse(tr_buf_str(&text), &line));
	tr_irc_isupport_take_version(&isupport, &line);
	tr_buf_finish(&text);
	return isupport.deaf_mode;
}

static void the_mode_that_makes_deaf_is_known(void **state)
{
	(void)state;
	assert_int_equal(told("NICKLEN=9").deaf_mode, 0);
	assert_int_equal(told("DEAF=D").deaf_mode, 'D');
	assert_int_equal(told("DEAF=d").deaf_mode, 'd');
	assert_int_equal(told("DEAF=").deaf_mode, 'D');
	assert_int_equal(told("DEAF=+d").deaf_mode, 0);
	assert_int_equal(told("DEAF=1").deaf_mode, 0);
	assert_int_equal(told("DEAF=d -DEAF").deaf_mode, 0);
	assert_int_equal(deaf_by_version("InspIRCd-3 diosw biklmnopstv :bklov"), 'd');
	assert_int_equal(deaf_by_version("UnrealIRCd-6.1.0 diopqrstwxzBDGHIRSTWZ bl"), 'd');
	assert_int_equal(deaf_by_version("InspIRCd-3 iosw biklmnopstv :bklov"), 0);
	assert_int_equal(deaf_by_version("hybrid-8.2 diosw biklmnopstv"), 0);
	assert_int_equal(deaf_by_version("InspIRCd-3 :diosw"), 0);
	assert_int_equal(deaf_by_version("InspIRCd-3"), 0);
}

static void names_fold_as_the_server_does(void **state)
{
	const struct tr_irc_isupport rfc = told("CASEMAPPING=rfc1459");
	const struct tr_irc_isupport strict = told("CASEMAPPING=rfc1459-strict");
	const struct tr_irc_isupport other = told("CASEMAPPING=strict-rfc1459");
	const struct tr_irc_isupport ascii = told("CASEMAPPING=ascii");
	(void)state;
	assert_true(same(&rfc, "#A[b]\\^", "#a{B}|~"));
	assert_true(same(&strict, "#A[b]\\", "#a{B}|"));
	assert_false(same(&strict, "a^", "a~"));
	assert_false(same(&other, "a^", "a~"));
	assert_true(same(&ascii, "#ABC", "#abc"));
	assert_false(same(&ascii, "a[", "a{"));
	assert_false(same(&rfc, "abc", "ab"));
	assert_false(same(&rfc, "\xc3\x84", "\xc3\xa4"));
	assert_true(same(&rfc, "", ""));
}

/* S3: GHSA-xvqg-mv25-rwvw (CVE-2022-39203). */
static void s3_different_channels_are_never_one(void **state)
{
	static const char *const mappings[] = {"CASEMAPPING=ascii", "CASEMAPPING=rfc1459",
		"CASEMAPPING=rfc1459-strict", "CASEMAPPING=rfc7613", "CASEMAPPING=utf8"};
	(void)state;
	for (size_t m = 0; m < TR_ARRAY_LEN(mappings); m++) {
		const struct tr_irc_isupport isupport = told(mappings[m]);
		size_t classes = 0;
		for (int a = 1; a < 256; a++) {
			bool first = true;
			for (int b = 1; b < a; b++) {
				const char x[] = {'#', (char)a, '\0'};
				const char y[] = {'#', (char)b, '\0'};
				first = first && !same(&isupport, x, y);
			}
			classes += first;
		}
		/* 255 bytes, 26 letters in two forms, and what the mapping adds to that. */
		assert_int_equal(classes, m == 1 ? 255 - 26 - 4 : m == 2 ? 255 - 26 - 3 : 255 - 26);
	}
}

/* S2 and S3: CVE-2024-52505, CVE-2022-39203. */
static void s3_a_channel_name_has_no_commas_spaces_or_control_characters(void **state)
{
	static const char *const good[] = {
		"#a", "&local", "#a[b]{c}|^~", "##", "#\xc3\xa4", "#!x", "#a#b", "#\xff"};
	static const char *const bad[] = {"", "#", "a", "alice", "+a", "#a,#b", "#a b", "#a ",
		"# a", "#a\x07", "#a\r", "#a\nQUIT", "#a\t", "#a\x7f", "#a:b", "#a\xc2\xa0",
		"#a\xc2\x85", "#a\xe2\x80\xa8", "#a\xe3\x80\x80", "#a\xe2\x80\x8b", " #a", ",#a",
		"\x01"};
	struct tr_irc_isupport isupport;
	(void)state;
	tr_irc_isupport_init(&isupport);
	for (size_t i = 0; i < TR_ARRAY_LEN(good); i++) {
		assert_true(tr_irc_is_channel(&isupport, tr_str_from(good[i])));
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(bad); i++) {
		assert_false(tr_irc_is_channel(&isupport, tr_str_from(bad[i])));
	}
	assert_false(tr_irc_is_channel(&isupport, TR_STR("#a\0b")));
	assert_false(tr_irc_is_channel(&isupport, TR_STR("\0a")));
	isupport = told("CHANNELLEN=5 CHANTYPES=+");
	assert_true(tr_irc_is_channel(&isupport, TR_STR("+abcd")));
	assert_false(tr_irc_is_channel(&isupport, TR_STR("+abcde")));
	assert_false(tr_irc_is_channel(&isupport, TR_STR("#abc")));
}

static void prefixes_of_names_are_taken_off(void **state)
{
	const struct tr_irc_isupport isupport = told("PREFIX=(qov)~@+");
	const struct tr_irc_isupport no_prefixes = told("PREFIX=");
	(void)state;
	assert_true(tr_str_eq_c(tr_irc_strip_prefix(&isupport, TR_STR("~@+bob")), "bob"));
	assert_true(tr_str_eq_c(tr_irc_strip_prefix(&isupport, TR_STR("bob@")), "bob@"));
	assert_true(tr_str_eq_c(tr_irc_strip_prefix(&isupport, TR_STR("%bob")), "%bob"));
	assert_true(tr_str_eq_c(tr_irc_strip_prefix(&isupport, TR_STR("@@")), ""));
	assert_true(tr_str_eq_c(tr_irc_strip_prefix(&isupport, TR_STR("")), ""));
	assert_true(tr_str_eq_c(tr_irc_strip_prefix(&no_prefixes, TR_STR("@bob")), "@bob"));
}

/* Modes as "+o:alice -k:key +m". */
static void assert_modes(
	const struct tr_irc_isupport *isupport, const char *text, const char *expected)
{
	struct tr_str params[TR_IRC_PARAMS_MAX];
	struct tr_irc_mode_change changes[32];
	struct tr_str rest = tr_str_from(text);
	struct tr_buf got = TR_BUF_INIT(1024);
	size_t count = 0;
	while (count < TR_IRC_PARAMS_MAX && tr_str_word(&rest, &params[count])) {
		count++;
	}
	size_t found = tr_irc_modes_parse(isupport, params, count, changes, TR_ARRAY_LEN(changes));
	for (size_t i = 0; i < found; i++) {
		bool has = !tr_str_empty(changes[i].argument);
		tr_buf_addf(&got, "%s%c%c%s%.*s", i > 0 ? " " : "", changes[i].add ? '+' : '-',
			changes[i].mode, has ? ":" : "", TR_STR_ARG(changes[i].argument));
	}
	assert_string_equal(tr_buf_c(&got), expected);
	tr_buf_finish(&got);
}

/* S4: GHSA-cq7q-5c67-w39w (CVE-2022-39202): the wrong user was given power. */
static void s4_each_mode_gets_its_own_argument(void **state)
{
	const struct tr_irc_isupport i =
		told("PREFIX=(qaohv)~&@%+ CHANMODES=IXbegw,k,FHJLWdfjlx,ABCDKMNOPRSTcimnprstuz");
	(void)state;
	assert_modes(&i, "+o alice", "+o:alice");
	assert_modes(&i, "+ov alice bob", "+o:alice +v:bob");
	assert_modes(&i, "+mo alice", "+m +o:alice");
	assert_modes(&i, "+lo 5 alice", "+l:5 +o:alice");
	assert_modes(&i, "-lo alice", "-l -o:alice");
	assert_modes(&i, "+b-o mask!*@* alice", "+b:mask!*@* -o:alice");
	assert_modes(&i, "-b+o mask!*@* alice", "-b:mask!*@* +o:alice");
	assert_modes(&i, "-k+o key alice", "-k:key +o:alice");
	assert_modes(&i, "+imo-v+l alice bob 3", "+i +m +o:alice -v:bob +l:3");
	assert_modes(&i, "+fo 5:3 alice", "+f:5:3 +o:alice");
	assert_modes(&i, "-fo alice", "-f -o:alice");
	assert_modes(&i, "+oo alice", "+o:alice +o");
	assert_modes(&i, "o alice", "+o:alice");
	assert_modes(&i, "+-+-o alice", "-o:alice");
	assert_modes(&i, "+m alice", "+m");
	assert_modes(&i, "+Zo alice", "+Z +o:alice");
	assert_modes(&i, "+", "");
	assert_modes(&i, "", "");
}

static void modes_beyond_the_room_are_left_out(void **state)
{
	struct tr_irc_isupport isupport;
	struct tr_irc_mode_change changes[3];
	const struct tr_str params[] = {TR_STR("+mmmmmmmmmm")};
	(void)state;
	tr_irc_isupport_init(&isupport);
	assert_int_equal(tr_irc_modes_parse(&isupport, params, 1, changes, 3), 3);
	assert_int_equal(tr_irc_modes_parse(&isupport, params, 1, changes, 0), 0);
	assert_int_equal(tr_irc_modes_parse(&isupport, params, 0, changes, 3), 0);
	const struct tr_str nul[] = {TR_STR("+\0o"), TR_STR("alice")};
	assert_int_equal(tr_irc_modes_parse(&isupport, nul, 2, changes, 3), 2);
	assert_true(tr_str_empty(changes[0].argument));
	assert_true(tr_str_eq_c(changes[1].argument, "alice"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_defaults_are_those_of_the_rfc),
		cmocka_unit_test(what_a_server_says_is_taken),
		cmocka_unit_test(a_history_is_asked_by_msgid_unless_the_server_takes_times_only),
		cmocka_unit_test(absurd_values_change_nothing),
		cmocka_unit_test(what_a_server_takes_back_is_the_default_again),
		cmocka_unit_test(values_may_be_escaped),
		cmocka_unit_test(lists_of_exceptions_have_their_letters),
		cmocka_unit_test(the_mode_that_makes_deaf_is_known),
		cmocka_unit_test(names_fold_as_the_server_does),
		cmocka_unit_test(s3_different_channels_are_never_one),
		cmocka_unit_test(s3_a_channel_name_has_no_commas_spaces_or_control_characters),
		cmocka_unit_test(prefixes_of_names_are_taken_off),
		cmocka_unit_test(s4_each_mode_gets_its_own_argument),
		cmocka_unit_test(modes_beyond_the_room_are_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
