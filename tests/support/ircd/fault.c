/* SPDX-License-Identifier: Apache-2.0 */
/* Sends raw bytes in pieces. */
#include "fault.h"

#include "net.h"

#include <stdlib.h>

struct ircd_raw {
	uv_timer_t timer;
	struct ircd_conn *conn;
	struct ircd_buf data;
	size_t *cuts;
	size_t cut_count, next, sent;
};

static void free_raw(uv_handle_t *handle)
{
	struct ircd_raw *raw = handle->data;
	ircd_buf_free(&raw->data);
	free(raw->cuts);
	free(raw);
}

void ircd_raw_cancel(struct ircd_conn *conn)
{
	if (conn->raw) {
		uv_close((uv_handle_t *)&conn->raw->timer, free_raw);
		conn->raw = NULL;
	}
}

static void on_piece(uv_timer_t *timer)
{
	struct ircd_raw *raw = timer->data;
	struct ircd_conn *conn = raw->conn;
	size_t end = raw->next < raw->cut_count ? raw->cuts[raw->next] : raw->data.len;
	raw->next++;
	if (end > raw->data.len) {
		end = raw->data.len;
	}
	if (end > raw->sent) {
		ircd_conn_write_now(conn, raw->data.data + raw->sent, end - raw->sent);
		raw->sent = end;
	}
	if (raw->sent == raw->data.len) {
		ircd_raw_cancel(conn);
		ircd_conn_mark_dirty(conn);
	}
}

void ircd_raw_send(struct ircd_conn *conn, const char *data, size_t len, const size_t *cuts,
	size_t cut_count, int gap_ms)
{
	if (!cut_count && !conn->raw) {
		ircd_conn_write(conn, data, len); /* in order with the lines before it */
		return;
	}
	if (conn->raw) {
		ircd_buf_add(&conn->raw->data, data, len);
		return;
	}
	struct ircd_raw *raw = ircd_alloc(sizeof(*raw));
	if (conn->out.len) {
		ircd_conn_write_now(conn, conn->out.data, conn->out.len);
		conn->out.len = 0;
	}
	raw->conn = conn;
	ircd_buf_add(&raw->data, data, len);
	raw->cuts = ircd_alloc(cut_count * sizeof(*cuts));
	raw->cut_count = cut_count;
	for (size_t i = 0; i < cut_count; i++) {
		raw->cuts[i] = cuts[i];
	}
	uv_timer_init(conn->server->loop, &raw->timer);
	raw->timer.data = raw;
	uv_timer_start(&raw->timer, on_piece, 0, (uint64_t)(gap_ms > 0 ? gap_ms : 1));
	conn->raw = raw;
}
