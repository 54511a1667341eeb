/* SPDX-License-Identifier: Apache-2.0 */
/* A map from strings to pointers. The key is borrowed: it must live, unchanged, as long as the
 * entry. */
#ifndef SCRIPTED_IRCD_MAP_H
#define SCRIPTED_IRCD_MAP_H

#include <stddef.h>

struct ircd_map_node;

struct ircd_map {
	struct ircd_map_node **buckets;
	size_t bucket_count;
	size_t count;
};

void *ircd_map_get(const struct ircd_map *map, const char *key);
/* Adds or replaces. */
void ircd_map_put(struct ircd_map *map, const char *key, void *value);
void ircd_map_remove(struct ircd_map *map, const char *key);
/* Calls each entry once; the call must not change the map. */
void ircd_map_each(const struct ircd_map *map, void (*call)(void *value, void *data), void *data);
/* The values in an array the caller frees; for loops that change the map. */
void **ircd_map_values(const struct ircd_map *map);
void ircd_map_free(struct ircd_map *map);

#endif
