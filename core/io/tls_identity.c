/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client certificates: read once from PEM text, shown on any number of sessions. What a session is
 * and whom we trust is in tls.c.
 */
#include "core/base/alloc.h"
#include "core/base/encode.h"
#include "core/base/pem.h"
#include "core/io/stream_internal.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

enum { PEM_MAX = 64 * 1024, CHAIN_MAX = 10 };

struct tr_tls_identity {
	X509 *certificate;
	STACK_OF(X509) * chain;
	EVP_PKEY *key;
	size_t references;
};

static BIO *bio_of(struct tr_str pem)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	TR_ASSERT(bio != NULL);
	return bio;
}

/* The first certificate is ours, the others lead to its issuer. */
static void read_certificates(struct tr_tls_identity *identity, struct tr_str pem)
{
	BIO *bio = bio_of(pem);
	X509 *certificate;
	while (sk_X509_num(identity->chain) < CHAIN_MAX &&
		(certificate = PEM_read_bio_X509(bio, NULL, tr_pem_no_pass_phrase, NULL)) != NULL) {
		if (identity->certificate == NULL) {
			identity->certificate = certificate;
		} else {
			TR_ASSERT(sk_X509_push(identity->chain, certificate) > 0);
		}
	}
	BIO_free(bio);
}

struct tr_tls_identity *tr_tls_identity_create(struct tr_str pem, struct tr_error *error)
{
	if (tr_str_empty(pem) || pem.len > PEM_MAX) {
		tr_error_set(error, TR_E_CONFIG, "there is no certificate in PEM form");
		return NULL;
	}
	struct tr_tls_identity *identity = tr_alloc(sizeof(*identity));
	identity->references = 1;
	identity->chain = sk_X509_new_null();
	TR_ASSERT(identity->chain != NULL);
	read_certificates(identity, pem);
	BIO *bio = bio_of(pem);
	identity->key = PEM_read_bio_PrivateKey(bio, NULL, tr_pem_no_pass_phrase, NULL);
	BIO_free(bio);

	const char *wrong = NULL;
	if (identity->certificate == NULL) {
		wrong = "there is no certificate in PEM form";
	} else if (identity->key == NULL) {
		wrong = "there is no private key without a pass phrase next to the certificate";
	} else if (X509_check_private_key(identity->certificate, identity->key) != 1) {
		wrong = "the private key does not belong to the certificate";
	}
	ERR_clear_error();
	if (wrong != NULL) {
		tr_error_set(error, TR_E_CONFIG, "%s", wrong);
		tr_tls_identity_destroy(identity);
		return NULL;
	}
	return identity;
}

struct tr_tls_identity *tr_tls_identity_ref(struct tr_tls_identity *identity)
{
	if (identity != NULL) {
		identity->references++;
	}
	return identity;
}

void tr_tls_identity_destroy(struct tr_tls_identity *identity)
{
	if (identity == NULL || --identity->references > 0) {
		return;
	}
	X509_free(identity->certificate);
	sk_X509_pop_free(identity->chain, X509_free);
	EVP_PKEY_free(identity->key);
	tr_free(identity);
}

int tr_tls_identity_fingerprint(
	const struct tr_tls_identity *identity, const char *digest, struct tr_buf *out)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	const EVP_MD *type = EVP_get_digestbyname(digest);
	if (type == NULL || X509_digest(identity->certificate, type, hash, &len) != 1) {
		ERR_clear_error();
		return TR_E_UNSUPPORTED;
	}
	return tr_hex_encode(out, hash, len);
}

bool tr_tls_identity_expired(const struct tr_tls_identity *identity)
{
	return X509_cmp_current_time(X509_get0_notAfter(identity->certificate)) < 0;
}

bool tr_tls_identity_use(const struct tr_tls_identity *identity, SSL *ssl)
{
	return SSL_use_certificate(ssl, identity->certificate) == 1 &&
	       SSL_set1_chain(ssl, identity->chain) == 1 &&
	       SSL_use_PrivateKey(ssl, identity->key) == 1;
}
