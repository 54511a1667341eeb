/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory from the C library with the one policy that it never runs out: a failed request ends the
 * process. Limits on what a peer may make us hold are set where the peer is read, not here.
 */
#include "core/base/alloc.h"

#ifdef __linux__
# include <malloc.h>
#endif
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void out_of_memory(size_t size)
{
	fprintf(stderr, "out of memory: %zu bytes were not to be had\n", size);
	abort();
}

void *tr_alloc(size_t size)
{
	void *ptr = calloc(1, size > 0 ? size : 1);

	if (!ptr) {
		out_of_memory(size);
	}
	return ptr;
}

static size_t array_size(size_t count, size_t size)
{
	if (size > 0 && count > SIZE_MAX / size) {
		out_of_memory(SIZE_MAX);
	}
	return count * size;
}

void *tr_alloc_array(size_t count, size_t size)
{
	return tr_alloc(array_size(count, size));
}

void *tr_realloc_array(void *ptr, size_t count, size_t size)
{
	size_t total = array_size(count, size);
	void *grown = realloc(ptr, total > 0 ? total : 1);

	if (!grown) {
		out_of_memory(total);
	}
	return grown;
}

char *tr_strdup(const char *text)
{
	return text ? tr_memdup(text, strlen(text) + 1) : NULL;
}

char *tr_strndup(const char *text, size_t len)
{
	size_t used = text ? strnlen(text, len) : 0;
	char *copy = tr_alloc(used + 1);

	if (used > 0) {
		memcpy(copy, text, used);
	}
	return copy;
}

void *tr_memdup(const void *data, size_t len)
{
	void *copy = tr_alloc(len);

	if (len > 0) {
		memcpy(copy, data, len);
	}
	return copy;
}

char *tr_asprintf(const char *format, ...)
{
	char start[256]; /* enough for most: they are formatted once only */
	va_list args;
	int len;
	char *text;

	va_start(args, format);
	len = vsnprintf(start, sizeof(start), format, args);
	va_end(args);
	TR_ASSERT(len >= 0);
	if ((size_t)len < sizeof(start)) {
		return tr_memdup(start, (size_t)len + 1);
	}
	text = tr_alloc((size_t)len + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}

void tr_free(void *ptr)
{
	free(ptr);
}

void tr_wipe(void *data, size_t len)
{
	if (len > 0) {
		OPENSSL_cleanse(data, len);
	}
}

void tr_free_secret(char *text)
{
	if (text) {
		tr_wipe(text, strlen(text));
		tr_free(text);
	}
}

void tr_alloc_trim(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(0);
#endif
}

_Noreturn void tr_assert_failed(const char *condition, const char *file, int line)
{
	fprintf(stderr, "%s:%d: programming error: not so: %s\n", file, line, condition);
	abort();
}
