/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One byte stream over TCP or TLS 1.2+ (OpenSSL memory BIOs on libuv).
 *
 * Life: create -> connecting -> open -> closed. tr_stream_create() resolves (without blocking) and
 * tries the addresses in turn, IPv6 and IPv4 mixed, each within a share of the connect timeout; TLS
 * sends SNI and verifies chain and host name. Then exactly one of on_open and on_close comes;
 * on_close ends every stream exactly once and is its last callback. After it, or at any time
 * before, the owner calls tr_stream_destroy(), after which no callback comes.
 *
 * Writing: tr_stream_write() copies into a bounded queue. Above the high mark tr_stream_writable()
 * is false; on_drain comes when the queue has fallen below the low mark again. A write beyond the
 * maximum is refused whole (TR_E_TOO_BIG) and nothing of it is sent. Reading: on_read gets bytes
 * that are valid during the call only. tr_stream_pause() stops reading (back pressure on the peer)
 * until tr_stream_resume().
 */
#ifndef TRESTLE_IO_STREAM_H
#define TRESTLE_IO_STREAM_H

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/io/loop.h"

struct tr_stream;
struct tr_tls;

/* One TLS client context, shared by the streams of a network. */
struct tr_tls_options {
	const char *ca_pem;     /* certificates as PEM text, instead of a file; or NULL */
	const char *ca_file;    /* PEM; NULL = the system's */
	bool allow_self_signed; /* the incumbent's sslselfsign: any certificate, still encrypted */
	bool allow_expired;     /* the incumbent's allowExpiredCerts: only the dates are forgiven */
	const char *ciphers;    /* OpenSSL's names, with ':' between; "TLS_.." are those of TLS 1.3.
				 * NULL    = OpenSSL's choice */
	const char *min_version; /* "TLSv1" to "TLSv1.3"; NULL = TLSv1.2 */
};
struct tr_tls *tr_tls_create(const struct tr_tls_options *options, struct tr_error *error);
void tr_tls_destroy(struct tr_tls *tls); /* streams that use it hold their own reference */

/* A certificate with its key, for servers that ask who we are. Read once, shared by any number of
 * streams (each holds its own reference); nothing touches a file after this. `pem`: the
 * certificate, those of its issuers, and the key without a pass phrase, in any order. */
struct tr_tls_identity;
struct tr_tls_identity *tr_tls_identity_create(struct tr_str pem, struct tr_error *error);
struct tr_tls_identity *tr_tls_identity_ref(struct tr_tls_identity *identity); /* NULL is fine */
void tr_tls_identity_destroy(struct tr_tls_identity *identity);
/* Appends the certificate's fingerprint in hex; `digest`: "SHA256", "SHA512", .. */
int tr_tls_identity_fingerprint(
	const struct tr_tls_identity *identity, const char *digest, struct tr_buf *out);
bool tr_tls_identity_expired(const struct tr_tls_identity *identity);

struct tr_stream_handler {
	void (*on_open)(void *arg);
	void (*on_read)(void *arg, struct tr_str bytes);
	void (*on_drain)(void *arg); /* may be NULL */
	/* `error` is borrowed; code TR_E_CLOSED with class retry when the peer ended the stream in
	 * order. */
	void (*on_close)(void *arg, const struct tr_error *error);
};

struct tr_stream_options {
	const char *host; /* name or literal address */
	uint16_t port;
	struct tr_tls *tls;               /* NULL = plain TCP */
	const char *tls_name;             /* name to verify and to send as SNI; NULL = host */
	struct tr_tls_identity *identity; /* shown when the server asks for it, or NULL */
	const char *bind_address;         /* source address or NULL */
	uint64_t connect_timeout_ms;      /* over all addresses, with the handshake; 0 = 30,000 */
	size_t write_max;                 /* 0 = 1 MiB */
	size_t write_high;                /* 0 = write_max / 4 */
	size_t write_low;                 /* 0 = write_high / 4 */
};

/* Starts connecting. Options are copied. Failures come by on_close, never from here. */
struct tr_stream *tr_stream_create(struct tr_loop *loop, const struct tr_stream_options *options,
	const struct tr_stream_handler *handler, void *arg);
/* Ends at once without a callback; legal in any state and inside callbacks. NULL is fine. */
void tr_stream_destroy(struct tr_stream *stream);

/* 0, TR_E_TOO_BIG or TR_E_CLOSED (not open, or closed). */
int tr_stream_write(struct tr_stream *stream, struct tr_str bytes);
bool tr_stream_writable(const struct tr_stream *stream);
/* Bytes not yet handed to the kernel. */
size_t tr_stream_queued(const struct tr_stream *stream);
/* Sends what is queued, then closes; on_close comes with TR_E_CLOSED (at latest after
 * `timeout_ms`). */
void tr_stream_shutdown(struct tr_stream *stream, uint64_t timeout_ms);
void tr_stream_pause(struct tr_stream *stream);
void tr_stream_resume(struct tr_stream *stream);

/* For identd and logs: our own port (0 when not open), and "192.0.2.1:6697" of the peer ("" when
 * unknown). */
uint16_t tr_stream_local_port(const struct tr_stream *stream);
const char *tr_stream_peer(const struct tr_stream *stream);

#endif
