/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A channel: who reads it, how far it is stored, and catching up after an absence. Exactly one
 * session reads a channel: the bot, else a puppet that is in it. The place (last msgid) moves on
 * only when everything before it is durable, so after a kill the history is read from a place that
 * loses nothing; what is read twice is known by its id.
 */
#include "bridges/irc/network.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#include <string.h>

enum {
	NAME_MAX = 512,
	ID_MAX = 1024,
	HELD_MAX = 2048, /* live lines kept while catching up; what is beyond is fetched again */
	OWN_MAX = 20000, /* own lines looked through after a loss */
};

static const struct tr_db_statement store_place = {
	"INSERT INTO irc_channel(name, last_msgid, joined_ms) VALUES ($1, $2, $3)"
	" ON CONFLICT (name) DO UPDATE SET last_msgid = excluded.last_msgid, joined_ms = excluded.joined_ms"};

/* A live line waiting for the history to be in. */
struct held_line {
	struct tr_list node;
	char *raw;
};

/* --- life
 * -------------------------------------------------------------------------------------------- */

struct tr_irc_channel *tr_irc_channel_find(struct tr_irc_network *network, struct tr_str name)
{
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold(&network->isupport, name, &key);
	struct tr_irc_channel *channel = tr_map_get(&network->channels, tr_buf_str(&key));
	tr_buf_finish(&key);
	return channel;
}

struct tr_irc_channel *tr_irc_channel_open(struct tr_irc_network *network, const char *name)
{
	struct tr_irc_channel *channel = tr_irc_channel_find(network, tr_str_from(name));
	if (channel != NULL) {
		return channel;
	}
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold(&network->isupport, tr_str_from(name), &key);
	channel = tr_alloc(sizeof(*channel));
	channel->network = network;
	channel->name = tr_strdup(name);
	channel->key = tr_buf_take(&key);
	channel->last_msgid = tr_strdup("");
	channel->seen_msgid = tr_strdup("");
	tr_list_init(&channel->members);
	tr_list_init(&channel->held);
	tr_list_init(&channel->own_lines);
	tr_map_set(&network->channels, tr_str_from(channel->key), channel);
	return channel;
}

static void own_line_free(struct tr_irc_own_line *own)
{
	tr_list_remove(&own->node);
	tr_free(own->nick);
	tr_free(own->text);
	tr_free(own->msgid);
	tr_free(own);
}

static void forget_own(struct tr_irc_channel *channel)
{
	struct tr_list *node;
	while ((node = tr_list_head(&channel->own_lines)) != NULL) {
		own_line_free(TR_LIST_ENTRY(node, struct tr_irc_own_line, node));
	}
}

static void forget_held(struct tr_irc_channel *channel)
{
	struct tr_list *node;
	while ((node = tr_list_head(&channel->held)) != NULL) {
		struct held_line *held = TR_LIST_ENTRY(node, struct held_line, node);
		tr_list_remove(node);
		tr_free(held->raw);
		tr_free(held);
	}
	channel->held_count = 0;
}

static void forget_roster(struct tr_irc_channel *channel)
{
	for (struct tr_map_entry *e = tr_map_first(&channel->roster); e; e = tr_map_next(e)) {
		tr_free(tr_map_value(e));
	}
	tr_map_finish(&channel->roster);
}

static void flush_place(void *arg);

void tr_irc_channel_destroy(struct tr_irc_channel *channel)
{
	tr_loop_defer_cancel(channel->network->loop, flush_place, channel);
	forget_own(channel);
	forget_held(channel);
	forget_roster(channel);
	tr_free(channel->name);
	tr_free(channel->key);
	tr_free(channel->password);
	tr_free(channel->last_msgid);
	tr_free(channel->seen_msgid);
	tr_free(channel);
}

/* --- the place
 * --------------------------------------------------------------------------------------- */

static void write_place(struct tr_irc_channel *channel, struct tr_db_batch *batch)
{
	TR_DB_ADD(batch, &store_place, TR_DB_TC(channel->key), TR_DB_TC(channel->last_msgid),
		TR_DB_N(channel->joined_ms));
}

/* Once a turn, whatever number of lines has become durable in it. A failure is mended by the next
 * one. */
static void flush_place(void *arg)
{
	struct tr_irc_channel *channel = arg;
	channel->advanced = false;
	write_place(channel, tr_journal_batch(tr_bridge_journal(channel->network->bridge)));
}

static void set_text(char **field, struct tr_str text)
{
	if (!tr_str_empty(text) && !tr_str_eq_c(text, *field)) {
		tr_free(*field);
		*field = tr_str_dup(text);
	}
}

static void advance(struct tr_irc_channel *channel, struct tr_str msgid)
{
	if (tr_str_empty(msgid)) {
		return;
	}
	set_text(&channel->last_msgid, msgid);
	if (!channel->advanced) {
		channel->advanced = true;
		tr_loop_defer(channel->network->loop, flush_place, channel);
	}
}

void tr_irc_channel_storing(struct tr_irc_channel *channel, struct tr_str msgid)
{
	channel->storing++;
	set_text(&channel->seen_msgid, msgid);
}

void tr_irc_channel_stored(struct tr_irc_channel *channel, struct tr_str msgid)
{
	channel->storing--;
	advance(channel, msgid);
}

void tr_irc_channel_own_seen(struct tr_irc_channel *channel, struct tr_str msgid)
{
	set_text(&channel->seen_msgid, msgid);
	/* Lines of others before it may not be durable yet: then theirs move the place. */
	if (channel->storing == 0 && !channel->catching_up) {
		advance(channel, msgid);
	}
}

static void add_timestamp(const struct tr_irc_channel *channel, struct tr_buf *out)
{
	if (channel->joined_ms > 0) {
		tr_buf_add_c(out, "timestamp=");
		tr_clock_format(out, channel->joined_ms - 1);
	}
}

static void add_place(const struct tr_irc_channel *channel, const char *msgid, struct tr_buf *out)
{
	if (msgid[0] != '\0') {
		tr_buf_add_c(out, "msgid=");
		tr_buf_add_c(out, msgid);
	} else {
		add_timestamp(channel, out);
	}
}

void tr_irc_channel_position(const struct tr_irc_channel *channel, struct tr_buf *out)
{
	const char *seen = channel->seen_msgid[0] ? channel->seen_msgid : channel->last_msgid;
	add_place(channel, seen, out);
}

bool tr_irc_channel_writable(const struct tr_irc_channel *channel)
{
	return channel->join_stored;
}

bool tr_irc_channel_has_history(const struct tr_irc_channel *channel)
{
	return channel->reader != NULL && tr_irc_history_available(channel->reader);
}

/* --- our own lines
 * ----------------------------------------------------------------------------------- */

struct own_search {
	struct tr_irc_channel *channel;
	struct tr_irc_own_line **unknown; /* of the page, to be looked up */
	size_t count;
	char *position;
	bool more;
};

static void pump_members(struct tr_irc_channel *channel)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&channel->members, node, following) {
		tr_irc_outgoing_pump(
			TR_LIST_ENTRY(node, struct tr_irc_member, channel_node)->session);
	}
}

static void own_known(struct tr_irc_channel *channel)
{
	channel->own_state = TR_IRC_OWN_KNOWN;
	pump_members(channel);
}

static void own_page(void *arg, const struct tr_str *lines, size_t count, bool more,
	const struct tr_error *error);

static void own_search_end(struct own_search *search)
{
	tr_free(search->unknown);
	tr_free(search->position);
	tr_free(search);
}

/* The store says which lines of the page are done already: those are no longer anybody's. */
static void own_looked_up(void *arg, const bool *known)
{
	struct own_search *search = arg;
	struct tr_irc_channel *channel = search->channel;
	for (size_t i = 0; known != NULL && i < search->count; i++) {
		if (known[i]) {
			own_line_free(search->unknown[i]);
		}
	}
	tr_free(search->unknown);
	search->unknown = NULL;
	search->count = 0;
	if (known != NULL && search->more && tr_irc_channel_has_history(channel)) {
		tr_irc_history_after(channel->reader->history, channel->name, search->position,
			own_page, search);
		return;
	}
	own_search_end(search);
	if (known != NULL) {
		own_known(channel);
	} else {
		channel->own_state = TR_IRC_OWN_UNKNOWN;
		pump_members(channel); /* asks again */
	}
}

static char *tag_text(const struct tr_irc_line *line, const char *key)
{
	struct tr_buf text = TR_BUF_INIT(ID_MAX);
	struct tr_str value;
	if (tr_irc_tag(line, key, &value)) {
		tr_irc_tag_unescape(value, &text);
	}
	if (tr_buf_failed(&text) || !tr_utf8_valid(tr_buf_str(&text))) {
		tr_buf_clear(&text);
	}
	return tr_buf_take(&text);
}

static bool is_ours(const struct tr_irc_network *network, const struct tr_irc_line *line)
{
	struct tr_buf mask = TR_BUF_INIT(NAME_MAX);
	tr_buf_add(&mask, line->user);
	tr_buf_add_char(&mask, '@');
	tr_buf_add(&mask, line->host);
	bool ours = tr_irc_network_is_own(network, line->nick,
		tr_str_empty(line->host) ? (struct tr_str){NULL, 0} : tr_buf_str(&mask));
	tr_buf_finish(&mask);
	return ours;
}

static struct tr_irc_own_line *own_line_create(
	struct tr_irc_channel *channel, const struct tr_irc_line *line)
{
	struct tr_irc_own_line *own = tr_alloc(sizeof(*own));
	struct tr_buf nick = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold(&channel->network->isupport, line->nick, &nick);
	own->nick = tr_buf_take(&nick);
	own->text = tr_str_dup(tr_irc_param(line, 1));
	own->msgid = tag_text(line, "msgid");
	tr_list_append(&channel->own_lines, &own->node);
	return own;
}

static void own_page(void *arg, const struct tr_str *lines, size_t count, bool more,
	const struct tr_error *error)
{
	struct own_search *search = arg;
	struct tr_irc_channel *channel = search->channel;
	if (error != NULL) {
		bool final = error->cls == TR_CLASS_PERMANENT;
		tr_log_warn("irc", "%s: what was said before the loss cannot be looked up: %s",
			channel->name, error->text);
		own_search_end(search);
		channel->own_state = final ? TR_IRC_OWN_KNOWN : TR_IRC_OWN_UNKNOWN;
		if (final) {
			own_known(channel);
		}
		return;
	}
	search->unknown = tr_alloc_array(count + 1, sizeof(struct tr_irc_own_line *));
	struct tr_str *ids = tr_alloc_array(count + 1, sizeof(*ids));
	struct tr_buf place = TR_BUF_INIT(ID_MAX + 16);
	for (size_t i = 0; i < count; i++) {
		struct tr_irc_line line;
		if (!tr_irc_line_parse(lines[i], &line)) {
			continue;
		}
		char *msgid = tag_text(&line, "msgid");
		if (msgid[0] != '\0') {
			tr_buf_clear(&place);
			tr_buf_addf(&place, "msgid=%s", msgid);
		}
		tr_free(msgid);
		bool talk = tr_irc_is(&line, "PRIVMSG") || tr_irc_is(&line, "NOTICE");
		if (talk && is_ours(channel->network, &line)) {
			struct tr_irc_own_line *own = own_line_create(channel, &line);
			ids[search->count] = tr_str_from(own->msgid);
			search->unknown[search->count++] = own;
		}
	}
	bool moved = place.len > 0 && !tr_str_eq_c(tr_buf_str(&place), search->position);
	search->more = more && moved;
	if (moved) {
		tr_free(search->position);
		search->position = tr_strdup(tr_buf_c(&place));
	}
	tr_buf_finish(&place);
	tr_bridge_known_messages(channel->network->bridge, channel->portal, ids, search->count,
		own_looked_up, search);
	tr_free(ids);
}

void tr_irc_channel_fetch_own(struct tr_irc_channel *channel, const char *position)
{
	if (channel->own_state == TR_IRC_OWN_FETCHING) {
		return;
	}
	forget_own(channel);
	struct tr_buf place = TR_BUF_INIT(ID_MAX + 16);
	tr_buf_add_c(&place, position);
	if (place.len == 0) {
		add_timestamp(channel, &place);
	}
	channel->own_state = TR_IRC_OWN_FETCHING;
	struct own_search *search = tr_alloc(sizeof(*search));
	search->channel = channel;
	search->position = tr_buf_take(&place);
	tr_irc_history_after(
		channel->reader->history, channel->name, search->position, own_page, search);
}

char *tr_irc_channel_claim(struct tr_irc_channel *channel, struct tr_str nick, struct tr_str text)
{
	bool missed = false;
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&channel->own_lines, node, following) {
		struct tr_irc_own_line *own = TR_LIST_ENTRY(node, struct tr_irc_own_line, node);
		if (!tr_str_eq_c(nick, own->nick)) {
			continue;
		}
		if (!missed && tr_str_eq_c(text, own->text)) {
			char *msgid = tr_strdup(own->msgid);
			own_line_free(own);
			return msgid;
		}
		missed = true;
		own_line_free(own);
	}
	return NULL;
}

/* --- catching up
 * ------------------------------------------------------------------------------------- */

static void catch_up(struct tr_irc_channel *channel);

/* The history is in: what came live meanwhile goes on, in order. */
static void caught_up(struct tr_irc_channel *channel)
{
	if (channel->again) {
		channel->again = false;
		catch_up(channel);
		return;
	}
	channel->catching_up = false;
	struct tr_list *node;
	while ((node = tr_list_head(&channel->held)) != NULL) {
		struct held_line *held = TR_LIST_ENTRY(node, struct held_line, node);
		tr_list_remove(node);
		struct tr_irc_line line;
		if (tr_irc_line_parse(tr_str_from(held->raw), &line)) {
			tr_irc_reader_line(channel, &line, false);
		}
		tr_free(held->raw);
		tr_free(held);
	}
	channel->held_count = 0;
}

static void history_page(void *arg, const struct tr_str *lines, size_t count, bool more,
	const struct tr_error *error)
{
	struct tr_irc_channel *channel = arg;
	if (!channel->catching_up) {
		return; /* the reader changed */
	}
	if (error != NULL) {
		if (error->code != TR_E_CLOSED) {
			tr_log_warn("irc", "%s: what was said meanwhile cannot be fetched: %s",
				channel->name, error->text);
			channel->again = false;
			caught_up(channel);
		}
		return;
	}
	struct tr_buf before = TR_BUF_INIT(ID_MAX);
	tr_buf_add_c(&before, channel->seen_msgid);
	for (size_t i = 0; i < count; i++) {
		struct tr_irc_line line;
		if (tr_irc_line_parse(lines[i], &line)) {
			tr_irc_reader_line(channel, &line, true);
		}
	}
	bool moved = !tr_str_eq_c(tr_buf_str(&before), channel->seen_msgid);
	tr_buf_finish(&before);
	if (more && moved) {
		catch_up(channel);
	} else {
		caught_up(channel);
	}
}

/* Asks for what comes after the newest line that was read. */
static void catch_up(struct tr_irc_channel *channel)
{
	struct tr_buf place = TR_BUF_INIT(ID_MAX + 16);
	const char *seen = channel->seen_msgid[0] ? channel->seen_msgid : channel->last_msgid;
	add_place(channel, seen, &place);
	tr_irc_history_after(
		channel->reader->history, channel->name, tr_buf_c(&place), history_page, channel);
	tr_buf_finish(&place);
}

static void hold(struct tr_irc_channel *channel, const struct tr_irc_line *line)
{
	if (channel->held_count >= HELD_MAX) {
		forget_held(channel); /* they stand in the history: it is asked once more */
		channel->again = true;
		return;
	}
	struct held_line *held = tr_alloc(sizeof(*held));
	held->raw = tr_str_dup(line->raw);
	tr_list_append(&channel->held, &held->node);
	channel->held_count++;
}

void tr_irc_channel_line(struct tr_irc_channel *channel, const struct tr_irc_line *line)
{
	if (channel->catching_up) {
		hold(channel, line);
	} else {
		tr_irc_reader_line(channel, line, false);
	}
}

/* --- the reader
 * -------------------------------------------------------------------------------------- */

static void join_is_durable(
	void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct tr_irc_channel *channel = arg;
	(void)result;
	if (error != NULL) {
		tr_log_warn("irc", "%s: the join cannot be stored, messages wait: %s",
			channel->name, error->text);
	} else {
		channel->join_stored = true;
		pump_members(channel);
	}
}

/* The first join ever: from here on there is something to catch up with. */
static void first_join(struct tr_irc_channel *channel, const struct tr_irc_line *join)
{
	struct tr_str time;
	if (!tr_irc_tag(join, "time", &time) || !tr_clock_parse(time, &channel->joined_ms)) {
		channel->joined_ms = tr_clock_wall_ms();
	}
	struct tr_journal *journal = tr_bridge_journal(channel->network->bridge);
	write_place(channel, tr_journal_batch(journal));
	tr_journal_join(journal, join_is_durable, channel);
}

static void set_reader(struct tr_irc_channel *channel, struct tr_irc_session *reader)
{
	if (channel->reader != NULL) {
		channel->reader->reading--;
	}
	channel->reader = reader;
	channel->own_state = TR_IRC_OWN_UNKNOWN;
	channel->catching_up = false;
	channel->again = false;
	forget_held(channel);
	forget_roster(channel);
	if (reader == NULL) {
		return;
	}
	reader->reading++;
	bool something_missed = channel->join_stored;
	if (something_missed && tr_irc_history_available(reader)) {
		channel->catching_up = true;
		catch_up(channel);
	}
}

void tr_irc_channel_joined(struct tr_irc_channel *channel, struct tr_irc_session *session,
	const struct tr_irc_line *join)
{
	if (channel->reader == NULL || (session->user_id == NULL && channel->reader != session)) {
		set_reader(channel, session);
	}
	if (!channel->join_stored && channel->joined_ms == 0) {
		first_join(channel, join);
	}
}

/* The bot where it is in the channel, else any member. */
static struct tr_irc_session *elect_reader(const struct tr_irc_channel *channel)
{
	struct tr_irc_session *found = NULL;
	for (const struct tr_list *node = channel->members.next; node != &channel->members;
		node = node->next) {
		const struct tr_irc_member *member =
			TR_LIST_ENTRY(node, struct tr_irc_member, channel_node);
		if (member->state != TR_IRC_JOINED || !tr_irc_session_online(member->session)) {
			continue;
		}
		if (member->session->user_id == NULL) {
			return member->session;
		}
		found = found ? found : member->session;
	}
	return found;
}

void tr_irc_channel_left(struct tr_irc_channel *channel, struct tr_irc_session *session)
{
	/* What this session had written is uncertain now. */
	if (channel->own_state == TR_IRC_OWN_KNOWN) {
		channel->own_state = TR_IRC_OWN_UNKNOWN;
	}
	if (channel->reader == session) {
		set_reader(channel, elect_reader(channel));
	}
}

void tr_irc_channel_forget_reader(struct tr_irc_channel *channel)
{
	channel->reader = NULL;
}
