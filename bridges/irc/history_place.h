/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a line said in a channel is known by, and the place in the history that it marks.
 *
 * Mostly the server's msgid is both. Where lines have none, they are known by when who said what,
 * and counted where that is the same; where the server cannot be asked by msgid (MSGREFTYPES), the
 * place is a time. One time may belong to several lines, so what is asked for by it is asked for
 * from that millisecond on, and what was read of it already is known when it comes again.
 */
#ifndef TRESTLE_IRC_HISTORY_PLACE_H
#define TRESTLE_IRC_HISTORY_PLACE_H

#include "bridges/irc/channel.h"
#include "bridges/irc/line.h"

/* Appends both; of a line without an id both stay empty where there is no history to ask. Equal
 * lines of one millisecond are counted: call it once for each, in the order in which they are read.
 */
void tr_irc_history_place_of(struct tr_irc_channel *channel, const struct tr_irc_line *line,
	struct tr_buf *key, struct tr_buf *place);
/* What comes next may begin with lines of a time that were counted before. */
void tr_irc_history_place_recount(struct tr_irc_channel *channel);
bool tr_irc_history_place_is_time(const char *place);
/* Appends the place as CHATHISTORY takes it; with `past`, what comes after the whole millisecond.
 */
void tr_irc_history_place_reference(const char *place, bool past, struct tr_buf *out);

#endif
