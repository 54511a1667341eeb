/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people do in Matrix that no network of ours can be told, and that they would otherwise
 * believe to have arrived: encrypted messages, calls, live locations. The room is told.
 */
#ifndef TRESTLE_BRIDGE_UNBRIDGED_H
#define TRESTLE_BRIDGE_UNBRIDGED_H

#include "core/base/json.h"

struct tr_bridge;

/* Looks at an event of somebody who is none of ours; true = it was of that kind, and nothing more
 * is to be done with it. */
bool tr_unbridged_note(struct tr_bridge *bridge, const struct tr_json *event);
/* Messages of the room are (or will be) encrypted: says so there, once an hour at most. */
void tr_unbridged_encrypted(struct tr_bridge *bridge, const char *room_id);
/* Whether what was just joined was encrypted before: by the state that came with the invitation. */
bool tr_unbridged_invited_encrypted(const struct tr_json *invitation);
void tr_unbridged_finish(struct tr_bridge *bridge);

#endif
