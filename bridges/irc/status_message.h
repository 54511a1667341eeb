/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to "@#channel" (STATUSMSG): for those of a channel who have a rank. In the room
 * everybody would read them, so they are not carried over; who sends one is told so.
 */
#ifndef TRESTLE_IRC_STATUS_MESSAGE_H
#define TRESTLE_IRC_STATUS_MESSAGE_H

#include "bridges/irc/session.h"

/* A PRIVMSG or NOTICE of somebody else: true when it was one to those of a rank; then that is all.
 */
bool tr_irc_status_message(struct tr_irc_session *session, const struct tr_irc_line *line);

#endif
