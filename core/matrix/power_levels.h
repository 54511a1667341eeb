/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading m.room.power_levels: who may do what (client-server API, m.room.power_levels; room
 * version 12, MSC4289). `levels` is the content of the event; NULL or {} stands for a room without
 * one. Values that are no whole numbers count as missing, except the numbers in strings that rooms
 * before version 10 may have.
 */
#ifndef TRESTLE_MATRIX_POWER_LEVELS_H
#define TRESTLE_MATRIX_POWER_LEVELS_H

#include "core/base/json.h"

/* Above every level: what the creators of a room of version 12 have. */
#define TR_POWER_OF_CREATORS INT64_MAX

/* Whether the room is of version 12 or later: its id has no server, its creators stand above all
 * levels and must not be named in them. */
bool tr_room_has_creators(struct tr_str room_id);
/* Whether the user is one; `create` is the whole m.room.create event, NULL = not known. */
bool tr_room_creator(const struct tr_json *create, struct tr_str user_id);

/* What a user has, being no such creator. */
int64_t tr_power_of(const struct tr_json *levels, struct tr_str user_id);
/* What sending an event of `type` needs, and what setting state of it does. */
int64_t tr_power_to_send(const struct tr_json *levels, const char *type);
int64_t tr_power_to_set(const struct tr_json *levels, const char *type);
/* Writes one user's level into the content and leaves everything else as it is. */
void tr_power_set(struct tr_json *levels, const char *user_id, int64_t level);

#endif
