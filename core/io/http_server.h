/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 server (libmicrohttpd, external epoll descriptor in the loop).
 *
 * A request is announced twice: on_headers once the header block is in, before any byte of the body
 * is taken (here belongs the token check), and on_request once the body is complete. on_headers may
 * answer at once; then on_request does not come and the body is drained unread up to the limit.
 * After on_request the handler answers exactly once, now or in any later turn: the connection is
 * suspended meanwhile. A body beyond the limit is answered 413 by the server and counted;
 * on_request does not come. A client that goes away before the answer: the request stays valid
 * until it is answered.
 */
#ifndef TRESTLE_IO_HTTP_SERVER_H
#define TRESTLE_IO_HTTP_SERVER_H

#include "core/base/error.h"
#include "core/base/str.h"
#include "core/io/loop.h"

struct tr_http_server;
struct tr_http_server_request;

struct tr_http_server_handler {
	void (*on_headers)(void *arg, struct tr_http_server_request *request);
	void (*on_request)(void *arg, struct tr_http_server_request *request);
};

struct tr_http_server_options {
	const char *listen;       /* "127.0.0.1:9999", "[::1]:9999"; port 0 = any free one */
	size_t body_max;          /* bytes; 0 = 16 MiB */
	unsigned idle_seconds;    /* 0 = 90 */
	unsigned connections_max; /* 0 = 256 */
};

struct tr_http_server *tr_http_server_create(struct tr_loop *loop,
	const struct tr_http_server_options *options, const struct tr_http_server_handler *handler,
	void *arg, struct tr_error *error);
/* Stops accepting new connections and new requests (503 with Connection: close). */
void tr_http_server_quiesce(struct tr_http_server *server);
/* Not inside on_headers and on_request. Ends all connections; unanswered requests become answered
 * ones (their answer goes nowhere). */
void tr_http_server_destroy(struct tr_http_server *server);
uint16_t tr_http_server_port(const struct tr_http_server *server);
/* Requests refused with 413 so far. */
uint64_t tr_http_server_too_big_count(const struct tr_http_server *server);

/* Valid until the answer. The path is as sent, still percent-encoded, without the query. */
struct tr_str tr_http_server_method(const struct tr_http_server_request *request);
struct tr_str tr_http_server_path(const struct tr_http_server_request *request);
struct tr_str tr_http_server_header(const struct tr_http_server_request *request, const char *name);
/* Decoded query parameter; false when absent. */
bool tr_http_server_query(
	const struct tr_http_server_request *request, const char *name, struct tr_str *value);
/* The parameters one by one, from index 0; false past the last. At most 64 are kept. */
bool tr_http_server_query_at(const struct tr_http_server_request *request, size_t index,
	struct tr_str *name, struct tr_str *value);
struct tr_str tr_http_server_body(const struct tr_http_server_request *request);

/* User data of the request, for handlers that answer later. What on_headers sets should need no
 * freeing: the client may go away before the body is complete, and then nothing comes any more. */
void tr_http_server_set_data(struct tr_http_server_request *request, void *data);
void *tr_http_server_data(const struct tr_http_server_request *request);

/* Hands something over that lives as long as the request: `destroy` is called once, after the
 * answer was sent or the client has gone, or when the answer comes after the server's end. Once a
 * request. */
typedef void tr_http_server_destroy_owned(void *owned);
void tr_http_server_own(
	struct tr_http_server_request *request, void *owned, tr_http_server_destroy_owned *destroy);

/* Answers and ends the request. The body is copied. `type` is the Content-Type. */
void tr_http_server_respond(
	struct tr_http_server_request *request, int status, const char *type, struct tr_str body);
/* Adds a response header before tr_http_server_respond(). */
void tr_http_server_add_header(
	struct tr_http_server_request *request, const char *name, const char *value);

#endif
