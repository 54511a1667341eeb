/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is meant by a nick in a line of IRC, and what the person behind a pill is called on IRC.
 */
#ifndef TRESTLE_IRC_MENTION_H
#define TRESTLE_IRC_MENTION_H

#include "bridges/irc/network.h"
#include "core/matrix/html.h"

enum { TR_IRC_MENTIONS_MAX = 5 /* nicks that one line makes pills of */ };

/* The Matrix users and ghosts a line names; views live as long as the spans. */
struct tr_irc_mentioned {
	struct tr_str users[TR_IRC_MENTIONS_MAX];
	size_t count;
};

/* Where something is said: a channel, or the private chat of a puppet. */
struct tr_irc_place {
	struct tr_irc_network *network;
	const struct tr_irc_channel *channel; /* NULL = private */
	const struct tr_irc_session *puppet;  /* whose private chat, else NULL */
};

/* Appends the spans of a line to an empty list, with the nicks of people who are there as pills.
 * One pass over the words of the line, whatever the number of people. */
void tr_irc_mention_people(const struct tr_irc_place *place, const struct tr_spans *line,
	struct tr_spans *out, struct tr_irc_mentioned *mentioned);

/* The nick of a Matrix user's puppet or of a ghost; a tr_irc_format_nick whose `arg` is a const
 * struct tr_irc_place. */
bool tr_irc_mention_nick(void *arg, struct tr_str user_id, struct tr_buf *out);

#endif
