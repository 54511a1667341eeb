/* SPDX-License-Identifier: Apache-2.0 */
/* The growing byte buffer: doubles its memory up to the stated maximum and always keeps room for
 * the closing NUL. */
#include "core/base/buf.h"

#include "core/base/alloc.h"
#include "core/base/error.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_CAP = 64 };

void tr_buf_init(struct tr_buf *buf, size_t max)
{
	memset(buf, 0, sizeof(*buf));
	buf->max = max;
}

void tr_buf_finish(struct tr_buf *buf)
{
	tr_free(buf->data);
	tr_buf_init(buf, buf->max);
}

void tr_buf_clear(struct tr_buf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->data) {
		buf->data[0] = '\0';
	}
}

int tr_buf_reserve(struct tr_buf *buf, size_t extra)
{
	size_t cap = buf->cap;

	if (buf->failed || extra > buf->max - buf->len) {
		buf->failed = true;
		return TR_E_TOO_BIG;
	}
	if (cap > buf->len && cap - buf->len > extra) {
		return 0;
	}
	if (cap < FIRST_CAP) {
		cap = FIRST_CAP;
	}
	while (cap - buf->len <= extra) {
		cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
	}
	if (cap - 1 > buf->max) {
		cap = buf->max + 1;
	}
	buf->data = tr_realloc_array(buf->data, cap, 1);
	buf->cap = cap;
	buf->data[buf->len] = '\0';
	return 0;
}

int tr_buf_add(struct tr_buf *buf, struct tr_str bytes)
{
	int rc = tr_buf_reserve(buf, bytes.len);

	if (rc != 0) {
		return rc;
	}
	if (bytes.len > 0) {
		memcpy(buf->data + buf->len, bytes.ptr, bytes.len);
		buf->len += bytes.len;
	}
	buf->data[buf->len] = '\0';
	return 0;
}

int tr_buf_add_c(struct tr_buf *buf, const char *text)
{
	return tr_buf_add(buf, tr_str_from(text));
}

int tr_buf_add_char(struct tr_buf *buf, char byte)
{
	/* Parsers come here for every byte. */
	if (!buf->failed && buf->len < buf->max && buf->cap > buf->len + 1) {
		buf->data[buf->len++] = byte;
		buf->data[buf->len] = '\0';
		return 0;
	}
	return tr_buf_add(buf, tr_str_of(&byte, 1));
}

int tr_buf_add_code_point(struct tr_buf *buf, uint32_t code_point)
{
	char bytes[4];
	size_t len = tr_utf8_encode(code_point, bytes);

	return tr_buf_add(buf, tr_str_of(bytes, len));
}

int tr_buf_add_u64(struct tr_buf *buf, uint64_t number, size_t digits)
{
	char text[20];
	size_t start = sizeof(text);

	TR_ASSERT(digits <= sizeof(text));
	do {
		text[--start] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0 || sizeof(text) - start < digits);
	return tr_buf_add(buf, tr_str_of(text + start, sizeof(text) - start));
}

int tr_buf_addf(struct tr_buf *buf, const char *format, ...)
{
	va_list args;
	int rc;

	va_start(args, format);
	rc = tr_buf_addfv(buf, format, args);
	va_end(args);
	return rc;
}

int tr_buf_addfv(struct tr_buf *buf, const char *format, va_list args)
{
	size_t room;
	va_list again;
	int len;
	int rc;

	/* Most fits into what is there already and is formatted once only. */
	rc = tr_buf_reserve(buf, 0);
	if (rc != 0) {
		return rc;
	}
	room = buf->cap - buf->len;
	va_copy(again, args);
	len = vsnprintf(buf->data + buf->len, room, format, again);
	va_end(again);
	TR_ASSERT(len >= 0);
	if ((size_t)len >= room) {
		buf->data[buf->len] = '\0';
		rc = tr_buf_reserve(buf, (size_t)len);
		if (rc != 0) {
			return rc;
		}
		vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
	}
	buf->len += (size_t)len;
	return 0;
}

void tr_buf_consume(struct tr_buf *buf, size_t count)
{
	if (count > buf->len) {
		count = buf->len;
	}
	if (count == 0) {
		return;
	}
	buf->len -= count;
	memmove(buf->data, buf->data + count, buf->len);
	buf->data[buf->len] = '\0';
}

void tr_buf_truncate(struct tr_buf *buf, size_t len)
{
	TR_ASSERT(len <= buf->len);
	buf->len = len;
	if (buf->data) {
		buf->data[len] = '\0';
	}
}

bool tr_buf_failed(const struct tr_buf *buf)
{
	return buf->failed;
}

struct tr_str tr_buf_str(const struct tr_buf *buf)
{
	return tr_str_of(buf->data, buf->len);
}

const char *tr_buf_c(const struct tr_buf *buf)
{
	return buf->data ? buf->data : "";
}

char *tr_buf_take(struct tr_buf *buf)
{
	char *data = buf->data ? buf->data : tr_strdup("");

	tr_buf_init(buf, buf->max);
	return data;
}
