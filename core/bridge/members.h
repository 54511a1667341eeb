/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is in which Matrix room, as far as we were told: by member events, by answers to our own
 * requests, and by the list fetched when the bot enters. Memory only; a wrong entry costs one
 * refused request and is mended by the repair that follows.
 */
#ifndef TRESTLE_BRIDGE_MEMBERS_H
#define TRESTLE_BRIDGE_MEMBERS_H

#include "core/base/map.h"

enum tr_membership {
	TR_MEMBERSHIP_UNKNOWN,
	TR_MEMBERSHIP_INVITED,
	TR_MEMBERSHIP_JOINED,
	TR_MEMBERSHIP_LEFT,
};

/* A zeroed struct is empty. */
struct tr_members {
	struct tr_map rooms;
};

void tr_members_finish(struct tr_members *members);
void tr_members_set(struct tr_members *members, struct tr_str room_id, struct tr_str user_id,
	enum tr_membership membership);
enum tr_membership tr_members_get(
	const struct tr_members *members, struct tr_str room_id, struct tr_str user_id);
/* The membership of an event's content; UNKNOWN for what is none of them. A ban counts as left. */
enum tr_membership tr_membership_from_name(struct tr_str name);
/* The whole list of the room has been read, so that who is not in it is not in the room. */
void tr_members_set_complete(struct tr_members *members, struct tr_str room_id);
bool tr_members_complete(const struct tr_members *members, struct tr_str room_id);
/* Visits who is joined. The visitor changes nothing. */
typedef void tr_members_visitor(void *arg, struct tr_str user_id);
void tr_members_each(const struct tr_members *members, struct tr_str room_id,
	tr_members_visitor *visitor, void *arg);

#endif
