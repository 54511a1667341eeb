/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings of the stub homeserver: a growing text, JSON quoting, percent-decoding and identifiers.
 *
 * Allocation never fails here: the program ends with a message when memory is out.
 */
#ifndef HS_TEXT_H
#define HS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hs_text {
	char *data; /* NUL-terminated once anything was added, else NULL */
	size_t len;
	size_t cap;
};

/* Zeroed memory. */
void *hs_alloc(size_t size);
char *hs_dup(const char *s);
char *hs_dup_n(const char *s, size_t len);

/* Make room for more bytes than are there, without changing the text. */
void hs_text_reserve(struct hs_text *text, size_t more);
void hs_text_add(struct hs_text *text, const char *data, size_t len);
void hs_text_puts(struct hs_text *text, const char *s);
void hs_text_printf(struct hs_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Add s as a JSON string with its quotes. NULL is written as null. */
void hs_text_json(struct hs_text *text, const char *s);
/* Add "key":"value" with a comma before it unless an object or array has just been opened. */
void hs_text_pair(struct hs_text *text, const char *key, const char *value);
void hs_text_clear(struct hs_text *text);
void hs_text_free(struct hs_text *text);
/* The text itself; the caller frees it. Never NULL. */
char *hs_text_take(struct hs_text *text);

/* Decode %xx in place and return the new length; with plus, a + is a space. */
size_t hs_unescape(char *s, bool plus);
/* Percent-encode all but unreserved characters. */
void hs_text_escape(struct hs_text *text, const char *s);

/* Write n random characters of the URL-safe base64 alphabet and a NUL. Unique for n >= 18. */
void hs_random_id(char *out, size_t n);
/* The same of letters only, as in room ids up to room version 11. */
void hs_random_letters(char *out, size_t n);

#endif
