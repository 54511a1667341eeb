/* SPDX-License-Identifier: Apache-2.0
 *
 * Client-server API: aliases and the published room list.
 */
#include <string.h>

#include "tests/support/homeserver/api.h"
#include "tests/support/homeserver/query.h"

static void get_alias(struct hs_api *api)
{
	const struct hs_room *room = hs_server_aliased(api->server, api->args[0]);
	if (!room && hs_query_alias(api, api->args[0])) {
		return;
	}
	if (!room) {
		hs_api_error(api, 404, "M_NOT_FOUND", "Room alias %s not found", api->args[0]);
		return;
	}
	struct hs_text *out = hs_api_out(api);
	hs_text_puts(out, "{");
	hs_text_pair(out, "room_id", room->id);
	hs_text_puts(out, ",\"servers\":[");
	hs_text_json(out, api->server->domain);
	hs_text_puts(out, "]}");
	hs_api_reply(api);
}

static bool may_name(struct hs_api *api)
{
	if (api->appservice && api->server->appservice.has_aliases &&
		!hs_server_is_our_alias(api->server, api->args[0])) {
		hs_api_error(api, 400, "M_EXCLUSIVE",
			"This application service has not reserved this kind of alias.");
		return false;
	}
	return true;
}

static void put_alias(struct hs_api *api)
{
	const char *room_id = hs_api_string(api, "room_id");
	struct hs_room *room = room_id ? hs_server_room(api->server, room_id) : NULL;
	if (!room) {
		hs_api_error(api, 400, room_id ? "M_UNKNOWN" : "M_BAD_JSON", "Room does not exist");
		return;
	}
	if (!may_name(api)) {
		return;
	}
	if (!hs_server_add_alias(api->server, api->args[0], room)) {
		hs_api_error(api, 409, "M_UNKNOWN", "Room alias %s already exists", api->args[0]);
		return;
	}
	hs_api_empty(api);
}

static void delete_alias(struct hs_api *api)
{
	if (!may_name(api)) {
		return;
	}
	if (!hs_server_remove_alias(api->server, api->args[0])) {
		hs_api_error(api, 404, "M_NOT_FOUND", "Room alias not found");
		return;
	}
	hs_api_empty(api);
}

static void room_aliases(struct hs_api *api)
{
	const struct hs_room *room = hs_api_joined_room(api);
	struct hs_alias *alias, *next;
	const char *comma = "";
	if (!room) {
		return;
	}
	hs_text_puts(hs_api_out(api), "{\"aliases\":[");
	HASH_ITER(hh, api->server->aliases, alias, next)
	{
		if (alias->room == room) {
			hs_text_puts(hs_api_out(api), comma);
			hs_text_json(hs_api_out(api), alias->name);
			comma = ",";
		}
	}
	hs_text_puts(hs_api_out(api), "]}");
	hs_api_reply(api);
}

static void get_visibility(struct hs_api *api)
{
	const struct hs_room *room = hs_api_room(api);
	if (room) {
		hs_text_printf(hs_api_out(api), "{\"visibility\":\"%s\"}",
			room->published ? "public" : "private");
		hs_api_reply(api);
	}
}

static void set_visibility(struct hs_api *api)
{
	struct hs_room *room = hs_api_room(api);
	const char *visibility = hs_api_string(api, "visibility");
	if (room) {
		room->published = !visibility || strcmp(visibility, "public") == 0;
		hs_api_empty(api);
	}
}

/* directory/list/appservice/{network}/{room}: one list serves all networks here. */
static void set_network_visibility(struct hs_api *api)
{
	api->args[0] = api->args[1];
	if (strcmp(api->request->method, "DELETE") == 0) {
		struct hs_room *room = hs_api_room(api);
		if (room) {
			room->published = false;
			hs_api_empty(api);
		}
		return;
	}
	set_visibility(api);
}

const struct hs_route hs_routes_directory[] = {
	{"GET", "directory/room/*", get_alias, HS_ROUTE_OPEN},
	{"PUT", "directory/room/*", put_alias, HS_ROUTE_JSON},
	{"DELETE", "directory/room/*", delete_alias, 0},
	{"GET", "rooms/*/aliases", room_aliases, 0},
	{"GET", "directory/list/room/*", get_visibility, HS_ROUTE_OPEN},
	{"PUT", "directory/list/room/*", set_visibility, HS_ROUTE_JSON},
	{"PUT", "directory/list/appservice/*/*", set_network_visibility, HS_ROUTE_JSON},
	{"DELETE", "directory/list/appservice/*/*", set_network_visibility, 0},
	{0},
};
