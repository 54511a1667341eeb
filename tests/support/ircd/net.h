/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners and the life of a connection: bytes in, bytes out, and every way of ending it. */
#ifndef SCRIPTED_IRCD_NET_H
#define SCRIPTED_IRCD_NET_H

#include "server.h"

enum ircd_close {
	IRCD_CLOSE_GENTLY, /* what was written still goes out, then FIN, then wait for the peer's */
	IRCD_CLOSE_FIN,    /* close now */
	IRCD_CLOSE_RESET,
};

/* Listens where the options say; 0, or -1 after saying on stderr what is wrong. */
int ircd_net_open(struct ircd_server *server);
/* Applies options.refuse where it changes listening itself. */
int ircd_net_apply_refuse(struct ircd_server *server);
void ircd_net_close(struct ircd_server *server);
int ircd_net_port(struct ircd_server *server, bool tls); /* 0: none */
/* Binds and listens on host:port; 0, or -1 after saying what is wrong. */
int ircd_listen(uv_loop_t *loop, uv_tcp_t *tcp, const char *address, uv_connection_cb callback);
int ircd_port_of(const uv_tcp_t *tcp);

struct ircd_conn *ircd_conn_create(struct ircd_server *server);
/* From now on each turn of the loop ends with the writing of what it made. */
void ircd_conn_start_flushing(struct ircd_server *server);
/* Adds bytes to what goes out at the end of this turn of the loop. */
void ircd_conn_write(struct ircd_conn *conn, const char *data, size_t len);
/* Sends bytes now, before anything queued; for raw pieces. */
void ircd_conn_write_now(struct ircd_conn *conn, const char *data, size_t len);
/* Puts bytes that are already as the transport wants them on the wire; for tls.c. */
void ircd_conn_wire(struct ircd_conn *conn, const char *data, size_t len);
void ircd_conn_mark_dirty(struct ircd_conn *conn);
/* Plain bytes that have come in; for tls.c. */
void ircd_conn_input(struct ircd_conn *conn, const char *data, size_t len);
/* Starts or stops reading as silence and the receive queue have it. */
void ircd_conn_update_reading(struct ircd_conn *conn);

/* Ends it: unprocessed lines are dropped, the user quits with the reason, the ledger gets both. */
void ircd_conn_close(struct ircd_conn *conn, enum ircd_close how, const char *reason);
/* The same with an ERROR line before, as a server ends a client. */
void ircd_conn_error(struct ircd_conn *conn, const char *reason);
/* Ends it at the next flush; for places that walk over members. */
void ircd_conn_doom(struct ircd_conn *conn, const char *reason);
/* FIN to the peer while its lines are still taken. */
void ircd_conn_half_close(struct ircd_conn *conn);
struct ircd_conn *ircd_conn_find(struct ircd_server *server, uint64_t id);

/* queue.c: takes lines out of conn->in, at once or at the pace of the delay. */
void ircd_queue_run(struct ircd_conn *conn);
/* Without a delay any more, what waits for the end of one goes on at once. */
void ircd_queue_delay_changed(struct ircd_conn *conn);
/* Counts the lines waiting and writes them to the ledger as dropped. */
size_t ircd_queue_drop(struct ircd_conn *conn);
int ircd_conn_delay(const struct ircd_conn *conn);

#endif
