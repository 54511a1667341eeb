/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS session of a stream. OpenSSL reads cipher text from the bytes at hand and writes it
 * straight to the stream's queue through a BIO of our own: memory BIOs without the memory, which a
 * session would keep at the size of its largest burst. Contexts and verification are in tls.c.
 */
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/io/loop_internal.h"
#include "core/io/stream_internal.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

struct stream_tls {
	SSL *ssl;
	struct tr_tls *context;
	struct tr_str input; /* cipher text not yet read by OpenSSL */
	char *held;          /* the same, kept while paused; input points into it */
};

static int bio_write(BIO *bio, const char *data, int len)
{
	BIO_clear_retry_flags(bio);
	/* A failure is the stream's to tell; the session must not see half a record. */
	tr_stream_send(BIO_get_data(bio), tr_str_of(data, (size_t)len));
	return len;
}

static int bio_read(BIO *bio, char *out, int size)
{
	struct tr_stream *stream = BIO_get_data(bio);
	struct stream_tls *tls = stream->tls;
	size_t count = tls->input.len < (size_t)size ? tls->input.len : (size_t)size;

	BIO_clear_retry_flags(bio);
	if (count == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(out, tls->input.ptr, count);
	tls->input = tr_str_from_index(tls->input, count);
	return (int)count;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD *tr_stream_tls_bio_method(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");

	TR_ASSERT(method != NULL);
	(void)BIO_meth_set_write(method, bio_write);
	(void)BIO_meth_set_read(method, bio_read);
	(void)BIO_meth_set_ctrl(method, bio_ctrl);
	return method;
}

void tr_stream_tls_finish(struct tr_stream *stream)
{
	struct stream_tls *tls = stream->tls;

	if (!tls) {
		return;
	}
	stream->tls = NULL;
	SSL_free(tls->ssl);
	tr_tls_destroy(tls->context);
	tr_free(tls->held);
	tr_free(tls);
}

/* Whether the session is still there after the user was called. */
static bool going_on(const struct tr_stream *stream, const struct stream_tls *tls)
{
	return tr_stream_alive(stream) && stream->tls == tls;
}

static void session_failed(struct tr_stream *stream)
{
	struct tr_error error;
	char where[TR_STREAM_WHERE_LEN];
	char reason[200];
	const char *name = stream->connect ? tr_stream_connect_tls_name(stream) : stream->host;

	tr_tls_reason(stream->tls->ssl, name, reason, sizeof(reason));
	tr_error_set(
		&error, TR_E_TLS, "TLS with %s failed: %s", tr_stream_where(stream, where), reason);
	tr_stream_lost(stream, &error);
}

/* Whether the handshake is complete and the stream open. */
static bool handshake(struct tr_stream *stream)
{
	struct stream_tls *tls = stream->tls;
	int status;

	ERR_clear_error();
	status = SSL_do_handshake(tls->ssl);
	if (status == 1) {
		tr_stream_opened(stream);
		return going_on(stream, tls);
	}
	if (SSL_get_error(tls->ssl, status) != SSL_ERROR_WANT_READ) {
		session_failed(stream);
	}
	return false;
}

/* Reads until OpenSSL wants more from the network: one record can hold many lines, and what stays
 * inside OpenSSL would wait for the peer's next word. */
static void read_all(struct tr_stream *stream)
{
	struct stream_tls *tls = stream->tls;
	char *plain = tr_loop_plain_buffer(stream->loop);

	while (going_on(stream, tls) && !stream->paused) {
		int count;
		int reason;

		ERR_clear_error();
		count = SSL_read(tls->ssl, plain, TR_LOOP_PLAIN_LEN);
		if (count > 0) {
			tr_stream_deliver(stream, tr_str_of(plain, (size_t)count));
			continue;
		}
		reason = SSL_get_error(tls->ssl, count);
		if (reason == SSL_ERROR_ZERO_RETURN) {
			tr_stream_peer_ended(stream);
		} else if (reason != SSL_ERROR_WANT_READ) {
			session_failed(stream);
		}
		break;
	}
}

static void pump(struct tr_stream *stream)
{
	if (stream->state == TR_STREAM_CONNECTING && !handshake(stream)) {
		return;
	}
	read_all(stream);
}

void tr_stream_tls_start(struct tr_stream *stream)
{
	struct stream_tls *tls = tr_alloc(sizeof(*tls));
	struct tr_error error;
	BIO *bio;

	tls->context = tr_tls_ref(tr_stream_connect_tls(stream));
	stream->tls = tls;
	tls->ssl = tr_tls_session(tls->context, tr_stream_connect_tls_name(stream),
		tr_stream_connect_identity(stream), &error);
	if (!tls->ssl) {
		tr_stream_lost(stream, &error);
		return;
	}
	bio = BIO_new(tr_tls_bio_method(tls->context));
	TR_ASSERT(bio != NULL);
	BIO_set_data(bio, stream);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->ssl, bio, bio);
	tr_stream_read_start(stream);
	(void)handshake(stream);
}

/* Keeps what a pause or a half record left over; the bytes belong to the loop's shared buffer. */
static void hold_rest(struct stream_tls *tls)
{
	char *rest = tls->input.len > 0 ? tr_memdup(tls->input.ptr, tls->input.len) : NULL;

	tr_free(tls->held);
	tls->held = rest;
	tls->input = tr_str_of(rest, rest ? tls->input.len : 0);
}

void tr_stream_tls_input(struct tr_stream *stream, struct tr_str bytes)
{
	struct stream_tls *tls = stream->tls;

	/* Nothing is read from the socket while bytes are held back. */
	TR_ASSERT(tls->input.len == 0);
	tls->input = bytes;
	pump(stream);
	if (going_on(stream, tls)) {
		hold_rest(tls);
	}
}

void tr_stream_tls_resume(struct tr_stream *stream)
{
	struct stream_tls *tls = stream->tls;

	if (!tls) {
		return;
	}
	read_all(stream);
	if (going_on(stream, tls)) {
		hold_rest(tls);
	}
}

int tr_stream_tls_write(struct tr_stream *stream, struct tr_str bytes)
{
	struct tr_error error;
	char where[TR_STREAM_WHERE_LEN];
	char reason[200];

	if (bytes.len == 0) {
		return 0;
	}
	ERR_clear_error();
	if (SSL_write(stream->tls->ssl, bytes.ptr, (int)bytes.len) > 0) {
		return 0;
	}
	tr_tls_reason(stream->tls->ssl, stream->host, reason, sizeof(reason));
	tr_error_set(
		&error, TR_E_TLS, "TLS with %s failed: %s", tr_stream_where(stream, where), reason);
	stream->write_broken = true;
	tr_stream_lost_later(stream, &error);
	return TR_E_CLOSED;
}

void tr_stream_tls_end(struct tr_stream *stream)
{
	ERR_clear_error();
	(void)SSL_shutdown(stream->tls->ssl);
}
