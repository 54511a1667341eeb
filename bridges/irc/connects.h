/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose turn it is to connect to the network. Everybody who wants a connection waits here: the bot
 * first, then who was not connected before (somebody speaks for the first time), then who lost a
 * connection and has something to say, then the rest; each in the order they came. Those who lost a
 * connection are spaced (reconnectIntervalMs), so that a restart of the server does not bring
 * everybody at once; no more than concurrentReconnectLimit are on their way in at a time.
 *
 * A server that cannot be reached or throttles holds the whole queue back, with backoff: one knocks
 * for all. One that is full for somebody is for that session to wait for (session_end.c).
 */
#ifndef TRESTLE_IRC_CONNECTS_H
#define TRESTLE_IRC_CONNECTS_H

#include "core/base/error.h"
#include "core/base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct tr_irc_network;
struct tr_irc_session;
struct tr_timer;

struct tr_irc_connects {
	struct tr_irc_network *network;
	struct tr_list fresh, speaking, silent; /* sessions by connect_node */
	unsigned under_way;                     /* connecting now */
	unsigned connected;                     /* connecting or online */
	unsigned failures;                      /* in a row, of all */
	unsigned throttles;
	uint64_t next_ms;    /* before that nobody who was lost */
	uint64_t blocked_ms; /* before that nobody */
	struct tr_timer *timer;
};

void tr_irc_connects_init(struct tr_irc_connects *connects, struct tr_irc_network *network);
void tr_irc_connects_finish(struct tr_irc_connects *connects);

/* tr_irc_session_connect() comes in a later turn, when it is this one's turn. */
void tr_irc_connects_add(struct tr_irc_connects *connects, struct tr_irc_session *session);
/* It has something to say now: moves up. */
void tr_irc_connects_hurry(struct tr_irc_connects *connects, struct tr_irc_session *session);
void tr_irc_connects_remove(struct tr_irc_connects *connects, struct tr_irc_session *session);
/* Its connection was begun / is ready, or has ended before (`error`) / after it was ready. */
void tr_irc_connects_began(struct tr_irc_connects *connects);
void tr_irc_connects_ready(struct tr_irc_connects *connects);
void tr_irc_connects_failed(struct tr_irc_connects *connects, const struct tr_error *error);
void tr_irc_connects_lost(struct tr_irc_connects *connects, const struct tr_error *error);
/* Whether such a failure is everybody's: the queue waits, and nobody need wait beside it. */
bool tr_irc_connects_holds(const struct tr_error *error);

#endif
