/* SPDX-License-Identifier: Apache-2.0 */
/* Just enough JSON for the control port: one object a line, read into a tree of values, and the
 * writing of strings. Small on purpose, so that the peer shares no parser with the bridge. */
#ifndef SCRIPTED_IRCD_JSON_H
#define SCRIPTED_IRCD_JSON_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

enum ircd_json_type {
	IRCD_JSON_NULL,
	IRCD_JSON_BOOL,
	IRCD_JSON_NUMBER,
	IRCD_JSON_STRING,
	IRCD_JSON_ARRAY,
	IRCD_JSON_OBJECT,
};

struct ircd_json {
	enum ircd_json_type type;
	double number; /* also 0 or 1 of a bool */
	char *text;    /* string: its bytes, UTF-8, NUL-terminated */
	size_t text_len;
	char *key; /* inside an object */
	struct ircd_json *child;
	struct ircd_json *next;
};

/* The value, or NULL when the text is not exactly one JSON value. */
struct ircd_json *ircd_json_parse(const char *text);
void ircd_json_free(struct ircd_json *value);

struct ircd_json *ircd_json_get(const struct ircd_json *object, const char *key);
/* The member's value or the default when it is missing or of another type. */
const char *ircd_json_text(const struct ircd_json *object, const char *key, const char * or);
double ircd_json_number(const struct ircd_json *object, const char *key, double or);
bool ircd_json_bool(const struct ircd_json *object, const char *key, bool or);

/* Adds a quoted string; bytes that are not UTF-8 are written as the code points of the same number.
 */
void ircd_json_add_string(struct ircd_buf *buf, const char *text);

#endif
