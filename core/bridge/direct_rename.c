/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The person of a direct chat has another remote id: the portal, its rooms and its lane are his as
 * before, only under that id. Where he has a chat under it already, that one becomes part of this
 * one and stays in memory as a shell for those who still hold it. Everything is written in one
 * transaction, as it stands when it is written: so a mark that has to be written again takes
 * nothing back. Who comes into the rooms and who leaves them is direct_move.c's.
 */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"

#include <string.h>

/* A renaming on its way into the store. */
struct renaming {
	struct tr_portal *portal;
	char *absorbed; /* lane of the chat that became part of this one, or NULL */
};

static const struct tr_db_statement delete_absorbed = {
	"DELETE FROM portal WHERE receiver = $1 AND remote_id = $2 AND kind = 1 AND lane <> $3"};
static const struct tr_db_statement update_portal = {
	"UPDATE portal SET remote_id = $1, name = $2 WHERE receiver = $3 AND lane = $4 AND kind = 1"};
static const struct tr_db_statement update_room = {
	"UPDATE portal_room SET remote_id = $1, added_ms = $2 WHERE room_id = $3"};
static const struct tr_db_statement lead_on = {
	"UPDATE chat_lane SET leads_to = $1 WHERE leads_to = $2"};
static const struct tr_db_statement insert_lane = {
	"INSERT INTO chat_lane(lane, leads_to) VALUES ($1, $2)"
	" ON CONFLICT (lane) DO UPDATE SET leads_to = excluded.leads_to"};

static void write_renaming(void *mark, struct tr_db_batch *batch)
{
	const struct renaming *renaming = mark;
	const struct tr_portal *portal = renaming->portal;
	if (portal->successor != NULL) {
		return; /* which has a mark of its own */
	}
	TR_DB_ADD(batch, &delete_absorbed, TR_DB_TC(portal->receiver), TR_DB_TC(portal->remote_id),
		TR_DB_TC(portal->lane));
	TR_DB_ADD(batch, &update_portal, TR_DB_TC(portal->remote_id), TR_DB_TC(portal->name),
		TR_DB_TC(portal->receiver), TR_DB_TC(portal->lane));
	/* The room loaded last is the first. */
	int64_t now = tr_clock_wall_ms();
	for (size_t i = 0; i < portal->room_count; i++) {
		TR_DB_ADD(batch, &update_room, TR_DB_TC(portal->remote_id),
			TR_DB_N(now - (int64_t)i), TR_DB_TC(portal->rooms[i]));
		tr_move_write(portal->bridge, portal->rooms[i], batch);
	}
	if (renaming->absorbed != NULL) {
		TR_DB_ADD(batch, &lead_on, TR_DB_TC(portal->lane), TR_DB_TC(renaming->absorbed));
		TR_DB_ADD(
			batch, &insert_lane, TR_DB_TC(renaming->absorbed), TR_DB_TC(portal->lane));
	}
}

static void renaming_settled(void *mark, bool durable)
{
	struct renaming *renaming = mark;
	const struct tr_portal *portal = renaming->portal;
	for (size_t i = 0; durable && i < portal->room_count; i++) {
		tr_move_start(portal->bridge, portal->rooms[i]);
	}
	tr_free(renaming->absorbed);
	tr_free(renaming);
}

/* Its rooms come behind those of the portal, its lanes lead there. */
static void absorb(struct tr_portal *portal, struct tr_portal *other)
{
	struct tr_bridge *bridge = portal->bridge;
	portal->rooms = tr_realloc_array(
		portal->rooms, portal->room_count + other->room_count + 1, sizeof(*portal->rooms));
	for (size_t i = 0; i < other->room_count; i++) {
		portal->rooms[portal->room_count++] = other->rooms[i];
		tr_map_set(&bridge->rooms, tr_str_from(other->rooms[i]), portal);
	}
	other->room_count = 0;
	other->successor = portal;
	struct tr_map_entry *entry = tr_map_first(&bridge->lanes);
	for (; entry != NULL; entry = tr_map_next(entry)) {
		if (tr_map_value(entry) == other) {
			char *lane = tr_str_dup(tr_map_key(entry));
			tr_map_set(&bridge->lanes, tr_str_from(lane), portal);
			tr_free(lane);
		}
	}
	tr_map_set(&bridge->receivers, tr_str_from(portal->receiver), portal);
	tr_map_set(&bridge->retired, tr_str_from(other->lane), other);
}

/* Where the portal stands in the map of all. */
static void set_key(struct tr_portal *portal, struct tr_str remote_id)
{
	struct tr_map *portals = &portal->bridge->portals;
	struct tr_buf key = TR_BUF_INIT(TR_BRIDGE_ID_MAX);
	tr_portal_key(tr_str_from(portal->remote_id), portal->receiver, &key);
	tr_map_remove(portals, tr_buf_str(&key));
	tr_buf_clear(&key);
	tr_portal_key(remote_id, portal->receiver, &key);
	tr_map_set(portals, tr_buf_str(&key), portal);
	tr_buf_finish(&key);
}

void tr_portal_rename(struct tr_portal *portal, struct tr_str remote_id, const char *name)
{
	struct tr_bridge *bridge = portal->bridge;
	TR_ASSERT(portal->kind == TR_PORTAL_DIRECT && portal->successor == NULL);
	if (tr_str_eq_c(remote_id, portal->remote_id)) {
		return; /* another case of the same name */
	}
	tr_log_info("bridge", "%s: %s, with whom %s talks, is known as %s now",
		bridge->options.name, portal->name, portal->receiver, name);
	const struct tr_ghost *before = tr_ghost_find(bridge, tr_str_from(portal->remote_id));
	const struct tr_ghost *now = tr_ghost_open(bridge, remote_id, tr_str_from(name));
	struct tr_portal *other = tr_portal_find(bridge, remote_id, portal->receiver);
	for (size_t i = 0; before != NULL && i < portal->room_count; i++) {
		tr_move_add(bridge, portal->rooms[i], before->mxid, portal->name);
		tr_move_remove(bridge, portal->rooms[i], now->mxid);
	}
	set_key(portal, remote_id);
	struct renaming *renaming = tr_alloc(sizeof(*renaming));
	renaming->portal = portal;
	if (other != NULL) {
		absorb(portal, other);
		renaming->absorbed = tr_strdup(other->lane);
	}
	tr_free(portal->remote_id);
	tr_free(portal->name);
	portal->remote_id = tr_str_dup(remote_id);
	portal->name = tr_strdup(name);
	tr_marks_add(bridge->marks, write_renaming, renaming_settled, renaming);
}
