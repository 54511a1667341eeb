/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels that people open while the bridge runs (dynamicChannels): who may open which, by
 * command, by alias or invited by somebody on IRC; and under which names people can be asked for.
 */
#ifndef TRESTLE_IRC_DYNAMIC_H
#define TRESTLE_IRC_DYNAMIC_H

#include "bridges/irc/network.h"

/* Why this Matrix user may not open this channel by !join: a sentence, or NULL when he may. */
const char *tr_irc_dynamic_forbids(
	const struct tr_irc_network *network, const char *user_id, struct tr_str channel);
/* Appends the remote id of the channel that the name in an alias stands for; false when there is
 * none or it may not be opened so: such a room nobody could enter with joinRule invite. */
bool tr_irc_dynamic_alias(
	struct tr_irc_network *network, struct tr_str channel, struct tr_buf *remote_id);
/* INVITE of one of our puppets: the channel's portal is opened and the Matrix user invited. */
void tr_irc_dynamic_invited(struct tr_irc_session *session, const struct tr_irc_line *line);

/* The key under which a channel is stored: that of the channel which the server takes it for, where
 * one is known. Appends. */
void tr_irc_dynamic_key(struct tr_irc_network *network, struct tr_str channel, struct tr_buf *key);

/* Whether somebody on the network could have this nick: nothing in it would be another word,
 * another target or a mask. */
bool tr_irc_could_be_nick(const struct tr_irc_isupport *isupport, struct tr_str name);

#endif
