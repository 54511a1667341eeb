/* SPDX-License-Identifier: Apache-2.0
 *
 * Synapse's idempotency cache of PUT requests: the path as sent, without the query, and the
 * appservice lead to the event id of the first success. The acting user is not part of the key.
 * Entries are forgotten after 30 minutes, at a restart, and the oldest when there are too many.
 */
#ifndef HS_CACHE_H
#define HS_CACHE_H

#include <stddef.h>

struct hs_cache_entry;

struct hs_cache {
	struct hs_cache_entry *entries;
	size_t most;
};

/* owner: the appservice, or a user with a token. NULL when unknown. */
const char *hs_cache_get(struct hs_cache *cache, const char *owner, const char *path);
void hs_cache_put(
	struct hs_cache *cache, const char *owner, const char *path, const char *event_id);
void hs_cache_clear(struct hs_cache *cache);
size_t hs_cache_count(const struct hs_cache *cache);

#endif
