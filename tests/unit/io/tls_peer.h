/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates made on the spot and a TLS server for one connection, for the tests of streams. */
#ifndef TRESTLE_TESTS_TLS_PEER_H
#define TRESTLE_TESTS_TLS_PEER_H

#include "stream_peer.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAY = 24 * 3600 };

struct identity {
	EVP_PKEY *key;
	X509 *cert;
};

struct identity_options {
	const char *name;            /* common name */
	const char *alt_names;       /* "DNS:irc.test,IP:127.0.0.1", or NULL */
	const struct identity *from; /* NULL = self-signed */
	bool authority;
	long valid_from; /* seconds from now */
	long valid_to;
};

static inline void identity_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static inline struct identity identity_make(const struct identity_options *options)
{
	static long serial = 1;
	struct identity identity = {EVP_EC_gen("P-256"), X509_new()};
	X509 *issuer = options->from ? options->from->cert : identity.cert;
	X509_NAME *name = X509_get_subject_name(identity.cert);

	assert_non_null(identity.key);
	(void)X509_set_version(identity.cert, 2);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(identity.cert), serial++);
	(void)X509_gmtime_adj(X509_getm_notBefore(identity.cert), options->valid_from);
	(void)X509_gmtime_adj(
		X509_getm_notAfter(identity.cert), options->valid_to ? options->valid_to : DAY);
	(void)X509_set_pubkey(identity.cert, identity.key);
	(void)X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_ASC, (const unsigned char *)options->name, -1, -1, 0);
	(void)X509_set_issuer_name(identity.cert, X509_get_subject_name(issuer));
	identity_extension(identity.cert, issuer, NID_basic_constraints,
		options->authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (options->alt_names) {
		identity_extension(identity.cert, issuer, NID_subject_alt_name, options->alt_names);
	}
	assert_true(X509_sign(identity.cert, options->from ? options->from->key : identity.key,
			    EVP_sha256()) > 0);
	return identity;
}

static inline void identity_finish(struct identity *identity)
{
	EVP_PKEY_free(identity->key);
	X509_free(identity->cert);
	memset(identity, 0, sizeof(*identity));
}

/* Writes the certificate, and the key too when asked for, as PEM. */
static inline void identity_save(const struct identity *identity, const char *path, bool with_key)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, identity->cert), 1);
	if (with_key) {
		assert_int_equal(
			PEM_write_PrivateKey(file, identity->key, NULL, NULL, 0, NULL, NULL), 1);
	}
	assert_int_equal(fclose(file), 0);
}

/* What a TLS server thread knows; server->arg. */
struct tls_server {
	const struct identity *identity;
	const struct identity *client_authority; /* asks for a certificate that this one signed */
	int max_version;                         /* 0 = the newest */
	bool no_closing_notice;
	void (*talk)(struct server *server, SSL *ssl);
	/* Seen: */
	bool shaken;
	char server_name[256]; /* SNI */
	char client_name[256]; /* of its certificate */
	int version;
};

static inline void tls_server_note(struct tls_server *tls, SSL *ssl)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	X509 *cert = SSL_get0_peer_certificate(ssl);

	tls->shaken = true;
	tls->version = SSL_version(ssl);
	(void)snprintf(tls->server_name, sizeof(tls->server_name), "%s", name ? name : "");
	if (cert) {
		(void)X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName,
			tls->client_name, sizeof(tls->client_name));
	}
}

static inline void serve_tls(struct server *server, int fd)
{
	struct tls_server *tls = server->arg;
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	SSL *ssl;

	SSL_CTX_set_cipher_list(context, "DEFAULT:@SECLEVEL=0");
	SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(context, tls->max_version);
	SSL_CTX_use_certificate(context, tls->identity->cert);
	SSL_CTX_use_PrivateKey(context, tls->identity->key);
	if (tls->client_authority) {
		X509_STORE_add_cert(SSL_CTX_get_cert_store(context), tls->client_authority->cert);
		SSL_CTX_set_verify(
			context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	ssl = SSL_new(context);
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		tls_server_note(tls, ssl);
		if (tls->talk) {
			tls->talk(server, ssl);
		}
		if (!tls->no_closing_notice) {
			(void)SSL_shutdown(ssl);
		}
	} else {
		/* Lets the client read our alert before the socket goes. */
		(void)shutdown(fd, SHUT_WR);
		read_to(server, fd, SIZE_MAX);
	}
	SSL_free(ssl);
	SSL_CTX_free(context);
}

#endif
