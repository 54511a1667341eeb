/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a Matrix user was active last, as far as the bridge saw it: spoke, or was first noticed.
 * Kept over restarts; written once a minute and at the end, so that talk costs no writes of its
 * own and a kill loses a minute of it at most.
 */
#ifndef TRESTLE_BRIDGE_ACTIVITY_H
#define TRESTLE_BRIDGE_ACTIVITY_H

#include "core/base/map.h"
#include "core/store/db.h"

struct tr_bridge;

/* A zeroed struct is empty. */
struct tr_activity {
	struct tr_map users;    /* user id -> what is known, owned */
	struct tr_timer *write; /* while something is not written */
};

/* Rows of (user_id, active_ms) of statement `index`. */
void tr_activity_load(struct tr_bridge *bridge, const struct tr_db_result *result, size_t index);
void tr_activity_finish(struct tr_activity *activity);
/* The user was active at that wall-clock time; an earlier time than the known one changes nothing.
 */
void tr_activity_note(struct tr_bridge *bridge, struct tr_str user_id, int64_t active_ms);
/* Writes what is not written yet. */
void tr_activity_flush(struct tr_bridge *bridge);

/* Wall-clock milliseconds of the last activity; a user never seen before counts as active now. */
int64_t tr_bridge_last_active(struct tr_bridge *bridge, struct tr_str user_id);

#endif
