/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a Matrix user is on IRC: user name and chosen nick (stored), the nick that is wanted and the
 * one that is had, away, when it spoke last. Part of its session. The bot has one too, for its
 * nick.
 *
 *   puppet.c       what is stored, display names, away
 *   puppet_nick.c  which nick to ask for, and getting the wanted one back
 *   nick_change.c  its user wants another
 *   puppet_idle.c  who is disconnected: idle too long, or too many at once
 *   departed.c     who has left Matrix
 *   excluded.c     who is not let in at all
 */
#ifndef TRESTLE_IRC_PUPPET_H
#define TRESTLE_IRC_PUPPET_H

#include "bridges/irc/network.h"

struct tr_irc_nick_change;
struct tr_irc_session;

struct tr_irc_puppet {
	char *username;         /* NULL = has none yet */
	char *chosen_nick;      /* by its user; NULL = by the template */
	unsigned storing;       /* the identity is not durable yet */
	bool asked_name;        /* the homeserver is being asked for the display name */
	bool name_failed;       /* .. and has not told it */
	bool plain;             /* the server called a nick erroneous: letters and digits only */
	unsigned number;        /* behind the wanted nick, while it is asked for */
	char *claim;            /* key in network->nick_claims */
	char *trying;           /* of a NICK that is not answered yet */
	struct tr_list waiting; /* in network->nick_waiters: it has another nick than it wants */
	uint64_t look_ms;       /* when to look again whether that one is free */
	uint64_t changed_ms;    /* of the last NICK that followed a display name */
	bool monitored;         /* the server tells us */
	struct tr_irc_nick_change *change;  /* asked for by its user */
	struct tr_irc_nick_change *changed; /* have ended, but nobody has been told */
	enum tr_presence presence;
	bool away;             /* as the server was told */
	uint64_t spoke_ms;     /* tr_clock_mono_ms(); 0 = not in this run */
	int64_t spoke_wall_ms; /* ever; 0 = never */
	bool spoke_unstored;
	bool departed; /* its user is in no room any more: to be disconnected when all is said */
	bool cycled;   /* it is being disconnected to make room, or because it was idle */
};

/* --- puppet.c */

/* A row of irc_identity. */
void tr_irc_puppet_load(struct tr_irc_session *session, struct tr_str username, struct tr_str nick,
	int64_t spoke_ms);
/* Whether it can connect now: its user name is durable and its display name known. If not, that is
 * seen to and tr_irc_session_prepared() comes in a later turn. */
bool tr_irc_puppet_prepare(struct tr_irc_session *session);
void tr_irc_puppet_finish(struct tr_irc_session *session);
/* The connection is ready / gone. */
void tr_irc_puppet_online(struct tr_irc_session *session);
void tr_irc_puppet_offline(struct tr_irc_session *session);
/* Its user does something: it is not idle. */
void tr_irc_puppet_active(struct tr_irc_session *session);
/* Something was heard of a Matrix user. */
void tr_irc_puppet_hint(struct tr_irc_network *network, const struct tr_hint *hint);
void tr_irc_puppet_store(struct tr_irc_session *session);

/* --- puppet_nick.c */

/* Sets session->nick to what is wanted and appends what to ask for first: no other session of ours
 * has or wants it. */
void tr_irc_nick_begin(struct tr_irc_session *session, struct tr_buf *nick);
/* The server refused one before registration: appends the next; false = that is enough. */
bool tr_irc_nick_refused(struct tr_irc_session *session, int numeric, struct tr_buf *nick);
/* The connection's nick is another now, or is known for the first time. */
void tr_irc_nick_taken(struct tr_irc_session *session, bool registered);
/* A line of the server about nicks (a refusal, who is online); true = it was that. */
bool tr_irc_nick_line(struct tr_irc_session *session, const struct tr_irc_line *line);
/* Somebody no longer has this nick: who wants it takes it. */
void tr_irc_nick_freed(struct tr_irc_network *network, struct tr_str nick);
/* Asks the server now and then whether wanted nicks are free: a tick of the network. */
void tr_irc_nick_look(struct tr_irc_network *network);
/* What is wanted may be another now (display name). */
void tr_irc_nick_wanted_changed(struct tr_irc_session *session);
void tr_irc_nick_offline(struct tr_irc_session *session);
void tr_irc_nick_finish(struct tr_irc_session *session);
/* Asks for it now, as a session that is online. */
void tr_irc_nick_ask(struct tr_irc_session *session, const char *nick);
/* Who of ours has or wants it. */
struct tr_irc_session *tr_irc_nick_claimant(
	const struct tr_irc_network *network, struct tr_str nick);
/* Its user has chosen: what is wanted is made anew, and asked for. */
void tr_irc_nick_rethink(struct tr_irc_session *session);

/* --- nick_change.c */

/* The nick is another now; the server refused this one (true = its user had asked for it); the
 * connection is gone. */
void tr_irc_nick_change_taken(struct tr_irc_session *session);
bool tr_irc_nick_change_refused(
	struct tr_irc_session *session, const char *tried, const struct tr_irc_line *line);
void tr_irc_nick_change_lost(struct tr_irc_session *session);
void tr_irc_nick_change_finish(struct tr_irc_session *session);

/* The nick its user wants, kept for all connections to come; "" = the template's again. Online, the
 * server is asked at once: `callback` comes exactly once, in a later turn, with the nick that is
 * had now (offline: that will be asked for) or an error that says why not. */
typedef void tr_irc_nick_callback(void *arg, const char *nick, const struct tr_error *error);
void tr_irc_puppet_set_nick(struct tr_irc_session *session, struct tr_str nick,
	tr_irc_nick_callback *callback, void *arg);

/* --- puppet_idle.c */

/* Disconnects who has been idle for too long; stores when people spoke. A tick of the network. */
void tr_irc_puppets_reap(struct tr_irc_network *network);
/* Whether as many are connected as may be (ircClients.maxClients, which counts the bot). */
bool tr_irc_puppets_full(const struct tr_irc_network *network);
/* Whether one more may connect now; if not, the one who has been silent longest, and has nothing on
 * its way, is disconnected for it. */
bool tr_irc_puppets_room(struct tr_irc_network *network);

/* --- departed.c */

/* Its user has left Matrix, or all that the bridge has to do with. */
void tr_irc_puppet_departed(struct tr_irc_session *session);
/* Disconnects those of them who have nothing more on its way. A tick of the network. */
void tr_irc_departed_look(struct tr_irc_network *network);

/* --- excluded.c */

/* Why this user is not bridged (excludedUsers), or NULL. */
const char *tr_irc_excluded(const struct tr_irc_network *network, const char *user_id);

#endif
