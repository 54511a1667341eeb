/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Portals: which Matrix rooms are which remote place. A channel portal has any number of rooms; a
 * direct portal is one person's chat with one ghost and has one room. Portals are loaded from the
 * store at start and live in memory as long as the bridge; those of the configuration are made anew
 * at every start and their rooms are not stored.
 */
#ifndef TRESTLE_BRIDGE_PORTAL_H
#define TRESTLE_BRIDGE_PORTAL_H

#include "core/bridge/protocol.h"

enum tr_portal_kind { TR_PORTAL_CHANNEL, TR_PORTAL_DIRECT };

struct tr_portal {
	struct tr_bridge *bridge;
	enum tr_portal_kind kind;
	char *remote_id; /* identity: folded as the network folds */
	char *name;      /* as people write it */
	char *receiver;  /* TR_PORTAL_DIRECT: the Matrix user; else NULL */
	char *lane;      /* TR_PORTAL_DIRECT: of what is said to Matrix; for ever the same, whatever
			    the person is called; else NULL */
	/* TR_PORTAL_DIRECT: the chat that this one has become part of; NULL = it is one itself. */
	struct tr_portal *successor;
	char **rooms;
	size_t room_count;
	bool configured; /* comes from the configuration */
	bool broken;     /* its room is gone or cannot be entered */
	void *data;      /* the module's */
};

/* By remote id; receiver NULL for a channel. NULL when there is none. */
struct tr_portal *tr_portal_find(
	struct tr_bridge *bridge, struct tr_str remote_id, const char *receiver);
/* By Matrix room. */
struct tr_portal *tr_portal_of_room(struct tr_bridge *bridge, struct tr_str room_id);

/* A mapping of the configuration: makes the portal if need be and adds the room. The bot joins the
 * room (by invitation where it has to) and sets the bridge state. */
struct tr_portal *tr_portal_configure(
	struct tr_bridge *bridge, struct tr_str remote_id, const char *name, const char *room_id);

/* The portal of a channel, made with a new Matrix room when there is none; any number of callers at
 * the same time get the same one. `inviter` (may be NULL) is invited. */
void tr_portal_open_channel(struct tr_bridge *bridge, struct tr_str remote_id, const char *name,
	const char *inviter, tr_portal_callback *callback, void *arg);
/* The direct chat of `receiver` with the ghost of remote_id; made when there is none. Its Matrix
 * room may not exist yet: it is created (and the receiver invited) when the first message is
 * delivered to it, so that a message is stored before anything else happens. */
struct tr_portal *tr_portal_direct(
	struct tr_bridge *bridge, struct tr_str remote_id, const char *name, const char *receiver);

/* Whether this Matrix user has, or had, a direct chat. */
bool tr_portal_has_direct(const struct tr_bridge *bridge, const char *receiver);
/* The person of this direct chat has another remote id and name from now on, and the chat goes on
 * with him: what is said in its room goes there, what he says comes in there. The new ghost is
 * brought in by the old one, which leaves; the room's name follows where the bridge gave it. Where
 * there is a chat with the new id already the two become one: both rooms lead to the person, and
 * what he says comes into the room of this one. Survives a crash as a whole or not at all. */
void tr_portal_rename(struct tr_portal *portal, struct tr_str remote_id, const char *name);

/* Visits all portals until the visitor returns false. */
typedef bool tr_portal_visitor(void *arg, struct tr_portal *portal);
void tr_portal_each(struct tr_bridge *bridge, tr_portal_visitor *visitor, void *arg);

/* Matrix users (not ghosts, not the bot) known to be joined to this room, or to any room, of the
 * portal, as a borrowed array of user ids that is valid until the next turn. */
size_t tr_portal_room_members(
	struct tr_portal *portal, const char *room_id, const char *const **user_ids);
size_t tr_portal_matrix_members(struct tr_portal *portal, const char *const **user_ids);

#endif
