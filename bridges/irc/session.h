/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection kept up for one Matrix user or for the bot: connect, nick, join, reconnect; and the
 * channels it is in. Sessions live as long as the network.
 */
#ifndef TRESTLE_IRC_SESSION_H
#define TRESTLE_IRC_SESSION_H

#include "bridges/irc/connection.h"
#include "bridges/irc/connection_notice.h"
#include "bridges/irc/flood.h"
#include "bridges/irc/hearing.h"
#include "bridges/irc/network.h"
#include "bridges/irc/puppet.h"

enum tr_irc_session_state {
	TR_IRC_OFFLINE,    /* not wanted, or not yet */
	TR_IRC_QUEUED,     /* wanted: its name is being found out, or others go first */
	TR_IRC_CONNECTING, /* up to the end of registration */
	TR_IRC_ONLINE,
	TR_IRC_WAITING, /* lost; the timer will connect again */
	TR_IRC_BARRED,  /* banned, or the password is wrong: only a person can mend it */
};

enum tr_irc_membership { TR_IRC_JOINING, TR_IRC_JOINED };

/* A session in a channel, or on its way into it. Kept while the session is offline, so that it
 * rejoins. */
struct tr_irc_member {
	struct tr_list node;         /* in session->members */
	struct tr_list channel_node; /* in channel->members */
	struct tr_irc_session *session;
	struct tr_irc_channel *channel;
	enum tr_irc_membership state;
	bool due;          /* its JOIN is to be written, when lines may be */
	bool unanswered;   /* .. is written, and the next line waits for the answer */
	bool listed;       /* the last was for several channels: the next is for this one alone */
	uint64_t asked_ms; /* when JOIN was sent last */
	uint64_t
		again_ms; /* when it is sent again, as the last was refused for a moment; 0 = not */
	unsigned tries;   /* so far */
};

struct tr_irc_session {
	struct tr_irc_network *network;
	char *user_id; /* NULL = the bot */
	enum tr_irc_session_state state;
	struct tr_irc_connection *connection; /* in CONNECTING and ONLINE */
	char *nick;                           /* wanted; what is had the connection says */
	char *own_key;                        /* folded, as it stands in network->own_nicks */
	unsigned identities_pending; /* nick or mask is not durable yet: nothing is said before */
	char *mask; /* user@host as others see it, and " " with the one before it; "" = not known */
	bool nick_lost; /* another connection has heard that it has its nick no more */
	struct tr_irc_puppet puppet;
	struct tr_list connect_node; /* in one of network->connects */
	bool returning;              /* it was connected and has lost that */
	bool recalled;               /* it was told to connect anew */
	uint64_t online_ms;          /* since when */
	struct tr_irc_connection_notice notice;
	struct tr_timer *reconnect;
	struct tr_timer *join_watch; /* JOINs that are not answered */
	struct tr_timer *rejoin;     /* the bot, out of a channel that it should be in */
	unsigned attempts;
	size_t address; /* of the configured ones: the one tried last */
	unsigned nick_tries;
	unsigned login_failures; /* in a row */
	bool login_refused;      /* by the services: not tried again until something changes */
	struct tr_irc_identify *identify;
	struct tr_irc_guest *guest; /* NULL = nothing waits to log it in */
	struct tr_error last_error;
	struct tr_list members;
	unsigned joins_due;        /* of the members */
	unsigned joins_unanswered; /* .. */
	uint64_t join_ping;        /* asks whether the JOINs are worked off; 0 = nothing does */
	uint64_t join_pings;
	unsigned refusals;      /* of the bot's joins, in a row */
	unsigned reading;       /* channels it is the reader of */
	unsigned standing_by;   /* channels it would read next */
	uint64_t overlap_next;  /* standby.c: number of the PING to be written, 0 = none */
	uint64_t overlap_asked; /* .. of the one that is not answered, 0 = none */
	struct tr_irc_hearing hearing;
	struct tr_irc_history *history;
	struct tr_list topics;          /* topic.c: on their way to the server; unused = zeroed */
	struct tr_irc_queries *queries; /* query.c; NULL until one is asked */
	bool dismissed;                 /* told to go, and stays away until it is wanted again */
	uint64_t invites_since_ms;      /* INVITEs of others are counted from then */
	unsigned invites;
	uint64_t told_no_private_ms; /* when somebody was last told so */
	struct tr_map splits;        /* references of netsplit batches that are open */
	struct tr_list rest_node;    /* in network->resting: the socket is not looked at */
	uint64_t rested_ms;

	/* outgoing.c */
	struct tr_list pump_node; /* in network->to_pump */
	struct tr_list tasks;     /* in the order they came */
	struct tr_list in_flight; /* lines written and not confirmed, in order */
	struct tr_list unsettled; /* confirmed, but that is not durable yet */
	unsigned window_used;     /* lines in both */
	uint64_t label_counter;
	uint64_t ping_counter; /* of the last PING written for confirmation */
	bool ping_due;
	uint64_t answers_full_ms;    /* ctcp.c: when its bucket of answers is full again */
	struct tr_timer *late;       /* lines are written and nothing is heard of them */
	struct tr_map label_batches; /* reference of a labeled-response batch -> owned label */
	struct tr_irc_flood flood;
};

struct tr_irc_session *tr_irc_session_create(struct tr_irc_network *network, const char *user_id);
/* The session of a Matrix user, made if need be. */
struct tr_irc_session *tr_irc_session_of(struct tr_irc_network *network, const char *user_id);
/* Only with the network, after its marks. */
void tr_irc_session_destroy(struct tr_irc_session *session);
/* Connects if it is offline, when its turn comes; who has something to say goes first. */
void tr_irc_session_want(struct tr_irc_session *session);
/* What it waited for before it can connect is there. */
void tr_irc_session_prepared(struct tr_irc_session *session);
/* Its turn (connects.c) / it is not wanted any more and never was connected. */
void tr_irc_session_connect(struct tr_irc_session *session);
void tr_irc_session_stand_back(struct tr_irc_session *session);
/* Connects now even if it waits or is barred. */
void tr_irc_session_retry(struct tr_irc_session *session);
void tr_irc_session_quit(struct tr_irc_session *session, const char *reason);
/* Quits, forgets its channels, and stays away until it is wanted again. */
void tr_irc_session_dismiss(struct tr_irc_session *session, const char *reason);
/* Quits and connects anew. */
void tr_irc_session_reconnect(struct tr_irc_session *session, const char *reason);
bool tr_irc_session_online(const struct tr_irc_session *session);
bool tr_irc_session_has(const struct tr_irc_session *session, unsigned caps);
/* "the bot" or the user id: for logs. */
const char *tr_irc_session_who(const struct tr_irc_session *session);

/* The member, made if need be; a JOIN is sent as soon as that is possible. */
struct tr_irc_member *tr_irc_session_join(
	struct tr_irc_session *session, struct tr_irc_channel *channel);
struct tr_irc_member *tr_irc_session_member(
	struct tr_irc_session *session, const struct tr_irc_channel *channel);
void tr_irc_session_part(
	struct tr_irc_session *session, struct tr_irc_channel *channel, const char *reason);
/* Forgets the membership (parted, kicked, refused). */
void tr_irc_member_remove(struct tr_irc_member *member);

#endif
