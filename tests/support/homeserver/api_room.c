/* SPDX-License-Identifier: Apache-2.0
 *
 * Client-server API: creating rooms and being in them. Typing notices and receipts are taken and go
 * nowhere.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/homeserver/api.h"
#include "tests/support/homeserver/query.h"
#include "tests/support/homeserver/roommaker.h"

static void room_id_answer(struct hs_api *api, const char *room_id)
{
	hs_text_puts(hs_api_out(api), "{");
	hs_text_pair(hs_api_out(api), "room_id", room_id);
	hs_text_puts(hs_api_out(api), "}");
	hs_api_reply(api);
}

static void create_room(struct hs_api *api)
{
	struct hs_refusal refusal;
	const char *local = hs_api_string(api, "room_alias_name");
	if (local && api->appservice && api->server->appservice.has_aliases) {
		struct hs_text alias = {0};
		hs_text_printf(&alias, "#%s:%s", local, api->server->domain);
		bool ours = hs_server_is_our_alias(api->server, alias.data);
		hs_text_free(&alias);
		if (!ours) {
			hs_api_error(api, 400, "M_EXCLUSIVE",
				"This application service has not reserved this kind of alias.");
			return;
		}
	}
	hs_server_add_user(api->server, api->user);
	struct hs_room *room = hs_make_room(api->server, api->user, api->body, &refusal);
	if (room) {
		room_id_answer(api, room->id);
	} else {
		hs_api_refused(api, &refusal);
	}
}

/* The body less what is an argument of the call and not part of the member event. */
static cJSON *member_extra(const struct hs_api *api)
{
	cJSON *extra = cJSON_CreateObject();
	const char *reason = hs_api_string(api, "reason");
	if (reason) {
		cJSON_AddStringToObject(extra, "reason", reason);
	}
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(api->body, "is_direct"))) {
		cJSON_AddTrueToObject(extra, "is_direct");
	}
	return extra;
}

static bool change(
	struct hs_api *api, struct hs_room *room, const char *target, enum hs_membership to)
{
	struct hs_refusal refusal;
	cJSON *extra = member_extra(api);
	const struct hs_event *event =
		hs_membership_change(api->server, room, api->user, target, to, extra, &refusal);
	cJSON_Delete(extra);
	if (!event) {
		hs_api_refused(api, &refusal);
	}
	return event != NULL;
}

static void no_room_to_join(struct hs_api *api)
{
	if (api->args[0][0] == '#') {
		hs_api_error(api, 404, "M_NOT_FOUND", "Room alias %s not found", api->args[0]);
	} else {
		hs_api_error(api, 404, "M_UNKNOWN",
			"Can't join remote room because no servers that are in the room have been "
			"provided.");
	}
}

static void join(struct hs_api *api)
{
	struct hs_room *room = api->args[0][0] == '#' ? hs_server_aliased(api->server, api->args[0])
						      : hs_server_room(api->server, api->args[0]);
	if (!room && api->args[0][0] == '#' && hs_query_alias(api, api->args[0])) {
		return;
	}
	if (!room) {
		no_room_to_join(api);
		return;
	}
	if (change(api, room, api->user, HS_JOIN)) {
		room_id_answer(api, room->id);
	}
}

/* Is this a step that the target's membership allows at all? Asked before any power level. */
static bool is_step(struct hs_api *api, const char *action, enum hs_membership from)
{
	bool unban = strcmp(action, "unban") == 0;
	if (unban && from != HS_BAN) {
		hs_api_error(api, 403, "M_BAD_STATE",
			"Cannot unban user who was not banned (membership=%s)",
			hs_membership_name(from));
		return false;
	}
	if (from == HS_BAN && !unban && strcmp(action, "ban") != 0) {
		hs_api_error(api, 403, "M_BAD_STATE", "Cannot %s user who was banned", action);
		return false;
	}
	return true;
}

static void change_other(struct hs_api *api, const char *action, enum hs_membership to)
{
	const char *target = hs_api_string(api, "user_id");
	struct hs_room *room = hs_server_room(api->server, api->args[0]);
	if (!room) {
		bool inviting = to == HS_INVITE;
		hs_api_error(api, inviting ? 403 : 404, inviting ? "M_FORBIDDEN" : "M_UNKNOWN",
			inviting ? "Unknown room" : "Not a known room");
		return;
	}
	if (!target) {
		hs_api_error(api, 400, "M_MISSING_PARAM", "Missing params: ['user_id']");
		return;
	}
	if (is_step(api, action, hs_room_membership(room, target)) &&
		change(api, room, target, to)) {
		hs_api_empty(api);
	}
}

static void invite(struct hs_api *api)
{
	change_other(api, "invite", HS_INVITE);
}

static void kick(struct hs_api *api)
{
	change_other(api, "kick", HS_LEAVE);
}

static void ban(struct hs_api *api)
{
	change_other(api, "ban", HS_BAN);
}

static void unban(struct hs_api *api)
{
	change_other(api, "unban", HS_LEAVE);
}

static void leave(struct hs_api *api)
{
	struct hs_room *room = hs_api_room(api);
	if (room && change(api, room, api->user, HS_LEAVE)) {
		hs_api_empty(api);
	}
}

static void joined_rooms(struct hs_api *api)
{
	struct hs_room *room, *next;
	const char *comma = "";
	hs_text_puts(hs_api_out(api), "{\"joined_rooms\":[");
	HASH_ITER(hh, api->server->rooms, room, next)
	{
		if (hs_room_membership(room, api->user) == HS_JOIN) {
			hs_text_puts(hs_api_out(api), comma);
			hs_text_json(hs_api_out(api), room->id);
			comma = ",";
		}
	}
	hs_text_puts(hs_api_out(api), "]}");
	hs_api_reply(api);
}

static void accept_notice(struct hs_api *api)
{
	if (hs_api_joined_room(api)) {
		hs_api_empty(api);
	}
}

const struct hs_route hs_routes_room[] = {
	{"POST", "createRoom", create_room, HS_ROUTE_JSON},
	{"POST", "join/*", join, HS_ROUTE_JSON},
	{"POST", "rooms/*/join", join, HS_ROUTE_JSON},
	{"POST", "rooms/*/invite", invite, HS_ROUTE_JSON},
	{"POST", "rooms/*/kick", kick, HS_ROUTE_JSON},
	{"POST", "rooms/*/ban", ban, HS_ROUTE_JSON},
	{"POST", "rooms/*/unban", unban, HS_ROUTE_JSON},
	{"POST", "rooms/*/leave", leave, HS_ROUTE_JSON},
	{"POST", "rooms/*/forget", accept_notice, HS_ROUTE_JSON},
	{"GET", "joined_rooms", joined_rooms, 0},
	{"PUT", "rooms/*/typing/*", accept_notice, HS_ROUTE_JSON},
	{"POST", "rooms/*/receipt/*/*", accept_notice, HS_ROUTE_JSON},
	{"POST", "rooms/*/read_markers", accept_notice, HS_ROUTE_JSON},
	{0},
};
