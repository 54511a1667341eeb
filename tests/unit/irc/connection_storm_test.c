/* SPDX-License-Identifier: Apache-2.0 */
/* S24: every numeric in every shape, while a connection registers and afterwards, with a login to
 * make and without. */
#include "irc_peer.h"

enum { LONG = 8191, STORM_MAX = 32 * 1024 * 1024 };

/* Whether a server says by it that it is over, which is to be believed. */
static bool ends(int numeric, bool registering)
{
	return numeric == 463 || numeric == 465 || numeric == 466 ||
	       (registering &&
		       (numeric == 1 || numeric == 376 || numeric == 422 || numeric == 464));
}

static void add_shapes(struct tr_buf *out, int numeric, const char *long_word)
{
	for (int count = 0; count <= TR_IRC_PARAMS_MAX; count++) {
		tr_buf_addf(out, ":irc.test %03d", numeric);
		for (int i = 0; i < count; i++) {
			tr_buf_addf(out, i == 0 ? " alice" : i % 2 ? " #a" : " 3");
		}
		tr_buf_add_c(out, count % 2 ? " :\r\n" : "\r\n");
	}
	tr_buf_addf(out, ":irc.test %03d alice :%s\r\n", numeric, long_word);
	tr_buf_addf(out, ":irc.test %03d %s alice\r\n", numeric, long_word);
	tr_buf_addf(out, "@%s=x :irc.test %03d alice x\r\n", long_word, numeric);
	tr_buf_addf(out, ":irc.test %03d \xff\xfe #a \x80 :\xc3(\xf0\x9f\r\n", numeric);
}

static void storm(struct peer *peer, bool registering)
{
	char long_word[LONG + 1];
	struct tr_buf lines = TR_BUF_INIT(STORM_MAX);
	memset(long_word, 'x', LONG);
	long_word[LONG] = '\0';
	for (int numeric = 0; numeric < 1000; numeric++) {
		if (!ends(numeric, registering)) {
			tr_buf_clear(&lines);
			add_shapes(&lines, numeric, long_word);
			peer_send(peer, tr_buf_str(&lines));
			tr_buf_clear(&peer->lines);
			tr_buf_clear(&peer->refused);
		}
	}
	tr_buf_finish(&lines);
}

static void every_numeric_is_survived(struct peer *peer, struct tr_irc_connection_options *options)
{
	peer->next_nick = "alice";
	peer_connect(peer, options);
	peer_expect(peer, "USER ");
	storm(peer, true);
	assert_int_equal(peer->closed + peer->ready, 0);
	peer_say(peer, WELCOME);
	RUN_WHILE(peer, peer->ready == 0);
	assert_string_equal(tr_irc_connection_nick(peer->connection), "alice");
	storm(peer, false);
	peer_say(peer, "PING :over\r\n");
	peer_expect(peer, "PONG over\r\n");
	assert_int_equal(peer->closed, 0);
}

static void every_numeric_in_every_shape_is_survived(void **state)
{
	struct tr_irc_connection_options options = peer_options(*state);
	options.caps_wanted = ~0u & ~(unsigned)TR_IRC_CAP_SASL;
	every_numeric_is_survived(*state, &options);
}

static void every_numeric_is_survived_where_a_login_may_lack(void **state)
{
	struct tr_irc_connection_options options = peer_options(*state);
	options.sasl_user = "ali";
	options.sasl_password = "sesame";
	options.sasl_optional = true;
	every_numeric_is_survived(*state, &options);
	assert_false(tr_irc_connection_logged_in(((struct peer *)*state)->connection));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			every_numeric_in_every_shape_is_survived, peer_setup, peer_teardown),
		cmocka_unit_test_setup_teardown(every_numeric_is_survived_where_a_login_may_lack,
			peer_setup, peer_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
