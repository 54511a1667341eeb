/* SPDX-License-Identifier: Apache-2.0 */
/* The map on uthash, with two things changed: its memory cannot fail and its hash is keyed, since
 * most keys here are chosen by peers. */
#include "core/base/map.h"

#include "core/base/alloc.h"
#include "core/base/hash.h"

#include <string.h>

#define uthash_malloc(size)    tr_alloc(size)
#define uthash_free(ptr, size) tr_free(ptr)
#define HASH_FUNCTION(keyptr, keylen, hashv) \
 ((hashv) = (unsigned)tr_hash(tr_str_of((const char *)(keyptr), (keylen))))
#include <uthash.h>

struct tr_map_entry {
	UT_hash_handle hh;
	void *value;
	char key[];
};

static struct tr_map_entry *find(const struct tr_map *map, struct tr_str key)
{
	const char *bytes = key.ptr ? key.ptr : "";
	struct tr_map_entry *entry;

	HASH_FIND(hh, map->head, bytes, key.len, entry);
	return entry;
}

void tr_map_finish(struct tr_map *map)
{
	struct tr_map_entry *entry = map->head;

	if (!entry) {
		return;
	}
	HASH_CLEAR(hh, map->head);
	while (entry) {
		struct tr_map_entry *following = entry->hh.next;

		tr_free(entry);
		entry = following;
	}
}

void *tr_map_get(const struct tr_map *map, struct tr_str key)
{
	struct tr_map_entry *entry = find(map, key);

	return entry ? entry->value : NULL;
}

void *tr_map_set(struct tr_map *map, struct tr_str key, void *value)
{
	struct tr_map_entry *entry = find(map, key);

	TR_ASSERT(value);
	if (entry) {
		void *replaced = entry->value;

		entry->value = value;
		return replaced;
	}
	entry = tr_alloc(sizeof(*entry) + key.len + 1);
	entry->value = value;
	if (key.len > 0) {
		memcpy(entry->key, key.ptr, key.len);
	}
	HASH_ADD_KEYPTR(hh, map->head, entry->key, key.len, entry);
	return NULL;
}

void *tr_map_remove(struct tr_map *map, struct tr_str key)
{
	struct tr_map_entry *entry = find(map, key);
	void *value;

	if (!entry) {
		return NULL;
	}
	value = entry->value;
	HASH_DELETE(hh, map->head, entry);
	tr_free(entry);
	return value;
}

size_t tr_map_count(const struct tr_map *map)
{
	return HASH_COUNT(map->head);
}

struct tr_map_entry *tr_map_first(const struct tr_map *map)
{
	return map->head;
}

struct tr_map_entry *tr_map_next(const struct tr_map_entry *entry)
{
	return entry->hh.next;
}

struct tr_str tr_map_key(const struct tr_map_entry *entry)
{
	return tr_str_of(entry->key, entry->hh.keylen);
}

void *tr_map_value(const struct tr_map_entry *entry)
{
	return entry->value;
}
