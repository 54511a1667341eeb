/* SPDX-License-Identifier: Apache-2.0 */
/* Names of keys: looking them up, and helping somebody who mistyped one. */
#include "core/config/schema_internal.h"

#include <string.h>

enum { NAME_MAX_LEN = 48 };

void tr_schema_path_push(struct tr_buf *path, const char *name)
{
	/* Cut, so that no depth of hostile names outgrows the buffer. */
	int length = (int)tr_utf8_fit(tr_str_from(name), 100);
	if (strpbrk(name, ".[] :") || !*name) {
		tr_buf_addf(path, "[\"%.*s\"]", length, name);
	} else {
		tr_buf_addf(path, "%s%.*s", path->len ? "." : "", length, name);
	}
}

void tr_schema_path_index(struct tr_buf *path, size_t index)
{
	tr_buf_addf(path, "[%zu]", index);
}

const struct tr_schema_key *tr_schema_find(const struct tr_schema *schema, struct tr_str name)
{
	for (const struct tr_schema_key *row = schema->keys; row->name; row++) {
		if (row->type == TR_SCHEMA_INCLUDED) {
			const struct tr_schema_key *found = tr_schema_find(row->section, name);
			if (found) {
				return found;
			}
		} else if (tr_str_eq_c(name, row->name) ||
			   (row->alias && tr_str_eq_c(name, row->alias))) {
			return row;
		}
	}
	return NULL;
}

static char lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte + 32) : byte;
}

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap neighbours) between two short names, case ignored. */
static unsigned distance(struct tr_str a, struct tr_str b)
{
	unsigned rows[3][NAME_MAX_LEN + 1];
	for (size_t j = 0; j <= b.len; j++) {
		rows[0][j] = (unsigned)j;
	}
	for (size_t i = 1; i <= a.len; i++) {
		unsigned *now = rows[i % 3];
		const unsigned *last = rows[(i + 2) % 3];
		const unsigned *before = rows[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b.len; j++) {
			char x = lower(a.ptr[i - 1]), y = lower(b.ptr[j - 1]);
			now[j] = smaller(smaller(last[j], now[j - 1]) + 1, last[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == lower(b.ptr[j - 2]) &&
				y == lower(a.ptr[i - 2])) {
				now[j] = smaller(now[j], before[j - 2] + 1);
			}
		}
	}
	return rows[a.len % 3][b.len];
}

static void consider(struct tr_str name, const char *known, const char **best, unsigned *least)
{
	struct tr_str view = tr_str_from(known);
	if (!known || view.len > NAME_MAX_LEN || name.len > NAME_MAX_LEN) {
		return;
	}
	unsigned edits = distance(name, view);
	/* One slip in a short name, three in a long one. */
	if (edits <= 1 + smaller((unsigned)name.len, 12) / 5 && edits < view.len &&
		edits < *least) {
		*least = edits;
		*best = known;
	}
}

static void find_nearest(
	const struct tr_schema *schema, struct tr_str name, const char **best, unsigned *least)
{
	for (const struct tr_schema_key *row = schema->keys; row->name; row++) {
		if (row->type == TR_SCHEMA_INCLUDED) {
			find_nearest(row->section, name, best, least);
		} else if (row->type != TR_SCHEMA_MOVED) {
			consider(name, row->name, best, least);
			consider(name, row->alias, best, least);
		}
	}
}

const char *tr_schema_nearest(const struct tr_schema *schema, struct tr_str name)
{
	const char *best = NULL;
	unsigned least = NAME_MAX_LEN;
	find_nearest(schema, name, &best, &least);
	return best;
}

/* The section right below this one that has a key of that name, or NULL. */
static const char *section_with(const struct tr_schema *schema, struct tr_str name)
{
	for (const struct tr_schema_key *row = schema->keys; row->name; row++) {
		const char *found = NULL;
		if (row->type == TR_SCHEMA_INCLUDED) {
			found = section_with(row->section, name);
		} else if (row->type == TR_SCHEMA_SECTION && tr_schema_find(row->section, name)) {
			found = row->name;
		} else if (row->type == TR_SCHEMA_LIST && row->item->type == TR_SCHEMA_SECTION &&
			   tr_schema_find(row->item->section, name)) {
			found = row->name;
		}
		if (found) {
			return found;
		}
	}
	return NULL;
}

static void list_names(struct tr_buf *out, const struct tr_schema *schema)
{
	for (const struct tr_schema_key *row = schema->keys; row->name; row++) {
		if (row->type == TR_SCHEMA_INCLUDED) {
			list_names(out, row->section);
		} else if (row->type != TR_SCHEMA_MOVED) {
			tr_buf_addf(out, "%s%s", out->len ? ", " : "", row->name);
		}
	}
}

static void say_unknown(struct tr_schema_reader *reader, const struct tr_schema *schema,
	const struct tr_yaml_node *key)
{
	const char *section = section_with(schema, key->text);
	const char *nearest = tr_schema_nearest(schema, key->text);
	if (section) {
		tr_schema_say(reader, TR_REPORT_MISTAKE, key,
			"is not a key here: it belongs under %s", section);
	} else if (nearest) {
		tr_schema_say(reader, TR_REPORT_MISTAKE, key,
			"is not a known key: did you mean %s?", nearest);
	} else {
		struct tr_buf names = TR_BUF_INIT(8192);
		list_names(&names, schema);
		tr_schema_say(reader, TR_REPORT_MISTAKE, key,
			"is not a known key: known here are %s", tr_buf_c(&names));
		tr_buf_finish(&names);
	}
}

void tr_schema_check_names(struct tr_schema_reader *reader, const struct tr_schema *schema,
	const struct tr_yaml_node *map)
{
	size_t length = reader->path.len;
	for (size_t i = 0; i < map->count; i++) {
		if (!tr_schema_find(schema, map->keys[i]->text)) {
			tr_schema_path_push(&reader->path, map->keys[i]->text.ptr);
			say_unknown(reader, schema, map->keys[i]);
			tr_buf_truncate(&reader->path, length);
		}
	}
}
