/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL as text: the one dialect of core/store/db.h brought into that of a backend, scripts cut into
 * statements, and the table that finds the prepared form of a statement. It knows no database.
 */
#include "core/base/buf.h"
#include "core/store/db_internal.h"

#include <ctype.h>
#include <string.h>

struct placeholder {
	struct tr_str name;
	size_t offset; /* of its word in struct tr_db_dialect */
};

static const struct placeholder placeholders[] = {
	{{"{TEXT}", 6}, offsetof(struct tr_db_dialect, text)},
	{{"{BIGINT}", 8}, offsetof(struct tr_db_dialect, bigint)},
	{{"{BLOB}", 6}, offsetof(struct tr_db_dialect, blob)},
	{{"{SERIAL}", 8}, offsetof(struct tr_db_dialect, serial)},
};

static const struct placeholder *placeholder_at(struct tr_str sql)
{
	size_t i;

	for (i = 0; i < TR_ARRAY_LEN(placeholders); i++) {
		if (tr_str_starts(sql, placeholders[i].name)) {
			return &placeholders[i];
		}
	}
	return NULL;
}

void tr_db_sql_expand(
	struct tr_buf *out, const char *sql, size_t len, const struct tr_db_dialect *dialect)
{
	struct tr_str rest = tr_str_of(sql, len);

	while (!tr_str_empty(rest)) {
		ptrdiff_t brace = tr_str_find_char(rest, '{');
		const struct placeholder *found;

		if (brace < 0) {
			tr_buf_add(out, rest);
			return;
		}
		tr_buf_add(out, tr_str_slice(rest, 0, (size_t)brace));
		rest = tr_str_from_index(rest, (size_t)brace);
		found = placeholder_at(rest);
		if (found) {
			const char *const *word =
				(const void *)((const char *)dialect + found->offset);

			tr_buf_add_c(out, *word);
			rest = tr_str_from_index(rest, found->name.len);
		} else {
			tr_buf_add_char(out, '{');
			rest = tr_str_from_index(rest, 1);
		}
	}
}

/* Past a quoted text or name that begins at `p`; a doubled quote reads as two of them in a row. */
static const char *skip_quoted(const char *p)
{
	const char *end = strchr(p + 1, *p);

	return end ? end + 1 : p + strlen(p);
}

/* Past a comment that begins at `p`, or `p` itself. */
static const char *skip_comment(const char *p)
{
	const char *end;

	if (p[0] == '-' && p[1] == '-') {
		end = strchr(p, '\n');
		return end ? end + 1 : p + strlen(p);
	}
	if (p[0] == '/' && p[1] == '*') {
		end = strstr(p + 2, "*/");
		return end ? end + 2 : p + strlen(p);
	}
	return p;
}

/* Past spaces, empty statements and comments. */
static const char *skip_blank(const char *p)
{
	for (;;) {
		const char *next = skip_comment(p);

		if (next == p) {
			if (!isspace((unsigned char)*p) && *p != ';') {
				return p;
			}
			next = p + 1;
		}
		p = next;
	}
}

bool tr_db_sql_next(const char **script, const char **start, size_t *len)
{
	const char *p = skip_blank(*script);
	const char *begin = p;

	if (*p == '\0') {
		*script = p;
		return false;
	}
	while (*p != '\0' && *p != ';') {
		if (*p == '\'' || *p == '"') {
			p = skip_quoted(p);
		} else {
			const char *next = skip_comment(p);

			p = next == p ? p + 1 : next;
		}
	}
	*start = begin;
	*len = (size_t)(p - begin);
	*script = *p == ';' ? p + 1 : p;
	return true;
}

struct tr_db_cache_entry {
	const void *key;
	void *value;
};

static size_t cache_index(const struct tr_db_cache *cache, const void *key)
{
	/* Fibonacci hashing: the low bits of an address are all alike. */
	size_t index = (size_t)(((uint64_t)(uintptr_t)key * UINT64_C(0x9E3779B97F4A7C15)) >> 32);

	for (index &= cache->capacity - 1; cache->entries[index].key;
		index = (index + 1) & (cache->capacity - 1)) {
		if (cache->entries[index].key == key) {
			break;
		}
	}
	return index;
}

static void cache_grow(struct tr_db_cache *cache)
{
	struct tr_db_cache_entry *old = cache->entries;
	size_t old_capacity = cache->capacity;
	size_t i;

	cache->capacity = old_capacity ? 2 * old_capacity : 64;
	cache->entries = tr_alloc_array(cache->capacity, sizeof(*cache->entries));
	for (i = 0; i < old_capacity; i++) {
		if (old[i].key) {
			cache->entries[cache_index(cache, old[i].key)] = old[i];
		}
	}
	tr_free(old);
}

void **tr_db_cache_slot(struct tr_db_cache *cache, const void *key)
{
	struct tr_db_cache_entry *entry;

	if (2 * (cache->count + 1) > cache->capacity) {
		cache_grow(cache);
	}
	entry = &cache->entries[cache_index(cache, key)];
	if (!entry->key) {
		entry->key = key;
		cache->count++;
	}
	return &entry->value;
}

void tr_db_cache_finish(struct tr_db_cache *cache, tr_db_cache_visitor *visitor)
{
	size_t i;

	for (i = 0; i < cache->capacity; i++) {
		if (cache->entries[i].value) {
			visitor(cache->entries[i].value);
		}
	}
	tr_free(cache->entries);
	memset(cache, 0, sizeof(*cache));
}
