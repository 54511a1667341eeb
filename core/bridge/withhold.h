/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rooms in which what is said on the network may be seen only while every member is in the place
 * there too (the module says who is missing). Bounded and never silent:
 *
 *   open     all are there: messages go as they come.
 *   holding  somebody is missing and being brought in: messages are accepted, stored, and wait in
 *            their lane. When all are there they go, in order.
 *   closed   nobody more came for `withhold_after_ms` (or it took fifteen minutes): the room is
 *            told who is missing, the state event org.matrix.appservice-<protocol>.connection says
 *            it too, what waits becomes dead and what comes is not accepted; both are counted. When
 *            all are there, the room is told how much it has not seen.
 *
 * Topics, comings and goings and what the bot says are not withheld. After a restart a room begins
 * anew, but what its state event says already is not told again.
 */
#ifndef TRESTLE_BRIDGE_WITHHOLD_H
#define TRESTLE_BRIDGE_WITHHOLD_H

#include "core/bridge/portal.h"

struct tr_bridge;
struct tr_outbound;

/* The members of a room are known (again): whether it has to be looked after is found out. */
void tr_withhold_members_known(
	struct tr_bridge *bridge, struct tr_portal *portal, const char *room_id);
/* Whether a message that is next in its room has to wait or is withheld for good; then its
 * preparation ends so, in a later turn. */
bool tr_withhold_message(
	struct tr_bridge *bridge, struct tr_outbound *outbound, const char *room_id);
/* Whether a message that comes now is not even accepted for this room. */
bool tr_withhold_closed(const struct tr_bridge *bridge, const char *room_id);
/* A message is not accepted, or has become dead, because of this: it is counted. */
void tr_withhold_count(struct tr_bridge *bridge, const char *room_id);
/* With the bridge, after the client. */
void tr_withholds_finish(struct tr_bridge *bridge);

#endif
