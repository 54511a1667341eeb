/* SPDX-License-Identifier: Apache-2.0
 *
 * A room: its members, state and the tail of its history. What may be done in it is power.h's and
 * membership.h's; this file only keeps what has happened.
 */
#ifndef HS_ROOM_H
#define HS_ROOM_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <uthash.h>

#include "tests/support/homeserver/event.h"

enum hs_membership { HS_NONE, HS_INVITE, HS_JOIN, HS_LEAVE, HS_BAN, HS_KNOCK };

struct hs_member {
	UT_hash_handle hh;
	enum hs_membership membership;
	bool ours; /* of the appservice's namespace, or its sender */
	char user_id[];
};

struct hs_state {
	UT_hash_handle hh;
	struct hs_event *event;
	char key[]; /* type, line feed, state key */
};

struct hs_room {
	UT_hash_handle hh;
	char *id;
	int version;
	struct hs_member *members;
	struct hs_state *state;
	struct hs_event **history; /* a ring of the last history_cap events */
	size_t history_cap;
	size_t history_total; /* events ever; the newest is number history_total - 1 */
	size_t ours_joined;
	size_t joined;
	bool ours_by_alias; /* an alias of the appservice's namespace leads here */
	bool published;
	cJSON *power;  /* content of m.room.power_levels, or NULL */
	cJSON *create; /* content of m.room.create */
	char *creator;
};

struct hs_room *hs_room_create(const char *id, int version, size_t history);
void hs_room_destroy(struct hs_room *room);

enum hs_membership hs_room_membership(const struct hs_room *room, const char *user_id);
const char *hs_membership_name(enum hs_membership membership);
enum hs_membership hs_membership_parse(const char *name);

/* The current state event, or NULL. */
struct hs_event *hs_room_state(const struct hs_room *room, const char *type, const char *state_key);
/* A string in the content of a state event with an empty state key; the caller frees it. */
char *hs_room_state_string(const struct hs_room *room, const char *type, const char *name);
/* Take the event into history and, if it is one, state and membership. ours: see hs_member. */
void hs_room_add(struct hs_room *room, struct hs_event *event, bool target_ours);
/* An event of the remembered history, or NULL. */
struct hs_event *hs_room_find(const struct hs_room *room, const char *event_id);
/* Event by number, NULL when forgotten or not yet there. */
struct hs_event *hs_room_nth(const struct hs_room *room, size_t number);
/* Creators stand above all power levels in room version 12. */
bool hs_room_is_creator(const struct hs_room *room, const char *user_id);

#endif
