/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranks and modes as the server says them, and whom they mean; see the header. What becomes of them
 * in Matrix is core's (core/bridge/mirror.h).
 */
#include "bridges/irc/channel_modes.h"

#include "bridges/irc/identity.h"
#include "bridges/irc/reader.h"
#include "bridges/irc/roster.h"
#include "core/base/arena.h"
#include "core/base/log.h"

#include <string.h>

enum { NAME_MAX = 512, ID_MAX = 2048 };

/* Somebody with a rank in a channel. */
struct rank {
	struct tr_list channel_node;
	struct tr_list nick_node; /* of the same nick in all channels */
	struct tr_irc_channel *channel;
	struct tr_irc_session *session; /* whose puppet it is, once that is sure */
	char *nick;
	char *key;      /* folded */
	uint64_t modes; /* bit_of() each */
};

/* All ranks of one nick. */
struct holder {
	struct tr_list ranks;
};

static uint64_t bit_of(char mode)
{
	if (mode >= 'a' && mode <= 'z') {
		return (uint64_t)1 << (mode - 'a');
	}
	if (mode >= 'A' && mode <= 'Z') {
		return (uint64_t)1 << (26 + mode - 'A');
	}
	return 0;
}

/* Index among the server's ranks, or -1. */
static ptrdiff_t index_in(const char *set, char c)
{
	const char *found = c != '\0' ? strchr(set, c) : NULL;
	return found != NULL ? found - set : -1;
}

static void tell(void *arg);

static void changed(struct tr_irc_channel *channel)
{
	struct tr_irc_network *network = channel->network;
	if (channel->ranks_timer == NULL) {
		channel->ranks_timer = tr_timer_create(network->loop, tell, channel);
	}
	if (!tr_timer_active(channel->ranks_timer)) {
		tr_timer_start(channel->ranks_timer,
			(uint64_t)network->entry->globals.ircHandler.powerLevelGracePeriodMs);
	}
}

static void fold(const struct tr_irc_channel *channel, struct tr_str nick, struct tr_buf *key)
{
	tr_irc_fold(&channel->network->isupport, nick, key);
}

static struct rank *rank_find(const struct tr_irc_channel *channel, struct tr_str nick)
{
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	fold(channel, nick, &key);
	struct rank *rank = tr_map_get(&channel->ranks, tr_buf_str(&key));
	tr_buf_finish(&key);
	return rank;
}

static void rank_index(struct rank *rank)
{
	struct tr_map *holders = &rank->channel->network->rank_holders;
	struct holder *holder = tr_map_get(holders, tr_str_from(rank->key));
	if (holder == NULL) {
		holder = tr_alloc(sizeof(*holder));
		tr_list_init(&holder->ranks);
		tr_map_set(holders, tr_str_from(rank->key), holder);
	}
	tr_list_append(&holder->ranks, &rank->nick_node);
	tr_map_set(&rank->channel->ranks, tr_str_from(rank->key), rank);
}

static void rank_unindex(struct rank *rank)
{
	struct tr_map *holders = &rank->channel->network->rank_holders;
	struct holder *holder = tr_map_get(holders, tr_str_from(rank->key));
	tr_list_remove(&rank->nick_node);
	if (holder != NULL && tr_list_empty(&holder->ranks)) {
		tr_map_remove(holders, tr_str_from(rank->key));
		tr_free(holder);
	}
	tr_map_remove(&rank->channel->ranks, tr_str_from(rank->key));
}

static void rank_free(struct rank *rank)
{
	rank_unindex(rank);
	rank->channel->network->rank_count--;
	tr_free(rank->nick);
	tr_free(rank->key);
	tr_free(rank);
}

static void rank_set_nick(struct rank *rank, struct tr_str nick)
{
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	fold(rank->channel, nick, &key);
	tr_free(rank->nick);
	tr_free(rank->key);
	rank->nick = tr_str_dup(nick);
	rank->key = tr_buf_take(&key);
}

static void complain(struct tr_irc_network *network)
{
	if (!network->ranks_complained) {
		network->ranks_complained = true;
		tr_log_warn("irc", "%s: more than %d people have ranks: the rest are left out",
			network->entry->address, TR_IRC_RANKS_MAX);
	}
}

static void set_modes(struct tr_irc_channel *channel, struct tr_str nick, uint64_t modes)
{
	struct tr_irc_network *network = channel->network;
	struct rank *rank = rank_find(channel, nick);
	if (tr_str_empty(nick) || nick.len > NAME_MAX / 2 || (rank ? rank->modes : 0) == modes) {
		return;
	}
	if (rank == NULL) {
		if (network->rank_count >= TR_IRC_RANKS_MAX) {
			complain(network);
			return;
		}
		network->rank_count++;
		rank = tr_alloc(sizeof(*rank));
		rank->channel = channel;
		rank_set_nick(rank, nick);
		rank_index(rank);
	}
	rank->modes = modes;
	if (modes == 0) {
		rank_free(rank);
	}
	changed(channel);
}

void tr_irc_ranks_forget(struct tr_irc_channel *channel)
{
	struct tr_map_entry *next;
	for (struct tr_map_entry *e = tr_map_first(&channel->ranks); e; e = next) {
		next = tr_map_next(e);
		rank_free(tr_map_value(e));
	}
}

void tr_irc_ranks_finish(struct tr_irc_channel *channel)
{
	tr_irc_ranks_forget(channel);
	tr_map_finish(&channel->ranks);
	tr_timer_destroy(channel->ranks_timer);
	channel->ranks_timer = NULL;
}

/* --- lines */

/* 353: "@+nick!user@host .."; without multi-prefix only the highest sign is there. */
static void names(struct tr_irc_channel *channel, const struct tr_irc_line *line)
{
	const struct tr_irc_isupport *isupport = &channel->network->isupport;
	struct tr_str rest = tr_irc_param(line, 3);
	struct tr_str entry;
	while (tr_str_word(&rest, &entry)) {
		uint64_t modes = 0;
		ptrdiff_t index;
		while (entry.len > 0 &&
			(index = index_in(isupport->prefix_symbols, entry.ptr[0])) >= 0) {
			modes |= bit_of(isupport->prefix_modes[index]);
			entry = tr_str_from_index(entry, 1);
		}
		ptrdiff_t bang = tr_str_find_char(entry, '!');
		set_modes(channel, bang > 0 ? tr_str_slice(entry, 0, (size_t)bang) : entry, modes);
	}
}

static void set_channel_mode(struct tr_irc_channel *channel, char mode, bool add)
{
	uint64_t bit = strchr("iklmnps", mode) != NULL ? bit_of(mode) : 0;
	uint64_t modes = add ? channel->modes | bit : channel->modes & ~bit;
	if (modes != channel->modes) {
		channel->modes = modes;
		changed(channel);
	}
}

/* "MODE #chan +ov-b a b mask", or the same behind 324. */
static void modes(
	struct tr_irc_channel *channel, const struct tr_str *params, size_t count, bool whole)
{
	const struct tr_irc_isupport *isupport = &channel->network->isupport;
	size_t max = count > 0 ? params[0].len : 0;
	struct tr_irc_mode_change *changes = tr_alloc_array(max + 1, sizeof(*changes));
	size_t found = tr_irc_modes_parse(isupport, params, count, changes, max);
	if (whole) {
		channel->modes = 0;
		channel->modes_known = true;
		changed(channel);
	}
	for (size_t i = 0; i < found; i++) {
		const struct tr_irc_mode_change *change = &changes[i];
		uint64_t bit = bit_of(change->mode);
		if (index_in(isupport->prefix_modes, change->mode) < 0) {
			set_channel_mode(channel, change->mode, change->add);
		} else if (!tr_str_empty(change->argument)) {
			const struct rank *rank = rank_find(channel, change->argument);
			uint64_t had = rank ? rank->modes : 0;
			set_modes(channel, change->argument, change->add ? had | bit : had & ~bit);
		}
	}
	tr_free(changes);
}

/* The room's modes matter only where the bridge has made the room. */
static void ask_modes(const struct tr_irc_channel *channel)
{
	if (channel->portal != NULL && !channel->portal->configured && channel->reader != NULL) {
		tr_irc_flood_ask(channel->reader, "MODE", channel->name);
	}
}

/* The nick of a puppet is seen to come in, with its mask: nobody else has it. */
static void nick_found(struct tr_irc_channel *channel, const struct tr_irc_line *line)
{
	/* As in the history: by its mask. */
	struct tr_irc_session *owner = tr_irc_network_owner_of_line(channel->network, line, true);
	if (owner != NULL && owner->mask[0] != '\0' && !tr_str_empty(line->host)) {
		owner->nick_lost = false;
	}
}

void tr_irc_ranks_line(struct tr_irc_channel *channel, const struct tr_irc_line *line)
{
	if (line->numeric == 353) {
		names(channel, line);
	} else if (line->numeric == 366) {
		changed(channel);
		ask_modes(channel);
	} else if (line->numeric == 324 && line->param_count > 2) {
		modes(channel, &line->params[2], line->param_count - 2, true);
	} else if (tr_irc_is(line, "MODE") && line->param_count > 1) {
		modes(channel, &line->params[1], line->param_count - 1, false);
	} else if (tr_irc_is(line, "JOIN")) {
		nick_found(channel, line);
		set_modes(channel, line->nick, 0);
	} else if (tr_irc_is(line, "PART")) {
		set_modes(channel, line->nick, 0);
	} else if (tr_irc_is(line, "KICK")) {
		set_modes(channel, tr_irc_param(line, 1), 0);
	}
}

/* The channels that `reader` reads and the nick has a rank in: `new_nick` has it now, or nobody. */
static void move_ranks(
	const struct tr_irc_session *reader, struct tr_str nick, struct tr_str new_nick)
{
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold(&reader->network->isupport, nick, &key);
	const struct holder *holder = tr_map_get(&reader->network->rank_holders, tr_buf_str(&key));
	struct tr_list *node = holder ? holder->ranks.next : NULL;
	bool last = holder == NULL || node == &holder->ranks;
	while (!last) {
		struct rank *rank = TR_LIST_ENTRY(node, struct rank, nick_node);
		struct tr_irc_channel *channel = rank->channel;
		node = node->next;
		last = node == &holder->ranks; /* which may go with the last of its ranks */
		if (channel->reader != reader) {
			continue;
		}
		changed(channel);
		if (tr_str_empty(new_nick) || new_nick.len > NAME_MAX / 2) {
			rank_free(rank);
		} else if (!tr_irc_same(&reader->network->isupport, nick, new_nick)) {
			set_modes(channel, new_nick, 0); /* nobody had it */
			rank_unindex(rank);
			rank_set_nick(rank, new_nick);
			rank_index(rank);
		}
	}
	tr_buf_finish(&key);
}

void tr_irc_ranks_everywhere(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_irc_session *owner =
		tr_irc_network_owner(session->network, line->nick, (struct tr_str){NULL, 0}, false);
	if (owner != NULL && owner != session) {
		owner->nick_lost = true; /* until its own connection says what it is called */
	}
	move_ranks(session, line->nick,
		tr_irc_is(line, "NICK") ? tr_irc_param(line, 0) : (struct tr_str){NULL, 0});
}

void tr_irc_ranks_puppet_joined(struct tr_irc_channel *channel)
{
	if (channel->named) {
		changed(channel);
	}
}

void tr_irc_ranks_puppet_renamed(struct tr_irc_session *session)
{
	session->nick_lost = false;
	for (struct tr_list *node = session->members.next; node != &session->members;
		node = node->next) {
		tr_irc_ranks_puppet_joined(
			TR_LIST_ENTRY(node, struct tr_irc_member, node)->channel);
	}
}

/* --- telling */

static int64_t level_of(const struct tr_irc_network *network, uint64_t modes)
{
	int64_t level = 0;
	for (size_t i = 0; i < network->config->mode_power_count; i++) {
		const struct tr_irc_mode_power *item = &network->config->modePowerMap[i];
		if ((modes & bit_of(item->key[0])) != 0 && item->power > level) {
			level = item->power;
		}
	}
	return level;
}

/* Whose puppet it is; NULL with *stranger when it is nobody's, NULL without when that is not sure.
 */
static struct tr_irc_session *puppet_of(struct rank *rank, bool *stranger)
{
	struct tr_irc_channel *channel = rank->channel;
	*stranger = tr_map_get(&channel->roster, tr_str_from(rank->key)) != NULL;
	if (*stranger) {
		return NULL;
	}
	struct tr_irc_session *session = rank->session;
	if (session == NULL) {
		session = tr_irc_network_owner(
			channel->network, tr_str_from(rank->nick), (struct tr_str){NULL, 0}, false);
		if (session == NULL || session->nick_lost) {
			return NULL;
		}
	}
	const struct tr_irc_member *member = tr_irc_session_member(session, channel);
	if (!tr_irc_session_online(session) || member == NULL || member->state != TR_IRC_JOINED) {
		return NULL;
	}
	rank->session = session;
	return session;
}

struct telling {
	struct tr_arena arena;
	struct tr_remote_rank *ranks;
	size_t count;
};

static void add(struct telling *telling, struct rank *rank)
{
	bool stranger;
	const struct tr_irc_session *session = puppet_of(rank, &stranger);
	struct tr_remote_rank *told = &telling->ranks[telling->count];
	*told = (struct tr_remote_rank){.level = level_of(rank->channel->network, rank->modes)};
	if (stranger) {
		struct tr_buf id = TR_BUF_INIT(ID_MAX);
		struct tr_buf name = TR_BUF_INIT(ID_MAX);
		tr_irc_reader_identity(tr_str_from(rank->nick), &id);
		tr_irc_reader_name(tr_str_from(rank->nick), &name);
		told->id = tr_arena_str(&telling->arena, tr_buf_str(&id));
		told->name = tr_arena_str(&telling->arena, tr_buf_str(&name));
		tr_buf_finish(&id);
		tr_buf_finish(&name);
	} else if (session != NULL && session->user_id != NULL) {
		told->user_id = session->user_id;
	} else {
		return; /* the bot, or not sure: a change of that comes here again */
	}
	telling->count++;
}

static void tell(void *arg)
{
	struct tr_irc_channel *channel = arg;
	if (!channel->named || channel->reader == NULL || channel->portal == NULL) {
		return; /* the end of NAMES comes here again */
	}
	struct telling telling = {.count = 0};
	telling.ranks = tr_alloc_array(tr_map_count(&channel->ranks) + 1, sizeof(*telling.ranks));
	for (struct tr_map_entry *e = tr_map_first(&channel->ranks); e; e = tr_map_next(e)) {
		add(&telling, tr_map_value(e));
	}
	const struct tr_remote_state state = {
		.ranks = telling.ranks,
		.rank_count = telling.count,
		.modes_known = channel->modes_known,
		.moderated = (channel->modes & bit_of('m')) != 0,
		.closed = (channel->modes & (bit_of('i') | bit_of('k'))) != 0,
		.secret = (channel->modes & (bit_of('s') | bit_of('p'))) != 0,
	};
	tr_bridge_remote_state(channel->network->bridge, channel->portal, &state);
	tr_free(telling.ranks);
	tr_arena_finish(&telling.arena);
}
