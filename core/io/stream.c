/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a stream: states, the user's callbacks, reading, pausing and ending. Addresses are in
 * stream_connect.c and stream_endpoint.c, the queue in stream_write.c, encryption in stream_tls.c.
 */
#include "core/base/alloc.h"
#include "core/io/loop_internal.h"
#include "core/io/stream_internal.h"

enum {
	DEFAULT_WRITE_MAX = 1024 * 1024,
	/* After a failed write the peer's last words may still be there to read. */
	LAST_WORDS_MS = 1000,
};

static void on_todo(void *arg);

void tr_stream_enter(struct tr_stream *stream)
{
	TR_ASSERT(stream->depth < UINT8_MAX);
	stream->depth++;
}

static void stream_free(struct tr_stream *stream)
{
	tr_free(stream->failure);
	tr_free(stream->host);
	tr_free(stream->peer);
	tr_free(stream);
}

void tr_stream_leave(struct tr_stream *stream)
{
	stream->depth--;
	if (stream->depth == 0 && stream->destroyed) {
		stream_free(stream);
	}
}

bool tr_stream_alive(const struct tr_stream *stream)
{
	return !stream->destroyed && stream->state != TR_STREAM_CLOSED;
}

void tr_stream_schedule(struct tr_stream *stream, enum tr_stream_todo todo)
{
	if (stream->todo == 0) {
		tr_loop_defer(stream->loop, on_todo, stream);
	}
	stream->todo |= (uint8_t)todo;
}

static void on_socket_closed(uv_handle_t *handle)
{
	tr_free(handle->data);
}

void tr_stream_drop_socket(struct tr_stream *stream)
{
	struct tr_stream_socket *socket = stream->socket;

	tr_stream_tls_finish(stream);
	tr_stream_writer_finish(stream);
	if (socket) {
		stream->socket = NULL;
		socket->stream = NULL;
		uv_close((uv_handle_t *)&socket->tcp, on_socket_closed);
	}
}

static void stop_timer(struct tr_stream *stream)
{
	tr_timer_destroy(stream->timer);
	stream->timer = NULL;
}

/* Everything but the memory of the stream itself. */
static void release_parts(struct tr_stream *stream)
{
	tr_stream_drop_socket(stream);
	tr_stream_connect_finish(stream);
	stop_timer(stream);
	if (stream->todo != 0) {
		stream->todo = 0;
		tr_loop_defer_cancel(stream->loop, on_todo, stream);
	}
}

void tr_stream_finish(struct tr_stream *stream, const struct tr_error *error)
{
	struct tr_error copy = *error; /* it may be the stream's own */

	TR_ASSERT(tr_stream_alive(stream) && stream->depth > 0);
	stream->state = TR_STREAM_CLOSED;
	release_parts(stream);
	stream->handler.on_close(stream->arg, &copy);
}

void tr_stream_lost(struct tr_stream *stream, const struct tr_error *error)
{
	struct tr_error closed;
	char where[TR_STREAM_WHERE_LEN];
	bool unsent = tr_stream_queued(stream) > 0 || stream->write_broken;

	if (stream->state == TR_STREAM_CONNECTING) {
		tr_stream_connect_failed(stream, error);
		return;
	}
	if (stream->state == TR_STREAM_ENDING && error->code != TR_E_CLOSED) {
		/* We wanted it to end; how it did matters only to what was not sent. */
		tr_error_set_class(&closed, TR_E_CLOSED, TR_CLASS_RETRY,
			"the connection to %s was closed%s", tr_stream_where(stream, where),
			unsent ? " before all was sent" : "");
		error = &closed;
	}
	tr_stream_finish(stream, error);
}

void tr_stream_lost_later(struct tr_stream *stream, const struct tr_error *error)
{
	if (!stream->failure) {
		stream->failure = tr_memdup(error, sizeof(*error));
		tr_stream_schedule(stream, TR_STREAM_TODO_FAIL);
	}
}

static void on_timer(void *arg)
{
	struct tr_stream *stream = arg;
	struct tr_error error;

	tr_stream_enter(stream);
	if (stream->state == TR_STREAM_CONNECTING) {
		tr_stream_connect_timeout(stream);
	} else if (stream->state == TR_STREAM_ENDING) {
		tr_error_set(&error, TR_E_TIMEOUT, "the end took too long");
		tr_stream_lost(stream, &error);
	} else {
		tr_stream_finish(stream, stream->failure);
	}
	tr_stream_leave(stream);
}

void tr_stream_timer_start(struct tr_stream *stream, uint64_t delay_ms)
{
	if (!stream->timer) {
		stream->timer = tr_timer_create(stream->loop, on_timer, stream);
	}
	tr_timer_start(stream->timer, delay_ms);
}

static void on_todo(void *arg)
{
	struct tr_stream *stream = arg;
	unsigned todo = stream->todo;

	stream->todo = 0;
	tr_stream_enter(stream);
	if (stream->state == TR_STREAM_CONNECTING && (todo & TR_STREAM_TODO_START)) {
		tr_stream_connect_start(stream);
	}
	if (tr_stream_alive(stream) && (todo & TR_STREAM_TODO_RESUME) && !stream->paused) {
		tr_stream_tls_resume(stream);
		if (tr_stream_alive(stream) && !stream->paused) {
			tr_stream_read_start(stream);
		}
	}
	if (tr_stream_alive(stream) && (todo & TR_STREAM_TODO_FAIL) && stream->failure) {
		if (stream->state == TR_STREAM_OPEN && !stream->paused) {
			tr_stream_timer_start(stream, LAST_WORDS_MS);
		} else {
			tr_stream_lost(stream, stream->failure);
		}
	}
	tr_stream_leave(stream);
}

void tr_stream_opened(struct tr_stream *stream)
{
	stop_timer(stream);
	tr_stream_connect_finish(stream);
	stream->state = TR_STREAM_OPEN;
	stream->handler.on_open(stream->arg);
	if (!tr_stream_alive(stream) || !stream->socket) {
		return;
	}
	if (stream->paused) {
		uv_read_stop((uv_stream_t *)&stream->socket->tcp);
	} else {
		tr_stream_read_start(stream);
	}
}

void tr_stream_deliver(struct tr_stream *stream, struct tr_str bytes)
{
	stream->handler.on_read(stream->arg, bytes);
}

void tr_stream_peer_ended(struct tr_stream *stream)
{
	struct tr_error error;
	char where[TR_STREAM_WHERE_LEN];

	tr_stream_where(stream, where);
	if (stream->state == TR_STREAM_CONNECTING) {
		tr_error_set(&error, TR_E_NETWORK,
			"%s closed the connection during the TLS handshake", where);
	} else {
		tr_error_set_class(&error, TR_E_CLOSED, TR_CLASS_RETRY,
			stream->state == TR_STREAM_ENDING ? "the connection to %s was closed"
							  : "%s closed the connection",
			where);
	}
	tr_stream_lost(stream, &error);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct tr_stream_socket *socket = handle->data;

	(void)suggested;
	buf->base = NULL;
	buf->len = 0;
	if (socket->stream) {
		*buf = uv_buf_init(tr_loop_read_buffer(socket->stream->loop), TR_LOOP_READ_LEN);
	}
}

static void on_read(uv_stream_t *handle, ssize_t count, const uv_buf_t *buf)
{
	struct tr_stream_socket *socket = handle->data;
	struct tr_stream *stream = socket->stream;
	struct tr_error error;

	if (!stream || count == 0) {
		return;
	}
	tr_stream_enter(stream);
	if (count > 0 && stream->tls) {
		tr_stream_tls_input(stream, tr_str_of(buf->base, (size_t)count));
	} else if (count > 0) {
		tr_stream_deliver(stream, tr_str_of(buf->base, (size_t)count));
	} else if (count == UV_EOF) {
		tr_stream_peer_ended(stream);
	} else {
		tr_stream_error(stream, &error, (int)count, "lost the connection to");
		tr_stream_lost(stream, &error);
	}
	tr_stream_leave(stream);
}

void tr_stream_read_start(struct tr_stream *stream)
{
	int status = uv_read_start((uv_stream_t *)&stream->socket->tcp, on_alloc, on_read);
	struct tr_error error;

	if (status < 0 && status != UV_EALREADY) {
		tr_stream_error(stream, &error, status, "cannot read from");
		tr_stream_lost_later(stream, &error);
	}
}

struct tr_stream *tr_stream_create(struct tr_loop *loop, const struct tr_stream_options *options,
	const struct tr_stream_handler *handler, void *arg)
{
	struct tr_stream *stream = tr_alloc(sizeof(*stream));

	stream->loop = loop;
	stream->handler = *handler;
	stream->arg = arg;
	stream->host = tr_strdup(options->host);
	stream->port = options->port;
	stream->write_max = options->write_max ? options->write_max : DEFAULT_WRITE_MAX;
	stream->write_high = options->write_high ? options->write_high : stream->write_max / 4;
	stream->write_low = options->write_low ? options->write_low : stream->write_high / 4;
	stream->state = TR_STREAM_CONNECTING;
	tr_stream_connect_prepare(stream, options);
	tr_stream_schedule(stream, TR_STREAM_TODO_START);
	return stream;
}

void tr_stream_destroy(struct tr_stream *stream)
{
	if (!stream) {
		return;
	}
	TR_ASSERT(!stream->destroyed);
	stream->destroyed = true;
	release_parts(stream);
	if (stream->depth == 0) {
		stream_free(stream);
	}
}

void tr_stream_pause(struct tr_stream *stream)
{
	stream->paused = true;
	/* A handshake reads on. */
	if (tr_stream_alive(stream) && stream->state != TR_STREAM_CONNECTING && stream->socket) {
		uv_read_stop((uv_stream_t *)&stream->socket->tcp);
	}
}

void tr_stream_resume(struct tr_stream *stream)
{
	bool was_paused = stream->paused;

	stream->paused = false;
	if (was_paused && tr_stream_alive(stream) && stream->state != TR_STREAM_CONNECTING &&
		stream->socket) {
		tr_stream_schedule(stream, TR_STREAM_TODO_RESUME);
	}
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
	(void)status; /* the read side or the timer ends the stream */
	tr_free(request);
}

void tr_stream_flushed(struct tr_stream *stream)
{
	struct tr_error error;
	uv_shutdown_t *request;
	char where[TR_STREAM_WHERE_LEN];

	if (stream->state != TR_STREAM_ENDING || !stream->socket || stream->fin_sent) {
		return;
	}
	stream->fin_sent = true;
	/* Closing a socket with unread bytes in it resets the connection, which can destroy at the
	 * peer what we sent last. So: say that we are done and read on until the peer is, too. */
	request = tr_alloc(sizeof(*request));
	if (uv_shutdown(request, (uv_stream_t *)&stream->socket->tcp, on_shutdown) < 0) {
		tr_free(request);
	} else if (!stream->paused) {
		return;
	}
	tr_error_set_class(&error, TR_E_CLOSED, TR_CLASS_RETRY, "the connection to %s was closed",
		tr_stream_where(stream, where));
	tr_stream_lost_later(stream, &error);
}

void tr_stream_shutdown(struct tr_stream *stream, uint64_t timeout_ms)
{
	struct tr_error error;
	char where[TR_STREAM_WHERE_LEN];
	bool was_open = stream->state == TR_STREAM_OPEN && !stream->write_broken;

	if (!tr_stream_alive(stream) || stream->state == TR_STREAM_ENDING) {
		return;
	}
	stream->state = TR_STREAM_ENDING;
	if (!was_open) {
		tr_error_set_class(&error, TR_E_CLOSED, TR_CLASS_RETRY,
			"the connection to %s was given up", tr_stream_where(stream, where));
		tr_stream_drop_socket(stream);
		tr_stream_connect_finish(stream);
		stop_timer(stream);
		tr_free(stream->failure);
		stream->failure = NULL;
		tr_stream_lost_later(stream, &error);
		return;
	}
	tr_stream_timer_start(stream, timeout_ms);
	if (stream->tls) {
		tr_stream_tls_end(stream);
	}
	if (!stream->writer) {
		tr_stream_flushed(stream);
	}
}
