/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listening socket of the HTTP server, from "address:port". It is made at start, before the
 * loop runs, so the name look-up for "localhost:9999" may block.
 */
#include "core/io/http_server_internal.h"

#include "core/base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* "127.0.0.1:9999", "[::1]:9999", ":9999" (any address). */
static bool split_address(struct tr_str text, struct tr_str *host, uint64_t *port)
{
	ptrdiff_t colon = tr_str_rfind_char(text, ':');

	if (colon < 0 || !tr_str_to_u64(tr_str_from_index(text, (size_t)colon + 1), port) ||
		*port > UINT16_MAX) {
		return false;
	}
	*host = tr_str_slice(text, 0, (size_t)colon);
	if (tr_str_starts(*host, TR_STR("["))) {
		if (!tr_str_ends(*host, TR_STR("]"))) {
			return false;
		}
		*host = tr_str_slice(*host, 1, host->len - 2);
	} else if (tr_str_find_char(*host, ':') >= 0) {
		return false;
	}
	return true;
}

static int listen_on(const struct addrinfo *info)
{
	int yes = 1;
	int saved;
	int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, 511) == 0) {
		return fd;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	memset(&address, 0, sizeof(address));
	(void)getsockname(fd, (struct sockaddr *)&address, &len);
	if (address.ss_family == AF_INET6) {
		memcpy(&v6, &address, sizeof(v6));
		return ntohs(v6.sin6_port);
	}
	memcpy(&v4, &address, sizeof(v4));
	return ntohs(v4.sin_port);
}

int tr_http_listen(const char *address, uint16_t *port, struct tr_error *error)
{
	struct addrinfo hints;
	struct addrinfo *found = NULL;
	struct tr_str host;
	char *name;
	char service[8];
	uint64_t number = 0;
	int result;
	int fd;

	if (!split_address(tr_str_from(address), &host, &number)) {
		return tr_error_set(error, TR_E_CONFIG,
			"\"%s\" is not an address to listen on; write it like 127.0.0.1:9999 or "
			"[::1]:9999",
			address);
	}
	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
	name = host.len > 0 ? tr_str_dup(host) : NULL;
	(void)snprintf(service, sizeof(service), "%u", (unsigned)number);
	result = getaddrinfo(name, service, &hints, &found);
	tr_free(name);
	if (result != 0) {
		return tr_error_set(error, TR_E_CONFIG, "cannot listen on %s: %s", address,
			gai_strerror(result));
	}
	fd = listen_on(found);
	freeaddrinfo(found);
	if (fd < 0) {
		return tr_error_set(
			error, TR_E_SYSTEM, "cannot listen on %s: %s", address, strerror(errno));
	}
	*port = bound_port(fd);
	return fd;
}
