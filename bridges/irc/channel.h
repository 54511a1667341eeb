/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a channel: its one reader, its place in the history, catching up, who is in it.
 * Channels live as long as the network.
 */
#ifndef TRESTLE_IRC_CHANNEL_H
#define TRESTLE_IRC_CHANNEL_H

#include "bridges/irc/network.h"

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
	char *topic;           /* as IRC said last, as plain text; NULL = not known (topic.c) */
	char *topic_asked;     /* by us, and not heard yet; NULL = nothing (topic_set.c) */
	unsigned topics_heard; /* TOPICs of anybody */
	struct tr_portal *portal;
	struct tr_irc_session *reader;  /* NULL = nobody reads it now */
	struct tr_irc_session *standby; /* who reads next, or NULL: standby.h */
	struct tr_irc_overlap *overlap; /* NULL before the first standby */
	struct tr_list members;
	struct tr_list order;         /* messages on their way there, in the order of the room */
	struct tr_timer *order_timer; /* NULL until the first */
	unsigned window_used;         /* lines of ours written and not durably confirmed */
	char *last_place;             /* durable: everything up to it is stored; "" = none */
	char *seen_place;             /* read last, by anybody: history_place.h */
	struct tr_irc_moment *moment; /* of the line read last, or NULL: history_place.c */
	size_t storing;               /* lines accepted and not durable yet */
	struct tr_list advanced_node; /* in network->advanced: last_place has moved, not stored */
	int64_t joined_ms;            /* of the first join ever; 0 = never */
	bool join_stored;
	bool refusal_told; /* the room knows that the bot is not let in */
	bool catching_up;
	bool again;       /* lines came while it was catching up and found no room */
	bool people_lost; /* .. and some of them may have said who came and went */
	struct tr_list held;
	size_t held_count;
	uint64_t reader_generation; /* counts readers: answers to an earlier one are not for us */
	enum tr_irc_own_lines own_state;
	uint64_t own_generation; /* counts losses: what was looked up before one is void */
	struct tr_list own_lines;
	bool named;           /* the server has named everybody since its reader came */
	struct tr_map roster; /* folded nick -> owned name, of everybody but our own: roster.h */
	struct tr_map ranks;  /* folded nick -> rank, of everybody who has one: channel_modes.h */
	struct tr_timer *ranks_timer;
	uint64_t modes; /* that are set; modes_known = the reader has been told of all */
	bool modes_known;
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
/* A line with this place was read. A line of somebody else is being stored: tr_irc_channel_stored()
 * follows when it is durable, and only then the stored place moves on. One of ours, or one
 * that says nothing, is only passed: a page of the history full of them must not look like its end.
 * An empty place counts and moves nothing. */
void tr_irc_channel_storing(struct tr_irc_channel *channel, struct tr_str place);
void tr_irc_channel_stored(struct tr_irc_channel *channel, struct tr_str place);
void tr_irc_channel_passed(struct tr_irc_channel *channel, struct tr_str place);

#endif
