/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both ends of a stream under test: a client that records its callbacks, and a listener whose one
 * connection is served by a function in a thread of its own, with blocking sockets.
 */
#ifndef TRESTLE_TESTS_STREAM_PEER_H
#define TRESTLE_TESTS_STREAM_PEER_H

#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/io/stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { GUARD_MS = 20000 };

enum client_event { CLIENT_NONE, CLIENT_OPEN, CLIENT_READ, CLIENT_DRAIN, CLIENT_CLOSE };

struct client {
	struct tr_loop *loop;
	struct tr_timer *tick; /* so that waiting never sleeps for good */
	struct tr_stream *stream;
	enum client_event destroy_in;
	bool pause_in_read;
	int opened;
	int reads;
	int drained;
	int closed;
	struct tr_buf got;
	struct tr_error error;
};

static inline void client_maybe_destroy(struct client *client, enum client_event event)
{
	if (client->destroy_in == event) {
		tr_stream_destroy(client->stream);
		client->stream = NULL;
	}
}

static inline void client_on_open(void *arg)
{
	struct client *client = arg;

	assert_int_equal(client->closed, 0);
	client->opened++;
	client_maybe_destroy(client, CLIENT_OPEN);
}

static inline void client_on_read(void *arg, struct tr_str bytes)
{
	struct client *client = arg;

	assert_int_equal(client->opened, 1);
	assert_int_equal(client->closed, 0);
	assert_true(bytes.len > 0);
	client->reads++;
	assert_int_equal(tr_buf_add(&client->got, bytes), 0);
	if (client->pause_in_read) {
		tr_stream_pause(client->stream);
	}
	client_maybe_destroy(client, CLIENT_READ);
}

static inline void client_on_drain(void *arg)
{
	struct client *client = arg;

	client->drained++;
	client_maybe_destroy(client, CLIENT_DRAIN);
}

static inline void client_on_close(void *arg, const struct tr_error *error)
{
	struct client *client = arg;

	client->closed++;
	client->error = *error;
	client_maybe_destroy(client, CLIENT_CLOSE);
}

static const struct tr_stream_handler client_handler = {
	client_on_open, client_on_read, client_on_drain, client_on_close};

static inline void client_tick(void *arg)
{
	(void)arg;
}

static inline int client_setup(void **state)
{
	struct client *client = tr_alloc(sizeof(*client));

	client->loop = tr_loop_create();
	client->tick = tr_timer_create(client->loop, client_tick, NULL);
	tr_timer_repeat(client->tick, 5);
	tr_buf_init(&client->got, 64 * 1024 * 1024);
	*state = client;
	return 0;
}

static inline int client_teardown(void **state)
{
	struct client *client = *state;

	tr_stream_destroy(client->stream);
	tr_timer_destroy(client->tick);
	tr_loop_destroy(client->loop);
	tr_buf_finish(&client->got);
	tr_free(client);
	return 0;
}

static inline void client_connect(struct client *client, const struct tr_stream_options *options)
{
	client->stream = tr_stream_create(client->loop, options, &client_handler, client);
	assert_int_equal(client->opened + client->closed, 0);
}

/* Turns the loop while `condition` holds; hanging is a failure. */
#define RUN_WHILE(client, condition)                       \
 do {                                                      \
  uint64_t run_start = tr_clock_mono_ms();                 \
  while (condition) {                                      \
   tr_loop_turn((client)->loop, true);                     \
   assert_true(tr_clock_mono_ms() - run_start < GUARD_MS); \
  }                                                        \
 } while (0)

static inline void client_run_ms(struct client *client, uint64_t ms)
{
	uint64_t end = tr_clock_mono_ms() + ms;

	RUN_WHILE(client, tr_clock_mono_ms() < end);
}

static inline void sleep_ms(long ms)
{
	struct timespec pause = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&pause, NULL);
}

/* A byte that depends on its place, so that loss and exchange show. */
static inline char pattern_at(size_t index)
{
	return (char)('a' + (index * 7 + index / 251) % 26);
}

static inline char *pattern_make(size_t len)
{
	char *data = tr_alloc(len + 1);
	size_t i;

	for (i = 0; i < len; i++) {
		data[i] = pattern_at(i);
	}
	return data;
}

static inline bool pattern_holds(struct tr_str bytes)
{
	size_t i;

	for (i = 0; i < bytes.len; i++) {
		if (bytes.ptr[i] != pattern_at(i)) {
			return false;
		}
	}
	return true;
}

struct server;
typedef void server_function(struct server *server, int fd);

struct server {
	int listener;
	uint16_t port;
	pthread_t thread;
	bool running;
	server_function *serve;
	void *arg;
	uint16_t peer_port; /* of the client, seen from here */
	struct in_addr peer_address;
	struct tr_buf got; /* for the functions */
};

/* family: AF_INET or AF_INET6, on loopback; port 0 = any free one. false when that is not there. */
static inline bool server_listen(struct server *server, int family, uint16_t port, int backlog)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr *address =
		family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t len = family == AF_INET ? sizeof(v4) : sizeof(v6);
	int on = 1;

	memset(&v4, 0, sizeof(v4));
	memset(&v6, 0, sizeof(v6));
	v4.sin_family = AF_INET;
	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	v4.sin_port = htons(port);
	v6.sin6_family = AF_INET6;
	v6.sin6_addr = in6addr_loopback;
	v6.sin6_port = htons(port);
	server->listener = socket(family, SOCK_STREAM, 0);
	if (server->listener < 0) {
		return false;
	}
	(void)setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(server->listener, address, len) != 0 || listen(server->listener, backlog) != 0 ||
		getsockname(server->listener, address, &len) != 0) {
		close(server->listener);
		server->listener = -1;
		return false;
	}
	server->port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
	return true;
}

static inline void *server_main(void *arg)
{
	struct server *server = arg;
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	int fd = accept(server->listener, (struct sockaddr *)&peer, &len);

	if (fd >= 0) {
		if (peer.sin_family == AF_INET) {
			server->peer_port = ntohs(peer.sin_port);
			server->peer_address = peer.sin_addr;
		}
		server->serve(server, fd);
		close(fd);
	}
	return NULL;
}

static inline void server_run(struct server *server, server_function *serve)
{
	server->serve = serve;
	if (server->got.max == 0) {
		tr_buf_init(&server->got, 64 * 1024 * 1024);
	}
	assert_int_equal(pthread_create(&server->thread, NULL, server_main, server), 0);
	server->running = true;
}

static inline void server_start(struct server *server, server_function *serve)
{
	assert_true(server_listen(server, AF_INET, 0, 16));
	server_run(server, serve);
}

/* Waits until the function has returned. Its connection must have been made. */
static inline void server_finish(struct server *server)
{
	if (server->running) {
		assert_int_equal(pthread_join(server->thread, NULL), 0);
	}
	if (server->listener >= 0) {
		close(server->listener);
	}
	tr_buf_finish(&server->got);
	memset(server, 0, sizeof(*server));
	server->listener = -1;
}

static inline bool send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t count = send(fd, data, len, MSG_NOSIGNAL);

		if (count <= 0) {
			return false;
		}
		data += count;
		len -= (size_t)count;
	}
	return true;
}

/* Reads to the end, or to `limit` bytes, into server->got. */
static inline void read_to(struct server *server, int fd, size_t limit)
{
	char bytes[16384];
	ssize_t count = 1;

	while (count > 0 && server->got.len < limit) {
		count = recv(fd, bytes, sizeof(bytes), 0);
		if (count > 0) {
			(void)tr_buf_add(&server->got, tr_str_of(bytes, (size_t)count));
		}
	}
}

#endif
