/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer, and allocation that ends the program instead of failing. The program is a
 * test peer: whoever feeds it is trusted, and the callers that take bytes from a socket cap them.
 */
#ifndef SCRIPTED_IRCD_BUF_H
#define SCRIPTED_IRCD_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct ircd_buf {
	char *data; /* NULL until something was added; always followed by a NUL byte */
	size_t len;
	size_t cap;
};

void *ircd_alloc(size_t size); /* zeroed */
void *ircd_resize(void *old, size_t size);
char *ircd_dup(const char *text); /* NULL gives NULL */
char *ircd_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

void ircd_buf_add(struct ircd_buf *buf, const void *data, size_t len);
void ircd_buf_puts(struct ircd_buf *buf, const char *text);
void ircd_buf_printf(struct ircd_buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void ircd_buf_vprintf(struct ircd_buf *buf, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
/* Forgets the first n bytes. */
void ircd_buf_drain(struct ircd_buf *buf, size_t n);
void ircd_buf_free(struct ircd_buf *buf);
/* Adds the bytes with backslash, control characters and DEL as \xHH: one record, one text line. */
void ircd_buf_add_escaped(struct ircd_buf *buf, const char *data, size_t len);

#endif
