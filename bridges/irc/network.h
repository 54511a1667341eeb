/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One IRC network of one bridge: what its sessions, channels and deliveries share. The files of the
 * engine include this one; outside the module only protocol.h's table is seen.
 *
 *   session.c   a connection kept up for one Matrix user or for the bot: connect, nick, join,
 * reconnect outgoing.c  messages to IRC: split, paced, written, confirmed channel.c   what is known
 * of a channel: its reader, its place in the history, catching up, who is in it reader.c    lines
 * of others, turned into remote events history.c   CHATHISTORY, page by page engine.c    the
 * protocol table: start, stop, deliver
 *
 * Sessions and channels live as long as the network: nothing keeps a pointer to less.
 */
#ifndef TRESTLE_IRC_NETWORK_H
#define TRESTLE_IRC_NETWORK_H

#include "bridges/irc/connection.h"
#include "bridges/irc/irc_config.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/bridge/bridge.h"
#include "core/bridge/portal.h"
#include "core/delivery/mark.h"

enum { TR_IRC_QUIT_MS = 2000 }; /* of the time to stop, kept for QUITs */

struct tr_irc_channel;
struct tr_irc_history;
struct tr_irc_session;

struct tr_irc_network {
	struct tr_bridge *bridge;
	struct tr_loop *loop;
	const struct tr_irc_bridge_config *entry;
	const struct tr_irc_server_config *config;
	struct tr_tls *tls;              /* NULL = plain */
	struct tr_irc_isupport isupport; /* as the session that registered last was told */
	struct tr_irc_session *bot;      /* NULL when it is switched off */
	struct tr_map sessions;          /* Matrix user id -> session */
	struct tr_map channels;          /* folded name -> channel */
	struct tr_map own_nicks;         /* folded nick -> session: stored ones and those in use */
	struct tr_marks *marks;
	struct tr_timer *places; /* channels' places that are to be stored */
	char *epoch;             /* of this run; part of keys where the network gives no ids */
	uint64_t key_counter;
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

/* Places of channels in the history are stored from time to time; flush before an end. */
void tr_irc_network_open_places(struct tr_irc_network *network);
void tr_irc_network_flush_places(struct tr_irc_network *network);

/* --- session.c
 * --------------------------------------------------------------------------------------- */

enum tr_irc_session_state {
	TR_IRC_OFFLINE,    /* not wanted, or not yet */
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
	uint64_t asked_ms; /* when JOIN was sent last */
};

struct tr_irc_session {
	struct tr_irc_network *network;
	char *user_id; /* NULL = the bot */
	enum tr_irc_session_state state;
	struct tr_irc_connection *connection; /* in CONNECTING and ONLINE */
	char *nick;                           /* wanted */
	char *own_key;                        /* folded, as it stands in network->own_nicks */
	unsigned identities_pending; /* nick or mask is not durable yet: nothing is said before */
	char *mask;                  /* user@host as others see it; "" = not known */
	struct tr_timer *reconnect;
	struct tr_timer *join_watch; /* JOINs that are not answered */
	struct tr_timer *rejoin;     /* the bot, out of a channel that it should be in */
	unsigned attempts;
	unsigned nick_tries;
	struct tr_error last_error;
	struct tr_list members;
	unsigned reading; /* channels it is the reader of */
	struct tr_irc_history *history;

	/* outgoing.c */
	struct tr_list tasks;     /* in the order they came */
	struct tr_list in_flight; /* lines written and not confirmed, in order */
	struct tr_list unsettled; /* confirmed, but that is not durable yet */
	unsigned window_used;     /* lines in both */
	uint64_t label_counter;
	uint64_t ping_counter; /* of the last PING written for confirmation */
	bool ping_due;
	struct tr_timer *late;       /* lines are written and nothing is heard of them */
	struct tr_map label_batches; /* reference of a labeled-response batch -> owned label */
	double tokens;               /* of the flood pacing */
	uint64_t tokens_at_ms;
	struct tr_timer *pace;
};

struct tr_irc_session *tr_irc_session_create(struct tr_irc_network *network, const char *user_id);
/* Only with the network, after its marks. */
void tr_irc_session_destroy(struct tr_irc_session *session);
/* What an earlier run knew: lines of this nick and mask are ours. */
void tr_irc_session_remember(
	struct tr_irc_session *session, struct tr_str nick, struct tr_str mask);
/* Connects if it is offline. */
void tr_irc_session_want(struct tr_irc_session *session);
/* Connects now even if it waits or is barred. */
void tr_irc_session_retry(struct tr_irc_session *session);
void tr_irc_session_quit(struct tr_irc_session *session, const char *reason);
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

/* Whose of our own connections nick!mask is, now or (by what is stored) before; NULL = somebody
 * else's. `mask` may be empty. A live line of a nick in use is ours; in the history somebody else
 * may have had it, so there user@host decides where both are known. */
struct tr_irc_session *tr_irc_network_owner(const struct tr_irc_network *network,
	struct tr_str nick, struct tr_str mask, bool from_history);
struct tr_irc_session *tr_irc_network_owner_of_line(
	const struct tr_irc_network *network, const struct tr_irc_line *line, bool from_history);
bool tr_irc_network_is_own(
	const struct tr_irc_network *network, struct tr_str nick, struct tr_str mask);

/* --- outgoing.c
 * -------------------------------------------------------------------------------------- */

void tr_irc_outgoing_init(struct tr_irc_session *session);
void tr_irc_outgoing_finish(struct tr_irc_session *session);
/* Takes a message op. */
void tr_irc_outgoing_add(struct tr_irc_session *session, struct tr_op *op);
/* Writes what may be written now. */
void tr_irc_outgoing_pump(struct tr_irc_session *session);
/* The connection is gone or nobody waits any more: all messages go back to their lanes. */
void tr_irc_outgoing_give_back(struct tr_irc_session *session, const struct tr_error *error);
/* All messages to this target end with a reason (a join was refused, the nick is not there). */
void tr_irc_outgoing_refuse_target(
	struct tr_irc_session *session, struct tr_str target, const struct tr_error *error);
/* Looks whether a line of the server confirms or refuses something; true = it was that and nothing
 * else. */
bool tr_irc_outgoing_line(struct tr_irc_session *session, const struct tr_irc_line *line);
bool tr_irc_outgoing_idle(const struct tr_irc_session *session);

/* --- channel.c
 * --------------------------------------------------------------------------------------- */

/* A line of ours in the history that no message has claimed yet. */
struct tr_irc_own_line {
	struct tr_list node;
	struct tr_irc_session *session; /* whose */
	char *text;                     /* the last parameter, with its CTCP marks */
	char *msgid;
};

enum tr_irc_own_lines { TR_IRC_OWN_UNKNOWN, TR_IRC_OWN_FETCHING, TR_IRC_OWN_KNOWN };

struct tr_irc_channel {
	struct tr_irc_network *network;
	char *name;
	char *key; /* folded as ASCII: its name in the store, whatever the server folds */
	char *password;
	struct tr_portal *portal;
	struct tr_irc_session *reader; /* NULL = nobody reads it now */
	struct tr_list members;
	char *last_msgid;  /* durable: everything up to it is stored; "" = none */
	char *seen_msgid;  /* read last, by anybody */
	size_t storing;    /* lines accepted and not durable yet */
	bool advanced;     /* last_msgid has moved and is not stored */
	int64_t joined_ms; /* of the first join ever; 0 = never */
	bool join_stored;
	bool catching_up;
	bool again; /* lines came while it was catching up and found no room */
	struct tr_list held;
	size_t held_count;
	uint64_t reader_generation; /* counts readers: answers to an earlier one are not for us */
	enum tr_irc_own_lines own_state;
	uint64_t own_generation; /* counts losses: what was looked up before one is void */
	struct tr_list own_lines;
	struct tr_map roster; /* folded nick -> owned name, of everybody but our own */
};

struct tr_irc_channel *tr_irc_channel_open(struct tr_irc_network *network, const char *name);
struct tr_irc_channel *tr_irc_channel_find(struct tr_irc_network *network, struct tr_str name);
void tr_irc_channel_destroy(struct tr_irc_channel *channel);
/* The session has joined / is out: who reads may change. */
void tr_irc_channel_joined(struct tr_irc_channel *channel, struct tr_irc_session *session,
	const struct tr_irc_line *join);
void tr_irc_channel_left(struct tr_irc_channel *channel, struct tr_irc_session *session);
/* Before the sessions are destroyed. */
void tr_irc_channel_forget_reader(struct tr_irc_channel *channel);
/* The place a message accepted now comes after: "msgid=..", "timestamp=.." or "". */
void tr_irc_channel_position(const struct tr_irc_channel *channel, struct tr_buf *out);
/* Whether lines may be written: the first join is durable. */
bool tr_irc_channel_writable(const struct tr_irc_channel *channel);
/* Whether what was written before a loss can be looked up. */
bool tr_irc_channel_has_history(const struct tr_irc_channel *channel);
/* Fetches our own lines since `position`; sessions are pumped when own_state is KNOWN. */
void tr_irc_channel_fetch_own(struct tr_irc_channel *channel, const char *position);
/* Takes the session's first unclaimed line if it is `text`; its msgid (owned) or NULL. A miss means
 * that nothing later was written either: the rest of its lines is forgotten. */
char *tr_irc_channel_claim(
	struct tr_irc_channel *channel, const struct tr_irc_session *session, struct tr_str text);
/* A live line of the reader. */
void tr_irc_channel_line(struct tr_irc_channel *channel, const struct tr_irc_line *line);
/* A line with this id was read. A line of somebody else is being stored: tr_irc_channel_stored()
 * follows when it is durable, and only then the stored place moves on. One of ours needs no
 * storing. An empty id counts and moves nothing. */
void tr_irc_channel_storing(struct tr_irc_channel *channel, struct tr_str msgid);
void tr_irc_channel_stored(struct tr_irc_channel *channel, struct tr_str msgid);
void tr_irc_channel_own_seen(struct tr_irc_channel *channel, struct tr_str msgid);

/* --- reader.c
 * ---------------------------------------------------------------------------------------- */

/* The server's id of the line, appended; nothing when there is none, or it could not be asked for
 * again. */
void tr_irc_msgid(const struct tr_irc_line *line, struct tr_buf *out);

/* A channel line (PRIVMSG, NOTICE, JOIN, ..) of somebody else or of us, live or from the history.
 */
void tr_irc_reader_line(
	struct tr_irc_channel *channel, const struct tr_irc_line *line, bool from_history);
/* A PRIVMSG or NOTICE to one of our puppets. */
void tr_irc_reader_direct(struct tr_irc_session *session, const struct tr_irc_line *line);
/* QUIT and NICK have no channel: for every channel this session reads. */
void tr_irc_reader_everywhere(struct tr_irc_session *session, const struct tr_irc_line *line);

/* --- history.c
 * --------------------------------------------------------------------------------------- */

enum { TR_IRC_HISTORY_LINES_MAX = 1000 }; /* of one answer */

/* The lines of one answer, oldest first, as raw text; error NULL = complete. Borrowed for the call.
 */
typedef void tr_irc_history_callback(void *arg, const struct tr_str *lines, size_t count, bool more,
	const struct tr_error *error);

struct tr_irc_history *tr_irc_history_create(struct tr_irc_session *session);
/* Requests still open end with an error (callbacks come). */
void tr_irc_history_reset(struct tr_irc_history *history);
void tr_irc_history_destroy(struct tr_irc_history *history);
bool tr_irc_history_available(const struct tr_irc_session *session);
/* One page after `position` ("msgid=.." or "timestamp=.."); `more` says that the page was full. */
void tr_irc_history_after(struct tr_irc_history *history, const char *target, const char *position,
	tr_irc_history_callback *callback, void *arg);
/* Whether the line belongs to an answer (BATCH, lines of the batch, FAIL CHATHISTORY). */
bool tr_irc_history_line(struct tr_irc_history *history, const struct tr_irc_line *line);

#endif
