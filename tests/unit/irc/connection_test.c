/* SPDX-License-Identifier: Apache-2.0 */
/* Registration, capabilities, SASL, pings, sending and ending against a played server. */
#include "irc_peer.h"

#include <stdio.h>

static const struct tr_str none = {NULL, 0};

/* registration */

static void plain_registration_sends_all_in_one_write_and_gets_ready(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = peer_options(peer);
	options.server_password = "open sesame";
	peer_connect(peer, &options);
	assert_false(tr_irc_connection_ready(peer->connection));
	peer_expect(peer, "\r\nUSER ali 8 * :Alice of Matrix\r\n");
	assert_string_equal(tr_buf_c(&peer->got),
		"CAP LS 302\r\nPASS :open sesame\r\nNICK alice\r\nUSER ali 8 * :Alice of Matrix\r\n");
	assert_int_equal(peer->reads, 1);
	peer_say(peer, ":irc.test NOTICE * :*** Looking up your hostname\r\n"
		       ":irc.test 001 alice :Welcome to the network, alice!ali@host\r\n"
		       ":irc.test 005 alice CASEMAPPING=ascii NICKLEN=21 :are supported\r\n"
		       ":irc.test 375 alice :- Message of the day\r\n");
	peer_run_ms(peer, 20);
	assert_int_equal(peer->ready, 0);
	peer_say(peer, ":irc.test 376 alice :End\r\n:bob!b@h PRIVMSG alice :hello\r\n");
	RUN_WHILE(peer, peer->line_count == 0);
	assert_int_equal(peer->ready, 1);
	assert_true(tr_irc_connection_ready(peer->connection));
	assert_string_equal(tr_buf_c(&peer->lines), ":bob!b@h PRIVMSG alice :hello\n");
	assert_int_equal(tr_irc_connection_isupport(peer->connection)->nick_len, 21);
	assert_int_equal(tr_irc_connection_caps(peer->connection), 0);
	assert_true(tr_irc_connection_local_port(peer->connection) != 0);
}

static void a_server_that_does_not_know_cap_registers_us_all_the_same(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = peer_options(peer);
	options.caps_wanted = TR_IRC_CAP_MESSAGE_TAGS;
	peer_connect(peer, &options);
	peer_expect(peer, "USER ");
	peer_say(peer, ":irc.test 421 * CAP :Unknown command\r\n" WELCOME);
	RUN_WHILE(peer, peer->ready == 0);
	assert_false(peer_has(peer, "CAP END"));
	assert_false(peer_has(peer, "CAP REQ"));
}

static void a_server_that_is_silent_about_cap_registers_us_all_the_same(void **state)
{
	peer_register(*state);
}

static void a_list_of_several_lines_is_waited_for(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = peer_options(peer);
	options.caps_wanted = TR_IRC_CAP_MESSAGE_TAGS | TR_IRC_CAP_ECHO_MESSAGE |
			      TR_IRC_CAP_CHATHISTORY | TR_IRC_CAP_BATCH;
	peer_connect(peer, &options);
	peer_expect(peer, "USER ");
	peer_say(peer, ":irc.test CAP * LS * :message-tags sts=port=6697 unknown/cap\r\n");
	peer_run_ms(peer, 20);
	assert_false(peer_has(peer, "CAP REQ"));
	peer_say(peer, ":irc.test CAP * LS :batch echo-message=x,y multi-prefix\r\n");
	peer_expect(peer, "CAP REQ :message-tags batch echo-message\r\n");
	assert_false(peer_has(peer, "multi-prefix"));
	peer_say(peer, "CAP alice ACK :message-tags \r\nCAP alice NAK :batch\r\n");
	peer_run_ms(peer, 20);
	assert_false(peer_has(peer, "CAP END"));
	peer_say(peer, "CAP alice ACK echo-message\r\n");
	peer_expect(peer, "CAP END\r\n");
	peer_say(peer, WELCOME);
	RUN_WHILE(peer, peer->ready == 0);
	assert_int_equal(tr_irc_connection_caps(peer->connection),
		TR_IRC_CAP_MESSAGE_TAGS | TR_IRC_CAP_ECHO_MESSAGE);
	assert_int_equal(peer_count(peer, "CAP END"), 1);
}

/* The incumbent neither runs nor ends on this. */
static void an_empty_list_ends_the_negotiation(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = peer_options(peer);
	options.caps_wanted = TR_IRC_CAP_MESSAGE_TAGS;
	peer_connect(peer, &options);
	peer_say(peer, ":irc.test CAP * LS :\r\n");
	peer_expect(peer, "CAP END\r\n");
	assert_int_equal(peer_count(peer, "CAP REQ"), 0);
}

static void capabilities_come_and_go_later(void **state)
{
	struct peer *peer = *state;
	peer_register_with(
		peer, TR_IRC_CAP_BATCH | TR_IRC_CAP_ECHO_MESSAGE | TR_IRC_CAP_CAP_NOTIFY, "batch");
	peer_say(peer, ":irc.test CAP alice NEW :echo-message other\r\n");
	peer_expect(peer, "CAP REQ echo-message\r\n");
	peer_say(peer, ":irc.test CAP alice ACK :echo-message\r\nPING :a\r\n");
	peer_expect(peer, "PONG a\r\n");
	assert_int_equal(tr_irc_connection_caps(peer->connection),
		TR_IRC_CAP_BATCH | TR_IRC_CAP_ECHO_MESSAGE);
	peer_say(peer, ":irc.test CAP alice DEL :batch\r\nPING :b\r\n");
	peer_expect(peer, "PONG b\r\n");
	assert_int_equal(tr_irc_connection_caps(peer->connection), TR_IRC_CAP_ECHO_MESSAGE);
	assert_int_equal(peer->line_count, 0);
	assert_int_equal(peer_count(peer, "CAP END"), 1);
}

static void a_nick_in_use_gives_way_to_another(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = peer_options(peer);
	peer->next_nick = "alice1";
	peer_connect(peer, &options);
	peer_expect(peer, "USER ");
	peer_say(peer, ":irc.test 433 * alice :Nickname is already in use.\r\n");
	peer_expect(peer, "NICK alice1\r\n");
	peer->next_nick = "alice2";
	peer_say(peer, ":irc.test 432 * alice1 :Erroneous nickname\r\n");
	peer_expect(peer, "NICK alice2\r\n");
	assert_string_equal(tr_buf_c(&peer->refused), "alice 433;alice1 432;");
	/* Later it is somebody's else business. */
	peer_say(peer, ":irc.test 001 alice2 :Welcome\r\n:irc.test 376 alice2 :End\r\n"
		       ":irc.test 433 alice2 bob :in use\r\n");
	RUN_WHILE(peer, peer->line_count == 0);
	assert_string_equal(tr_irc_connection_nick(peer->connection), "alice2");
	assert_string_equal(tr_buf_c(&peer->refused), "alice 433;alice1 432;");
}

static void no_other_nick_ends_the_connection(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = peer_options(peer);
	peer_connect(peer, &options);
	peer_say(peer, ":irc.test 433 * alice :in use\r\n");
	RUN_WHILE(peer, peer->closed == 0);
	assert_int_equal(peer->error.code, TR_E_PROTOCOL);
	peer_reset(peer);
	peer->next_nick = "with space";
	peer_connect(peer, &options);
	peer_say(peer, ":irc.test 433 * alice :in use\r\n");
	RUN_WHILE(peer, peer->closed == 0);
	assert_false(peer_has(peer, "space"));
}

static void the_nick_of_001_is_ours(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = peer_options(peer);
	options.nick = "alice_with_a_long_name";
	peer_connect(peer, &options);
	peer_say(peer, ":irc.test 001 alice_wit :Welcome\r\n:irc.test 376 alice_wit :End\r\n");
	RUN_WHILE(peer, peer->ready == 0);
	assert_string_equal(tr_irc_connection_nick(peer->connection), "alice_wit");
	assert_true(tr_irc_connection_is_me(peer->connection, TR_STR("ALICE_WIT")));
	assert_false(tr_irc_connection_is_me(peer->connection, TR_STR("alice_wit2")));
	assert_false(tr_irc_connection_is_me(peer->connection, TR_STR("alice_wi")));
}

static void a_new_nick_is_taken_in_and_passed_on_as_ours(void **state)
{
	struct peer *peer = *state;
	peer_register(peer);
	peer_say(peer, ":alice!a@h NICK :carol\r\n");
	RUN_WHILE(peer, peer->line_count == 0);
	assert_string_equal(tr_irc_connection_nick(peer->connection), "carol");
	assert_string_equal(tr_buf_c(&peer->last_nick), "carol");
	peer_say(peer, ":alice!x@y NICK :mallory\r\n@batch=1 :carol!a@h NICK :old\r\n"
		       ":carol!a@h NICK :\r\n:carol NICK\r\n:bob!b@h PRIVMSG carol :x\r\n");
	RUN_WHILE(peer, peer->line_count < 6);
	assert_string_equal(tr_irc_connection_nick(peer->connection), "carol");
}

static void a_registration_that_does_not_end_times_out(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = peer_options(peer);
	options.register_timeout_ms = 60;
	peer_connect(peer, &options);
	peer_say(peer, ":irc.test 001 alice :Welcome\r\n");
	RUN_WHILE(peer, peer->closed == 0);
	assert_int_equal(peer->error.code, TR_E_TIMEOUT);
	assert_int_equal(peer->error.cls, TR_CLASS_RETRY);
	assert_int_equal(peer->ready, 0);
	peer_reset(peer);
	peer_register(peer);
	peer_run_ms(peer, 100);
	assert_int_equal(peer->closed, 0);
}

static void names_that_break_the_framing_do_not_get_out(void **state)
{
	struct peer *peer = *state;
	for (int which = 0; which < 5; which++) {
		struct tr_irc_connection_options options = peer_options(peer);
		const char *evil = "a\r\nQUIT";
		options.nick = which == 0 ? evil : which == 4 ? "two words" : "alice";
		options.username = which == 1 ? evil : "ali";
		options.realname = which == 2 ? evil : "A";
		options.server_password = which == 3 ? evil : NULL;
		peer_connect(peer, &options);
		RUN_WHILE(peer, peer->closed == 0);
		assert_int_equal(peer->error.code, TR_E_INVALID);
		assert_int_equal(peer->error.cls, TR_CLASS_PERMANENT);
		peer_run_ms(peer, 5);
		assert_false(peer_has(peer, "QUIT"));
		peer_reset(peer);
	}
}

/* SASL */

static struct tr_irc_connection_options sasl_options(const struct peer *peer)
{
	struct tr_irc_connection_options options = peer_options(peer);
	options.sasl_user = "ali";
	options.sasl_password = "sesame";
	return options;
}

static void ask_for_sasl(struct peer *peer, const struct tr_irc_connection_options *options)
{
	peer_connect(peer, options);
	peer_expect(peer, "USER ");
	peer_say(peer, ":irc.test CAP * LS :sasl=EXTERNAL,PLAIN\r\n");
	peer_expect(peer, "CAP REQ sasl\r\n");
	assert_false(peer_has(peer, "AUTHENTICATE"));
	peer_say(peer, ":irc.test CAP * ACK :sasl\r\n");
	peer_expect(peer, "AUTHENTICATE PLAIN\r\n");
}

/* InspIRCd writes ":+", Ergo "+". */
static void sasl_plain_logs_in_before_the_negotiation_ends(void **state)
{
	static const char *const prompts[] = {
		"AUTHENTICATE +\r\n", ":irc.test AUTHENTICATE :+\r\n"};
	struct peer *peer = *state;
	for (size_t i = 0; i < TR_ARRAY_LEN(prompts); i++) {
		struct tr_irc_connection_options options = sasl_options(peer);
		ask_for_sasl(peer, &options);
		peer_say(peer, prompts[i]);
		/* "ali" NUL "ali" NUL "sesame" */
		peer_expect(peer, "AUTHENTICATE YWxpAGFsaQBzZXNhbWU=\r\n");
		assert_false(peer_has(peer, "CAP END"));
		peer_say(peer, ":irc.test 900 * * ali :You are now logged in\r\n"
			       ":irc.test 903 * :SASL authentication successful\r\n");
		peer_expect(peer, "CAP END\r\n");
		peer_say(peer, WELCOME);
		RUN_WHILE(peer, peer->ready == 0);
		assert_int_equal(peer_count(peer, "CAP END"), 1);
		peer_reset(peer);
	}
}

static void a_refused_login_is_final_and_never_a_guest(void **state)
{
	static const char *const refusals[] = {
		":irc.test 904 alice :SASL authentication failed\r\n" WELCOME,
		":irc.test 908 alice EXTERNAL :are available\r\n"
		":irc.test 904 alice :SASL authentication failed\r\n",
		":irc.test 902 alice :You must use a nick assigned to you\r\n",
		":irc.test 905 alice :SASL message too long\r\n", WELCOME};
	struct peer *peer = *state;
	for (size_t i = 0; i < TR_ARRAY_LEN(refusals); i++) {
		struct tr_irc_connection_options options = sasl_options(peer);
		ask_for_sasl(peer, &options);
		peer_say(peer, "AUTHENTICATE +\r\n");
		peer_say(peer, refusals[i]);
		RUN_WHILE(peer, peer->closed == 0);
		assert_int_equal(peer->ready, 0);
		assert_int_equal(peer->error.code, TR_E_AUTH);
		assert_int_equal(peer->error.cls, TR_CLASS_DENIED);
		assert_null(strstr(peer->error.text, "sesame"));
		peer_reset(peer);
	}
}

static void a_server_without_sasl_plain_gets_no_guest(void **state)
{
	static const char *const answers[] = {
		":irc.test CAP * LS :sasl=EXTERNAL,SCRAM-SHA-256\r\n",
		":irc.test CAP * LS :message-tags\r\n",
		":irc.test CAP * LS :\r\n",
		":irc.test CAP * LS :sasl\r\n:irc.test CAP * NAK :sasl\r\n",
		":irc.test 421 * CAP :Unknown command\r\n" WELCOME,
	};
	struct peer *peer = *state;
	for (size_t i = 0; i < TR_ARRAY_LEN(answers); i++) {
		struct tr_irc_connection_options options = sasl_options(peer);
		peer_connect(peer, &options);
		peer_say(peer, answers[i]);
		RUN_WHILE(peer, peer->closed == 0);
		assert_int_equal(peer->ready, 0);
		assert_int_equal(peer->error.code, TR_E_AUTH);
		assert_int_equal(peer->error.cls, TR_CLASS_DENIED);
		assert_false(peer_has(peer, "AUTHENTICATE"));
		peer_reset(peer);
	}
}

static void long_credentials_go_in_pieces_of_400(void **state)
{
	/* 2 * 3 + 2 + length bytes, as base64 in 4 for 3. */
	static const struct {
		size_t password, pieces;
		bool plus;
	} cases[] = {{289, 1, false}, {292, 1, true}, {293, 2, false}, {592, 2, true}};
	struct peer *peer = *state;
	for (size_t i = 0; i < TR_ARRAY_LEN(cases); i++) {
		char password[600] = "";
		struct tr_irc_connection_options options = sasl_options(peer);
		memset(password, 'x', cases[i].password);
		options.sasl_password = password;
		ask_for_sasl(peer, &options);
		tr_buf_clear(&peer->got);
		peer_say(peer, "AUTHENTICATE +\r\nAUTHENTICATE +\r\nPING :end\r\n");
		peer_expect(peer, "PONG end\r\n");
		assert_int_equal(peer_count(peer, "AUTHENTICATE "),
			cases[i].pieces + (cases[i].plus ? 1 : 0));
		assert_int_equal(peer_has(peer, "AUTHENTICATE +\r\n"), cases[i].plus);
		struct tr_str rest = tr_buf_str(&peer->got);
		struct tr_str line;
		while (tr_str_split(&rest, '\n', &line)) {
			assert_true(line.len <= strlen("AUTHENTICATE ") + 400 + 1);
		}
		peer_reset(peer);
	}
}

static void credentials_wait_for_our_question(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = sasl_options(peer);
	peer_connect(peer, &options);
	peer_say(peer, "AUTHENTICATE +\r\nPING :end\r\n");
	peer_expect(peer, "PONG end\r\n");
	assert_false(peer_has(peer, "AUTHENTICATE"));
}

/* the server ends it */

static void errors_of_the_server_are_sorted(void **state)
{
	static const struct {
		const char *text;
		enum tr_error_class cls;
	} cases[] = {
		{"Closing Link: 127.0.0.1 (K-Lined)", TR_CLASS_DENIED},
		{"Closing link: (ali@127.0.0.1) [G-Lined: spam]", TR_CLASS_DENIED},
		{"Closing Link: alice[h] (User has been banned from X (y))", TR_CLASS_DENIED},
		{"You are banned from this server", TR_CLASS_DENIED},
		{"Closing Link: alice (Throttled: Reconnecting too fast)", TR_CLASS_RETRY_AFTER},
		{"Trying to reconnect too fast.", TR_CLASS_RETRY_AFTER},
		{"Closing Link: x (Too many user connections (global))", TR_CLASS_RETRY_AFTER},
		{"Closing Link: alice (Server is full)", TR_CLASS_RETRY_AFTER},
		{"Closing Link: banned[full.example.org] (Ping timeout: 120 seconds)",
			TR_CLASS_RETRY},
		{"Closing link: (banned@k-line.example.org) [Excess Flood]", TR_CLASS_RETRY},
		{"", TR_CLASS_RETRY},
	};
	struct peer *peer = *state;
	for (size_t i = 0; i < TR_ARRAY_LEN(cases); i++) {
		struct tr_irc_connection_options options = peer_options(peer);
		peer_connect(peer, &options);
		peer_say(peer, "ERROR :");
		peer_say(peer, cases[i].text);
		/* Ends also when the server leaves the socket open. */
		peer_say(peer, "\r\n" WELCOME);
		RUN_WHILE(peer, peer->closed == 0);
		assert_int_equal(peer->error.cls, cases[i].cls);
		assert_int_equal(peer->error.cls == TR_CLASS_RETRY_AFTER,
			peer->error.retry_after_ms >= 30000);
		assert_non_null(strstr(peer->error.text, cases[i].text));
		assert_int_equal(peer->ready, 0);
		peer_reset(peer);
	}
}

static void bans_and_wrong_passwords_are_denied(void **state)
{
	static const struct {
		const char *line;
		enum tr_error_code code;
	} cases[] = {
		{":irc.test 465 alice :You are banned from this server\r\n", TR_E_DENIED},
		{":irc.test 463 alice :Your host isn't among the privileged\r\n", TR_E_DENIED},
		{":irc.test 464 alice :Password incorrect\r\n", TR_E_AUTH},
	};
	struct peer *peer = *state;
	for (size_t i = 0; i < TR_ARRAY_LEN(cases); i++) {
		struct tr_irc_connection_options options = peer_options(peer);
		options.server_password = "topsecret";
		peer_connect(peer, &options);
		peer_say(peer, cases[i].line);
		peer_say(peer, "ERROR :Closing Link: 127.0.0.1 (Ping timeout)\r\n");
		RUN_WHILE(peer, peer->closed == 0);
		assert_int_equal(peer->error.code, cases[i].code);
		assert_int_equal(peer->error.cls, TR_CLASS_DENIED);
		assert_null(strstr(peer->error.text, "topsecret"));
		peer_reset(peer);
	}
}

static void a_lost_connection_is_tried_again(void **state)
{
	struct peer *peer = *state;
	peer_register(peer);
	peer_hang_up(peer);
	peer->ended = true;
	RUN_WHILE(peer, peer->closed == 0);
	assert_int_equal(peer->error.cls, TR_CLASS_RETRY);
	assert_int_equal(
		tr_irc_send_words(peer->connection, "PING", TR_STR("x"), none, none), TR_E_CLOSED);
	assert_false(tr_irc_connection_writable(peer->connection));
	tr_irc_connection_pause(peer->connection, true);
	assert_int_equal(tr_irc_connection_local_port(peer->connection), 0);
	peer_run_ms(peer, 20);
	assert_int_equal(peer->closed, 1);
}

static void nobody_listening_is_a_network_error(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = peer_options(peer);
	close(peer->listener);
	peer_connect(peer, &options);
	assert_int_equal(
		tr_irc_send_words(peer->connection, "PING", TR_STR("x"), none, none), TR_E_CLOSED);
	RUN_WHILE(peer, peer->closed == 0);
	assert_int_equal(peer->error.code, TR_E_NETWORK);
	peer->listener = socket(AF_INET, SOCK_STREAM, 0);
}

/* pings */

static void a_silent_server_is_asked_and_then_given_up(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = peer_options(peer);
	options.ping_interval_ms = 40;
	options.ping_timeout_ms = 120;
	peer_connect(peer, &options);
	peer_say(peer, WELCOME);
	peer_expect(peer, "PING keepalive\r\n");
	peer_say(peer, ":irc.test PONG irc.test :keepalive\r\n");
	uint64_t answered = tr_clock_mono_ms();
	RUN_WHILE(peer, peer_count(peer, "PING keepalive") < 2);
	assert_int_equal(peer->closed, 0);
	assert_int_equal(peer->line_count, 0);
	RUN_WHILE(peer, peer->closed == 0);
	assert_true(tr_clock_mono_ms() - answered >= 100);
	assert_int_equal(peer->error.code, TR_E_TIMEOUT);
	assert_int_equal(peer->error.cls, TR_CLASS_RETRY);
	assert_int_equal(peer_count(peer, "PING keepalive"), 2);
}

static void a_server_that_said_error_and_stays_is_given_up_too(void **state)
{
	struct peer *peer = *state;
	peer_register(peer);
	peer_say(peer, "ERROR :Closing Link: alice (whatever)\r\n:bob!b@h PRIVMSG alice :x\r\n");
	RUN_WHILE(peer, peer->closed == 0);
	assert_int_equal(peer->line_count, 0);
}

static void silence_while_we_do_not_read_is_no_sign(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = peer_options(peer);
	options.ping_interval_ms = 20;
	options.ping_timeout_ms = 60;
	peer_connect(peer, &options);
	peer_say(peer, WELCOME);
	RUN_WHILE(peer, peer->ready == 0);
	tr_irc_connection_pause(peer->connection, true);
	peer_say(peer, ":bob!b@h PRIVMSG alice :waits\r\n");
	peer_run_ms(peer, 150);
	assert_int_equal(peer->closed, 0);
	assert_int_equal(peer->line_count, 0);
	tr_irc_connection_pause(peer->connection, false);
	RUN_WHILE(peer, peer->line_count == 0);
	assert_int_equal(peer->closed, 0);
}

static void only_the_pong_of_the_keepalive_is_kept_back(void **state)
{
	struct peer *peer = *state;
	peer_register(peer);
	peer_say(peer, ":irc.test PONG irc.test keepalive\r\n:irc.test PONG irc.test :tr1\r\n"
		       "PONG\r\nPONG tr2\r\n");
	RUN_WHILE(peer, peer->line_count < 3);
	assert_string_equal(
		tr_buf_c(&peer->lines), ":irc.test PONG irc.test :tr1\nPONG\nPONG tr2\n");
}

static void pings_are_answered_in_every_state(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = peer_options(peer);
	peer_connect(peer, &options);
	peer_say(peer, "PING :123 cookie\r\n");
	peer_expect(peer, "PONG :123 cookie\r\n");
	peer_say(peer, WELCOME "PING\r\nPING a b\r\nPING ::x\r\nping low\r\n");
	peer_expect(peer, "PONG\r\nPONG a b\r\nPONG ::x\r\nPONG low\r\n");
	assert_int_equal(peer->line_count, 0);
}

/* sending */

static int send_tagged(struct peer *peer)
{
	const struct tr_irc_out_tag tags[] = {{"label", TR_STR("l1")}, {"+reply", TR_STR("m;1")}};
	const struct tr_irc_out line = {.tags = tags,
		.tag_count = 2,
		.command = "PRIVMSG",
		.params = {TR_STR("#a"), TR_STR("hello")},
		.param_count = 2,
		.trailing = true};
	return tr_irc_send(peer->connection, &line);
}

static void tags_go_out_only_as_negotiated(void **state)
{
	static const struct {
		const char *offer, *line;
	} cases[] = {
		{"batch", "\r\nPRIVMSG #a :hello\r\n"},
		{"batch labeled-response", "\r\n@label=l1 PRIVMSG #a :hello\r\n"},
		{"message-tags", "\r\n@+reply=m\\:1 PRIVMSG #a :hello\r\n"},
		{"message-tags labeled-response",
			"\r\n@label=l1;+reply=m\\:1 PRIVMSG #a :hello\r\n"},
	};
	struct peer *peer = *state;
	for (size_t i = 0; i < TR_ARRAY_LEN(cases); i++) {
		peer_register_with(peer,
			TR_IRC_CAP_BATCH | TR_IRC_CAP_MESSAGE_TAGS | TR_IRC_CAP_LABELED_RESPONSE,
			cases[i].offer);
		assert_int_equal(send_tagged(peer), 0);
		peer_expect(peer, cases[i].line);
		peer_reset(peer);
	}
}

static void what_is_not_utf8_does_not_go_to_a_server_that_wants_it(void **state)
{
	struct peer *peer = *state;
	peer_register(peer);
	assert_int_equal(
		tr_irc_send_words(peer->connection, "PRIVMSG", TR_STR("#a"), TR_STR("\xff"), none),
		0);
	peer_say(peer, ":irc.test 005 alice UTF8ONLY :are\r\n");
	RUN_WHILE(peer, peer->line_count == 0); /* the owner hears of it */
	assert_true(tr_irc_connection_isupport(peer->connection)->utf8_only);
	assert_int_equal(
		tr_irc_send_words(peer->connection, "PRIVMSG", TR_STR("#a"), TR_STR("\xfe"), none),
		TR_E_INVALID);
	assert_int_equal(tr_irc_send_words(peer->connection, "PRIVMSG", TR_STR("#a"),
				 TR_STR("gr\xc3\xbc\xc3\x9f"), none),
		0);
	peer_expect(peer, "PRIVMSG #a gr\xc3\xbc\xc3\x9f\r\n");
	assert_true(peer_has(peer, "\xff"));
	assert_false(peer_has(peer, "\xfe"));
}

static void lines_of_one_turn_are_one_write(void **state)
{
	struct peer *peer = *state;
	peer_register(peer);
	peer_run_ms(peer, 10);
	size_t before = peer->reads;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(tr_irc_send_words(peer->connection, "PRIVMSG", TR_STR("#a"),
					 TR_STR("some words"), none),
			0);
	}
	RUN_WHILE(peer, peer_count(peer, "PRIVMSG #a :some words\r\n") < 20);
	assert_int_equal(peer->reads, before + 1);
}

static void what_breaks_the_framing_is_refused(void **state)
{
	struct peer *peer = *state;
	peer_register(peer);
	assert_int_equal(tr_irc_send_words(peer->connection, "PRIVMSG", TR_STR("#a"),
				 TR_STR("x\r\nQUIT"), none),
		TR_E_INVALID);
	assert_int_equal(
		tr_irc_send_words(peer->connection, "JOIN", TR_STR("#a b"), TR_STR("key"), none),
		TR_E_INVALID);
	peer_run_ms(peer, 10);
	assert_false(peer_has(peer, "QUIT"));
}

static void a_full_queue_waits_and_drains(void **state)
{
	struct peer *peer = *state;
	char text[400];
	size_t sent = 0;
	peer_register(peer);
	memset(text, 'x', sizeof(text));
	while (tr_irc_connection_writable(peer->connection)) {
		assert_int_equal(tr_irc_send_words(peer->connection, "PRIVMSG", TR_STR("#a"),
					 tr_str_of(text, sizeof(text)), none),
			0);
		sent++;
		tr_loop_turn(peer->loop, false);
	}
	assert_int_equal(peer->drained, 0);
	RUN_WHILE(peer, peer->drained == 0);
	assert_true(tr_irc_connection_writable(peer->connection));
	RUN_WHILE(peer, peer_count(peer, "PRIVMSG") < sent);
}

static void a_server_that_takes_nothing_and_asks_on_is_given_up(void **state)
{
	struct peer *peer = *state;
	peer_register(peer);
	struct tr_buf pings = TR_BUF_INIT(GOT_MAX);
	for (int i = 0; i < 200; i++) {
		tr_buf_add_c(&pings, "PING :0123456789012345678901234567890123456789\r\n");
	}
	uint64_t start = tr_clock_mono_ms();
	while (peer->closed == 0) {
		(void)send(peer->fd, pings.data, pings.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		tr_loop_turn(peer->loop, true);
		assert_true(tr_clock_mono_ms() - start < GUARD_MS);
	}
	assert_int_equal(peer->error.code, TR_E_NETWORK);
	tr_buf_finish(&pings);
}

/* text_max */

static size_t text_max(const struct peer *peer)
{
	return tr_irc_connection_text_max(peer->connection, "PRIVMSG", TR_STR("#chan"));
}

static size_t whole(const char *prefix)
{
	return 512 - strlen(prefix) - strlen(" PRIVMSG #chan :\r\n");
}

static void say_and_settle(struct peer *peer, const char *line)
{
	peer_say(peer, line);
	peer_say(peer, "PING :settle\r\n");
	tr_buf_clear(&peer->got);
	peer_expect(peer, "PONG settle\r\n");
}

static void the_room_for_text_follows_our_prefix(void **state)
{
	struct peer *peer = *state;
	peer_register(peer);
	size_t unknown = text_max(peer);
	assert_true(unknown <= whole(":alice!~alialiali@") - 63);
	assert_true(unknown >= 380);
	say_and_settle(peer, ":alice!~ali@host.example.org JOIN #chan\r\n");
	assert_int_equal(text_max(peer), whole(":alice!~ali@host.example.org"));
	/* An answer of the history shows somebody else's old prefix. */
	say_and_settle(peer, "@batch=h :alice!a@b PRIVMSG #chan :old\r\n");
	say_and_settle(peer, ":bob!b@h JOIN #chan\r\n");
	assert_int_equal(text_max(peer), whole(":alice!~ali@host.example.org"));
	say_and_settle(peer, ":alice!~ali@host.example.org CHGHOST ali user/ali\r\n");
	assert_int_equal(text_max(peer), whole(":alice!ali@user/ali"));
	say_and_settle(peer, ":irc.test 396 alice cloak-1234.example :is now your host\r\n");
	assert_int_equal(text_max(peer), whole(":alice!ali@cloak-1234.example"));
	say_and_settle(peer, ":irc.test 396 alice ali@cloak2 :is now your host\r\n");
	assert_int_equal(text_max(peer), whole(":alice!ali@cloak2"));
	say_and_settle(peer, ":alice!ali@cloak2 NICK :carola\r\n");
	assert_int_equal(text_max(peer), whole(":carola!ali@cloak2"));
}

static void a_cloak_before_the_end_of_registration_counts(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = peer_options(peer);
	peer_connect(peer, &options);
	peer_say(peer, ":irc.test 001 alice :Welcome\r\n"
		       ":irc.test 396 alice cloak.example :is now your displayed host\r\n"
		       ":alice!ali@cloak.example NICK :guest12\r\n"
		       ":irc.test 376 guest12 :End\r\n");
	RUN_WHILE(peer, peer->ready == 0);
	assert_int_equal(text_max(peer), whole(":guest12!ali@cloak.example"));
	assert_string_equal(tr_irc_connection_nick(peer->connection), "guest12");
}

static void absurd_lengths_leave_room_for_some_text(void **state)
{
	struct peer *peer = *state;
	struct tr_buf line = TR_BUF_INIT(GOT_MAX);
	peer_register(peer);
	tr_buf_add_c(&line, ":alice!u@");
	for (int i = 0; i < 7000; i++) {
		tr_buf_add_char(&line, 'h');
	}
	tr_buf_add_c(&line, " JOIN #chan\r\n");
	say_and_settle(peer, tr_buf_c(&line));
	assert_int_equal(text_max(peer), 64);
	tr_buf_finish(&line);
}

/* quitting and destroying */

static void quit_sends_what_is_queued_and_says_why(void **state)
{
	struct peer *peer = *state;
	peer_register(peer);
	tr_irc_send_words(peer->connection, "PRIVMSG", TR_STR("#a"), TR_STR("last words"), none);
	tr_irc_connection_quit(peer->connection, TR_STR("I am banned, full and throttled"));
	tr_irc_connection_quit(peer->connection, TR_STR("again"));
	assert_int_equal(peer->closed, 0);
	RUN_WHILE(peer, !peer->ended);
	assert_true(
		peer_has(peer, "PRIVMSG #a :last words\r\nQUIT :I am banned, full and throttled"));
	/* What the server still says is heard, e.g. confirmations; its farewell is no ban. */
	peer_say(peer, ":irc.test PONG irc.test :tr5\r\n"
		       "ERROR :Closing Link: alice (Quit: I am banned, full)\r\n");
	RUN_WHILE(peer, peer->closed == 0);
	assert_string_equal(tr_buf_c(&peer->lines), ":irc.test PONG irc.test :tr5\n");
	assert_int_equal(peer->error.code, TR_E_CLOSED);
	assert_int_equal(peer->error.cls, TR_CLASS_RETRY);
}

static void quit_before_the_connection_is_there_gives_up(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = peer_options(peer);
	peer_connect(peer, &options);
	tr_irc_connection_quit(peer->connection, TR_STR("bye"));
	assert_int_equal(peer->closed, 0);
	RUN_WHILE(peer, peer->closed == 0);
	assert_int_equal(peer->error.code, TR_E_CANCELED);
	tr_irc_connection_quit(peer->connection, TR_STR("bye"));
	peer_run_ms(peer, 10);
	assert_int_equal(peer->closed, 1);
}

static void destroying_inside_a_callback_ends_everything(void **state)
{
	struct peer *peer = *state;
	for (int in = IN_READY; in <= IN_CLOSE; in++) {
		struct tr_irc_connection_options options = peer_options(peer);
		char text[400];
		peer->destroy_in = (enum peer_callback)in;
		peer->next_nick = "alice1";
		peer_connect(peer, &options);
		peer_expect(peer, "USER ");
		if (in == IN_NICK_REFUSED) {
			peer_say(peer, ":irc.test 433 * alice :in use\r\n");
		}
		if (in == IN_DRAIN) {
			peer_say(peer, WELCOME);
			RUN_WHILE(peer, peer->ready == 0);
			memset(text, 'x', sizeof(text));
			while (tr_irc_connection_writable(peer->connection)) {
				tr_irc_send_words(peer->connection, "PRIVMSG", TR_STR("#a"),
					tr_str_of(text, sizeof(text)), none);
				tr_loop_turn(peer->loop, false);
			}
		} else {
			/* The middle of a burst: what follows must not be heard, half a line must
			 * not be leaked. */
			peer_say(peer, WELCOME ":bob!b@h PRIVMSG alice :1\r\n"
					       ":bob!b@h PRIVMSG alice :2\r\n"
					       ":bob!b@h PRIVMSG ali");
		}
		if (in == IN_CLOSE) {
			RUN_WHILE(peer, peer->line_count < 2);
			peer_say(peer, "\r\nERROR :bye\r\n:bob!b@h PRIVMSG alice :3\r\n");
		}
		RUN_WHILE(peer, peer->connection != NULL);
		peer_run_ms(peer, 5);
		assert_true(peer->line_count <= (in == IN_LINE ? 1U : in == IN_CLOSE ? 3U : 0U));
		peer->destroy_in = IN_NONE;
		peer_reset(peer);
	}
}

static void destroying_at_any_moment_is_clean(void **state)
{
	struct peer *peer = *state;
	tr_irc_connection_destroy(NULL);
	for (int turns = 0; turns < 12; turns++) {
		struct tr_irc_connection_options options = peer_options(peer);
		peer_connect(peer, &options);
		for (int i = 0; i < turns; i++) {
			peer_turn(peer, true);
			if (i == 5) {
				peer_say(peer, WELCOME ":bob!b@h PRIV");
			}
		}
		if (turns % 3 == 1) {
			tr_irc_connection_quit(peer->connection, TR_STR("bye"));
		} else {
			tr_irc_send_words(peer->connection, "PING", TR_STR("pending"), none, none);
		}
		tr_irc_connection_destroy(peer->connection);
		peer->connection = NULL;
		peer_run_ms(peer, 3);
		assert_int_equal(peer->closed, 0);
		peer_reset(peer);
	}
}

static void dropped_lines_are_not_passed_on(void **state)
{
	struct peer *peer = *state;
	peer->drops = "noise";
	peer_register(peer);
	peer_say(peer, ":bob!b@h PRIVMSG #a :noise\r\n:bob!b@h PRIVMSG #a :signal\r\n");
	RUN_WHILE(peer, peer->line_count == 0);
	assert_string_equal(tr_buf_c(&peer->lines), ":bob!b@h PRIVMSG #a :signal\n");
}

static void lines_may_come_in_pieces_and_be_nonsense(void **state)
{
	struct peer *peer = *state;
	static const char bytes[] =
		":bob!b@h PRIVMSG alice :one\r\n\r\n  \r\n:only.prefix\r\n@tag\r\n"
		":b 12 x\r\n:bob!b@h PRIVMSG alice :two\n";
	peer_register(peer);
	for (size_t i = 0; i + 1 < sizeof(bytes); i++) {
		peer_send(peer, tr_str_of(bytes + i, 1));
		peer_turn(peer, false);
	}
	peer_send(peer, tr_str_of("x\0y\r\n", 5));
	RUN_WHILE(peer, peer->line_count < 2);
	assert_string_equal(tr_buf_c(&peer->lines),
		":bob!b@h PRIVMSG alice :one\n:bob!b@h PRIVMSG alice :two\n");
}

static void an_over_long_line_is_dropped_and_the_next_one_heard(void **state)
{
	struct peer *peer = *state;
	struct tr_buf line = TR_BUF_INIT(GOT_MAX);
	peer_register(peer);
	for (size_t i = 0; i < 200000; i++) {
		tr_buf_add_char(&line, 'x');
	}
	tr_buf_add_c(&line, "\r\n:bob!b@h PRIVMSG alice :after\r\n");
	peer_send(peer, tr_buf_str(&line));
	RUN_WHILE(peer, peer->line_count == 0);
	assert_string_equal(tr_buf_c(&peer->lines), ":bob!b@h PRIVMSG alice :after\n");
	tr_buf_finish(&line);
}

/* S24: ngircd CVE-2013-5580, CVE-2013-1747, CVE-2008-0285, CVE-2007-6062; soju 8e0c256, 27f21ea. */
static void add_numeric_in_every_shape(struct tr_buf *out, const char *command)
{
	for (int count = 0; count <= 17; count++) {
		tr_buf_addf(out, ":irc.test %s", command);
		for (int i = 0; i < count; i++) {
			tr_buf_add_c(out, i == 0 ? " alice" : " p");
		}
		tr_buf_add_c(out, "\r\n");
	}
	tr_buf_addf(
		out, "%s\r\n:irc.test %s :\r\n:irc.test %s alice :\r\n", command, command, command);
	tr_buf_addf(out, ":irc.test %s alice \xff\xfe\xc3 :\x80\xf5\xed\xa0\x80\r\n", command);
	tr_buf_addf(out, ":irc.test %s alice ", command);
	for (int i = 0; i < 8191; i++) {
		tr_buf_add_char(out, i % 9 == 8 ? ' ' : 'x');
	}
	tr_buf_addf(out, "\r\n:irc.test %s :", command);
	for (int i = 0; i < 8191; i++) {
		tr_buf_add_char(out, 'x');
	}
	tr_buf_add_c(out, "\r\n");
}

static void in_every_shape(struct peer *peer, const char *command, bool registered)
{
	struct tr_irc_connection_options options = peer_options(peer);
	struct tr_buf burst = TR_BUF_INIT(GOT_MAX);
	options.caps_wanted = ~0U;
	peer_connect(peer, &options);
	peer_expect(peer, "USER ");
	if (registered) {
		peer_say(peer, WELCOME);
		RUN_WHILE(peer, peer->ready == 0);
	}
	add_numeric_in_every_shape(&burst, command);
	tr_buf_add_c(&burst, "PING :shapes-done\r\n");
	/* Not peer_send(): the connection may end in the middle. */
	size_t done = 0;
	while (done < burst.len && peer->closed == 0) {
		ssize_t count = send(peer->fd, burst.data + done, burst.len - done, MSG_NOSIGNAL);
		done += count > 0 ? (size_t)count : 0;
		peer_turn(peer, false);
	}
	RUN_WHILE(peer, peer->closed == 0 && !peer_has(peer, "PONG shapes-done"));
	tr_buf_finish(&burst);
	peer_reset(peer);
}

static void s24_no_numeric_in_any_shape_breaks_the_registration(void **state)
{
	struct peer *peer = *state;
	char command[16];
	peer->next_nick = "alice9";
	for (int numeric = 1; numeric <= 999; numeric++) {
		(void)snprintf(command, sizeof(command), "%03d", numeric);
		in_every_shape(peer, command, false);
	}
}

static void s24_no_numeric_in_any_shape_breaks_the_connection(void **state)
{
	struct peer *peer = *state;
	char command[16];
	for (int numeric = 1; numeric <= 999; numeric++) {
		(void)snprintf(command, sizeof(command), "%03d", numeric);
		in_every_shape(peer, command, true);
	}
}

static void s24_no_command_in_any_shape_breaks_anything(void **state)
{
	static const char *const commands[] = {"CAP", "AUTHENTICATE", "PING", "PONG", "ERROR",
		"NICK", "JOIN", "PART", "KICK", "MODE", "QUIT", "CHGHOST", "BATCH", "TAGMSG",
		"FAIL", "CAP x LS", "CAP x NEW", "CAP x DEL", "CAP x ACK", "CAP x NAK",
		"CAP x LS *"};
	struct peer *peer = *state;
	for (size_t i = 0; i < TR_ARRAY_LEN(commands); i++) {
		in_every_shape(peer, commands[i], false);
		in_every_shape(peer, commands[i], true);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, peer_setup, peer_teardown)
	const struct CMUnitTest tests[] = {
		TEST(plain_registration_sends_all_in_one_write_and_gets_ready),
		TEST(a_server_that_does_not_know_cap_registers_us_all_the_same),
		TEST(a_server_that_is_silent_about_cap_registers_us_all_the_same),
		TEST(a_list_of_several_lines_is_waited_for),
		TEST(an_empty_list_ends_the_negotiation),
		TEST(capabilities_come_and_go_later),
		TEST(a_nick_in_use_gives_way_to_another),
		TEST(no_other_nick_ends_the_connection),
		TEST(the_nick_of_001_is_ours),
		TEST(a_new_nick_is_taken_in_and_passed_on_as_ours),
		TEST(a_registration_that_does_not_end_times_out),
		TEST(names_that_break_the_framing_do_not_get_out),
		TEST(sasl_plain_logs_in_before_the_negotiation_ends),
		TEST(a_refused_login_is_final_and_never_a_guest),
		TEST(a_server_without_sasl_plain_gets_no_guest),
		TEST(long_credentials_go_in_pieces_of_400),
		TEST(credentials_wait_for_our_question),
		TEST(errors_of_the_server_are_sorted),
		TEST(bans_and_wrong_passwords_are_denied),
		TEST(a_lost_connection_is_tried_again),
		TEST(nobody_listening_is_a_network_error),
		TEST(a_silent_server_is_asked_and_then_given_up),
		TEST(a_server_that_said_error_and_stays_is_given_up_too),
		TEST(silence_while_we_do_not_read_is_no_sign),
		TEST(only_the_pong_of_the_keepalive_is_kept_back),
		TEST(pings_are_answered_in_every_state),
		TEST(tags_go_out_only_as_negotiated),
		TEST(what_is_not_utf8_does_not_go_to_a_server_that_wants_it),
		TEST(lines_of_one_turn_are_one_write),
		TEST(what_breaks_the_framing_is_refused),
		TEST(a_full_queue_waits_and_drains),
		TEST(a_server_that_takes_nothing_and_asks_on_is_given_up),
		TEST(the_room_for_text_follows_our_prefix),
		TEST(a_cloak_before_the_end_of_registration_counts),
		TEST(absurd_lengths_leave_room_for_some_text),
		TEST(quit_sends_what_is_queued_and_says_why),
		TEST(quit_before_the_connection_is_there_gives_up),
		TEST(destroying_inside_a_callback_ends_everything),
		TEST(destroying_at_any_moment_is_clean),
		TEST(dropped_lines_are_not_passed_on),
		TEST(lines_may_come_in_pieces_and_be_nonsense),
		TEST(an_over_long_line_is_dropped_and_the_next_one_heard),
		TEST(s24_no_numeric_in_any_shape_breaks_the_registration),
		TEST(s24_no_numeric_in_any_shape_breaks_the_connection),
		TEST(s24_no_command_in_any_shape_breaks_anything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
