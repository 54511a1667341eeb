/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has which rank (op, voice, ..) in a channel, and the modes that concern its rooms, from the
 * lines of the channel's reader: NAMES, MODE, 324, and who comes and goes. The letters of a MODE
 * line are paired with their arguments by the server's CHANMODES and PREFIX (GHSA-cq7q-5c67-w39w).
 * Core is told of the whole after ircHandler.powerLevelGracePeriodMs, once for all that changed in
 * it; nothing is told before the server has named everybody.
 *
 * A nick counts as a Matrix user only while nothing speaks against it: a stranger who has taken the
 * nick of a puppet must never get that person's power level.
 *
 * A hostile server is heard for TR_IRC_RANKS_MAX ranks.
 */
#ifndef TRESTLE_IRC_CHANNEL_MODES_H
#define TRESTLE_IRC_CHANNEL_MODES_H

#include "bridges/irc/channel.h"
#include "bridges/irc/session.h"

enum { TR_IRC_RANKS_MAX = 20000 }; /* in all channels of a network */

/* A live line of the channel's reader. */
void tr_irc_ranks_line(struct tr_irc_channel *channel, const struct tr_irc_line *line);
/* QUIT or NICK, heard by `session`: for the channels that it reads. */
void tr_irc_ranks_everywhere(struct tr_irc_session *session, const struct tr_irc_line *line);
/* Another reader will hear everything anew. */
void tr_irc_ranks_forget(struct tr_irc_channel *channel);
/* A puppet is in the channel now, or has another nick: who is who may have changed. */
void tr_irc_ranks_puppet_joined(struct tr_irc_channel *channel);
void tr_irc_ranks_puppet_renamed(struct tr_irc_session *session);
void tr_irc_ranks_finish(struct tr_irc_channel *channel);

#endif
