/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One bridge: one registration, one store, one protocol instance. It ties the two queues to the
 * homeserver and to the module, and is what a module calls.
 *
 * Life: create -> start (opens and migrates the store, resumes both queues, starts the module,
 * waits for the homeserver, pings it, opens the gates) -> stop (drain) -> destroy.
 */
#ifndef TRESTLE_BRIDGE_BRIDGE_H
#define TRESTLE_BRIDGE_BRIDGE_H

#include "core/bridge/protocol.h"
#include "core/delivery/journal.h"
#include "core/io/loop.h"

struct tr_appservice;
struct tr_bridge;
struct tr_http_client;
struct tr_matrix_client;
struct tr_portal;
struct tr_seal;

/* Everything is copied but the pointers to running things, which outlive the bridge. */
struct tr_bridge_options {
	struct tr_loop *loop;
	struct tr_metrics *metrics;
	struct tr_appservice *appservice;
	struct tr_http_client *http; /* NULL = one of its own */
	struct tr_seal *seal;        /* NULL when there is no key_file */
	const struct tr_protocol *protocol;
	const void *protocol_config;

	const char *name; /* for people and logs: "Example IRC" */
	const char *homeserver_url;
	const char *domain;
	const char *as_token, *hs_token, *appservice_id;
	const char *bot_localpart;
	const char *bot_display_name; /* NULL = name */
	const char *database;
	/* Ghost ids: template with $NICK and $SERVER, "@irc_$NICK"; unescaped and case-keeping as
	 * the incumbent's. */
	const char *user_template;
	const char *ghost_name_template; /* "$NICK" */
	const char *server;              /* for $SERVER */
	const char *network_id;          /* NULL = server */
	const char *icon;                /* of the network, "mxc://.."; NULL = none */
	const char *alias_template;      /* "#irc_$CHANNEL", NULL = no aliases */
	bool create_alias, publish, federate_rooms;
	bool publish_homeserver; /* in the homeserver's own directory, not the network's */
	bool no_direct;          /* nobody has direct chats */
	bool direct_local_only; /* .. but users of this homeserver, in rooms that do not federate */
	bool invite_only;       /* join rule of new portals */
	bool no_bridge_state;   /* rooms do not say what they lead to */
	bool no_initial_state;  /* .. but those that the bridge makes */
	const char *room_version;  /* NULL = the homeserver's default */
	bool orphan_flush;         /* see appservice.orphan_flush of the configuration */
	uint64_t max_age_ms;       /* of messages from Matrix; 0 = never too old */
	const char *const *admins; /* user ids */
	size_t admin_count;
	/* Level of a user, by the configuration: >= 0 is a permission level of
	 * core/bridge/permission.h. */
	int (*permission)(const void *protocol_config, const char *user_id);
	/* Where people outside find media: "<media_url>/_matrix/media/v3/download/..". NULL =
	 * homeserver_url. */
	const char *media_url;
	size_t recall_max; /* events remembered for replies and edits; 0 = 2048 */
	uint64_t hold_ms;  /* of a transaction while the store does not answer; 0 = 30,000 */
	uint64_t membership_interval_ms; /* pace of ghosts' joins and leaves; 0 = 20 */
	/* How often a ghost's join that is refused is tried again; < 0 = for ever. What only fails
	 * for a while is tried again in any case. */
	int64_t join_retries;
	uint64_t departed_after_ms; /* core/bridge/departed.h; 0 = 15 minutes */
	uint64_t withhold_after_ms; /* core/bridge/withhold.h; 0 = 60,000 */
};

struct tr_bridge *tr_bridge_create(const struct tr_bridge_options *options, struct tr_error *error);
/* After stop, or instead of it when nothing matters any more (the queues are in the store). */
void tr_bridge_destroy(struct tr_bridge *bridge);

/* error NULL = started: both queues run (the homeserver may still be away; it is waited for). An
 * error is final: the store cannot be opened or is newer than the program. */
typedef void tr_bridge_callback(void *arg, const struct tr_error *error);
void tr_bridge_start(struct tr_bridge *bridge, tr_bridge_callback *callback, void *arg);
/* Refuses transactions (503), starts nothing new, lets what is on its way be confirmed, stops the
 * module, writes what is left, calls back within `timeout_ms`. */
void tr_bridge_stop(
	struct tr_bridge *bridge, uint64_t timeout_ms, tr_bridge_callback *callback, void *arg);

/* For /live, /ready and `!status`: store usable, homeserver reached, network as its module says. */
bool tr_bridge_ready(const struct tr_bridge *bridge, struct tr_buf *why);
void tr_bridge_set_max_age(struct tr_bridge *bridge, uint64_t max_age_ms);

struct tr_loop *tr_bridge_loop(struct tr_bridge *bridge);
struct tr_db *tr_bridge_db(struct tr_bridge *bridge);
struct tr_journal *tr_bridge_journal(struct tr_bridge *bridge);
struct tr_metrics *tr_bridge_metrics(struct tr_bridge *bridge);
struct tr_matrix_client *tr_bridge_client(struct tr_bridge *bridge);
struct tr_seal *tr_bridge_seal(struct tr_bridge *bridge);
const char *tr_bridge_domain(const struct tr_bridge *bridge);
const char *tr_bridge_bot_user_id(const struct tr_bridge *bridge);
/* Unique among the bridges of the process; label of metrics. */
const char *tr_bridge_name(const struct tr_bridge *bridge);

/* The network is back: lanes towards it that wait begin again now. */
void tr_bridge_wake(struct tr_bridge *bridge);

/* What a remote person said. It goes to every room of the portal. Borrowed for the call. */
struct tr_remote_message {
	struct tr_portal *portal;
	struct tr_str sender; /* remote id as it identifies: the ghost's key (case-folded where the
				 network folds) */
	struct tr_str sender_name; /* as shown: original case */
	struct tr_str remote_key;  /* unique for ever in the portal; the network's own id where it
				      has one */
	bool keep_mapping;         /* remote_key is the network's own id */
	enum tr_message_kind kind;
	struct tr_str text; /* plain text, UTF-8, no NUL */
	struct tr_str html; /* formatted_body, already sanitized; empty = none */
	int64_t ts;         /* ms, 0 = now */
	/* User ids for m.mentions: they are notified. Nobody else is, whatever the text says. */
	const struct tr_str *mentions;
	size_t mention_count;
	/* Remote id of the message this one answers; one that is not known (any more) makes it no
	 * reply. Empty = none. */
	struct tr_str reply_to;
};
/* `durable` (may be NULL) comes when every room's copy is stored. */
void tr_bridge_message(struct tr_bridge *bridge, const struct tr_remote_message *message,
	void (*durable)(void *arg), void *arg);

/* The topic of the place is now this (plain text, may be empty): set in every room of a channel
 * portal, in the order of the messages, as `sender`'s ghost, or as the bot where the ghost may not
 * (sender empty = the bot). The key is unique as a message's; the same topic again is no change of
 * the room. */
struct tr_remote_topic {
	struct tr_portal *portal;
	struct tr_str sender;
	struct tr_str sender_name;
	struct tr_str remote_key;
	struct tr_str text;
	int64_t ts; /* ms, 0 = now */
};
void tr_bridge_remote_topic(struct tr_bridge *bridge, const struct tr_remote_topic *topic,
	void (*durable)(void *arg), void *arg);

/* A remote person is in / has left the place (as it happens). Paced and coalesced; a leave waits
 * for the messages of that ghost that are on their way. `reason` may be empty. */
void tr_bridge_remote_join(struct tr_bridge *bridge, struct tr_portal *portal,
	struct tr_str remote_id, struct tr_str name);
void tr_bridge_remote_leave(struct tr_bridge *bridge, struct tr_portal *portal,
	struct tr_str remote_id, struct tr_str name, struct tr_str reason);
struct tr_remote_person {
	struct tr_str id;   /* remote id */
	struct tr_str name; /* as shown */
};
/* All who are in the place now (after the first look, or an absence): ghosts in the portal's rooms
 * who are not among them leave; with `bring` the others come in. In rooms whose members are not
 * known yet nothing happens: members_known() says when. Borrowed for the call. */
void tr_bridge_remote_members(struct tr_bridge *bridge, struct tr_portal *portal,
	const struct tr_remote_person *people, size_t count, bool bring);
/* The same, but the room sees it only after `delay_ms`: who is back by then never left (netsplits).
 * Held in memory only. */
void tr_bridge_remote_leave_later(struct tr_bridge *bridge, struct tr_portal *portal,
	struct tr_str remote_id, struct tr_str reason, uint64_t delay_ms);
/* A puppet was put out of the place by somebody on the network: the Matrix user is kicked by the
 * bot. */
void tr_bridge_remote_kick(struct tr_bridge *bridge, struct tr_portal *portal, const char *user_id,
	struct tr_str reason);

/* Somebody with a rank in the place. */
struct tr_remote_rank {
	struct tr_str id, name; /* a remote person; or */
	const char *user_id;    /* .. the Matrix user whose puppet it is; else NULL */
	int64_t level;          /* power level for it; 0 = none but more than nobody's rank */
};
struct tr_remote_state {
	const struct tr_remote_rank *ranks;
	size_t rank_count;
	bool modes_known; /* of the place, below; else what was said before holds */
	bool moderated;   /* only who has a rank may speak */
	bool closed;      /* not everybody may enter */
	bool secret;      /* outsiders shall not know of it */
};
/* How the place stands now, whole: who has a rank there, and its modes. The rooms are made to agree
 * (core/bridge/mirror.h); what they have already costs nothing. Borrowed for the call. */
void tr_bridge_remote_state(
	struct tr_bridge *bridge, struct tr_portal *portal, const struct tr_remote_state *state);

/* The display name of a Matrix user as far as it is known: "" = has none, NULL = not known; then
 * ask, and hint() tells it in a later turn, whatever the answer. */
const char *tr_bridge_display_name(const struct tr_bridge *bridge, const char *user_id);
void tr_bridge_ask_display_name(struct tr_bridge *bridge, const char *user_id);

/* A notice of the bot to a person (in the management room, which is made when there is none) or
 * into a room. */
void tr_bridge_tell_user(struct tr_bridge *bridge, const char *user_id, const char *text);
/* Whether this person has a management room: a notice is then no new chat. */
bool tr_bridge_has_management_room(const struct tr_bridge *bridge, const char *user_id);
void tr_bridge_tell_room(struct tr_bridge *bridge, const char *room_id, const char *text);

/* Sends again what this user said and the network refused, in the old order and behind all that
 * waits: `count` messages now, `left` more at another time. The callback does not come once the
 * bridge is being destroyed. */
typedef void tr_bridge_again_callback(
	void *arg, size_t count, size_t left, const struct tr_error *error);
void tr_bridge_send_again(struct tr_bridge *bridge, const char *user_id,
	tr_bridge_again_callback *callback, void *arg);

/* What tr_bridge_send_again() would still send: dead since `died_ms` at the earliest, and said not
 * before `said_ms`. What a module keeps of older messages is of no use any more. */
void tr_bridge_again_since(const struct tr_bridge *bridge, int64_t *died_ms, int64_t *said_ms);

/* Which of these remote ids are known in the portal (delivered in either direction): calls back
 * once with an array of `count` flags, in order; `known` NULL when the store cannot say now. */
typedef void tr_bridge_known_callback(void *arg, const bool *known);
void tr_bridge_known_messages(struct tr_bridge *bridge, const struct tr_portal *portal,
	const struct tr_str *remote_ids, size_t count, tr_bridge_known_callback *callback,
	void *arg);

#endif
