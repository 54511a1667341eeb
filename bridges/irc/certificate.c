/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client certificates for people who have none: P-256, self-signed, so that nothing but the
 * fingerprint matters, which they tell the network's services.
 */
#include "bridges/irc/account.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { DAY_S = 24 * 3600, VALID_DAYS = 3650, SERIAL_BITS_BYTES = 8, COMMON_NAME_MAX = 64 };

static bool name_it(X509 *certificate, const char *user_id)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	/* RFC 5280 appendix A: ub-common-name. */
	size_t len = strlen(user_id) > COMMON_NAME_MAX ? COMMON_NAME_MAX : strlen(user_id);
	if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)user_id,
		    (int)len, -1, 0) != 1) {
		return false;
	}
	return X509_set_issuer_name(certificate, name) == 1;
}

static bool fill(X509 *certificate, EVP_PKEY *key, const char *user_id)
{
	uint64_t serial;
	tr_random_bytes(&serial, SERIAL_BITS_BYTES);
	return X509_set_version(certificate, 2) == 1 &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1 &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S) != NULL &&
	       X509_time_adj_ex(X509_getm_notAfter(certificate), VALID_DAYS, 0, NULL) != NULL &&
	       name_it(certificate, user_id) && X509_set_pubkey(certificate, key) == 1 &&
	       X509_sign(certificate, key, EVP_sha256()) > 0;
}

int tr_irc_certificate_make(const char *user_id, struct tr_buf *pem)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	BIO *bio = BIO_new(BIO_s_secmem());
	bool made = key != NULL && certificate != NULL && bio != NULL &&
		    fill(certificate, key, user_id) && PEM_write_bio_X509(bio, certificate) == 1 &&
		    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
	int failed = TR_E_BUG;
	if (made) {
		char *text = NULL;
		long len = BIO_get_mem_data(bio, &text);
		failed = tr_buf_add(pem, tr_str_of(text, (size_t)len));
	}
	ERR_clear_error();
	BIO_free(bio);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return failed;
}
