/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte buffer that grows up to a maximum stated at its birth. Everything whose size a peer
 * controls goes through one.
 *
 * Invariants: data is NULL or data[len] is NUL; len <= max. Once an append did not fit, the buffer
 * is failed: nothing of that append is written, later appends do nothing and fail too, and
 * tr_buf_failed() tells. So a run of appends can be checked once at its end.
 * Ownership: the buffer owns its bytes; tr_buf_take() hands them over.
 */
#ifndef TRESTLE_BASE_BUF_H
#define TRESTLE_BASE_BUF_H

#include "core/base/str.h"

#include <stdarg.h>

struct tr_buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;
	bool failed;
};

/* Static initializer with `maximum` bytes of content. */
#define TR_BUF_INIT(maximum)   \
 {                             \
  NULL, 0, 0, (maximum), false \
 }

void tr_buf_init(struct tr_buf *buf, size_t max);
/* Frees the bytes; the buffer may be used again. Legal on a zeroed struct. */
void tr_buf_finish(struct tr_buf *buf);
/* Empties and un-fails the buffer and keeps its memory. */
void tr_buf_clear(struct tr_buf *buf);

/* All return 0 or TR_E_TOO_BIG (see core/base/error.h). */
int tr_buf_add(struct tr_buf *buf, struct tr_str bytes);
int tr_buf_add_c(struct tr_buf *buf, const char *text);
int tr_buf_add_char(struct tr_buf *buf, char byte);
int tr_buf_add_code_point(struct tr_buf *buf, uint32_t code_point);
/* In decimal, with leading zeros up to `digits` (at most 20). */
int tr_buf_add_u64(struct tr_buf *buf, uint64_t number, size_t digits);
int tr_buf_addf(struct tr_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
int tr_buf_addfv(struct tr_buf *buf, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
/* Room for `extra` bytes beyond len; the caller writes to data + len and then adds to len. */
int tr_buf_reserve(struct tr_buf *buf, size_t extra);

/* Removes `count` bytes from the front (clamped). */
void tr_buf_consume(struct tr_buf *buf, size_t count);
/* Cuts to `len` bytes; longer than now is a bug. */
void tr_buf_truncate(struct tr_buf *buf, size_t len);

bool tr_buf_failed(const struct tr_buf *buf);
struct tr_str tr_buf_str(const struct tr_buf *buf);
/* NUL-terminated content, "" when empty; valid until the next change. */
const char *tr_buf_c(const struct tr_buf *buf);
/* Hands the bytes over as a NUL-terminated string (tr_free()) and leaves the buffer empty. Never
 * NULL. */
char *tr_buf_take(struct tr_buf *buf);

#endif
