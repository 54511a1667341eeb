/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server: libmicrohttpd without threads of its own, its epoll descriptor watched by one
 * uv_poll and its timeouts by one timer. This file owns the life of a request: headers, body under
 * a cap, wait for the answer with the connection suspended, answer. Routes, tokens and what bodies
 * mean are left to the handler; the listening socket is made in http_listen.c, what can be asked of
 * a request is in http_server_request.c.
 */
#include "core/io/http_server_internal.h"

#include "core/base/alloc.h"
#include "core/base/log.h"

#include <string.h>
#include <unistd.h>
#include <uv.h>

enum {
	CONNECTION_MEMORY = 64 * 1024, /* headers; also the unit in which a body is read */
	BODY_RESERVE_MAX = 1024 * 1024,
	DRAIN_FACTOR = 4, /* so many times body_max are read and thrown away to get a 413 across */
	RUNS_A_TURN = 8,
};

static const char too_big_body[] =
	"{\"errcode\":\"M_TOO_LARGE\",\"error\":\"The request body is too large\"}";
static const char quiesced_body[] =
	"{\"errcode\":\"M_UNKNOWN\",\"error\":\"The service is shutting down\"}";
static const char json_type[] = "application/json";

/* Freed in the close callback, which comes after the server has gone. */
struct epoll_watch {
	uv_poll_t uv;
	struct tr_http_server *server;
};

struct tr_http_server {
	struct tr_loop *loop;
	struct MHD_Daemon *daemon;
	struct epoll_watch *watch;
	struct tr_timer *timer;
	const struct tr_http_server_handler *handler;
	void *arg;
	struct tr_list waiting; /* suspended requests */
	size_t body_max;
	uint16_t port;
	uint64_t too_big;
	bool quiesced;
	bool running;  /* inside MHD_run() */
	bool resuming; /* a run is deferred */
};

static void request_free(struct tr_http_server_request *request)
{
	TR_ASSERT(!tr_list_linked(&request->node));
	if (request->response) {
		MHD_destroy_response(request->response);
	}
	if (request->destroy_owned) {
		request->destroy_owned(request->owned);
	}
	tr_buf_finish(&request->body);
	tr_arena_finish(&request->arena);
	tr_free(request->headers);
	tr_free(request);
}

/* Serves what is ready and asks libmicrohttpd when to come back. */
static void server_run(struct tr_http_server *server)
{
	MHD_UNSIGNED_LONG_LONG timeout = 0;
	unsigned runs = 0;
	bool timed = true;

	TR_ASSERT(!server->running);
	server->running = true;
	do {
		(void)MHD_run(server->daemon);
		timed = MHD_get_timeout(server->daemon, &timeout) == MHD_YES;
	} while (timed && timeout == 0 && ++runs < RUNS_A_TURN);
	server->running = false;
	if (timed) {
		tr_timer_start(server->timer, timeout);
	} else {
		tr_timer_stop(server->timer);
	}
}

static void on_timer(void *arg)
{
	server_run(arg);
}

static void on_resumed(void *arg)
{
	struct tr_http_server *server = arg;

	server->resuming = false;
	server_run(server);
}

/* With an outer loop the library does not wake its descriptor after a resume, and says so: the next
 * run is up to us. Not at once: the handlers of other requests would run inside the answer. */
static void resume(struct tr_http_server_request *request)
{
	struct tr_http_server *server = request->server;

	MHD_resume_connection(request->connection);
	if (!server->resuming) {
		server->resuming = true;
		tr_loop_defer(server->loop, on_resumed, server);
	}
}

static void on_epoll(uv_poll_t *handle, int status, int events)
{
	struct epoll_watch *watch = TR_CONTAINER_OF(handle, struct epoll_watch, uv);

	(void)status;
	(void)events;
	server_run(watch->server);
}

static void on_watch_closed(uv_handle_t *handle)
{
	tr_free(TR_CONTAINER_OF(handle, struct epoll_watch, uv));
}

/* Sends the answer the request holds. */
static enum MHD_Result queue_answer(struct tr_http_server_request *request)
{
	enum MHD_Result result =
		MHD_queue_response(request->connection, request->status, request->response);

	MHD_destroy_response(request->response);
	request->response = NULL;
	return result;
}

static void answer_too_big(struct tr_http_server_request *request)
{
	request->server->too_big++;
	tr_buf_finish(&request->body);
	tr_log_warn("http", "refused a request body over %zu bytes", request->server->body_max);
	tr_http_server_respond(request, MHD_HTTP_CONTENT_TOO_LARGE, json_type,
		tr_str_of(too_big_body, sizeof(too_big_body) - 1));
}

/* The length announced, 0 when there is none or it is nonsense (libmicrohttpd answers that). */
static uint64_t announced_length(const struct tr_http_server_request *request)
{
	uint64_t length = 0;

	(void)tr_str_to_u64(
		tr_http_server_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH), &length);
	return length;
}

/* The header block is in: the handler may answer now, and a body that is too big by its own word
 * is refused. Answers wait until the body is drained, or the client would see a reset instead of
 * them; unless it asked first (Expect) or has too much to drain. */
static enum MHD_Result on_header_block(struct tr_http_server_request *request)
{
	struct tr_http_server *server = request->server;
	uint64_t length = announced_length(request);
	bool asks = !tr_str_empty(tr_http_server_header(request, MHD_HTTP_HEADER_EXPECT));

	request->state = REQUEST_RECEIVING;
	if (server->quiesced) {
		tr_http_server_add_header(request, MHD_HTTP_HEADER_CONNECTION, "close");
		tr_http_server_respond(request, MHD_HTTP_SERVICE_UNAVAILABLE, json_type,
			tr_str_of(quiesced_body, sizeof(quiesced_body) - 1));
	} else {
		server->handler->on_headers(server->arg, request);
	}
	if (request->state == REQUEST_RECEIVING && length > server->body_max) {
		answer_too_big(request);
	}
	if (request->state == REQUEST_ANSWERED) {
		if (length / DRAIN_FACTOR > server->body_max || (asks && length > 0)) {
			return queue_answer(request);
		}
		return MHD_YES;
	}
	tr_buf_init(&request->body, server->body_max);
	if (length > 0) {
		(void)tr_buf_reserve(&request->body,
			length < BODY_RESERVE_MAX ? (size_t)length : BODY_RESERVE_MAX);
	}
	return MHD_YES;
}

static enum MHD_Result on_body_part(
	struct tr_http_server_request *request, const char *data, size_t *size)
{
	size_t taken = *size;

	*size = 0;
	request->received += taken;
	if (request->state == REQUEST_ANSWERED) {
		return request->received / DRAIN_FACTOR > request->server->body_max ? MHD_NO
										    : MHD_YES;
	}
	if (tr_buf_add(&request->body, tr_str_of(data, taken)) != 0) {
		answer_too_big(request);
	}
	return MHD_YES;
}

static enum MHD_Result on_body_end(struct tr_http_server_request *request)
{
	struct tr_http_server *server = request->server;

	if (request->state == REQUEST_RECEIVING) {
		request->state = REQUEST_HANDLED;
		server->handler->on_request(server->arg, request);
		if (request->state != REQUEST_ANSWERED) {
			request->state = REQUEST_WAITING;
			tr_list_append(&server->waiting, &request->node);
			MHD_suspend_connection(request->connection);
			return MHD_YES;
		}
	}
	return queue_answer(request);
}

/* libmicrohttpd calls this first with the headers, then for each part of the body, then with no
 * part left, and once more after a resume. */
static enum MHD_Result on_access(void *cls, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload_data, size_t *upload_data_size,
	void **con_cls)
{
	struct tr_http_server_request *request = *con_cls;

	(void)cls;
	(void)connection;
	(void)url;
	(void)version;
	if (!request) {
		return MHD_NO;
	}
	if (request->state == REQUEST_NEW) {
		request->method = tr_arena_str(&request->arena, tr_str_from(method));
		return on_header_block(request);
	}
	if (*upload_data_size > 0) {
		return on_body_part(request, upload_data, upload_data_size);
	}
	return on_body_end(request);
}

/* The request line is in, still as sent: here the request is born. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct tr_http_server_request *request = tr_alloc(sizeof(*request));

	request->server = cls;
	request->connection = connection;
	tr_http_server_request_set_uri(request, tr_str_from(uri));
	return request;
}

/* The exchange is over: the answer is sent, or the client went away. A request that still waits
 * for its answer cannot come here, for its connection is suspended; except at the end of the
 * server, which has then cut it loose. */
static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
	enum MHD_RequestTerminationCode code)
{
	struct tr_http_server_request *request = *con_cls;

	(void)cls;
	(void)connection;
	(void)code;
	*con_cls = NULL;
	if (request && request->server) {
		request_free(request);
	}
}

void tr_http_server_respond(
	struct tr_http_server_request *request, int status, const char *type, struct tr_str body)
{
	struct tr_http_server_header *header;
	bool waiting = request->state == REQUEST_WAITING;

	TR_ASSERT(request->state == REQUEST_RECEIVING || request->state == REQUEST_HANDLED ||
		  waiting);
	tr_list_remove(&request->node);
	if (!request->server) {
		request_free(request);
		return;
	}
	/* The library takes a mutable pointer for both of its copying modes. */
	request->response = MHD_create_response_from_buffer(
		body.len, (void *)(uintptr_t)body.ptr, MHD_RESPMEM_MUST_COPY);
	TR_ASSERT(request->response != NULL);
	(void)MHD_add_response_header(request->response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	for (header = request->headers; header < request->headers + request->header_count;
		header++) {
		(void)MHD_add_response_header(request->response, header->name, header->value);
	}
	request->status = (unsigned)status;
	request->state = REQUEST_ANSWERED;
	if (waiting) {
		resume(request);
	}
}

static void on_library_log(void *arg, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
static void on_library_log(void *arg, const char *format, va_list args)
{
	struct tr_buf text = TR_BUF_INIT(500);

	(void)arg;
	if (tr_log_enabled(TR_LOG_DEBUG)) {
		(void)tr_buf_addfv(&text, format, args);
		tr_log_debug("http", "server: %.*s", TR_STR_ARG(tr_str_trim(tr_buf_str(&text))));
		tr_buf_finish(&text);
	}
}

/* The path and the query are ours to decode; the library's decoding would be lost work. */
static size_t leave_encoded(void *cls, struct MHD_Connection *connection, char *text)
{
	(void)cls;
	(void)connection;
	return strlen(text);
}

static struct MHD_Daemon *start_daemon(
	struct tr_http_server *server, const struct tr_http_server_options *options, int fd)
{
	unsigned idle = options->idle_seconds ? options->idle_seconds : 90;
	unsigned connections = options->connections_max ? options->connections_max : 256;

	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
		NULL, NULL, on_access, server, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, server,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_LIMIT, connections,
		MHD_OPTION_CONNECTION_TIMEOUT, idle, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_URI_LOG_CALLBACK, on_uri, server, MHD_OPTION_UNESCAPE_CALLBACK,
		leave_encoded, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
		MHD_OPTION_END);
}

struct tr_http_server *tr_http_server_create(struct tr_loop *loop,
	const struct tr_http_server_options *options, const struct tr_http_server_handler *handler,
	void *arg, struct tr_error *error)
{
	struct tr_http_server *server;
	const union MHD_DaemonInfo *info;
	uint16_t port = 0;
	int fd = tr_http_listen(options->listen, &port, error);

	if (fd < 0) {
		return NULL;
	}
	server = tr_alloc(sizeof(*server));
	server->loop = loop;
	server->handler = handler;
	server->arg = arg;
	server->port = port;
	server->body_max = options->body_max ? options->body_max : (size_t)16 * 1024 * 1024;
	tr_list_init(&server->waiting);
	server->daemon = start_daemon(server, options, fd);
	if (!server->daemon) {
		(void)tr_error_set(
			error, TR_E_SYSTEM, "cannot start the HTTP server on %s", options->listen);
		close(fd);
		tr_free(server);
		return NULL;
	}
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	server->watch = tr_alloc(sizeof(*server->watch));
	server->watch->server = server;
	TR_ASSERT(uv_poll_init(tr_loop_uv(loop), &server->watch->uv, info->epoll_fd) == 0);
	TR_ASSERT(uv_poll_start(&server->watch->uv, UV_READABLE, on_epoll) == 0);
	server->timer = tr_timer_create(loop, on_timer, server);
	return server;
}

void tr_http_server_quiesce(struct tr_http_server *server)
{
	MHD_socket fd;

	if (server->quiesced) {
		return;
	}
	server->quiesced = true;
	fd = MHD_quiesce_daemon(server->daemon);
	if (fd != MHD_INVALID_SOCKET) {
		close(fd);
	}
}

void tr_http_server_destroy(struct tr_http_server *server)
{
	struct tr_list *node;

	if (!server) {
		return;
	}
	TR_ASSERT(!server->running);
	uv_close((uv_handle_t *)&server->watch->uv, on_watch_closed);
	tr_timer_destroy(server->timer);
	tr_loop_defer_cancel(server->loop, on_resumed, server);
	/* The library must not be stopped with suspended connections; and whoever holds a request
	 * may still answer it after we are gone. */
	while ((node = tr_list_head(&server->waiting)) != NULL) {
		struct tr_http_server_request *request =
			TR_LIST_ENTRY(node, struct tr_http_server_request, node);

		tr_list_remove(node);
		request->server = NULL;
		MHD_resume_connection(request->connection);
		request->connection = NULL;
	}
	MHD_stop_daemon(server->daemon);
	tr_free(server);
}

uint16_t tr_http_server_port(const struct tr_http_server *server)
{
	return server->port;
}

uint64_t tr_http_server_too_big_count(const struct tr_http_server *server)
{
	return server->too_big;
}
