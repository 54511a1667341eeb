/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing and reading JSON. The text has passed json_scan.c before cJSON sees it, so cJSON's own
 * leniency never matters; here follow the two things that need the tree: numbers kept by their
 * digits get their type back, and of duplicate keys all but the last are removed. Printing is in
 * json_print.c, building in json_build.c.
 */
#include "core/base/json.h"

#include "core/base/alloc.h"
#include "core/base/hash.h"
#include "core/base/json_node.h"
#include "core/base/json_scan.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

/* Objects with more members than this look their duplicates up in a table. */
enum { FEW_MEMBERS = 32 };

static cJSON *find_member(const cJSON *object, const char *key)
{
	if (!object || !(object->type & cJSON_Object)) {
		return NULL;
	}
	for (cJSON *member = object->child; member; member = member->next) {
		if (strcmp(member->string, key) == 0) {
			return member;
		}
	}
	return NULL;
}

static void drop(cJSON *object, cJSON *member)
{
	cJSON_Delete(cJSON_DetachItemViaPointer(object, member));
}

/* A bit per key's length and ends: most objects have no two keys that share one, and need no
 * comparison at all. */
static uint64_t key_bit(const char *key)
{
	size_t len = strlen(key);
	unsigned first = (unsigned char)key[0];
	unsigned last = len > 0 ? (unsigned char)key[len - 1] : 0;

	return UINT64_C(1) << ((first * 7 + last * 31 + len * 11) & 63);
}

static void drop_duplicates_of_few(cJSON *object)
{
	uint64_t seen = 0;
	cJSON *member = object->child;

	while (member) {
		uint64_t bit = key_bit(member->string);

		if (seen & bit) {
			cJSON *earlier = find_member(object, member->string);

			if (earlier != member) {
				drop(object, earlier);
			}
		}
		seen |= bit;
		member = member->next;
	}
}

/* Open addressing; a slot holds the latest member of its key. */
static void drop_duplicates_of_many(cJSON *object, size_t count)
{
	size_t slots = 64;
	cJSON **table;

	while (slots < 2 * count) {
		slots *= 2;
	}
	table = tr_alloc_array(slots, sizeof(cJSON *));
	for (cJSON *member = object->child; member; member = member->next) {
		size_t slot = tr_hash(tr_str_from(member->string)) & (slots - 1);

		while (table[slot] && strcmp(table[slot]->string, member->string) != 0) {
			slot = (slot + 1) & (slots - 1);
		}
		if (table[slot]) {
			drop(object, table[slot]);
		}
		table[slot] = member;
	}
	tr_free(table);
}

static void drop_duplicates(cJSON *value)
{
	size_t count = 0;

	for (cJSON *child = value->child; child; child = child->next) {
		count++;
		if (child->child) {
			drop_duplicates(child);
		}
	}
	if (!(value->type & cJSON_Object)) {
		return;
	}
	if (count <= FEW_MEMBERS) {
		drop_duplicates_of_few(value);
	} else {
		drop_duplicates_of_many(value, count);
	}
}

/* Marked strings become numbers kept as text. */
static void restore_raw_numbers(cJSON *value)
{
	if ((value->type & cJSON_String) && value->valuestring[0] == TR_JSON_RAW_MARK) {
		value->type = cJSON_Raw;
		memmove(value->valuestring, value->valuestring + 1, strlen(value->valuestring));
	}
	for (cJSON *child = value->child; child; child = child->next) {
		restore_raw_numbers(child);
	}
}

struct tr_json *tr_json_parse(struct tr_str text, struct tr_error *error)
{
	struct tr_json_scan scan;
	cJSON *root = NULL;

	if (tr_json_scan(text, &scan, error) == 0) {
		if (scan.rewritten.len > 0) {
			text = tr_buf_str(&scan.rewritten);
		}
		root = cJSON_ParseWithLength(text.ptr, text.len);
		if (!root) {
			tr_error_set(
				error, TR_E_BUG, "the JSON library refused what passed the scan");
		}
	}
	tr_buf_finish(&scan.rewritten);
	if (root) {
		if (scan.has_raw_numbers) {
			restore_raw_numbers(root);
		}
		drop_duplicates(root);
	}
	return tr_json_from_node(root);
}

void tr_json_free(struct tr_json *root)
{
	cJSON_Delete(tr_json_node(root));
}

struct tr_json *tr_json_dup(const struct tr_json *value)
{
	cJSON *copy;

	if (!value) {
		return NULL;
	}
	copy = cJSON_Duplicate(tr_json_node(value), 1);
	TR_ASSERT(copy);
	return tr_json_from_node(copy);
}

enum tr_json_type tr_json_type(const struct tr_json *value)
{
	switch (value ? tr_json_node(value)->type & 0xff : cJSON_NULL) {
	case cJSON_False:
	case cJSON_True:
		return TR_JSON_BOOL;
	case cJSON_Number:
	case cJSON_Raw:
		return TR_JSON_NUMBER;
	case cJSON_String:
		return TR_JSON_STRING;
	case cJSON_Array:
		return TR_JSON_ARRAY;
	case cJSON_Object:
		return TR_JSON_OBJECT;
	default:
		return TR_JSON_NULL;
	}
}

const struct tr_json *tr_json_get(const struct tr_json *object, const char *key)
{
	return tr_json_from_node(find_member(tr_json_node(object), key));
}

const struct tr_json *tr_json_path(const struct tr_json *object, ...)
{
	const char *key;
	va_list keys;

	va_start(keys, object);
	while ((key = va_arg(keys, const char *))) {
		object = tr_json_get(object, key);
	}
	va_end(keys);
	return object;
}

bool tr_json_is_str(const struct tr_json *value)
{
	return value && (tr_json_node(value)->type & cJSON_String);
}

struct tr_str tr_json_str(const struct tr_json *value)
{
	return tr_str_from(tr_json_is_str(value) ? tr_json_node(value)->valuestring : NULL);
}

struct tr_str tr_json_get_str(const struct tr_json *object, const char *key)
{
	return tr_json_str(tr_json_get(object, key));
}

bool tr_json_int(const struct tr_json *value, int64_t *number)
{
	double exact;

	if (!value || !(tr_json_node(value)->type & cJSON_Number)) {
		return false;
	}
	exact = tr_json_node(value)->valuedouble;
	if (fabs(exact) > TR_JSON_EXACT_MAX || exact != trunc(exact)) {
		return false;
	}
	*number = (int64_t)exact;
	return true;
}

bool tr_json_get_int(const struct tr_json *object, const char *key, int64_t *number)
{
	return tr_json_int(tr_json_get(object, key), number);
}

bool tr_json_bool(const struct tr_json *value, bool fallback)
{
	return tr_json_type(value) == TR_JSON_BOOL ? tr_json_is_true(value) : fallback;
}

bool tr_json_get_bool(const struct tr_json *object, const char *key, bool fallback)
{
	return tr_json_bool(tr_json_get(object, key), fallback);
}

bool tr_json_is_true(const struct tr_json *value)
{
	return value && (tr_json_node(value)->type & cJSON_True);
}

const struct tr_json *tr_json_first(const struct tr_json *container)
{
	return container ? tr_json_from_node(tr_json_node(container)->child) : NULL;
}

const struct tr_json *tr_json_next(const struct tr_json *child)
{
	return child ? tr_json_from_node(tr_json_node(child)->next) : NULL;
}

struct tr_str tr_json_key(const struct tr_json *child)
{
	return tr_str_from(child ? tr_json_node(child)->string : NULL);
}

size_t tr_json_count(const struct tr_json *container)
{
	size_t count = 0;

	for (const struct tr_json *c = tr_json_first(container); c; c = tr_json_next(c)) {
		count++;
	}
	return count;
}
