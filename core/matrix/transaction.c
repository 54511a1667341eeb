/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing of transaction bodies. The usual way is one call of the JSON parser. The rest of the file
 * is for bodies that are JSON but beyond its limits: a cursor that only knows strings and brackets
 * finds the values inside a container without recursion, and each is then parsed by itself. Whether
 * an event is a proper one is left to delivery.
 */
#include "core/matrix/transaction.h"

#include "core/base/alloc.h"
#include "core/base/log.h"

#include <string.h>

static const char *const array_names[] = {"events", "ephemeral", "de.sorunome.msc2409.ephemeral"};

enum { MEMBERS_MAX = 64 };

/* Over the members of an object or the elements of an array. */
struct cursor {
	struct tr_str text;
	size_t at;
	bool object;
	bool started;
};

static void skip_space(struct cursor *cursor)
{
	while (cursor->at < cursor->text.len && cursor->text.ptr[cursor->at] &&
		strchr(" \t\r\n", cursor->text.ptr[cursor->at])) {
		cursor->at++;
	}
}

static bool skip_char(struct cursor *cursor, char wanted)
{
	skip_space(cursor);
	if (cursor->at < cursor->text.len && cursor->text.ptr[cursor->at] == wanted) {
		cursor->at++;
		return true;
	}
	return false;
}

/* Past the string that starts here; false when it has no end. */
static bool skip_string(struct cursor *cursor)
{
	for (cursor->at++; cursor->at < cursor->text.len; cursor->at++) {
		char c = cursor->text.ptr[cursor->at];

		if (c == '"') {
			cursor->at++;
			return true;
		}
		if (c == '\\') {
			cursor->at++;
		}
	}
	return false;
}

/* Past one value of any kind, which is *value. Brackets are only counted; that they match is found
 * out by the parser, if it takes the value. */
static bool take_value(struct cursor *cursor, struct tr_str *value)
{
	size_t start;
	size_t depth = 0;

	skip_space(cursor);
	start = cursor->at;
	while (cursor->at < cursor->text.len) {
		char c = cursor->text.ptr[cursor->at];

		if (depth == 0 && (c == ',' || c == ']' || c == '}')) {
			break;
		}
		if (c == '"') {
			if (!skip_string(cursor)) {
				return false;
			}
			continue;
		}
		depth += c == '[' || c == '{';
		depth -= c == ']' || c == '}';
		cursor->at++;
	}
	*value = tr_str_trim(tr_str_slice(cursor->text, start, cursor->at - start));
	return depth == 0 && value->len > 0;
}

/* Goes inside the container that is `text`; false when it is none of this kind. */
static bool cursor_enter(struct cursor *cursor, struct tr_str text, bool object)
{
	cursor->text = text;
	cursor->at = 0;
	cursor->object = object;
	cursor->started = false;
	return skip_char(cursor, object ? '{' : '[');
}

enum step { STEP_VALUE, STEP_END, STEP_BROKEN };

/* The next member or element; `key` is a JSON string with its quotes, or empty. */
static enum step cursor_next(struct cursor *cursor, struct tr_str *key, struct tr_str *value)
{
	size_t start;

	if (skip_char(cursor, cursor->object ? '}' : ']')) {
		skip_space(cursor);
		return cursor->at == cursor->text.len ? STEP_END : STEP_BROKEN;
	}
	if (cursor->started && !skip_char(cursor, ',')) {
		return STEP_BROKEN;
	}
	cursor->started = true;
	*key = TR_STR("");
	if (cursor->object) {
		skip_space(cursor);
		start = cursor->at;
		if (start >= cursor->text.len || cursor->text.ptr[start] != '"' ||
			!skip_string(cursor)) {
			return STEP_BROKEN;
		}
		*key = tr_str_slice(cursor->text, start, cursor->at - start);
		if (!skip_char(cursor, ':')) {
			return STEP_BROKEN;
		}
	}
	return take_value(cursor, value) ? STEP_VALUE : STEP_BROKEN;
}

/* Sets the value under its key, which is still JSON text; both are taken. false when the key is
 * broken. */
static bool set_member_take(struct tr_json *object, struct tr_str key, struct tr_json *value)
{
	struct tr_json *name = tr_json_parse(key, NULL);
	char *text;

	if (!name) {
		tr_json_free(value);
		return false;
	}
	if (value) {
		text = tr_str_dup(tr_json_str(name));
		tr_json_set_take(object, text, value);
		tr_free(text);
	}
	tr_json_free(name);
	return true;
}

/* Parses *text into *value, which is NULL when it is beyond the limits. false when it is broken. */
static bool parse_within(struct tr_str text, struct tr_json **value)
{
	struct tr_error error;

	*value = tr_json_parse(text, &error);
	return *value || error.code == TR_E_TOO_BIG;
}

/* The same of a value that will stand one level deeper. */
static bool parse_member(struct tr_str text, struct tr_json **value)
{
	struct tr_buf wrapped = TR_BUF_INIT(text.len + 3);
	struct tr_json *array;

	tr_buf_add_c(&wrapped, "[");
	tr_buf_add(&wrapped, text);
	tr_buf_add_c(&wrapped, "]");
	bool sound = parse_within(tr_buf_str(&wrapped), &array);
	bool fits = array != NULL;
	tr_json_free(array);
	tr_buf_finish(&wrapped);
	*value = NULL;
	return sound && (!fits || parse_within(text, value));
}

/* The members that are within the limits of an event that is not. NULL when it is broken. */
static struct tr_json *salvage_event(struct tr_str text)
{
	struct cursor cursor;
	struct tr_json *event;
	struct tr_json *member;
	struct tr_str key;
	struct tr_str value;
	enum step step;
	size_t members = 0;

	if (!cursor_enter(&cursor, text, true)) {
		return tr_json_new_null(); /* no event in any case */
	}
	event = tr_json_new_object();
	while ((step = cursor_next(&cursor, &key, &value)) == STEP_VALUE) {
		if (members++ == MEMBERS_MAX) {
			break; /* no honest event has as many, and each is looked up */
		}
		if (!parse_member(value, &member) || !set_member_take(event, key, member)) {
			step = STEP_BROKEN;
			break;
		}
	}
	if (step == STEP_BROKEN) {
		tr_json_free(event);
		return NULL;
	}
	tr_log_warn("matrix", "event %.*s is beyond the limits of JSON and taken only in part",
		TR_STR_ARG(tr_json_get_str(event, "event_id")));
	return event;
}

static struct tr_json *salvage_array(struct tr_str text)
{
	struct cursor cursor;
	struct tr_json *array;
	struct tr_json *event;
	struct tr_str key;
	struct tr_str value;
	enum step step;

	if (!cursor_enter(&cursor, text, false)) {
		return NULL;
	}
	array = tr_json_new_array();
	while ((step = cursor_next(&cursor, &key, &value)) == STEP_VALUE) {
		if (!parse_within(value, &event) || (!event && !(event = salvage_event(value)))) {
			step = STEP_BROKEN;
			break;
		}
		tr_json_append_take(array, event);
	}
	if (step == STEP_BROKEN) {
		tr_json_free(array);
		return NULL;
	}
	return array;
}

static bool is_array_name(struct tr_str key)
{
	size_t i;

	for (i = 0; i < TR_ARRAY_LEN(array_names); i++) {
		if (key.len > 2 && tr_str_eq_c(tr_str_slice(key, 1, key.len - 2), array_names[i])) {
			return true;
		}
	}
	return false;
}

/* The body piece by piece, or NULL when it is broken. */
static struct tr_json *salvage_body(struct tr_str text)
{
	struct cursor cursor;
	struct tr_json *body;
	struct tr_json *member;
	struct tr_str key;
	struct tr_str value;
	enum step step;

	if (!cursor_enter(&cursor, text, true)) {
		return NULL;
	}
	body = tr_json_new_object();
	while ((step = cursor_next(&cursor, &key, &value)) == STEP_VALUE) {
		if (is_array_name(key) && tr_str_starts(value, TR_STR("["))) {
			member = salvage_array(value);
			if (!member) {
				step = STEP_BROKEN;
			}
		} else if (!parse_within(value, &member)) {
			step = STEP_BROKEN;
		}
		if (step == STEP_BROKEN || !set_member_take(body, key, member)) {
			step = STEP_BROKEN;
			break;
		}
	}
	if (step == STEP_BROKEN) {
		tr_json_free(body);
		return NULL;
	}
	return body;
}

static const struct tr_json *array_member(const struct tr_json *body, const char *name)
{
	const struct tr_json *member = tr_json_get(body, name);

	return member && tr_json_type(member) == TR_JSON_ARRAY ? member : NULL;
}

struct tr_json *tr_transaction_parse(
	struct tr_str text, struct tr_transaction *transaction, struct tr_error *error)
{
	struct tr_error why;
	struct tr_json *body = tr_json_parse(text, &why);

	if (!body && why.code == TR_E_TOO_BIG && text.len <= TR_JSON_MAX_BYTES) {
		body = salvage_body(text);
	}
	if (!body) {
		(void)tr_error_set(error, TR_E_INVALID, "%s", why.text);
		return NULL;
	}
	memset(transaction, 0, sizeof(*transaction));
	transaction->body = body;
	transaction->body_len = text.len;
	transaction->events = array_member(body, array_names[0]);
	transaction->ephemeral = array_member(body, array_names[1]);
	if (!transaction->ephemeral) {
		transaction->ephemeral = array_member(body, array_names[2]);
	}
	if (!transaction->events) {
		(void)tr_error_set(
			error, TR_E_PROTOCOL, "the transaction has no array named events");
		tr_json_free(body);
		return NULL;
	}
	return body;
}
