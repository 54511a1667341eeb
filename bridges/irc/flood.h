/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pace of a connection's lines: a token bucket (ircClients.floodPacing), so that no server ends
 * a connection for flooding. What waits for it stays in the session's tasks and behind them in the
 * durable lanes; JOINs and questions take a token each as well. When it is many seconds of text its
 * author is told, once until the bucket is full again.
 */
#ifndef TRESTLE_IRC_FLOOD_H
#define TRESTLE_IRC_FLOOD_H

#include "core/base/list.h"
#include "core/io/loop.h"

struct tr_irc_line;
struct tr_irc_session;

struct tr_irc_flood {
	struct tr_list questions; /* that can wait */
	unsigned asked;           /* since the last PING behind questions */
	uint64_t ping;            /* its number while it is not answered, else 0 */
	uint64_t pings;
	double tokens;
	uint64_t tokens_at_ms;
	struct tr_timer *timer; /* pumps again when there is a token; NULL until it is needed */
	bool told;
};

void tr_irc_flood_init(struct tr_irc_session *session);
void tr_irc_flood_finish(struct tr_irc_session *session);
/* The connection is gone. */
void tr_irc_flood_stop(struct tr_irc_session *session);
/* Takes a token; false = none is there, and the session is pumped when one is. */
bool tr_irc_flood_take(struct tr_irc_session *session);
/* A question about a channel or person that nobody is kept waiting by ("MODE #channel"): written
 * when there is a token and nothing else to say, a few at a time: the next when the server has
 * worked those off. Asked again before that it is one question; forgotten with the connection. */
void tr_irc_flood_ask(struct tr_irc_session *session, const char *command, const char *target);
void tr_irc_flood_write_questions(struct tr_irc_session *session);
/* Whether the line says that they are worked off. */
bool tr_irc_flood_pong(struct tr_irc_session *session, const struct tr_irc_line *line);

#endif
