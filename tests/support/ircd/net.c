/* SPDX-License-Identifier: Apache-2.0 */
/* Listening and accepting, and what awaits those who connect. The connections are conn.c's. */
#include "net.h"

#include "tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKLOG 4096

struct listener {
	struct ircd_server *server;
	uv_tcp_t tcp;
	char address[64]; /* with the port once it is known */
	bool tls;
	bool open;
};

struct ircd_net {
	struct listener plain, secure;
};

static void name_peer(struct ircd_conn *conn)
{
	struct sockaddr_in peer;
	int len = sizeof(peer);
	char host[32] = "?";
	if (uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&peer, &len) == 0) {
		uv_ip4_name(&peer, host, sizeof(host));
		snprintf(conn->peer, sizeof(conn->peer), "%s:%d", host, ntohs(peer.sin_port));
	}
}

/* What --refuse has for whoever comes; true when the connection goes on as usual. */
static bool receive(struct ircd_conn *conn)
{
	switch (conn->server->options.refuse) {
	case IRCD_REFUSE_RESET:
		ircd_conn_close(conn, IRCD_CLOSE_RESET, "refused");
		return false;
	case IRCD_REFUSE_CLOSE:
	case IRCD_REFUSE_OFF:
		ircd_conn_close(conn, IRCD_CLOSE_FIN, "refused");
		return false;
	case IRCD_REFUSE_ERROR: {
		char *line = ircd_printf("ERROR :%s\r\n", conn->server->options.refuse_text);
		ircd_conn_write(conn, line, strlen(line));
		free(line);
		ircd_conn_close(conn, IRCD_CLOSE_GENTLY, "refused");
		return false;
	}
	case IRCD_REFUSE_STALL:
		conn->silent = true;
		return true;
	case IRCD_REFUSE_NONE:
		break;
	}
	return true;
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct listener *listener = stream->data;
	struct ircd_server *server = listener->server;
	if (status < 0) {
		return;
	}
	struct ircd_conn *conn = ircd_conn_create(server);
	if (uv_accept(stream, (uv_stream_t *)&conn->tcp) != 0) {
		ircd_conn_close(conn, IRCD_CLOSE_FIN, "accept failed");
		return;
	}
	uv_tcp_nodelay(&conn->tcp, 1);
	name_peer(conn);
	ircd_ledger_write(&server->ledger, "CONNECT", conn->id, NULL, NULL, 0, "%s\t%s", conn->peer,
		listener->tls ? "tls" : "plain");
	if (listener->tls) {
		ircd_tls_attach(conn);
	}
	if (receive(conn)) {
		ircd_conn_update_reading(conn);
	}
}

int ircd_port_of(const uv_tcp_t *tcp)
{
	struct sockaddr_in address;
	int len = sizeof(address);
	if (uv_tcp_getsockname(tcp, (struct sockaddr *)&address, &len) != 0) {
		return 0;
	}
	return ntohs(address.sin_port);
}

int ircd_listen(uv_loop_t *loop, uv_tcp_t *tcp, const char *address, uv_connection_cb callback)
{
	struct sockaddr_in to;
	char host[64];
	const char *colon = strrchr(address, ':');
	int result = UV_EINVAL;
	uv_tcp_init(loop, tcp);
	if (colon && (size_t)(colon - address) < sizeof(host)) {
		memcpy(host, address, (size_t)(colon - address));
		host[colon - address] = '\0';
		result = uv_ip4_addr(host, (int)strtol(colon + 1, NULL, 10), &to);
	}
	if (result == 0) {
		result = uv_tcp_bind(tcp, (const struct sockaddr *)&to, 0);
	}
	if (result == 0) {
		result = uv_listen((uv_stream_t *)tcp, BACKLOG, callback);
	}
	if (result != 0) {
		fprintf(stderr, "scripted-ircd: %s: %s\n", address, uv_strerror(result));
	}
	return result == 0 ? 0 : -1;
}

static int listener_open(struct listener *listener)
{
	if (!listener->address[0] || listener->open) {
		return 0;
	}
	if (ircd_listen(listener->server->loop, &listener->tcp, listener->address, on_connection) <
		0) {
		uv_close((uv_handle_t *)&listener->tcp, NULL);
		return -1;
	}
	listener->open = true;
	listener->tcp.data = listener;
	/* the same port again when it listens anew */
	char *colon = strrchr(listener->address, ':');
	size_t room = sizeof(listener->address) - (size_t)(colon - listener->address);
	snprintf(colon, room, ":%d", ircd_port_of(&listener->tcp));
	return 0;
}

static void listener_close(struct listener *listener)
{
	if (listener->open) {
		listener->open = false;
		uv_close((uv_handle_t *)&listener->tcp, NULL);
	}
}

int ircd_net_open(struct ircd_server *server)
{
	struct ircd_net *net = ircd_alloc(sizeof(*net));
	server->net = net;
	net->plain.server = net->secure.server = server;
	net->secure.tls = true;
	snprintf(net->plain.address, sizeof(net->plain.address) - 8, "%s", server->options.listen);
	if (server->options.tls_listen) {
		snprintf(net->secure.address, sizeof(net->secure.address) - 8, "%s",
			server->options.tls_listen);
	}
	ircd_conn_start_flushing(server);
	int result = listener_open(&net->plain) < 0 || listener_open(&net->secure) < 0 ? -1 : 0;
	return result == 0 ? ircd_net_apply_refuse(server) : result;
}

int ircd_net_apply_refuse(struct ircd_server *server)
{
	struct ircd_net *net = server->net;
	if (server->options.refuse != IRCD_REFUSE_OFF) {
		return listener_open(&net->plain) < 0 || listener_open(&net->secure) < 0 ? -1 : 0;
	}
	listener_close(&net->plain);
	listener_close(&net->secure);
	return 0;
}

void ircd_net_close(struct ircd_server *server)
{
	if (!server->net) {
		return;
	}
	listener_close(&server->net->plain);
	listener_close(&server->net->secure);
	while (server->conn_count) {
		ircd_conn_close(server->conns[0], IRCD_CLOSE_FIN, "Server shutting down");
	}
	uv_close((uv_handle_t *)&server->prepare, NULL);
	uv_close((uv_handle_t *)&server->gather, NULL);
}

int ircd_net_port(struct ircd_server *server, bool tls)
{
	const char *address = tls ? server->net->secure.address : server->net->plain.address;
	const char *colon = strrchr(address, ':');
	return colon ? (int)strtol(colon + 1, NULL, 10) : 0;
}
