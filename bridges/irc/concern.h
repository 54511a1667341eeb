/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a line, not parsed yet, can be anything to a connection that does not read the channel:
 * with many puppets in one channel each line comes once for every one of them.
 */
#ifndef TRESTLE_IRC_CONCERN_H
#define TRESTLE_IRC_CONCERN_H

#include "bridges/irc/isupport.h"

enum tr_irc_concern {
	TR_IRC_CONCERNS,   /* this connection itself, or not recognized: to be parsed */
	TR_IRC_OF_CHANNEL, /* somebody else's doing in `channel` */
	TR_IRC_OF_OTHERS, /* somebody else's doing that no channel is named for: QUIT, NICK, AWAY */
};

/* Allocates nothing. `me` is the connection's nick; with `history`, lines of batches are an answer
 * it waits for. */
enum tr_irc_concern tr_irc_concern(const struct tr_irc_isupport *isupport, struct tr_str me,
	bool history, struct tr_str text, struct tr_str *channel);

#endif
