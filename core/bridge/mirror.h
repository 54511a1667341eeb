/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the network says of a place, in the state of its rooms: ranks become power levels, and in
 * rooms that the bridge has made (never in those of the configuration) "moderated" becomes what
 * speaking takes, "closed" the join rule, "secret" the entry in the room directory.
 *
 * The network's word counts when it changes, not all the time: what somebody in Matrix has set
 * stays, and only what the bridge has given is taken back. What was given is stored before it is
 * written into the room, so a kill loses nothing and a restart with nothing changed asks nothing. A
 * few rooms at a time, apart from the queues of messages; the levels of one room ever more seldom
 * while they keep changing. What the bot may not do is said once in the log, and tried again when
 * the network or somebody in the room changes something.
 */
#ifndef TRESTLE_BRIDGE_MIRROR_H
#define TRESTLE_BRIDGE_MIRROR_H

#include "core/store/db.h"

struct tr_bridge;

/* Rows of (room_id, levels, door, listed) of statement `index`. */
void tr_mirrors_load(struct tr_bridge *bridge, const struct tr_db_result *result, size_t index);
/* The homeserver is ready. */
void tr_mirrors_pump(struct tr_bridge *bridge);
/* The room was just made: it is in no directory. */
void tr_mirror_made(struct tr_bridge *bridge, struct tr_str room_id);
/* The bot is in the room. */
void tr_mirror_entered(struct tr_bridge *bridge, const char *room_id);
/* Somebody else has changed the power levels there. */
void tr_mirror_levels_changed(struct tr_bridge *bridge, struct tr_str room_id);
/* The client has been destroyed before. */
void tr_mirrors_finish(struct tr_bridge *bridge);

#endif
