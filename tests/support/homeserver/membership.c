/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements membership.h.
 */
#include "tests/support/homeserver/membership.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/homeserver/power.h"
#include "tests/support/homeserver/text.h"

struct change {
	struct hs_server *server;
	struct hs_room *room;
	const char *sender;
	const char *target;
	enum hs_membership from;
	struct hs_refusal *refusal;
};

struct hs_refusal *hs_refuse(
	struct hs_refusal *refusal, int status, const char *errcode, const char *format, ...)
{
	va_list args;
	refusal->status = status;
	refusal->errcode = errcode;
	va_start(args, format);
	vsnprintf(refusal->message, sizeof(refusal->message), format, args);
	va_end(args);
	return refusal;
}

static const struct hs_refusal *not_in_room(
	const struct hs_room *room, const char *user, struct hs_refusal *refusal)
{
	return hs_refuse(refusal, 403, "M_FORBIDDEN", "%s not in room %s.", user, room->id);
}

const struct hs_refusal *hs_may_send(const struct hs_room *room, const char *user, const char *type,
	bool state, struct hs_refusal *refusal)
{
	if (hs_room_membership(room, user) != HS_JOIN) {
		return hs_refuse(
			refusal, 403, "M_FORBIDDEN", "User %s not in room %s", user, room->id);
	}
	int need = hs_power_to_send(room, type, state);
	int have = hs_power_of(room, user);
	if (have < need) {
		return hs_refuse(refusal, 403, "M_FORBIDDEN",
			"You don't have permission to post that to the room. user_level (%d) < "
			"send_level (%d)",
			have, need);
	}
	return NULL;
}

static bool is_self(const struct change *change)
{
	return strcmp(change->sender, change->target) == 0;
}

static bool may_join(const struct change *change)
{
	if (!is_self(change)) {
		hs_refuse(
			change->refusal, 403, "M_FORBIDDEN", "Cannot force another user to join.");
		return false;
	}
	if (change->from == HS_BAN) {
		hs_refuse(change->refusal, 403, "M_BAD_STATE", "Cannot join user who was banned");
		return false;
	}
	char *rule = hs_room_state_string(change->room, "m.room.join_rules", "join_rule");
	bool open = rule && strcmp(rule, "public") == 0;
	free(rule);
	/* The creator's own first join comes before there are rules. */
	bool first = change->room->joined == 0 && change->room->creator &&
		     strcmp(change->room->creator, change->target) == 0;
	if (open || first || change->from == HS_INVITE || change->from == HS_JOIN) {
		return true;
	}
	hs_refuse(change->refusal, 403, "M_FORBIDDEN", "You are not invited to this room.");
	return false;
}

static bool may_invite(const struct change *change)
{
	const struct hs_room *room = change->room;
	if (hs_room_membership(room, change->sender) != HS_JOIN) {
		not_in_room(room, change->sender, change->refusal);
		return false;
	}
	if (change->from == HS_BAN) {
		hs_refuse(change->refusal, 403, "M_FORBIDDEN", "%s is banned from the room",
			change->target);
		return false;
	}
	if (change->from == HS_JOIN) {
		hs_refuse(change->refusal, 403, "M_FORBIDDEN", "%s is already in the room.",
			change->target);
		return false;
	}
	if (hs_power_of(room, change->sender) < hs_power_to(room, "invite")) {
		hs_refuse(change->refusal, 403, "M_FORBIDDEN",
			"You don't have permission to invite users");
		return false;
	}
	return true;
}

/* Who has left may leave again: nothing happens. Who was kicked may not. */
static bool has_left_alone(const struct change *change)
{
	const struct hs_event *event = hs_room_state(change->room, "m.room.member", change->target);
	return event && strcmp(event->sender, change->target) == 0;
}

/* Leaving by oneself, a kick, or the end of a ban. */
static bool may_leave(const struct change *change)
{
	const struct hs_room *room = change->room;
	if (is_self(change)) {
		if (change->from == HS_BAN) {
			hs_refuse(change->refusal, 403, "M_FORBIDDEN", "You cannot unban user %s.",
				change->target);
			return false;
		}
		if (change->from == HS_NONE ||
			(change->from == HS_LEAVE && !has_left_alone(change))) {
			not_in_room(room, change->target, change->refusal);
			return false;
		}
		return true;
	}
	if (hs_room_membership(room, change->sender) != HS_JOIN) {
		not_in_room(room, change->sender, change->refusal);
		return false;
	}
	if (change->from == HS_NONE || change->from == HS_LEAVE) {
		hs_refuse(
			change->refusal, 403, "M_FORBIDDEN", "The target user is not in the room");
		return false;
	}
	const char *action = change->from == HS_BAN ? "ban" : "kick";
	int have = hs_power_of(room, change->sender);
	if (have < hs_power_to(room, action) || have <= hs_power_of(room, change->target)) {
		hs_refuse(change->refusal, 403, "M_FORBIDDEN", "You cannot %s user %s.",
			change->from == HS_BAN ? "unban" : "kick", change->target);
		return false;
	}
	return true;
}

static bool may_ban(const struct change *change)
{
	const struct hs_room *room = change->room;
	int have = hs_power_of(room, change->sender);
	if (hs_room_membership(room, change->sender) != HS_JOIN) {
		not_in_room(room, change->sender, change->refusal);
		return false;
	}
	if (have < hs_power_to(room, "ban") || have <= hs_power_of(room, change->target)) {
		hs_refuse(change->refusal, 403, "M_FORBIDDEN", "You don't have permission to ban");
		return false;
	}
	return true;
}

static bool is_allowed(const struct change *change, enum hs_membership to)
{
	switch (to) {
	case HS_JOIN:
		return may_join(change);
	case HS_INVITE:
		return may_invite(change);
	case HS_LEAVE:
		return may_leave(change);
	case HS_BAN:
		return may_ban(change);
	default:
		hs_refuse(change->refusal, 400, "M_BAD_JSON", "Invalid membership");
		return false;
	}
}

static void put_once(cJSON *content, const char *name, const char *value)
{
	if (value && !cJSON_HasObjectItem(content, name)) {
		cJSON_AddStringToObject(content, name, value);
	}
}

/* The member event's content; the caller frees it with cJSON_free. */
static char *member_content(const struct change *change, enum hs_membership to, const cJSON *extra)
{
	cJSON *content = extra ? cJSON_Duplicate(extra, 1) : cJSON_CreateObject();
	cJSON_DeleteItemFromObjectCaseSensitive(content, "membership");
	cJSON_AddStringToObject(content, "membership", hs_membership_name(to));
	const struct hs_user *user = hs_server_user(change->server, change->target);
	if (user && (to == HS_JOIN || to == HS_INVITE)) {
		put_once(content, "displayname", user->displayname);
		put_once(content, "avatar_url", user->avatar_url);
	}
	char *text = cJSON_PrintUnformatted(content);
	cJSON_Delete(content);
	return text;
}

struct hs_event *hs_membership_change(struct hs_server *server, struct hs_room *room,
	const char *sender, const char *target, enum hs_membership to, const cJSON *extra,
	struct hs_refusal *refusal)
{
	struct change change = {
		server, room, sender, target, hs_room_membership(room, target), refusal};
	if (!is_allowed(&change, to)) {
		return NULL;
	}
	char *content = member_content(&change, to, extra);
	struct hs_event *now = hs_room_state(room, "m.room.member", target);
	if (!now || change.from != to || now->content_len != strlen(content) ||
		memcmp(now->content, content, now->content_len) != 0) {
		now = hs_server_set_state(server, room, sender, "m.room.member", target, content);
	}
	cJSON_free(content);
	return now;
}

void hs_membership_renew(struct hs_server *server, struct hs_user *user)
{
	struct hs_room *room, *next;
	struct hs_refusal ignored;
	HASH_ITER(hh, server->rooms, room, next)
	{
		if (hs_room_membership(room, user->id) == HS_JOIN) {
			hs_membership_change(
				server, room, user->id, user->id, HS_JOIN, NULL, &ignored);
		}
	}
}
