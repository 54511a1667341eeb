/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody on IRC says, as Matrix is told: kind, plain body, HTML where there is formatting,
 * and who is mentioned.
 */
#ifndef TRESTLE_IRC_TALK_H
#define TRESTLE_IRC_TALK_H

#include "bridges/irc/mention.h"
#include "core/bridge/bridge.h"

struct tr_irc_talk {
	enum tr_message_kind kind;
	struct tr_buf body;
	struct tr_buf html; /* empty = the body says it all */
	struct tr_irc_mentioned mentioned;
	struct tr_spans spans;
};

/* Reads a PRIVMSG or NOTICE; false = nothing to bridge (empty, or CTCP other than ACTION). To be
 * finished in both cases. */
bool tr_irc_talk_read(
	const struct tr_irc_place *place, const struct tr_irc_line *line, struct tr_irc_talk *talk);
void tr_irc_talk_finish(struct tr_irc_talk *talk);

#endif
