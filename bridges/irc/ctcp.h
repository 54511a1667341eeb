/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CTCP requests to our puppets. VERSION, PING, TIME and CLIENTINFO are answered when they come in
 * private, at most one to a host in a few seconds and few on each connection, so that no flood of
 * requests makes a flood of answers. All others, DCC above all, get none.
 */
#ifndef TRESTLE_IRC_CTCP_H
#define TRESTLE_IRC_CTCP_H

#include "bridges/irc/session.h"

/* A private PRIVMSG: true when it is a CTCP request, answered or not. An ACTION is none. */
bool tr_irc_ctcp_request(struct tr_irc_session *session, const struct tr_irc_line *line);

#endif
