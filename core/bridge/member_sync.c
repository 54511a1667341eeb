/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ghosts of a room made to agree with who is in the remote place, from one complete list of
 * them. Only the difference is asked for; carrying it out, paced, is membership.c's.
 */
#include "core/bridge/bridge_internal.h"

struct sync {
	struct tr_bridge *bridge;
	const char *room_id;
	struct tr_map present; /* remote ids */
};

static void leave_unless_present(void *arg, struct tr_str user_id)
{
	struct sync *sync = arg;
	struct tr_ghost *ghost = tr_ghost_of(sync->bridge, user_id);
	/* A leave that is held back (a netsplit) has a time of its own. */
	if (ghost != NULL && tr_map_get(&sync->present, tr_str_from(ghost->remote_id)) == NULL &&
		!tr_membership_leaves(sync->bridge->membership, ghost, sync->room_id)) {
		tr_membership_leave(sync->bridge->membership, ghost, sync->room_id, TR_STR(""), 0);
	}
}

void tr_bridge_remote_members(struct tr_bridge *bridge, struct tr_portal *portal,
	const struct tr_remote_person *people, size_t count, bool bring)
{
	struct sync sync = {.bridge = bridge};
	for (size_t i = 0; i < count; i++) {
		tr_map_set(&sync.present, people[i].id, &sync);
	}
	for (size_t room = 0; room < portal->room_count; room++) {
		sync.room_id = portal->rooms[room];
		if (!tr_members_complete(&bridge->members, tr_str_from(sync.room_id))) {
			continue;
		}
		tr_members_each(
			&bridge->members, tr_str_from(sync.room_id), leave_unless_present, &sync);
		for (size_t i = 0; bring && i < count; i++) {
			struct tr_ghost *ghost =
				tr_ghost_open(bridge, people[i].id, people[i].name);
			if (!tr_intent_ready(bridge, ghost, sync.room_id)) {
				tr_membership_join(bridge->membership, ghost, sync.room_id);
			}
		}
	}
	tr_map_finish(&sync.present);
}
