/* SPDX-License-Identifier: Apache-2.0
 *
 * Control calls: users, rooms and the messages said in them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/homeserver/control.h"
#include "tests/support/homeserver/roommaker.h"

void hs_control_user(struct hs_control_call *call)
{
	struct hs_server *server = call->control->server;
	const char *user_id = hs_control_string(call, "user_id");
	const char *name = hs_control_string(call, "displayname");
	if (!user_id || user_id[0] != '@' || !strchr(user_id, ':')) {
		hs_control_error(call, "user_id is missing or not a user id");
		return;
	}
	struct hs_user *user = hs_server_add_user(server, user_id);
	if (name) {
		free(user->displayname);
		user->displayname = hs_dup(name);
	}
	struct hs_text *out = &call->request->answer;
	hs_text_puts(out, "{");
	hs_text_pair(out, "user_id", user_id);
	hs_text_pair(out, "access_token", hs_server_token(server, user));
	hs_text_puts(out, "}");
	hs_control_ok(call);
}

/* --- rooms
 * -----------------------------------------------------------------------------------------------
 */

/* Joins without asking the join rules. */
static void join_quietly(
	struct hs_server *server, struct hs_room *room, const char *user_id, bool quiet)
{
	const struct hs_user *user = hs_server_add_user(server, user_id);
	struct hs_text content = {0};
	hs_text_puts(&content, "{\"membership\":\"join\"");
	if (user->displayname) {
		hs_text_pair(&content, "displayname", user->displayname);
	}
	hs_text_puts(&content, "}");
	struct hs_event_parts parts = {
		.room_id = room->id,
		.sender = user_id,
		.type = "m.room.member",
		.state_key = user_id,
		.content = content.data,
		.content_len = content.len,
	};
	if (hs_room_membership(room, user_id) != HS_JOIN) {
		hs_server_happen(server, room, &parts, quiet);
	}
	hs_text_free(&content);
}

static void join_numbered(struct hs_control_call *call, struct hs_room *room, const char *prefix,
	int64_t count, bool quiet)
{
	struct hs_server *server = call->control->server;
	for (int64_t i = 1; i <= count; i++) {
		struct hs_text user_id = {0};
		hs_text_printf(&user_id, "@%s%" PRId64 ":%s", prefix, i, server->domain);
		join_quietly(server, room, user_id.data, quiet);
		hs_text_free(&user_id);
	}
}

void hs_control_room(struct hs_control_call *call)
{
	struct hs_server *server = call->control->server;
	const char *creator = hs_control_string(call, "creator");
	const char *prefix = hs_control_string(call, "member_prefix");
	struct hs_refusal refusal;
	if (!creator) {
		hs_control_error(call, "creator is missing");
		return;
	}
	hs_server_add_user(server, creator);
	struct hs_room *room = hs_make_room(server, creator, call->body, &refusal);
	if (!room) {
		hs_control_error(call, refusal.message);
		return;
	}
	bool quiet = hs_control_flag(call, "quiet", true);
	const cJSON *member;
	cJSON_ArrayForEach(member, cJSON_GetObjectItemCaseSensitive(call->body, "members"))
	{
		if (cJSON_IsString(member)) {
			join_quietly(server, room, member->valuestring, quiet);
		}
	}
	join_numbered(call, room, prefix ? prefix : "member",
		hs_control_number(call, "member_count", 0), quiet);
	hs_text_puts(&call->request->answer, "{");
	hs_text_pair(&call->request->answer, "room_id", room->id);
	hs_text_puts(&call->request->answer, "}");
	hs_control_ok(call);
}

static char **users_of(struct hs_control_call *call, const struct hs_room *room, size_t *count)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(call->body, "users");
	const char *one = hs_control_string(call, "user");
	int given = one ? 1 : cJSON_GetArraySize(list);
	char **users = hs_alloc((size_t)given * sizeof(char *));
	*count = 0;
	for (int i = 0; i < given; i++) {
		const char *user = one ? one : cJSON_GetStringValue(cJSON_GetArrayItem(list, i));
		if (user && hs_room_membership(room, user) == HS_JOIN) {
			users[(*count)++] = hs_dup(user);
		}
	}
	if (*count > 0 && *count == (size_t)given) {
		return users;
	}
	for (size_t i = 0; i < *count; i++) {
		free(users[i]);
	}
	free(users);
	return NULL;
}

/* A content of the test's own: once, as it is. */
static void inject_content(
	struct hs_control_call *call, struct hs_room *room, const char *user, const cJSON *content)
{
	const char *type = hs_control_string(call, "type");
	char *text = cJSON_PrintUnformatted(content);
	const struct hs_event *event = hs_inject_one(
		call->control->server, room, user, type ? type : "m.room.message", text);
	hs_text_puts(&call->request->answer, "{");
	hs_text_pair(&call->request->answer, "event_id", event->id);
	hs_text_puts(&call->request->answer, "}");
	cJSON_free(text);
	hs_control_ok(call);
}

void hs_control_inject(struct hs_control_call *call)
{
	const char *room_id = hs_control_string(call, "room");
	const char *prefix = hs_control_string(call, "prefix");
	const char *msgtype = hs_control_string(call, "msgtype");
	const cJSON *content = cJSON_GetObjectItemCaseSensitive(call->body, "content");
	const cJSON *rate = cJSON_GetObjectItemCaseSensitive(call->body, "rate");
	int64_t count = hs_control_number(call, "count", 1);
	struct hs_job_parts parts = {
		.room = room_id ? hs_server_room(call->control->server, room_id) : NULL,
		.first = (uint64_t)hs_control_number(call, "first", 1),
		.count = (uint64_t)(count > 0 ? count : 0),
		.rate = cJSON_IsNumber(rate) ? rate->valuedouble : 0,
	};
	if (!parts.room) {
		hs_control_error(call, "no such room");
		return;
	}
	parts.users = users_of(call, parts.room, &parts.user_count);
	if (!parts.users) {
		hs_control_error(call, "user or users is missing, or not all are in the room");
		return;
	}
	if (cJSON_IsObject(content)) {
		inject_content(call, parts.room, parts.users[0], content);
		for (size_t i = 0; i < parts.user_count; i++) {
			free(parts.users[i]);
		}
		free(parts.users);
		return;
	}
	parts.prefix = hs_dup(prefix ? prefix : "message ");
	parts.msgtype = hs_dup(msgtype ? msgtype : "m.text");
	hs_inject(&call->control->injector, &parts);
	hs_control_ok(call);
}
