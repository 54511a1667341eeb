/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of who is in which room. Who feeds and who asks it is elsewhere. */
#include "core/bridge/members.h"

#include "core/base/alloc.h"

struct room {
	struct tr_map users; /* user id -> enum tr_membership, never UNKNOWN */
	bool complete;
};

void tr_members_finish(struct tr_members *members)
{
	for (struct tr_map_entry *e = tr_map_first(&members->rooms); e; e = tr_map_next(e)) {
		struct room *room = tr_map_value(e);
		tr_map_finish(&room->users);
		tr_free(room);
	}
	tr_map_finish(&members->rooms);
}

static struct room *room_open(struct tr_members *members, struct tr_str room_id)
{
	struct room *room = tr_map_get(&members->rooms, room_id);
	if (room == NULL) {
		room = tr_alloc(sizeof(*room));
		tr_map_set(&members->rooms, room_id, room);
	}
	return room;
}

void tr_members_set(struct tr_members *members, struct tr_str room_id, struct tr_str user_id,
	enum tr_membership membership)
{
	struct room *room = room_open(members, room_id);
	if (membership == TR_MEMBERSHIP_UNKNOWN) {
		tr_map_remove(&room->users, user_id);
	} else {
		tr_map_set(&room->users, user_id, (void *)(uintptr_t)membership);
	}
}

enum tr_membership tr_members_get(
	const struct tr_members *members, struct tr_str room_id, struct tr_str user_id)
{
	const struct room *room = tr_map_get(&members->rooms, room_id);
	void *value = room ? tr_map_get(&room->users, user_id) : NULL;
	if (value != NULL) {
		return (enum tr_membership)(uintptr_t)value;
	}
	return room && room->complete ? TR_MEMBERSHIP_LEFT : TR_MEMBERSHIP_UNKNOWN;
}

enum tr_membership tr_membership_from_name(struct tr_str name)
{
	if (tr_str_eq_c(name, "join")) {
		return TR_MEMBERSHIP_JOINED;
	}
	if (tr_str_eq_c(name, "invite")) {
		return TR_MEMBERSHIP_INVITED;
	}
	if (tr_str_eq_c(name, "leave") || tr_str_eq_c(name, "ban")) {
		return TR_MEMBERSHIP_LEFT;
	}
	return TR_MEMBERSHIP_UNKNOWN;
}

void tr_members_set_complete(struct tr_members *members, struct tr_str room_id)
{
	room_open(members, room_id)->complete = true;
}

bool tr_members_complete(const struct tr_members *members, struct tr_str room_id)
{
	const struct room *room = tr_map_get(&members->rooms, room_id);
	return room != NULL && room->complete;
}

void tr_members_each(const struct tr_members *members, struct tr_str room_id,
	tr_members_visitor *visitor, void *arg)
{
	const struct room *room = tr_map_get(&members->rooms, room_id);
	struct tr_map_entry *e = room ? tr_map_first(&room->users) : NULL;
	for (; e != NULL; e = tr_map_next(e)) {
		if ((enum tr_membership)(uintptr_t)tr_map_value(e) == TR_MEMBERSHIP_JOINED) {
			visitor(arg, tr_map_key(e));
		}
	}
}
