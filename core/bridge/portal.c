/* SPDX-License-Identifier: Apache-2.0 */
/* The portals in memory and in the store: found by remote id and by room. Rooms are made in
 * portal_room.c. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"

#include <string.h>

static const struct tr_db_statement insert_portal = {
	"INSERT INTO portal(remote_id, receiver, name, kind, lane) VALUES ($1, $2, $3, $4, $5)"
	" ON CONFLICT DO NOTHING"};
static const struct tr_db_statement insert_room = {
	"INSERT INTO portal_room(room_id, remote_id, receiver, added_ms) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (room_id) DO NOTHING"};

static const struct tr_db_statement delete_room = {"DELETE FROM portal_room WHERE room_id = $1"};

void tr_portal_key(struct tr_str remote_id, const char *receiver, struct tr_buf *key)
{
	if (receiver == NULL) {
		tr_buf_add_c(key, "c:");
	} else {
		tr_buf_addf(key, "d:%s|", receiver);
	}
	tr_buf_add(key, remote_id);
}

struct tr_portal *tr_portal_find(
	struct tr_bridge *bridge, struct tr_str remote_id, const char *receiver)
{
	struct tr_buf key = TR_BUF_INIT(TR_BRIDGE_ID_MAX);
	tr_portal_key(remote_id, receiver, &key);
	struct tr_portal *portal = tr_map_get(&bridge->portals, tr_buf_str(&key));
	tr_buf_finish(&key);
	return portal;
}

struct tr_portal *tr_portal_of_room(struct tr_bridge *bridge, struct tr_str room_id)
{
	return tr_map_get(&bridge->rooms, room_id);
}

static void portal_store(struct tr_portal *portal)
{
	const struct tr_db_value values[] = {
		TR_DB_TC(portal->remote_id),
		TR_DB_TC(portal->receiver),
		TR_DB_TC(portal->name),
		TR_DB_N(portal->kind),
		TR_DB_TC(portal->lane ? portal->lane : ""),
	};
	tr_bridge_write(portal->bridge, &insert_portal, values, TR_ARRAY_LEN(values), NULL, NULL);
}

/* A name that no other chat's lane has. The plain one may be that of a chat whose person had this
 * id once. Owned. */
static char *free_lane(
	const struct tr_bridge *bridge, struct tr_str remote_id, const char *receiver)
{
	char *lane = tr_asprintf("direct:%s|%.*s", receiver, TR_STR_ARG(remote_id));
	for (unsigned number = 2; tr_map_get(&bridge->lanes, tr_str_from(lane)); number++) {
		tr_free(lane);
		lane = tr_asprintf("direct.%u:%s|%.*s", number, receiver, TR_STR_ARG(remote_id));
	}
	return lane;
}

/* `lane` is empty when it has none yet, or of no consequence. */
static struct tr_portal *portal_make(struct tr_bridge *bridge, struct tr_str remote_id,
	const char *receiver, const char *name, struct tr_str lane)
{
	struct tr_portal *portal = tr_alloc(sizeof(*portal));
	portal->bridge = bridge;
	portal->kind = receiver ? TR_PORTAL_DIRECT : TR_PORTAL_CHANNEL;
	portal->remote_id = tr_str_dup(remote_id);
	portal->receiver = tr_strdup(receiver);
	portal->name = name ? tr_strdup(name) : tr_str_dup(remote_id);
	struct tr_buf key = TR_BUF_INIT(TR_BRIDGE_ID_MAX);
	tr_portal_key(remote_id, receiver, &key);
	tr_map_set(&bridge->portals, tr_buf_str(&key), portal);
	tr_buf_finish(&key);
	if (receiver != NULL) {
		bool usable = !tr_str_empty(lane) && tr_map_get(&bridge->lanes, lane) == NULL;
		portal->lane = usable ? tr_str_dup(lane) : free_lane(bridge, remote_id, receiver);
		tr_map_set(&bridge->lanes, tr_str_from(portal->lane), portal);
		tr_map_set(&bridge->receivers, tr_str_from(receiver), portal);
	}
	return portal;
}

struct tr_portal *tr_portal_open(struct tr_bridge *bridge, struct tr_str remote_id,
	const char *receiver, const char *name, bool store)
{
	struct tr_portal *portal = tr_portal_find(bridge, remote_id, receiver);
	if (portal == NULL) {
		portal = portal_make(bridge, remote_id, receiver, name, (struct tr_str){NULL, 0});
		if (store) {
			portal_store(portal);
		}
	}
	return portal;
}

bool tr_portal_has_direct(const struct tr_bridge *bridge, const char *receiver)
{
	return receiver != NULL && tr_map_get(&bridge->receivers, tr_str_from(receiver)) != NULL;
}

/* Adds the room in memory; false when it stands for something already. */
static bool room_put(struct tr_portal *portal, const char *room_id)
{
	struct tr_bridge *bridge = portal->bridge;
	const struct tr_portal *other = tr_portal_of_room(bridge, tr_str_from(room_id));
	if (other != NULL) {
		if (other != portal) {
			tr_log_warn("bridge", "%s: room %s stands for %s already, not for %s too",
				bridge->options.name, room_id, other->name, portal->name);
		}
		return false;
	}
	portal->rooms =
		tr_realloc_array(portal->rooms, portal->room_count + 1, sizeof(*portal->rooms));
	size_t place = portal->kind == TR_PORTAL_DIRECT ? 0 : portal->room_count;
	memmove(portal->rooms + place + 1, portal->rooms + place,
		(portal->room_count - place) * sizeof(*portal->rooms));
	portal->rooms[place] = tr_strdup(room_id);
	portal->room_count++;
	portal->broken = false;
	tr_map_set(&bridge->rooms, tr_str_from(room_id), portal);
	return true;
}

void tr_portal_add_room(struct tr_portal *portal, const char *room_id, bool store,
	tr_loop_callback *settled, void *arg)
{
	while (portal->successor != NULL) {
		portal = portal->successor;
	}
	room_put(portal, room_id);
	if (store) {
		const struct tr_db_value values[] = {
			TR_DB_TC(room_id),
			TR_DB_TC(portal->remote_id),
			TR_DB_TC(portal->receiver),
			TR_DB_N(tr_clock_wall_ms()),
		};
		tr_bridge_write(
			portal->bridge, &insert_room, values, TR_ARRAY_LEN(values), settled, arg);
	}
}

void tr_portal_remove_room(struct tr_portal *portal, const char *room_id)
{
	struct tr_bridge *bridge = portal->bridge;
	char *owned = tr_strdup(room_id); /* it may be the portal's own */
	for (size_t i = 0; i < portal->room_count; i++) {
		if (strcmp(portal->rooms[i], owned) == 0) {
			tr_free(portal->rooms[i]);
			portal->room_count--;
			memmove(portal->rooms + i, portal->rooms + i + 1,
				(portal->room_count - i) * sizeof(*portal->rooms));
			tr_map_remove(&bridge->rooms, tr_str_from(owned));
			break;
		}
	}
	const struct tr_db_value values[] = {TR_DB_TC(owned)};
	tr_bridge_write(bridge, &delete_room, values, TR_ARRAY_LEN(values), NULL, NULL);
	tr_free(owned);
}

struct tr_portal *tr_portal_configure(
	struct tr_bridge *bridge, struct tr_str remote_id, const char *name, const char *room_id)
{
	struct tr_portal *portal = tr_portal_open(bridge, remote_id, NULL, name, false);
	portal->configured = true;
	if (room_put(portal, room_id) ||
		tr_portal_of_room(bridge, tr_str_from(room_id)) == portal) {
		tr_entry_add(bridge, room_id, !bridge->options.no_initial_state);
	}
	return portal;
}

struct tr_portal *tr_portal_direct(
	struct tr_bridge *bridge, struct tr_str remote_id, const char *name, const char *receiver)
{
	tr_ghost_open(bridge, remote_id, tr_str_from(name));
	return tr_portal_open(bridge, remote_id, receiver, name, true);
}

void tr_portal_each(struct tr_bridge *bridge, tr_portal_visitor *visitor, void *arg)
{
	for (struct tr_map_entry *e = tr_map_first(&bridge->portals); e; e = tr_map_next(e)) {
		if (!visitor(arg, tr_map_value(e))) {
			return;
		}
	}
}

struct gathering {
	struct tr_portal *portal;
	struct tr_map seen; /* a person in two rooms of the portal is one member */
	const char **ids;
	size_t count;
	size_t capacity;
};

static void gather(void *arg, struct tr_str user_id)
{
	struct gathering *gathering = arg;
	struct tr_bridge *bridge = gathering->portal->bridge;
	if (tr_bridge_is_ours(bridge, user_id) ||
		tr_map_set(&gathering->seen, user_id, gathering) != NULL) {
		return;
	}
	if (gathering->count == gathering->capacity) {
		gathering->capacity = gathering->capacity ? gathering->capacity * 2 : 16;
		gathering->ids = tr_realloc_array(
			gathering->ids, gathering->capacity, sizeof(*gathering->ids));
	}
	gathering->ids[gathering->count++] = tr_arena_str(tr_bridge_turn(bridge), user_id).ptr;
}

static size_t gathered(struct gathering *gathering, const char *const **user_ids)
{
	const char **borrowed = tr_arena_alloc(tr_bridge_turn(gathering->portal->bridge),
		(gathering->count + 1) * sizeof(*borrowed));
	for (size_t i = 0; i < gathering->count; i++) {
		borrowed[i] = gathering->ids[i];
	}
	*user_ids = borrowed;
	tr_free(gathering->ids);
	tr_map_finish(&gathering->seen);
	return gathering->count;
}

size_t tr_portal_room_members(
	struct tr_portal *portal, const char *room_id, const char *const **user_ids)
{
	struct gathering gathering = {.portal = portal};
	tr_members_each(&portal->bridge->members, tr_str_from(room_id), gather, &gathering);
	return gathered(&gathering, user_ids);
}

size_t tr_portal_matrix_members(struct tr_portal *portal, const char *const **user_ids)
{
	struct gathering gathering = {.portal = portal};
	for (size_t i = 0; i < portal->room_count; i++) {
		tr_members_each(&portal->bridge->members, tr_str_from(portal->rooms[i]), gather,
			&gathering);
	}
	return gathered(&gathering, user_ids);
}

void tr_portals_load(struct tr_bridge *bridge, const struct tr_db_result *result,
	size_t portals_index, size_t rooms_index, size_t lanes_index)
{
	for (size_t row = 0; row < tr_db_rows(result, portals_index); row++) {
		char *name = tr_str_dup(tr_db_text(result, portals_index, row, 2));
		char *receiver = tr_str_dup(tr_db_text(result, portals_index, row, 1));
		bool direct = tr_db_int(result, portals_index, row, 3) == TR_PORTAL_DIRECT;
		portal_make(bridge, tr_db_text(result, portals_index, row, 0),
			direct ? receiver : NULL, name, tr_db_text(result, portals_index, row, 4));
		tr_free(name);
		tr_free(receiver);
	}
	for (size_t row = 0; row < tr_db_rows(result, lanes_index); row++) {
		struct tr_portal *chat =
			tr_map_get(&bridge->lanes, tr_db_text(result, lanes_index, row, 1));
		if (chat != NULL) {
			tr_map_set(&bridge->lanes, tr_db_text(result, lanes_index, row, 0), chat);
		}
	}
	for (size_t row = 0; row < tr_db_rows(result, rooms_index); row++) {
		char *room_id = tr_str_dup(tr_db_text(result, rooms_index, row, 0));
		char *receiver = tr_str_dup(tr_db_text(result, rooms_index, row, 2));
		struct tr_portal *portal =
			tr_portal_find(bridge, tr_db_text(result, rooms_index, row, 1),
				receiver[0] != '\0' ? receiver : NULL);
		if (portal != NULL && room_put(portal, room_id) &&
			portal->kind == TR_PORTAL_CHANNEL) {
			tr_entry_add(bridge, room_id, false);
		}
		tr_free(room_id);
		tr_free(receiver);
	}
}

static void portals_free(struct tr_map *portals)
{
	for (struct tr_map_entry *e = tr_map_first(portals); e; e = tr_map_next(e)) {
		struct tr_portal *portal = tr_map_value(e);
		for (size_t i = 0; i < portal->room_count; i++) {
			tr_free(portal->rooms[i]);
		}
		tr_free(portal->rooms);
		tr_free(portal->remote_id);
		tr_free(portal->name);
		tr_free(portal->receiver);
		tr_free(portal->lane);
		tr_free(portal);
	}
	tr_map_finish(portals);
}

void tr_portals_finish(struct tr_bridge *bridge)
{
	portals_free(&bridge->portals);
	portals_free(&bridge->retired);
	tr_map_finish(&bridge->rooms);
	tr_map_finish(&bridge->lanes);
	tr_map_finish(&bridge->receivers);
}
