/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrix users who have left every room that the bridge knows them in: their account was closed
 * (the homeserver knows no profile of it any more, or says so), or they have left for good. The
 * module is told by TR_HINT_DEPARTED: at once in the first case, else when they have not come back
 * for a quarter of an hour. Memory only: nobody who is in no room is brought back after a restart.
 */
#ifndef TRESTLE_BRIDGE_DEPARTED_H
#define TRESTLE_BRIDGE_DEPARTED_H

struct tr_bridge;

/* This user has left a room, or was put out of one. */
void tr_departed_look(struct tr_bridge *bridge, const char *user_id);
/* With the bridge, after the client. */
void tr_departed_finish(struct tr_bridge *bridge);

#endif
