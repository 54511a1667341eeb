/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCRAM-SHA-256: the messages of RFC 5802 section 5 and the proofs of its section 3. Who sends them
 * how is connection_sasl.c's.
 */
#include "bridges/irc/scram.h"

#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/encode.h"

#include <openssl/evp.h>
#include <string.h>

enum { NONCE_BYTES = 18, SALT_MAX = 1024, PROOF_MAX = 128, ERROR_MAX = 80 };

struct tr_scram {
	char *password;
	char *nonce; /* ours, then ours with the server's behind it */
	size_t own_nonce_len;
	struct tr_buf auth; /* the messages that both sides sign */
	struct tr_buf salt;
	unsigned iterations;
	unsigned char salted[TR_SHA256_LEN];
};

/* RFC 5802 section 5.1: "," and "=" in names. */
static void add_name(struct tr_buf *out, const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name == ',') {
			tr_buf_add_c(out, "=2C");
		} else if (*name == '=') {
			tr_buf_add_c(out, "=3D");
		} else {
			tr_buf_add_char(out, *name);
		}
	}
}

struct tr_scram *tr_scram_create(const char *user, const char *password, const char *nonce)
{
	struct tr_scram *scram = tr_alloc(sizeof(*scram));
	scram->password = tr_strdup(password);
	scram->nonce = nonce ? tr_strdup(nonce) : tr_random_token(NONCE_BYTES);
	scram->own_nonce_len = strlen(scram->nonce);
	tr_buf_init(&scram->auth, (size_t)TR_SCRAM_MESSAGE_MAX * 4);
	tr_buf_init(&scram->salt, SALT_MAX);
	tr_buf_add_c(&scram->auth, "n=");
	add_name(&scram->auth, user);
	tr_buf_addf(&scram->auth, ",r=%s", scram->nonce);
	return scram;
}

void tr_scram_destroy(struct tr_scram *scram)
{
	if (scram == NULL) {
		return;
	}
	tr_free_secret(scram->password);
	tr_free(scram->nonce);
	tr_buf_finish(&scram->auth);
	tr_buf_finish(&scram->salt);
	tr_wipe(scram->salted, sizeof(scram->salted));
	tr_free(scram);
}

void tr_scram_first(struct tr_scram *scram, struct tr_buf *out)
{
	tr_buf_add_c(out, "n,,"); /* no channel binding, no other identity */
	tr_buf_add(out, tr_buf_str(&scram->auth));
}

/* The value of the next attribute, which must be `name`. */
static bool attribute(struct tr_str *rest, char name, struct tr_str *value)
{
	struct tr_str item;
	if (!tr_str_split(rest, ',', &item) || item.len < 2 || item.ptr[0] != name ||
		item.ptr[1] != '=') {
		return false;
	}
	*value = tr_str_from_index(item, 2);
	return true;
}

static int bad(struct tr_error *error, const char *what)
{
	return tr_error_set_class(error, TR_E_PROTOCOL, TR_CLASS_DENIED,
		"its part of SCRAM-SHA-256 is wrong: %s", what);
}

/* Printable ASCII, and more than our own. */
static bool nonce_ok(const struct tr_scram *scram, struct tr_str nonce)
{
	if (nonce.len <= scram->own_nonce_len || !tr_str_starts(nonce, tr_str_from(scram->nonce))) {
		return false;
	}
	for (size_t i = 0; i < nonce.len; i++) {
		if (nonce.ptr[i] <= ' ' || nonce.ptr[i] >= 0x7f) {
			return false;
		}
	}
	return true;
}

int tr_scram_take_first(struct tr_scram *scram, struct tr_str message, struct tr_error *error)
{
	struct tr_str rest = message;
	struct tr_str nonce;
	struct tr_str salt;
	struct tr_str count;
	uint64_t iterations = 0;
	if (message.len > TR_SCRAM_MESSAGE_MAX || !attribute(&rest, 'r', &nonce) ||
		!attribute(&rest, 's', &salt) || !attribute(&rest, 'i', &count)) {
		return bad(error, "its first message has no nonce, salt and count");
	}
	if (!nonce_ok(scram, nonce)) {
		return bad(error, "its nonce does not continue ours");
	}
	tr_buf_clear(&scram->salt);
	if (tr_base64_decode(&scram->salt, salt) != 0 || scram->salt.len == 0) {
		return bad(error, "its salt is not base64");
	}
	if (!tr_str_to_u64(count, &iterations) || iterations < TR_SCRAM_ITERATIONS_MIN) {
		return bad(error, "it hashes passwords less than 4096 times");
	}
	if (iterations > TR_SCRAM_ITERATIONS_MAX) {
		return bad(error, "it wants a password hashed more than a million times");
	}
	scram->iterations = (unsigned)iterations;
	tr_buf_add_char(&scram->auth, ',');
	tr_buf_add(&scram->auth, message);
	char *whole = tr_str_dup(nonce);
	tr_free(scram->nonce);
	scram->nonce = whole;
	tr_buf_addf(&scram->auth, ",c=biws,r=%s", scram->nonce);
	return tr_buf_failed(&scram->auth) ? bad(error, "its first message is too long") : 0;
}

void tr_scram_work(struct tr_scram *scram)
{
	TR_ASSERT(PKCS5_PBKDF2_HMAC(scram->password, (int)strlen(scram->password),
			  (const unsigned char *)scram->salt.data, (int)scram->salt.len,
			  (int)scram->iterations, EVP_sha256(), sizeof(scram->salted),
			  scram->salted) == 1);
}

static struct tr_str bytes_of(const unsigned char hash[TR_SHA256_LEN])
{
	return tr_str_of((const char *)hash, TR_SHA256_LEN);
}

void tr_scram_final(struct tr_scram *scram, struct tr_buf *out)
{
	unsigned char key[TR_SHA256_LEN];
	unsigned char stored[TR_SHA256_LEN];
	unsigned char proof[TR_SHA256_LEN];
	tr_hmac_sha256(bytes_of(scram->salted), TR_STR("Client Key"), key);
	tr_sha256(bytes_of(key), stored);
	tr_hmac_sha256(bytes_of(stored), tr_buf_str(&scram->auth), proof);
	for (size_t i = 0; i < TR_SHA256_LEN; i++) {
		proof[i] ^= key[i];
	}
	tr_buf_addf(out, "c=biws,r=%s,p=", scram->nonce);
	tr_base64_encode(out, proof, sizeof(proof));
	tr_wipe(key, sizeof(key));
	tr_wipe(stored, sizeof(stored));
}

int tr_scram_take_final(struct tr_scram *scram, struct tr_str message, struct tr_error *error)
{
	struct tr_str rest = message;
	struct tr_str value;
	unsigned char key[TR_SHA256_LEN];
	unsigned char expected[TR_SHA256_LEN];
	if (tr_str_starts(message, TR_STR("e="))) {
		struct tr_str why = tr_str_from_index(message, 2);
		why = tr_utf8_valid(why) ? tr_str_slice(why, 0, tr_utf8_fit(why, ERROR_MAX))
					 : TR_STR("no reason given");
		return tr_error_set_class(
			error, TR_E_AUTH, TR_CLASS_DENIED, "%.*s", TR_STR_ARG(why));
	}
	if (!attribute(&rest, 'v', &value)) {
		return bad(error, "it does not prove that it knows the password");
	}
	tr_hmac_sha256(bytes_of(scram->salted), TR_STR("Server Key"), key);
	tr_hmac_sha256(bytes_of(key), tr_buf_str(&scram->auth), expected);
	tr_wipe(key, sizeof(key));
	struct tr_buf proof = TR_BUF_INIT(PROOF_MAX);
	bool proven = tr_base64_decode(&proof, value) == 0 &&
		      tr_secret_equal(tr_buf_str(&proof), bytes_of(expected));
	tr_buf_finish(&proof);
	return proven ? 0
		      : bad(error, "its proof is not that of a server which knows the password");
}
