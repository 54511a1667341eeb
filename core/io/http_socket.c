/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets of the HTTP client. libcurl says for each transfer anew what to watch; a kept-alive
 * connection would cost a new watch per request. So sockets made here keep theirs for life, and
 * when a transfer ends they are left watched for reading, which is what the next transfer wants.
 * Descriptors that libcurl makes by itself (its resolver's) come and go without a word to us: their
 * watch ends at once when libcurl says so. Also here: the refusal of private addresses.
 */
#include "core/io/http_client_internal.h"

#include "core/base/alloc.h"
#include "core/io/netguard.h"

#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

struct tr_http_socket {
	uv_poll_t uv;
	struct tr_http_client *client;
	curl_socket_t fd;
	int events; /* watched now; 0 = none */
	bool ours;
	bool idle; /* no transfer wants it */
};

static struct tr_http_socket *socket_find(const struct tr_http_client *client, curl_socket_t fd)
{
	return fd >= 0 && (size_t)fd < client->socket_slots ? client->sockets[fd] : NULL;
}

static struct tr_http_socket *socket_add(struct tr_http_client *client, curl_socket_t fd, bool ours)
{
	struct tr_http_socket *sock;
	size_t slots = client->socket_slots ? client->socket_slots : 64;
	size_t i;

	while (slots <= (size_t)fd) {
		slots *= 2;
	}
	if (slots != client->socket_slots) {
		client->sockets =
			tr_realloc_array(client->sockets, slots, sizeof(*client->sockets));
		for (i = client->socket_slots; i < slots; i++) {
			client->sockets[i] = NULL;
		}
		client->socket_slots = slots;
	}
	sock = tr_alloc(sizeof(*sock));
	sock->client = client;
	sock->fd = fd;
	sock->ours = ours;
	sock->idle = true;
	if (uv_poll_init_socket(tr_loop_uv(client->loop), &sock->uv, fd) != 0) {
		tr_free(sock);
		return NULL;
	}
	client->sockets[fd] = sock;
	return sock;
}

static void on_closed(uv_handle_t *handle)
{
	tr_free(TR_CONTAINER_OF(handle, struct tr_http_socket, uv));
}

static void socket_remove(struct tr_http_socket *sock)
{
	sock->client->sockets[sock->fd] = NULL;
	uv_close((uv_handle_t *)&sock->uv, on_closed);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct tr_http_socket *sock = TR_CONTAINER_OF(handle, struct tr_http_socket, uv);
	int flags = 0;

	if (sock->idle) {
		/* The peer closed a kept connection, or spoke out of turn. libcurl finds out when
		 * it wants to use it. */
		uv_poll_stop(&sock->uv);
		sock->events = 0;
		return;
	}
	if (status < 0) {
		flags = CURL_CSELECT_ERR;
	} else {
		flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
		flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
	}
	tr_http_client_act(sock->client, sock->fd, flags);
}

int tr_http_socket_watch(CURL *easy, curl_socket_t fd, int what, void *client, void *socket_pointer)
{
	struct tr_http_socket *sock = socket_find(client, fd);
	int events = 0;

	(void)easy;
	(void)socket_pointer;
	if (what == CURL_POLL_REMOVE) {
		if (sock && sock->ours) {
			sock->idle = true;
		} else if (sock) {
			socket_remove(sock);
		}
		return 0;
	}
	if (!sock && !(sock = socket_add(client, fd, false))) {
		return -1;
	}
	events |= what & CURL_POLL_IN ? UV_READABLE : 0;
	events |= what & CURL_POLL_OUT ? UV_WRITABLE : 0;
	sock->idle = false;
	if (events != sock->events) {
		sock->events = events;
		return uv_poll_start(&sock->uv, events, on_poll) == 0 ? 0 : -1;
	}
	return 0;
}

curl_socket_t tr_http_socket_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct tr_http_call *call = arg;
	curl_socket_t fd;

	(void)purpose;
	if (call->public_only && !tr_netguard_public(&address->addr)) {
		call->refused_address = true;
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
		address->protocol);
	if (fd >= 0 && !socket_add(call->client, fd, true)) {
		close(fd);
		return CURL_SOCKET_BAD;
	}
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

int tr_http_socket_close(void *client, curl_socket_t fd)
{
	struct tr_http_socket *sock = socket_find(client, fd);

	if (sock) {
		socket_remove(sock);
	}
	return close(fd);
}

void tr_http_sockets_finish(struct tr_http_client *client)
{
	size_t i;

	for (i = 0; i < client->socket_slots; i++) {
		if (client->sockets[i]) {
			socket_remove(client->sockets[i]);
		}
	}
	tr_free(client->sockets);
	client->sockets = NULL;
	client->socket_slots = 0;
}
