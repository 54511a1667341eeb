/* SPDX-License-Identifier: Apache-2.0 */
/* Growing byte buffers and allocation for the scripted IRC peer. Limits are the callers' business.
 */
#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *ircd_alloc(size_t size)
{
	void *p = calloc(1, size);
	if (!p) {
		abort();
	}
	return p;
}

void *ircd_resize(void *old, size_t size)
{
	void *p = realloc(old, size);
	if (!p) {
		abort();
	}
	return p;
}

char *ircd_dup(const char *text)
{
	if (!text) {
		return NULL;
	}
	size_t size = strlen(text) + 1;
	char *copy = ircd_alloc(size);
	memcpy(copy, text, size);
	return copy;
}

char *ircd_printf(const char *format, ...)
{
	struct ircd_buf buf = {0};
	va_list args;
	va_start(args, format);
	ircd_buf_vprintf(&buf, format, args);
	va_end(args);
	return buf.data ? buf.data : ircd_dup("");
}

static void reserve(struct ircd_buf *buf, size_t more)
{
	if (buf->len + more + 1 <= buf->cap) {
		return;
	}
	size_t cap = buf->cap ? buf->cap : 128;
	while (cap < buf->len + more + 1) {
		cap *= 2;
	}
	buf->data = ircd_resize(buf->data, cap);
	buf->cap = cap;
}

void ircd_buf_add(struct ircd_buf *buf, const void *data, size_t len)
{
	reserve(buf, len);
	if (len) {
		memcpy(buf->data + buf->len, data, len);
	}
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void ircd_buf_puts(struct ircd_buf *buf, const char *text)
{
	ircd_buf_add(buf, text, strlen(text));
}

void ircd_buf_vprintf(struct ircd_buf *buf, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	reserve(buf, 255);
	size_t room = buf->cap - buf->len;
	int n = vsnprintf(buf->data + buf->len, room, format, args);
	if (n > 0 && (size_t)n >= room) {
		reserve(buf, (size_t)n);
		vsnprintf(buf->data + buf->len, (size_t)n + 1, format, again);
	}
	buf->len += n > 0 ? (size_t)n : 0;
	va_end(again);
}

void ircd_buf_printf(struct ircd_buf *buf, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	ircd_buf_vprintf(buf, format, args);
	va_end(args);
}

void ircd_buf_drain(struct ircd_buf *buf, size_t n)
{
	if (!n) {
		return;
	}
	memmove(buf->data, buf->data + n, buf->len - n);
	buf->len -= n;
	buf->data[buf->len] = '\0';
}

void ircd_buf_free(struct ircd_buf *buf)
{
	free(buf->data);
	*buf = (struct ircd_buf){0};
}

void ircd_buf_add_escaped(struct ircd_buf *buf, const char *data, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	reserve(buf, len * 4);
	char *out = buf->data + buf->len;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)data[i];
		if (c >= 0x20 && c != '\\' && c != 0x7f) {
			*out++ = (char)c;
			continue;
		}
		*out++ = '\\';
		*out++ = 'x';
		*out++ = hex[c >> 4];
		*out++ = hex[c & 15];
	}
	*out = '\0';
	buf->len = (size_t)(out - buf->data);
}
