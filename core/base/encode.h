/* SPDX-License-Identifier: Apache-2.0 */
/* Text forms of bytes: hex, base64 (RFC 4648), base32, percent-encoding (RFC 3986). */
#ifndef TRESTLE_BASE_ENCODE_H
#define TRESTLE_BASE_ENCODE_H

#include "core/base/buf.h"

/* Appends; 0 or TR_E_TOO_BIG. Hex and base32 are lower case and without padding. */
int tr_hex_encode(struct tr_buf *out, const void *data, size_t len);
int tr_base32_encode(struct tr_buf *out, const void *data, size_t len);
int tr_base64_encode(struct tr_buf *out, const void *data, size_t len);
int tr_base64url_encode(struct tr_buf *out, const void *data, size_t len);

/* A decoder that fails leaves `out` as it was. */
/* Decodes standard or URL alphabet, padding optional, no whitespace. TR_E_INVALID on anything else.
 */
int tr_base64_decode(struct tr_buf *out, struct tr_str text);
int tr_hex_decode(struct tr_buf *out, struct tr_str text);

/* Everything but unreserved characters (A-Z a-z 0-9 - . _ ~) becomes %XX: safe as one path segment
 * or one query value. */
int tr_percent_encode(struct tr_buf *out, struct tr_str text);
/* %XX decoded; a bad escape is TR_E_INVALID. `plus_is_space` for query strings. */
int tr_percent_decode(struct tr_buf *out, struct tr_str text, bool plus_is_space);

#endif
