/* SPDX-License-Identifier: Apache-2.0
 *
 * Client-server API: reading a room: state, members, one event, pages of messages.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/homeserver/api.h"

static void put_event(struct hs_text *out, const struct hs_event *event, const char **comma)
{
	hs_text_puts(out, *comma);
	hs_text_add(out, event->json, event->json_len);
	*comma = ",";
}

static void get_all_state(struct hs_api *api)
{
	struct hs_room *room = hs_api_joined_room(api);
	struct hs_state *state, *next;
	const char *comma = "";
	if (!room) {
		return;
	}
	hs_text_puts(hs_api_out(api), "[");
	HASH_ITER(hh, room->state, state, next)
	{
		put_event(hs_api_out(api), state->event, &comma);
	}
	hs_text_puts(hs_api_out(api), "]");
	hs_api_reply(api);
}

static void get_state(struct hs_api *api)
{
	struct hs_room *room = hs_api_joined_room(api);
	if (!room) {
		return;
	}
	const struct hs_event *event =
		hs_room_state(room, api->args[1], api->args[2] ? api->args[2] : "");
	if (!event) {
		hs_api_error(api, 404, "M_NOT_FOUND", "Event not found.");
		return;
	}
	char *format = hs_request_query(api->request, "format");
	if (format && strcmp(format, "event") == 0) {
		hs_text_add(hs_api_out(api), event->json, event->json_len);
	} else {
		hs_text_add(hs_api_out(api), event->content, event->content_len);
	}
	free(format);
	hs_api_reply(api);
}

static void get_event(struct hs_api *api)
{
	struct hs_room *room = hs_api_joined_room(api);
	if (!room) {
		return;
	}
	const struct hs_event *event = hs_room_find(room, api->args[1]);
	if (!event) {
		hs_api_error(api, 404, "M_NOT_FOUND", "Event not found.");
		return;
	}
	hs_text_add(hs_api_out(api), event->json, event->json_len);
	hs_api_reply(api);
}

static void put_optional(
	struct hs_text *out, const cJSON *content, const char *from, const char *to)
{
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(content, from));
	hs_text_pair(out, to, value);
}

/* An appservice may ask for any user of its own when any one of them is in the room. */
static struct hs_room *countable_room(struct hs_api *api)
{
	if (!api->appservice) {
		return hs_api_joined_room(api);
	}
	struct hs_room *room = hs_server_room(api->server, api->args[0]);
	if (!room || room->ours_joined == 0) {
		hs_api_error(api, 403, "M_FORBIDDEN", "Appservice not in room");
		return NULL;
	}
	return room;
}

static void joined_members(struct hs_api *api)
{
	struct hs_room *room = countable_room(api);
	struct hs_text *out = hs_api_out(api);
	struct hs_member *member, *next;
	const char *comma = "";
	if (!room) {
		return;
	}
	hs_text_puts(out, "{\"joined\":{");
	HASH_ITER(hh, room->members, member, next)
	{
		if (member->membership != HS_JOIN) {
			continue;
		}
		const struct hs_event *event =
			hs_room_state(room, "m.room.member", member->user_id);
		cJSON *content = cJSON_ParseWithLength(event->content, event->content_len);
		hs_text_puts(out, comma);
		hs_text_json(out, member->user_id);
		hs_text_puts(out, ":{");
		put_optional(out, content, "avatar_url", "avatar_url");
		put_optional(out, content, "displayname", "display_name");
		hs_text_puts(out, "}");
		comma = ",";
		cJSON_Delete(content);
	}
	hs_text_puts(out, "}}");
	hs_api_reply(api);
}

static void members(struct hs_api *api)
{
	struct hs_room *room = hs_api_joined_room(api);
	struct hs_member *member, *next;
	const char *comma = "";
	if (!room) {
		return;
	}
	char *only = hs_request_query(api->request, "membership");
	char *without = hs_request_query(api->request, "not_membership");
	hs_text_puts(hs_api_out(api), "{\"chunk\":[");
	HASH_ITER(hh, room->members, member, next)
	{
		const char *name = hs_membership_name(member->membership);
		if ((only && strcmp(only, name) != 0) || (without && strcmp(without, name) == 0)) {
			continue;
		}
		put_event(hs_api_out(api), hs_room_state(room, "m.room.member", member->user_id),
			&comma);
	}
	hs_text_puts(hs_api_out(api), "]}");
	free(only);
	free(without);
	hs_api_reply(api);
}

/* An absent list lets everything pass. */
static bool listed(const cJSON *list, const char *value)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, list)
	{
		if (cJSON_IsString(item) && strcmp(item->valuestring, value) == 0) {
			return true;
		}
	}
	return !cJSON_IsArray(list);
}

static bool passes(const cJSON *filter, const struct hs_event *event)
{
	return listed(cJSON_GetObjectItemCaseSensitive(filter, "senders"), event->sender) &&
	       listed(cJSON_GetObjectItemCaseSensitive(filter, "types"), event->type);
}

static int64_t number_argument(struct hs_api *api, const char *name, int64_t otherwise)
{
	char *text = hs_request_query(api->request, name);
	int64_t value = otherwise;
	if (text) {
		value = (int64_t)strtoll(text[0] == 't' ? text + 1 : text, NULL, 10);
	}
	free(text);
	return value;
}

/* A token tN stands between event N - 1 and event N. */
static void messages(struct hs_api *api)
{
	struct hs_room *room = hs_api_joined_room(api);
	if (!room) {
		return;
	}
	char *dir = hs_request_query(api->request, "dir");
	char *filter_text = hs_request_query(api->request, "filter");
	cJSON *filter = filter_text ? cJSON_Parse(filter_text) : NULL;
	bool back = !dir || dir[0] != 'f';
	int64_t total = (int64_t)room->history_total;
	int64_t at = number_argument(api, "from", back ? total : 0);
	int64_t limit = number_argument(api, "limit", 10);
	int64_t oldest =
		total > (int64_t)room->history_cap ? total - (int64_t)room->history_cap : 0;
	at = at > total ? total : at < oldest ? oldest : at;
	struct hs_text *out = hs_api_out(api);
	const char *comma = "";
	hs_text_printf(out, "{\"start\":\"t%" PRId64 "\",\"chunk\":[", at);
	while (limit > 0 && (back ? at > oldest : at < total)) {
		const struct hs_event *event = hs_room_nth(room, (size_t)(back ? at - 1 : at));
		at += back ? -1 : 1;
		if (passes(filter, event)) {
			put_event(out, event, &comma);
			limit--;
		}
	}
	hs_text_puts(out, "]");
	if (back ? at > oldest : at < total) {
		hs_text_printf(out, ",\"end\":\"t%" PRId64 "\"", at);
	}
	hs_text_puts(out, "}");
	cJSON_Delete(filter);
	free(filter_text);
	free(dir);
	hs_api_reply(api);
}

const struct hs_route hs_routes_history[] = {
	{"GET", "rooms/*/state", get_all_state, 0},
	{"GET", "rooms/*/state/*", get_state, 0},
	{"GET", "rooms/*/state/*/*", get_state, 0},
	{"GET", "rooms/*/event/*", get_event, 0},
	{"GET", "rooms/*/joined_members", joined_members, 0},
	{"GET", "rooms/*/members", members, 0},
	{"GET", "rooms/*/messages", messages, 0},
	{0},
};
