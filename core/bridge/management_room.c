/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Management rooms (a person alone with the bot) and what the bot says there and elsewhere. Notices
 * are stored like messages and sent in order; the room is made by prepare.c when the first is sent.
 * The same notice is not told to the same person twice within a minute.
 */
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"

#include <string.h>

enum { SAME_AFTER_MS = 60000, TOLD_MAX = 1000 };

static const struct tr_db_statement set_room = {
	"INSERT INTO management_room(user_id, room_id) VALUES ($1, $2)"
	" ON CONFLICT (user_id) DO UPDATE SET room_id = EXCLUDED.room_id"};
static const struct tr_db_statement forget_room = {
	"DELETE FROM management_room WHERE user_id = $1 AND room_id = $2"};

static void put(struct tr_bridge *bridge, struct tr_str user_id, struct tr_str room_id)
{
	char *before = tr_map_set(&bridge->management, user_id, tr_str_dup(room_id));
	if (before != NULL && !tr_str_eq(room_id, tr_str_from(before))) {
		tr_free(tr_map_remove(&bridge->management_users, tr_str_from(before)));
	}
	tr_free(before);
	tr_free(tr_map_set(&bridge->management_users, room_id, tr_str_dup(user_id)));
}

void tr_management_load(struct tr_bridge *bridge, const struct tr_db_result *result, size_t index)
{
	for (size_t row = 0; row < tr_db_rows(result, index); row++) {
		put(bridge, tr_db_text(result, index, row, 0), tr_db_text(result, index, row, 1));
	}
}

const char *tr_management_user(const struct tr_bridge *bridge, struct tr_str room_id)
{
	return tr_map_get(&bridge->management_users, room_id);
}

const char *tr_management_room(const struct tr_bridge *bridge, const char *user_id)
{
	return tr_map_get(&bridge->management, tr_str_from(user_id));
}

bool tr_bridge_has_management_room(const struct tr_bridge *bridge, const char *user_id)
{
	return tr_management_room(bridge, user_id) != NULL;
}

void tr_management_set(struct tr_bridge *bridge, const char *user_id, const char *room_id,
	tr_loop_callback *settled, void *arg)
{
	put(bridge, tr_str_from(user_id), tr_str_from(room_id));
	const struct tr_db_value values[] = {TR_DB_TC(user_id), TR_DB_TC(room_id)};
	tr_bridge_write(bridge, &set_room, values, TR_ARRAY_LEN(values), settled, arg);
}

static void crowded_left(void *arg, const struct tr_error *error)
{
	struct tr_delivery *delivery = arg;
	if (error != NULL && (error->cls == TR_CLASS_RETRY || error->cls == TR_CLASS_RETRY_AFTER)) {
		tr_delivery_fail(delivery, error);
		return;
	}
	tr_management_forget(delivery->bridge, delivery->op.room_id);
	tr_delivery_done(delivery);
}

static void crowd_counted(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct tr_delivery *delivery = arg;
	if (error != NULL || tr_json_count(tr_json_get(response, "joined")) <= 2) {
		tr_delivery_done(delivery);
		return;
	}
	char *key = tr_asprintf("crowded-%s", delivery->op.event_id);
	tr_bridge_leave_saying(delivery->bridge, NULL, delivery->op.room_id, key,
		"There are more than two people in this room now, so I leave it: I take commands only in a chat with one person.",
		crowded_left, delivery);
	tr_free(key);
}

void tr_management_joined(struct tr_delivery *delivery)
{
	tr_matrix_joined_members(
		delivery->bridge->client, NULL, delivery->op.room_id, crowd_counted, delivery);
}

void tr_management_forget(struct tr_bridge *bridge, const char *room_id)
{
	char *user_id = tr_map_remove(&bridge->management_users, tr_str_from(room_id));
	if (user_id == NULL) {
		return;
	}
	tr_free(tr_map_remove(&bridge->management, tr_str_from(user_id)));
	const struct tr_db_value values[] = {TR_DB_TC(user_id), TR_DB_TC(room_id)};
	tr_bridge_write(bridge, &forget_room, values, TR_ARRAY_LEN(values), NULL, NULL);
	tr_free(user_id);
}

static void free_values(struct tr_map *map)
{
	for (struct tr_map_entry *e = tr_map_first(map); e; e = tr_map_next(e)) {
		tr_free(tr_map_value(e));
	}
	tr_map_finish(map);
}

void tr_management_finish(struct tr_bridge *bridge)
{
	free_values(&bridge->management);
	free_values(&bridge->management_users);
	free_values(&bridge->told);
}

static struct tr_json *notice_content(const struct tr_notice *notice)
{
	struct tr_str body = tr_str_from(notice->text);
	struct tr_json *content = tr_json_new_object();
	tr_json_set_c(content, "msgtype", "m.notice");
	tr_json_set_str(
		content, "body", tr_str_slice(body, 0, tr_utf8_fit(body, TR_BRIDGE_TEXT_MAX)));
	if (notice->html != NULL && strlen(notice->html) <= TR_BRIDGE_TEXT_MAX) {
		tr_json_set_c(content, "format", "org.matrix.custom.html");
		tr_json_set_c(content, "formatted_body", notice->html);
	}
	tr_json_add_object(content, "m.mentions");
	if (notice->reply_to != NULL) {
		struct tr_json *relation = tr_json_add_object(content, "m.relates_to");
		tr_json_set_c(tr_json_add_object(relation, "m.in_reply_to"), "event_id",
			notice->reply_to);
	}
	return content;
}

static void accept_notice(struct tr_bridge *bridge, const char *lane, const char *sender,
	struct tr_str key, const struct tr_notice *notice)
{
	struct tr_json *content = notice_content(notice);
	const struct tr_to_matrix_event event = {
		.remote_key = key,
		.room_id = lane,
		.sender = sender,
		.type = "m.room.message",
		.content = content,
	};
	tr_to_matrix_accept(bridge->to_matrix, &event, NULL, NULL);
	tr_json_free(content);
}

void tr_bridge_notice_rich(struct tr_bridge *bridge, const char *room_id, struct tr_str key,
	const struct tr_notice *notice)
{
	const struct tr_portal *portal = tr_portal_of_room(bridge, tr_str_from(room_id));
	const char *sender = NULL;
	if (portal != NULL && portal->kind == TR_PORTAL_DIRECT) {
		/* The bot is not in a direct chat. */
		const struct tr_ghost *ghost =
			tr_ghost_find(bridge, tr_str_from(portal->remote_id));
		sender = ghost ? ghost->mxid : NULL;
	}
	accept_notice(bridge, room_id, sender, key, notice);
}

void tr_bridge_notice(
	struct tr_bridge *bridge, const char *room_id, struct tr_str key, const char *text)
{
	tr_bridge_notice_rich(bridge, room_id, key, &(struct tr_notice){.text = text});
}

static void notice_once(struct tr_bridge *bridge, const char *lane, const char *text)
{
	char *token = tr_random_token(16);
	char *key = tr_asprintf("notice:%s", token);
	if (lane[0] == '!') {
		tr_bridge_notice(bridge, lane, tr_str_from(key), text);
	} else {
		accept_notice(
			bridge, lane, NULL, tr_str_from(key), &(struct tr_notice){.text = text});
	}
	tr_free(key);
	tr_free(token);
}

/* Whether this was said there within the last minute; remembers that it is said now. */
static bool told_lately(struct tr_bridge *bridge, const char *where, const char *text)
{
	uint64_t now = tr_clock_mono_ms();
	char *key = tr_asprintf("%s\n%s", where, text);
	uint64_t *when = tr_map_get(&bridge->told, tr_str_from(key));
	bool lately = when != NULL && now - *when < SAME_AFTER_MS;
	if (when == NULL) {
		if (tr_map_count(&bridge->told) >= TOLD_MAX) {
			free_values(&bridge->told);
		}
		when = tr_alloc(sizeof(*when));
		tr_map_set(&bridge->told, tr_str_from(key), when);
	}
	if (!lately) {
		*when = now;
	}
	tr_free(key);
	return lately;
}

void tr_bridge_tell_user(struct tr_bridge *bridge, const char *user_id, const char *text)
{
	if (told_lately(bridge, user_id, text)) {
		tr_log_debug("bridge", "%s was told so a moment ago: %s", user_id, text);
		return;
	}
	struct tr_buf lane = TR_BUF_INIT(TR_BRIDGE_ID_MAX);
	tr_lane_of_user(user_id, &lane);
	notice_once(bridge, tr_buf_c(&lane), text);
	tr_buf_finish(&lane);
}

void tr_bridge_tell_room(struct tr_bridge *bridge, const char *room_id, const char *text)
{
	if (told_lately(bridge, room_id, text)) {
		tr_log_debug("bridge", "room %s was told so a moment ago: %s", room_id, text);
		return;
	}
	notice_once(bridge, room_id, text);
}
