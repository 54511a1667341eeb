/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transaction ids for PUT /send: derived from what is sent, so every retry and every restart uses
 * the same one, and hashed with all that tells two messages apart, so no two ghosts can share one:
 * Synapse's cache has no user in its key.
 */
#ifndef TRESTLE_MATRIX_TXN_ID_H
#define TRESTLE_MATRIX_TXN_ID_H

#include "core/base/str.h"

/* "t" and 26 characters of base32: of the SHA-256 of the parts, each with its length. Owned. */
char *tr_txn_id(const struct tr_str *parts, size_t count);

#endif
