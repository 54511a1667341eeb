/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a channel's history (CHATHISTORY) is used for: catching up with what others said while
 * nobody read, live lines waiting until it is in; and finding our own lines that an earlier attempt
 * wrote without being confirmed.
 */
#include "bridges/irc/channel.h"
#include "bridges/irc/channel_internal.h"
#include "bridges/irc/history.h"
#include "bridges/irc/history_place.h"
#include "bridges/irc/identity.h"
#include "bridges/irc/outgoing.h"
#include "bridges/irc/reader.h"
#include "bridges/irc/session.h"
#include "bridges/irc/text.h"
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
/* A look-up on its way. The lines stay its own until it is complete, so nothing can free them
 * meanwhile. */
struct own_search {
	struct tr_irc_channel *channel;
	uint64_t generation;
	struct tr_list found; /* of pages that were looked up in the store */
	struct tr_list page;  /* being looked up */
	char *position;
	bool more;
};

static void free_lines(struct tr_list *lines)
{
	struct tr_list *node;
	while ((node = tr_list_head(lines)) != NULL) {
		own_line_free(TR_LIST_ENTRY(node, struct tr_irc_own_line, node));
	}
}

static void move_lines(struct tr_list *from, struct tr_list *to)
{
	struct tr_list *node;
	while ((node = tr_list_head(from)) != NULL) {
		tr_list_remove(node);
		tr_list_append(to, node);
	}
}

void tr_irc_channel_invalidate_own(struct tr_irc_channel *channel)
{
	channel->own_generation++;
	channel->own_state = TR_IRC_OWN_UNKNOWN;
	free_lines(&channel->own_lines);
	tr_irc_order_pump(channel);
}

static void own_page(void *arg, const struct tr_str *lines, size_t count, bool more,
	const struct tr_error *error);

static void own_search_free(struct own_search *search)
{
	free_lines(&search->found);
	free_lines(&search->page);
	tr_free(search->position);
	tr_free(search);
}

/* The end of a look-up: with `usable`, its lines are what is known now; else somebody has to ask
 * again. */
static void own_search_end(struct own_search *search, bool usable)
{
	struct tr_irc_channel *channel = search->channel;
	if (search->generation == channel->own_generation) {
		channel->own_state = usable ? TR_IRC_OWN_KNOWN : TR_IRC_OWN_UNKNOWN;
		if (usable) {
			move_lines(&search->found, &channel->own_lines);
		}
		tr_irc_order_pump(channel);
	}
	own_search_free(search);
}

static void own_ask(struct own_search *search)
{
	struct tr_irc_channel *channel = search->channel;
	tr_irc_history_after(
		channel->reader->history, channel->name, search->position, own_page, search);
}

/* The store says which lines of the page are done already: those are no longer anybody's. */
static void own_looked_up(void *arg, const bool *known)
{
	struct own_search *search = arg;
	bool stale = search->generation != search->channel->own_generation;
	size_t i = 0;
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&search->page, node, following) {
		if (known != NULL && known[i++]) {
			own_line_free(TR_LIST_ENTRY(node, struct tr_irc_own_line, node));
		}
	}
	move_lines(&search->page, &search->found);
	bool can_ask = tr_irc_channel_has_history(search->channel);
	if (known != NULL && !stale && search->more && can_ask) {
		own_ask(search);
	} else {
		own_search_end(search, known != NULL && !search->more);
	}
}

static void own_line_add(
	struct own_search *search, struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_irc_own_line *own = tr_alloc(sizeof(*own));
	struct tr_buf msgid = TR_BUF_INIT(ID_MAX);
	tr_irc_msgid(line, &msgid);
	own->session = session;
	own->text = tr_str_dup(tr_irc_param(line, 1));
	own->msgid = tr_buf_take(&msgid);
	tr_list_append(&search->page, &own->node);
}

/* Takes our own lines out of a page, and the place it ends at. */
static void own_read_page(struct own_search *search, const struct tr_str *lines, size_t count)
{
	struct tr_irc_network *network = search->channel->network;
	struct tr_buf msgid = TR_BUF_INIT(ID_MAX);
	search->more = false;
	for (size_t i = 0; i < count; i++) {
		struct tr_irc_line line;
		if (!tr_irc_line_parse(lines[i], &line)) {
			continue;
		}
		tr_buf_clear(&msgid);
		tr_irc_msgid(&line, &msgid);
		if (msgid.len > 0) {
			tr_free(search->position);
			search->position = tr_asprintf("msgid=%s", tr_buf_c(&msgid));
			search->more = true;
		}
		bool talk = tr_irc_is(&line, "PRIVMSG") || tr_irc_is(&line, "NOTICE");
		struct tr_irc_session *owner =
			talk ? tr_irc_network_owner_of_line(network, &line, true) : NULL;
		/* What has no id cannot be told from what is known as done: it is not claimed. */
		if (owner != NULL && msgid.len > 0) {
			own_line_add(search, owner, &line);
		}
	}
	tr_buf_finish(&msgid);
}

static void own_look_up(struct own_search *search)
{
	struct tr_irc_channel *channel = search->channel;
	struct tr_str *ids = tr_alloc_array(TR_IRC_HISTORY_LINES_MAX, sizeof(*ids));
	size_t count = 0;
	for (struct tr_list *node = search->page.next; node != &search->page; node = node->next) {
		ids[count++] =
			tr_str_from(TR_LIST_ENTRY(node, struct tr_irc_own_line, node)->msgid);
	}
	tr_bridge_known_messages(
		channel->network->bridge, channel->portal, ids, count, own_looked_up, search);
	tr_free(ids);
}

static void own_page(void *arg, const struct tr_str *lines, size_t count, bool more,
	const struct tr_error *error)
{
	struct own_search *search = arg;
	if (error != NULL) {
		tr_log_warn("irc", "%s: what was said before the loss cannot be looked up: %s",
			search->channel->name, error->text);
		own_search_end(search, error->cls == TR_CLASS_PERMANENT);
		return;
	}
	own_read_page(search, lines, count);
	search->more = search->more && more;
	own_look_up(search);
}

void tr_irc_channel_fetch_own(struct tr_irc_channel *channel, const char *position)
{
	if (channel->own_state == TR_IRC_OWN_FETCHING) {
		return;
	}
	struct tr_buf place = TR_BUF_INIT(ID_MAX + 16);
	tr_buf_add_c(&place, position);
	if (place.len == 0) {
		tr_irc_channel_add_place_of_join(channel, &place);
	}
	channel->own_state = TR_IRC_OWN_FETCHING;
	struct own_search *search = tr_alloc(sizeof(*search));
	search->channel = channel;
	search->generation = channel->own_generation;
	tr_list_init(&search->found);
	tr_list_init(&search->page);
	search->position = tr_buf_take(&place);
	own_ask(search);
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
		if (!missed && tr_irc_text_same(text, tr_str_from(own->text))) {
			char *msgid = tr_strdup(own->msgid);
			own_line_free(own);
			return msgid;
		}
		missed = true;
		own_line_free(own);
	}
	return NULL;
}

/* The history is in: what came live meanwhile goes on, in order. */
static void caught_up(struct tr_irc_channel *channel)
{
	if (channel->again) {
		channel->again = false;
		tr_irc_channel_catch_up(channel);
		return;
	}
	channel->catching_up = false;
	tr_irc_history_place_recount(channel); /* live lines may be those that were just read */
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
	if (channel->people_lost) {
		tr_irc_channel_find_people(channel);
	}
}

/* A question of one reader; a later reader asks its own. */
struct question {
	struct tr_irc_channel *channel;
	uint64_t reader_generation;
	enum from {
		FROM_PLACE, /* of the line read last */
		PAST_PLACE, /* when that is a time, past the whole of its millisecond */
		FROM_JOIN,  /* the first of all */
	} from;
};

static void ask(struct tr_irc_channel *channel, enum from from);

/* Not answered. A server that does not know the place (its history is shorter, or it was restarted)
 * is asked by time, once; silence is asked again, because what is skipped now would never be
 * fetched. */
static void history_failed(
	struct tr_irc_channel *channel, enum from from, const struct tr_error *error)
{
	if (error->code == TR_E_CLOSED) {
		return; /* the next reader catches up */
	}
	bool known_place = tr_irc_channel_newest_place(channel)[0] != '\0';
	tr_log_warn("irc", "%s: what was said meanwhile cannot be fetched: %s", channel->name,
		error->text);
	if (error->cls != TR_CLASS_PERMANENT) {
		ask(channel, from);
	} else if (from == FROM_PLACE && known_place && channel->joined_ms > 0) {
		ask(channel, FROM_JOIN);
	} else {
		channel->again = false;
		caught_up(channel);
	}
}

static void read_page(struct tr_irc_channel *channel, const struct tr_str *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct tr_irc_line line;
		if (tr_irc_line_parse(lines[i], &line)) {
			tr_irc_reader_line(channel, &line, true);
		}
	}
}

static void history_page(void *arg, const struct tr_str *lines, size_t count, bool more,
	const struct tr_error *error)
{
	struct question question = *(struct question *)arg;
	struct tr_irc_channel *channel = question.channel;
	tr_free(arg);
	if (question.reader_generation != channel->reader_generation || !channel->catching_up) {
		return;
	}
	if (error != NULL) {
		history_failed(channel, question.from, error);
		return;
	}
	char *before = tr_strdup(channel->seen_place);
	read_page(channel, lines, count);
	bool moved = !tr_str_eq_c(tr_str_from(before), channel->seen_place);
	tr_free(before);
	if (more && moved) {
		ask(channel, FROM_PLACE);
	} else if (more && question.from == FROM_PLACE &&
		   tr_irc_history_place_is_time(tr_irc_channel_newest_place(channel))) {
		ask(channel, PAST_PLACE); /* a page may be full of one millisecond */
	} else {
		caught_up(channel);
	}
}

static void ask(struct tr_irc_channel *channel, enum from from)
{
	struct tr_buf place = TR_BUF_INIT(ID_MAX + 16);
	if (from == FROM_JOIN) {
		tr_irc_channel_add_place_of_join(channel, &place);
	} else {
		tr_irc_channel_add_place(channel, from == PAST_PLACE, &place);
	}
	tr_irc_history_place_recount(channel);
	struct question *question = tr_alloc(sizeof(*question));
	*question = (struct question){channel, channel->reader_generation, from};
	tr_irc_history_after(
		channel->reader->history, channel->name, tr_buf_c(&place), history_page, question);
	tr_buf_finish(&place);
}

/* Asks for what comes after the newest line that was read. */
void tr_irc_channel_catch_up(struct tr_irc_channel *channel)
{
	ask(channel, FROM_PLACE);
}

static void hold(struct tr_irc_channel *channel, const struct tr_irc_line *line)
{
	if (channel->held_count >= HELD_MAX) {
		/* What was said stands in the history, which is asked once more; who came and went
		 * does not: NAMES is. */
		tr_irc_channel_forget_held(channel);
		channel->again = channel->people_lost = true;
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
