/* SPDX-License-Identifier: Apache-2.0
 *
 * Client-server API: what puts events into a room: send, redact, state. The idempotency cache is
 * consulted first, as in Synapse: a known path answers with the old event id whoever asks.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/homeserver/api.h"
#include "tests/support/homeserver/power.h"

enum {
	MAX_EVENT_BYTES = 65536,
	SIGNED_BYTES = 1000, /* hashes, signatures and references that the federation's form adds */
};

static int64_t timestamp(struct hs_api *api)
{
	char *ts = api->appservice ? hs_request_query(api->request, "ts") : NULL;
	int64_t value = ts ? (int64_t)strtoll(ts, NULL, 10) : 0;
	free(ts);
	return value > 0 ? value : 0;
}

/* true when the cache has answered. */
static bool answer_from_cache(struct hs_api *api, const char *kind, const char *txn_id)
{
	const char *event_id = hs_cache_get(&api->server->cache, api->owner, api->request->path);
	if (!event_id) {
		return false;
	}
	size_t len;
	const char *content = hs_api_body_line(api, &len);
	api->server->counters.cached++;
	hs_ledger_cached(&api->server->ledger, kind, api->args[0], api->user, txn_id, event_id,
		content, len);
	hs_api_event_id(api, event_id);
	return true;
}

static bool is_allowed(struct hs_api *api, const struct hs_room *room, const char *type, bool state)
{
	struct hs_refusal refusal;
	if (hs_may_send(room, api->user, type, state, &refusal)) {
		hs_api_refused(api, &refusal);
		return false;
	}
	if (api->request->body.len + SIGNED_BYTES > MAX_EVENT_BYTES) {
		hs_api_error(api, 413, "M_TOO_LARGE", "event too large");
		return false;
	}
	return true;
}

/* Canonical JSON, which events are made of, has no fractions and no integers beyond 2^53 - 1. */
static bool is_canonical(struct hs_api *api, const cJSON *value)
{
	const double limit = 9007199254740991.0;
	if (cJSON_IsNumber(value)) {
		double number = value->valuedouble;
		bool whole =
			number >= -limit && number <= limit && number == (double)(int64_t)number;
		if (!whole) {
			hs_api_error(api, 400, "M_BAD_JSON", "Bad JSON value: float");
		}
		return whole;
	}
	const cJSON *item;
	cJSON_ArrayForEach(item, value)
	{
		if (!is_canonical(api, item)) {
			return false;
		}
	}
	return true;
}

static bool is_message(struct hs_api *api, const char *type)
{
	static const char *const strings[] = {"body", "msgtype"};
	if (!is_canonical(api, api->body)) {
		return false;
	}
	for (size_t i = 0; strcmp(type, "m.room.message") == 0 && i < 2; i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(api->body, strings[i]);
		if (!cJSON_IsString(item)) {
			hs_api_error(api, 400, "M_UNKNOWN",
				item ? "'%s' not a string type" : "'%s' not in content",
				strings[i]);
			return false;
		}
	}
	return true;
}

static void accept_event(struct hs_api *api, struct hs_room *room, const char *kind,
	const char *txn_id, struct hs_event_parts *parts)
{
	parts->room_id = room->id;
	parts->sender = api->user;
	parts->ts = timestamp(api);
	const struct hs_event *event = hs_server_happen(api->server, room, parts, false);
	api->server->counters.sends++;
	hs_cache_put(&api->server->cache, api->owner, api->request->path, event->id);
	hs_ledger_event(&api->server->ledger, kind, event, txn_id);
	hs_api_event_id(api, event->id);
}

static void send_message(struct hs_api *api)
{
	const char *type = api->args[1];
	if (answer_from_cache(api, "send", api->args[2])) {
		return;
	}
	struct hs_room *room = hs_api_sending_room(api);
	if (!room || !is_message(api, type) || !is_allowed(api, room, type, false)) {
		return;
	}
	struct hs_event_parts parts = {.type = type};
	parts.content = hs_api_body_line(api, &parts.content_len);
	if (strcmp(type, "m.room.redaction") == 0) {
		parts.redacts = hs_api_string(api, "redacts");
	}
	accept_event(api, room, "send", api->args[2], &parts);
}

static void redact(struct hs_api *api)
{
	const char *target = api->args[1];
	if (answer_from_cache(api, "redact", api->args[2])) {
		return;
	}
	struct hs_room *room = hs_api_sending_room(api);
	if (!room || !is_allowed(api, room, "m.room.redaction", false)) {
		return;
	}
	const struct hs_event *old = hs_room_find(room, target);
	if (old && strcmp(old->sender, api->user) != 0 &&
		hs_power_of(room, api->user) < hs_power_to(room, "redact")) {
		hs_api_error(api, 403, "M_FORBIDDEN", "You don't have permission to redact events");
		return;
	}
	if (room->version >= 11) {
		cJSON_DeleteItemFromObjectCaseSensitive(api->body, "redacts");
		cJSON_AddStringToObject(api->body, "redacts", target);
	}
	char *content = cJSON_PrintUnformatted(api->body);
	struct hs_event_parts parts = {.type = "m.room.redaction",
		.content = content,
		.content_len = strlen(content),
		.redacts = target};
	accept_event(api, room, "redact", api->args[2], &parts);
	cJSON_free(content);
}

/* PUT state/m.room.member is join, invite, kick and ban in another dress. */
static void put_member(struct hs_api *api, struct hs_room *room, const char *target)
{
	struct hs_refusal refusal;
	enum hs_membership to = hs_membership_parse(hs_api_string(api, "membership"));
	const struct hs_event *event =
		hs_membership_change(api->server, room, api->user, target, to, api->body, &refusal);
	if (event) {
		hs_api_event_id(api, event->id);
	} else {
		hs_api_refused(api, &refusal);
	}
}

static void put_state(struct hs_api *api)
{
	const char *type = api->args[1];
	const char *key = api->args[2] ? api->args[2] : "";
	struct hs_room *room = hs_server_room(api->server, api->args[0]);
	if (room && strcmp(type, "m.room.member") == 0) {
		put_member(api, room, key);
		return;
	}
	room = hs_api_sending_room(api);
	if (!room || !is_canonical(api, api->body) || !is_allowed(api, room, type, true)) {
		return;
	}
	const char *creator = strcmp(type, "m.room.power_levels") == 0
				      ? hs_power_names_creator(room, api->body)
				      : NULL;
	if (creator) {
		hs_api_error(api, 400, "M_UNKNOWN",
			"Creator user %s must not appear in content.users", creator);
		return;
	}
	size_t len;
	const char *content = hs_api_body_line(api, &len);
	const struct hs_event *old = hs_room_state(room, type, key);
	if (!old || strcmp(old->sender, api->user) != 0 || old->content_len != len ||
		memcmp(old->content, content, len) != 0) {
		old = hs_server_set_state(api->server, room, api->user, type, key, content);
	}
	hs_api_event_id(api, old->id);
}

const struct hs_route hs_routes_event[] = {
	{"PUT", "rooms/*/send/*/*", send_message, HS_ROUTE_JSON},
	{"PUT", "rooms/*/redact/*/*", redact, HS_ROUTE_JSON},
	{"PUT", "rooms/*/state/*/*", put_state, HS_ROUTE_JSON},
	{"PUT", "rooms/*/state/*", put_state, HS_ROUTE_JSON},
	{0},
};
