/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS client contexts: which certificates are trusted and for which name, and why one was not.
 * What a session does with its bytes is the business of stream_tls.c.
 */
#include "core/base/alloc.h"
#include "core/base/pem.h"
#include "core/io/stream_internal.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_LEN = 255, CIPHERS_MAX = 4096 };

struct tr_tls {
	SSL_CTX *context;
	BIO_METHOD *bio_method;
	size_t references;
};

/* The reason OpenSSL gives for its last error, for people. */
static const char *last_reason(void)
{
	unsigned long code = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(code);

	if (code != 0 && ERR_SYSTEM_ERROR(code)) {
		return strerror(ERR_GET_REASON(code));
	}
	return text ? text : "unknown reason";
}

/* Trusts every certificate of the text. */
static int load_pem(SSL_CTX *context, const char *pem, struct tr_error *error)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate;
	size_t count = 0;

	TR_ASSERT(bio != NULL);
	while ((certificate = PEM_read_bio_X509(bio, NULL, tr_pem_no_pass_phrase, NULL)) != NULL) {
		count += X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate) == 1;
		X509_free(certificate);
	}
	BIO_free(bio);
	ERR_clear_error();
	if (count == 0) {
		return tr_error_set(
			error, TR_E_CONFIG, "the CA text has no certificate in it (PEM)");
	}
	return 0;
}

static int load_trust(
	SSL_CTX *context, const char *ca_file, const char *ca_pem, struct tr_error *error)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);

	ERR_clear_error();
	if (ca_pem) {
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
		return load_pem(context, ca_pem, error);
	}
	if (!ca_file) {
		if (SSL_CTX_set_default_verify_paths(context) != 1) {
			return tr_error_set(error, TR_E_CONFIG,
				"cannot use the system's certificates: %s", last_reason());
		}
		return 0;
	}
	if (SSL_CTX_load_verify_file(context, ca_file) != 1) {
		return tr_error_set(error, TR_E_CONFIG, "cannot use the CA file %.120s: %s",
			ca_file, last_reason());
	}
	/* The file may name an intermediate or the server's own certificate as what to trust. */
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
	return 0;
}

static int set_min_version(SSL_CTX *context, const char *name, struct tr_error *error)
{
	static const struct {
		const char *name;
		int version;
	} versions[] = {{"TLSv1", TLS1_VERSION}, {"TLSv1.1", TLS1_1_VERSION},
		{"TLSv1.2", TLS1_2_VERSION}, {"TLSv1.3", TLS1_3_VERSION}};

	for (size_t i = 0; i < TR_ARRAY_LEN(versions); i++) {
		if (strcmp(versions[i].name, name ? name : "TLSv1.2") == 0) {
			(void)SSL_CTX_set_min_proto_version(context, versions[i].version);
			return 0;
		}
	}
	return tr_error_set(error, TR_E_CONFIG,
		"minVersion %.20s is none: write TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3", name);
}

/* As Node does: those of TLS 1.3 have a list of their own, and a version without any is not
 * spoken. */
static int set_ciphers(SSL_CTX *context, const char *ciphers, struct tr_error *error)
{
	struct tr_str rest = tr_str_from(ciphers);
	struct tr_str name;
	struct tr_buf old = TR_BUF_INIT(CIPHERS_MAX);
	struct tr_buf suites = TR_BUF_INIT(CIPHERS_MAX);
	bool good = true;

	if (!ciphers) {
		return 0;
	}
	while (tr_str_split(&rest, ':', &name)) {
		struct tr_buf *list = tr_str_starts(name, TR_STR("TLS_")) ? &suites : &old;

		tr_buf_add_c(list, list->len > 0 ? ":" : "");
		tr_buf_add(list, name);
	}
	good = !tr_buf_failed(&old) && !tr_buf_failed(&suites) && old.len + suites.len > 0;
	good = good && (old.len == 0 || SSL_CTX_set_cipher_list(context, tr_buf_c(&old)) == 1);
	good = good &&
	       (suites.len == 0 || SSL_CTX_set_ciphersuites(context, tr_buf_c(&suites)) == 1);
	if (good && old.len == 0) {
		(void)SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	} else if (good && suites.len == 0 &&
		   SSL_CTX_get_min_proto_version(context) < TLS1_3_VERSION) {
		(void)SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	}
	tr_buf_finish(&old);
	tr_buf_finish(&suites);
	ERR_clear_error();
	return good ? 0
		    : tr_error_set(error, TR_E_CONFIG,
			      "none of these ciphers is known to OpenSSL: %.120s", ciphers);
}

struct tr_tls *tr_tls_create(const struct tr_tls_options *options, struct tr_error *error)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct tr_tls *tls;

	TR_ASSERT(context != NULL);
	if (load_trust(context, options->ca_file, options->ca_pem, error) != 0 ||
		set_min_version(context, options->min_version, error) != 0 ||
		set_ciphers(context, options->ciphers, error) != 0) {
		SSL_CTX_free(context);
		return NULL;
	}
	SSL_CTX_set_options(
		context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_default_passwd_cb(context, tr_pem_no_pass_phrase);
	SSL_CTX_set_verify(
		context, options->allow_self_signed ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (options->allow_expired) {
		X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_NO_CHECK_TIME);
	}

	tls = tr_alloc(sizeof(*tls));
	tls->context = context;
	tls->bio_method = tr_stream_tls_bio_method();
	tls->references = 1;
	return tls;
}

struct tr_tls *tr_tls_ref(struct tr_tls *tls)
{
	tls->references++;
	return tls;
}

void tr_tls_destroy(struct tr_tls *tls)
{
	if (!tls || --tls->references > 0) {
		return;
	}
	SSL_CTX_free(tls->context);
	BIO_meth_free(tls->bio_method);
	tr_free(tls);
}

BIO_METHOD *tr_tls_bio_method(struct tr_tls *tls)
{
	return tls->bio_method;
}

static bool is_address(const char *name)
{
	struct in6_addr address;

	return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

/* SNI and what the certificate must be for. An address goes without SNI (RFC 6066 section 3). */
static int set_name(SSL *ssl, const char *name, struct tr_error *error)
{
	char text[NAME_MAX_LEN + 1];
	size_t len = strcspn(name, "%"); /* fe80::1%eth0: the zone is ours alone */
	bool ok;

	if (len > NAME_MAX_LEN) {
		return tr_error_set(error, TR_E_CONFIG, "the TLS name %.60s... is too long", name);
	}
	(void)snprintf(text, sizeof(text), "%.*s", (int)len, name);
	if (is_address(text)) {
		ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), text) == 1;
	} else {
		/* The root's dot is for DNS only; certificates and SNI have none. */
		if (len > 1 && text[len - 1] == '.') {
			text[len - 1] = '\0';
		}
		SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		ok = SSL_set_tlsext_host_name(ssl, text) == 1 && SSL_set1_host(ssl, text) == 1;
	}
	if (!ok) {
		return tr_error_set(error, TR_E_CONFIG, "%.120s cannot be a TLS name", name);
	}
	return 0;
}

SSL *tr_tls_session(struct tr_tls *tls, const char *name, const struct tr_tls_identity *identity,
	struct tr_error *error)
{
	SSL *ssl;

	ERR_clear_error();
	ssl = SSL_new(tls->context);
	TR_ASSERT(ssl != NULL);
	SSL_set_connect_state(ssl);
	if (set_name(ssl, name, error) != 0) {
		SSL_free(ssl);
		return NULL;
	}
	/* On the session and not on the context, which all accounts of a network share. */
	if (identity && !tr_tls_identity_use(identity, ssl)) {
		tr_error_set(error, TR_E_CONFIG, "the client certificate cannot be used: %s",
			last_reason());
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

static void certificate_reason(const SSL *ssl, const char *name, char *out, size_t size)
{
	long result = SSL_get_verify_result(ssl);

	switch (result) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		(void)snprintf(out, size, "its certificate is not for %.100s (%s mismatch)", name,
			result == X509_V_ERR_HOSTNAME_MISMATCH ? "hostname" : "address");
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		(void)snprintf(out, size, "its certificate has expired");
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		(void)snprintf(out, size, "its certificate is not valid yet");
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		(void)snprintf(out, size, "%s, and that is not trusted here",
			result == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
				? "it has a self-signed certificate"
				: "its chain ends in a self-signed certificate");
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		(void)snprintf(out, size, "the issuer of its certificate is not trusted here");
		break;
	default:
		(void)snprintf(out, size, "its certificate is not valid: %s",
			X509_verify_cert_error_string(result));
		break;
	}
}

void tr_tls_reason(const SSL *ssl, const char *name, char *out, size_t size)
{
	unsigned long code = ERR_peek_error();

	switch (ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0) {
	case SSL_R_CERTIFICATE_VERIFY_FAILED:
		certificate_reason(ssl, name, out, size);
		break;
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
		(void)snprintf(out, size, "what it sends is not TLS (%s)", last_reason());
		break;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		(void)snprintf(out, size, "it does not speak TLS 1.2 or later (%s)", last_reason());
		break;
	default:
		(void)snprintf(out, size, "%s", last_reason());
		break;
	}
	ERR_clear_error();
}
