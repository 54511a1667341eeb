/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of others, turned into remote events.
 */
#ifndef TRESTLE_IRC_READER_H
#define TRESTLE_IRC_READER_H

#include "bridges/irc/channel.h"
#include "bridges/irc/session.h"

/* The server's id of the line, appended; nothing when there is none, or it could not be asked for
 * again. */
void tr_irc_msgid(const struct tr_irc_line *line, struct tr_buf *out);

/* What a ghost shows for a nick, and its key: folded as ASCII, so that it does not change with what
 * a server folds, and otherwise byte by byte: two nicks are never one ghost. Both appended. */
void tr_irc_reader_name(struct tr_str nick, struct tr_buf *out);
void tr_irc_reader_identity(struct tr_str nick, struct tr_buf *out);

/* A channel line (PRIVMSG, NOTICE, JOIN, ..) of somebody else or of us, live or from the history.
 */
void tr_irc_reader_line(
	struct tr_irc_channel *channel, const struct tr_irc_line *line, bool from_history);
/* A PRIVMSG or NOTICE to one of our puppets. */
void tr_irc_reader_direct(struct tr_irc_session *session, const struct tr_irc_line *line);
/* QUIT and NICK have no channel: for every channel this session reads. */
void tr_irc_reader_everywhere(struct tr_irc_session *session, const struct tr_irc_line *line);

#endif
