/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets at rest in two forms: ours (AES-256-GCM, the row as associated data) and that of the
 * incumbent IRC bridge (RSA-OAEP), both from one RSA key file. Where sealed texts are kept is left
 * to the callers.
 */
#include "core/store/seal.h"

#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/encode.h"
#include "core/base/log.h"
#include "core/base/pem.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>

enum { AES_KEY = 32, NONCE = 12, TAG = 16, KEY_ID = 4, KEY_ID_TEXT = 2 * KEY_ID };
enum { SALT = 16, SALT_TEXT = 24 }; /* of the incumbent's form, before the space */
enum { OAEP_OVERHEAD = 42, RSA_MIN = 1024, RSA_MAX_BYTES = 2048 };
/* Passwords and tokens; a sealed text from the database is no longer either. */
enum { SECRET_MAX = 1 << 16 };

struct tr_seal {
	EVP_PKEY *rsa;
	unsigned char key[AES_KEY];
	char head[4 + KEY_ID_TEXT + 2]; /* "tr1:xxxxxxxx:" */
};

static int fail_crypto(struct tr_error *error, const char *what)
{
	ERR_clear_error();
	return tr_error_set(error, TR_E_BUG, "sealing a secret: %s failed", what);
}

static int fail_open(struct tr_error *error, const char *why)
{
	ERR_clear_error();
	return tr_error_set(error, TR_E_INVALID, "a sealed secret does not open: %s", why);
}

/* HKDF-SHA256 without salt: one input, a name for each use. */
static bool derive(struct tr_str input, const char *use, unsigned char *out, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	char digest[] = "SHA256";
	OSSL_PARAM params[4];
	bool done;

	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
	params[1] = OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)input.ptr, input.len);
	params[2] = OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)use, strlen(use));
	params[3] = OSSL_PARAM_construct_end();
	done = context && EVP_KDF_derive(context, out, len, params) == 1;
	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
	return done;
}

static int derive_keys(struct tr_seal *seal, struct tr_error *error)
{
	struct tr_buf head = TR_BUF_INIT(sizeof(seal->head) - 1);
	unsigned char id[KEY_ID];
	unsigned char *der = NULL;
	int len = i2d_PrivateKey(seal->rsa, &der);
	struct tr_str input = tr_str_of((char *)der, len > 0 ? (size_t)len : 0);
	bool done = len > 0 &&
		    derive(input, "trestle seal: AES-256-GCM", seal->key, sizeof(seal->key)) &&
		    derive(input, "trestle seal: key id", id, sizeof(id));

	if (len > 0) {
		tr_wipe(der, (size_t)len);
	}
	OPENSSL_free(der);
	if (!done) {
		return fail_crypto(error, "deriving the key");
	}
	tr_buf_add_c(&head, "tr1:");
	tr_hex_encode(&head, id, sizeof(id));
	tr_buf_add_char(&head, ':');
	memcpy(seal->head, tr_buf_c(&head), head.len + 1);
	tr_buf_finish(&head);
	return 0;
}

static EVP_PKEY *read_key(const char *path, struct tr_error *error)
{
	struct stat info;
	EVP_PKEY *key;
	FILE *file = fopen(path, "re");

	if (!file || fstat(fileno(file), &info) != 0) {
		tr_error_set(error, TR_E_CONFIG, "key file %.150s: %s", path, strerror(errno));
		if (file) {
			fclose(file);
		}
		return NULL;
	}
	if (info.st_mode & S_IROTH) {
		tr_log_warn("store",
			"key file %s can be read by everyone: it opens all stored passwords, use "
			"chmod 600",
			path);
	}
	key = PEM_read_PrivateKey(file, NULL, tr_pem_no_pass_phrase, NULL);
	fclose(file);
	if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < RSA_MIN ||
		EVP_PKEY_get_size(key) > RSA_MAX_BYTES) {
		ERR_clear_error();
		EVP_PKEY_free(key);
		tr_error_set(error, TR_E_CONFIG,
			"key file %.100s holds no RSA private key in PEM form without pass phrase; "
			"make one: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
			path);
		return NULL;
	}
	return key;
}

struct tr_seal *tr_seal_open(const char *key_file, struct tr_error *error)
{
	struct tr_seal *seal;
	EVP_PKEY *key = read_key(key_file, error);

	if (!key) {
		return NULL;
	}
	seal = tr_alloc(sizeof(*seal));
	seal->rsa = key;
	if (derive_keys(seal, error) != 0) {
		tr_seal_close(seal);
		return NULL;
	}
	return seal;
}

void tr_seal_close(struct tr_seal *seal)
{
	if (seal) {
		EVP_PKEY_free(seal->rsa);
		tr_wipe(seal, sizeof(*seal));
		tr_free(seal);
	}
}

/* The head is authenticated with the row, so that neither can be exchanged. */
static bool add_context(EVP_CIPHER_CTX *cipher, const struct tr_seal *seal, struct tr_str context)
{
	int len;

	return EVP_CipherUpdate(cipher, NULL, &len, (const unsigned char *)seal->head,
		       (int)strlen(seal->head)) == 1 &&
	       (context.len == 0 ||
		       EVP_CipherUpdate(cipher, NULL, &len, (const unsigned char *)context.ptr,
			       (int)context.len) == 1);
}

/* nonce + ciphertext + tag, into a buffer of exactly that size. */
static bool encrypt(
	const struct tr_seal *seal, struct tr_str context, struct tr_str secret, unsigned char *out)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	unsigned char *text = out + NONCE;
	int len = 0;
	bool done;

	tr_random_bytes(out, NONCE);
	done = cipher &&
	       EVP_EncryptInit_ex2(cipher, EVP_aes_256_gcm(), seal->key, out, NULL) == 1 &&
	       add_context(cipher, seal, context) &&
	       (secret.len == 0 ||
		       EVP_EncryptUpdate(cipher, text, &len, (const unsigned char *)secret.ptr,
			       (int)secret.len) == 1) &&
	       EVP_EncryptFinal_ex(cipher, text + len, &len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG, text + secret.len) == 1;
	EVP_CIPHER_CTX_free(cipher);
	return done;
}

int tr_seal_close_secret(struct tr_seal *seal, struct tr_str context, struct tr_str secret,
	struct tr_buf *out, struct tr_error *error)
{
	size_t len = NONCE + secret.len + TAG;
	unsigned char *sealed;
	bool done;

	if (secret.len > SECRET_MAX || context.len > SECRET_MAX) {
		return tr_error_set(error, TR_E_TOO_BIG, "a secret of %zu bytes", secret.len);
	}
	sealed = tr_alloc(len);
	done = encrypt(seal, context, secret, sealed);
	if (done) {
		tr_buf_add_c(out, seal->head);
		tr_base64_encode(out, sealed, len);
	}
	tr_free(sealed);
	if (!done) {
		return fail_crypto(error, "AES-256-GCM");
	}
	return tr_buf_failed(out) ? tr_error_set(error, TR_E_TOO_BIG, "no room for the secret") : 0;
}

/* `out` has room for the text; nothing in it is to be used unless this is true. */
static bool decrypt(
	const struct tr_seal *seal, struct tr_str context, struct tr_str sealed, unsigned char *out)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	const unsigned char *bytes = (const unsigned char *)sealed.ptr;
	size_t text_len = sealed.len - NONCE - TAG;
	unsigned char tag[TAG];
	int len = 0;
	bool done;

	memcpy(tag, bytes + NONCE + text_len, TAG);
	done = cipher &&
	       EVP_DecryptInit_ex2(cipher, EVP_aes_256_gcm(), seal->key, bytes, NULL) == 1 &&
	       add_context(cipher, seal, context) &&
	       (text_len == 0 ||
		       EVP_DecryptUpdate(cipher, out, &len, bytes + NONCE, (int)text_len) == 1) &&
	       EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
	       EVP_DecryptFinal_ex(cipher, out + len, &len) == 1;
	EVP_CIPHER_CTX_free(cipher);
	return done;
}

static int give_secret(struct tr_buf *out, struct tr_str secret, struct tr_error *error)
{
	return tr_buf_add(out, secret) == 0
		       ? 0
		       : tr_error_set(error, TR_E_TOO_BIG, "no room for the secret");
}

/* Base64 has several spellings of the same bytes; only the one we write counts as unaltered. */
static bool decode(struct tr_buf *bytes, struct tr_str text)
{
	struct tr_buf again = TR_BUF_INIT(2 * SECRET_MAX);
	bool same = tr_base64_decode(bytes, text) == 0 &&
		    tr_base64_encode(&again, bytes->data, bytes->len) == 0 &&
		    tr_str_eq(tr_buf_str(&again), text);

	tr_buf_finish(&again);
	return same && bytes->len >= NONCE + TAG;
}

int tr_seal_open_secret(struct tr_seal *seal, struct tr_str context, struct tr_str sealed,
	struct tr_buf *out, struct tr_error *error)
{
	struct tr_str head = tr_str_from(seal->head);
	struct tr_buf bytes = TR_BUF_INIT(NONCE + SECRET_MAX + TAG);
	unsigned char *text;
	size_t len;
	int rc;

	if (!tr_str_starts(sealed, TR_STR("tr1:"))) {
		return fail_open(error, "it is not sealed in our form");
	}
	if (!tr_str_starts(sealed, head)) {
		return fail_open(error, "it was sealed with another key");
	}
	if (context.len > SECRET_MAX || !decode(&bytes, tr_str_from_index(sealed, head.len))) {
		tr_buf_finish(&bytes);
		return fail_open(error, "it is malformed");
	}
	len = bytes.len - NONCE - TAG;
	text = tr_alloc(len);
	rc = decrypt(seal, context, tr_buf_str(&bytes), text)
		     ? give_secret(out, tr_str_of((char *)text, len), error)
		     : fail_open(error, "it was altered or belongs to another row");
	tr_wipe(text, len);
	tr_free(text);
	tr_buf_finish(&bytes);
	return rc;
}

/* RSA-OAEP with SHA-1 for both digests and no label, as Node's crypto.publicEncrypt() does by
 * default. */
static EVP_PKEY_CTX *oaep(const struct tr_seal *seal, int (*init)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(seal->rsa, NULL);

	if (context && init(context) == 1 &&
		EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha1()) == 1 &&
		EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha1()) == 1) {
		return context;
	}
	EVP_PKEY_CTX_free(context);
	return NULL;
}

int tr_seal_encrypt_incumbent(
	struct tr_seal *seal, struct tr_str secret, struct tr_buf *out, struct tr_error *error)
{
	size_t size = (size_t)EVP_PKEY_get_size(seal->rsa);
	size_t longest = size - OAEP_OVERHEAD - SALT_TEXT - 1;
	struct tr_buf plain = TR_BUF_INIT(RSA_MAX_BYTES);
	unsigned char salt[SALT];
	unsigned char cipher[RSA_MAX_BYTES];
	EVP_PKEY_CTX *context;
	bool done;

	if (secret.len > longest) {
		return tr_error_set(error, TR_E_TOO_BIG,
			"the password has %zu bytes, the key file allows %zu", secret.len, longest);
	}
	tr_random_bytes(salt, sizeof(salt));
	tr_base64_encode(&plain, salt, sizeof(salt));
	tr_buf_add_char(&plain, ' ');
	tr_buf_add(&plain, secret);
	context = oaep(seal, EVP_PKEY_encrypt_init);
	done = context && EVP_PKEY_encrypt(context, cipher, &size,
				  (const unsigned char *)plain.data, plain.len) == 1;
	EVP_PKEY_CTX_free(context);
	tr_wipe(plain.data, plain.len);
	tr_buf_finish(&plain);
	if (!done) {
		return fail_crypto(error, "RSA-OAEP");
	}
	return tr_base64_encode(out, cipher, size) == 0
		       ? 0
		       : tr_error_set(error, TR_E_TOO_BIG, "no room for the secret");
}

/* base64(salt), a space, and the secret with whatever spaces it has. */
static int split_salt(struct tr_str plain, struct tr_buf *out, struct tr_error *error)
{
	ptrdiff_t space = tr_str_find_char(plain, ' ');

	if (space < 0) {
		return fail_open(error, "it lacks the salt of the incumbent's form");
	}
	return give_secret(out, tr_str_from_index(plain, (size_t)space + 1), error);
}

int tr_seal_decrypt_incumbent(
	struct tr_seal *seal, struct tr_str sealed, struct tr_buf *out, struct tr_error *error)
{
	struct tr_buf cipher = TR_BUF_INIT(RSA_MAX_BYTES);
	unsigned char plain[RSA_MAX_BYTES];
	size_t len = sizeof(plain);
	EVP_PKEY_CTX *context;
	int rc;

	if (tr_base64_decode(&cipher, tr_str_trim(sealed)) != 0) {
		tr_buf_finish(&cipher);
		return fail_open(error, "it is not base64");
	}
	context = oaep(seal, EVP_PKEY_decrypt_init);
	if (context && EVP_PKEY_decrypt(context, plain, &len,
			       (const unsigned char *)tr_buf_c(&cipher), cipher.len) == 1) {
		rc = split_salt(tr_str_of((char *)plain, len), out, error);
	} else {
		rc = fail_open(error, "it was altered or encrypted with another key");
	}
	EVP_PKEY_CTX_free(context);
	tr_wipe(plain, sizeof(plain));
	tr_buf_finish(&cipher);
	return rc;
}
