/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map from byte strings to pointers (uthash inside). Keys are copied; values belong to the
 * caller. Changing the map while iterating is allowed only through removal of the entry just
 * visited.
 */
#ifndef TRESTLE_BASE_MAP_H
#define TRESTLE_BASE_MAP_H

#include "core/base/str.h"

struct tr_map_entry;
struct tr_map {
	struct tr_map_entry *head;
};

/* Frees the entries, not the values. Legal on a zeroed struct, which is an empty map. */
void tr_map_finish(struct tr_map *map);
/* The value under `key` or NULL. */
void *tr_map_get(const struct tr_map *map, struct tr_str key);
/* Sets the value (not NULL) and returns the one it replaces, or NULL. */
void *tr_map_set(struct tr_map *map, struct tr_str key, void *value);
/* Removes and returns the value, or NULL. */
void *tr_map_remove(struct tr_map *map, struct tr_str key);
size_t tr_map_count(const struct tr_map *map);

/* Iteration in insertion order: for (e = tr_map_first(m); e; e = tr_map_next(e)). To remove while
 * iterating, take the next entry before removing this one. */
struct tr_map_entry *tr_map_first(const struct tr_map *map);
struct tr_map_entry *tr_map_next(const struct tr_map_entry *entry);
struct tr_str tr_map_key(const struct tr_map_entry *entry);
void *tr_map_value(const struct tr_map_entry *entry);

#endif
