/* SPDX-License-Identifier: Apache-2.0 */
/* The control port's JSON: a recursive reader of one value with a depth limit, and string writing.
 */
#include "json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16

static struct ircd_json *parse_value(const char **at, int depth);

static void skip_space(const char **at)
{
	while (**at == ' ' || **at == '\t' || **at == '\r' || **at == '\n') {
		(*at)++;
	}
}

static void add_code_point(struct ircd_buf *buf, uint32_t c)
{
	char b[4];
	size_t n = 0;
	if (c < 0x80) {
		b[n++] = (char)c;
	} else if (c < 0x800) {
		b[n++] = (char)(0xc0 | (c >> 6));
		b[n++] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		b[n++] = (char)(0xe0 | (c >> 12));
		b[n++] = (char)(0x80 | ((c >> 6) & 0x3f));
		b[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		b[n++] = (char)(0xf0 | (c >> 18));
		b[n++] = (char)(0x80 | ((c >> 12) & 0x3f));
		b[n++] = (char)(0x80 | ((c >> 6) & 0x3f));
		b[n++] = (char)(0x80 | (c & 0x3f));
	}
	ircd_buf_add(buf, b, n);
}

static bool parse_hex4(const char **at, uint32_t *out)
{
	uint32_t value = 0;
	for (int i = 0; i < 4; i++) {
		char c = **at;
		uint32_t digit = 0;
		if (c >= '0' && c <= '9') {
			digit = (uint32_t)(c - '0');
		} else if (c >= 'a' && c <= 'f') {
			digit = (uint32_t)(c - 'a' + 10);
		} else if (c >= 'A' && c <= 'F') {
			digit = (uint32_t)(c - 'A' + 10);
		} else {
			return false;
		}
		value = value * 16 + digit;
		(*at)++;
	}
	*out = value;
	return true;
}

static bool parse_escape(const char **at, struct ircd_buf *buf)
{
	static const char names[] = "\"\\/bfnrt";
	static const char bytes[] = "\"\\/\b\f\n\r\t";
	char c = *(*at)++;
	if (c == 'u') {
		uint32_t code = 0;
		uint32_t low = 0;
		if (!parse_hex4(at, &code)) {
			return false;
		}
		if (code >= 0xd800 && code < 0xdc00 && (*at)[0] == '\\' && (*at)[1] == 'u') {
			*at += 2;
			if (!parse_hex4(at, &low)) {
				return false;
			}
			code = 0x10000 + ((code - 0xd800) << 10) + ((low - 0xdc00) & 0x3ff);
		}
		add_code_point(buf, code);
		return true;
	}
	const char *found = c ? strchr(names, c) : NULL;
	if (!found) {
		return false;
	}
	ircd_buf_add(buf, &bytes[found - names], 1);
	return true;
}

static bool parse_string(const char **at, struct ircd_buf *buf)
{
	if (*(*at)++ != '"') {
		return false;
	}
	ircd_buf_add(buf, "", 0);
	while (**at != '"') {
		if (!**at) {
			return false;
		}
		if (**at == '\\') {
			(*at)++;
			if (!parse_escape(at, buf)) {
				return false;
			}
			continue;
		}
		ircd_buf_add(buf, (*at)++, 1);
	}
	(*at)++;
	return true;
}

static bool parse_members(const char **at, struct ircd_json *value, int depth)
{
	char end = value->type == IRCD_JSON_OBJECT ? '}' : ']';
	struct ircd_json **tail = &value->child;
	(*at)++;
	skip_space(at);
	while (**at != end) {
		struct ircd_buf key = {0};
		if (end == '}') {
			bool ok = parse_string(at, &key);
			skip_space(at);
			if (!ok || *(*at)++ != ':') {
				ircd_buf_free(&key);
				return false;
			}
		}
		struct ircd_json *child = parse_value(at, depth + 1);
		if (!child) {
			ircd_buf_free(&key);
			return false;
		}
		child->key = key.data;
		*tail = child;
		tail = &child->next;
		skip_space(at);
		if (**at == ',') {
			(*at)++;
			skip_space(at);
		} else if (**at != end) {
			return false;
		}
	}
	(*at)++;
	return true;
}

static bool parse_word(const char **at, struct ircd_json *value)
{
	static const struct {
		const char *word;
		enum ircd_json_type type;
		double number;
	} words[] = {{"true", IRCD_JSON_BOOL, 1}, {"false", IRCD_JSON_BOOL, 0},
		{"null", IRCD_JSON_NULL, 0}};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i].word);
		if (strncmp(*at, words[i].word, len) == 0) {
			value->type = words[i].type;
			value->number = words[i].number;
			*at += len;
			return true;
		}
	}
	char *end = NULL;
	value->type = IRCD_JSON_NUMBER;
	value->number = strtod(*at, &end);
	bool ok = end != *at;
	*at = end;
	return ok;
}

static struct ircd_json *parse_value(const char **at, int depth)
{
	if (depth > DEPTH_MAX) {
		return NULL;
	}
	struct ircd_json *value = ircd_alloc(sizeof(*value));
	bool ok = false;
	skip_space(at);
	if (**at == '{' || **at == '[') {
		value->type = **at == '{' ? IRCD_JSON_OBJECT : IRCD_JSON_ARRAY;
		ok = parse_members(at, value, depth);
	} else if (**at == '"') {
		struct ircd_buf buf = {0};
		value->type = IRCD_JSON_STRING;
		ok = parse_string(at, &buf);
		value->text = buf.data;
		value->text_len = buf.len;
	} else {
		ok = parse_word(at, value);
	}
	if (!ok) {
		ircd_json_free(value);
		return NULL;
	}
	return value;
}

struct ircd_json *ircd_json_parse(const char *text)
{
	struct ircd_json *value = parse_value(&text, 0);
	skip_space(&text);
	if (value && *text) {
		ircd_json_free(value);
		return NULL;
	}
	return value;
}

void ircd_json_free(struct ircd_json *value)
{
	while (value) {
		struct ircd_json *next = value->next;
		ircd_json_free(value->child);
		free(value->key);
		free(value->text);
		free(value);
		value = next;
	}
}

struct ircd_json *ircd_json_get(const struct ircd_json *object, const char *key)
{
	for (struct ircd_json *child = object->child; child; child = child->next) {
		if (child->key && strcmp(child->key, key) == 0) {
			return child;
		}
	}
	return NULL;
}

const char *ircd_json_text(const struct ircd_json *object, const char *key, const char * or)
{
	const struct ircd_json *value = ircd_json_get(object, key);
	return value && value->type == IRCD_JSON_STRING ? value->text : or ;
}

double ircd_json_number(const struct ircd_json *object, const char *key, double or)
{
	const struct ircd_json *value = ircd_json_get(object, key);
	return value && value->type == IRCD_JSON_NUMBER ? value->number : or ;
}

bool ircd_json_bool(const struct ircd_json *object, const char *key, bool or)
{
	const struct ircd_json *value = ircd_json_get(object, key);
	return value && value->type == IRCD_JSON_BOOL ? value->number != 0 : or ;
}

/* The length of the UTF-8 sequence at text, 0 when it is none. */
static size_t sequence_length(const unsigned char *text)
{
	size_t n = text[0] < 0x80                      ? 1
		   : text[0] >= 0xc2 && text[0] < 0xe0 ? 2
		   : text[0] >= 0xe0 && text[0] < 0xf0 ? 3
		   : text[0] >= 0xf0 && text[0] < 0xf5 ? 4
						       : 0;
	for (size_t i = 1; i < n; i++) {
		if ((text[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	return n;
}

void ircd_json_add_string(struct ircd_buf *buf, const char *text)
{
	const unsigned char *at = (const unsigned char *)(text ? text : "");
	ircd_buf_puts(buf, "\"");
	while (*at) {
		size_t n = sequence_length(at);
		if (*at < 0x20 || *at == 0x7f || n == 0) {
			ircd_buf_printf(buf, "\\u%04x", *at);
			n = 1;
		} else if (*at == '"' || *at == '\\') {
			ircd_buf_printf(buf, "\\%c", *at);
		} else {
			ircd_buf_add(buf, at, n);
		}
		at += n;
	}
	ircd_buf_puts(buf, "\"");
}
