/* SPDX-License-Identifier: Apache-2.0 */
/* Makes transaction ids; which parts tell two messages apart is the caller's knowledge. */
#include "core/matrix/txn_id.h"

#include "core/base/digest.h"
#include "core/base/encode.h"

enum { DIGITS = 26 };

char *tr_txn_id(const struct tr_str *parts, size_t count)
{
	unsigned char hash[TR_SHA256_LEN];
	tr_sha256_parts(parts, count, hash);
	struct tr_buf text = TR_BUF_INIT(128);
	tr_buf_add_char(&text, 't');
	tr_base32_encode(&text, hash, sizeof(hash));
	tr_buf_truncate(&text, 1 + DIGITS);
	return tr_buf_take(&text);
}
