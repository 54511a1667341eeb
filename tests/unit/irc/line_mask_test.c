/* SPDX-License-Identifier: Apache-2.0 */
/* Lines in the log show what happens and no secret. */
#include "bridges/irc/line_mask.h"
#include "core/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_shown(const char *line, const char *shown)
{
	struct tr_buf out = TR_BUF_INIT(4096);
	tr_irc_line_mask(tr_str_from(line), &out);
	assert_string_equal(tr_buf_c(&out), shown);
	tr_buf_finish(&out);
}

static void talk_and_protocol_are_shown_as_they_are(void **state)
{
	static const char *const lines[] = {
		":a!b@c PRIVMSG #x :hello there",
		"@msgid=7 :a!b@c PRIVMSG #x :my ids are fine",
		":srv 001 me :Welcome",
		"CAP REQ :sasl message-tags",
		"AUTHENTICATE +",
		":NickServ!s@services NOTICE me :This nickname is registered.",
		":a!b@c JOIN #x account :Real Name",
		"JOIN #x",
		"MODE #x +o somebody",
		"NICK new",
		"PING :token",
	};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(lines); i++) {
		assert_shown(lines[i], lines[i]);
	}
}

static void passwords_are_masked(void **state)
{
	(void)state;
	assert_shown("PASS hunter2", "PASS ***");
	assert_shown("PASS :hunter 2", "PASS :***");
	assert_shown("OPER name hunter2", "OPER ***");
	assert_shown("AUTHENTICATE aHVudGVyMg==", "AUTHENTICATE ***");
	assert_shown("authenticate PLAIN", "authenticate ***");
	assert_shown("NS IDENTIFY hunter2", "NS ***");
	assert_shown("NICKSERV :identify hunter2", "NICKSERV :***");
	assert_shown("PRIVMSG NickServ :IDENTIFY me hunter2", "PRIVMSG NickServ :IDENTIFY***");
	assert_shown("PRIVMSG nickserv@services.net :SET PASSWORD hunter2",
		"PRIVMSG nickserv@services.net :SET***");
	assert_shown("@label=3 PRIVMSG Q@CServe.quakenet.org :AUTH me hunter2",
		"@label=3 PRIVMSG Q@CServe.quakenet.org :AUTH***");
	assert_shown("PRIVMSG #x :identify hunter2", "PRIVMSG #x :identify***");
	assert_shown(":a!b@c PRIVMSG #x :!storepass hunter2", ":a!b@c PRIVMSG #x :!storepass***");
	assert_shown(":NickServ!s@services NOTICE me :Your password is hunter2",
		":NickServ!s@services NOTICE me :***");
}

static void keys_of_channels_are_masked(void **state)
{
	(void)state;
	assert_shown("JOIN #x hunter2", "JOIN #x ***");
	assert_shown("JOIN #x,#y hunter2,other", "JOIN #x,#y ***");
	assert_shown("MODE #x +k hunter2", "MODE #x +k ***");
	assert_shown(":srv 324 me #x +ntk hunter2", ":srv 324 me #x +ntk ***");
	assert_shown(":op!u@h MODE #x +lk 5 :hunter2", ":op!u@h MODE #x +lk ***");
}

static void what_is_no_line_is_only_counted(void **state)
{
	(void)state;
	assert_shown(":hunter2", "(no line: 8 bytes)");
	assert_shown("", "(no line: 0 bytes)");
	assert_shown("PRIVMSG NickServ", "PRIVMSG NickServ");
	assert_shown("PASS", "PASS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(talk_and_protocol_are_shown_as_they_are),
		cmocka_unit_test(passwords_are_masked),
		cmocka_unit_test(keys_of_channels_are_masked),
		cmocka_unit_test(what_is_no_line_is_only_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
