/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a stream share: stream.c (life and callbacks), stream_connect.c (addresses),
 * stream_endpoint.c (names of both ends for people), stream_write.c (the queue), stream_tls.c (the
 * session), tls.c (the
 * context) and tls_identity.c (client certificates).
 *
 * Lifetimes: a stream outlives its parts. Each attempt to connect has its own tr_stream_socket; a
 * socket that is given up loses its way back (socket->stream = NULL) and frees itself once libuv
 * has closed it, so that the stream itself can be freed at once.
 * Callbacks: every entry from libuv is bracketed by tr_stream_enter() and tr_stream_leave(). The
 * user may destroy the stream in any callback; its memory stays until the outermost leave. After
 * each call that can reach the user, tr_stream_alive() tells whether there is more to do.
 */
#ifndef TRESTLE_IO_STREAM_INTERNAL_H
#define TRESTLE_IO_STREAM_INTERNAL_H

#include "core/io/stream.h"

#include <openssl/bio.h>
#include <uv.h>

struct stream_connect;
struct stream_tls;
struct write_chunk;

enum tr_stream_state {
	TR_STREAM_CONNECTING, /* resolving, TCP and TLS handshake */
	TR_STREAM_OPEN,
	TR_STREAM_ENDING, /* tr_stream_shutdown(): flushing, then waiting for the peer's end */
	TR_STREAM_CLOSED,
};

/* What a call of the user leaves to the next turn. */
enum tr_stream_todo {
	TR_STREAM_TODO_START = 1,
	TR_STREAM_TODO_RESUME = 2,
	TR_STREAM_TODO_FAIL = 4,
};

struct tr_stream_socket {
	uv_tcp_t tcp;
	struct tr_stream *stream; /* NULL once given up */
};

/* Exists only while bytes are queued. */
struct tr_stream_writer {
	uv_write_t request;
	struct tr_stream_socket *socket;
	struct write_chunk *head; /* in flight */
	struct write_chunk *tail;
	size_t waiting; /* bytes behind the chunk in flight */
};

struct tr_stream {
	struct tr_loop *loop;
	struct tr_stream_handler handler;
	void *arg;
	struct tr_stream_socket *socket;
	struct stream_connect *connect; /* until open */
	struct stream_tls *tls;         /* NULL for plain TCP, and until TCP is connected */
	struct tr_stream_writer *writer;
	struct tr_timer *timer;   /* of connecting, then of ending */
	struct tr_error *failure; /* found in a call of the user, to be told in the next turn */
	char *host;
	char *peer; /* address and port, once connected */
	size_t write_max;
	size_t write_high;
	size_t write_low;
	uint16_t port;
	uint8_t state; /* enum tr_stream_state */
	uint8_t todo;
	uint8_t depth;
	bool destroyed;
	bool paused;
	bool above_high;
	bool write_broken;
	bool fin_sent;
};

/* stream.c */
void tr_stream_enter(struct tr_stream *stream);
void tr_stream_leave(struct tr_stream *stream);
bool tr_stream_alive(const struct tr_stream *stream);
void tr_stream_schedule(struct tr_stream *stream, enum tr_stream_todo todo);
/* The connection is there: stops the clock and calls on_open. */
void tr_stream_opened(struct tr_stream *stream);
void tr_stream_deliver(struct tr_stream *stream, struct tr_str bytes);
/* Ends the stream with on_close. */
void tr_stream_finish(struct tr_stream *stream, const struct tr_error *error);
/* The connection broke: tries the next address while connecting, else ends the stream. */
void tr_stream_lost(struct tr_stream *stream, const struct tr_error *error);
/* The same in the next turn, for calls of the user. The first error stays. */
void tr_stream_lost_later(struct tr_stream *stream, const struct tr_error *error);
/* The peer ended the stream in order. */
void tr_stream_peer_ended(struct tr_stream *stream);
/* The queue is empty: goes on with an ending. */
void tr_stream_flushed(struct tr_stream *stream);
void tr_stream_read_start(struct tr_stream *stream);
/* One clock for connecting, for the last words after a failed write, and for ending. */
void tr_stream_timer_start(struct tr_stream *stream, uint64_t delay_ms);
void tr_stream_drop_socket(struct tr_stream *stream);

/* stream_endpoint.c */
/* Fills `error` for a failed libuv call: "WHAT HOST:PORT (ADDRESS): REASON". */
int tr_stream_error(
	const struct tr_stream *stream, struct tr_error *error, int status, const char *what);
/* "irc.example.com:6697 (192.0.2.1)", cut to fit. */
enum { TR_STREAM_WHERE_LEN = 140 };
const char *tr_stream_where(const struct tr_stream *stream, char out[TR_STREAM_WHERE_LEN]);
uint16_t tr_stream_address_port(const struct sockaddr *address);

/* stream_connect.c */
void tr_stream_connect_prepare(struct tr_stream *stream, const struct tr_stream_options *options);
void tr_stream_connect_start(struct tr_stream *stream);
/* Forgets all addresses; called when open and when closed. */
void tr_stream_connect_finish(struct tr_stream *stream);
void tr_stream_connect_timeout(struct tr_stream *stream);
/* The address at hand failed. Tries the next one, or ends the stream with `error`. */
void tr_stream_connect_failed(struct tr_stream *stream, const struct tr_error *error);
struct tr_tls *tr_stream_connect_tls(const struct tr_stream *stream);
const char *tr_stream_connect_tls_name(const struct tr_stream *stream);
struct tr_tls_identity *tr_stream_connect_identity(const struct tr_stream *stream);

/* stream_write.c */
/* Hands raw bytes to the kernel and queues the rest. A failure comes later by itself. */
void tr_stream_send(struct tr_stream *stream, struct tr_str bytes);
void tr_stream_writer_finish(struct tr_stream *stream);

/* stream_tls.c */
/* Starts the handshake on the connected socket. */
void tr_stream_tls_start(struct tr_stream *stream);
void tr_stream_tls_finish(struct tr_stream *stream);
/* Bytes from the socket: decrypts and delivers. */
void tr_stream_tls_input(struct tr_stream *stream, struct tr_str bytes);
/* Goes on with what was held back while paused. */
void tr_stream_tls_resume(struct tr_stream *stream);
int tr_stream_tls_write(struct tr_stream *stream, struct tr_str bytes);
/* Queues the closing notice. */
void tr_stream_tls_end(struct tr_stream *stream);

/* The BIO method that joins a session to its stream (BIO data: struct tr_stream *). */
BIO_METHOD *tr_stream_tls_bio_method(void);

/* tls.c */
struct tr_tls *tr_tls_ref(struct tr_tls *tls);
/* A client session that verifies `name` (a host name or an address) as the context wants it. */
SSL *tr_tls_session(struct tr_tls *tls, const char *name, const struct tr_tls_identity *identity,
	struct tr_error *error);
/* tls_identity.c: shows it on this session alone; false = OpenSSL does not take it. */
bool tr_tls_identity_use(const struct tr_tls_identity *identity, SSL *ssl);
/* Why the last call on `ssl` failed, as the end of a sentence. */
void tr_tls_reason(const SSL *ssl, const char *name, char *out, size_t size);
/* Made once a context. */
BIO_METHOD *tr_tls_bio_method(struct tr_tls *tls);

#endif
