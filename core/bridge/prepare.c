/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where and as whom a stored message is sent: brings the ghost (or the bot) into the room, and
 * makes the room where there is none yet: a direct chat's at its first message, a person's
 * management room at the first notice. Then the lane's name stands in the place of a room id:
 *
 *   direct:@user:server|remote id    the chat of that person with whom had that id once; with
 *                                    another number ("direct.2:") where that name was taken
 *   user:@user:server                the management room of that person
 */
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/bridge/withhold.h"

#include <string.h>

/* What the name of a lane stands for. */
struct place {
	struct tr_portal *portal; /* of a direct chat */
	char *user_id;            /* of a management room, owned */
	const char *room_id;      /* NULL = there is none yet */
};

/* A message that waits for its room. */
struct creation {
	struct tr_list node;
	struct tr_bridge *bridge;
	struct tr_outbound *outbound;
	struct tr_ghost *ghost; /* NULL = the bot */
	struct place place;
};

static const char direct_prefix[] = "direct";
static const char user_prefix[] = "user:";

/* "direct:" or "direct.2:", and so on. */
static bool is_direct_lane(struct tr_str lane, struct tr_str *name)
{
	struct tr_str rest;
	if (!tr_str_starts(lane, tr_str_from(direct_prefix))) {
		return false;
	}
	rest = tr_str_from_index(lane, sizeof(direct_prefix) - 1);
	ptrdiff_t colon = tr_str_find_char(rest, ':');
	if (colon < 0 || (colon > 0 && rest.ptr[0] != '.')) {
		return false;
	}
	*name = tr_str_from_index(rest, (size_t)colon + 1);
	return true;
}

/* Of a lane whose portal is not known: "@user:server|remote id"; the first '|' behind the server's
 * ':' parts them. */
static struct tr_portal *open_direct(struct tr_bridge *bridge, struct tr_str name)
{
	ptrdiff_t colon = tr_str_find_char(name, ':');
	struct tr_str behind = colon < 0 ? TR_STR("") : tr_str_from_index(name, (size_t)colon);
	ptrdiff_t bar = tr_str_find_char(behind, '|');
	if (bar < 0) {
		return NULL;
	}
	size_t end = (size_t)colon + (size_t)bar;
	struct tr_str remote_id = tr_str_from_index(name, end + 1);
	char *receiver = tr_str_dup(tr_str_slice(name, 0, end));
	const struct tr_ghost *ghost = tr_ghost_find(bridge, remote_id);
	struct tr_portal *portal =
		tr_portal_open(bridge, remote_id, receiver, ghost ? ghost->name : NULL, true);
	tr_free(receiver);
	return portal;
}

/* false: the lane is a room id. */
static bool find_place(struct tr_bridge *bridge, const char *lane, struct place *place)
{
	*place = (struct place){NULL};
	struct tr_str name = tr_str_from(lane);
	struct tr_str direct;
	if (is_direct_lane(name, &direct)) {
		place->portal = tr_map_get(&bridge->lanes, name);
		if (place->portal == NULL) {
			place->portal = open_direct(bridge, direct);
		}
		if (place->portal != NULL && place->portal->room_count > 0) {
			place->room_id = place->portal->rooms[0];
		}
		return place->portal != NULL;
	}
	if (tr_str_starts(name, tr_str_from(user_prefix))) {
		place->user_id = tr_str_dup(tr_str_from_index(name, sizeof(user_prefix) - 1));
		place->room_id = tr_management_room(bridge, place->user_id);
		return true;
	}
	return false;
}

static struct tr_ghost *ghost_of(struct tr_bridge *bridge, const char *sender)
{
	return sender ? tr_ghost_of(bridge, tr_str_from(sender)) : NULL;
}

static void creation_free(struct creation *creation)
{
	tr_list_remove(&creation->node);
	tr_free(creation->place.user_id);
	tr_free(creation);
}

static void creation_end(struct creation *creation, const struct tr_error *error)
{
	struct tr_outbound *outbound = creation->outbound;
	creation_free(creation);
	tr_outbound_prepared(outbound, error);
}

static void add_purpose(const struct creation *creation, struct tr_buf *purpose)
{
	if (creation->place.portal != NULL) {
		tr_buf_add_c(purpose, creation->place.portal->lane);
	} else {
		tr_lane_of_user(creation->place.user_id, purpose);
	}
}

static void room_created(void *arg, const char *room_id, const struct tr_error *error)
{
	struct creation *creation = arg;
	struct tr_bridge *bridge = creation->bridge;
	if (error != NULL) {
		creation_end(creation, error);
		return;
	}
	struct tr_buf purpose = TR_BUF_INIT(TR_BRIDGE_ID_MAX);
	add_purpose(creation, &purpose);
	struct tr_room_intent *intent = tr_room_intent_of(bridge, tr_buf_c(&purpose));
	tr_buf_finish(&purpose);
	tr_members_set(&bridge->members, tr_str_from(room_id),
		tr_str_from(creation->ghost ? creation->ghost->mxid : bridge->bot_user_id),
		TR_MEMBERSHIP_JOINED);
	if (creation->place.portal != NULL) {
		/* createRoom has invited. */
		tr_members_set(&bridge->members, tr_str_from(room_id),
			tr_str_from(creation->place.portal->receiver), TR_MEMBERSHIP_INVITED);
		tr_portal_add_room(creation->place.portal, room_id, true, tr_room_stored, intent);
		const struct tr_portal *portal = tr_portal_of_room(bridge, tr_str_from(room_id));
		if (portal != NULL && creation->ghost != NULL &&
			strcmp(portal->remote_id, creation->ghost->remote_id) != 0) {
			tr_move_made(bridge, room_id, creation->ghost); /* renamed meanwhile */
		}
	} else {
		tr_management_set(bridge, creation->place.user_id, room_id, tr_room_stored, intent);
	}
	tr_outbound_set_room(creation->outbound, room_id);
	creation_end(creation, NULL);
}

static void create_room(struct creation *creation)
{
	struct tr_bridge *bridge = creation->bridge;
	char *options = creation->place.portal
				? tr_portal_direct_room(creation->place.portal)
				: tr_management_room_options(bridge, creation->place.user_id);
	struct tr_buf purpose = TR_BUF_INIT(TR_BRIDGE_ID_MAX);
	add_purpose(creation, &purpose);
	tr_room_make(bridge, creation->ghost, tr_buf_c(&purpose), options, room_created, creation);
	tr_buf_finish(&purpose);
	tr_free(options);
}

static void creator_ready(void *arg, const struct tr_error *error)
{
	struct creation *creation = arg;
	if (error != NULL) {
		creation_end(creation, error);
	} else {
		create_room(creation);
	}
}

/* The room there was is lost for whoever sends: another is made. */
static void room_mended(void *arg, const struct tr_error *error)
{
	struct creation *creation = arg;
	if (error != NULL && (error->cls == TR_CLASS_DENIED || error->cls == TR_CLASS_GONE)) {
		tr_log_info("bridge", "a room with %s cannot be entered any more, making another",
			creation->place.portal ? creation->place.portal->receiver
					       : creation->place.user_id);
		tr_intent_ensure(creation->bridge, creation->ghost, NULL, creator_ready, creation);
		return;
	}
	creation_end(creation, error);
}

static struct creation *creation_create(struct tr_bridge *bridge, struct tr_outbound *outbound,
	struct tr_ghost *ghost, const struct place *place)
{
	struct creation *creation = tr_alloc(sizeof(*creation));
	creation->bridge = bridge;
	creation->outbound = outbound;
	creation->ghost = ghost;
	creation->place = *place;
	tr_list_append(&bridge->creations, &creation->node);
	return creation;
}

void tr_creations_finish(struct tr_bridge *bridge)
{
	struct tr_list *node;
	while ((node = tr_list_head(&bridge->creations)) != NULL) {
		creation_free(TR_LIST_ENTRY(node, struct creation, node));
	}
}

static void prepared(void *arg, const struct tr_error *error)
{
	tr_outbound_prepared(arg, error);
}

static bool is_withheld(struct tr_bridge *bridge, struct tr_outbound *outbound,
	const struct tr_ghost *ghost, const char *room_id)
{
	return ghost != NULL && strcmp(tr_outbound_type(outbound), "m.room.message") == 0 &&
	       tr_withhold_message(bridge, outbound, room_id);
}

static bool prepare_room(struct tr_bridge *bridge, struct tr_outbound *outbound,
	struct tr_ghost *ghost, const char *room_id)
{
	if (tr_intent_ready(bridge, ghost, room_id)) {
		return true;
	}
	tr_intent_ensure(bridge, ghost, room_id, prepared, outbound);
	return false;
}

static bool prepare(
	void *arg, struct tr_outbound *outbound, const char *sender, const char *room_id)
{
	struct tr_bridge *bridge = arg;
	struct tr_ghost *ghost = ghost_of(bridge, sender);
	struct place place;
	if (!find_place(bridge, room_id, &place)) {
		return !is_withheld(bridge, outbound, ghost, room_id) &&
		       prepare_room(bridge, outbound, ghost, room_id);
	}
	if (place.room_id == NULL) {
		struct creation *creation = creation_create(bridge, outbound, ghost, &place);
		tr_intent_ensure(bridge, ghost, NULL, creator_ready, creation);
		return false;
	}
	tr_outbound_set_room(outbound, place.room_id);
	if (place.portal != NULL && ghost != NULL) {
		tr_direct_ask_in(place.portal, ghost, place.room_id);
	}
	bool ready = prepare_room(bridge, outbound, ghost, place.room_id);
	tr_free(place.user_id);
	return ready;
}

static void repair(void *arg, struct tr_outbound *outbound, const char *sender, const char *room_id)
{
	struct tr_bridge *bridge = arg;
	struct tr_ghost *ghost = ghost_of(bridge, sender);
	struct place place;
	if (!find_place(bridge, room_id, &place)) {
		tr_intent_repair(
			bridge, ghost, room_id, tr_outbound_type(outbound), prepared, outbound);
		return;
	}
	struct creation *creation = creation_create(bridge, outbound, ghost, &place);
	if (place.room_id == NULL) {
		tr_intent_ensure(bridge, ghost, NULL, creator_ready, creation);
	} else {
		tr_intent_repair(bridge, ghost, place.room_id, NULL, room_mended, creation);
	}
}

static struct tr_portal *portal_of_lane(struct tr_bridge *bridge, const char *lane)
{
	struct place place;
	if (!find_place(bridge, lane, &place)) {
		return tr_portal_of_room(bridge, tr_str_from(lane));
	}
	tr_free(place.user_id);
	return place.portal;
}

static void dead(void *arg, const struct tr_to_matrix_dead *message, const struct tr_error *error)
{
	struct tr_bridge *bridge = arg;
	if (error->code == TR_E_WITHHELD) {
		/* The room is told; who said it did nothing wrong and hears nothing. */
		tr_withhold_count(bridge, message->room_id);
		return;
	}
	struct tr_portal *portal = portal_of_lane(bridge, message->room_id);
	tr_undelivered_add(bridge->undelivered, portal, message, error);
	bool configured = portal != NULL && portal->kind == TR_PORTAL_CHANNEL;
	if (configured && error->cls == TR_CLASS_GONE && !portal->broken) {
		portal->broken = true;
		tr_log_error("bridge",
			"%s: room %s of %s is gone; take it out of the configuration or map another",
			bridge->options.name, message->room_id, portal->name);
	}
}

static void pressure(void *arg, bool stop)
{
	struct tr_bridge *bridge = arg;
	if (bridge->module != NULL && bridge->options.protocol->pressure != NULL) {
		bridge->options.protocol->pressure(bridge->module, stop);
	}
}

const struct tr_to_matrix_handler tr_bridge_to_matrix = {
	.prepare = prepare,
	.repair = repair,
	.dead = dead,
	.pressure = pressure,
};
