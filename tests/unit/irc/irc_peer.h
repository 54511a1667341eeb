/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection under test and the server it talks to, both in one thread: the server does nothing
 * by itself, a test says what it sends and waits for what it gets.
 */
#ifndef TRESTLE_TESTS_IRC_PEER_H
#define TRESTLE_TESTS_IRC_PEER_H

#include "bridges/irc/connection.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { GUARD_MS = 20000, GOT_MAX = 4 * 1024 * 1024 };

enum peer_callback {
	IN_NONE,
	IN_READY,
	IN_LINE,
	IN_DROPS,
	IN_NICK_REFUSED,
	IN_DRAIN,
	IN_CLOSE,
};

struct peer {
	struct tr_loop *loop;
	struct tr_timer *tick; /* so that waiting never sleeps for good */
	int listener;
	uint16_t port;
	int fd;            /* of the accepted connection, or -1 */
	struct tr_buf got; /* what the server received */
	size_t reads;
	bool ended; /* the client has closed its side */

	struct tr_irc_connection *connection;
	enum peer_callback destroy_in;
	const char *drops;       /* lines with this in them */
	const char *next_nick;   /* answer to a refused one; NULL = give up */
	struct tr_buf refused;   /* "nick numeric;" */
	struct tr_buf lines;     /* raw lines passed on, each with LF */
	struct tr_buf last_nick; /* nick of the last line passed on */
	int ready, drained, closed;
	size_t line_count;
	struct tr_error error;
};

static inline void peer_maybe_destroy(struct peer *peer, enum peer_callback callback)
{
	if (peer->destroy_in == callback) {
		tr_irc_connection_destroy(peer->connection);
		peer->connection = NULL;
	}
}

static inline void peer_on_ready(void *arg)
{
	struct peer *peer = arg;
	assert_int_equal(peer->ready, 0);
	assert_int_equal(peer->closed, 0);
	peer->ready++;
	peer_maybe_destroy(peer, IN_READY);
}

static inline void peer_on_line(void *arg, const struct tr_irc_line *line)
{
	struct peer *peer = arg;
	assert_int_equal(peer->ready, 1);
	assert_int_equal(peer->closed, 0);
	assert_non_null(peer->connection);
	tr_buf_add(&peer->lines, line->raw);
	tr_buf_add_char(&peer->lines, '\n');
	tr_buf_clear(&peer->last_nick);
	tr_buf_add(&peer->last_nick, line->nick);
	peer->line_count++;
	peer_maybe_destroy(peer, IN_LINE);
}

static inline bool peer_drops(void *arg, struct tr_str text)
{
	struct peer *peer = arg;
	bool drop = peer->drops != NULL && tr_str_find(text, tr_str_from(peer->drops)) >= 0;
	assert_non_null(peer->connection);
	peer_maybe_destroy(peer, IN_DROPS);
	return drop;
}

static inline bool peer_on_nick_refused(
	void *arg, const char *refused, int numeric, struct tr_buf *nick)
{
	struct peer *peer = arg;
	tr_buf_addf(&peer->refused, "%s %d;", refused, numeric);
	tr_buf_add_c(nick, peer->next_nick ? peer->next_nick : "");
	peer_maybe_destroy(peer, IN_NICK_REFUSED);
	return peer->next_nick != NULL;
}

static inline void peer_on_drain(void *arg)
{
	struct peer *peer = arg;
	peer->drained++;
	peer_maybe_destroy(peer, IN_DRAIN);
}

static inline void peer_on_close(void *arg, const struct tr_error *error)
{
	struct peer *peer = arg;
	assert_int_equal(peer->closed, 0);
	peer->closed++;
	peer->error = *error;
	peer_maybe_destroy(peer, IN_CLOSE);
}

static const struct tr_irc_connection_handler peer_handler = {
	.on_ready = peer_on_ready,
	.on_line = peer_on_line,
	.drops = peer_drops,
	.on_nick_refused = peer_on_nick_refused,
	.on_drain = peer_on_drain,
	.on_close = peer_on_close,
};

static inline void peer_tick(void *arg)
{
	(void)arg;
}

static inline int peer_setup(void **state)
{
	struct peer *peer = tr_alloc(sizeof(*peer));
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	peer->loop = tr_loop_create();
	peer->tick = tr_timer_create(peer->loop, peer_tick, NULL);
	tr_timer_repeat(peer->tick, 2);
	tr_buf_init(&peer->got, GOT_MAX);
	tr_buf_init(&peer->refused, GOT_MAX);
	tr_buf_init(&peer->lines, GOT_MAX);
	tr_buf_init(&peer->last_nick, GOT_MAX);
	peer->fd = -1;
	peer->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(peer->listener >= 0);
	assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(peer->listener, 16), 0);
	assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(fcntl(peer->listener, F_SETFL, O_NONBLOCK), 0);
	peer->port = ntohs(address.sin_port);
	*state = peer;
	return 0;
}

static inline void peer_hang_up(struct peer *peer)
{
	if (peer->fd >= 0) {
		close(peer->fd);
		peer->fd = -1;
	}
}

/* Ready for another connection. */
static inline void peer_reset(struct peer *peer)
{
	tr_irc_connection_destroy(peer->connection);
	peer->connection = NULL;
	peer_hang_up(peer);
	tr_buf_clear(&peer->got);
	tr_buf_clear(&peer->lines);
	tr_buf_clear(&peer->refused);
	peer->ended = false;
	peer->ready = peer->drained = peer->closed = 0;
	peer->line_count = peer->reads = 0;
}

static inline int peer_teardown(void **state)
{
	struct peer *peer = *state;
	peer_reset(peer);
	close(peer->listener);
	tr_timer_destroy(peer->tick);
	tr_loop_destroy(peer->loop);
	tr_buf_finish(&peer->got);
	tr_buf_finish(&peer->refused);
	tr_buf_finish(&peer->lines);
	tr_buf_finish(&peer->last_nick);
	tr_free(peer);
	return 0;
}

/* The server's side of one turn: accepts, and takes what came. */
static inline void peer_serve(struct peer *peer, bool read_too)
{
	char bytes[65536];
	if (peer->fd < 0 && !peer->ended) {
		peer->fd = accept(peer->listener, NULL, NULL);
		if (peer->fd >= 0) {
			assert_int_equal(fcntl(peer->fd, F_SETFL, O_NONBLOCK), 0);
		}
	}
	if (peer->fd >= 0 && read_too) {
		ssize_t count = recv(peer->fd, bytes, sizeof(bytes), 0);
		if (count > 0) {
			peer->reads++;
			tr_buf_add(&peer->got, tr_str_of(bytes, (size_t)count));
		} else if (count == 0) {
			peer->ended = true;
		}
	}
}

static inline void peer_turn(struct peer *peer, bool wait)
{
	tr_loop_turn(peer->loop, wait);
	peer_serve(peer, true);
}

/* Runs both sides while `condition` holds; hanging is a failure. */
#define RUN_WHILE(peer, condition)                         \
 do {                                                      \
  uint64_t run_start = tr_clock_mono_ms();                 \
  while (condition) {                                      \
   peer_turn((peer), true);                                \
   assert_true(tr_clock_mono_ms() - run_start < GUARD_MS); \
  }                                                        \
 } while (0)

static inline void peer_run_ms(struct peer *peer, uint64_t ms)
{
	uint64_t end = tr_clock_mono_ms() + ms;
	RUN_WHILE(peer, tr_clock_mono_ms() < end);
}

static inline bool peer_has(const struct peer *peer, const char *text)
{
	return tr_str_find(tr_buf_str(&peer->got), tr_str_from(text)) >= 0;
}

/* Waits until the server has got this. */
static inline void peer_expect(struct peer *peer, const char *text)
{
	RUN_WHILE(peer, !peer_has(peer, text));
}

static inline size_t peer_count(const struct peer *peer, const char *text)
{
	struct tr_str rest = tr_buf_str(&peer->got);
	size_t count = 0;
	ptrdiff_t at;
	while ((at = tr_str_find(rest, tr_str_from(text))) >= 0) {
		count++;
		rest = tr_str_from_index(rest, (size_t)at + 1);
	}
	return count;
}

static inline void peer_send(struct peer *peer, struct tr_str bytes)
{
	RUN_WHILE(peer, peer->fd < 0);
	while (bytes.len > 0) {
		ssize_t count = send(peer->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
		if (count > 0) {
			bytes = tr_str_from_index(bytes, (size_t)count);
		} else {
			peer_turn(peer, false);
		}
	}
}

/* The server sends these lines (CR LF and all). */
static inline void peer_say(struct peer *peer, const char *text)
{
	peer_send(peer, tr_str_from(text));
}

static inline struct tr_irc_connection_options peer_options(const struct peer *peer)
{
	return (struct tr_irc_connection_options){
		.host = "127.0.0.1",
		.port = peer->port,
		.nick = "alice",
		.username = "ali",
		.realname = "Alice of Matrix",
	};
}

static inline void peer_connect(struct peer *peer, const struct tr_irc_connection_options *options)
{
	peer->connection = tr_irc_connection_create(peer->loop, options, &peer_handler, peer);
	assert_int_equal(peer->ready + peer->closed, 0);
}

#define WELCOME                            \
 ":irc.test 001 alice :Welcome\r\n"        \
 ":irc.test 005 alice NICKLEN=30 :are\r\n" \
 ":irc.test 422 alice :MOTD is missing\r\n"

/* Connected to a server without CAP, registered as alice. */
static inline void peer_register(struct peer *peer)
{
	struct tr_irc_connection_options options = peer_options(peer);
	peer_connect(peer, &options);
	peer_expect(peer, "USER ");
	peer_say(peer, WELCOME);
	RUN_WHILE(peer, peer->ready == 0);
}

/* The same with these capabilities offered and granted, one by one. */
static inline void peer_register_with(struct peer *peer, unsigned caps, const char *offer)
{
	struct tr_irc_connection_options options = peer_options(peer);
	struct tr_str rest = tr_str_from(offer);
	struct tr_str name;
	options.caps_wanted = caps;
	peer_connect(peer, &options);
	peer_expect(peer, "CAP LS 302\r\n");
	peer_say(peer, ":irc.test CAP * LS :");
	peer_say(peer, offer);
	peer_say(peer, "\r\n");
	while (tr_str_word(&rest, &name)) {
		peer_say(peer, ":irc.test CAP * ACK :");
		peer_send(peer, name);
		peer_say(peer, "\r\n");
	}
	peer_expect(peer, "CAP END\r\n");
	peer_say(peer, WELCOME);
	RUN_WHILE(peer, peer->ready == 0);
}

#endif
