/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody invites the bot (into a channel's room, or to talk with it: a management room) or a
 * ghost (to talk with the person behind it: a direct portal). Others are declined with a reason.
 */
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/bridge/unbridged.h"

#include <string.h>

struct invitation {
	struct tr_list node;
	struct tr_bridge *bridge;
	struct tr_delivery *delivery;
	struct tr_ghost *ghost; /* NULL = the bot */
	bool direct;
};

static void invitation_free(struct invitation *invitation)
{
	tr_list_remove(&invitation->node);
	tr_free(invitation);
}

/* An invitation that has lapsed or is refused by the homeserver is over; anything passing is tried
 * again. */
static void invitation_end(struct invitation *invitation, const struct tr_error *error)
{
	struct tr_delivery *delivery = invitation->delivery;
	invitation_free(invitation);
	if (error != NULL && (error->cls == TR_CLASS_RETRY || error->cls == TR_CLASS_RETRY_AFTER)) {
		tr_delivery_fail(delivery, error);
		return;
	}
	if (error != NULL) {
		tr_log_info("bridge", "the invitation of %s to %s is not followed: %s",
			delivery->op.target, delivery->op.room_id, error->text);
	}
	tr_delivery_done(delivery);
}

static void declined(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	(void)response;
	invitation_end(arg, error);
}

static void decline(struct invitation *invitation, const char *reason)
{
	tr_log_info("bridge", "%s declines the invitation of %s to %s: %s",
		invitation->delivery->op.target, invitation->delivery->op.sender,
		invitation->delivery->op.room_id, reason);
	tr_matrix_leave(invitation->bridge->client,
		invitation->ghost ? invitation->ghost->mxid : NULL,
		invitation->delivery->op.room_id, reason, declined, invitation);
}

/* The homeserver pushes what is said in a room once one of us is in it. What the inviter wrote
 * between his invitation and our coming is read from the room and accepted like anything else; an
 * event that was pushed all the same is known by its id. */
enum { EARLIER_MAX = 50 };

static void earlier_stored(void *arg, const struct tr_error *error)
{
	invitation_end(arg, error);
}

/* Events newer than the invitation, oldest first. */
static struct tr_json *earlier_events(
	const struct invitation *invitation, const struct tr_json *response)
{
	const struct tr_op *op = &invitation->delivery->op;
	const struct tr_json *found[EARLIER_MAX];
	size_t count = 0;
	const struct tr_json *event = tr_json_first(tr_json_get(response, "chunk"));
	for (; event != NULL && count < EARLIER_MAX; event = tr_json_next(event)) {
		if (tr_str_eq_c(tr_json_get_str(event, "event_id"), op->event_id)) {
			break;
		}
		struct tr_str type = tr_json_get_str(event, "type");
		if (tr_content_is_message(type) || tr_str_eq_c(type, "m.room.encrypted")) {
			found[count++] = event;
		}
	}
	struct tr_json *events = tr_json_new_array();
	while (count > 0) {
		struct tr_json *copy = tr_json_dup(found[--count]);
		tr_json_set_c(copy, "room_id", op->room_id);
		tr_json_append_take(events, copy);
	}
	return events;
}

static void earlier_read(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct invitation *invitation = arg;
	if (error != NULL) {
		invitation_end(invitation, error);
		return;
	}
	struct tr_json *events = earlier_events(invitation, response);
	if (tr_json_count(events) == 0) {
		invitation_end(invitation, NULL);
	} else {
		tr_from_matrix_accept(
			invitation->bridge->from_matrix, events, earlier_stored, invitation);
	}
	tr_json_free(events);
}

static void read_earlier(struct invitation *invitation)
{
	const struct tr_matrix_messages_query query = {.limit = EARLIER_MAX};
	tr_matrix_messages(invitation->bridge->client,
		invitation->ghost ? invitation->ghost->mxid : NULL,
		invitation->delivery->op.room_id, &query, earlier_read, invitation);
}

/* Said at once, and not after the first message that cannot be read. */
static void warn_of_encryption(const struct invitation *invitation)
{
	if (tr_unbridged_invited_encrypted(invitation->delivery->event)) {
		tr_unbridged_encrypted(invitation->bridge, invitation->delivery->op.room_id);
	}
}

static void make_management_room(struct invitation *invitation)
{
	struct tr_bridge *bridge = invitation->bridge;
	const struct tr_op *op = &invitation->delivery->op;
	tr_management_set(bridge, op->sender, op->room_id, NULL, NULL);
	char *key = tr_asprintf("welcome:%s", op->event_id);
	char *text = tr_asprintf("This is %s, a bridge to %s. Write !help for what you can do.",
		bridge->options.name, bridge->options.protocol->display_name);
	tr_bridge_notice(bridge, op->room_id, tr_str_from(key), text);
	tr_free(text);
	tr_free(key);
	warn_of_encryption(invitation);
}

/* Not meant as a chat with the bot: it stays, for a mapping perhaps. One person alone with it gets
 * told how commands are given. */
static void counted(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct invitation *invitation = arg;
	const struct tr_op *op = &invitation->delivery->op;
	if (error == NULL && tr_json_count(tr_json_get(response, "joined")) <= 2) {
		char *key = tr_asprintf("welcome:%s", op->event_id);
		tr_bridge_notice(invitation->bridge, op->room_id, tr_str_from(key),
			"I take commands in direct chats only: start one with me.");
		tr_free(key);
	}
	invitation_end(invitation, error);
}

static void bot_joined(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct invitation *invitation = arg;
	struct tr_bridge *bridge = invitation->bridge;
	const char *room_id = invitation->delivery->op.room_id;
	(void)response;
	if (error != NULL) {
		invitation_end(invitation, error);
		return;
	}
	tr_members_set(&bridge->members, tr_str_from(room_id), tr_str_from(bridge->bot_user_id),
		TR_MEMBERSHIP_JOINED);
	if (invitation->direct) {
		make_management_room(invitation);
		read_earlier(invitation);
	} else {
		tr_matrix_joined_members(bridge->client, NULL, room_id, counted, invitation);
	}
}

static void invite_bot(struct invitation *invitation, enum tr_permission_level level)
{
	struct tr_bridge *bridge = invitation->bridge;
	const char *room_id = invitation->delivery->op.room_id;
	if (tr_entry_invited(bridge, room_id)) {
		invitation_end(invitation, NULL);
	} else if (level == TR_PERMIT_NOBODY) {
		decline(invitation, "You may not use this bridge");
	} else {
		tr_matrix_join(bridge->client, NULL, room_id, NULL, bot_joined, invitation);
	}
}

static void begin_direct(struct invitation *invitation)
{
	const struct tr_op *op = &invitation->delivery->op;
	struct tr_portal *portal =
		tr_portal_open(invitation->bridge, tr_str_from(invitation->ghost->remote_id),
			op->sender, invitation->ghost->name, true);
	tr_portal_add_room(portal, op->room_id, true, NULL, NULL);
	warn_of_encryption(invitation);
	read_earlier(invitation);
}

/* It is no chat of two. */
static void refused(void *arg, const struct tr_error *error)
{
	invitation_end(arg, error);
}

static void refuse(struct invitation *invitation, const char *text)
{
	const struct tr_op *op = &invitation->delivery->op;
	tr_log_info("bridge", "%s does not follow the invitation of %s to %s: %s", op->target,
		op->sender, op->room_id, text);
	char *key = tr_asprintf("refuse-%s", op->event_id);
	tr_bridge_leave_saying(
		invitation->bridge, invitation->ghost, op->room_id, key, text, refused, invitation);
	tr_free(key);
}

static bool is_in(const struct tr_json *member)
{
	struct tr_str membership = tr_json_str(tr_json_path(member, "content", "membership", NULL));
	return tr_str_eq_c(membership, "join") || tr_str_eq_c(membership, "invite");
}

static void ghost_looked(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct invitation *invitation = arg;
	size_t count = 0;
	const struct tr_json *member = tr_json_first(tr_json_get(response, "chunk"));
	for (; member != NULL; member = tr_json_next(member)) {
		count += is_in(member);
	}
	if (error != NULL) {
		invitation_end(invitation, error);
	} else if (count > 2) {
		refuse(invitation, tr_direct_group);
	} else {
		begin_direct(invitation);
	}
}

static void ghost_joined(void *arg, const struct tr_error *error)
{
	struct invitation *invitation = arg;
	if (error != NULL) {
		invitation_end(invitation, error);
		return;
	}
	tr_matrix_members(invitation->bridge->client, invitation->ghost->mxid,
		invitation->delivery->op.room_id, NULL, ghost_looked, invitation);
}

static void invite_ghost(struct invitation *invitation, enum tr_permission_level level)
{
	struct tr_bridge *bridge = invitation->bridge;
	const struct tr_op *op = &invitation->delivery->op;
	const char *forbidden = tr_direct_forbidden(bridge, op->sender);
	if (op->portal != NULL && op->portal->kind == TR_PORTAL_CHANNEL) {
		decline(invitation, "People of the network come in by themselves");
	} else if (level == TR_PERMIT_NOBODY) {
		decline(invitation, "You may not use this bridge");
	} else if (op->portal != NULL) {
		bool returns = strcmp(op->portal->remote_id, invitation->ghost->remote_id) == 0;
		if (returns) {
			tr_intent_ensure(
				bridge, invitation->ghost, op->room_id, ghost_joined, invitation);
		} else {
			decline(invitation, tr_direct_group);
		}
	} else if (forbidden != NULL) {
		refuse(invitation, forbidden);
	} else if (!invitation->direct) {
		refuse(invitation, tr_direct_group);
	} else {
		tr_intent_ensure(bridge, invitation->ghost, op->room_id, ghost_joined, invitation);
	}
}

void tr_invitation_run(struct tr_delivery *delivery)
{
	struct tr_bridge *bridge = delivery->bridge;
	const struct tr_op *op = &delivery->op;
	struct tr_ghost *ghost = tr_ghost_of(bridge, tr_str_from(op->target));
	if (ghost == NULL && strcmp(op->target, bridge->bot_user_id) != 0) {
		tr_log_info("bridge", "%s is invited to %s, whom nobody has seen on the network",
			op->target, op->room_id);
		tr_delivery_done(delivery);
		return;
	}
	struct invitation *invitation = tr_alloc(sizeof(*invitation));
	invitation->bridge = bridge;
	invitation->delivery = delivery;
	invitation->ghost = ghost;
	invitation->direct =
		tr_json_is_true(tr_json_path(delivery->event, "content", "is_direct", NULL));
	tr_list_append(&bridge->invitations, &invitation->node);
	enum tr_permission_level level = tr_permission_of(bridge, op->sender);
	if (ghost != NULL) {
		invite_ghost(invitation, level);
	} else {
		invite_bot(invitation, level);
	}
}

void tr_invitations_finish(struct tr_bridge *bridge)
{
	struct tr_list *node;
	while ((node = tr_list_head(&bridge->invitations)) != NULL) {
		invitation_free(TR_LIST_ENTRY(node, struct invitation, node));
	}
}
