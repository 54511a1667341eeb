/* SPDX-License-Identifier: Apache-2.0 */
/* The lines a connection has sent and the server has not yet processed. Without a delay each is
 * processed as it comes; with one, the next is taken when the delay is over, as a server does that
 * holds its clients to a pace. What is in the queue when the connection dies dies with it. */
#include "dispatch.h"
#include "net.h"

#include <stdlib.h>
#include <string.h>

#define PARTIAL_MAX 16384

int ircd_conn_delay(const struct ircd_conn *conn)
{
	if (!conn->user || !conn->user->registered) {
		return 0;
	}
	return conn->delay_ms >= 0 ? conn->delay_ms : conn->server->options.delay_ms;
}

/* The first whole line, without its ending; NULL when there is none. *next is where the rest
 * begins. */
static char *first_line(struct ircd_conn *conn, size_t *len, size_t *next)
{
	char *start = conn->in.data + conn->in_start;
	size_t left = conn->in.len - conn->in_start;
	char *end = left ? memchr(start, '\n', left) : NULL;
	if (!end) {
		return NULL;
	}
	*next = (size_t)(end - conn->in.data) + 1;
	while (end > start && end[-1] == '\r') {
		end--;
	}
	*len = (size_t)(end - start);
	return start;
}

static size_t count_lines(const struct ircd_conn *conn)
{
	size_t count = 0;
	const char *at = conn->in.data + conn->in_start;
	size_t left = conn->in.len - conn->in_start;
	while (left) {
		const char *end = memchr(at, '\n', left);
		if (!end) {
			break;
		}
		count++;
		left -= (size_t)(end + 1 - at);
		at = end + 1;
	}
	return count;
}

static void forget_taken(struct ircd_conn *conn)
{
	/* moved down only when it pays: taking n lines from a long queue stays linear */
	if (conn->in_start == conn->in.len || conn->in_start > 1u << 18) {
		ircd_buf_drain(&conn->in, conn->in_start);
		conn->in_start = 0;
	}
}

static bool take_one(struct ircd_conn *conn)
{
	size_t len = 0;
	size_t next = 0;
	char *line = first_line(conn, &len, &next);
	if (!line) {
		return false;
	}
	conn->in_start = next;
	line[len] = '\0';
	if (conn->in_skipping) {
		conn->in_skipping = false;
	} else if (len) {
		ircd_dispatch(conn, line, len);
	}
	return true;
}

static void on_delay_over(uv_timer_t *timer)
{
	struct ircd_conn *conn = timer->data;
	if (!conn->silent) {
		take_one(conn);
	}
	if (!conn->closed) {
		ircd_queue_run(conn);
		ircd_conn_update_reading(conn);
	}
}

static bool is_flooding(struct ircd_conn *conn)
{
	int limit = conn->server->options.flood_lines;
	return limit > 0 && conn->user->registered && count_lines(conn) > (size_t)limit;
}

void ircd_queue_run(struct ircd_conn *conn)
{
	while (!conn->closed && !conn->silent && !uv_is_active((uv_handle_t *)&conn->timer)) {
		int delay = ircd_conn_delay(conn);
		size_t len = 0;
		size_t next = 0;
		if (delay > 0) {
			if (first_line(conn, &len, &next)) {
				uv_timer_start(&conn->timer, on_delay_over, (uint64_t)delay, 0);
			}
			break;
		}
		if (!take_one(conn)) {
			break;
		}
	}
	if (conn->closed) {
		return;
	}
	forget_taken(conn);
	if (ircd_conn_delay(conn) > 0 || conn->silent) {
		if (is_flooding(conn)) {
			ircd_conn_error(conn, "Excess Flood");
		} else {
			ircd_conn_update_reading(conn);
		}
		return;
	}
	if (conn->in.len - conn->in_start > PARTIAL_MAX) {
		/* no line is that long: throw it away up to its end */
		conn->in.len = conn->in_start = 0;
		conn->in_skipping = true;
	}
}

size_t ircd_queue_drop(struct ircd_conn *conn)
{
	size_t len = 0;
	size_t next = 0;
	size_t dropped = 0;
	char *line;
	while ((line = first_line(conn, &len, &next))) {
		conn->in_start = next;
		if (len) {
			ircd_ledger_write(&conn->server->ledger, "DROPPED", conn->id,
				conn->user ? conn->user->nick : NULL, line, len, NULL);
			dropped++;
		}
	}
	conn->in.len = conn->in_start = 0;
	return dropped;
}

void ircd_queue_delay_changed(struct ircd_conn *conn)
{
	if (!conn->closed && ircd_conn_delay(conn) == 0 &&
		uv_is_active((uv_handle_t *)&conn->timer)) {
		uv_timer_stop(&conn->timer);
		on_delay_over(&conn->timer);
	}
}
