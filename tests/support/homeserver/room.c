/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements room.h.
 */
#include "tests/support/homeserver/room.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/homeserver/text.h"

static const char *const membership_names[] = {"none", "invite", "join", "leave", "ban", "knock"};

const char *hs_membership_name(enum hs_membership membership)
{
	return membership_names[membership];
}

enum hs_membership hs_membership_parse(const char *name)
{
	for (int i = HS_INVITE; i <= HS_KNOCK; i++) {
		if (name && strcmp(name, membership_names[i]) == 0) {
			return (enum hs_membership)i;
		}
	}
	return HS_NONE;
}

struct hs_room *hs_room_create(const char *id, int version, size_t history)
{
	struct hs_room *room = hs_alloc(sizeof(*room));
	room->id = hs_dup(id);
	room->version = version;
	room->history_cap = history > 0 ? history : 1;
	return room;
}

void hs_room_destroy(struct hs_room *room)
{
	struct hs_member *member, *next_member;
	HASH_ITER(hh, room->members, member, next_member)
	{
		HASH_DEL(room->members, member);
		free(member);
	}
	struct hs_state *state, *next_state;
	HASH_ITER(hh, room->state, state, next_state)
	{
		HASH_DEL(room->state, state);
		hs_event_unref(state->event);
		free(state);
	}
	for (size_t i = 0; room->history && i < room->history_cap; i++) {
		hs_event_unref(room->history[i]);
	}
	free(room->history);
	cJSON_Delete(room->power);
	cJSON_Delete(room->create);
	free(room->creator);
	free(room->id);
	free(room);
}

enum hs_membership hs_room_membership(const struct hs_room *room, const char *user_id)
{
	struct hs_member *member;
	HASH_FIND(hh, room->members, user_id, strlen(user_id), member);
	return member ? member->membership : HS_NONE;
}

static const char *state_key_of(const char *type, const char *state_key, size_t *len)
{
	static struct hs_text key;
	hs_text_clear(&key);
	hs_text_puts(&key, type);
	hs_text_add(&key, "\n", 1);
	hs_text_puts(&key, state_key);
	*len = key.len;
	return key.data;
}

struct hs_event *hs_room_state(const struct hs_room *room, const char *type, const char *state_key)
{
	size_t len;
	const char *key = state_key_of(type, state_key, &len);
	struct hs_state *state;
	HASH_FIND(hh, room->state, key, len, state);
	return state ? state->event : NULL;
}

char *hs_room_state_string(const struct hs_room *room, const char *type, const char *name)
{
	struct hs_event *event = hs_room_state(room, type, "");
	cJSON *content = event ? cJSON_ParseWithLength(event->content, event->content_len) : NULL;
	char *value = hs_dup(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(content, name)));
	cJSON_Delete(content);
	return value;
}

static void set_state(struct hs_room *room, struct hs_event *event)
{
	size_t len;
	const char *key = state_key_of(event->type, event->state_key, &len);
	struct hs_state *state;
	HASH_FIND(hh, room->state, key, len, state);
	if (state) {
		hs_event_unref(state->event);
	} else {
		state = hs_alloc(sizeof(*state) + len + 1);
		memcpy(state->key, key, len);
		HASH_ADD_KEYPTR(hh, room->state, state->key, len, state);
	}
	state->event = hs_event_ref(event);
}

static void set_membership(struct hs_room *room, const struct hs_event *event, bool ours)
{
	cJSON *content = cJSON_ParseWithLength(event->content, event->content_len);
	const char *name =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(content, "membership"));
	size_t len = strlen(event->state_key);
	struct hs_member *member;
	HASH_FIND(hh, room->members, event->state_key, len, member);
	if (!member) {
		member = hs_alloc(sizeof(*member) + len + 1);
		memcpy(member->user_id, event->state_key, len);
		member->ours = ours;
		HASH_ADD_KEYPTR(hh, room->members, member->user_id, len, member);
	}
	enum hs_membership to = hs_membership_parse(name);
	int change = (to == HS_JOIN) - (member->membership == HS_JOIN);
	room->joined += (size_t)change;
	room->ours_joined += member->ours ? (size_t)change : 0;
	member->membership = to;
	cJSON_Delete(content);
}

static void note_special_state(struct hs_room *room, const struct hs_event *event, bool ours)
{
	if (strcmp(event->type, "m.room.member") == 0) {
		set_membership(room, event, ours);
	} else if (strcmp(event->type, "m.room.power_levels") == 0 && !event->state_key[0]) {
		cJSON_Delete(room->power);
		room->power = cJSON_ParseWithLength(event->content, event->content_len);
	} else if (strcmp(event->type, "m.room.create") == 0 && !room->create) {
		room->create = cJSON_ParseWithLength(event->content, event->content_len);
		room->creator = hs_dup(event->sender);
	}
}

void hs_room_add(struct hs_room *room, struct hs_event *event, bool target_ours)
{
	if (event->state_key) {
		set_state(room, event);
		note_special_state(room, event, target_ours);
	}
	if (!room->history) {
		room->history = hs_alloc(room->history_cap * sizeof(struct hs_event *));
	}
	struct hs_event **slot = &room->history[room->history_total++ % room->history_cap];
	hs_event_unref(*slot);
	*slot = hs_event_ref(event);
}

struct hs_event *hs_room_nth(const struct hs_room *room, size_t number)
{
	if (number >= room->history_total || number + room->history_cap < room->history_total) {
		return NULL;
	}
	return room->history[number % room->history_cap];
}

struct hs_event *hs_room_find(const struct hs_room *room, const char *event_id)
{
	for (size_t n = room->history_total; n > 0; n--) {
		struct hs_event *event = hs_room_nth(room, n - 1);
		if (!event) {
			break;
		}
		if (strcmp(event->id, event_id) == 0) {
			return event;
		}
	}
	return NULL;
}

bool hs_room_is_creator(const struct hs_room *room, const char *user_id)
{
	if (room->creator && strcmp(room->creator, user_id) == 0) {
		return true;
	}
	const cJSON *more = cJSON_GetObjectItemCaseSensitive(room->create, "additional_creators");
	const cJSON *item;
	cJSON_ArrayForEach(item, more)
	{
		if (cJSON_IsString(item) && strcmp(item->valuestring, user_id) == 0) {
			return true;
		}
	}
	return false;
}
