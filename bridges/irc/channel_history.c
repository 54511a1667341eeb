/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a channel's history (CHATHISTORY) is used for: catching up with what others said while
 * nobody read, live lines waiting until it is in; and finding our own lines that an earlier attempt
 * wrote without being confirmed.
 */
#include "bridges/irc/channel_internal.h"
#include "core/base/log.h"

enum {
	NAME_MAX = 512,
	ID_MAX = 1024,
	HELD_MAX = 2048, /* live lines kept while catching up; what is beyond is fetched again */
};

/* A live line waiting for the history to be in. */
struct held_line {
	struct tr_list node;
	char *raw;
};

static void own_line_free(struct tr_irc_own_line *own)
{
	tr_list_remove(&own->node);
	tr_free(own->text);
	tr_free(own->msgid);
	tr_free(own);
}

void tr_irc_channel_forget_own(struct tr_irc_channel *channel)
{
	struct tr_list *node;
	while ((node = tr_list_head(&channel->own_lines)) != NULL) {
		own_line_free(TR_LIST_ENTRY(node, struct tr_irc_own_line, node));
	}
}

void tr_irc_channel_forget_held(struct tr_irc_channel *channel)
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
/* --- our own lines
 * ----------------------------------------------------------------------------------- */

struct own_search {
	struct tr_irc_channel *channel;
	struct tr_irc_own_line **unknown; /* of the page, to be looked up */
	size_t count;
	char *position;
	bool more;
};

void tr_irc_channel_pump_members(struct tr_irc_channel *channel)
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
	tr_irc_channel_pump_members(channel);
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
		tr_irc_channel_pump_members(channel); /* asks again */
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

static struct tr_irc_own_line *own_line_create(struct tr_irc_channel *channel,
	struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_irc_own_line *own = tr_alloc(sizeof(*own));
	own->session = session;
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
		struct tr_irc_session *owner =
			talk ? tr_irc_network_owner_of_line(channel->network, &line) : NULL;
		if (owner != NULL) {
			struct tr_irc_own_line *own = own_line_create(channel, owner, &line);
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
	tr_irc_channel_forget_own(channel);
	struct tr_buf place = TR_BUF_INIT(ID_MAX + 16);
	tr_buf_add_c(&place, position);
	if (place.len == 0) {
		tr_irc_channel_add_place_of_join(channel, &place);
	}
	channel->own_state = TR_IRC_OWN_FETCHING;
	struct own_search *search = tr_alloc(sizeof(*search));
	search->channel = channel;
	search->position = tr_buf_take(&place);
	tr_irc_history_after(
		channel->reader->history, channel->name, search->position, own_page, search);
}

char *tr_irc_channel_claim(
	struct tr_irc_channel *channel, const struct tr_irc_session *session, struct tr_str text)
{
	bool missed = false;
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&channel->own_lines, node, following) {
		struct tr_irc_own_line *own = TR_LIST_ENTRY(node, struct tr_irc_own_line, node);
		if (own->session != session) {
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

/* The history is in: what came live meanwhile goes on, in order. */
static void caught_up(struct tr_irc_channel *channel)
{
	if (channel->again) {
		channel->again = false;
		tr_irc_channel_catch_up(channel);
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
		tr_irc_channel_catch_up(channel);
	} else {
		caught_up(channel);
	}
}

/* Asks for what comes after the newest line that was read. */
void tr_irc_channel_catch_up(struct tr_irc_channel *channel)
{
	struct tr_buf place = TR_BUF_INIT(ID_MAX + 16);
	const char *seen = channel->seen_msgid[0] ? channel->seen_msgid : channel->last_msgid;
	tr_irc_channel_add_place(channel, seen, &place);
	tr_irc_history_after(
		channel->reader->history, channel->name, tr_buf_c(&place), history_page, channel);
	tr_buf_finish(&place);
}

static void hold(struct tr_irc_channel *channel, const struct tr_irc_line *line)
{
	if (channel->held_count >= HELD_MAX) {
		tr_irc_channel_forget_held(
			channel); /* they stand in the history: it is asked once more */
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
