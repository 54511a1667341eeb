/* SPDX-License-Identifier: Apache-2.0 */
/* The structs that the tables describe, after reading: freeing what they own and telling what
 * differs between two of them. */
#include "core/base/alloc.h"
#include "core/config/schema_internal.h"

#include <string.h>

void *tr_schema_array(const struct tr_schema_key *row, const void *base, size_t *count)
{
	void *items;
	memcpy(&items, tr_schema_at_const(base, row->offset), sizeof(items));
	memcpy(count, tr_schema_at_const(base, row->count_offset), sizeof(*count));
	return items;
}

static void free_rows(const struct tr_schema *schema, void *base);

static void free_key(const struct tr_schema_key *row, void *base)
{
	void *place = tr_schema_at(base, row->offset);
	switch (row->type) {
	case TR_SCHEMA_SECTION:
	case TR_SCHEMA_INCLUDED:
		free_rows(row->section, place);
		break;
	case TR_SCHEMA_LIST:
	case TR_SCHEMA_MAP: {
		size_t count;
		char *items = tr_schema_array(row, base, &count);
		for (size_t i = 0; i < count; i++) {
			char *item = items + i * row->item_size;
			free_key(row->item, item);
			if (row->type == TR_SCHEMA_MAP) {
				char *key;
				memcpy(&key, item, sizeof(key));
				tr_free(key);
			}
		}
		tr_free(items);
		break;
	}
	case TR_SCHEMA_REGEX: {
		struct tr_schema_regex *regex = place;
		tr_regex_destroy(regex->regex);
		tr_free(regex->pattern);
		break;
	}
	case TR_SCHEMA_SECRET:
	case TR_SCHEMA_DATABASE:
		tr_free_secret(*(char **)place);
		break;
	case TR_SCHEMA_STRING:
	case TR_SCHEMA_PATH:
	case TR_SCHEMA_URL:
	case TR_SCHEMA_LISTEN:
		tr_free(*(char **)place);
		break;
	default:
		break;
	}
}

static void free_rows(const struct tr_schema *schema, void *base)
{
	for (const struct tr_schema_key *row = schema->keys; row->name; row++) {
		free_key(row, base);
	}
}

void tr_schema_free(const struct tr_schema *schema, void *target, size_t size)
{
	free_rows(schema, target);
	memset(target, 0, size);
}

struct differ {
	tr_schema_changed *changed;
	void *arg;
	struct tr_buf path;
};

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_rows(const struct tr_schema *schema, const void *a, const void *b);
static bool same_key(const struct tr_schema_key *row, const void *a, const void *b);

static bool same_elements(const struct tr_schema_key *row, const void *a, const void *b)
{
	size_t count_a, count_b;
	const char *items_a = tr_schema_array(row, a, &count_a);
	const char *items_b = tr_schema_array(row, b, &count_b);
	if (count_a != count_b) {
		return false;
	}
	for (size_t i = 0; i < count_a; i++) {
		const void *x = items_a + i * row->item_size, *y = items_b + i * row->item_size;
		if (row->type == TR_SCHEMA_MAP) {
			char *key_x, *key_y;
			memcpy(&key_x, x, sizeof(key_x));
			memcpy(&key_y, y, sizeof(key_y));
			if (!same_text(key_x, key_y)) {
				return false;
			}
		}
		if (!same_key(row->item, x, y)) {
			return false;
		}
	}
	return true;
}

static bool same_key(const struct tr_schema_key *row, const void *a, const void *b)
{
	const void *x = tr_schema_at_const(a, row->offset);
	const void *y = tr_schema_at_const(b, row->offset);
	switch (row->type) {
	case TR_SCHEMA_SECTION:
	case TR_SCHEMA_INCLUDED:
		return same_rows(row->section, x, y);
	case TR_SCHEMA_LIST:
	case TR_SCHEMA_MAP:
		return same_elements(row, a, b);
	case TR_SCHEMA_BOOL:
		return *(const bool *)x == *(const bool *)y;
	case TR_SCHEMA_INT:
	case TR_SCHEMA_DURATION:
	case TR_SCHEMA_SIZE:
		return *(const int64_t *)x == *(const int64_t *)y;
	case TR_SCHEMA_NUMBER:
		return memcmp(x, y, sizeof(double)) == 0;
	case TR_SCHEMA_CHOICE:
		return memcmp(x, y, sizeof(int)) == 0;
	case TR_SCHEMA_REGEX:
		return same_text(((const struct tr_schema_regex *)x)->pattern,
			((const struct tr_schema_regex *)y)->pattern);
	case TR_SCHEMA_ANY:
	case TR_SCHEMA_MOVED:
		return true;
	default:
		return same_text(*(char *const *)x, *(char *const *)y);
	}
}

static bool same_rows(const struct tr_schema *schema, const void *a, const void *b)
{
	for (const struct tr_schema_key *row = schema->keys; row->name; row++) {
		if (!same_key(row, a, b)) {
			return false;
		}
	}
	return true;
}

static void diff_rows(
	struct differ *differ, const struct tr_schema *schema, const void *a, const void *b);

/* A list of sections of one length is looked into; any other list or map changed as a whole. */
static bool diff_inside(
	struct differ *differ, const struct tr_schema_key *row, const void *a, const void *b)
{
	size_t count_a, count_b;
	if (row->type != TR_SCHEMA_LIST || row->item->type != TR_SCHEMA_SECTION) {
		return false;
	}
	const char *items_a = tr_schema_array(row, a, &count_a);
	const char *items_b = tr_schema_array(row, b, &count_b);
	if (count_a != count_b) {
		return false;
	}
	for (size_t i = 0; i < count_a; i++) {
		size_t length = differ->path.len;
		tr_schema_path_index(&differ->path, i);
		diff_rows(differ, row->item->section, items_a + i * row->item_size,
			items_b + i * row->item_size);
		tr_buf_truncate(&differ->path, length);
	}
	return true;
}

static void diff_rows(
	struct differ *differ, const struct tr_schema *schema, const void *a, const void *b)
{
	for (const struct tr_schema_key *row = schema->keys; row->name; row++) {
		const void *x = tr_schema_at_const(a, row->offset);
		const void *y = tr_schema_at_const(b, row->offset);
		size_t length = differ->path.len;
		if (row->type == TR_SCHEMA_INCLUDED) {
			diff_rows(differ, row->section, x, y);
			continue;
		}
		tr_schema_path_push(&differ->path, row->name);
		if (row->type == TR_SCHEMA_SECTION) {
			diff_rows(differ, row->section, x, y);
		} else if (!same_key(row, a, b) && !diff_inside(differ, row, a, b)) {
			differ->changed(tr_buf_c(&differ->path),
				(row->flags & TR_KEY_RELOADABLE) != 0, differ->arg);
		}
		tr_buf_truncate(&differ->path, length);
	}
}

void tr_schema_diff(const struct tr_schema *schema, const void *before, const void *after,
	tr_schema_changed *changed, void *arg)
{
	struct differ differ = {changed, arg, TR_BUF_INIT(64 * 1024)};
	diff_rows(&differ, schema, before, after);
	tr_buf_finish(&differ.path);
}
