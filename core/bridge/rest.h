/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rooms in which the homeserver limits how fast people come and go: each is left alone for a while.
 * Who waits, and for what, is the caller's.
 */
#ifndef TRESTLE_CORE_BRIDGE_REST_H
#define TRESTLE_CORE_BRIDGE_REST_H

#include "core/base/map.h"

#include <stdint.h>

/* The homeserver wants nothing of this kind in the room for so long. The limit may be the room's or
 * one ghost's, it does not say: the others of the room wait a second at most. */
void tr_rest_begin(struct tr_map *rests, const char *room_id, uint64_t ms);

/* Milliseconds for which the room is still to be left alone; 0 = it need not be. */
uint64_t tr_rest_left(struct tr_map *rests, const char *room_id, uint64_t now);

void tr_rests_finish(struct tr_map *rests);

#endif
