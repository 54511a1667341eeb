/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON values (RFC 8259). core/base/json*.c are the only files that know the JSON
 * library.
 *
 * Parsing is stricter than the library: the input must be valid UTF-8 and exactly one value with
 * nothing after it; depth, size and number of values are capped. Of duplicate keys the last one
 * wins, as in the homeservers' own parsers, and the others are gone. An escaped or raw NUL inside a
 * string becomes U+FFFD, so that one hostile string cannot hold up a whole transaction and no
 * string is ever cut short. Integers beyond 2^53 keep their digits: they are printed again exactly
 * as they came.
 *
 * Ownership: a tree belongs to its root; tr_json_free() the root only. Values got out of a tree are
 * borrowed. Functions named _take hand a detached value over to the tree.
 */
#ifndef TRESTLE_BASE_JSON_H
#define TRESTLE_BASE_JSON_H

#include "core/base/buf.h"
#include "core/base/error.h"

struct tr_json;

enum tr_json_type {
	TR_JSON_NULL,
	TR_JSON_BOOL,
	TR_JSON_NUMBER,
	TR_JSON_STRING,
	TR_JSON_ARRAY,
	TR_JSON_OBJECT,
};

enum {
	TR_JSON_MAX_DEPTH = 64,
	TR_JSON_MAX_BYTES = 32 * 1024 * 1024,
	TR_JSON_MAX_VALUES = 1000000, /* about 80 bytes each */
};

/* The value in `text`, or NULL with *error saying what is wrong at which byte. Free with
 * tr_json_free(). */
struct tr_json *tr_json_parse(struct tr_str text, struct tr_error *error);
void tr_json_free(struct tr_json *root);
struct tr_json *tr_json_dup(const struct tr_json *value);

/* Compact text, UTF-8. Appends to `out`; 0 or TR_E_TOO_BIG. */
int tr_json_print(const struct tr_json *value, struct tr_buf *out);
/* The same as an owned string. */
char *tr_json_text(const struct tr_json *value);

enum tr_json_type tr_json_type(const struct tr_json *value);

/* Reading. A NULL value or a wrong type gives NULL / false / the empty view, so look-ups can be
 * chained. */
const struct tr_json *tr_json_get(const struct tr_json *object, const char *key);
/* Down through objects: tr_json_path(event, "content", "m.relates_to", NULL). */
const struct tr_json *tr_json_path(const struct tr_json *object, ...) __attribute__((sentinel));
struct tr_str tr_json_str(const struct tr_json *value);
struct tr_str tr_json_get_str(const struct tr_json *object, const char *key);
bool tr_json_is_str(const struct tr_json *value);
/* Whole numbers within +-2^53 only (also when written 1.0 or 1e3). */
bool tr_json_int(const struct tr_json *value, int64_t *number);
bool tr_json_get_int(const struct tr_json *object, const char *key, int64_t *number);
bool tr_json_bool(const struct tr_json *value, bool fallback);
bool tr_json_get_bool(const struct tr_json *object, const char *key, bool fallback);
bool tr_json_is_true(const struct tr_json *value);

/* Iteration in order, without look-ups: for (c = tr_json_first(v); c; c = tr_json_next(c)) */
const struct tr_json *tr_json_first(const struct tr_json *container);
const struct tr_json *tr_json_next(const struct tr_json *child);
/* The key of a child of an object, else the empty view. */
struct tr_str tr_json_key(const struct tr_json *child);
size_t tr_json_count(const struct tr_json *container);

/* Building. Text given is copied; bytes that are not UTF-8 become U+FFFD and NUL too. */
struct tr_json *tr_json_new_object(void);
struct tr_json *tr_json_new_array(void);
struct tr_json *tr_json_new_str(struct tr_str text);
struct tr_json *tr_json_new_int(int64_t number);
struct tr_json *tr_json_new_bool(bool value);
struct tr_json *tr_json_new_null(void);
/* Sets (replacing) a member / appends an element. The first parameter may not be NULL. */
void tr_json_set_take(struct tr_json *object, const char *key, struct tr_json *value);
void tr_json_set_str(struct tr_json *object, const char *key, struct tr_str text);
void tr_json_set_c(struct tr_json *object, const char *key, const char *text);
void tr_json_set_int(struct tr_json *object, const char *key, int64_t number);
void tr_json_set_bool(struct tr_json *object, const char *key, bool value);
/* Adds an empty object / array under `key` and returns it, borrowed. */
struct tr_json *tr_json_add_object(struct tr_json *object, const char *key);
struct tr_json *tr_json_add_array(struct tr_json *object, const char *key);
void tr_json_append_take(struct tr_json *array, struct tr_json *value);
void tr_json_append_str(struct tr_json *array, struct tr_str text);
void tr_json_remove(struct tr_json *object, const char *key);

#endif
