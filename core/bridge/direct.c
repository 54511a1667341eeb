/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct chats besides their messages: who may have one, what a ghost says before it leaves, what a
 * third person in the room means, and whether the person is still there. Making the rooms is
 * prepare.c's, following invitations invitation.c's.
 */
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/matrix/mxid.h"

#include <string.h>

const char tr_direct_group[] = "Group chat not supported.";
static const char switched_off[] = "Private messages are switched off on this bridge.";
static const char from_elsewhere[] =
	"Private messages are for users of this homeserver only on this bridge.";

const char *tr_direct_forbidden(const struct tr_bridge *bridge, const char *user_id)
{
	const struct tr_bridge_options *options = &bridge->options;
	struct tr_mxid id;
	if ((options->protocol->capabilities & TR_CAN_DIRECT) == 0) {
		return "People of this network cannot be written to directly.";
	}
	if (options->no_direct) {
		return switched_off;
	}
	if (options->direct_local_only && tr_user_id_parse(tr_str_from(user_id), &id) &&
		!tr_str_eq_c(id.server, options->domain)) {
		return from_elsewhere;
	}
	return NULL;
}

/* A ghost, or the bot, that says something and leaves. */
struct farewell {
	struct tr_list node;
	struct tr_bridge *bridge;
	struct tr_ghost *ghost; /* NULL = the bot */
	char *room_id;
	char *key;
	char *text;
	tr_farewell_callback *callback;
	void *arg;
};

static void farewell_free(struct farewell *farewell)
{
	tr_list_remove(&farewell->node);
	tr_free(farewell->room_id);
	tr_free(farewell->key);
	tr_free(farewell->text);
	tr_free(farewell);
}

static const char *as_user(const struct farewell *farewell)
{
	return farewell->ghost ? farewell->ghost->mxid : NULL;
}

static void farewell_end(struct farewell *farewell, const struct tr_error *error)
{
	tr_farewell_callback *callback = farewell->callback;
	void *arg = farewell->arg;
	farewell_free(farewell);
	callback(arg, error);
}

static void farewell_left(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct farewell *farewell = arg;
	(void)response;
	if (error == NULL) {
		tr_members_set(&farewell->bridge->members, tr_str_from(farewell->room_id),
			tr_str_from(farewell->ghost ? farewell->ghost->mxid
						    : farewell->bridge->bot_user_id),
			TR_MEMBERSHIP_LEFT);
	}
	farewell_end(farewell, error);
}

/* Said or not: it leaves. */
static void farewell_leave(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct farewell *farewell = arg;
	(void)response;
	(void)error;
	tr_matrix_leave(farewell->bridge->client, as_user(farewell), farewell->room_id,
		farewell->text, farewell_left, farewell);
}

static void farewell_say(void *arg, const struct tr_error *error)
{
	struct farewell *farewell = arg;
	if (error != NULL) {
		farewell_leave(farewell, NULL, error);
		return;
	}
	struct tr_json *content = tr_json_new_object();
	tr_json_set_c(content, "msgtype", "m.notice");
	tr_json_set_c(content, "body", farewell->text);
	tr_json_add_object(content, "m.mentions");
	char *text = tr_json_text(content);
	tr_matrix_send(farewell->bridge->client, as_user(farewell), farewell->room_id,
		"m.room.message", farewell->key, 0, tr_str_from(text), farewell_leave, farewell);
	tr_free(text);
	tr_json_free(content);
}

void tr_bridge_leave_saying(struct tr_bridge *bridge, struct tr_ghost *ghost, const char *room_id,
	const char *key, const char *text, tr_farewell_callback *callback, void *arg)
{
	struct farewell *farewell = tr_alloc(sizeof(*farewell));
	farewell->bridge = bridge;
	farewell->ghost = ghost;
	farewell->room_id = tr_strdup(room_id);
	farewell->key = tr_strdup(key);
	farewell->text = tr_strdup(text);
	farewell->callback = callback;
	farewell->arg = arg;
	tr_list_append(&bridge->farewells, &farewell->node);
	tr_intent_ensure(bridge, ghost, room_id, farewell_say, farewell);
}

static void disconnected(void *arg, const struct tr_error *error)
{
	struct tr_delivery *delivery = arg;
	if (error != NULL && (error->cls == TR_CLASS_RETRY || error->cls == TR_CLASS_RETRY_AFTER)) {
		tr_delivery_fail(delivery, error);
		return;
	}
	if (delivery->op.portal != NULL) {
		tr_portal_remove_room(delivery->op.portal, delivery->op.room_id);
	}
	tr_delivery_done(delivery);
}

void tr_direct_third_person(struct tr_delivery *delivery)
{
	struct tr_bridge *bridge = delivery->bridge;
	struct tr_portal *portal = delivery->op.portal;
	struct tr_ghost *ghost = tr_ghost_find(bridge, tr_str_from(portal->remote_id));
	TR_ASSERT(ghost != NULL);
	tr_log_info("bridge", "%s: %s is a third person in the chat of %s with %s",
		bridge->options.name, delivery->op.target, portal->receiver, portal->name);
	char *key = tr_asprintf("disconnect-%s", delivery->op.event_id);
	tr_bridge_leave_saying(bridge, ghost, delivery->op.room_id, key,
		"This room has been disconnected: a third person has been invited, and group chat is not supported.",
		disconnected, delivery);
	tr_free(key);
}

/* Whether the person is still in the room of a direct chat. */
struct check {
	struct tr_list node;
	struct tr_bridge *bridge;
	struct tr_portal *portal;
	struct tr_ghost *ghost;
	char *room_id;
};

static void check_free(struct check *check)
{
	tr_list_remove(&check->node);
	tr_free(check->room_id);
	tr_free(check);
}

static void invite_again(struct tr_bridge *bridge, const struct tr_ghost *ghost,
	const char *room_id, const char *user)
{
	tr_members_set(
		&bridge->members, tr_str_from(room_id), tr_str_from(user), TR_MEMBERSHIP_INVITED);
	tr_matrix_invite(bridge->client, ghost->mxid, room_id, user, NULL, NULL, NULL);
}

static void checked(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct check *check = arg;
	struct tr_members *members = &check->bridge->members;
	struct tr_str room_id = tr_str_from(check->room_id);
	struct tr_str receiver = tr_str_from(check->portal->receiver);
	if (error == NULL && tr_members_get(members, room_id, receiver) == TR_MEMBERSHIP_UNKNOWN) {
		tr_members_set(members, room_id, receiver,
			tr_membership_from_name(tr_json_get_str(response, "membership")));
		if (tr_members_get(members, room_id, receiver) == TR_MEMBERSHIP_LEFT) {
			invite_again(check->bridge, check->ghost, check->room_id,
				check->portal->receiver);
		}
	}
	check_free(check);
}

void tr_direct_ask_in(struct tr_portal *portal, struct tr_ghost *ghost, const char *room_id)
{
	struct tr_bridge *bridge = portal->bridge;
	switch (tr_members_get(
		&bridge->members, tr_str_from(room_id), tr_str_from(portal->receiver))) {
	case TR_MEMBERSHIP_LEFT:
		invite_again(bridge, ghost, room_id, portal->receiver);
		break;
	case TR_MEMBERSHIP_UNKNOWN: {
		struct check *check = tr_alloc(sizeof(*check));
		check->bridge = bridge;
		check->portal = portal;
		check->ghost = ghost;
		check->room_id = tr_strdup(room_id);
		tr_list_append(&bridge->checks, &check->node);
		tr_matrix_get_state(bridge->client, ghost->mxid, room_id, "m.room.member",
			portal->receiver, checked, check);
		break;
	}
	case TR_MEMBERSHIP_INVITED:
	case TR_MEMBERSHIP_JOINED:
		break;
	}
}

void tr_directs_finish(struct tr_bridge *bridge)
{
	struct tr_list *node;
	while ((node = tr_list_head(&bridge->farewells)) != NULL) {
		farewell_free(TR_LIST_ENTRY(node, struct farewell, node));
	}
	while ((node = tr_list_head(&bridge->checks)) != NULL) {
		check_free(TR_LIST_ENTRY(node, struct check, node));
	}
}
