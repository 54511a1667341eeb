/* SPDX-License-Identifier: Apache-2.0 */
/* Logging in on a connection that is ready: services came back. A refusal ends nothing. */
#include "core/base/encode.h"
#include "irc_peer.h"

#include <stdio.h>
#include <string.h>

/* What comes of logins, beside what the peer keeps. */
static struct {
	int offered, ended;
	bool failed, destroy;
	struct tr_error error;
} seen;

static void on_sasl(void *arg)
{
	(void)arg;
	seen.offered++;
}

static void on_login(void *arg, const struct tr_error *error)
{
	struct peer *peer = arg;
	seen.ended++;
	seen.failed = error != NULL;
	if (error != NULL) {
		seen.error = *error;
	}
	if (seen.destroy) {
		tr_irc_connection_destroy(peer->connection);
		peer->connection = NULL;
	}
}

static struct tr_irc_connection_handler handler;

static int setup(void **state)
{
	memset(&seen, 0, sizeof(seen));
	handler = peer_handler;
	handler.on_sasl = on_sasl;
	handler.on_login = on_login;
	return peer_setup(state);
}

static const struct tr_irc_connection_options login = {
	.sasl_user = "ali", .sasl_password = "sesame"};

/* Lines up to this one are taken in. */
static void settle(struct peer *peer)
{
	static unsigned number;
	char line[64];
	number++;
	(void)snprintf(line, sizeof(line), "PING :settle%u\r\n", number);
	peer_say(peer, line);
	(void)snprintf(line, sizeof(line), "PONG settle%u\r\n", number);
	peer_expect(peer, line);
}

/* A guest on a server whose services are away. */
static void connect_guest(struct peer *peer)
{
	struct tr_irc_connection_options options = peer_options(peer);
	options.sasl_user = "ali";
	options.sasl_password = "sesame";
	options.sasl_optional = true;
	options.caps_wanted = TR_IRC_CAP_CAP_NOTIFY;
	peer->connection = tr_irc_connection_create(peer->loop, &options, &handler, peer);
	peer_expect(peer, "USER ");
	peer_say(peer, ":irc.test CAP * LS :cap-notify\r\n:irc.test CAP * ACK :cap-notify\r\n");
	peer_expect(peer, "CAP END\r\n");
	peer_say(peer, WELCOME);
	RUN_WHILE(peer, peer->ready == 0);
	assert_false(tr_irc_connection_logged_in(peer->connection));
}

/* .. and they have come back; up to the name of the mechanism. */
static void begin_login(struct peer *peer)
{
	connect_guest(peer);
	assert_int_equal(tr_irc_connection_login(peer->connection, &login), TR_E_UNSUPPORTED);
	peer_say(peer, ":irc.test CAP alice NEW :sasl=PLAIN\r\n");
	settle(peer);
	assert_int_equal(seen.offered, 1);
	assert_int_equal(tr_irc_connection_login(peer->connection, &login), 0);
	assert_int_equal(tr_irc_connection_login(peer->connection, &login), TR_E_EXISTS);
	peer_expect(peer, "CAP REQ sasl\r\n");
	peer_say(peer, ":irc.test CAP alice ACK :sasl\r\n");
	peer_expect(peer, "AUTHENTICATE PLAIN\r\n");
	assert_int_equal(seen.ended, 0);
}

static void say_password(struct peer *peer)
{
	peer_say(peer, "AUTHENTICATE +\r\n");
	peer_expect(peer, "AUTHENTICATE YWxpAGFsaQBzZXNhbWU=\r\n");
}

static void a_guest_logs_in_when_services_come_back(void **state)
{
	struct peer *peer = *state;
	begin_login(peer);
	say_password(peer);
	peer_say(peer, ":irc.test 900 alice alice!a@h ali :You are now logged in as ali\r\n"
		       ":irc.test 903 alice :SASL authentication successful\r\n");
	settle(peer);
	assert_int_equal(seen.ended, 1);
	assert_false(seen.failed);
	assert_true(tr_irc_connection_logged_in(peer->connection));
	assert_int_equal(peer->closed, 0);
	assert_int_equal(peer_count(peer, "CAP END"), 1);
}

static void a_refusal_is_told_and_the_connection_goes_on(void **state)
{
	struct peer *peer = *state;
	begin_login(peer);
	say_password(peer);
	peer_say(peer, ":irc.test 904 alice :SASL authentication failed\r\n");
	settle(peer);
	assert_int_equal(seen.ended, 1);
	assert_true(seen.failed);
	assert_int_equal(seen.error.code, TR_E_AUTH);
	assert_int_equal(seen.error.cls, TR_CLASS_DENIED);
	assert_int_equal(seen.error.status, 904);
	assert_null(strstr(seen.error.text, "sesame"));
	assert_int_equal(peer->closed, 0);
	assert_false(tr_irc_connection_logged_in(peer->connection));
	/* Once more, without asking for the capability again. */
	assert_int_equal(tr_irc_connection_login(peer->connection, &login), 0);
	settle(peer);
	assert_int_equal(peer_count(peer, "AUTHENTICATE PLAIN"), 2);
	assert_int_equal(peer_count(peer, "CAP REQ sasl"), 1);
}

static void a_server_that_has_no_sasl_after_all_says_so_in_many_ways(void **state)
{
	static const char *const answers[] = {
		":irc.test 421 alice AUTHENTICATE :Unknown command\r\n",
		":irc.test 462 alice :You may not reregister\r\n",
		":irc.test CAP alice DEL :sasl\r\n",
	};
	struct peer *peer = *state;
	for (size_t i = 0; i < TR_ARRAY_LEN(answers); i++) {
		memset(&seen, 0, sizeof(seen));
		begin_login(peer);
		peer_say(peer, answers[i]);
		settle(peer);
		assert_int_equal(seen.ended, 1);
		assert_int_equal(seen.error.code, TR_E_UNSUPPORTED);
		assert_int_equal(peer->closed, 0);
		peer_reset(peer);
	}
}

static void a_refused_capability_ends_the_login_only(void **state)
{
	struct peer *peer = *state;
	connect_guest(peer);
	peer_say(peer, ":irc.test CAP alice NEW :sasl\r\n");
	settle(peer);
	assert_int_equal(tr_irc_connection_login(peer->connection, &login), 0);
	peer_expect(peer, "CAP REQ sasl\r\n");
	peer_say(peer, ":irc.test CAP alice NAK :sasl\r\n");
	settle(peer);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(seen.error.code, TR_E_UNSUPPORTED);
	assert_int_equal(peer->closed, 0);
}

static void services_that_go_again_in_the_middle_may_be_asked_again(void **state)
{
	struct peer *peer = *state;
	begin_login(peer);
	peer_say(peer, ":irc.test 906 alice :SASL authentication aborted\r\n");
	settle(peer);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(seen.error.cls, TR_CLASS_RETRY);
	assert_int_equal(seen.error.code, TR_E_UNAVAILABLE);
}

static void no_mechanism_in_common_is_known_at_once(void **state)
{
	struct peer *peer = *state;
	connect_guest(peer);
	peer_say(peer, ":irc.test CAP alice NEW :sasl=EXTERNAL,ECDSA\r\n");
	settle(peer);
	assert_int_equal(tr_irc_connection_login(peer->connection, &login), TR_E_UNSUPPORTED);
	/* What is named next time counts. */
	peer_say(peer, ":irc.test CAP alice DEL :sasl\r\n:irc.test CAP alice NEW :sasl\r\n");
	settle(peer);
	assert_int_equal(tr_irc_connection_login(peer->connection, &login), 0);
	assert_int_equal(seen.offered, 2);
}

static void a_login_that_is_given_up_says_nothing_more(void **state)
{
	struct peer *peer = *state;
	begin_login(peer);
	tr_irc_connection_login_stop(peer->connection);
	peer_expect(peer, "AUTHENTICATE *\r\n");
	peer_say(peer, ":irc.test 906 alice :SASL authentication aborted\r\nAUTHENTICATE +\r\n");
	settle(peer);
	assert_int_equal(seen.ended, 0);
	assert_int_equal(peer_count(peer, "YWxp"), 0);
	tr_irc_connection_login_stop(peer->connection);
}

static void the_connection_may_be_destroyed_when_a_login_ends(void **state)
{
	struct peer *peer = *state;
	begin_login(peer);
	seen.destroy = true;
	peer_say(peer, ":irc.test 904 alice :no\r\n:irc.test 903 alice :yes\r\n");
	RUN_WHILE(peer, seen.ended == 0);
	RUN_WHILE(peer, !peer->ended);
	assert_int_equal(seen.ended, 1);
}

static void what_the_server_says_of_a_login_counts(void **state)
{
	struct peer *peer = *state;
	connect_guest(peer);
	peer_say(peer, ":irc.test 900 alice alice!a@h ali :You are now logged in as ali\r\n");
	settle(peer);
	assert_true(tr_irc_connection_logged_in(peer->connection));
	peer_say(peer, ":irc.test 901 alice alice!a@h :You are now logged out\r\n");
	settle(peer);
	assert_false(tr_irc_connection_logged_in(peer->connection));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, peer_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_guest_logs_in_when_services_come_back),
		TEST(a_refusal_is_told_and_the_connection_goes_on),
		TEST(a_server_that_has_no_sasl_after_all_says_so_in_many_ways),
		TEST(a_refused_capability_ends_the_login_only),
		TEST(services_that_go_again_in_the_middle_may_be_asked_again),
		TEST(no_mechanism_in_common_is_known_at_once),
		TEST(a_login_that_is_given_up_says_nothing_more),
		TEST(the_connection_may_be_destroyed_when_a_login_ends),
		TEST(what_the_server_says_of_a_login_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
