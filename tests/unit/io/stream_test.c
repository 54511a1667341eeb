/* SPDX-License-Identifier: Apache-2.0 */
/* Plain streams against real sockets on loopback. */
#include "stream_peer.h"

#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>

struct fake_info {
	struct addrinfo info;
	union {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address;
};

static struct addrinfo *fake_address(int family, uint32_t v4, struct addrinfo *next)
{
	struct fake_info *fake = tr_alloc(sizeof(*fake));

	fake->info.ai_family = family;
	fake->info.ai_socktype = SOCK_STREAM;
	fake->info.ai_addr = (struct sockaddr *)&fake->address;
	fake->info.ai_addrlen =
		family == AF_INET ? sizeof(fake->address.v4) : sizeof(fake->address.v6);
	fake->info.ai_next = next;
	fake->info.ai_addr->sa_family = (sa_family_t)family;
	if (family == AF_INET) {
		fake->address.v4.sin_addr.s_addr = htonl(v4);
	} else {
		fake->address.v6.sin6_addr = in6addr_loopback;
	}
	return &fake->info;
}

/* Takes the place of the C library's, so that a name has the addresses that a test needs:
 * "four.test" 127.0.0.2 (twice), then 127.0.0.1; "both.test" ::1, then 127.0.0.1; "many.test" 40
 * addresses; "slow.test" an answer after half a second. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **result)
{
	struct addrinfo *list = fake_address(AF_INET, 0x7f000001, NULL);
	uint32_t i;

	(void)service;
	(void)hints;
	if (strcmp(node, "four.test") == 0) {
		list = fake_address(AF_INET, 0x7f000002, list);
		list = fake_address(AF_INET, 0x7f000002, list);
	} else if (strcmp(node, "both.test") == 0) {
		list = fake_address(AF_INET6, 0, list);
	} else if (strcmp(node, "many.test") == 0) {
		for (i = 2; i <= 40; i++) {
			list = fake_address(AF_INET, 0x7f000000 + i, list);
		}
	} else if (strcmp(node, "slow.test") == 0) {
		sleep_ms(500);
	} else {
		freeaddrinfo(list);
		return EAI_NONAME;
	}
	*result = list;
	return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;

		tr_free(TR_CONTAINER_OF(list, struct fake_info, info));
		list = next;
	}
}

static struct tr_stream_options options_for(const struct server *server)
{
	struct tr_stream_options options = {.host = "127.0.0.1", .port = server->port};

	return options;
}

/* A server that does this with each connection, and a client on its way to it. */
static void connect_to(struct client *client, struct server *server, server_function *serve)
{
	server_start(server, serve);
	struct tr_stream_options options = options_for(server);
	client_connect(client, &options);
}

static void serve_echo(struct server *server, int fd)
{
	char bytes[4096];
	ssize_t count;

	(void)server;
	while ((count = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
		if (!send_all(fd, bytes, (size_t)count)) {
			break;
		}
	}
}

static void serve_until_end(struct server *server, int fd)
{
	read_to(server, fd, SIZE_MAX);
}

static void what_is_written_comes_back_from_an_echo(void **state)
{
	struct client *client = *state;
	struct server server = {0};

	connect_to(client, &server, serve_echo);
	assert_int_equal(tr_stream_write(client->stream, TR_STR("x")), TR_E_CLOSED);
	RUN_WHILE(client, client->opened == 0);
	assert_true(tr_stream_writable(client->stream));
	assert_int_equal(tr_stream_write(client->stream, TR_STR("hello ")), 0);
	assert_int_equal(tr_stream_write(client->stream, TR_STR("")), 0);
	assert_int_equal(tr_stream_write(client->stream, TR_STR("world")), 0);
	assert_int_equal(client->reads, 0);
	RUN_WHILE(client, client->got.len < 11);
	assert_string_equal(tr_buf_c(&client->got), "hello world");
	assert_int_equal(tr_stream_queued(client->stream), 0);
	tr_stream_destroy(client->stream);
	client->stream = NULL;
	client_run_ms(client, 20);
	assert_int_equal(client->closed, 0);
	server_finish(&server);
}

static void both_ends_have_names(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	char expected[64];

	connect_to(client, &server, serve_until_end);
	assert_int_equal(tr_stream_local_port(client->stream), 0);
	assert_string_equal(tr_stream_peer(client->stream), "");
	RUN_WHILE(client, client->opened == 0);
	(void)snprintf(expected, sizeof(expected), "127.0.0.1:%u", (unsigned)server.port);
	assert_string_equal(tr_stream_peer(client->stream), expected);
	assert_true(tr_stream_local_port(client->stream) != 0);
	tr_stream_shutdown(client->stream, 1000);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(tr_stream_local_port(client->stream), 0);
	server_finish(&server);
}

static void the_server_sees_our_local_port_and_source_address(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tr_stream_options options;
	uint16_t port;

	server_start(&server, serve_until_end);
	options = options_for(&server);
	options.bind_address = "127.0.0.2";
	client_connect(client, &options);
	RUN_WHILE(client, client->opened == 0);
	port = tr_stream_local_port(client->stream);
	tr_stream_shutdown(client->stream, 1000);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(pthread_join(server.thread, NULL), 0);
	server.running = false;
	assert_int_equal(server.peer_port, port);
	assert_int_equal(ntohl(server.peer_address.s_addr), 0x7f000002);
	server_finish(&server);
}

static void a_source_address_that_is_none_is_a_configuration_error(void **state)
{
	struct client *client = *state;
	struct tr_stream_options options = {.host = "127.0.0.1", .port = 1, .bind_address = "here"};

	client_connect(client, &options);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->error.code, TR_E_CONFIG);
	assert_string_equal(client->error.text, "the source address here is not an IP address");
}

static void a_source_address_of_the_other_family_finds_no_address(void **state)
{
	struct client *client = *state;
	struct tr_stream_options options = {.host = "127.0.0.1", .port = 1, .bind_address = "::1"};

	client_connect(client, &options);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->error.code, TR_E_NETWORK);
}

static uint16_t unused_port(void)
{
	struct server server = {0};
	uint16_t port;

	assert_true(server_listen(&server, AF_INET, 0, 1));
	port = server.port;
	server_finish(&server);
	return port;
}

static void a_refused_connection_is_told_once_with_its_place(void **state)
{
	struct client *client = *state;
	struct tr_stream_options options = {.host = "127.0.0.1", .port = unused_port()};
	char expected[100];

	client_connect(client, &options);
	RUN_WHILE(client, client->closed == 0);
	client_run_ms(client, 30);
	assert_int_equal(client->closed, 1);
	assert_int_equal(client->opened, 0);
	assert_int_equal(client->error.code, TR_E_NETWORK);
	assert_int_equal(client->error.cls, TR_CLASS_RETRY);
	(void)snprintf(expected, sizeof(expected),
		"cannot connect to 127.0.0.1:%u: connection refused", (unsigned)options.port);
	assert_string_equal(client->error.text, expected);
	assert_int_equal(tr_stream_write(client->stream, TR_STR("x")), TR_E_CLOSED);
}

static void a_name_that_does_not_resolve_is_told(void **state)
{
	struct client *client = *state;
	struct tr_stream_options options = {.host = "no..name", .port = 6667};

	client_connect(client, &options);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->error.code, TR_E_NETWORK);
	assert_non_null(strstr(client->error.text, "cannot resolve no..name: "));
}

static void a_refused_address_is_followed_by_the_next(void **state)
{
	static const char *const names[] = {"four.test", "both.test"};
	struct client *client = *state;
	size_t i;

	for (i = 0; i < 2; i++) {
		struct server server = {0};
		struct tr_stream_options options;

		server_start(&server, serve_echo);
		options = options_for(&server);
		options.host = names[i];
		client->opened = 0;
		client_connect(client, &options);
		RUN_WHILE(client, client->opened == 0);
		assert_int_equal(strncmp(tr_stream_peer(client->stream), "127.0.0.1:", 10), 0);
		tr_stream_destroy(client->stream);
		client->stream = NULL;
		server_finish(&server);
	}
	assert_int_equal(client->closed, 0);
}

static void ipv6_is_taken_first_when_the_system_puts_it_first(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tr_stream_options options;

	if (!server_listen(&server, AF_INET6, 0, 4)) {
		skip(); /* a machine without IPv6 */
	}
	server_run(&server, serve_echo);
	options = options_for(&server);
	options.host = "both.test";
	client_connect(client, &options);
	RUN_WHILE(client, client->opened == 0);
	assert_int_equal(strncmp(tr_stream_peer(client->stream), "[::1]:", 6), 0);
	tr_stream_destroy(client->stream);
	client->stream = NULL;
	server_finish(&server);
}

static void when_all_addresses_fail_it_is_told_once(void **state)
{
	struct client *client = *state;
	struct tr_stream_options options = {.host = "four.test", .port = unused_port()};
	char expected[160];

	client_connect(client, &options);
	RUN_WHILE(client, client->closed == 0);
	client_run_ms(client, 20);
	assert_int_equal(client->closed, 1);
	(void)snprintf(expected, sizeof(expected),
		"none of 2 addresses works, the last: cannot connect to four.test (127.0.0.1:%u): "
		"connection refused",
		(unsigned)options.port);
	assert_string_equal(client->error.text, expected);
}

static void only_sixteen_addresses_of_a_name_are_tried(void **state)
{
	struct client *client = *state;
	struct tr_stream_options options = {.host = "many.test", .port = unused_port()};

	client_connect(client, &options);
	RUN_WHILE(client, client->closed == 0);
	assert_non_null(strstr(client->error.text, "none of 16 addresses works"));
}

static void a_slow_name_server_times_out(void **state)
{
	struct client *client = *state;
	struct tr_stream_options options = {
		.host = "slow.test", .port = 1, .connect_timeout_ms = 100};

	client_connect(client, &options);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->error.code, TR_E_TIMEOUT);
	assert_string_equal(
		client->error.text, "cannot resolve slow.test: no answer within 100 ms");
}

/* Makes a listener deaf: its backlog is full and nobody accepts. The descriptors go to `fds`. */
static void fill_backlog(const struct server *server, int family, int *fds, size_t count)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	size_t i;

	memset(&v4, 0, sizeof(v4));
	memset(&v6, 0, sizeof(v6));
	v4.sin_family = AF_INET;
	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	v4.sin_port = htons(server->port);
	v6.sin6_family = AF_INET6;
	v6.sin6_addr = in6addr_loopback;
	v6.sin6_port = htons(server->port);
	for (i = 0; i < count; i++) {
		fds[i] = socket(family, SOCK_STREAM, 0);
		assert_true(fds[i] >= 0);
		(void)fcntl(fds[i], F_SETFL, O_NONBLOCK);
		(void)connect(fds[i],
			family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
			family == AF_INET ? sizeof(v4) : sizeof(v6));
	}
}

static void close_all(const int *fds, size_t count)
{
	while (count > 0) {
		close(fds[--count]);
	}
}

static void a_server_that_does_not_accept_times_out(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tr_stream_options options;
	int fds[8];
	uint64_t start;

	assert_true(server_listen(&server, AF_INET, 0, 0));
	fill_backlog(&server, AF_INET, fds, 8);
	options = options_for(&server);
	options.connect_timeout_ms = 200;
	client_connect(client, &options);
	start = tr_clock_mono_ms();
	RUN_WHILE(client, client->closed == 0);
	assert_true(tr_clock_mono_ms() - start >= 190);
	assert_int_equal(client->error.code, TR_E_TIMEOUT);
	assert_int_equal(client->error.cls, TR_CLASS_RETRY);
	assert_non_null(strstr(client->error.text, "no connection to 127.0.0.1:"));
	close_all(fds, 8);
	server_finish(&server);
}

static void a_silent_address_takes_only_its_share_of_the_time(void **state)
{
	struct client *client = *state;
	struct server deaf = {0};
	struct server good = {0};
	struct tr_stream_options options;
	int fds[8];
	uint64_t start;

	assert_true(server_listen(&good, AF_INET, 0, 4));
	if (!server_listen(&deaf, AF_INET6, good.port, 0)) {
		server_finish(&good);
		skip();
	}
	fill_backlog(&deaf, AF_INET6, fds, 8);
	server_run(&good, serve_echo);
	options = options_for(&good);
	options.host = "both.test";
	options.connect_timeout_ms = 2000;
	client_connect(client, &options);
	start = tr_clock_mono_ms();
	RUN_WHILE(client, client->opened + client->closed == 0);
	assert_int_equal(client->opened, 1);
	assert_true(tr_clock_mono_ms() - start >= 950);
	client_run_ms(client, 1100);
	assert_int_equal(client->closed, 0);
	tr_stream_destroy(client->stream);
	client->stream = NULL;
	close_all(fds, 8);
	server_finish(&deaf);
	server_finish(&good);
}

static void serve_late_reader(struct server *server, int fd)
{
	sleep_ms(150);
	read_to(server, fd, SIZE_MAX);
}

/* Opens a stream with a queue of 1 MiB and writes until it refuses. Returns the bytes taken. */
static size_t fill_queue(struct client *client, struct server *server, const char *data, size_t len)
{
	struct tr_stream_options options = options_for(server);
	size_t taken = 0;
	int status = 0;

	options.write_max = 1024 * 1024;
	client_connect(client, &options);
	RUN_WHILE(client, client->opened == 0);
	while (status == 0) {
		size_t count = 1000 + taken % 5000;
		size_t before = tr_stream_queued(client->stream);

		assert_true(taken + count <= len);
		status = tr_stream_write(client->stream, tr_str_of(data + taken, count));
		if (status == 0) {
			taken += count;
			assert_int_equal(tr_stream_writable(client->stream),
				tr_stream_queued(client->stream) <= 256 * 1024);
		} else {
			assert_int_equal(status, TR_E_TOO_BIG);
			assert_int_equal(tr_stream_queued(client->stream), before);
			assert_true(before + count > 1024 * 1024);
		}
	}
	return taken;
}

static void the_queue_is_bounded_and_drains_in_order(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	const size_t len = 32 * 1024 * 1024;
	char *data = pattern_make(len);
	size_t taken;

	server_start(&server, serve_late_reader);
	taken = fill_queue(client, &server, data, len);
	assert_int_equal(
		tr_stream_write(client->stream, tr_str_of(data, 1024 * 1024 + 1)), TR_E_TOO_BIG);
	assert_int_equal(client->drained, 0);
	RUN_WHILE(client, client->drained == 0);
	assert_true(tr_stream_writable(client->stream));
	assert_true(tr_stream_queued(client->stream) <= 64 * 1024);
	assert_int_equal(tr_stream_write(client->stream, tr_str_of(data + taken, 10)), 0);
	taken += 10;
	tr_stream_shutdown(client->stream, 5000);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->drained, 1);
	assert_int_equal(pthread_join(server.thread, NULL), 0);
	server.running = false;
	assert_int_equal(server.got.len, taken);
	assert_memory_equal(server.got.data, data, taken);
	server_finish(&server);
	tr_free(data);
}

static void shutdown_sends_what_is_queued(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	const size_t len = 32 * 1024 * 1024;
	char *data = pattern_make(len);
	size_t taken;

	server_start(&server, serve_late_reader);
	taken = fill_queue(client, &server, data, len);
	tr_stream_shutdown(client->stream, 10000);
	assert_int_equal(tr_stream_write(client->stream, TR_STR("x")), TR_E_CLOSED);
	assert_false(tr_stream_writable(client->stream));
	tr_stream_shutdown(client->stream, 1);
	assert_int_equal(client->closed, 0);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->closed, 1);
	assert_int_equal(client->error.code, TR_E_CLOSED);
	assert_int_equal(pthread_join(server.thread, NULL), 0);
	server.running = false;
	assert_int_equal(server.got.len, taken);
	assert_memory_equal(server.got.data, data, taken);
	server_finish(&server);
	tr_free(data);
}

static void serve_stuck(struct server *server, int fd)
{
	(void)fd;
	sleep_ms(*(int *)server->arg);
}

static void shutdown_ends_at_its_limit_when_the_peer_is_stuck(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	const size_t len = 32 * 1024 * 1024;
	char *data = pattern_make(len);
	int stuck_ms = 600;
	uint64_t start;

	server.arg = &stuck_ms;
	server_start(&server, serve_stuck);
	(void)fill_queue(client, &server, data, len);
	tr_stream_shutdown(client->stream, 100);
	start = tr_clock_mono_ms();
	RUN_WHILE(client, client->closed == 0);
	assert_true(tr_clock_mono_ms() - start >= 95);
	assert_int_equal(client->error.code, TR_E_CLOSED);
	assert_non_null(strstr(client->error.text, "before all was sent"));
	server_finish(&server);
	tr_free(data);
}

static void shutdown_before_open_gives_up(void **state)
{
	struct client *client = *state;
	struct tr_stream_options options = {.host = "127.0.0.1", .port = unused_port()};

	client_connect(client, &options);
	tr_stream_shutdown(client->stream, 1000);
	assert_int_equal(client->closed, 0);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->opened, 0);
	assert_int_equal(client->error.code, TR_E_CLOSED);
}

static void serve_answer_after_end(struct server *server, int fd)
{
	read_to(server, fd, SIZE_MAX);
	(void)send_all(fd, "BYE", 3);
}

static void an_answer_to_the_last_word_is_still_read(void **state)
{
	struct client *client = *state;
	struct server server = {0};

	connect_to(client, &server, serve_answer_after_end);
	RUN_WHILE(client, client->opened == 0);
	assert_int_equal(tr_stream_write(client->stream, TR_STR("QUIT")), 0);
	tr_stream_shutdown(client->stream, 5000);
	RUN_WHILE(client, client->closed == 0);
	assert_string_equal(tr_buf_c(&client->got), "BYE");
	server_finish(&server);
}

enum { FLOOD = 8 * 1024 * 1024 };

static void serve_flood(struct server *server, int fd)
{
	char *data = pattern_make(FLOOD);

	(void)server;
	(void)send_all(fd, data, FLOOD);
	tr_free(data);
}

static void a_paused_stream_reads_nothing_until_resumed(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	size_t len;

	client->pause_in_read = true;
	connect_to(client, &server, serve_flood);
	RUN_WHILE(client, client->reads == 0);
	len = client->got.len;
	client_run_ms(client, 100);
	assert_int_equal(client->reads, 1);
	assert_int_equal(client->got.len, len);

	tr_stream_resume(client->stream);
	assert_int_equal(client->reads, 1);
	RUN_WHILE(client, client->reads == 1);
	client->pause_in_read = false;
	tr_stream_resume(client->stream);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->got.len, FLOOD);
	assert_true(pattern_holds(tr_buf_str(&client->got)));
	assert_int_equal(client->error.code, TR_E_CLOSED);
	assert_int_equal(client->error.cls, TR_CLASS_RETRY);
	server_finish(&server);
}

static void a_stream_can_be_paused_before_it_opens(void **state)
{
	struct client *client = *state;
	struct server server = {0};

	connect_to(client, &server, serve_flood);
	tr_stream_pause(client->stream);
	RUN_WHILE(client, client->opened == 0);
	client_run_ms(client, 50);
	assert_int_equal(client->reads, 0);
	tr_stream_resume(client->stream);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->got.len, FLOOD);
	server_finish(&server);
}

static void serve_reset(struct server *server, int fd)
{
	struct linger linger = {1, 0};

	read_to(server, fd, 1);
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static void a_reset_is_told_as_a_lost_connection(void **state)
{
	struct client *client = *state;
	struct server server = {0};

	connect_to(client, &server, serve_reset);
	RUN_WHILE(client, client->opened == 0);
	assert_int_equal(tr_stream_write(client->stream, TR_STR("x")), 0);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->closed, 1);
	assert_int_equal(client->error.code, TR_E_NETWORK);
	assert_non_null(strstr(client->error.text, "lost the connection to 127.0.0.1:"));
	assert_non_null(strstr(client->error.text, ": connection reset by peer"));
	server_finish(&server);
}

static void serve_last_words(struct server *server, int fd)
{
	(void)server;
	(void)send_all(fd, "ERROR :closing", 14);
}

/* The first write makes the peer reset the connection, a later one fails. */
static void write_until_reset(struct client *client)
{
	for (int i = 0; i < 3; i++) {
		(void)tr_stream_write(client->stream, TR_STR("PRIVMSG #x :y\r\n"));
		sleep_ms(20);
	}
}

static void last_words_are_read_although_a_write_failed_before(void **state)
{
	struct client *client = *state;
	struct server server = {0};

	connect_to(client, &server, serve_last_words);
	tr_stream_pause(client->stream);
	RUN_WHILE(client, client->opened == 0);
	server_finish(&server);
	tr_stream_resume(client->stream);
	write_until_reset(client);
	assert_int_equal(tr_stream_write(client->stream, TR_STR("x")), TR_E_CLOSED);
	assert_int_equal(client->closed, 0);
	RUN_WHILE(client, client->closed == 0);
	assert_string_equal(tr_buf_c(&client->got), "ERROR :closing");
	assert_int_equal(client->closed, 1);
}

static void a_failed_write_closes_a_paused_stream(void **state)
{
	struct client *client = *state;
	struct server server = {0};

	connect_to(client, &server, serve_last_words);
	tr_stream_pause(client->stream);
	RUN_WHILE(client, client->opened == 0);
	server_finish(&server);
	write_until_reset(client);
	assert_int_equal(client->closed, 0);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->error.code, TR_E_NETWORK);
	assert_non_null(strstr(client->error.text, "cannot write to "));
}

static void destroying_in_on_open_is_fine(void **state)
{
	struct client *client = *state;
	struct server server = {0};

	client->destroy_in = CLIENT_OPEN;
	connect_to(client, &server, serve_until_end);
	RUN_WHILE(client, client->opened == 0);
	client_run_ms(client, 20);
	assert_int_equal(client->closed, 0);
	server_finish(&server);
}

static void destroying_in_on_read_is_fine(void **state)
{
	struct client *client = *state;
	struct server server = {0};

	client->destroy_in = CLIENT_READ;
	connect_to(client, &server, serve_flood);
	RUN_WHILE(client, client->reads == 0);
	client_run_ms(client, 20);
	assert_int_equal(client->reads, 1);
	assert_int_equal(client->closed, 0);
	server_finish(&server);
}

static void destroying_in_on_drain_is_fine(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	const size_t len = 32 * 1024 * 1024;
	char *data = pattern_make(len);

	server_start(&server, serve_late_reader);
	client->destroy_in = CLIENT_DRAIN;
	(void)fill_queue(client, &server, data, len);
	RUN_WHILE(client, client->drained == 0);
	client_run_ms(client, 20);
	assert_int_equal(client->closed, 0);
	server_finish(&server);
	tr_free(data);
}

static void destroying_in_on_close_is_fine(void **state)
{
	struct client *client = *state;
	struct tr_stream_options options = {.host = "127.0.0.1", .port = unused_port()};

	client->destroy_in = CLIENT_CLOSE;
	client_connect(client, &options);
	RUN_WHILE(client, client->closed == 0);
	client_run_ms(client, 20);
	assert_int_equal(client->closed, 1);
}

static void destroying_at_once_while_resolving_and_with_a_full_queue_is_fine(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tr_stream_options options = {.host = "four.test", .port = unused_port()};
	const size_t len = 32 * 1024 * 1024;
	char *data = pattern_make(len);
	int i;

	for (i = 0; i < 20; i++) {
		int turns;

		client_connect(client, &options);
		for (turns = 0; turns < i % 5; turns++) {
			tr_loop_turn(client->loop, false);
		}
		client->closed = 0;
		tr_stream_destroy(client->stream);
		client->stream = NULL;
	}
	client_run_ms(client, 20);
	assert_int_equal(client->opened + client->closed, 0);
	server_start(&server, serve_late_reader);
	(void)fill_queue(client, &server, data, len);
	tr_stream_destroy(client->stream);
	client->stream = NULL;
	server_finish(&server);
	tr_free(data);
}

int main(void)
{
#define WITH_CLIENT(test) cmocka_unit_test_setup_teardown(test, client_setup, client_teardown)
	const struct CMUnitTest tests[] = {
		WITH_CLIENT(what_is_written_comes_back_from_an_echo),
		WITH_CLIENT(both_ends_have_names),
		WITH_CLIENT(the_server_sees_our_local_port_and_source_address),
		WITH_CLIENT(a_source_address_that_is_none_is_a_configuration_error),
		WITH_CLIENT(a_source_address_of_the_other_family_finds_no_address),
		WITH_CLIENT(a_refused_connection_is_told_once_with_its_place),
		WITH_CLIENT(a_name_that_does_not_resolve_is_told),
		WITH_CLIENT(a_refused_address_is_followed_by_the_next),
		WITH_CLIENT(ipv6_is_taken_first_when_the_system_puts_it_first),
		WITH_CLIENT(when_all_addresses_fail_it_is_told_once),
		WITH_CLIENT(only_sixteen_addresses_of_a_name_are_tried),
		WITH_CLIENT(a_slow_name_server_times_out),
		WITH_CLIENT(a_server_that_does_not_accept_times_out),
		WITH_CLIENT(a_silent_address_takes_only_its_share_of_the_time),
		WITH_CLIENT(the_queue_is_bounded_and_drains_in_order),
		WITH_CLIENT(shutdown_sends_what_is_queued),
		WITH_CLIENT(shutdown_ends_at_its_limit_when_the_peer_is_stuck),
		WITH_CLIENT(shutdown_before_open_gives_up),
		WITH_CLIENT(an_answer_to_the_last_word_is_still_read),
		WITH_CLIENT(a_paused_stream_reads_nothing_until_resumed),
		WITH_CLIENT(a_stream_can_be_paused_before_it_opens),
		WITH_CLIENT(a_reset_is_told_as_a_lost_connection),
		WITH_CLIENT(last_words_are_read_although_a_write_failed_before),
		WITH_CLIENT(a_failed_write_closes_a_paused_stream),
		WITH_CLIENT(destroying_in_on_open_is_fine),
		WITH_CLIENT(destroying_in_on_read_is_fine),
		WITH_CLIENT(destroying_in_on_drain_is_fine),
		WITH_CLIENT(destroying_in_on_close_is_fine),
		WITH_CLIENT(destroying_at_once_while_resolving_and_with_a_full_queue_is_fine),
	};

	return cmocka_run_group_tests_name("io/stream", tests, NULL, NULL);
}
