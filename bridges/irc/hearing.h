/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is sent what is said in channels. Many servers have a user mode with which a client is not
 * (DEAF in ISUPPORT). With it, a line said in a channel of 500 puppets comes to the few of them
 * that are there to hear it, instead of to all.
 *
 * In every channel TR_IRC_LISTENERS of our connections hear: the reader, the standby, and one in
 * reserve, so that whoever takes over has heard all the time. A connection goes deaf only when each
 * of its channels has as many others, and the server has confirmed that those hear. When one of
 * them goes, a deaf one is woken and counts from the moment at which the server has shown its mode.
 *
 * The bot is never deaf. A mode that somebody else takes off stays off, and one that they put on
 * is taken off a few times and no more: then that connection is not chosen to read.
 */
#ifndef TRESTLE_IRC_HEARING_H
#define TRESTLE_IRC_HEARING_H

#include "bridges/irc/channel.h"
#include "bridges/irc/line.h"

enum { TR_IRC_LISTENERS = 3 }; /* in each channel */

enum tr_irc_hearing_state {
	TR_IRC_HEARS,
	TR_IRC_GOING_DEAF, /* the mode is asked for and not shown yet */
	TR_IRC_DEAF,
	TR_IRC_WAKING, /* its end is asked for and not shown yet */
};

/* Of one session; zeroed = a new connection, which hears. */
struct tr_irc_hearing {
	enum tr_irc_hearing_state state;
	char letter;       /* of the mode on this server; '\0' = it has none */
	bool mode;         /* as the server has shown it last */
	bool left_alone;   /* somebody else has taken it off: it is not put on again */
	bool fails;        /* it cannot be taken off */
	unsigned failures; /* to take it off, and times it was put on by others */
	uint64_t token;    /* of the PING behind the last attempt to take it off */
};

/* Its connection is new. */
void tr_irc_hearing_reset(struct tr_irc_session *session);
/* How fit it is to read a channel: 0 = it is deaf and cannot help it, 1 = it must be woken, 2 = it
 * hears. */
int tr_irc_hearing_fitness(const struct tr_irc_session *session);
/* It must hear all lines that the server passes on after what is written from now on. */
void tr_irc_hearing_wake(struct tr_irc_session *session);
/* Before its JOIN: wakes it if the channel needs it. */
void tr_irc_hearing_before_join(
	struct tr_irc_session *session, const struct tr_irc_channel *channel);
/* Goes deaf if none of its channels needs it. */
void tr_irc_hearing_rest(struct tr_irc_session *session);
/* The bot has come, who hears everything, or somebody was woken: others need not hear any more. */
void tr_irc_hearing_relieve(struct tr_irc_channel *channel);
/* Somebody who heard is out of the channel: wakes others. */
void tr_irc_hearing_keep(struct tr_irc_channel *channel);
/* Looks at MODE and PONG; true: the line is of no use to anybody else. */
bool tr_irc_hearing_line(struct tr_irc_session *session, const struct tr_irc_line *line);
/* An echo of ours has come. */
void tr_irc_hearing_echoed(struct tr_irc_session *session);
/* The server has taken a line without echoing it. true: perhaps because the connection is deaf, so
 * that says nothing; nobody is deaf on this server any more. */
bool tr_irc_hearing_missed_echo(struct tr_irc_session *session);

#endif
