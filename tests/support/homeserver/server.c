/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements server.h.
 */
#include "tests/support/homeserver/server.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/homeserver/media.h"
#include "tests/support/homeserver/query.h"
#include "tests/support/homeserver/text.h"

bool hs_server_is_ours(const struct hs_server *server, const char *user_id)
{
	return strcmp(user_id, server->appservice.sender) == 0 ||
	       regexec(&server->appservice.users, user_id, 0, NULL, 0) == 0;
}

bool hs_server_is_our_alias(const struct hs_server *server, const char *alias)
{
	return server->appservice.has_aliases &&
	       regexec(&server->appservice.aliases, alias, 0, NULL, 0) == 0;
}

struct hs_user *hs_server_user(const struct hs_server *server, const char *user_id)
{
	struct hs_user *user;
	HASH_FIND(hh, server->users, user_id, strlen(user_id), user);
	return user;
}

struct hs_user *hs_server_add_user(struct hs_server *server, const char *user_id)
{
	struct hs_user *user = hs_server_user(server, user_id);
	if (user) {
		return user;
	}
	size_t len = strlen(user_id);
	user = hs_alloc(sizeof(*user) + len + 1);
	memcpy(user->id, user_id, len);
	user->ours = hs_server_is_ours(server, user_id);
	HASH_ADD_KEYPTR(hh, server->users, user->id, len, user);
	return user;
}

struct hs_user *hs_server_user_by_token(const struct hs_server *server, const char *token)
{
	struct hs_user *user;
	HASH_FIND(by_token, server->users_by_token, token, strlen(token), user);
	return user;
}

const char *hs_server_token(struct hs_server *server, struct hs_user *user)
{
	if (!user->token) {
		char token[33];
		hs_random_id(token, 32);
		user->token = hs_dup(token);
		HASH_ADD_KEYPTR(by_token, server->users_by_token, user->token, 32, user);
	}
	return user->token;
}

struct hs_room *hs_server_room(const struct hs_server *server, const char *room_id)
{
	struct hs_room *room;
	HASH_FIND(hh, server->rooms, room_id, strlen(room_id), room);
	return room;
}

struct hs_room *hs_server_add_room(struct hs_server *server, int version)
{
	char random[44];
	struct hs_text id = {0};
	if (version >= 12) {
		hs_random_id(random, 43);
		hs_text_printf(&id, "!%s", random);
	} else {
		hs_random_letters(random, 18);
		hs_text_printf(&id, "!%s:%s", random, server->domain);
	}
	struct hs_room *room = hs_room_create(id.data, version, server->history);
	hs_text_free(&id);
	HASH_ADD_KEYPTR(hh, server->rooms, room->id, strlen(room->id), room);
	return room;
}

struct hs_room *hs_server_aliased(const struct hs_server *server, const char *alias)
{
	struct hs_alias *entry;
	HASH_FIND(hh, server->aliases, alias, strlen(alias), entry);
	return entry ? entry->room : NULL;
}

bool hs_server_add_alias(struct hs_server *server, const char *alias, struct hs_room *room)
{
	if (hs_server_aliased(server, alias)) {
		return false;
	}
	size_t len = strlen(alias);
	struct hs_alias *entry = hs_alloc(sizeof(*entry) + len + 1);
	memcpy(entry->name, alias, len);
	entry->room = room;
	room->ours_by_alias |= hs_server_is_our_alias(server, alias);
	HASH_ADD_KEYPTR(hh, server->aliases, entry->name, len, entry);
	return true;
}

bool hs_server_remove_alias(struct hs_server *server, const char *alias)
{
	struct hs_alias *entry;
	HASH_FIND(hh, server->aliases, alias, strlen(alias), entry);
	if (!entry) {
		return false;
	}
	HASH_DEL(server->aliases, entry);
	free(entry);
	return true;
}

struct hs_event *hs_server_happen(struct hs_server *server, struct hs_room *room,
	const struct hs_event_parts *parts, bool quiet)
{
	struct hs_event *event = hs_event_create(parts);
	bool member = event->state_key && strcmp(event->type, "m.room.member") == 0;
	bool target_ours = member && hs_server_is_ours(server, event->state_key);
	bool ours_before = room->ours_joined > 0;
	hs_room_add(room, event, target_ours);
	server->counters.events++;
	if (!quiet && (ours_before || room->ours_joined > 0 || room->ours_by_alias || target_ours ||
			      hs_server_is_ours(server, event->sender))) {
		hs_gate_push(server->gate, event);
	}
	hs_event_unref(event); /* the room holds it */
	return event;
}

/* What an invited user is told of the room. */
static void put_invite_state(const struct hs_room *room, const char *sender, struct hs_text *more)
{
	static const char *const types[] = {"m.room.create", "m.room.join_rules", "m.room.name",
		"m.room.canonical_alias", "m.room.avatar", "m.room.encryption", "m.room.member"};
	bool first = true;
	hs_text_puts(more, ",\"invite_room_state\":[");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		bool member = strcmp(types[i], "m.room.member") == 0;
		struct hs_event *event = hs_room_state(room, types[i], member ? sender : "");
		if (!event) {
			continue;
		}
		hs_text_puts(more, first ? "{" : ",{");
		hs_text_pair(more, "type", event->type);
		hs_text_pair(more, "state_key", event->state_key);
		hs_text_pair(more, "sender", event->sender);
		hs_text_puts(more, ",\"content\":");
		hs_text_add(more, event->content, event->content_len);
		hs_text_puts(more, "}");
		first = false;
	}
	hs_text_puts(more, "]");
}

static bool is_invite(const char *type, const char *content)
{
	return strcmp(type, "m.room.member") == 0 && strstr(content, "\"membership\":\"invite\"");
}

struct hs_event *hs_server_set_state(struct hs_server *server, struct hs_room *room,
	const char *sender, const char *type, const char *state_key, const char *content)
{
	struct hs_text more = {0};
	struct hs_event *old = hs_room_state(room, type, state_key);
	if (old) {
		hs_text_puts(&more, ",\"prev_content\":");
		hs_text_add(&more, old->content, old->content_len);
		hs_text_pair(&more, "prev_sender", old->sender);
		hs_text_pair(&more, "replaces_state", old->id);
	}
	if (is_invite(type, content)) {
		put_invite_state(room, sender, &more);
	}
	struct hs_event_parts parts = {
		.room_id = room->id,
		.sender = sender,
		.type = type,
		.state_key = state_key,
		.content = content,
		.content_len = strlen(content),
		.unsigned_more = more.data,
	};
	struct hs_event *event = hs_server_happen(server, room, &parts, false);
	hs_text_free(&more);
	return event;
}

void hs_server_finish(struct hs_server *server)
{
	struct hs_alias *alias, *next_alias;
	HASH_ITER(hh, server->aliases, alias, next_alias)
	{
		HASH_DEL(server->aliases, alias);
		free(alias);
	}
	struct hs_room *room, *next_room;
	HASH_ITER(hh, server->rooms, room, next_room)
	{
		HASH_DEL(server->rooms, room);
		hs_room_destroy(room);
	}
	HASH_CLEAR(by_token, server->users_by_token);
	struct hs_user *user, *next_user;
	HASH_ITER(hh, server->users, user, next_user)
	{
		HASH_DEL(server->users, user);
		free(user->displayname);
		free(user->avatar_url);
		free(user->token);
		free(user);
	}
	hs_cache_clear(&server->cache);
	hs_media_clear(server);
}
