/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements http.h with libmicrohttpd driven through its epoll descriptor. Paths and queries are
 * handed on undecoded, because the idempotency cache above keys by the path as it was sent.
 */
#include "tests/support/homeserver/http.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct hs_http {
	struct hs_hook hook;
	struct hs_watch watch;
	struct hs_timer up;
	struct hs_loop *loop;
	struct MHD_Daemon *daemon;
	int listener;
	unsigned port;
	size_t max_body;
	bool ready;
	bool down;
	hs_request_handler *handler;
	void *user;
	struct hs_request waiting; /* head of the ring of suspended requests */
};

static void suspend(struct hs_request *request)
{
	struct hs_request *head = &request->http->waiting;
	request->prev = head->prev;
	request->next = head;
	head->prev->next = request;
	head->prev = request;
	request->suspended = true;
	MHD_suspend_connection(request->connection);
}

static void resume(struct hs_request *request)
{
	request->prev->next = request->next;
	request->next->prev = request->prev;
	request->suspended = false;
	hs_timer_stop(&request->timer);
	MHD_resume_connection(request->connection);
	request->http->ready = true;
}

static void delay_over(struct hs_timer *timer)
{
	resume((struct hs_request *)((char *)timer - offsetof(struct hs_request, timer)));
}

static enum MHD_Result queue_answer(struct hs_request *request)
{
	if (request->drop) {
		return MHD_NO; /* closes the connection without an answer */
	}
	size_t len = request->answer.len;
	struct MHD_Response *response = MHD_create_response_from_buffer(
		len, hs_text_take(&request->answer), MHD_RESPMEM_MUST_FREE);
	MHD_add_response_header(response, "Content-Type",
		request->content_type ? request->content_type : "application/json");
	if (request->retry_after_s > 0) {
		char seconds[24];
		snprintf(seconds, sizeof(seconds), "%lld", (long long)request->retry_after_s);
		MHD_add_response_header(response, "Retry-After", seconds);
	}
	enum MHD_Result result =
		MHD_queue_response(request->connection, (unsigned)request->status, response);
	MHD_destroy_response(response);
	return result;
}

/* Runs the handler; afterwards the request is answered, delayed or kept. */
static enum MHD_Result handle(struct hs_request *request)
{
	request->handled = true;
	if (request->too_large) {
		hs_text_puts(&request->answer,
			"{\"errcode\":\"M_TOO_LARGE\",\"error\":\"Request too large\"}");
		hs_request_answer(request, 413);
	} else {
		request->http->handler(request, request->http->user);
	}
	if (!request->answered) {
		suspend(request);
		return MHD_YES;
	}
	if (request->delay_ms > 0) {
		request->timer.fire = delay_over;
		suspend(request);
		hs_timer_start(request->http->loop, &request->timer, request->delay_ms);
		return MHD_YES;
	}
	return queue_answer(request);
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *data_len, void **state)
{
	(void)version;
	struct hs_request *request = *state;
	if (!request) {
		request = hs_alloc(sizeof(*request));
		request->http = user;
		request->connection = connection;
		request->method = method;
		request->path = url;
		*state = request;
		return MHD_YES;
	}
	if (*data_len > 0) {
		if (request->body.len + *data_len > request->http->max_body) {
			request->too_large = true;
		} else {
			hs_text_add(&request->body, data, *data_len);
		}
		*data_len = 0;
		return MHD_YES;
	}
	return request->handled ? queue_answer(request) : handle(request);
}

static void on_completed(void *user, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	(void)user;
	(void)connection;
	(void)code;
	struct hs_request *request = *state;
	if (!request) {
		return;
	}
	hs_timer_stop(&request->timer);
	hs_text_free(&request->body);
	hs_text_free(&request->answer);
	free(request);
	*state = NULL;
}

static enum MHD_Result on_accept(void *user, const struct sockaddr *address, socklen_t len)
{
	(void)address;
	(void)len;
	const struct hs_http *http = user;
	return http->down ? MHD_NO : MHD_YES;
}

static size_t keep_escapes(void *user, struct MHD_Connection *connection, char *s)
{
	(void)user;
	(void)connection;
	return strlen(s);
}

static int start_daemon(struct hs_http *http)
{
	/* The daemon closes its copy of the listener; ours keeps the port over restarts. */
	int listener = fcntl(http->listener, F_DUPFD_CLOEXEC, 0);
	if (listener < 0) {
		return -1;
	}
	http->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK, 0,
		on_accept, http, on_request, http, MHD_OPTION_LISTEN_SOCKET, listener,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_UNESCAPE_CALLBACK,
		keep_escapes, NULL, MHD_OPTION_CONNECTION_LIMIT, 8000u,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)65536, MHD_OPTION_END);
	if (!http->daemon) {
		close(listener);
		return -1;
	}
	http->watch.fd = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	hs_loop_watch(http->loop, &http->watch, EPOLLIN);
	http->ready = true;
	return 0;
}

static void stop_daemon(struct hs_http *http)
{
	while (http->waiting.next != &http->waiting) {
		struct hs_request *request = http->waiting.next;
		if (!request->answered && request->gone) {
			request->gone(request);
		}
		request->answered = true;
		request->drop = true;
		resume(request);
	}
	hs_loop_watch(http->loop, &http->watch, 0);
	MHD_stop_daemon(http->daemon);
	http->daemon = NULL;
}

static void on_ready(struct hs_watch *watch, uint32_t events)
{
	(void)events;
	struct hs_http *http = (struct hs_http *)((char *)watch - offsetof(struct hs_http, watch));
	http->ready = true;
}

static int64_t wait_ms(struct hs_hook *hook)
{
	struct hs_http *http = (struct hs_http *)hook;
	MHD_UNSIGNED_LONG_LONG wait;
	if (http->ready) {
		return 0;
	}
	return MHD_get_timeout(http->daemon, &wait) == MHD_YES ? (int64_t)wait : -1;
}

static void run(struct hs_hook *hook)
{
	struct hs_http *http = (struct hs_http *)hook;
	MHD_UNSIGNED_LONG_LONG wait;
	if (http->ready || (MHD_get_timeout(http->daemon, &wait) == MHD_YES && wait == 0)) {
		http->ready = false;
		MHD_run(http->daemon);
	}
}

static void up_again(struct hs_timer *timer)
{
	struct hs_http *http = (struct hs_http *)((char *)timer - offsetof(struct hs_http, up));
	http->down = false;
}

static int listen_on(const char *address, unsigned *port)
{
	char host[64];
	const char *colon = strrchr(address, ':');
	if (!colon || (size_t)(colon - address) >= sizeof(host)) {
		return -1;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
	struct sockaddr_in in = {.sin_family = AF_INET};
	in.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, host, &in.sin_addr) != 1) {
		return -1;
	}
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int on = 1;
	socklen_t len = sizeof(in);
	if (fd < 0) {
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&in, len) < 0 || listen(fd, 1024) < 0 ||
		getsockname(fd, (struct sockaddr *)&in, &len) < 0 ||
		fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		close(fd);
		return -1;
	}
	*port = ntohs(in.sin_port);
	return fd;
}

struct hs_http *hs_http_create(struct hs_loop *loop, const char *address, size_t max_body,
	hs_request_handler *handler, void *user)
{
	struct hs_http *http = hs_alloc(sizeof(*http));
	http->loop = loop;
	http->max_body = max_body;
	http->handler = handler;
	http->user = user;
	http->watch.ready = on_ready;
	http->up.fire = up_again;
	http->waiting.prev = http->waiting.next = &http->waiting;
	http->listener = listen_on(address, &http->port);
	if (http->listener < 0 || start_daemon(http) < 0) {
		fprintf(stderr, "stub-homeserver: cannot listen on %s\n", address);
		if (http->listener >= 0) {
			close(http->listener);
		}
		free(http);
		return NULL;
	}
	http->hook = (struct hs_hook){.wait_ms = wait_ms, .run = run};
	hs_loop_hook(loop, &http->hook);
	return http;
}

void hs_http_destroy(struct hs_http *http)
{
	if (!http) {
		return;
	}
	stop_daemon(http);
	hs_timer_stop(&http->up);
	close(http->listener);
	free(http);
}

unsigned hs_http_port(const struct hs_http *http)
{
	return http->port;
}

void hs_http_restart(struct hs_http *http, int64_t down_ms)
{
	stop_daemon(http);
	http->down = down_ms > 0;
	if (http->down) {
		hs_timer_start(http->loop, &http->up, down_ms);
	}
	if (start_daemon(http) < 0) {
		fputs("stub-homeserver: cannot listen again\n", stderr);
		abort();
	}
}

void hs_request_answer(struct hs_request *request, int status)
{
	request->status = status;
	request->answered = true;
	if (!request->suspended) {
		return; /* still inside its handler, which goes on when that returns */
	}
	if (request->delay_ms > 0) {
		request->timer.fire = delay_over;
		hs_timer_start(request->http->loop, &request->timer, request->delay_ms);
	} else {
		resume(request);
	}
}

const char *hs_request_header(struct hs_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

char *hs_request_query(struct hs_request *request, const char *name)
{
	const char *raw =
		MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
	if (!raw) {
		return NULL;
	}
	char *value = hs_dup(raw);
	hs_unescape(value, true);
	return value;
}
