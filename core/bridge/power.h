/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power of ghosts: a ghost that may not speak in a room is raised to what the room asks of a
 * speaker, by the bot, where the bot may do that. Nothing is ever lowered, nobody but ghosts who
 * want to speak is touched, and what the event says otherwise stays as it is.
 *
 * One change a room is under way at a time; those who come meanwhile wait and share the next.
 * (Between reading and writing somebody else may change the levels; the Client-Server API has no
 * way to write only if nothing has changed. The time is that of one request.)
 */
#ifndef TRESTLE_BRIDGE_POWER_H
#define TRESTLE_BRIDGE_POWER_H

#include "core/bridge/intent.h"
#include "core/io/loop.h"

/* Calls back once, in a later turn; not after tr_powers_finish(). error NULL = the power levels do
 * not stand in the way of an event of `type` by this ghost (any more). Class denied = the bot may
 * not raise it; the text says what the room's administrator can do. The ghost is in the room. */
void tr_power_ensure(struct tr_bridge *bridge, struct tr_ghost *ghost, const char *room_id,
	const char *type, tr_intent_callback *callback, void *arg);
/* Drops what is under way; the client has been destroyed before. */
void tr_powers_finish(struct tr_bridge *bridge);

/* --- power_lock.c: who changes the levels of a room reads and writes them alone. */

/* true = it is the caller's turn; false = the callback says so. Either way tr_power_unlock() ends
 * it. */
bool tr_power_lock(
	struct tr_bridge *bridge, const char *room_id, tr_loop_callback *callback, void *arg);
void tr_power_unlock(struct tr_bridge *bridge, const char *room_id);
/* After all who hold or await one; without callbacks. */
void tr_power_locks_finish(struct tr_bridge *bridge);

#endif
