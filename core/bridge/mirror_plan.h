/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has to change in a room's power levels so that people have there what the network gives
 * them. Nothing here asks or stores anything: mirror.c does.
 *
 * What was given is remembered, so that only that is ever taken away: a level that somebody in
 * Matrix has set, before or since, is theirs. One entry for each user id, and one for
 * "events_default".
 */
#ifndef TRESTLE_BRIDGE_MIRROR_PLAN_H
#define TRESTLE_BRIDGE_MIRROR_PLAN_H

#include "core/base/json.h"
#include "core/base/map.h"

enum { TR_LEVEL_NONE = -1 };

enum tr_given_state {
	TR_GIVEN_BEGUN,   /* stored, and on its way into the room, or there already */
	TR_GIVEN_OURS,    /* the room has it from us */
	TR_GIVEN_THEIRS,  /* the room has something else, and that stays */
	TR_GIVEN_REFUSED, /* the bot may not do it, or not wholly */
};

struct tr_given {
	enum tr_given_state state;
	int64_t wanted; /* what the network gave; TR_LEVEL_NONE = nothing (any more) */
	int64_t level;  /* what was set for that; TR_LEVEL_NONE = taken away again */
	int64_t before; /* what we had set until then */
	int64_t base;   /* what stood there before the first of ours, to be put back */
};

struct tr_mirror_room {
	const struct tr_json *levels; /* content of m.room.power_levels; NULL or {} = none */
	const struct tr_json *create; /* the whole m.room.create, NULL where nobody needs it */
	struct tr_str bot;
};

struct tr_mirror_plan {
	struct tr_json *levels; /* the new content, owned; NULL = nothing changes */
	bool refused;           /* the bot may not do all of it */
	bool clamped;           /* somebody gets less than the network gives */
	int64_t needed;         /* refused: the level that the bot would need */
};

/* Wanted levels in a map: none is NULL. */
void *tr_mirror_pack(int64_t level);
int64_t tr_mirror_unpack(const void *value);

/* Whether `given` (name -> struct tr_given, owned) says something else than `wanted` (name ->
 * packed level): then the room has to be looked at. */
bool tr_mirror_differs(const struct tr_map *wanted, const struct tr_map *given);
/* Plans, and writes into `given` what is being done. No level is given that the bot could not take
 * back, or that could change levels itself: it is less than both. */
struct tr_mirror_plan tr_mirror_plan(
	const struct tr_mirror_room *room, const struct tr_map *wanted, struct tr_map *given);
/* What was begun is done / is not possible. */
void tr_given_settle(struct tr_map *given, bool done);
/* What was refused shall be tried once more; false = there is nothing of the kind. */
bool tr_given_revive(struct tr_map *given);
/* Marks as refused, without trying, and forgets. */
void tr_given_refuse(struct tr_map *given, struct tr_str name, int64_t wanted);
void tr_given_forget(struct tr_map *given, struct tr_str name);
void tr_given_finish(struct tr_map *given);
/* As JSON, for the store; nothing is left of what cannot be read. */
char *tr_given_print(const struct tr_map *given);
void tr_given_parse(struct tr_map *given, struct tr_str text);

#endif
