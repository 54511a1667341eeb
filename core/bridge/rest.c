/* SPDX-License-Identifier: Apache-2.0 */
/* Until when which room is left alone. What has ended is dropped when it is next asked for. */
#include "core/bridge/rest.h"

#include "core/base/alloc.h"
#include "core/base/clock.h"

enum { REST_MAX_MS = 1000 };

struct rest {
	uint64_t until_ms;
};

void tr_rest_begin(struct tr_map *rests, const char *room_id, uint64_t ms)
{
	struct tr_str key = tr_str_from(room_id);
	struct rest *rest = tr_map_get(rests, key);
	if (rest == NULL) {
		rest = tr_alloc(sizeof(*rest));
		tr_map_set(rests, key, rest);
	}
	/* Answers come in any order: the longest rest counts. */
	uint64_t until = tr_clock_mono_ms() + (ms < REST_MAX_MS ? ms : REST_MAX_MS);
	rest->until_ms = until > rest->until_ms ? until : rest->until_ms;
}

uint64_t tr_rest_left(struct tr_map *rests, const char *room_id, uint64_t now)
{
	struct tr_str key = tr_str_from(room_id);
	const struct rest *rest = tr_map_get(rests, key);
	if (rest == NULL) {
		return 0;
	}
	if (rest->until_ms > now) {
		return rest->until_ms - now;
	}
	tr_free(tr_map_remove(rests, key));
	return 0;
}

void tr_rests_finish(struct tr_map *rests)
{
	for (struct tr_map_entry *e = tr_map_first(rests); e != NULL; e = tr_map_next(e)) {
		tr_free(tr_map_value(e));
	}
	tr_map_finish(rests);
}
