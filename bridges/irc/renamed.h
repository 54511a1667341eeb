/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody on IRC has another nick now, and direct chats with him go on under it. Who shares a
 * channel with him moves his own chat when he hears of it, so that it is in the order of what is
 * said to him; the readers of channels do it for those who do not.
 */
#ifndef TRESTLE_IRC_RENAMED_H
#define TRESTLE_IRC_RENAMED_H

#include "bridges/irc/line.h"
#include "bridges/irc/session.h"

/* A NICK, before rosters know of it. */
void tr_irc_renamed(struct tr_irc_session *session, const struct tr_irc_line *line);
/* Whether a line of others, which nobody has parsed yet, may be one that the session needs. */
bool tr_irc_renamed_concerns(const struct tr_irc_session *session, struct tr_str text);
/* Whether services give this nick to somebody who may not have the one he had ("Guest12345"), or a
 * server to one of two with the same (its id, which begins with a digit). */
bool tr_irc_is_guest_nick(struct tr_str nick);

#endif
