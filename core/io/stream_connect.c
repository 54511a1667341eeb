/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a host name to a connected socket: resolving on libuv's pool, the order of addresses, and
 * one attempt after the other, each with its share of the time. The handshake belongs to the
 * attempt, but a certificate that is wrong ends the stream: another address of the same name is no
 * way round it.
 */
#include "core/base/alloc.h"
#include "core/io/stream_internal.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

enum { ADDRESSES_MAX = 16, DEFAULT_TIMEOUT_MS = 30000, KEEPALIVE_S = 120 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Outlives the stream when that is destroyed meanwhile: a look-up at work cannot be canceled. */
struct resolve {
	uv_getaddrinfo_t request;
	struct tr_stream *stream; /* NULL once nobody waits */
};

struct stream_connect {
	struct tr_tls *tls;
	char *tls_name;
	struct tr_tls_identity *identity;
	char *bind_address;
	struct resolve *resolve; /* while one is under way */
	uint64_t timeout_ms;
	uint64_t deadline_ms;
	uint64_t share_ms; /* of the attempt at hand */
	union address source;
	union address addresses[ADDRESSES_MAX];
	unsigned count;
	unsigned next;
	struct tr_error error; /* of the last attempt */
};

static uint64_t now_ms(void)
{
	return uv_hrtime() / 1000000;
}

/* "192.0.2.1:6697" or "[2001:db8::1]:6697", owned. */
static char *address_text(const union address *address)
{
	char text[INET6_ADDRSTRLEN] = "";
	unsigned port = tr_stream_address_port(&address->any);

	if (address->any.sa_family == AF_INET6) {
		(void)uv_ip6_name(&address->v6, text, sizeof(text));
		return tr_asprintf("[%s]:%u", text, port);
	}
	(void)uv_ip4_name(&address->v4, text, sizeof(text));
	return tr_asprintf("%s:%u", text, port);
}

static bool parse_address(const char *text, uint16_t port, union address *address)
{
	return uv_ip4_addr(text, port, &address->v4) == 0 ||
	       uv_ip6_addr(text, port, &address->v6) == 0;
}

void tr_stream_connect_prepare(struct tr_stream *stream, const struct tr_stream_options *options)
{
	struct stream_connect *connect = tr_alloc(sizeof(*connect));

	if (options->tls) {
		connect->tls = tr_tls_ref(options->tls);
		connect->tls_name =
			tr_strdup(options->tls_name ? options->tls_name : options->host);
		connect->identity = tr_tls_identity_ref(options->identity);
	}
	connect->bind_address = tr_strdup(options->bind_address);
	connect->timeout_ms =
		options->connect_timeout_ms ? options->connect_timeout_ms : DEFAULT_TIMEOUT_MS;
	stream->connect = connect;
}

void tr_stream_connect_finish(struct tr_stream *stream)
{
	struct stream_connect *connect = stream->connect;

	if (!connect) {
		return;
	}
	stream->connect = NULL;
	if (connect->resolve) {
		connect->resolve->stream = NULL;
		(void)uv_cancel((uv_req_t *)&connect->resolve->request);
	}
	tr_tls_destroy(connect->tls);
	tr_free(connect->tls_name);
	tr_tls_identity_destroy(connect->identity);
	tr_free(connect->bind_address);
	tr_free(connect);
}

static void on_connected(uv_connect_t *request, int status)
{
	struct tr_stream_socket *socket = request->data;
	struct tr_stream *stream = socket->stream;
	struct tr_error error;

	tr_free(request);
	if (!stream) {
		return;
	}
	tr_stream_enter(stream);
	if (status < 0) {
		tr_stream_error(stream, &error, status, "cannot connect to");
		tr_stream_connect_failed(stream, &error);
	} else {
		(void)uv_tcp_nodelay(&socket->tcp, 1);
		(void)uv_tcp_keepalive(&socket->tcp, 1, KEEPALIVE_S);
		if (stream->connect->tls) {
			tr_stream_tls_start(stream);
		} else {
			tr_stream_opened(stream);
		}
	}
	tr_stream_leave(stream);
}

/* Starts one attempt; a negative status when it failed at once. */
static int attempt(struct tr_stream *stream, const union address *address)
{
	struct stream_connect *connect = stream->connect;
	struct tr_stream_socket *socket = tr_alloc(sizeof(*socket));
	uv_connect_t *request;
	int status;

	tr_free(stream->peer);
	stream->peer = address_text(address);
	TR_ASSERT(uv_tcp_init(tr_loop_uv(stream->loop), &socket->tcp) == 0);
	socket->tcp.data = socket;
	socket->stream = stream;
	stream->socket = socket;
	if (connect->bind_address) {
		status = uv_tcp_bind(&socket->tcp, &connect->source.any, 0);
		if (status < 0) {
			return status;
		}
	}
	request = tr_alloc(sizeof(*request));
	request->data = socket;
	status = uv_tcp_connect(request, &socket->tcp, &address->any, on_connected);
	if (status < 0) {
		tr_free(request);
	}
	return status;
}

static void connect_next(struct tr_stream *stream)
{
	struct stream_connect *connect = stream->connect;

	while (connect->next < connect->count) {
		uint64_t now = now_ms();
		uint64_t left = connect->deadline_ms > now ? connect->deadline_ms - now : 1;
		int status;

		connect->share_ms = left / (connect->count - connect->next);
		status = attempt(stream, &connect->addresses[connect->next++]);
		if (status == 0) {
			tr_stream_timer_start(stream, connect->share_ms);
			return;
		}
		tr_stream_error(stream, &connect->error, status, "cannot connect to");
		tr_stream_drop_socket(stream);
	}
	if (connect->count > 1) {
		tr_error_prefix(
			&connect->error, "none of %u addresses works, the last", connect->count);
	}
	tr_stream_finish(stream, &connect->error);
}

void tr_stream_connect_failed(struct tr_stream *stream, const struct tr_error *error)
{
	struct stream_connect *connect = stream->connect;
	bool other_may_do = error->code == TR_E_NETWORK || error->code == TR_E_TIMEOUT;

	connect->error = *error;
	tr_stream_drop_socket(stream);
	tr_free(stream->failure);
	stream->failure = NULL;
	stream->write_broken = false;
	stream->above_high = false;
	if (other_may_do) {
		connect_next(stream);
	} else {
		tr_stream_finish(stream, &connect->error);
	}
}

void tr_stream_connect_timeout(struct tr_stream *stream)
{
	struct stream_connect *connect = stream->connect;
	struct tr_error error;
	char where[TR_STREAM_WHERE_LEN];

	tr_stream_where(stream, where);
	if (connect->resolve) {
		tr_error_set(&error, TR_E_TIMEOUT,
			"cannot resolve %.100s: no answer within %llu ms", stream->host,
			(unsigned long long)connect->timeout_ms);
		tr_stream_finish(stream, &error);
		return;
	}
	tr_error_set(&error, TR_E_TIMEOUT, "%s %s within %llu ms",
		stream->tls ? "no TLS handshake with" : "no connection to", where,
		(unsigned long long)connect->share_ms);
	tr_stream_connect_failed(stream, &error);
}

static bool address_equal(const union address *a, const union address *b)
{
	if (a->any.sa_family != b->any.sa_family) {
		return false;
	}
	if (a->any.sa_family == AF_INET) {
		return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	}
	return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0 &&
	       a->v6.sin6_scope_id == b->v6.sin6_scope_id;
}

static void add_address(struct stream_connect *connect, const union address *address)
{
	unsigned i;

	if (connect->count == ADDRESSES_MAX ||
		(connect->bind_address &&
			connect->source.any.sa_family != address->any.sa_family)) {
		return;
	}
	for (i = 0; i < connect->count; i++) {
		if (address_equal(&connect->addresses[i], address)) {
			return;
		}
	}
	connect->addresses[connect->count++] = *address;
}

static const struct addrinfo *find_family(const struct addrinfo *info, int family)
{
	while (info && info->ai_family != family) {
		info = info->ai_next;
	}
	return info;
}

static void add_info(struct stream_connect *connect, const struct addrinfo *info, uint16_t port)
{
	union address address;

	memset(&address, 0, sizeof(address));
	if (info->ai_addrlen > sizeof(address)) {
		return;
	}
	memcpy(&address, info->ai_addr, info->ai_addrlen);
	if (info->ai_family == AF_INET6) {
		address.v6.sin6_port = htons(port);
	} else {
		address.v4.sin_port = htons(port);
	}
	add_address(connect, &address);
}

/* The families take turns, beginning with the one the system puts first (RFC 8305 section 4), so
 * that a broken family costs one attempt and not all of its addresses. */
static void add_interleaved(
	struct stream_connect *connect, const struct addrinfo *list, uint16_t port)
{
	const struct addrinfo *v6 = find_family(list, AF_INET6);
	const struct addrinfo *v4 = find_family(list, AF_INET);
	bool v6_turn = list && list->ai_family == AF_INET6;

	while (v6 || v4) {
		const struct addrinfo **side = (v6_turn && v6) || !v4 ? &v6 : &v4;

		add_info(connect, *side, port);
		*side = find_family((*side)->ai_next, side == &v6 ? AF_INET6 : AF_INET);
		v6_turn = !v6_turn;
	}
}

/* Goes on once all addresses are known. */
static void resolved(struct tr_stream *stream)
{
	struct stream_connect *connect = stream->connect;

	if (connect->count == 0) {
		struct tr_error error;

		tr_error_set(&error, TR_E_NETWORK, "%.100s has no address%s%.60s", stream->host,
			connect->bind_address ? " that goes with the source address " : "",
			connect->bind_address ? connect->bind_address : "");
		tr_stream_finish(stream, &error);
		return;
	}
	connect_next(stream);
}

static void resolve_failed(struct tr_stream *stream, int status)
{
	struct tr_error error;

	tr_error_set(&error, TR_E_NETWORK, "cannot resolve %.100s: %s", stream->host,
		uv_strerror(status));
	tr_stream_finish(stream, &error);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
	struct resolve *resolve = request->data;
	struct tr_stream *stream = resolve->stream;

	tr_free(resolve);
	if (!stream) {
		uv_freeaddrinfo(list);
		return;
	}
	tr_stream_enter(stream);
	stream->connect->resolve = NULL;
	if (status < 0) {
		resolve_failed(stream, status);
	} else {
		add_interleaved(stream->connect, list, stream->port);
		resolved(stream);
	}
	uv_freeaddrinfo(list);
	tr_stream_leave(stream);
}

static void resolve_start(struct tr_stream *stream)
{
	struct resolve *resolve = tr_alloc(sizeof(*resolve));
	struct addrinfo hints;
	int status;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	resolve->request.data = resolve;
	resolve->stream = stream;
	status = uv_getaddrinfo(tr_loop_uv(stream->loop), &resolve->request, on_resolved,
		stream->host, NULL, &hints);
	if (status < 0) {
		tr_free(resolve);
		resolve_failed(stream, status);
		return;
	}
	stream->connect->resolve = resolve;
}

void tr_stream_connect_start(struct tr_stream *stream)
{
	struct stream_connect *connect = stream->connect;
	union address literal;
	struct tr_error error;

	memset(&literal, 0, sizeof(literal));
	connect->deadline_ms = now_ms() + connect->timeout_ms;
	tr_stream_timer_start(stream, connect->timeout_ms);
	if (connect->bind_address && !parse_address(connect->bind_address, 0, &connect->source)) {
		tr_error_set(&error, TR_E_CONFIG, "the source address %.100s is not an IP address",
			connect->bind_address);
		tr_stream_finish(stream, &error);
		return;
	}
	if (parse_address(stream->host, stream->port, &literal)) {
		add_address(connect, &literal);
		resolved(stream);
	} else {
		resolve_start(stream);
	}
}

struct tr_tls *tr_stream_connect_tls(const struct tr_stream *stream)
{
	return stream->connect->tls;
}

const char *tr_stream_connect_tls_name(const struct tr_stream *stream)
{
	return stream->connect->tls_name;
}

struct tr_tls_identity *tr_stream_connect_identity(const struct tr_stream *stream)
{
	return stream->connect->identity;
}
