/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a connection once it was accepted: reading, writing, and the ways it ends. What the
 * bytes mean is queue.c's and the commands' business. */
#include "net.h"

#include "fault.h"
#include "send.h"
#include "tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIRE_MAX  (256u << 10) /* bytes the loop may hold before lines wait in the send queue */
#define LINGER_MS 2000

static char read_space[65536];

static void free_when_closed(uv_handle_t *handle)
{
	struct ircd_conn *conn = handle->data;
	if (--conn->handles_open) {
		return;
	}
	ircd_tls_destroy(conn->tls);
	ircd_buf_free(&conn->in);
	ircd_buf_free(&conn->out);
	ircd_buf_free(&conn->sasl);
	free(conn->doomed);
	free(conn->cookie);
	free(conn);
}

static void unlink_dirty(struct ircd_conn *conn)
{
	struct ircd_conn **at = &conn->server->dirty;
	while (*at && *at != conn) {
		at = &(*at)->dirty_next;
	}
	if (*at) {
		*at = conn->dirty_next;
	}
	conn->dirty = false;
}

static void close_handles(struct ircd_conn *conn, bool reset)
{
	uv_handle_t *handle = (uv_handle_t *)&conn->tcp;
	if (uv_is_closing(handle)) {
		return;
	}
	if (conn->dirty) {
		unlink_dirty(conn);
	}
	conn->lingering = false;
	if (!reset || uv_tcp_close_reset(&conn->tcp, free_when_closed) != 0) {
		uv_close(handle, free_when_closed);
	}
	uv_close((uv_handle_t *)&conn->timer, free_when_closed);
}

static void on_linger_end(uv_timer_t *timer)
{
	close_handles(timer->data, false);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
	(void)status;
	free(request);
}

static void send_fin(struct ircd_conn *conn)
{
	uv_shutdown_t *request = ircd_alloc(sizeof(*request));
	if (conn->tls) {
		ircd_tls_say_goodbye(conn);
	}
	conn->half = true;
	if (uv_shutdown(request, (uv_stream_t *)&conn->tcp, on_shutdown) != 0) {
		free(request);
	}
}

void ircd_conn_half_close(struct ircd_conn *conn)
{
	send_fin(conn);
}

static void forget(struct ircd_conn *conn)
{
	struct ircd_server *server = conn->server;
	for (size_t i = 0; i < server->conn_count; i++) {
		if (server->conns[i] == conn) {
			server->conns[i] = server->conns[--server->conn_count];
			return;
		}
	}
}

void ircd_conn_close(struct ircd_conn *conn, enum ircd_close how, const char *reason)
{
	struct ircd_server *server = conn->server;
	if (conn->closed) {
		if (how != IRCD_CLOSE_GENTLY) {
			close_handles(conn, how == IRCD_CLOSE_RESET);
		}
		return;
	}
	size_t dropped = ircd_queue_drop(conn);
	ircd_ledger_write(&server->ledger, "DISCONNECT", conn->id, ircd_nick_of(conn->user), reason,
		strlen(reason), "dropped=%zu", dropped);
	conn->closed = true;
	ircd_raw_cancel(conn);
	forget(conn);
	struct ircd_user *user = conn->user;
	conn->user = NULL;
	user->conn = NULL;
	if (user->registered) {
		struct ircd_msg msg = ircd_msg_from(server, user, "QUIT :%s", reason);
		ircd_send_neighbours(server, user, &msg, false);
	}
	ircd_user_destroy(server, user);
	uv_timer_stop(&conn->timer);
	if (how != IRCD_CLOSE_GENTLY) {
		close_handles(conn, how == IRCD_CLOSE_RESET);
		return;
	}
	conn->lingering = true;
	conn->silent = false;
	ircd_conn_update_reading(conn);
	uv_timer_start(&conn->timer, on_linger_end, LINGER_MS, 0);
	ircd_conn_mark_dirty(conn);
}

void ircd_conn_error(struct ircd_conn *conn, const char *reason)
{
	const char *host = conn->user && conn->user->host ? conn->user->host : "unknown";
	char *line = ircd_printf("ERROR :Closing Link: %s (%s)\r\n", host, reason);
	ircd_conn_write(conn, line, strlen(line));
	free(line);
	ircd_conn_close(conn, IRCD_CLOSE_GENTLY, reason);
}

void ircd_conn_doom(struct ircd_conn *conn, const char *reason)
{
	if (!conn->doomed) {
		conn->doomed = ircd_dup(reason);
		ircd_conn_mark_dirty(conn);
	}
}

struct ircd_conn *ircd_conn_find(struct ircd_server *server, uint64_t id)
{
	for (size_t i = 0; i < server->conn_count; i++) {
		if (server->conns[i]->id == id) {
			return server->conns[i];
		}
	}
	return NULL;
}

/* Writing */

struct piece {
	uv_write_t request;
	struct ircd_conn *conn;
	struct ircd_buf data;
};

static void on_written(uv_write_t *request, int status)
{
	struct piece *piece = (struct piece *)request;
	struct ircd_conn *conn = piece->conn;
	ircd_buf_free(&piece->data);
	free(piece);
	if (uv_is_closing((uv_handle_t *)&conn->tcp)) {
		return;
	}
	if (status < 0) {
		ircd_conn_close(conn, IRCD_CLOSE_FIN, "Write error");
		return;
	}
	ircd_conn_mark_dirty(conn);
}

/* Hands the wire buffer to the kernel, and what it does not take to the loop. */
void ircd_conn_wire(struct ircd_conn *conn, const char *data, size_t len)
{
	uv_stream_t *stream = (uv_stream_t *)&conn->tcp;
	if (!len || conn->half || uv_is_closing((uv_handle_t *)&conn->tcp)) {
		return;
	}
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned int)len);
	int n = uv_try_write(stream, &buf, 1);
	if (n == (int)len) {
		return;
	}
	struct piece *piece = ircd_alloc(sizeof(*piece));
	piece->conn = conn;
	ircd_buf_add(&piece->data, data + (n > 0 ? n : 0), len - (n > 0 ? (size_t)n : 0));
	buf = uv_buf_init(piece->data.data, (unsigned int)piece->data.len);
	if (uv_write(&piece->request, stream, &buf, 1, on_written) != 0) {
		ircd_buf_free(&piece->data);
		free(piece);
	}
}

void ircd_conn_write_now(struct ircd_conn *conn, const char *data, size_t len)
{
	ircd_ledger_bytes(&conn->server->ledger, conn->id, '>', data, len);
	if (!conn->tls) {
		ircd_conn_wire(conn, data, len);
	} else if (ircd_tls_is_ready(conn->tls)) {
		ircd_tls_write(conn, data, len);
	}
}

void ircd_conn_mark_dirty(struct ircd_conn *conn)
{
	if (!conn->dirty && !uv_is_closing((uv_handle_t *)&conn->tcp)) {
		conn->dirty = true;
		conn->flush_at =
			uv_now(conn->server->loop) + (uint64_t)conn->server->options.gather_ms;
		conn->dirty_next = conn->server->dirty;
		conn->server->dirty = conn;
	}
}

void ircd_conn_write(struct ircd_conn *conn, const char *data, size_t len)
{
	if (conn->closed || conn->half) {
		return;
	}
	ircd_buf_add(&conn->out, data, len);
	if (conn->out.len > conn->server->options.sendq) {
		ircd_conn_doom(conn, "Max SendQ exceeded");
	}
	ircd_conn_mark_dirty(conn);
}

static void flush(struct ircd_conn *conn)
{
	if (conn->doomed && !conn->closed) {
		ircd_conn_close(conn, IRCD_CLOSE_FIN, conn->doomed);
		return;
	}
	if (conn->silent || conn->raw || (conn->tls && !ircd_tls_is_ready(conn->tls)) ||
		uv_stream_get_write_queue_size((uv_stream_t *)&conn->tcp) > WIRE_MAX) {
		return;
	}
	if (conn->out.len) {
		ircd_conn_write_now(conn, conn->out.data, conn->out.len);
		conn->out.len = 0;
		if (conn->out.cap > 1u << 16) {
			ircd_buf_free(&conn->out);
		}
	}
	if (conn->lingering && !conn->half) {
		send_fin(conn);
	}
}

/* Only wakes the loop. */
static void on_gathered(uv_timer_t *timer)
{
	(void)timer;
}

static void flush_all(uv_prepare_t *prepare)
{
	struct ircd_server *server = prepare->data;
	uint64_t now = uv_now(server->loop);
	struct ircd_conn *waiting = NULL;
	while (server->dirty) {
		struct ircd_conn *conn = server->dirty;
		server->dirty = conn->dirty_next;
		if (server->options.gather_ms > 0 && !conn->urgent && conn->flush_at > now &&
			!conn->doomed && !conn->lingering) {
			conn->dirty_next = waiting;
			waiting = conn;
			continue;
		}
		conn->dirty = false;
		conn->urgent = false;
		flush(conn);
	}
	server->dirty = waiting;
	if (waiting && !uv_is_active((uv_handle_t *)&server->gather)) {
		uv_timer_start(
			&server->gather, on_gathered, (uint64_t)server->options.gather_ms, 0);
	}
}

void ircd_conn_start_flushing(struct ircd_server *server)
{
	uv_prepare_init(server->loop, &server->prepare);
	server->prepare.data = server;
	uv_prepare_start(&server->prepare, flush_all);
	uv_timer_init(server->loop, &server->gather);
}

/* Reading */

static void give_read_space(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
	(void)handle;
	(void)wanted;
	*buf = uv_buf_init(read_space, sizeof(read_space));
}

void ircd_conn_input(struct ircd_conn *conn, const char *data, size_t len)
{
	if (conn->closed) {
		return;
	}
	ircd_ledger_bytes(&conn->server->ledger, conn->id, '<', data, len);
	conn->last_read = (int64_t)uv_now(conn->server->loop);
	conn->urgent = true;
	ircd_buf_add(&conn->in, data, len);
	ircd_queue_run(conn);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct ircd_conn *conn = stream->data;
	if (n == UV_EOF || n < 0) {
		const char *why =
			n == UV_EOF ? "Remote host closed the connection" : uv_strerror((int)n);
		ircd_conn_close(conn, IRCD_CLOSE_FIN, why);
		return;
	}
	if (conn->tls) {
		if (ircd_tls_feed(conn, buf->base, (size_t)n) < 0) {
			ircd_conn_close(conn, IRCD_CLOSE_FIN, "TLS closed");
		}
	} else {
		ircd_conn_input(conn, buf->base, (size_t)n);
	}
}

void ircd_conn_update_reading(struct ircd_conn *conn)
{
	bool full = !conn->closed && conn->in.len - conn->in_start > conn->server->options.recvq;
	if (uv_is_closing((uv_handle_t *)&conn->tcp)) {
		return;
	}
	if (conn->silent || full) {
		uv_read_stop((uv_stream_t *)&conn->tcp);
	} else {
		uv_read_start((uv_stream_t *)&conn->tcp, give_read_space, on_read);
	}
}

static void enlist(struct ircd_conn *conn)
{
	struct ircd_server *server = conn->server;
	if (server->conn_count == server->conn_room) {
		server->conn_room = server->conn_room ? server->conn_room * 2 : 64;
		server->conns =
			ircd_resize(server->conns, server->conn_room * sizeof(*server->conns));
	}
	server->conns[server->conn_count++] = conn;
}

struct ircd_conn *ircd_conn_create(struct ircd_server *server)
{
	struct ircd_conn *conn = ircd_alloc(sizeof(*conn));
	conn->server = server;
	conn->id = ++server->conn_last;
	conn->delay_ms = -1;
	conn->last_read = (int64_t)uv_now(server->loop);
	uv_tcp_init(server->loop, &conn->tcp);
	uv_timer_init(server->loop, &conn->timer);
	conn->tcp.data = conn;
	conn->timer.data = conn;
	conn->handles_open = 2;
	conn->user = ircd_user_create(conn);
	enlist(conn);
	return conn;
}
