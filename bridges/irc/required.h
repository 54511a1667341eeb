/* SPDX-License-Identifier: Apache-2.0 */
/*
 * membershipLists.*.ircToMatrix.requireMatrixJoined: what is said in a channel is shown in a room
 * only while everybody of the room is in the channel. Here stands who that is; what follows from it
 * is core/bridge/withhold.h's. Not asked for are the bot, ghosts, and users whom excludedUsers
 * keeps out. Somebody whom the server has banned, or the channel does not let in, is.
 */
#ifndef TRESTLE_IRC_REQUIRED_H
#define TRESTLE_IRC_REQUIRED_H

#include "bridges/irc/channel.h"

bool tr_irc_requires_members(void *network, const struct tr_portal *portal);
size_t tr_irc_missing_members(void *network, struct tr_portal *portal, const char *room_id,
	bool bring, struct tr_buf *names);

#endif
