/* SPDX-License-Identifier: Apache-2.0 */
/* TLS over memory BIOs. What the handshake does wrong on purpose is options.tls_mode. */
#include "tls.h"

#include "net.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct ircd_tls {
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
	bool ready;
	char *sni;
	char fingerprint[65];
};

static char *last_error(const char *what)
{
	char text[256];
	ERR_error_string_n(ERR_get_error(), text, sizeof(text));
	ERR_clear_error();
	return ircd_printf("%s: %s", what, text);
}

/* Any client certificate will do: tests look at its fingerprint. */
static int accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

int ircd_tls_load(struct ircd_server *server, char **error)
{
	struct ircd_options *options = &server->options;
	if (!options->tls_cert) {
		return 0;
	}
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	const char *bad = NULL;
	if (SSL_CTX_use_certificate_chain_file(context, options->tls_cert) != 1) {
		bad = options->tls_cert;
	} else if (SSL_CTX_use_PrivateKey_file(context, options->tls_key, SSL_FILETYPE_PEM) != 1) {
		bad = options->tls_key;
	}
	if (bad) {
		*error = last_error(bad);
		SSL_CTX_free(context);
		return -1;
	}
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	if (options->tls_ask_cert) {
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, accept_any);
	}
	ircd_tls_unload(server);
	server->tls_context = context;
	return 0;
}

void ircd_tls_unload(struct ircd_server *server)
{
	SSL_CTX_free(server->tls_context);
	server->tls_context = NULL;
}

void ircd_tls_attach(struct ircd_conn *conn)
{
	struct ircd_tls *tls = ircd_alloc(sizeof(*tls));
	tls->ssl = SSL_new(conn->server->tls_context);
	tls->in = BIO_new(BIO_s_mem());
	tls->out = BIO_new(BIO_s_mem());
	SSL_set_bio(tls->ssl, tls->in, tls->out);
	SSL_set_accept_state(tls->ssl);
	conn->tls = tls;
}

static void move_to_wire(struct ircd_conn *conn)
{
	char *data = NULL;
	long len = BIO_get_mem_data(conn->tls->out, &data);
	if (len > 0) {
		ircd_conn_wire(conn, data, (size_t)len);
		(void)BIO_reset(conn->tls->out);
	}
}

static void note_peer(struct ircd_conn *conn)
{
	struct ircd_tls *tls = conn->tls;
	const char *sni = SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name);
	X509 *peer = SSL_get0_peer_certificate(tls->ssl);
	unsigned char digest[32];
	unsigned int len = 0;
	tls->sni = ircd_dup(sni ? sni : "");
	if (peer && X509_digest(peer, EVP_sha256(), digest, &len) == 1) {
		for (unsigned int i = 0; i < len; i++) {
			static const char hex[] = "0123456789abcdef";
			tls->fingerprint[2 * i] = hex[digest[i] >> 4];
			tls->fingerprint[2 * i + 1] = hex[digest[i] & 15];
		}
	}
	ircd_ledger_write(&conn->server->ledger, "TLS", conn->id, NULL, NULL, 0,
		"%s\tsni=%s\tcertfp=%s", SSL_get_version(tls->ssl), tls->sni, tls->fingerprint);
}

static int handshake(struct ircd_conn *conn)
{
	struct ircd_tls *tls = conn->tls;
	int result = SSL_do_handshake(tls->ssl);
	int why = SSL_get_error(tls->ssl, result);
	move_to_wire(conn);
	if (result == 1) {
		tls->ready = true;
		note_peer(conn);
		ircd_conn_mark_dirty(conn);
		return 0;
	}
	if (why == SSL_ERROR_WANT_READ) {
		return 0;
	}
	char *text = last_error("handshake");
	ircd_ledger_write(
		&conn->server->ledger, "TLS-FAILED", conn->id, NULL, text, strlen(text), NULL);
	free(text);
	return -1;
}

/* The faults of the handshake. 1: go on as usual; 0: the bytes are taken; -1: close. */
static int misbehave(struct ircd_conn *conn)
{
	static const char plain[] = ":irc.scripted.test NOTICE * :This port speaks plain text\r\n";
	switch (conn->server->options.tls_mode) {
	case IRCD_TLS_STALL:
		return 0;
	case IRCD_TLS_CLOSE:
		return -1;
	case IRCD_TLS_RESET:
		ircd_conn_close(conn, IRCD_CLOSE_RESET, "reset in handshake");
		return 0;
	case IRCD_TLS_PLAIN:
		ircd_conn_wire(conn, plain, sizeof(plain) - 1);
		return 0;
	case IRCD_TLS_OK:
		break;
	}
	return 1;
}

int ircd_tls_feed(struct ircd_conn *conn, const char *data, size_t len)
{
	static char plain[16384];
	struct ircd_tls *tls = conn->tls;
	if (!tls->ready) {
		int go_on = misbehave(conn);
		if (go_on != 1) {
			return go_on;
		}
	}
	BIO_write(tls->in, data, (int)len);
	if (!tls->ready) {
		if (handshake(conn) < 0) {
			return -1;
		}
		if (!tls->ready) {
			return 0;
		}
	}
	for (;;) {
		int n = SSL_read(tls->ssl, plain, sizeof(plain));
		int why = SSL_get_error(tls->ssl, n);
		if (n > 0) {
			ircd_conn_input(conn, plain, (size_t)n);
			if (conn->closed && !conn->lingering) {
				return 0;
			}
			continue;
		}
		move_to_wire(conn);
		ERR_clear_error();
		return why == SSL_ERROR_WANT_READ ? 0 : -1;
	}
}

bool ircd_tls_is_ready(const struct ircd_tls *tls)
{
	return tls->ready;
}

void ircd_tls_write(struct ircd_conn *conn, const char *data, size_t len)
{
	while (len) {
		int n = SSL_write(conn->tls->ssl, data, len > 16384 ? 16384 : (int)len);
		if (n <= 0) {
			ERR_clear_error();
			return;
		}
		data += n;
		len -= (size_t)n;
	}
	move_to_wire(conn);
}

void ircd_tls_say_goodbye(struct ircd_conn *conn)
{
	if (conn->tls->ready) {
		SSL_shutdown(conn->tls->ssl);
		move_to_wire(conn);
		ERR_clear_error();
	}
}

void ircd_tls_destroy(struct ircd_tls *tls)
{
	if (tls) {
		SSL_free(tls->ssl);
		free(tls->sni);
		free(tls);
	}
}

const char *ircd_tls_sni(const struct ircd_tls *tls)
{
	return tls && tls->sni ? tls->sni : "";
}

const char *ircd_tls_fingerprint(const struct ircd_tls *tls)
{
	return tls ? tls->fingerprint : "";
}
