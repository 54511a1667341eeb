/* SPDX-License-Identifier: Apache-2.0 */
/* The rosters of all channels, the index over them and what is known of each nick. What a coming or
 * going means is reader.c's.
 */
#include "bridges/irc/roster.h"

#include <string.h>

enum { NAME_MAX = 512 };

/* The channels of one nick, and who that is. */
struct places {
	struct tr_irc_channel **channels;
	size_t count, room;
	char *known; /* mask and account, each ended by NUL; NULL = neither is known */
};

static void places_free(struct places *places)
{
	tr_free(places->channels);
	tr_free(places->known);
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

static bool is_full(const struct tr_irc_channel *channel, struct tr_str key)
{
	const struct tr_map *index = &channel->network->whereabouts;
	return tr_map_count(index) >= TR_IRC_ROSTER_NICKS && tr_map_get(index, key) == NULL;
}

void tr_irc_roster_add(struct tr_irc_channel *channel, struct tr_str nick)
{
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold(&channel->network->isupport, nick, &key);
	if (is_full(channel, tr_buf_str(&key))) {
		tr_buf_finish(&key);
		return;
	}
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

static struct places *places_of(const struct tr_irc_network *network, struct tr_str nick)
{
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold(&network->isupport, nick, &key);
	struct places *places = tr_map_get(&network->whereabouts, tr_buf_str(&key));
	tr_buf_finish(&key);
	return places;
}

static struct tr_irc_person known_of(const struct places *places)
{
	struct tr_irc_person person = {TR_STR(""), TR_STR("")};
	if (places->known != NULL) {
		person.mask = tr_str_from(places->known);
		person.account = tr_str_from(places->known + person.mask.len + 1);
	}
	return person;
}

void tr_irc_roster_told(struct tr_irc_network *network, struct tr_str nick, struct tr_str mask,
	const struct tr_str *account)
{
	struct places *places = places_of(network, nick);
	if (places == NULL) {
		return;
	}
	struct tr_irc_person old = known_of(places);
	struct tr_irc_person person = old;
	if (!tr_str_empty(mask)) {
		person.mask = tr_str_slice(mask, 0, TR_IRC_MASK_MAX);
	}
	if (account != NULL) {
		person.account = tr_str_eq(*account, TR_STR("*"))
					 ? TR_STR("")
					 : tr_str_slice(*account, 0, TR_IRC_ACCOUNT_MAX);
	}
	if (tr_str_eq(old.mask, person.mask) && tr_str_eq(old.account, person.account)) {
		return;
	}
	struct tr_buf known = TR_BUF_INIT(TR_IRC_MASK_MAX + TR_IRC_ACCOUNT_MAX + 2);
	tr_buf_add(&known, person.mask);
	tr_buf_add_char(&known, '\0');
	tr_buf_add(&known, person.account);
	tr_buf_add_char(&known, '\0');
	tr_free(places->known);
	places->known = tr_memdup(known.data, known.len);
	tr_buf_finish(&known);
}

bool tr_irc_roster_person(
	const struct tr_irc_network *network, struct tr_str nick, struct tr_irc_person *person)
{
	const struct places *places = places_of(network, nick);
	if (places == NULL) {
		return false;
	}
	*person = known_of(places);
	return true;
}

void tr_irc_roster_line(
	struct tr_irc_network *network, const struct tr_irc_line *line, bool tagged, bool extended)
{
	bool rehosted = tr_irc_is(line, "CHGHOST") && line->param_count > 1;
	struct tr_str user = rehosted ? line->params[0] : line->user;
	struct tr_str host = rehosted ? line->params[1] : line->host;
	struct tr_str account = {NULL, 0};
	if (tr_str_empty(line->nick) || tr_str_empty(host)) {
		return;
	}
	/* Not all servers tag everything; what people say they do. */
	bool talk = tr_irc_is(line, "PRIVMSG") || tr_irc_is(line, "NOTICE");
	bool told = tr_irc_tag(line, "account", &account) || (tagged && talk);
	if ((extended && tr_irc_is(line, "JOIN") && line->param_count > 2) ||
		tr_irc_is(line, "ACCOUNT")) {
		account = tr_irc_param(line, tr_irc_is(line, "ACCOUNT") ? 0 : 1);
		told = true;
	}
	struct tr_buf mask = TR_BUF_INIT(NAME_MAX);
	tr_buf_add(&mask, user);
	tr_buf_add_char(&mask, '@');
	tr_buf_add(&mask, host);
	tr_irc_roster_told(network, line->nick, tr_buf_str(&mask), told ? &account : NULL);
	tr_buf_finish(&mask);
}
