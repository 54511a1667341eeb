/* SPDX-License-Identifier: Apache-2.0 */
/* Which lines a connection may drop before parsing them, and that it never drops one of its own. */
#include "bridges/irc/concern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct tr_irc_isupport isupport;

static int setup(void **state)
{
	(void)state;
	tr_irc_isupport_init(&isupport);
	return 0;
}

static enum tr_irc_concern look(const char *text, bool history, const char *channel)
{
	struct tr_str found = {NULL, 0};
	enum tr_irc_concern concern =
		tr_irc_concern(&isupport, TR_STR("me[]"), history, tr_str_from(text), &found);
	if (concern == TR_IRC_OF_CHANNEL) {
		assert_non_null(channel);
		assert_true(tr_str_eq_c(found, channel));
	}
	return concern;
}

static void what_others_do_in_a_channel_is_of_the_channel(void **state)
{
	static const char *const lines[] = {
		":a!u@h PRIVMSG #c :hello",
		":a!u@h NOTICE #c hello",
		"@time=2026-01-01T00:00:00.000Z;msgid=x :a!u@h PRIVMSG #c :hello",
		":a!u@h JOIN #c",
		":a!u@h JOIN :#c",
		":a!u@h JOIN #c account :real name",
		":a!u@h PART #c :bye",
		":a!u@h KICK #c b :out",
		":a!u@h MODE #c +o me[]",
		":a!u@h TOPIC #c :new",
		"@+typing=active :a!u@h TAGMSG #c",
		":irc.test 353 me[] = #c :@a b c",
		":irc.test 366 me[] #c :End of /NAMES list.",
		"@batch=1 :a!u@h JOIN #c",
		"@batch=1 :a!u@h PRIVMSG #c :hello",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(look(lines[i], false, "#c"), TR_IRC_OF_CHANNEL);
	}
}

static void what_others_do_everywhere_is_of_others(void **state)
{
	static const char *const lines[] = {":a!u@h QUIT :gone", ":a!u@h NICK :b",
		":a!u@h AWAY :out", ":a!u@h ACCOUNT a", ":a!u@h CHGHOST u h2",
		"@batch=1 :a!u@h QUIT :hub leaf"};
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(look(lines[i], true, NULL), TR_IRC_OF_OTHERS);
	}
}

static void what_is_about_the_connection_itself_concerns(void **state)
{
	static const char *const lines[] = {
		":me[]@h;!x KICK #c",
		":me[]!u@h PRIVMSG #c :echo",
		":ME{}!u@h JOIN #c", /* the same nick by the server's case mapping */
		":me[]!u@h QUIT :gone",
		":a!u@h KICK #c me{} :out",
		":a!u@h PRIVMSG me[] :psst",
		":a!u@h NOTICE me[] :psst",
		":a!u@h MODE me[] +i",
		":a!u@h INVITE me[] #c",
		":a!u@h KILL me[] :x",
		":irc.test 001 me[] :Welcome",
		":irc.test 404 me[] #c :Cannot send to channel",
		":irc.test 353 me[] =1#c :@a b c", /* no channel of its own */
		":irc.test 353 :me[] = #c x",
		":ME{} 366 me[] #c :x", /* in our name */
		":irc.test BATCH +1 netsplit a b",
		"PING :x",
		"ERROR :Closing Link",
		"AUTHENTICATE +",
		":nick PRIVMSG #c :no user and host",
		"",
		"@",
		"@a",
		":",
		":!",
		":a!",
		":a!u@h",
		":a!u@h PRIVMSG",
		":a!u@h PRIVMSG ",
		":a!u@h PRIVMSG @#c :to its operators",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(look(lines[i], false, NULL), TR_IRC_CONCERNS);
	}
}

static void talk_of_a_batch_concerns_while_history_is_awaited(void **state)
{
	const char *line = "@batch=7;time=x :a!u@h PRIVMSG #c :old";
	(void)state;
	assert_int_equal(look(line, true, NULL), TR_IRC_CONCERNS);
	assert_int_equal(look(line, false, "#c"), TR_IRC_OF_CHANNEL);
	assert_int_equal(look(":a!u@h PRIVMSG #c :new", true, "#c"), TR_IRC_OF_CHANNEL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_others_do_in_a_channel_is_of_the_channel),
		cmocka_unit_test(what_others_do_everywhere_is_of_others),
		cmocka_unit_test(what_is_about_the_connection_itself_concerns),
		cmocka_unit_test(talk_of_a_batch_concerns_while_history_is_awaited),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
