/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the network said, on its way into the queue towards Matrix: one copy for each room of the
 * portal, the ghost's id, the content. Comings and goings go to membership.c.
 */
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/bridge/withhold.h"

#include <string.h>

enum { KNOWN_MAX = 10000 };

/* A message whose copies are being stored. */
struct copies {
	struct tr_list node;
	size_t pending;
	void (*durable)(void *arg);
	void *arg;
};

static void copies_free(struct copies *copies)
{
	tr_list_remove(&copies->node);
	tr_free(copies);
}

static void copy_stored(void *arg)
{
	struct copies *copies = arg;
	if (--copies->pending == 0) {
		copies->durable(copies->arg);
		copies_free(copies);
	}
}

static const char *msgtype_of(enum tr_message_kind kind)
{
	return kind == TR_MESSAGE_EMOTE    ? "m.emote"
	       : kind == TR_MESSAGE_NOTICE ? "m.notice"
					   : "m.text";
}

static struct tr_json *content_of(const struct tr_remote_message *message)
{
	struct tr_json *content = tr_json_new_object();
	struct tr_str text = message->text;
	tr_json_set_c(content, "msgtype", msgtype_of(message->kind));
	tr_json_set_str(
		content, "body", tr_str_slice(text, 0, tr_utf8_fit(text, TR_BRIDGE_TEXT_MAX)));
	if (!tr_str_empty(message->html) && message->html.len <= TR_BRIDGE_TEXT_MAX) {
		tr_json_set_c(content, "format", "org.matrix.custom.html");
		tr_json_set_str(content, "formatted_body", message->html);
	}
	/* Another bridge of this room to the same place does not send it back there. */
	char *origin = tr_bridge_state_key(message->portal);
	tr_json_set_c(content, TR_BRIDGE_ORIGIN, origin);
	tr_free(origin);
	/* Nobody is pinged by what the text looks like, "@room" above all. */
	struct tr_json *mentions = tr_json_add_object(content, "m.mentions");
	if (message->mention_count > 0) {
		struct tr_json *user_ids = tr_json_add_array(mentions, "user_ids");
		for (size_t i = 0; i < message->mention_count; i++) {
			tr_json_append_str(user_ids, message->mentions[i]);
		}
	}
	return content;
}

void tr_lane_of_user(const char *user_id, struct tr_buf *lane)
{
	tr_buf_addf(lane, "user:%s", user_id);
}

static bool is_withheld(const struct tr_bridge *bridge, const char *room_id, const char *type)
{
	return strcmp(type, "m.room.message") == 0 && tr_withhold_closed(bridge, room_id);
}

static void accept_copies(struct tr_bridge *bridge, const struct tr_portal *portal,
	struct tr_to_matrix_event *event, struct copies *copies)
{
	tr_loop_callback *durable = copies ? copy_stored : NULL;
	if (portal->kind == TR_PORTAL_DIRECT) {
		event->room_id = portal->lane;
		tr_to_matrix_accept(bridge->to_matrix, event, durable, copies);
		return;
	}
	for (size_t i = 0; i < portal->room_count; i++) {
		event->room_id = portal->rooms[i];
		if (is_withheld(bridge, portal->rooms[i], event->type)) {
			tr_withhold_count(bridge, portal->rooms[i]);
		} else {
			tr_to_matrix_accept(bridge->to_matrix, event, durable, copies);
		}
	}
}

/* false: there is no room to show anything in; `durable` comes all the same. */
static bool copies_open(struct tr_bridge *bridge, const struct tr_portal *portal, const char *type,
	void (*durable)(void *arg), void *arg, struct copies **copies)
{
	size_t count = portal->kind == TR_PORTAL_DIRECT ? 1 : portal->room_count;
	for (size_t i = 0; portal->kind == TR_PORTAL_CHANNEL && i < portal->room_count; i++) {
		if (is_withheld(bridge, portal->rooms[i], type)) {
			count--;
		}
	}
	*copies = NULL;
	if (count == 0) {
		for (size_t i = 0; i < portal->room_count; i++) {
			tr_withhold_count(bridge, portal->rooms[i]);
		}
		tr_log_debug("bridge", "%s: %s has no room to show anything in",
			bridge->options.name, portal->name);
		if (durable != NULL) {
			tr_loop_defer(bridge->loop, durable, arg);
		}
		return false;
	}
	if (durable != NULL) {
		*copies = tr_alloc(sizeof(**copies));
		**copies = (struct copies){.pending = count, .durable = durable, .arg = arg};
		tr_list_append(&bridge->copies, &(*copies)->node);
	}
	return true;
}

void tr_bridge_message(struct tr_bridge *bridge, const struct tr_remote_message *message,
	void (*durable)(void *arg), void *arg)
{
	const struct tr_portal *portal = message->portal;
	struct copies *copies;
	if (!copies_open(bridge, portal, "m.room.message", durable, arg, &copies)) {
		return;
	}
	const struct tr_ghost *ghost = tr_ghost_open(bridge, message->sender, message->sender_name);
	struct tr_json *content = content_of(message);
	struct tr_to_matrix_event event = {
		.remote_key = message->remote_key,
		.sender = ghost->mxid,
		.type = "m.room.message",
		.content = content,
		.origin_ts = message->ts,
		.keep_mapping = message->keep_mapping,
		.reply_to = message->reply_to,
	};
	accept_copies(bridge, portal, &event, copies);
	tr_json_free(content);
}

void tr_bridge_remote_topic(struct tr_bridge *bridge, const struct tr_remote_topic *topic,
	void (*durable)(void *arg), void *arg)
{
	struct copies *copies;
	if (!copies_open(bridge, topic->portal, "m.room.topic", durable, arg, &copies)) {
		return;
	}
	const struct tr_ghost *ghost =
		tr_str_empty(topic->sender)
			? NULL
			: tr_ghost_open(bridge, topic->sender, topic->sender_name);
	struct tr_json *content = tr_json_new_object();
	tr_json_set_str(content, "topic",
		tr_str_slice(topic->text, 0, tr_utf8_fit(topic->text, TR_BRIDGE_TEXT_MAX)));
	struct tr_to_matrix_event event = {
		.remote_key = topic->remote_key,
		.sender = ghost ? ghost->mxid : NULL,
		.type = "m.room.topic",
		.content = content,
		.origin_ts = topic->ts,
	};
	accept_copies(bridge, topic->portal, &event, copies);
	tr_json_free(content);
}

void tr_bridge_remote_join(struct tr_bridge *bridge, struct tr_portal *portal,
	struct tr_str remote_id, struct tr_str name)
{
	struct tr_ghost *ghost = tr_ghost_open(bridge, remote_id, name);
	for (size_t i = 0; i < portal->room_count; i++) {
		tr_membership_join(bridge->membership, ghost, portal->rooms[i]);
	}
}

void tr_bridge_remote_leave(struct tr_bridge *bridge, struct tr_portal *portal,
	struct tr_str remote_id, struct tr_str name, struct tr_str reason)
{
	(void)name;
	tr_bridge_remote_leave_later(bridge, portal, remote_id, reason, 0);
}

void tr_bridge_remote_leave_later(struct tr_bridge *bridge, struct tr_portal *portal,
	struct tr_str remote_id, struct tr_str reason, uint64_t delay_ms)
{
	struct tr_ghost *ghost = tr_ghost_find(bridge, remote_id);
	for (size_t i = 0; ghost != NULL && i < portal->room_count; i++) {
		tr_membership_leave(bridge->membership, ghost, portal->rooms[i], reason, delay_ms);
	}
}

void tr_bridge_remote_kick(struct tr_bridge *bridge, struct tr_portal *portal, const char *user_id,
	struct tr_str reason)
{
	for (size_t i = 0; i < portal->room_count; i++) {
		struct tr_str room_id = tr_str_from(portal->rooms[i]);
		if (tr_members_get(&bridge->members, room_id, tr_str_from(user_id)) !=
			TR_MEMBERSHIP_LEFT) {
			tr_membership_kick(bridge->membership, user_id, portal->rooms[i], reason);
		}
	}
}

static const struct tr_db_statement select_known = {
	"SELECT 1 FROM message WHERE room_id = $1 AND remote_id = $2"};

struct lookup {
	size_t ids;
	size_t rooms;
	tr_bridge_known_callback *callback;
	void *arg;
};

static void looked_up(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct lookup *lookup = arg;
	bool *known = tr_alloc_array(lookup->ids + 1, sizeof(*known));
	for (size_t i = 0; error == NULL && i < lookup->ids; i++) {
		for (size_t room = 0; room < lookup->rooms && !known[i]; room++) {
			known[i] = tr_db_rows(result, i * lookup->rooms + room) > 0;
		}
	}
	lookup->callback(lookup->arg, error ? NULL : known);
	tr_free(known);
	tr_free(lookup);
}

void tr_bridge_known_messages(struct tr_bridge *bridge, const struct tr_portal *portal,
	const struct tr_str *remote_ids, size_t count, tr_bridge_known_callback *callback,
	void *arg)
{
	TR_ASSERT(count <= KNOWN_MAX);
	struct lookup *lookup = tr_alloc(sizeof(*lookup));
	lookup->callback = callback;
	lookup->arg = arg;
	lookup->ids = count;
	lookup->rooms = portal->room_count + 1;
	const char *lane = portal->lane ? portal->lane : "";
	struct tr_db_batch *batch = tr_db_batch_create(bridge->db);
	for (size_t i = 0; i < count; i++) {
		for (size_t room = 0; room < portal->room_count; room++) {
			TR_DB_ADD(batch, &select_known, TR_DB_TC(portal->rooms[room]),
				TR_DB_T(remote_ids[i]));
		}
		TR_DB_ADD(batch, &select_known, TR_DB_TC(lane), TR_DB_T(remote_ids[i]));
	}
	tr_db_submit_take(batch, looked_up, lookup);
}

void tr_remote_finish(struct tr_bridge *bridge)
{
	struct tr_list *node;
	while ((node = tr_list_head(&bridge->copies)) != NULL) {
		copies_free(TR_LIST_ENTRY(node, struct copies, node));
	}
}
