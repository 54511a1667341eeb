/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is in which channel, but for our own connections: channel->roster by nick, and by nick the
 * channels, so that a QUIT or NICK finds them without a walk over all. Invariant: a nick stands in
 * a channel's roster exactly when the channel stands in the nick's list.
 */
#ifndef TRESTLE_IRC_ROSTER_H
#define TRESTLE_IRC_ROSTER_H

#include "bridges/irc/channel.h"

void tr_irc_roster_add(struct tr_irc_channel *channel, struct tr_str nick);
void tr_irc_roster_remove(struct tr_irc_channel *channel, struct tr_str nick);
void tr_irc_roster_forget(struct tr_irc_channel *channel);

/* Calls for every channel that the nick is in; the visitor may take it out of that channel, and add
 * other nicks. */
typedef void tr_irc_roster_channel_visitor(void *arg, struct tr_irc_channel *channel);
void tr_irc_roster_each_channel(struct tr_irc_network *network, struct tr_str nick,
	tr_irc_roster_channel_visitor *visitor, void *arg);

/* Everybody in a channel. */
typedef void tr_irc_roster_visitor(void *arg, struct tr_str nick);
size_t tr_irc_roster_count(const struct tr_irc_channel *channel);
void tr_irc_roster_each(
	const struct tr_irc_channel *channel, tr_irc_roster_visitor *visitor, void *arg);

#endif
