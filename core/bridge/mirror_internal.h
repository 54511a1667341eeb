/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a mirror share: mirror.c when it is looked at and what is stored,
 * mirror_levels.c its power levels, mirror_access.c its join rule and its entry in the directory.
 */
#ifndef TRESTLE_BRIDGE_MIRROR_INTERNAL_H
#define TRESTLE_BRIDGE_MIRROR_INTERNAL_H

#include "core/bridge/bridge_internal.h"
#include "core/bridge/mirror_plan.h"

enum { TR_MIRROR_RANKS_MAX = 1000 }; /* in one room */

enum tr_mirror_state {
	TR_MIRROR_IDLE,
	TR_MIRROR_QUEUED,  /* in bridge->mirrors_due */
	TR_MIRROR_RUNNING, /* requests are under way */
	TR_MIRROR_WAITING, /* for the timer */
};

enum tr_mirror_part {
	TR_MIRROR_LEVELS = 1 << 0,
	TR_MIRROR_DOOR = 1 << 1,
	TR_MIRROR_LISTING = 1 << 2,
};

/* The join rule; stored. */
enum tr_mirror_door {
	TR_DOOR_UNTOUCHED,
	TR_DOOR_CLOSING, /* stored, and perhaps done */
	TR_DOOR_CLOSED,  /* by us */
	TR_DOOR_OPENING,
	TR_DOOR_THEIRS, /* it was no open one before */
};

/* The entry in the directory; stored. */
enum tr_mirror_listed { TR_LISTED_UNKNOWN, TR_LISTED_YES, TR_LISTED_NO };

struct tr_mirror {
	struct tr_bridge *bridge;
	char *room_id;
	enum tr_mirror_state state;
	struct tr_list due_node;
	struct tr_timer *timer;
	unsigned attempts;
	unsigned stuck; /* parts that failed for good, until something changes */
	bool complained;
	bool revive; /* the levels were changed while it was running */

	bool told;            /* `wanted` holds; by rank, the highest first */
	struct tr_map wanted; /* name -> packed level */
	bool made;            /* by the bridge */
	bool modes_known, closed, secret;

	struct tr_map given;
	enum tr_mirror_door door;
	enum tr_mirror_listed listed;

	/* mirror_levels.c */
	struct tr_json *levels; /* as read, during a change */
	struct tr_json *create; /* of rooms whose creators count; never changes */
	char *writing;
	unsigned squeezes; /* how often the event was too large */
	unsigned rounds;   /* since the network said something */
	uint64_t levels_due_ms, spacing_ms, written_ms;

	bool listing; /* what is being asked of the directory */
};

/* Writes what was given and done; `settled` (may be NULL) comes when it is durable. */
void tr_mirror_store(struct tr_mirror *mirror, tr_loop_callback *settled);
/* The part is over; with an error it is tried again later or, by its class, not. */
void tr_mirror_ended(
	struct tr_mirror *mirror, enum tr_mirror_part part, const struct tr_error *error);
/* Says once what the bot cannot do there. */
void tr_mirror_complain(struct tr_mirror *mirror, const char *what);

void tr_mirror_write_levels(struct tr_mirror *mirror);
/* Ms until the levels may be written again; 0 = now. */
uint64_t tr_mirror_levels_wait(const struct tr_mirror *mirror);

bool tr_mirror_door_differs(const struct tr_mirror *mirror);
void tr_mirror_move_door(struct tr_mirror *mirror);
bool tr_mirror_listing_differs(const struct tr_mirror *mirror);
void tr_mirror_list(struct tr_mirror *mirror);

#endif
