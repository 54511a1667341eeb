/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second in a channel: one more member whose lines are looked at, so that nothing is lost or
 * doubled when the reader goes. Its talk is compared with what the reader hands on: lines that only
 * it has had so far are kept, of those that only the reader has had the hash. When the reader is
 * lost, or does not deliver what the standby has had for seconds, the standby takes over: what it
 * kept is handed on, and what the reader had handed on already is left out as it arrives, up to the
 * answer to a PING. On a server with a history that closes the gap instead, by ids.
 */
#ifndef TRESTLE_IRC_STANDBY_H
#define TRESTLE_IRC_STANDBY_H

#include "bridges/irc/channel.h"
#include "bridges/irc/session.h"

/* Chooses one if there is a reader, no standby, and a member to be it. */
void tr_irc_standby_choose(struct tr_irc_channel *channel);
/* A live line of the reader or of the standby. The reader's: false = handed on before, by another.
 */
bool tr_irc_standby_reader_line(struct tr_irc_channel *channel, const struct tr_irc_line *line);
void tr_irc_standby_line(struct tr_irc_channel *channel, const struct tr_irc_line *line);
/* The standby is out of the channel or becomes the reader: there is none now. */
void tr_irc_standby_dismiss(struct tr_irc_channel *channel);
/* The standby has become the reader: hands on what only it has had. */
void tr_irc_standby_hand_on(struct tr_irc_channel *channel);
/* Writes the PING that its channels wait for, unless one is on its way. */
void tr_irc_standby_write(struct tr_irc_session *session);
/* Whether the line answers a PING of ours. */
bool tr_irc_standby_pong(struct tr_irc_session *session, const struct tr_irc_line *line);
void tr_irc_standby_finish(struct tr_irc_channel *channel);

#endif
