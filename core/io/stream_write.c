/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing: straight to the kernel while it takes everything, else into a list of chunks of which
 * the first is in flight. What goes in is bounded here (the user's bytes), not what TLS adds.
 */
#include "core/base/alloc.h"
#include "core/io/stream_internal.h"

#include <string.h>

enum { CHUNK_MIN = 4 * 1024, CHUNK_MAX = 32 * 1024 };

struct write_chunk {
	struct write_chunk *next;
	size_t cap;
	size_t len;
	size_t sent;
	char data[];
};

static void writer_free(struct tr_stream_writer *writer)
{
	struct write_chunk *chunk = writer->head;

	while (chunk) {
		struct write_chunk *next = chunk->next;

		tr_free(chunk);
		chunk = next;
	}
	tr_free(writer);
}

/* Only with its socket: libuv then calls on_written() for the chunk in flight, which frees it. */
void tr_stream_writer_finish(struct tr_stream *stream)
{
	stream->writer = NULL;
}

static void write_failed(struct tr_stream *stream, int status)
{
	struct tr_error error;

	stream->write_broken = true;
	tr_stream_error(stream, &error, status, "cannot write to");
	tr_stream_lost_later(stream, &error);
}

static uv_stream_t *tcp_of(const struct tr_stream *stream)
{
	return (uv_stream_t *)&stream->socket->tcp;
}

static int try_write(struct tr_stream *stream, const char *data, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);
	int status = uv_try_write(tcp_of(stream), &buf, 1);

	return status == UV_EAGAIN ? 0 : status;
}

static void on_written(uv_write_t *request, int status);

/* Puts the first chunk in flight. On failure the writer is gone. */
static void launch(struct tr_stream *stream)
{
	struct tr_stream_writer *writer = stream->writer;
	struct write_chunk *chunk = writer->head;
	uv_buf_t buf = uv_buf_init(chunk->data + chunk->sent, (unsigned)(chunk->len - chunk->sent));
	int status = uv_write(&writer->request, tcp_of(stream), &buf, 1, on_written);

	if (status < 0) {
		stream->writer = NULL;
		writer_free(writer);
		write_failed(stream, status);
	}
}

static void pop_chunk(struct tr_stream_writer *writer)
{
	struct write_chunk *chunk = writer->head;

	writer->head = chunk->next;
	tr_free(chunk);
	if (writer->head) {
		writer->waiting -= writer->head->len;
	} else {
		writer->tail = NULL;
	}
}

/* Sends chunks while the kernel takes them; then one is in flight again or the writer is gone. */
static void flush(struct tr_stream *stream)
{
	struct tr_stream_writer *writer = stream->writer;
	struct write_chunk *chunk;

	while ((chunk = writer->head) != NULL) {
		int status = try_write(stream, chunk->data, chunk->len);

		if (status < 0) {
			write_failed(stream, status);
			break;
		}
		chunk->sent = (size_t)status;
		if (chunk->sent < chunk->len) {
			launch(stream);
			return;
		}
		pop_chunk(writer);
	}
	stream->writer = NULL;
	writer_free(writer);
}

static void on_written(uv_write_t *request, int status)
{
	struct tr_stream_writer *writer = request->data;
	struct tr_stream *stream = writer->socket->stream;

	if (!stream) {
		writer_free(writer);
		return;
	}
	tr_stream_enter(stream);
	if (status < 0) {
		stream->writer = NULL;
		writer_free(writer);
		write_failed(stream, status);
	} else {
		pop_chunk(writer);
		flush(stream);
	}
	if (stream->above_high && !stream->write_broken &&
		tr_stream_queued(stream) <= stream->write_low) {
		stream->above_high = false;
		if (stream->state == TR_STREAM_OPEN && stream->handler.on_drain) {
			stream->handler.on_drain(stream->arg);
		}
	}
	if (tr_stream_alive(stream) && !stream->writer) {
		tr_stream_flushed(stream);
	}
	tr_stream_leave(stream);
}

/* The last chunk takes more when it is not in flight and has room. */
static struct write_chunk *chunk_for(struct tr_stream_writer *writer, size_t len)
{
	struct write_chunk *chunk = writer->tail;
	size_t cap = len < CHUNK_MIN ? CHUNK_MIN : len > CHUNK_MAX ? CHUNK_MAX : len;

	if (chunk && chunk != writer->head && chunk->len < chunk->cap) {
		return chunk;
	}
	chunk = tr_alloc(sizeof(*chunk) + cap);
	chunk->cap = cap;
	if (writer->tail) {
		writer->tail->next = chunk;
	} else {
		writer->head = chunk;
	}
	writer->tail = chunk;
	return chunk;
}

static void enqueue(struct tr_stream_writer *writer, struct tr_str bytes)
{
	while (bytes.len > 0) {
		struct write_chunk *chunk = chunk_for(writer, bytes.len);
		size_t room = chunk->cap - chunk->len;
		size_t count = bytes.len < room ? bytes.len : room;

		memcpy(chunk->data + chunk->len, bytes.ptr, count);
		chunk->len += count;
		if (chunk != writer->head) {
			writer->waiting += count;
		}
		bytes = tr_str_from_index(bytes, count);
	}
}

static struct tr_stream_writer *writer_create(struct tr_stream *stream)
{
	struct tr_stream_writer *writer = tr_alloc(sizeof(*writer));

	writer->socket = stream->socket;
	writer->request.data = writer;
	return writer;
}

void tr_stream_send(struct tr_stream *stream, struct tr_str bytes)
{
	int status;

	if (stream->write_broken || !stream->socket || bytes.len == 0) {
		return;
	}
	if (stream->writer) {
		enqueue(stream->writer, bytes);
	} else {
		status = try_write(stream, bytes.ptr, bytes.len);
		if (status < 0) {
			write_failed(stream, status);
			return;
		}
		bytes = tr_str_from_index(bytes, (size_t)status);
		if (bytes.len == 0) {
			return;
		}
		stream->writer = writer_create(stream);
		enqueue(stream->writer, bytes);
		launch(stream);
	}
	if (tr_stream_queued(stream) > stream->write_high) {
		stream->above_high = true;
	}
}

int tr_stream_write(struct tr_stream *stream, struct tr_str bytes)
{
	size_t queued = tr_stream_queued(stream);

	if (!tr_stream_alive(stream) || stream->state != TR_STREAM_OPEN || stream->write_broken) {
		return TR_E_CLOSED;
	}
	if (bytes.len > stream->write_max || queued > stream->write_max - bytes.len) {
		return TR_E_TOO_BIG;
	}
	if (stream->tls) {
		return tr_stream_tls_write(stream, bytes);
	}
	tr_stream_send(stream, bytes);
	return 0;
}

bool tr_stream_writable(const struct tr_stream *stream)
{
	return tr_stream_alive(stream) && stream->state == TR_STREAM_OPEN &&
	       !stream->write_broken && !stream->above_high;
}

size_t tr_stream_queued(const struct tr_stream *stream)
{
	if (!stream->writer) {
		return 0;
	}
	return stream->writer->waiting + uv_stream_get_write_queue_size(tcp_of(stream));
}
