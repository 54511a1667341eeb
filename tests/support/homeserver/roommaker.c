/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements roommaker.h, in the order of events that Synapse has.
 */
#include "tests/support/homeserver/roommaker.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/homeserver/power.h"
#include "tests/support/homeserver/text.h"

struct plan {
	struct hs_server *server;
	struct hs_room *room;
	const char *creator;
	const cJSON *request;
	const char *preset;
	struct hs_refusal *refusal;
};

static const char *string_of(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static const cJSON *item_of(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void put_state(const struct plan *plan, const char *type, const char *key, cJSON *content)
{
	char *text = cJSON_PrintUnformatted(content);
	hs_server_set_state(plan->server, plan->room, plan->creator, type, key, text);
	cJSON_free(text);
	cJSON_Delete(content);
}

static void put_string(
	const struct plan *plan, const char *type, const char *name, const char *value)
{
	cJSON *content = cJSON_CreateObject();
	cJSON_AddStringToObject(content, name, value);
	put_state(plan, type, "", content);
}

static bool trusts_invited(const struct plan *plan)
{
	return strcmp(plan->preset, "trusted_private_chat") == 0;
}

static cJSON *create_content(const struct plan *plan, const char *version)
{
	const cJSON *given = item_of(plan->request, "creation_content");
	cJSON *content = cJSON_IsObject(given) ? cJSON_Duplicate(given, 1) : cJSON_CreateObject();
	cJSON_DeleteItemFromObjectCaseSensitive(content, "room_version");
	cJSON_AddStringToObject(content, "room_version", version);
	if (plan->room->version < 11) {
		cJSON_AddStringToObject(content, "creator", plan->creator);
	}
	if (plan->room->version >= 12 && trusts_invited(plan)) {
		cJSON *more = cJSON_GetObjectItemCaseSensitive(content, "additional_creators");
		if (!more) {
			more = cJSON_AddArrayToObject(content, "additional_creators");
		}
		const cJSON *invited;
		cJSON_ArrayForEach(invited, item_of(plan->request, "invite"))
		{
			cJSON_AddItemToArray(more, cJSON_Duplicate(invited, 1));
		}
	}
	return content;
}

static cJSON *power_content(const struct plan *plan)
{
	static const struct {
		const char *name;
		int level;
	} levels[] = {{"users_default", 0}, {"events_default", 0}, {"state_default", 50},
		{"ban", 50}, {"kick", 50}, {"redact", 50}, {"invite", 50}, {"historical", 100}},
	  events[] = {{"m.room.name", 50}, {"m.room.power_levels", 100},
		  {"m.room.history_visibility", 100}, {"m.room.canonical_alias", 50},
		  {"m.room.avatar", 50}, {"m.room.tombstone", 100}, {"m.room.server_acl", 100},
		  {"m.room.encryption", 100}};
	cJSON *content = cJSON_CreateObject();
	cJSON *users = cJSON_AddObjectToObject(content, "users");
	cJSON *types = cJSON_AddObjectToObject(content, "events");
	const cJSON *item;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		cJSON_AddNumberToObject(content, levels[i].name, levels[i].level);
	}
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		bool grave = plan->room->version >= 12 &&
			     strcmp(events[i].name, "m.room.tombstone") == 0;
		cJSON_AddNumberToObject(types, events[i].name, grave ? 150 : events[i].level);
	}
	if (plan->room->version < 12) {
		cJSON_AddNumberToObject(users, plan->creator, 100);
	}
	cJSON_ArrayForEach(item, item_of(plan->request, "invite"))
	{
		if (trusts_invited(plan) && plan->room->version < 12 && cJSON_IsString(item)) {
			cJSON_AddNumberToObject(users, item->valuestring, 100);
		}
	}
	cJSON_ArrayForEach(item, item_of(plan->request, "power_level_content_override"))
	{
		cJSON_DeleteItemFromObjectCaseSensitive(content, item->string);
		cJSON_AddItemToObject(content, item->string, cJSON_Duplicate(item, 1));
	}
	return content;
}

static bool has_initial(const struct plan *plan, const char *type)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, item_of(plan->request, "initial_state"))
	{
		const char *given = string_of(item, "type");
		if (given && strcmp(given, type) == 0) {
			return true;
		}
	}
	return false;
}

static void put_preset(const struct plan *plan)
{
	bool open = strcmp(plan->preset, "public_chat") == 0;
	if (!has_initial(plan, "m.room.join_rules")) {
		put_string(plan, "m.room.join_rules", "join_rule", open ? "public" : "invite");
	}
	if (!has_initial(plan, "m.room.history_visibility")) {
		put_string(plan, "m.room.history_visibility", "history_visibility", "shared");
	}
	if (!open && !has_initial(plan, "m.room.guest_access")) {
		put_string(plan, "m.room.guest_access", "guest_access", "can_join");
	}
}

static void put_initial(const struct plan *plan)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, item_of(plan->request, "initial_state"))
	{
		const char *type = string_of(item, "type");
		const char *key = string_of(item, "state_key");
		const cJSON *content = item_of(item, "content");
		if (type && content) {
			put_state(plan, type, key ? key : "", cJSON_Duplicate(content, 1));
		}
	}
	if (string_of(plan->request, "name")) {
		put_string(plan, "m.room.name", "name", string_of(plan->request, "name"));
	}
	if (string_of(plan->request, "topic")) {
		put_string(plan, "m.room.topic", "topic", string_of(plan->request, "topic"));
	}
}

static void invite_all(const struct plan *plan)
{
	cJSON *extra = cJSON_CreateObject();
	const cJSON *item;
	if (cJSON_IsTrue(item_of(plan->request, "is_direct"))) {
		cJSON_AddTrueToObject(extra, "is_direct");
	}
	cJSON_ArrayForEach(item, item_of(plan->request, "invite"))
	{
		struct hs_refusal ignored;
		if (cJSON_IsString(item)) {
			hs_membership_change(plan->server, plan->room, plan->creator,
				item->valuestring, HS_INVITE, extra, &ignored);
		}
	}
	cJSON_Delete(extra);
}

/* The alias to be, or NULL; free it. */
static char *wanted_alias(const struct plan *plan)
{
	const char *name = string_of(plan->request, "room_alias_name");
	struct hs_text alias = {0};
	if (!name) {
		return NULL;
	}
	hs_text_printf(&alias, "#%s:%s", name, plan->server->domain);
	return hs_text_take(&alias);
}

/* What is wrong with the request before anything has been made? */
static bool is_sound(const struct plan *plan, const char *version, const char *alias)
{
	long number = strtol(version, NULL, 10);
	if (number < 1 || number > 12) {
		hs_refuse(plan->refusal, 400, "M_UNSUPPORTED_ROOM_VERSION",
			"Your homeserver does not support this room version");
		return false;
	}
	const cJSON *users =
		item_of(item_of(plan->request, "power_level_content_override"), "users");
	if (number >= 12 && cJSON_HasObjectItem(users, plan->creator)) {
		hs_refuse(plan->refusal, 400, "M_UNKNOWN",
			"Creator user %s must not appear in content.users", plan->creator);
		return false;
	}
	if (alias && hs_server_aliased(plan->server, alias)) {
		hs_refuse(plan->refusal, 400, "M_ROOM_IN_USE", "Room alias already taken");
		return false;
	}
	return true;
}

static const char *preset_of(const cJSON *request)
{
	const char *preset = string_of(request, "preset");
	const char *visibility = string_of(request, "visibility");
	if (preset) {
		return preset;
	}
	return visibility && strcmp(visibility, "public") == 0 ? "public_chat" : "private_chat";
}

struct hs_room *hs_make_room(struct hs_server *server, const char *creator, const cJSON *request,
	struct hs_refusal *refusal)
{
	struct plan plan = {.server = server,
		.creator = creator,
		.request = request,
		.preset = preset_of(request),
		.refusal = refusal};
	struct hs_text fallback = {0};
	const char *version = string_of(request, "room_version");
	hs_text_printf(&fallback, "%d", server->room_version);
	version = version ? version : fallback.data;
	char *alias = wanted_alias(&plan);
	if (is_sound(&plan, version, alias)) {
		plan.room = hs_server_add_room(server, (int)strtol(version, NULL, 10));
		if (alias) {
			hs_server_add_alias(server, alias, plan.room);
		}
		put_state(&plan, "m.room.create", "", create_content(&plan, version));
		hs_membership_change(server, plan.room, creator, creator, HS_JOIN, NULL, refusal);
		put_state(&plan, "m.room.power_levels", "", power_content(&plan));
		if (alias) {
			put_string(&plan, "m.room.canonical_alias", "alias", alias);
		}
		put_preset(&plan);
		put_initial(&plan);
		invite_all(&plan);
		const char *visibility = string_of(request, "visibility");
		plan.room->published = visibility && strcmp(visibility, "public") == 0;
	}
	free(alias);
	hs_text_free(&fallback);
	return plan.room;
}
