/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes, randomness and secret comparison from OpenSSL's libcrypto. A failure inside it means a
 * broken installation and ends the process: no caller could go on safely. */
#include "core/base/digest.h"

#include "core/base/alloc.h"
#include "core/base/encode.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

void tr_sha256(struct tr_str data, unsigned char out[TR_SHA256_LEN])
{
	TR_ASSERT(EVP_Digest(data.ptr, data.len, out, NULL, EVP_sha256(), NULL) == 1);
}

void tr_sha256_parts(const struct tr_str *parts, size_t count, unsigned char out[TR_SHA256_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	TR_ASSERT(ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1);
	for (size_t i = 0; i < count; i++) {
		unsigned char len[8];

		for (int byte = 0; byte < 8; byte++) {
			len[byte] = (unsigned char)((uint64_t)parts[i].len >> (56 - 8 * byte));
		}
		TR_ASSERT(EVP_DigestUpdate(ctx, len, sizeof(len)) == 1);
		TR_ASSERT(EVP_DigestUpdate(ctx, parts[i].ptr, parts[i].len) == 1);
	}
	TR_ASSERT(EVP_DigestFinal_ex(ctx, out, NULL) == 1);
	EVP_MD_CTX_free(ctx);
}

void tr_hmac_sha256(struct tr_str key, struct tr_str data, unsigned char out[TR_SHA256_LEN])
{
	/* A NULL key would mean "the key of the last call" to OpenSSL. */
	const char *bytes = key.ptr ? key.ptr : "";

	TR_ASSERT(key.len <= INT_MAX);
	TR_ASSERT(HMAC(EVP_sha256(), bytes, (int)key.len, (const unsigned char *)data.ptr, data.len,
		out, NULL));
}

bool tr_secret_equal(struct tr_str a, struct tr_str b)
{
	return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

void tr_random_bytes(void *out, size_t len)
{
	TR_ASSERT(len <= INT_MAX);
	TR_ASSERT(RAND_bytes(out, (int)len) == 1);
}

char *tr_random_token(size_t bytes)
{
	unsigned char *random = tr_alloc(bytes);
	struct tr_buf hex = TR_BUF_INIT(2 * bytes);

	tr_random_bytes(random, bytes);
	TR_ASSERT(tr_hex_encode(&hex, random, bytes) == 0);
	tr_wipe(random, bytes);
	tr_free(random);
	return tr_buf_take(&hex);
}

uint32_t tr_random_below(uint32_t bound)
{
	uint32_t limit;
	uint32_t random;

	if (bound < 2) {
		return 0;
	}
	/* Draws at or above the largest multiple of `bound` would favour small numbers. */
	limit = UINT32_MAX - UINT32_MAX % bound;
	do {
		tr_random_bytes(&random, sizeof(random));
	} while (random >= limit);
	return random % bound;
}
