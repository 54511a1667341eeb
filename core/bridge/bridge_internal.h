/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of core/bridge share. bridge.c and start.c own the life of it all; each other file
 * has one subject:
 *
 *   ghost.c         ids and names of remote people       intent.c       acting as one of them
 *   portal.c        which rooms are which place          portal_room.c  making rooms
 *   room_entry.c    the bot's way into mapped rooms      membership.c   ghosts come and go
 *   member_sync.c   .. until they agree with a list
 *   events.c        events of Matrix, looked at          content.c      what messages say
 *   operation.c     .. as operations                     about.c        what they refer to
 *   recall.c        what was said lately                 deliver.c      carried out
 *   sibling.c       several rooms of one place
 *   direct.c        who may have direct chats, and how they end
 *   direct_rename.c .. when the person has another name   direct_move.c   .. in Matrix
 *   invitation.c    somebody invites the bot or a ghost  remote.c       what the network said
 *   prepare.c       where and as whom it is sent         management_room.c  notices to people
 *   command.c       commands of people                   query.c        questions of the homeserver
 *   status.c        ready or not, and figures            media.c        files up and down
 *   transactions.c  what the homeserver brings
 *   power.c         ghosts that may not speak           undelivered.c   dead letters, told
 *   power_lock.c    .. one change at a time             room_make.c     rooms made exactly once
 *   mirror.c        ranks and modes of the network      mirror_plan.c   .. as power levels
 *   mirror_levels.c .. written                          mirror_access.c .. as who may enter
 *   portal_state.c  what is written about a portal       permission.c   who may do what
 *   activity.c      who was active when
 *   hint.c          names and presence of Matrix users
 *
 * What waits for an answer of the homeserver is linked somewhere in struct tr_bridge and freed
 * after the client has been destroyed.
 */
#ifndef TRESTLE_BRIDGE_BRIDGE_INTERNAL_H
#define TRESTLE_BRIDGE_BRIDGE_INTERNAL_H

#include "core/base/arena.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/bridge/activity.h"
#include "core/bridge/bridge.h"
#include "core/bridge/command.h"
#include "core/bridge/content.h"
#include "core/bridge/ghost.h"
#include "core/bridge/intent.h"
#include "core/bridge/members.h"
#include "core/bridge/mirror.h"
#include "core/bridge/permission.h"
#include "core/bridge/portal.h"
#include "core/bridge/power.h"
#include "core/bridge/room_make.h"
#include "core/delivery/from_matrix.h"
#include "core/delivery/mark.h"
#include "core/delivery/to_matrix.h"
#include "core/matrix/appservice.h"
#include "core/matrix/client.h"
#include "core/matrix/homeserver.h"

/* In the content of what ghosts say: the place it was said, as the state key of m.bridge. */
#define TR_BRIDGE_ORIGIN "io.trestle.origin"

enum { TR_BRIDGE_ID_MAX = 4096, TR_BRIDGE_TEXT_MAX = 32 * 1024, TR_BRIDGE_RECALL_MAX = 2048 };

enum tr_bridge_state {
	TR_BRIDGE_NEW,
	TR_BRIDGE_STARTING,
	TR_BRIDGE_RUNNING,
	TR_BRIDGE_STOPPING,
	TR_BRIDGE_STOPPED, /* or could not be started */
};

struct tr_delivery;
struct tr_membership_queue;
struct tr_recall;
struct tr_status;
struct tr_undelivered;

struct tr_bridge {
	struct tr_bridge_options options; /* its texts are owned */
	char *bot_user_id;
	enum tr_bridge_state state;
	struct tr_loop *loop;
	struct tr_db *db;
	struct tr_journal *journal;
	struct tr_marks *marks;
	struct tr_from_matrix *from_matrix;
	struct tr_to_matrix *to_matrix;
	struct tr_matrix_client *client;
	struct tr_homeserver *homeserver;
	struct tr_appservice_registration *registration;
	void *module;
	uint64_t last_transaction; /* number of the last one, 0 = none yet */
	struct tr_timer *flush_ping;
	struct tr_list transactions; /* being stored */
	struct tr_timer *hold;       /* the oldest of them has waited long enough */
	bool store_failed;           /* a transaction was refused because of the store */
	bool homeserver_ready;       /* reached, and the bot is there */
	struct tr_timer *bot_retry;
	unsigned bot_attempts;
	tr_bridge_callback *callback; /* of start or stop */
	void *callback_arg;
	size_t start_step; /* which comes next (start.c) */
	struct tr_error start_error;
	struct tr_timer *stop_poll;
	uint64_t stop_until_ms;
	bool module_stopped;

	struct tr_ghosts ghosts;
	struct tr_members members;
	struct tr_activity activity;
	struct tr_map names;   /* Matrix user id -> display name, owned; "" = none */
	struct tr_map askings; /* .. being asked for */
	struct tr_map intents;
	struct tr_map powers;      /* room id -> repair of power levels */
	struct tr_map power_locks; /* room id -> whose turn it is to change them */
	struct tr_map mirrors;     /* room id -> what the network says of it */
	struct tr_list mirrors_due;
	struct tr_timer *mirror_pace;
	size_t mirrors_running;
	struct tr_map portals;   /* key of tr_portal_key() -> portal */
	struct tr_map rooms;     /* room id -> portal */
	struct tr_map lanes;     /* lane of a direct chat -> portal */
	struct tr_map retired;   /* lane -> portal that has a successor */
	struct tr_map receivers; /* Matrix users with direct chats -> one of them */
	struct tr_map moves;     /* room id -> ghosts that have to leave a direct chat */
	struct tr_map openings;
	struct tr_map room_intents; /* purpose -> that a room is made or may have been */
	struct tr_map entries;      /* room id -> the bot's way into it */
	struct tr_map said; /* room id -> the state it has been told; until its entry is made */
	size_t entries_running;
	struct tr_map management;       /* user id -> room id, owned */
	struct tr_map management_users; /* room id -> user id, owned */
	struct tr_map told;             /* what was told lately -> struct, owned */
	struct tr_membership_queue *membership;
	struct tr_list creations;  /* of rooms for messages */
	struct tr_list deliveries; /* events on their way */
	struct tr_list commands;
	struct tr_list invitations;
	struct tr_list farewells;         /* of ghosts that say something and leave */
	struct tr_list checks;            /* whether people are still in their direct chats */
	struct tr_list replies;           /* of the homeserver's requests not answered yet */
	struct tr_list sibling_copies;    /* of messages, being stored for other rooms */
	struct tr_list copies;            /* remote messages being stored in several rooms */
	struct tr_list transfers;         /* of files */
	uint64_t upload_max;              /* bytes, as the homeserver says; 0 = not known */
	struct tr_recall *recall;         /* what was said lately */
	struct tr_delivery *looked_ahead; /* made to see whether it may follow at once */
	struct tr_arena turn;             /* freed in the next turn */
	bool turn_used;
	struct tr_status *status;
	struct tr_undelivered *undelivered;
	struct tr_map told_encrypted;   /* room id -> when it was told, owned */
	struct tr_map departures;       /* user id -> he may have left for good */
	struct tr_list withheld;        /* messages that may not be shown now */
	struct tr_map withholds;        /* room id -> whether it withholds what is said */
	struct tr_timer *withhold_tick; /* NULL until the first */
};

/* --- bridge.c */

/* Writes one statement, again and again until it is durable; `settled` (may be NULL) comes then, or
 * never. Values are copied. */
void tr_bridge_write(struct tr_bridge *bridge, const struct tr_db_statement *statement,
	const struct tr_db_value *values, size_t count, tr_loop_callback *settled, void *arg);
/* Gives the result of start or stop to whoever waits for it. */
void tr_bridge_call_back(void *bridge);
/* Memory until the next turn. */
struct tr_arena *tr_bridge_turn(struct tr_bridge *bridge);

/* --- transactions.c */

void tr_bridge_on_transaction(
	void *bridge, const struct tr_transaction *given, struct tr_appservice_reply *reply);
/* Timers: one transaction was refused, the homeserver shall try again now; one is held too long. */
void tr_bridge_flush_ping(void *bridge);
void tr_bridge_held_too_long(void *bridge);
void tr_transactions_finish(struct tr_bridge *bridge);

/* --- events.c, operation.c, about.c, deliver.c, invitation.c */

extern const struct tr_from_matrix_handler tr_bridge_from_matrix;
/* An event taken apart for delivery. */
struct tr_delivery {
	struct tr_op op;
	struct tr_list node; /* in bridge->deliveries once it is on its way */
	struct tr_bridge *bridge;
	struct tr_inbound *inbound;
	int64_t seq;
	struct tr_json *event;
	struct tr_content content;  /* of a message */
	bool says;                  /* the message has something to bridge */
	bool given;                 /* the module has it */
	struct tr_arena arena;      /* of what was looked up */
	struct tr_timer *ask_again; /* what it refers to; NULL = it was not asked in vain */
	unsigned asked;             /* .. so often */
	bool is_room_command;
};
struct tr_delivery *tr_delivery_create(struct tr_bridge *bridge, const struct tr_inbound *inbound);
void tr_delivery_free(struct tr_delivery *delivery);
/* Whether it is a message in a portal, and no command. */
bool tr_delivery_is_talk(const struct tr_delivery *delivery);
/* Carries it out; it and its inbound end now or later. */
void tr_delivery_run(struct tr_delivery *delivery);
/* Looks up what op.about is of; tr_delivery_found() follows once, in a later turn. */
void tr_about_find(struct tr_delivery *delivery);
void tr_delivery_found(struct tr_delivery *delivery);
/* Ends: nothing more to do; or by the class of an error (retry, or refuse). */
void tr_delivery_done(struct tr_delivery *delivery);
void tr_delivery_fail(struct tr_delivery *delivery, const struct tr_error *error);
/* Somebody invites the bot or one of the ghosts. */
void tr_invitation_run(struct tr_delivery *delivery);
void tr_invitations_finish(struct tr_bridge *bridge);

/* --- hint.c */

/* A member event or list says this user's name. */
void tr_hint_display_name(struct tr_bridge *bridge, struct tr_str user_id, struct tr_str name);
/* What came beside the events of a transaction. */
void tr_hint_ephemeral(struct tr_bridge *bridge, const struct tr_json *events);
void tr_hints_finish(struct tr_bridge *bridge);

/* --- remote.c, prepare.c */

extern const struct tr_to_matrix_handler tr_bridge_to_matrix;
void tr_remote_finish(struct tr_bridge *bridge);
void tr_creations_finish(struct tr_bridge *bridge);
/* The name of the queue's lane for notices to a person: no room id. */
void tr_lane_of_user(const char *user_id, struct tr_buf *lane);

/* --- sibling.c */

/* Has the message said in the other rooms of its place; tr_op_finish() follows when that is stored.
 * false: there is nothing of the kind to do. */
bool tr_sibling_copy(struct tr_op *op, const struct tr_str *remote_ids, size_t count,
	void (*settled)(void *arg), void *arg);
/* tr_op_done() after that. */
void tr_op_finish(struct tr_op *op, const struct tr_str *remote_ids, size_t count,
	void (*settled)(void *arg), void *arg);
void tr_siblings_finish(struct tr_bridge *bridge);

/* --- direct.c */

extern const char tr_direct_group[];
/* Why this Matrix user may not talk with one of the ghosts alone: a sentence, or NULL. */
const char *tr_direct_forbidden(const struct tr_bridge *bridge, const char *user_id);
/* The ghost (NULL = the bot) enters if it has to, says why, and leaves. The callback comes once, in
 * a later turn, and says whether it is out. */
typedef void tr_farewell_callback(void *arg, const struct tr_error *error);
void tr_bridge_leave_saying(struct tr_bridge *bridge, struct tr_ghost *ghost, const char *room_id,
	const char *key, const char *text, tr_farewell_callback *callback, void *arg);
/* Somebody else has come into a direct chat: it is one no more. Ends the delivery. */
void tr_direct_third_person(struct tr_delivery *delivery);
/* Before the ghost says something there: who has left is invited again. */
void tr_direct_ask_in(struct tr_portal *portal, struct tr_ghost *ghost, const char *room_id);
void tr_directs_finish(struct tr_bridge *bridge);

/* --- direct_move.c */

/* The ghost `mxid`, who was called `name`, is in this direct chat under a former name of the
 * person: it has to leave once the ghost of the portal is in. Not stored. */
void tr_move_add(struct tr_bridge *bridge, const char *room_id, const char *mxid, const char *name);
/* The same, of a room that was made by a ghost of a former name, stored and begun with. */
void tr_move_made(struct tr_bridge *bridge, const char *room_id, const struct tr_ghost *ghost);
/* This one is called so again. */
void tr_move_remove(struct tr_bridge *bridge, const char *room_id, const char *mxid);
/* Adds what is stored of it as it is now. */
void tr_move_write(struct tr_bridge *bridge, const char *room_id, struct tr_db_batch *batch);
/* That is durable: begin. */
void tr_move_start(struct tr_bridge *bridge, const char *room_id);
/* Who can invite `mxid` into the room, where that is a direct chat; NULL = the bot, if anybody. */
const char *tr_move_inviter(struct tr_bridge *bridge, const char *room_id, const char *mxid);
/* Rows of (room_id, mxid, name) of statement `index`, in their order. */
void tr_moves_load(struct tr_bridge *bridge, const struct tr_db_result *result, size_t index);
/* The homeserver is ready: begin with all. */
void tr_moves_start(struct tr_bridge *bridge);
void tr_moves_finish(struct tr_bridge *bridge);

/* --- portal.c, portal_room.c, room_entry.c */

/* Unambiguous: a user id has one end, and what follows is the remote id. */
void tr_portal_key(struct tr_str remote_id, const char *receiver, struct tr_buf *key);
void tr_portals_load(struct tr_bridge *bridge, const struct tr_db_result *result,
	size_t portals_index, size_t rooms_index, size_t lanes_index);
void tr_portals_finish(struct tr_bridge *bridge);
struct tr_portal *tr_portal_open(struct tr_bridge *bridge, struct tr_str remote_id,
	const char *receiver, const char *name, bool store);
/* Adds a room and stores that. Of a direct portal it becomes the first. */
void tr_portal_add_room(struct tr_portal *portal, const char *room_id, bool store,
	tr_loop_callback *settled, void *arg);
/* Forgets the room, in memory and in the store. */
void tr_portal_remove_room(struct tr_portal *portal, const char *room_id);
void tr_openings_finish(struct tr_bridge *bridge);
/* The body of createRoom for a channel's or a direct chat's room; owned. */
char *tr_portal_channel_room(const struct tr_portal *portal, const char *inviter);
char *tr_portal_direct_room(const struct tr_portal *portal);
/* What such a room is called while the person is called `name`; owned. */
char *tr_portal_direct_name(const struct tr_bridge *bridge, const char *name);
/* The states that change with the name of the person, which was `former`: an array of {type,
 * state_key, content}; owned. */
struct tr_json *tr_portal_renamed_states(const struct tr_portal *portal, const char *former_id);
/* Names the network in state keys, the directory and for clients. */
const char *tr_bridge_network_id(const struct tr_bridge *bridge);
/* The content of the bridge state and its state key; both owned. */
char *tr_bridge_state_content(const struct tr_portal *portal);
char *tr_bridge_state_key(const struct tr_portal *portal);
struct tr_json *tr_bridge_state_json(const struct tr_portal *portal);

/* Has the bot enter the room; `with_state` also sets the bridge state there. */
void tr_entry_add(struct tr_bridge *bridge, const char *room_id, bool with_state);
/* Rows of (room_id, said) of statement `index`; before the portals are loaded. */
void tr_entries_load(struct tr_bridge *bridge, const struct tr_db_result *result, size_t index);
/* The homeserver is ready: begin. */
void tr_entries_start(struct tr_bridge *bridge);
/* The bot was invited: try now. false when the room is none of ours. */
bool tr_entry_invited(struct tr_bridge *bridge, const char *room_id);
void tr_entries_finish(struct tr_bridge *bridge);

/* --- membership.c */

struct tr_membership_queue *tr_membership_queue_create(
	struct tr_bridge *bridge, uint64_t interval_ms);
void tr_membership_queue_destroy(struct tr_membership_queue *queue);
void tr_membership_join(
	struct tr_membership_queue *queue, struct tr_ghost *ghost, const char *room_id);
/* Not before `delay_ms` are over; who joins meanwhile never left. */
void tr_membership_leave(struct tr_membership_queue *queue, struct tr_ghost *ghost,
	const char *room_id, struct tr_str reason, uint64_t delay_ms);
void tr_membership_kick(struct tr_membership_queue *queue, const char *user_id, const char *room_id,
	struct tr_str reason);
/* Whether the ghost's leave waits already, now or for later. */
bool tr_membership_leaves(
	const struct tr_membership_queue *queue, const struct tr_ghost *ghost, const char *room_id);
void tr_membership_pause(struct tr_membership_queue *queue, bool paused);
size_t tr_membership_depth(const struct tr_membership_queue *queue);

/* --- management_room.c */

void tr_management_load(struct tr_bridge *bridge, const struct tr_db_result *result, size_t index);
void tr_management_finish(struct tr_bridge *bridge);
/* Whose management room it is, or NULL. */
const char *tr_management_user(const struct tr_bridge *bridge, struct tr_str room_id);
const char *tr_management_room(const struct tr_bridge *bridge, const char *user_id);
/* `settled` (may be NULL) comes when that is durable. */
void tr_management_set(struct tr_bridge *bridge, const char *user_id, const char *room_id,
	tr_loop_callback *settled, void *arg);
/* Somebody else has come in: with more than two the bot says so and leaves. Ends the delivery. */
void tr_management_joined(struct tr_delivery *delivery);
/* The bot or the person has left it. */
void tr_management_forget(struct tr_bridge *bridge, const char *room_id);
char *tr_management_room_options(const struct tr_bridge *bridge, const char *user_id);
/* A notice of the bot (of the ghost in a direct chat), under a key that makes it unique. */
struct tr_notice {
	const char *text;
	const char *html;     /* what clients show instead, or NULL */
	const char *reply_to; /* the event it answers, or NULL */
};
void tr_bridge_notice_rich(struct tr_bridge *bridge, const char *room_id, struct tr_str key,
	const struct tr_notice *notice);
void tr_bridge_notice(
	struct tr_bridge *bridge, const char *room_id, struct tr_str key, const char *text);

/* --- command.c */

/* Whether a message in a channel's room is a command: "!irc ..". */
bool tr_command_is_for_room(const struct tr_bridge *bridge, struct tr_str text);
void tr_command_run(struct tr_delivery *delivery);
void tr_commands_finish(struct tr_bridge *bridge);

/* --- query.c */

extern const struct tr_appservice_handler tr_bridge_appservice;
/* Answers what is still open. */
void tr_queries_finish(struct tr_bridge *bridge);

/* --- media.c */

void tr_transfers_finish(struct tr_bridge *bridge);

/* --- undelivered.c */

struct tr_undelivered *tr_undelivered_create(struct tr_bridge *bridge);
void tr_undelivered_destroy(struct tr_undelivered *undelivered);
/* A message of the portal (may be NULL) is dead: whoever said it is told some time. */
void tr_undelivered_add(struct tr_undelivered *undelivered, struct tr_portal *portal,
	const struct tr_to_matrix_dead *message, const struct tr_error *error);

/* --- status.c */

struct tr_status *tr_status_create(struct tr_bridge *bridge);
void tr_status_destroy(struct tr_status *status);

#endif
