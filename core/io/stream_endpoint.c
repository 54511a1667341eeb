/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stream calls its two ends: for identd, for logs and for the sentences of its errors.
 */
#include "core/io/stream_internal.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

const char *tr_stream_where(const struct tr_stream *stream, char out[TR_STREAM_WHERE_LEN])
{
	const char *peer = tr_stream_peer(stream);
	const char *address = peer[0] == '[' ? peer + 1 : peer;
	size_t len = strlen(stream->host);

	if (peer[0] == '\0') {
		(void)snprintf(
			out, TR_STREAM_WHERE_LEN, "%.80s:%u", stream->host, (unsigned)stream->port);
	} else if (strncmp(address, stream->host, len) == 0 && strchr("]:", address[len])) {
		(void)snprintf(out, TR_STREAM_WHERE_LEN, "%s", peer);
	} else {
		(void)snprintf(out, TR_STREAM_WHERE_LEN, "%.80s (%s)", stream->host, peer);
	}
	return out;
}

int tr_stream_error(
	const struct tr_stream *stream, struct tr_error *error, int status, const char *what)
{
	char where[TR_STREAM_WHERE_LEN];

	return tr_error_set(error, status == UV_ETIMEDOUT ? TR_E_TIMEOUT : TR_E_NETWORK,
		"%s %s: %s", what, tr_stream_where(stream, where), uv_strerror(status));
}

uint16_t tr_stream_address_port(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET6) {
		return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
	}
	return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
}

uint16_t tr_stream_local_port(const struct tr_stream *stream)
{
	struct sockaddr_storage address;
	int len = sizeof(address);

	if (!tr_stream_alive(stream) || stream->state == TR_STREAM_CONNECTING || !stream->socket ||
		uv_tcp_getsockname(&stream->socket->tcp, (struct sockaddr *)&address, &len) < 0) {
		return 0;
	}
	return tr_stream_address_port((struct sockaddr *)&address);
}

const char *tr_stream_peer(const struct tr_stream *stream)
{
	return stream->peer ? stream->peer : "";
}
