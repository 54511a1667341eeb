/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of membershipLists, carried out: which ghosts come to Matrix (how they come there is
 * core/bridge's) and which puppets to IRC (how and at what pace they connect is session.c's).
 */
#include "bridges/irc/membership_lists.h"

#include "bridges/irc/reader.h"
#include "bridges/irc/roster.h"
#include "bridges/irc/session.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/bridge/activity.h"

#include <string.h>

enum { ID_MAX = 2048 };

static const struct tr_irc_membership_lists *lists_of(const struct tr_irc_network *network)
{
	return &network->config->membershipLists;
}

static struct tr_irc_irc_to_matrix to_matrix(const struct tr_irc_channel *channel)
{
	const struct tr_irc_membership_lists *lists = lists_of(channel->network);
	if (!lists->given) {
		return (struct tr_irc_irc_to_matrix){.incremental = true};
	}
	if (!lists->enabled) {
		return (struct tr_irc_irc_to_matrix){false, false, false};
	}
	const struct tr_irc_isupport *isupport = &channel->network->isupport;
	for (size_t i = 0; i < lists->channel_count; i++) {
		if (tr_irc_same(isupport, tr_str_from(lists->channels[i].channel),
			    tr_str_from(channel->name))) {
			return lists->channels[i].ircToMatrix;
		}
	}
	return lists->global.ircToMatrix;
}

static struct tr_irc_matrix_to_irc to_irc(const struct tr_irc_network *network, const char *room_id)
{
	const struct tr_irc_membership_lists *lists = lists_of(network);
	if (!lists->enabled) {
		return (struct tr_irc_matrix_to_irc){false, false};
	}
	for (size_t i = 0; i < lists->room_count; i++) {
		if (strcmp(lists->rooms[i].room, room_id) == 0) {
			return lists->rooms[i].matrixToIrc;
		}
	}
	return lists->global.matrixToIrc;
}

bool tr_irc_lists_shows_all(const struct tr_irc_channel *channel)
{
	return to_matrix(channel).initial;
}

bool tr_irc_lists_shows_changes(const struct tr_irc_channel *channel)
{
	return to_matrix(channel).incremental;
}

bool tr_irc_lists_requires_all(const struct tr_irc_channel *channel)
{
	return to_matrix(channel).requireMatrixJoined;
}

/* Both texts of everybody in the channel, in an arena. */
struct people {
	struct tr_arena arena;
	struct tr_remote_person *items;
	size_t count;
};

static void add_person(void *arg, struct tr_str nick)
{
	struct people *people = arg;
	struct tr_buf id = TR_BUF_INIT(ID_MAX);
	struct tr_buf name = TR_BUF_INIT(ID_MAX);
	tr_irc_reader_identity(nick, &id);
	tr_irc_reader_name(nick, &name);
	people->items[people->count++] = (struct tr_remote_person){
		.id = tr_arena_str(&people->arena, tr_buf_str(&id)),
		.name = tr_arena_str(&people->arena, tr_buf_str(&name)),
	};
	tr_buf_finish(&id);
	tr_buf_finish(&name);
}

void tr_irc_lists_sync(struct tr_irc_channel *channel)
{
	if (!channel->named || channel->portal == NULL) {
		return;
	}
	struct people people = {.count = 0};
	people.items = tr_alloc_array(tr_irc_roster_count(channel) + 1, sizeof(*people.items));
	tr_irc_roster_each(channel, add_person, &people);
	tr_bridge_remote_members(channel->network->bridge, channel->portal, people.items,
		people.count, tr_irc_lists_shows_all(channel));
	tr_free(people.items);
	tr_arena_finish(&people.arena);
}

static bool is_idle(struct tr_irc_network *network, const char *user_id)
{
	const struct tr_irc_membership_lists *lists = lists_of(network);
	const int64_t hour_ms = 3600 * 1000;
	if (!lists->ignoreIdleUsersOnStartup.enabled) {
		return false;
	}
	const struct tr_regex *exclude = lists->ignoreIdleUsersOnStartup.exclude.regex;
	int64_t idle =
		tr_clock_wall_ms() - tr_bridge_last_active(network->bridge, tr_str_from(user_id));
	return idle > lists->ignoreIdleUsersOnStartup.idleForHours * hour_ms &&
	       (exclude == NULL || !tr_regex_matches(exclude, tr_str_from(user_id)));
}

size_t tr_irc_lists_puppets(const struct tr_irc_network *network)
{
	size_t count = 0;
	for (struct tr_map_entry *e = tr_map_first(&network->sessions); e; e = tr_map_next(e)) {
		const struct tr_irc_session *session = tr_map_value(e);
		count += !tr_list_empty(&session->members);
	}
	return count;
}

static void bring(struct tr_irc_channel *channel, const char *user_id)
{
	struct tr_irc_session *session = tr_irc_session_of(channel->network, user_id);
	tr_irc_session_join(session, channel);
	tr_irc_session_want(session);
}

/* The bot counts too; 0 = no limit. */
bool tr_irc_lists_room_for_another(const struct tr_irc_network *network, size_t brought)
{
	int64_t max = network->config->ircClients.maxClients;
	return max == 0 || (int64_t)(brought + (network->bot != NULL)) < max;
}

void tr_irc_lists_members_known(struct tr_irc_channel *channel, const char *room_id)
{
	struct tr_irc_network *network = channel->network;
	tr_irc_lists_sync(channel);
	if (!to_irc(network, room_id).initial) {
		return;
	}
	const char *const *users;
	size_t count = tr_portal_room_members(channel->portal, room_id, &users);
	size_t brought = tr_irc_lists_puppets(network);
	size_t left_out = 0;
	for (size_t i = 0; i < count; i++) {
		struct tr_irc_session *known =
			tr_map_get(&network->sessions, tr_str_from(users[i]));
		bool is_there = known != NULL && !tr_list_empty(&known->members);
		if (is_idle(network, users[i])) {
			continue;
		}
		if (!is_there && !tr_irc_lists_room_for_another(network, brought)) {
			left_out++;
			continue;
		}
		brought += !is_there;
		bring(channel, users[i]);
	}
	if (left_out > 0) {
		tr_log_warn("irc",
			"%s: %zu members of %s are not brought to %s before they speak: ircClients.maxClients is %lld",
			network->entry->address, left_out, room_id, channel->name,
			(long long)network->config->ircClients.maxClients);
	}
}

void tr_irc_lists_member_joined(
	struct tr_irc_channel *channel, const char *room_id, const char *user_id)
{
	struct tr_irc_session *session =
		tr_map_get(&channel->network->sessions, tr_str_from(user_id));
	if (to_irc(channel->network, room_id).incremental) {
		bring(channel, user_id);
	} else if (session != NULL && tr_irc_session_online(session)) {
		tr_irc_session_join(session, channel);
	}
}
