/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes, message authentication, randomness and secret comparison (OpenSSL 3). */
#ifndef TRESTLE_BASE_DIGEST_H
#define TRESTLE_BASE_DIGEST_H

#include "core/base/buf.h"

enum { TR_SHA256_LEN = 32 };

void tr_sha256(struct tr_str data, unsigned char out[TR_SHA256_LEN]);
/* SHA-256 over several parts, each preceded by its length, so that parts cannot run into each
 * other. */
void tr_sha256_parts(const struct tr_str *parts, size_t count, unsigned char out[TR_SHA256_LEN]);
void tr_hmac_sha256(struct tr_str key, struct tr_str data, unsigned char out[TR_SHA256_LEN]);

/* Equal without telling by its time where they differ (lengths may show). */
bool tr_secret_equal(struct tr_str a, struct tr_str b);

/* Cryptographic randomness; aborts when the system has none. */
void tr_random_bytes(void *out, size_t len);
/* `bytes` random bytes as lower-case hex, owned. */
char *tr_random_token(size_t bytes);
/* Uniform in [0, bound); for jitter. */
uint32_t tr_random_below(uint32_t bound);

#endif
