/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acting as a ghost (or as the bot): the account exists, its display name is set, it is in the
 * room. What is known to be so costs nothing; what is not is brought about, once for any number of
 * callers who wait for the same.
 *
 * Into a room: join; where that is refused, the bot invites and the ghost joins; where the bot
 * itself is not in, it joins first (an invitation that waits for it counts). Who is in and still
 * may not speak is raised by the bot, where the bot may.
 */
#ifndef TRESTLE_BRIDGE_INTENT_H
#define TRESTLE_BRIDGE_INTENT_H

#include "core/base/error.h"
#include "core/bridge/ghost.h"

/* error NULL = the ghost can act. A refusal is class denied, except that a room of the
 * configuration which the bot has not been invited to yet is class retry. */
typedef void tr_intent_callback(void *arg, const struct tr_error *error);

/* Whether nothing is left to be done. `ghost` NULL = the bot; `room_id` NULL = only the account and
 * its name. */
bool tr_intent_ready(
	const struct tr_bridge *bridge, const struct tr_ghost *ghost, const char *room_id);
/* Calls back once, in a later turn; not after tr_intents_finish(). */
void tr_intent_ensure(struct tr_bridge *bridge, struct tr_ghost *ghost, const char *room_id,
	tr_intent_callback *callback, void *arg);
/* The homeserver has said otherwise: what is known is forgotten, then as above. With `type` (may be
 * NULL) the ghost is also given the power to send such an event (core/bridge/power.h). */
void tr_intent_repair(struct tr_bridge *bridge, struct tr_ghost *ghost, const char *room_id,
	const char *type, tr_intent_callback *callback, void *arg);
/* Drops what is under way; the client has been destroyed before. */
void tr_intents_finish(struct tr_bridge *bridge);

#endif
