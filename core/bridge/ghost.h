/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ghosts: the Matrix accounts of remote people. Whom an id stands for is looked up here and nowhere
 * made out from its letters. A ghost gets its id at first sight, from the template and its name as
 * written then; it keeps it for ever. Ghosts live as long as the bridge.
 */
#ifndef TRESTLE_BRIDGE_GHOST_H
#define TRESTLE_BRIDGE_GHOST_H

#include "core/base/map.h"

struct tr_bridge;
struct tr_db_result;

struct tr_ghost {
	char *remote_id;
	char *mxid;
	char *name;  /* display name it shall have */
	bool exists; /* the account was made in this life of the process, or before `ready` */
	bool ready;  /* it exists and has that name */
};

/* A zeroed struct is empty. */
struct tr_ghosts {
	struct tr_map by_remote;
	struct tr_map by_mxid;
};

void tr_ghosts_finish(struct tr_ghosts *ghosts);
/* Rows of (remote_id, mxid, name, registered) of statement `index`. */
void tr_ghosts_load(struct tr_ghosts *ghosts, const struct tr_db_result *result, size_t index);

/* The ghost of a remote person, made and stored when there is none. `nick` is the name as people
 * write it; when it is another than before, the display name changes with the next message. */
struct tr_ghost *tr_ghost_open(
	struct tr_bridge *bridge, struct tr_str remote_id, struct tr_str nick);
struct tr_ghost *tr_ghost_find(const struct tr_bridge *bridge, struct tr_str remote_id);
struct tr_ghost *tr_ghost_of(const struct tr_bridge *bridge, struct tr_str mxid);
/* Its account exists and has its name now. */
void tr_ghost_set_ready(struct tr_bridge *bridge, struct tr_ghost *ghost);

/* Whether the user is the bot, a ghost, or an id that only we may have. */
bool tr_bridge_is_ours(const struct tr_bridge *bridge, struct tr_str user_id);

#endif
