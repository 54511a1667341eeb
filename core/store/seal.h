/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets at rest. Two forms: our own (AES-256-GCM, key id, bound to the row it lies in) and the
 * form of the incumbent IRC bridge (RSA-OAEP under its passkey.pem), read and written bit-exactly
 * so that a database can be taken over: base64(RSA-OAEP-SHA1(base64(16 random bytes) + " " +
 * secret)). Text form of ours: "tr1:" key id (8 hex) ":" base64(nonce 12 + ciphertext + tag 16).
 */
#ifndef TRESTLE_STORE_SEAL_H
#define TRESTLE_STORE_SEAL_H

#include "core/base/buf.h"
#include "core/base/error.h"

struct tr_seal;

/* `key_file`: PEM with an RSA private key (the incumbent's passkey.pem). The AES key is derived
 * from it (HKDF-SHA256 over its DER), so one file serves both forms. A file others may read is
 * warned about. */
struct tr_seal *tr_seal_open(const char *key_file, struct tr_error *error);
void tr_seal_close(struct tr_seal *seal);

/* `context` names the row ("bridge/user/field"): a sealed text moved to another row does not open.
 * Appends to `out` (a buffer to wipe after use for open). TR_E_INVALID: not ours, altered, wrong
 * row or another key. */
int tr_seal_close_secret(struct tr_seal *seal, struct tr_str context, struct tr_str secret,
	struct tr_buf *out, struct tr_error *error);
int tr_seal_open_secret(struct tr_seal *seal, struct tr_str context, struct tr_str sealed,
	struct tr_buf *out, struct tr_error *error);

/* The incumbent's form. Secrets with spaces come back whole. Longest secret: key bytes - 42 - 25.
 */
int tr_seal_encrypt_incumbent(
	struct tr_seal *seal, struct tr_str secret, struct tr_buf *out, struct tr_error *error);
int tr_seal_decrypt_incumbent(
	struct tr_seal *seal, struct tr_str sealed, struct tr_buf *out, struct tr_error *error);

#endif
