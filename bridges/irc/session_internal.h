/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a session share: session.c its connection, session_lines.c what comes in. */
#ifndef TRESTLE_IRC_SESSION_INTERNAL_H
#define TRESTLE_IRC_SESSION_INTERNAL_H

#include "bridges/irc/session.h"

/* The server does not let us in: messages for the channel are refused; the bot tries again later.
 */
void tr_irc_session_join_failed(struct tr_irc_member *member, const struct tr_error *error);

/* The bot was put out of a channel or not let in: it tries all its channels again after a while. */
void tr_irc_session_rejoin_later(struct tr_irc_session *session, uint64_t delay_ms);

/* Callbacks of the connection; `arg` is the session. */
void tr_irc_session_line(void *arg, const struct tr_irc_line *line);
bool tr_irc_session_drops(void *arg, struct tr_str text);

/* The nick is ours now: lines of it are. */
void tr_irc_session_own_nick(struct tr_irc_session *session, struct tr_str nick);
/* Stores nick and mask, by which the lines of this puppet are known after a restart. */
void tr_irc_session_store_identity(struct tr_irc_session *session);

#endif
