/* SPDX-License-Identifier: Apache-2.0 */
/* The rosters of all channels and the index over them. What a coming or going means is reader.c's.
 */
#include "bridges/irc/roster.h"

#include <string.h>

enum { NAME_MAX = 512 };

/* The channels of one nick. */
struct places {
	struct tr_irc_channel **channels;
	size_t count, room;
};

static void places_free(struct places *places)
{
	tr_free(places->channels);
	tr_free(places);
}

static void index_add(struct tr_irc_channel *channel, struct tr_str key)
{
	struct tr_map *index = &channel->network->whereabouts;
	struct places *places = tr_map_get(index, key);
	if (places == NULL) {
		places = tr_alloc(sizeof(*places));
		tr_map_set(index, key, places);
	}
	if (places->count == places->room) {
		places->room = places->room ? places->room * 2 : 1;
		places->channels = tr_realloc_array(
			places->channels, places->room, sizeof(struct tr_irc_channel *));
	}
	places->channels[places->count++] = channel;
}

static void index_remove(struct tr_irc_channel *channel, struct tr_str key)
{
	struct tr_map *index = &channel->network->whereabouts;
	struct places *places = tr_map_get(index, key);
	for (size_t i = 0; places != NULL && i < places->count; i++) {
		if (places->channels[i] == channel) {
			places->channels[i] = places->channels[--places->count];
			break;
		}
	}
	if (places != NULL && places->count == 0) {
		tr_map_remove(index, key);
		places_free(places);
	}
}

void tr_irc_roster_add(struct tr_irc_channel *channel, struct tr_str nick)
{
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold(&channel->network->isupport, nick, &key);
	char *old = tr_map_set(&channel->roster, tr_buf_str(&key), tr_str_dup(nick));
	if (old == NULL) {
		index_add(channel, tr_buf_str(&key));
	}
	tr_free(old);
	tr_buf_finish(&key);
}

void tr_irc_roster_remove(struct tr_irc_channel *channel, struct tr_str nick)
{
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold(&channel->network->isupport, nick, &key);
	char *old = tr_map_remove(&channel->roster, tr_buf_str(&key));
	if (old != NULL) {
		index_remove(channel, tr_buf_str(&key));
	}
	tr_free(old);
	tr_buf_finish(&key);
}

void tr_irc_roster_forget(struct tr_irc_channel *channel)
{
	for (struct tr_map_entry *e = tr_map_first(&channel->roster); e; e = tr_map_next(e)) {
		index_remove(channel, tr_map_key(e));
		tr_free(tr_map_value(e));
	}
	tr_map_finish(&channel->roster);
}

void tr_irc_roster_each_channel(struct tr_irc_network *network, struct tr_str nick,
	tr_irc_roster_channel_visitor *visitor, void *arg)
{
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold(&network->isupport, nick, &key);
	const struct places *places = tr_map_get(&network->whereabouts, tr_buf_str(&key));
	tr_buf_finish(&key);
	if (places == NULL) {
		return;
	}
	size_t count = places->count;
	struct tr_irc_channel **channels = tr_alloc_array(count, sizeof(struct tr_irc_channel *));
	memcpy(channels, places->channels, count * sizeof(struct tr_irc_channel *));
	for (size_t i = 0; i < count; i++) {
		visitor(arg, channels[i]);
	}
	tr_free(channels);
}

size_t tr_irc_roster_count(const struct tr_irc_channel *channel)
{
	return tr_map_count(&channel->roster);
}

void tr_irc_roster_each(
	const struct tr_irc_channel *channel, tr_irc_roster_visitor *visitor, void *arg)
{
	for (struct tr_map_entry *e = tr_map_first(&channel->roster); e; e = tr_map_next(e)) {
		visitor(arg, tr_str_from(tr_map_value(e)));
	}
}
