/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One IRC network of one bridge: what its sessions, channels and deliveries share. The files of the
 * engine include this one and those of their subjects: session.h, outgoing.h, channel.h, reader.h,
 * history.h. Outside the module only protocol.h's table is seen.
 *
 * Sessions and channels live as long as the network: nothing keeps a pointer to less.
 */
#ifndef TRESTLE_IRC_NETWORK_H
#define TRESTLE_IRC_NETWORK_H

#include "bridges/irc/answered.h"
#include "bridges/irc/connection.h"
#include "bridges/irc/connects.h"
#include "bridges/irc/irc_config.h"
#include "bridges/irc/quits.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/bridge/bridge.h"
#include "core/bridge/portal.h"
#include "core/delivery/mark.h"

enum { TR_IRC_QUIT_MS = 2000 }; /* of the time to stop, kept for QUITs */

struct tr_irc_accounts;
struct tr_irc_channel;
struct tr_irc_features;
struct tr_irc_encoding;
struct tr_irc_history;
struct tr_irc_session;

struct tr_irc_network {
	struct tr_bridge *bridge;
	struct tr_loop *loop;
	const struct tr_irc_bridge_config *entry;
	const struct tr_irc_server_config *config;
	struct tr_tls *tls;                   /* NULL = plain */
	struct tr_tls_identity *identity;     /* of who has no certificate of its own, or NULL */
	struct tr_tls_identity *bot_identity; /* the bot's client certificate, or NULL */
	struct tr_worker *worker;             /* for slow computations; NULL until the first */
	struct tr_irc_isupport isupport;      /* as the session that registered last was told */
	bool isupport_told;                   /* .. and one was */
	struct tr_irc_features *features;     /* what users have switched on or off */
	struct tr_irc_accounts *accounts;     /* passwords and certificates of Matrix users */
	struct tr_irc_session *bot;           /* NULL when it is switched off */
	struct tr_map sessions;               /* Matrix user id -> session */
	struct tr_map channels;               /* folded name -> channel */
	struct tr_irc_encoding *encoding;     /* of lines that are not UTF-8; NULL = the usual */
	struct tr_irc_answered answered;      /* whom CTCP was answered lately */
	struct tr_map own_nicks;        /* folded nick -> session: stored ones and those in use */
	struct tr_map nick_claims;      /* folded nick -> session that has or asks for it */
	struct tr_list nick_waiters;    /* puppets that have another nick than they want */
	struct tr_map usernames;        /* user name -> session */
	struct tr_map username_numbers; /* user name -> number of the last one made from it */
	struct tr_irc_connects connects;
	struct tr_irc_quits quits;
	uint64_t spoken_store_ms; /* when it is stored next who spoke when */
	uint64_t sweep_ms;        /* when stored progress is looked through next */
	struct tr_timer *second;  /* looks after nicks and idle puppets */
	size_t departed;          /* puppets whose users have left and that may be connected yet */
	struct tr_marks *marks;
	struct tr_list uploads;     /* files of long messages on their way */
	struct tr_timer *places;    /* channels' places that are to be stored */
	struct tr_list advanced;    /* those channels */
	struct tr_map whereabouts;  /* folded nick -> channels, see roster.h */
	struct tr_map rank_holders; /* folded nick -> its ranks, see channel_modes.h */
	size_t rank_count;
	bool ranks_complained;
	char *epoch; /* of this run; part of keys where the network gives no ids */
	uint64_t key_counter;
	uint64_t overlap_tokens; /* of PINGs, see standby.h */
	uint64_t hearing_tokens; /* of PINGs, see hearing.h */
	bool deaf_echoes;        /* who is deaf hears the echo of their own lines */
	bool deaf_is_bad;        /* it does not work on this server */
	struct tr_list resting;  /* sessions, in the order they began to */
	struct tr_timer *rouse;
	struct tr_list to_pump; /* sessions that may have something to write */
	bool pumping;
	bool pump_deferred;
	bool destroying;
	bool stopping;
	bool pressed; /* reading is paused, too much waits to be stored */
	void (*stopped)(void *arg);
	void *stopped_arg;
	struct tr_timer *stop_timer;
	uint64_t stop_deadline_ms;
};

/* What the server says of itself; a new case mapping orders the channels anew. */
void tr_irc_network_set_isupport(
	struct tr_irc_network *network, const struct tr_irc_isupport *isupport);

/* The thread for what would hold up the loop. */
struct tr_worker *tr_irc_network_worker(struct tr_irc_network *network);

/* Places of channels in the history are stored from time to time; flush before an end. */
void tr_irc_network_open_places(struct tr_irc_network *network);
void tr_irc_network_flush_places(struct tr_irc_network *network);

void tr_irc_network_open_rest(struct tr_irc_network *network);

#endif
