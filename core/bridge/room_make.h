/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a room exactly once for each thing that needs one, through lost answers and crashes: what
 * it is for is stored before createRoom and stands in the room's creation content. As long as that
 * is stored, a room may have been made of which nobody has heard: then the creator's rooms are
 * looked through first.
 */
#ifndef TRESTLE_BRIDGE_ROOM_MAKE_H
#define TRESTLE_BRIDGE_ROOM_MAKE_H

#include "core/base/error.h"
#include "core/bridge/ghost.h"

struct tr_room_intent;

/* error NULL = the room is there, made now or found; the creator is in it. */
typedef void tr_room_callback(void *arg, const char *room_id, const struct tr_error *error);

/* `purpose` is unique for ever among the rooms of the bridge; `ghost` (NULL = the bot) makes the
 * room by `body`, a createRoom body as JSON text. The callback comes once, in a later turn, unless
 * the client is destroyed first. One at a time for each purpose. */
void tr_room_make(struct tr_bridge *bridge, struct tr_ghost *ghost, const char *purpose,
	const char *body, tr_room_callback *callback, void *arg);
/* What the purpose is, for tr_room_stored(); NULL when no room was asked for. */
struct tr_room_intent *tr_room_intent_of(struct tr_bridge *bridge, const char *purpose);
/* A callback of the store: which room it is stands there durably now. `intent` may be NULL. */
void tr_room_stored(void *intent);

/* At start: the rows (purpose) of statement `index`. */
void tr_room_intents_load(
	struct tr_bridge *bridge, const struct tr_db_result *result, size_t index);
void tr_room_intents_finish(struct tr_bridge *bridge);

#endif
