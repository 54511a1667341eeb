/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views of text: a pointer and a length, borrowed from whoever owns the bytes, not NUL-terminated,
 * any byte allowed inside. An empty view may have a NULL pointer.
 */
#ifndef TRESTLE_BASE_STR_H
#define TRESTLE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tr_str {
	const char *ptr;
	size_t len;
};

/* A view of a string literal. */
#define TR_STR(literal) ((struct tr_str){"" literal, sizeof(literal) - 1})
/* For printf: printf("%.*s", TR_STR_ARG(view)) */
#define TR_STR_ARG(view) (int)(view).len, ((view).ptr ? (view).ptr : "")

/* A view of a NUL-terminated string; NULL gives the empty view. */
struct tr_str tr_str_from(const char *text);
struct tr_str tr_str_of(const char *ptr, size_t len);

/* Owned, NUL-terminated copy (bytes after an inner NUL are kept but not seen by C). Free with
 * tr_free(). */
char *tr_str_dup(struct tr_str view);

bool tr_str_empty(struct tr_str view);
bool tr_str_eq(struct tr_str a, struct tr_str b);
bool tr_str_eq_c(struct tr_str a, const char *b);
/* ASCII letters compare without case; all other bytes exactly. */
bool tr_str_eq_nocase(struct tr_str a, struct tr_str b);
/* Byte order, shorter first on a common prefix: <0, 0, >0. */
int tr_str_compare(struct tr_str a, struct tr_str b);
bool tr_str_starts(struct tr_str view, struct tr_str prefix);
bool tr_str_ends(struct tr_str view, struct tr_str suffix);

/* Index of the first match or -1. */
ptrdiff_t tr_str_find(struct tr_str view, struct tr_str needle);
ptrdiff_t tr_str_find_char(struct tr_str view, char byte);
ptrdiff_t tr_str_rfind_char(struct tr_str view, char byte);

/* Bytes from `start` to the end / `count` bytes from `start`; clamped to the view. */
struct tr_str tr_str_from_index(struct tr_str view, size_t start);
struct tr_str tr_str_slice(struct tr_str view, size_t start, size_t count);

/* Without leading and trailing spaces, tabs, CR and LF. */
struct tr_str tr_str_trim(struct tr_str view);

/* Takes the next field of *rest up to `separator` (or the end) into *field and moves *rest past it.
 * false when nothing is left; "a,,b" gives "a", "", "b" and "a," gives "a", "". Start with *rest =
 * the whole; an exhausted rest has a NULL pointer. */
bool tr_str_split(struct tr_str *rest, char separator, struct tr_str *field);

/* Takes the next word (runs of spaces and tabs separate) off *rest; false when none is left. */
bool tr_str_word(struct tr_str *rest, struct tr_str *word);

/* Whole view as a decimal number. false (and *value untouched) on anything else or overflow. */
bool tr_str_to_u64(struct tr_str view, uint64_t *value);
bool tr_str_to_i64(struct tr_str view, int64_t *value);

/* UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF). */
bool tr_utf8_valid(struct tr_str view);
/* Bytes of the well-formed sequence that starts at `index`; 0 when there is none. */
size_t tr_utf8_length(struct tr_str view, size_t index);
/* Decodes one code point at *index and moves *index past it. An invalid byte gives U+FFFD and moves
 * one. */
uint32_t tr_utf8_next(struct tr_str view, size_t *index);
/* Bytes of `view`, at most `max`, cut back to a code point boundary. */
size_t tr_utf8_fit(struct tr_str view, size_t max);
/* Writes 1 to 4 bytes into `out` and returns how many; invalid code points become U+FFFD. */
size_t tr_utf8_encode(uint32_t code_point, char out[4]);

#endif
