/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that cannot fail: every allocation succeeds or the process aborts. The durable queues make
 * an abort safe, so no caller checks for NULL. Sizes that a peer controls never come here
 * unchecked; they go through struct tr_buf, which has a maximum.
 */
#ifndef TRESTLE_BASE_ALLOC_H
#define TRESTLE_BASE_ALLOC_H

#include <stddef.h>

/* Zeroed memory of `size` bytes (size 0 gives a valid pointer). Free with tr_free(). */
void *tr_alloc(size_t size);

/* Zeroed memory for `count` elements of `size` bytes; aborts on overflow of the product. */
void *tr_alloc_array(size_t count, size_t size);

/* Grows or shrinks an array to `count` elements of `size` bytes; new memory is not zeroed. */
void *tr_realloc_array(void *ptr, size_t count, size_t size);

/* Owned copies. tr_strdup(NULL) is NULL. tr_strndup() copies at most `len` bytes and ends in NUL.
 */
char *tr_strdup(const char *text);
char *tr_strndup(const char *text, size_t len);
void *tr_memdup(const void *data, size_t len);

/* Owned, formatted string. */
char *tr_asprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Frees memory of the functions above; NULL is fine. */
void tr_free(void *ptr);

/* Overwrites a secret in a way the compiler keeps. tr_free_secret() wipes a NUL-terminated string
 * first. */
void tr_wipe(void *data, size_t len);
void tr_free_secret(char *text);

/* Gives memory that a burst has left behind back to the system, as far as the C library can. */
void tr_alloc_trim(void);

/* A programming error ends the process with file, line and condition, in every build. Never for
 * input. */
#define TR_ASSERT(condition) \
 ((condition) ? (void)0 : tr_assert_failed(#condition, __FILE__, __LINE__))
_Noreturn void tr_assert_failed(const char *condition, const char *file, int line);

#define TR_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define TR_ARRAY_LEN(array)                (sizeof(array) / sizeof((array)[0]))

#endif
