/* SPDX-License-Identifier: Apache-2.0 */
/* Printing JSON compactly, straight into the caller's buffer. The library's printer is not used: it
 * loses the digits of large integers and makes a copy. */
#include "core/base/alloc.h"
#include "core/base/json_node.h"
#include "core/base/json_scan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_escape(struct tr_buf *out, unsigned char c)
{
	switch (c) {
	case '\b':
		tr_buf_add(out, TR_STR("\\b"));
		break;
	case '\f':
		tr_buf_add(out, TR_STR("\\f"));
		break;
	case '\n':
		tr_buf_add(out, TR_STR("\\n"));
		break;
	case '\r':
		tr_buf_add(out, TR_STR("\\r"));
		break;
	case '\t':
		tr_buf_add(out, TR_STR("\\t"));
		break;
	case '"':
		tr_buf_add(out, TR_STR("\\\""));
		break;
	case '\\':
		tr_buf_add(out, TR_STR("\\\\"));
		break;
	default:
		tr_buf_addf(out, "\\u%04x", (unsigned)c);
	}
}

static void print_string(struct tr_buf *out, const char *content)
{
	struct tr_str text = tr_str_from(content);
	size_t start = 0;
	size_t at = 0;

	tr_buf_add_char(out, '"');
	while (at < text.len) {
		unsigned char c;

		at += tr_json_plain_length(tr_str_from_index(text, at));
		while (at < text.len && (unsigned char)text.ptr[at] >= 0x80) {
			at++;
		}
		c = at < text.len ? (unsigned char)text.ptr[at] : ' ';
		if (c < 0x20 || c == '"' || c == '\\') {
			tr_buf_add(out, tr_str_slice(text, start, at - start));
			print_escape(out, c);
			start = ++at;
		}
	}
	tr_buf_add(out, tr_str_from_index(text, start));
	tr_buf_add_char(out, '"');
}

/* The fewest digits that give the same double again. */
static void print_number(struct tr_buf *out, double number)
{
	char text[40];

	if (!isfinite(number)) {
		tr_buf_add(out, TR_STR("null"));
		return;
	}
	if (fabs(number) <= TR_JSON_EXACT_MAX && number == trunc(number)) {
		if (number < 0) {
			tr_buf_add_char(out, '-');
		}
		tr_buf_add_u64(out, (uint64_t)fabs(number), 1);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, number);
		if (strtod(text, NULL) == number) {
			break;
		}
	}
	tr_buf_add_c(out, text);
}

static void print(struct tr_buf *out, const cJSON *value)
{
	switch (value->type & 0xff) {
	case cJSON_False:
		tr_buf_add(out, TR_STR("false"));
		return;
	case cJSON_True:
		tr_buf_add(out, TR_STR("true"));
		return;
	case cJSON_Number:
		print_number(out, value->valuedouble);
		return;
	case cJSON_Raw:
		tr_buf_add_c(out, value->valuestring);
		return;
	case cJSON_String:
		print_string(out, value->valuestring);
		return;
	case cJSON_Array:
	case cJSON_Object:
		break;
	default:
		tr_buf_add(out, TR_STR("null"));
		return;
	}
	tr_buf_add_char(out, value->type & cJSON_Object ? '{' : '[');
	for (const cJSON *child = value->child; child; child = child->next) {
		if (child != value->child) {
			tr_buf_add_char(out, ',');
		}
		if (value->type & cJSON_Object) {
			print_string(out, child->string);
			tr_buf_add_char(out, ':');
		}
		print(out, child);
	}
	tr_buf_add_char(out, value->type & cJSON_Object ? '}' : ']');
}

int tr_json_print(const struct tr_json *value, struct tr_buf *out)
{
	if (!value) {
		return tr_buf_add(out, TR_STR("null"));
	}
	print(out, tr_json_node(value));
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}

char *tr_json_text(const struct tr_json *value)
{
	struct tr_buf out = TR_BUF_INIT(SIZE_MAX / 4);

	tr_json_print(value, &out);
	return tr_buf_take(&out);
}
