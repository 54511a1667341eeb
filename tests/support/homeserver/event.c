/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements event.h.
 */
#include "tests/support/homeserver/event.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/homeserver/loop.h"
#include "tests/support/homeserver/text.h"

enum { EVENT_ID_LEN = 44 };

static void put_json(struct hs_text *json, const struct hs_event_parts *parts, const char *id,
	int64_t ts, size_t *content_at)
{
	hs_text_puts(json, "{\"content\":");
	*content_at = json->len;
	hs_text_add(json, parts->content, parts->content_len);
	hs_text_pair(json, "event_id", id);
	hs_text_printf(json, ",\"origin_server_ts\":%" PRId64, ts);
	if (parts->redacts) {
		hs_text_pair(json, "redacts", parts->redacts);
	}
	hs_text_pair(json, "room_id", parts->room_id);
	hs_text_pair(json, "sender", parts->sender);
	if (parts->state_key) {
		hs_text_pair(json, "state_key", parts->state_key);
	}
	hs_text_pair(json, "type", parts->type);
	hs_text_printf(json, ",\"unsigned\":{\"age\":1%s}",
		parts->unsigned_more ? parts->unsigned_more : "");
	hs_text_pair(json, "user_id", parts->sender);
	hs_text_puts(json, "}");
}

static const char *keep(char **at, const char *s, size_t len)
{
	char *kept = *at;
	memcpy(kept, s, len);
	kept[len] = '\0';
	*at += len + 1;
	return kept;
}

struct hs_event *hs_event_create(const struct hs_event_parts *parts)
{
	static struct hs_text json; /* one buffer, grown once, for every event */
	char id[EVENT_ID_LEN + 1] = "$";
	hs_random_id(id + 1, EVENT_ID_LEN - 1);
	int64_t ts = parts->ts ? parts->ts : hs_wall_ms();
	size_t content_at = 0;
	hs_text_clear(&json);
	put_json(&json, parts, id, ts, &content_at);

	size_t room = strlen(parts->room_id), type = strlen(parts->type);
	size_t sender = strlen(parts->sender);
	size_t key = parts->state_key ? strlen(parts->state_key) : 0;
	struct hs_event *event =
		malloc(sizeof(*event) + json.len + EVENT_ID_LEN + room + type + sender + key + 6);
	if (!event) {
		abort();
	}
	char *at = (char *)(event + 1);
	event->refs = 1;
	event->ts = ts;
	event->json_len = json.len;
	event->json = keep(&at, json.data, json.len);
	event->content = event->json + content_at;
	event->content_len = parts->content_len;
	event->id = keep(&at, id, EVENT_ID_LEN);
	event->room_id = keep(&at, parts->room_id, room);
	event->type = keep(&at, parts->type, type);
	event->sender = keep(&at, parts->sender, sender);
	event->state_key = parts->state_key ? keep(&at, parts->state_key, key) : NULL;
	return event;
}

struct hs_event *hs_event_ref(struct hs_event *event)
{
	event->refs++;
	return event;
}

void hs_event_unref(struct hs_event *event)
{
	if (event && --event->refs == 0) {
		free(event);
	}
}
