/* SPDX-License-Identifier: Apache-2.0 */
/* A chained hash table from strings to pointers; values and keys belong to the caller. */
#include "map.h"

#include "buf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct ircd_map_node {
	struct ircd_map_node *next;
	const char *key;
	void *value;
	uint64_t hash;
};

/* FNV-1a */
static uint64_t hash_of(const char *key)
{
	uint64_t h = 1469598103934665603ULL;
	for (; *key; key++) {
		h = (h ^ (unsigned char)*key) * 1099511628211ULL;
	}
	return h;
}

static struct ircd_map_node **slot_of(const struct ircd_map *map, const char *key, uint64_t hash)
{
	struct ircd_map_node **slot = &map->buckets[hash & (map->bucket_count - 1)];
	while (*slot && ((*slot)->hash != hash || strcmp((*slot)->key, key) != 0)) {
		slot = &(*slot)->next;
	}
	return slot;
}

static void grow(struct ircd_map *map)
{
	size_t count = map->bucket_count ? map->bucket_count * 2 : 64;
	struct ircd_map_node **buckets = ircd_alloc(count * sizeof(*buckets));
	for (size_t i = 0; i < map->bucket_count; i++) {
		struct ircd_map_node *node = map->buckets[i];
		while (node) {
			struct ircd_map_node *next = node->next;
			node->next = buckets[node->hash & (count - 1)];
			buckets[node->hash & (count - 1)] = node;
			node = next;
		}
	}
	free(map->buckets);
	map->buckets = buckets;
	map->bucket_count = count;
}

void *ircd_map_get(const struct ircd_map *map, const char *key)
{
	if (!map->count) {
		return NULL;
	}
	struct ircd_map_node *node = *slot_of(map, key, hash_of(key));
	return node ? node->value : NULL;
}

void ircd_map_put(struct ircd_map *map, const char *key, void *value)
{
	if (map->count >= map->bucket_count) {
		grow(map);
	}
	uint64_t hash = hash_of(key);
	struct ircd_map_node **slot = slot_of(map, key, hash);
	if (!*slot) {
		*slot = ircd_alloc(sizeof(**slot));
		map->count++;
	}
	(*slot)->hash = hash;
	(*slot)->key = key;
	(*slot)->value = value;
}

void ircd_map_remove(struct ircd_map *map, const char *key)
{
	if (!map->count) {
		return;
	}
	struct ircd_map_node **slot = slot_of(map, key, hash_of(key));
	struct ircd_map_node *node = *slot;
	if (node) {
		*slot = node->next;
		free(node);
		map->count--;
	}
}

void ircd_map_each(const struct ircd_map *map, void (*call)(void *value, void *data), void *data)
{
	for (size_t i = 0; i < map->bucket_count; i++) {
		for (struct ircd_map_node *node = map->buckets[i]; node; node = node->next) {
			call(node->value, data);
		}
	}
}

void **ircd_map_values(const struct ircd_map *map)
{
	void **values = ircd_alloc((map->count + 1) * sizeof(*values));
	size_t n = 0;
	for (size_t i = 0; i < map->bucket_count; i++) {
		for (struct ircd_map_node *node = map->buckets[i]; node; node = node->next) {
			values[n++] = node->value;
		}
	}
	return values;
}

void ircd_map_free(struct ircd_map *map)
{
	for (size_t i = 0; i < map->bucket_count; i++) {
		struct ircd_map_node *node = map->buckets[i];
		while (node) {
			struct ircd_map_node *next = node->next;
			free(node);
			node = next;
		}
	}
	free(map->buckets);
	*map = (struct ircd_map){0};
}
