/* SPDX-License-Identifier: Apache-2.0 */
/* A connection over TLS: registration, lines both ways, and a certificate of another host. */
#include "../io/tls_peer.h"
#include "bridges/irc/connection.h"

#include <stdlib.h>

static struct {
	char dir[64];
	char ca_file[96];
	struct identity ca, good, other;
} world;

static int world_setup(void **state)
{
	const struct identity *ca = &world.ca;
	(void)state;
	(void)snprintf(world.dir, sizeof(world.dir), "/tmp/connection_tls_test.XXXXXX");
	assert_non_null(mkdtemp(world.dir));
	(void)snprintf(world.ca_file, sizeof(world.ca_file), "%s/ca.pem", world.dir);
	world.ca = identity_make(&(struct identity_options){.name = "CA", .authority = true});
	world.good = identity_make(&(struct identity_options){
		.name = "good", .alt_names = "IP:127.0.0.1", .from = ca});
	world.other = identity_make(&(struct identity_options){
		.name = "other", .alt_names = "DNS:irc.example.com", .from = ca});
	identity_save(&world.ca, world.ca_file, false);
	return 0;
}

static int world_teardown(void **state)
{
	(void)state;
	identity_finish(&world.ca);
	identity_finish(&world.good);
	identity_finish(&world.other);
	(void)unlink(world.ca_file);
	(void)rmdir(world.dir);
	return 0;
}

struct seen {
	struct tr_irc_connection *connection;
	int ready, lines, closed;
	struct tr_error error;
};

static void on_ready(void *arg)
{
	struct seen *seen = arg;
	seen->ready++;
	tr_irc_send_words(seen->connection, "PRIVMSG", TR_STR("#a"), TR_STR("over TLS"),
		(struct tr_str){NULL, 0});
}

static void on_line(void *arg, const struct tr_irc_line *line)
{
	struct seen *seen = arg;
	(void)line;
	seen->lines++;
}

static bool on_nick_refused(void *arg, const char *refused, int numeric, struct tr_buf *nick)
{
	(void)arg;
	(void)refused;
	(void)numeric;
	(void)nick;
	return false;
}

static void on_close(void *arg, const struct tr_error *error)
{
	struct seen *seen = arg;
	seen->closed++;
	seen->error = *error;
}

static const struct tr_irc_connection_handler handler = {
	.on_ready = on_ready,
	.on_line = on_line,
	.on_nick_refused = on_nick_refused,
	.on_close = on_close,
};

/* Registers the client, sends 200 lines in one record, and keeps what it gets up to the end. */
static void talk_irc(struct server *server, SSL *ssl)
{
	char bytes[4096];
	struct tr_buf burst = TR_BUF_INIT(65536);
	tr_buf_add_c(&burst, ":irc 001 alice :Welcome\r\n:irc 376 alice :End\r\n");
	for (int i = 0; i < 200; i++) {
		tr_buf_add_c(&burst, ":bob!b@h PRIVMSG alice :a line of many in one record\r\n");
	}
	(void)SSL_write(ssl, burst.data, (int)burst.len);
	tr_buf_finish(&burst);
	for (;;) {
		int count = SSL_read(ssl, bytes, sizeof(bytes));
		if (count <= 0) {
			break;
		}
		tr_buf_add(&server->got, tr_str_of(bytes, (size_t)count));
	}
}

static void run(struct client *client, const struct identity *identity, struct seen *seen,
	struct server *server)
{
	struct tls_server manners = {.identity = identity, .talk = talk_irc};
	const struct tr_tls_options trust = {.ca_file = world.ca_file};
	server->arg = &manners;
	server_start(server, serve_tls);
	const struct tr_irc_connection_options options = {
		.host = "127.0.0.1",
		.port = server->port,
		.tls = tr_tls_create(&trust, NULL),
		.nick = "alice",
		.username = "ali",
		.realname = "Alice",
	};
	assert_non_null(options.tls);
	seen->connection = tr_irc_connection_create(client->loop, &options, &handler, seen);
	tr_tls_destroy(options.tls);
	RUN_WHILE(client, seen->lines < 200 && seen->closed == 0);
	tr_irc_connection_quit(seen->connection, TR_STR("done"));
	RUN_WHILE(client, seen->closed == 0);
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	server->running = false;
	tr_irc_connection_destroy(seen->connection);
}

static void lines_go_both_ways_over_tls(void **state)
{
	struct server server = {0};
	struct seen seen = {0};
	run(*state, &world.good, &seen, &server);
	assert_int_equal(seen.ready, 1);
	assert_int_equal(seen.lines, 200);
	assert_non_null(strstr(tr_buf_c(&server.got), "USER ali 8 * :Alice\r\n"));
	assert_non_null(strstr(tr_buf_c(&server.got), "PRIVMSG #a :over TLS\r\nQUIT done\r\n"));
	server_finish(&server);
}

static void s18_the_certificate_of_another_host_is_refused_before_a_word_is_said(void **state)
{
	struct server server = {0};
	struct seen seen = {0};
	run(*state, &world.other, &seen, &server);
	assert_int_equal(seen.error.code, TR_E_TLS);
	assert_int_equal(seen.ready, 0);
	assert_null(strstr(tr_buf_c(&server.got), "NICK"));
	server_finish(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			lines_go_both_ways_over_tls, client_setup, client_teardown),
		cmocka_unit_test_setup_teardown(
			s18_the_certificate_of_another_host_is_refused_before_a_word_is_said,
			client_setup, client_teardown),
	};
	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
