/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is shown on the other side (membershipLists): at start from the complete lists, and as people
 * come and go. Settings of a single room or channel come before the global ones. A file without the
 * section shows comings and goings of IRC in Matrix and nothing else.
 */
#ifndef TRESTLE_IRC_MEMBERSHIP_LISTS_H
#define TRESTLE_IRC_MEMBERSHIP_LISTS_H

#include "bridges/irc/channel.h"

/* Whether those in the channel join its rooms when the channel is first seen / as they come. */
bool tr_irc_lists_shows_all(const struct tr_irc_channel *channel);
bool tr_irc_lists_shows_changes(const struct tr_irc_channel *channel);
/* Whether nothing is shown in a room until all its members are in the channel: required.h. */
bool tr_irc_lists_requires_all(const struct tr_irc_channel *channel);

/* The server has named everybody in the channel, or the members of one of its rooms are known: the
 * ghosts there are made to agree. Does nothing until both are so. */
void tr_irc_lists_sync(struct tr_irc_channel *channel);
/* The members of a room are known: those whom the settings want on IRC come there, but who was idle
 * for too long. */
void tr_irc_lists_members_known(struct tr_irc_channel *channel, const char *room_id);
/* A Matrix user has joined a room of the channel. */
void tr_irc_lists_member_joined(
	struct tr_irc_channel *channel, const char *room_id, const char *user_id);

/* Puppets that are in a channel or on their way, and whether one more may be brought when these
 * are. */
size_t tr_irc_lists_puppets(const struct tr_irc_network *network);
bool tr_irc_lists_room_for_another(const struct tr_irc_network *network, size_t brought);

#endif
