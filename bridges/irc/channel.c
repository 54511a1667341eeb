/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A channel: who reads it, how far it is stored, and catching up after an absence. Exactly one
 * session reads a channel: the bot, else a puppet that is in it. The place (of the last line) moves
 * on only when everything before it is durable, so after a kill the history is read from a place
 * that loses nothing; what is read twice is known by its id.
 */
#include "bridges/irc/channel.h"

#include "bridges/irc/channel_internal.h"
#include "bridges/irc/channel_modes.h"
#include "bridges/irc/hearing.h"
#include "bridges/irc/history.h"
#include "bridges/irc/history_place.h"
#include "bridges/irc/outgoing.h"
#include "bridges/irc/roster.h"
#include "bridges/irc/session.h"
#include "bridges/irc/session_internal.h"
#include "bridges/irc/standby.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#include <string.h>

enum {
	NAME_MAX = 512,
	ID_MAX = 1024,
	PLACES_MS = 100, /* between commits of places */
};

static const struct tr_db_statement store_place = {
	"INSERT INTO irc_channel(name, last_msgid, joined_ms) VALUES ($1, $2, $3)"
	" ON CONFLICT (name) DO UPDATE SET last_msgid = excluded.last_msgid, joined_ms = excluded.joined_ms"};

struct tr_irc_channel *tr_irc_channel_find(struct tr_irc_network *network, struct tr_str name)
{
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold(&network->isupport, name, &key);
	struct tr_irc_channel *channel = tr_map_get(&network->channels, tr_buf_str(&key));
	tr_buf_finish(&key);
	return channel;
}

static void add_to_map(struct tr_irc_network *network, struct tr_irc_channel *channel)
{
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold(&network->isupport, tr_str_from(channel->name), &key);
	tr_map_set(&network->channels, tr_buf_str(&key), channel);
	tr_buf_finish(&key);
}

void tr_irc_network_set_isupport(
	struct tr_irc_network *network, const struct tr_irc_isupport *isupport)
{
	bool remap = network->isupport.casemapping != isupport->casemapping;
	network->isupport = *isupport;
	if (!remap) {
		return;
	}
	struct tr_map old = network->channels;
	network->channels = (struct tr_map){NULL};
	for (struct tr_map_entry *e = tr_map_first(&old); e; e = tr_map_next(e)) {
		struct tr_irc_channel *channel = tr_map_value(e);
		if (tr_irc_channel_find(network, tr_str_from(channel->name)) == NULL) {
			add_to_map(network, channel);
		} else {
			/* Two names that this server takes for one: both stay, the first is used.
			 * No channel has a space in its name. */
			char *aside = tr_asprintf(" %s", channel->name);
			tr_map_set(&network->channels, tr_str_from(aside), channel);
			tr_free(aside);
			tr_log_error("irc",
				"%s: the server takes %s for another channel that is bridged too",
				network->entry->address, channel->name);
		}
	}
	tr_map_finish(&old);
}

struct tr_irc_channel *tr_irc_channel_open(struct tr_irc_network *network, const char *name)
{
	struct tr_irc_channel *channel = tr_irc_channel_find(network, tr_str_from(name));
	if (channel != NULL) {
		return channel;
	}
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold_stable(tr_str_from(name), &key);
	channel = tr_alloc(sizeof(*channel));
	channel->network = network;
	channel->name = tr_strdup(name);
	channel->key = tr_buf_take(&key);
	channel->last_place = tr_strdup("");
	channel->seen_place = tr_strdup("");
	tr_list_init(&channel->members);
	tr_list_init(&channel->order);
	tr_list_init(&channel->held);
	tr_list_init(&channel->own_lines);
	add_to_map(network, channel);
	return channel;
}

void tr_irc_channel_destroy(struct tr_irc_channel *channel)
{
	tr_irc_channel_invalidate_own(channel);
	tr_list_remove(&channel->advanced_node);
	tr_irc_standby_finish(channel);
	tr_irc_channel_forget_held(channel);
	tr_irc_roster_forget(channel);
	tr_irc_ranks_finish(channel);
	tr_timer_destroy(channel->order_timer);
	tr_free(channel->name);
	tr_free(channel->key);
	tr_free(channel->password);
	tr_free(channel->topic);
	tr_free(channel->topic_asked);
	tr_free(channel->last_place);
	tr_free(channel->seen_place);
	tr_free(channel->moment);
	tr_free(channel);
}

static void write_place(struct tr_irc_channel *channel, struct tr_db_batch *batch)
{
	TR_DB_ADD(batch, &store_place, TR_DB_TC(channel->key), TR_DB_TC(channel->last_place),
		TR_DB_N(channel->joined_ms));
}

/* All places that have moved, in one commit now and then: reading a little again after a kill costs
 * nothing, a commit for each line would. */
static void write_places(void *arg)
{
	struct tr_irc_network *network = arg;
	struct tr_db_batch *batch = tr_journal_batch(tr_bridge_journal(network->bridge));
	struct tr_list *node;
	while ((node = tr_list_head(&network->advanced)) != NULL) {
		tr_list_remove(node);
		write_place(TR_LIST_ENTRY(node, struct tr_irc_channel, advanced_node), batch);
	}
	tr_journal_join(tr_bridge_journal(network->bridge), NULL, NULL);
}

void tr_irc_network_open_places(struct tr_irc_network *network)
{
	tr_list_init(&network->advanced);
	network->places = tr_timer_create(network->loop, write_places, network);
}

void tr_irc_network_flush_places(struct tr_irc_network *network)
{
	if (tr_timer_active(network->places)) {
		tr_timer_stop(network->places);
		write_places(network);
	}
}

static void set_text(char **field, struct tr_str text)
{
	if (!tr_str_empty(text) && !tr_str_eq_c(text, *field)) {
		tr_free(*field);
		*field = tr_str_dup(text);
	}
}

static void advance(struct tr_irc_channel *channel, struct tr_str place)
{
	if (tr_str_empty(place)) {
		return;
	}
	set_text(&channel->last_place, place);
	if (!tr_list_linked(&channel->advanced_node)) {
		tr_list_append(&channel->network->advanced, &channel->advanced_node);
	}
	if (!tr_timer_active(channel->network->places)) {
		tr_timer_start(channel->network->places, PLACES_MS);
	}
}

void tr_irc_channel_storing(struct tr_irc_channel *channel, struct tr_str place)
{
	channel->storing++;
	set_text(&channel->seen_place, place);
}

void tr_irc_channel_stored(struct tr_irc_channel *channel, struct tr_str place)
{
	channel->storing--;
	advance(channel, place);
}

void tr_irc_channel_passed(struct tr_irc_channel *channel, struct tr_str place)
{
	set_text(&channel->seen_place, place);
	/* Lines of others before it may not be durable yet: then theirs move the place. */
	if (channel->storing == 0 && !channel->catching_up) {
		advance(channel, place);
	}
}

void tr_irc_channel_add_place_of_join(const struct tr_irc_channel *channel, struct tr_buf *out)
{
	if (channel->joined_ms > 0) {
		tr_buf_add_c(out, "timestamp=");
		tr_clock_format(out, channel->joined_ms - 1);
	}
}

const char *tr_irc_channel_newest_place(const struct tr_irc_channel *channel)
{
	return channel->seen_place[0] ? channel->seen_place : channel->last_place;
}

void tr_irc_channel_add_place(const struct tr_irc_channel *channel, bool past, struct tr_buf *out)
{
	const char *place = tr_irc_channel_newest_place(channel);
	if (place[0] != '\0') {
		tr_irc_history_place_reference(place, past, out);
	} else {
		tr_irc_channel_add_place_of_join(channel, out);
	}
}

void tr_irc_channel_position(const struct tr_irc_channel *channel, struct tr_buf *out)
{
	tr_irc_channel_add_place(channel, false, out);
}

bool tr_irc_channel_writable(const struct tr_irc_channel *channel)
{
	return channel->join_stored;
}

bool tr_irc_channel_has_history(const struct tr_irc_channel *channel)
{
	return channel->reader != NULL && tr_irc_history_available(channel->reader);
}

static void write_join(void *mark, struct tr_db_batch *batch)
{
	write_place(mark, batch);
}

static void join_settled(void *mark, bool durable)
{
	struct tr_irc_channel *channel = mark;
	if (durable) {
		channel->join_stored = true;
		tr_irc_order_pump(channel);
	}
}

/* The first join ever: from here on there is something to catch up with. */
static void first_join(struct tr_irc_channel *channel, const struct tr_irc_line *join)
{
	struct tr_str time;
	if (!tr_irc_tag(join, "time", &time) || !tr_clock_parse(time, &channel->joined_ms)) {
		channel->joined_ms = tr_clock_wall_ms();
	}
	tr_marks_add(channel->network->marks, write_join, join_settled, channel);
}

static void forget_people(struct tr_irc_channel *channel)
{
	tr_irc_roster_forget(channel);
	tr_irc_ranks_forget(channel);
	channel->named = channel->modes_known = channel->people_lost = false;
}

static void ask_names(const struct tr_irc_channel *channel)
{
	if (channel->reader != NULL) {
		tr_irc_flood_ask(channel->reader, "NAMES", channel->name);
	}
}

void tr_irc_channel_find_people(struct tr_irc_channel *channel)
{
	forget_people(channel);
	ask_names(channel);
}

static void set_reader(struct tr_irc_channel *channel, struct tr_irc_session *reader)
{
	if (channel->reader != NULL) {
		channel->reader->reading--;
	}
	channel->reader = reader;
	channel->reader_generation++;
	tr_irc_channel_invalidate_own(channel);
	channel->catching_up = false;
	channel->again = false;
	tr_irc_channel_forget_held(channel);
	forget_people(channel);
	if (reader == NULL) {
		return;
	}
	reader->reading++;
	tr_irc_session_rouse(reader);
	tr_irc_hearing_wake(reader);
	/* From the moment of the first join, whether that is durable yet or not. */
	bool something_missed = channel->joined_ms > 0;
	if (something_missed && tr_irc_history_available(reader)) {
		channel->catching_up = true;
		tr_irc_channel_catch_up(channel);
	}
}

struct tr_irc_session *tr_irc_channel_elect(
	const struct tr_irc_channel *channel, const struct tr_irc_session *other)
{
	struct tr_irc_session *found = NULL;
	for (const struct tr_list *node = channel->members.next; node != &channel->members;
		node = node->next) {
		const struct tr_irc_member *member =
			TR_LIST_ENTRY(node, struct tr_irc_member, channel_node);
		if (member->state != TR_IRC_JOINED || member->session == other ||
			!tr_irc_session_online(member->session)) {
			continue;
		}
		int fitness = tr_irc_hearing_fitness(member->session);
		if (member->session->user_id == NULL && fitness > 0) {
			return member->session;
		}
		if (found == NULL || fitness > tr_irc_hearing_fitness(found)) {
			found = member->session;
		}
	}
	return found;
}

void tr_irc_channel_replace_reader(struct tr_irc_channel *channel)
{
	if (channel->standby != NULL) {
		set_reader(channel, channel->standby);
		tr_irc_standby_hand_on(channel);
	} else {
		tr_irc_standby_dismiss(channel);
		set_reader(channel, tr_irc_channel_elect(channel, channel->reader));
	}
	/* Who has been in the channel for long is not told again who else is. */
	ask_names(channel);
	tr_irc_standby_choose(channel);
}

void tr_irc_channel_joined(struct tr_irc_channel *channel, struct tr_irc_session *session,
	const struct tr_irc_line *join)
{
	/* The bot takes over from a puppet where the history closes the gap between two
	 * connections; else it waits until that puppet leaves. */
	bool bot_takes_over = session->user_id == NULL && channel->reader != session &&
			      tr_irc_history_available(session);
	if (channel->reader == NULL || bot_takes_over) {
		tr_irc_standby_dismiss(channel);
		set_reader(channel, session);
	}
	tr_irc_standby_choose(channel);
	if (!channel->join_stored && channel->joined_ms == 0) {
		first_join(channel, join);
	}
}

void tr_irc_channel_left(struct tr_irc_channel *channel, struct tr_irc_session *session)
{
	/* What this session had written is uncertain now. */
	tr_irc_channel_invalidate_own(channel);
	if (channel->reader == session) {
		tr_irc_channel_replace_reader(channel);
	} else if (channel->standby == session) {
		tr_irc_standby_dismiss(channel);
		tr_irc_standby_choose(channel);
	}
	tr_irc_hearing_keep(channel);
}

void tr_irc_channel_deafened(struct tr_irc_channel *channel, struct tr_irc_session *session)
{
	bool alone = channel->standby == NULL && tr_irc_channel_elect(channel, session) == NULL;
	if (channel->reader == session && !alone) {
		tr_irc_channel_replace_reader(channel);
	} else if (channel->reader == session && tr_irc_hearing_fitness(session) > 0) {
		set_reader(channel, session); /* wakes it, and asks for what it has missed */
		ask_names(channel);
	} else if (channel->standby == session) {
		tr_irc_standby_dismiss(channel);
		tr_irc_standby_choose(channel);
	}
	tr_irc_hearing_keep(channel);
}

void tr_irc_channel_forget_reader(struct tr_irc_channel *channel)
{
	channel->reader = channel->standby = NULL;
}
