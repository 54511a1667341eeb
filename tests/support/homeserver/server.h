/* SPDX-License-Identifier: Apache-2.0
 *
 * The homeserver as a whole: its one appservice, users, rooms and aliases, and how an event gets
 * from a room to the appservice. HTTP is above this.
 */
#ifndef HS_SERVER_H
#define HS_SERVER_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

#include "tests/support/homeserver/cache.h"
#include "tests/support/homeserver/fault.h"
#include "tests/support/homeserver/ledger.h"
#include "tests/support/homeserver/outgoing.h"
#include "tests/support/homeserver/pusher.h"
#include "tests/support/homeserver/room.h"

struct hs_user {
	UT_hash_handle hh;
	UT_hash_handle by_token;
	char *displayname;
	char *avatar_url;
	char *token; /* or NULL: acted for by the appservice */
	bool ours;
	char id[];
};

struct hs_alias {
	UT_hash_handle hh;
	struct hs_room *room;
	char name[];
};

struct hs_appservice {
	char *id;
	char *url; /* NULL: nothing is pushed */
	char *as_token;
	char *hs_token;
	char *sender; /* user id */
	bool has_aliases;
	regex_t users;
	regex_t aliases;
};

struct hs_counters {
	uint64_t requests;
	uint64_t sends;
	uint64_t cached;
	uint64_t events;
};

struct hs_server {
	struct hs_loop *loop;
	struct hs_outgoing outgoing;
	struct hs_ledger ledger;
	struct hs_pusher pusher;
	struct hs_cache cache;
	struct hs_faults faults;
	struct hs_counters counters;
	struct hs_appservice appservice;
	char *domain;
	int64_t delay_ms;
	int room_version;
	size_t history;
	struct hs_user *users;
	struct hs_user *users_by_token;
	struct hs_room *rooms;
	struct hs_alias *aliases;
	struct hs_media *media;
	struct hs_gate *gate; /* stands before the pusher */
};

/* Of the appservice's user namespace, or its sender. */
bool hs_server_is_ours(const struct hs_server *server, const char *user_id);
bool hs_server_is_our_alias(const struct hs_server *server, const char *alias);

struct hs_user *hs_server_user(const struct hs_server *server, const char *user_id);
/* The new or already known user. */
struct hs_user *hs_server_add_user(struct hs_server *server, const char *user_id);
struct hs_user *hs_server_user_by_token(const struct hs_server *server, const char *token);
/* Gives the user a token to act with, if there is none yet. */
const char *hs_server_token(struct hs_server *server, struct hs_user *user);

struct hs_room *hs_server_room(const struct hs_server *server, const char *room_id);
/* An empty room with a new id in the manner of its version. */
struct hs_room *hs_server_add_room(struct hs_server *server, int version);
struct hs_room *hs_server_aliased(const struct hs_server *server, const char *alias);
/* false when taken. */
bool hs_server_add_alias(struct hs_server *server, const char *alias, struct hs_room *room);
bool hs_server_remove_alias(struct hs_server *server, const char *alias);

/* Make an event happen: history, state and, where it is of interest and not quiet, the pusher. The
 * event returned is borrowed: it lives as long as the room remembers it, at least until the next
 * one. */
struct hs_event *hs_server_happen(struct hs_server *server, struct hs_room *room,
	const struct hs_event_parts *parts, bool quiet);
/* The same for a state event; adds what it replaces to its unsigned part. */
struct hs_event *hs_server_set_state(struct hs_server *server, struct hs_room *room,
	const char *sender, const char *type, const char *state_key, const char *content);

/* Frees users, rooms and aliases. */
void hs_server_finish(struct hs_server *server);

#endif
