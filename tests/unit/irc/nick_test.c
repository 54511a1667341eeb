/* SPDX-License-Identifier: Apache-2.0 */
/* Nicks, user names and real names of puppets. */
#include "bridges/irc/nick.h"
#include "core/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_nick(const char *tmpl, const char *user_id, const char *display, unsigned max,
	const char *expected)
{
	struct tr_buf out = TR_BUF_INIT(256);
	assert_int_equal(tr_irc_nick_make(tmpl, user_id, display, max, &out), 0);
	assert_string_equal(tr_buf_c(&out), expected);
	tr_buf_finish(&out);
}

static void nicks_come_from_the_template(void **state)
{
	(void)state;
	assert_nick("$DISPLAY[m]", "@ali:hs.example", "Alice", 30, "Alice[m]");
	assert_nick("M-$DISPLAY", "@ali:hs.example", "Alice B.", 30, "M-AliceB");
	assert_nick("$LOCALPART", "@ali:hs.example", "Alice", 30, "ali");
	assert_nick("$USERID", "@ali:hs.example", "Alice", 30, "alihsexample");
	assert_nick("$DISPLAY", "@ali:hs.example", NULL, 30, "ali");
	assert_nick("$DISPLAY", "@ali:hs.example", "", 30, "ali");
	assert_nick("$DISPLAY", "@ali:hs.example", "\xd0\x90\xd0\xbb", 30, "ali");
	assert_nick("$DISPLAY", "@ali:hs.example", "\xc3\x84 Ali", 30, "Ali");
	assert_nick("$OTHER$LOCALPART", "@ali:hs.example", NULL, 30, "OTHERali");
}

/* The incumbent puts "$&" and "$$" of people's names through its template again. */
static void a_dollar_in_a_name_is_no_variable(void **state)
{
	(void)state;
	assert_nick("$DISPLAY[m]", "@ali:hs.example", "$USERID", 30, "USERID[m]");
	assert_nick("$DISPLAY[m]", "@ali:hs.example", "a$&b$$c$1", 30, "abc1[m]");
	assert_nick("$DISPLAY[m]", "@ali:hs.example", "$DISPLAY$DISPLAY", 30, "DISPLAYDISPLAY[m]");
	assert_nick("$DISPLAY", "@$localpart:hs.example", "%s%n$", 30, "sn");
}

static void nicks_are_what_servers_take(void **state)
{
	static const char *const names[] = {"", "1", "-x", "a b", "a\r\nQUIT", "a:b!c@d", "#a,b",
		"\x01"
		"x\x02",
		"~x",
		"\xe2\x80\xae"
		"ecila",
		"[]\\`_^{|}", "999", "*", "a?", "\xff"};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(names); i++) {
		for (unsigned max = 1; max <= 12; max++) {
			struct tr_buf out = TR_BUF_INIT(256);
			assert_int_equal(
				tr_irc_nick_make("$DISPLAY", "@42:hs", names[i], max, &out), 0);
			assert_true(out.len >= 1 && out.len <= max);
			assert_null(strchr("0123456789-", out.data[0]));
			assert_int_equal(strspn(tr_buf_c(&out),
						 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
						 "uvwxyz0123456789-[]\\`_^{|}"),
				out.len);
			tr_buf_finish(&out);
		}
	}
	assert_nick("$DISPLAY", "@42:hs", "007", 9, "M007");
	assert_nick("$DISPLAY", "@42:hs", "-x", 9, "M-x");
	assert_nick("$DISPLAY", "@+:hs", "*", 9, "M");
	assert_nick("$DISPLAY", "@x:hs", "alice_in_chains", 9, "alice_in_");
}

static void a_very_long_name_is_cut_and_never_lost(void **state)
{
	char name[5001];
	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_nick("$DISPLAY[m]", "@ali:hs", name, 9, "xxxxxxxxx");
	assert_nick("M-$DISPLAY", "@ali:hs", name, 9, "M-xxxxxxx");
}

static void assert_next(const char *nick, unsigned attempt, unsigned max, const char *expected)
{
	struct tr_buf out = TR_BUF_INIT(256);
	assert_int_equal(tr_irc_nick_next(tr_str_from(nick), attempt, max, &out), 0);
	assert_string_equal(tr_buf_c(&out), expected);
	tr_buf_finish(&out);
}

static void a_taken_nick_gets_a_number_within_the_length(void **state)
{
	(void)state;
	assert_next("alice", 1, 9, "alice1");
	assert_next("alice", 12, 9, "alice12");
	assert_next("alicealic", 1, 9, "aliceali1");
	assert_next("alicealic", 100, 9, "alicea100");
	assert_next("a", 1234567, 5, "M4567");
	assert_next("", 7, 9, "M7");
}

/* Attempts never repeat a nick. */
static void twenty_attempts_give_twenty_nicks(void **state)
{
	static const char *const nicks[] = {"alice", "alicealice", "a", "alice1"};
	(void)state;
	for (size_t k = 0; k < TR_ARRAY_LEN(nicks); k++) {
		char *seen[20];
		for (unsigned i = 0; i < 20; i++) {
			struct tr_buf out = TR_BUF_INIT(256);
			assert_int_equal(
				tr_irc_nick_next(tr_str_from(nicks[k]), i + 1, 9, &out), 0);
			assert_true(out.len <= 9);
			seen[i] = tr_buf_take(&out);
			assert_string_not_equal(seen[i], nicks[k]);
			for (unsigned j = 0; j < i; j++) {
				assert_string_not_equal(seen[i], seen[j]);
			}
		}
		for (unsigned i = 0; i < 20; i++) {
			tr_free(seen[i]);
		}
	}
}

static void assert_username(const char *user_id, const char *expected)
{
	struct tr_buf out = TR_BUF_INIT(256);
	assert_int_equal(tr_irc_username_make(user_id, &out), 0);
	assert_string_equal(tr_buf_c(&out), expected);
	tr_buf_finish(&out);
}

static void user_names_are_short_and_legal(void **state)
{
	(void)state;
	assert_username("@ali:hs.example", "alihsexamp");
	assert_username("@Ali_Baba:hs", "alibabahs");
	assert_username("@42:hs", "M42hs");
	assert_username("@\xc3\xa4:\r\n", "M");
	assert_username("", "M");
	assert_username("@-:h", "M-h");
}

static void assert_realname(const char *user_id, bool reverse, const char *expected)
{
	struct tr_buf out = TR_BUF_INIT(256);
	assert_int_equal(tr_irc_realname_make(user_id, reverse, &out), 0);
	assert_string_equal(tr_buf_c(&out), expected);
	tr_buf_finish(&out);
}

static void real_names_say_who_it_is(void **state)
{
	(void)state;
	assert_realname("@ali:matrix.example.com", false, "@ali:matrix.example.com");
	assert_realname("@ali:matrix.example.com", true, "com.example.matrix>:ali");
	assert_realname("@\xc3\xa4li\r\n x:hs", false, "@lix:hs");
	assert_realname("@averyveryverylonglocalpart:averyveryverylongserver.example.com", false,
		"@averyveryverylonglocalpart:averyveryverylongser");
	assert_realname("@ali:hs:8448", true, "hs:8448>:ali");
}

static void usernames_give_way_to_numbers(void **state)
{
	static const struct {
		unsigned attempt;
		const char *expected;
	} rows[] = {{1, "longishn_1"}, {9, "longishn_9"}, {10, "longish_10"}, {99, "longish_99"},
		{100, "longis_100"}, {9999, "longi_9999"}};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(rows); i++) {
		struct tr_buf out = TR_BUF_INIT(64);
		tr_irc_username_next(TR_STR("longishnam"), rows[i].attempt, &out);
		assert_string_equal(tr_buf_c(&out), rows[i].expected);
		tr_buf_clear(&out);
		tr_irc_username_next(TR_STR("al"), rows[i].attempt, &out);
		assert_true(tr_str_starts(tr_buf_str(&out), TR_STR("al_")));
		tr_buf_finish(&out);
	}
}

static void a_chosen_nick_is_checked_before_a_server_sees_it(void **state)
{
	static const char *const good[] = {"Al", "[al]", "al-1", "_", "a\\`^{|}"};
	static const char *const bad[] = {"", "1al", "-al", "a b", "a\r\nQUIT", "a:b", "#a", "a,b",
		"a!b", "\xc3\xa4",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(good); i++) {
		assert_true(tr_irc_nick_valid(tr_str_from(good[i])));
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(bad); i++) {
		assert_false(tr_irc_nick_valid(tr_str_from(bad[i])));
	}
}

static void a_plain_nick_is_what_every_server_takes(void **state)
{
	static const char *const rows[][2] = {{"@alice:hs", "Malice"}, {"@_=/.:hs", "M"},
		{"@very.long-name_1:hs", "Mverylong"}, {"@42:hs", "M42"}, {"broken", "Mroken"}};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(rows); i++) {
		struct tr_buf out = TR_BUF_INIT(64);
		tr_irc_nick_plain(rows[i][0], &out);
		assert_string_equal(tr_buf_c(&out), rows[i][1]);
		tr_buf_finish(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nicks_come_from_the_template),
		cmocka_unit_test(a_dollar_in_a_name_is_no_variable),
		cmocka_unit_test(nicks_are_what_servers_take),
		cmocka_unit_test(a_very_long_name_is_cut_and_never_lost),
		cmocka_unit_test(a_taken_nick_gets_a_number_within_the_length),
		cmocka_unit_test(twenty_attempts_give_twenty_nicks),
		cmocka_unit_test(user_names_are_short_and_legal),
		cmocka_unit_test(real_names_say_who_it_is),
		cmocka_unit_test(usernames_give_way_to_numbers),
		cmocka_unit_test(a_chosen_nick_is_checked_before_a_server_sees_it),
		cmocka_unit_test(a_plain_nick_is_what_every_server_takes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
