/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements cache.h. The hash table keeps insertion order, so its head is the oldest entry.
 */
#include "tests/support/homeserver/cache.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "tests/support/homeserver/loop.h"
#include "tests/support/homeserver/text.h"

enum { LIFETIME_MS = 30 * 60 * 1000 };

struct hs_cache_entry {
	UT_hash_handle hh;
	int64_t born;
	char event_id[48];
	char key[];
};

static const char *make_key(const char *owner, const char *path, size_t *len)
{
	static struct hs_text key;
	hs_text_clear(&key);
	hs_text_puts(&key, owner);
	hs_text_add(&key, "\n", 1);
	hs_text_puts(&key, path);
	*len = key.len;
	return key.data;
}

static void forget(struct hs_cache *cache, struct hs_cache_entry *entry)
{
	HASH_DEL(cache->entries, entry);
	free(entry);
}

const char *hs_cache_get(struct hs_cache *cache, const char *owner, const char *path)
{
	size_t len;
	const char *key = make_key(owner, path, &len);
	struct hs_cache_entry *entry;
	HASH_FIND(hh, cache->entries, key, len, entry);
	return entry ? entry->event_id : NULL;
}

void hs_cache_put(struct hs_cache *cache, const char *owner, const char *path, const char *event_id)
{
	size_t len;
	const char *key = make_key(owner, path, &len);
	int64_t now = hs_monotonic_ms();
	while (cache->entries && (HASH_COUNT(cache->entries) >= cache->most ||
					 cache->entries->born + LIFETIME_MS < now)) {
		forget(cache, cache->entries);
	}
	struct hs_cache_entry *entry = hs_alloc(sizeof(*entry) + len + 1);
	entry->born = now;
	memcpy(entry->key, key, len);
	size_t id = strlen(event_id);
	memcpy(entry->event_id, event_id, id < sizeof(entry->event_id) ? id : 0);
	HASH_ADD_KEYPTR(hh, cache->entries, entry->key, len, entry);
}

void hs_cache_clear(struct hs_cache *cache)
{
	while (cache->entries) {
		forget(cache, cache->entries);
	}
}

size_t hs_cache_count(const struct hs_cache *cache)
{
	return HASH_COUNT(cache->entries);
}
