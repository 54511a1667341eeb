/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nicks to pills and back. Each word of a line costs two look-ups, in the roster of the channel and
 * among our own nicks; what a word is, mention_words.c says.
 */
#include "bridges/irc/mention.h"

#include "bridges/irc/channel.h"
#include "bridges/irc/feature.h"
#include "bridges/irc/mention_words.h"
#include "bridges/irc/reader.h"
#include "bridges/irc/session.h"
#include "bridges/irc/text.h"
#include "core/base/encode.h"
#include "core/bridge/ghost.h"
#include "core/matrix/mxid.h"

enum { NICK_MAX = 128, NAME_MAX = 512, SHORT = 4 /* letters; less are words of a language too */ };

struct search {
	const struct tr_irc_place *place;
	struct tr_spans *out;
	struct tr_irc_mentioned *mentioned;
	size_t found;
};

static bool wants_mentions(const struct tr_irc_network *network, const char *user_id)
{
	enum tr_irc_choice choice =
		tr_irc_feature_get(network->features, user_id, TR_IRC_FEATURE_MENTIONS);
	switch (network->entry->globals.ircHandler.mapIrcMentionsToMatrix) {
	case TR_IRC_MENTIONS_ON:
		return choice != TR_IRC_CHOICE_OFF;
	case TR_IRC_MENTIONS_OFF:
		return choice == TR_IRC_CHOICE_ON;
	default:
		return false;
	}
}

/* The nick a session has on IRC now, or had last. */
static const char *nick_in_use(const struct tr_irc_session *session)
{
	if (session->connection != NULL) {
		return tr_irc_connection_nick(session->connection);
	}
	return session->nick != NULL ? session->nick : "";
}

static bool is_there(const struct tr_irc_place *place, struct tr_irc_session *session)
{
	return place->channel != NULL ? tr_irc_session_member(session, place->channel) != NULL
				      : session == place->puppet;
}

static void add_localpart(struct tr_str user_id, struct tr_buf *out)
{
	struct tr_mxid parts;
	if (tr_user_id_parse(user_id, &parts)) {
		tr_buf_add(out, parts.localpart);
	}
}

/* What a pill shows: the display name as far as it is known. */
static void add_display_name(
	const struct tr_irc_network *network, const char *user_id, struct tr_buf *out)
{
	const char *name = tr_bridge_display_name(network->bridge, user_id);
	if (name == NULL) {
		tr_bridge_ask_display_name(network->bridge, user_id);
	} else {
		tr_irc_text_name(tr_str_from(name), out);
	}
	if (tr_str_empty(tr_str_trim(tr_buf_str(out)))) {
		tr_buf_clear(out);
		add_localpart(tr_str_from(user_id), out);
	}
}

/* Who has this nick here: the Matrix id, and the text of the pill appended; NULL = nobody. */
static const char *person_of(struct search *search, struct tr_str word, struct tr_buf *name)
{
	struct tr_irc_network *network = search->place->network;
	const struct tr_irc_channel *channel = search->place->channel;
	const char *user_id = NULL;
	struct tr_buf key = TR_BUF_INIT(NICK_MAX * 2);
	tr_irc_fold(&network->isupport, word, &key);
	struct tr_irc_session *session = tr_map_get(&network->own_nicks, tr_buf_str(&key));
	const char *other = channel != NULL ? tr_map_get(&channel->roster, tr_buf_str(&key)) : NULL;
	if (other != NULL) {
		struct tr_buf identity = TR_BUF_INIT(NAME_MAX);
		tr_irc_reader_identity(tr_str_from(other), &identity);
		const struct tr_ghost *ghost =
			tr_ghost_find(network->bridge, tr_buf_str(&identity));
		tr_buf_finish(&identity);
		if (ghost != NULL) {
			user_id = ghost->mxid;
			tr_buf_add_c(name, ghost->name);
		}
	} else if (session != NULL && session->user_id != NULL &&
		   is_there(search->place, session) &&
		   tr_irc_same(&network->isupport, tr_str_from(nick_in_use(session)), word) &&
		   wants_mentions(network, session->user_id)) {
		user_id = session->user_id;
		add_display_name(network, user_id, name);
	}
	tr_buf_finish(&key);
	return user_id;
}

/* The word, or what is inside its brackets. */
static const char *find_person(struct search *search, const struct tr_irc_words *words,
	struct tr_str *word, struct tr_buf *name)
{
	const char *user_id = NULL;
	*word = words->word;
	do {
		bool could = word->len <= NICK_MAX && (word->len >= SHORT || words->addressed);
		user_id = could ? person_of(search, *word, name) : NULL;
	} while (user_id == NULL && tr_irc_word_trim(word));
	return user_id;
}

static struct tr_span *add_part(
	struct search *search, const struct tr_span *like, struct tr_str text)
{
	if (tr_str_empty(text)) {
		return NULL;
	}
	struct tr_span *span = tr_spans_add(search->out, text);
	struct tr_str own = span->text;
	*span = *like;
	span->text = own;
	return span;
}

static void add_pill(
	struct search *search, const struct tr_span *like, struct tr_str name, const char *user_id)
{
	struct tr_irc_mentioned *mentioned = search->mentioned;
	struct tr_buf href = TR_BUF_INIT(4 * TR_MXID_MAX);
	tr_buf_add_c(&href, "https://matrix.to/#/");
	tr_percent_encode(&href, tr_str_from(user_id));
	struct tr_span *span = add_part(search, like, name);
	span->href = tr_spans_href(search->out, tr_buf_str(&href));
	tr_buf_finish(&href);
	search->found++;
	for (size_t i = 0; i < mentioned->count; i++) {
		if (tr_str_eq_c(mentioned->users[i], user_id)) {
			return;
		}
	}
	mentioned->users[mentioned->count++] =
		tr_arena_str(&search->out->arena, tr_str_from(user_id));
}

static void search_span(struct search *search, const struct tr_span *span)
{
	struct tr_irc_words words = {.text = span->text};
	size_t done = 0;
	while (search->found < TR_IRC_MENTIONS_MAX && tr_irc_words_next(&words)) {
		struct tr_str word;
		struct tr_buf name = TR_BUF_INIT(NAME_MAX);
		const char *user_id = find_person(search, &words, &word, &name);
		if (user_id != NULL && name.len > 0) {
			size_t at = (size_t)(word.ptr - span->text.ptr);
			add_part(search, span, tr_str_slice(span->text, done, at - done));
			add_pill(search, span, tr_buf_str(&name), user_id);
			done = at + word.len;
		}
		tr_buf_finish(&name);
	}
	add_part(search, span, tr_str_from_index(span->text, done));
}

void tr_irc_mention_people(const struct tr_irc_place *place, const struct tr_spans *line,
	struct tr_spans *out, struct tr_irc_mentioned *mentioned)
{
	struct search search = {.place = place, .out = out, .mentioned = mentioned};
	for (size_t i = 0; i < line->count; i++) {
		const struct tr_span *span = &line->items[i];
		if (span->styles & TR_STYLE_CODE) {
			add_part(&search, span, span->text);
		} else {
			search_span(&search, span);
		}
	}
}

/* A ghost's nick as it is written in the channel, else as it identifies. */
static void add_ghost_nick(
	const struct tr_irc_place *place, const struct tr_ghost *ghost, struct tr_buf *out)
{
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold(&place->network->isupport, tr_str_from(ghost->remote_id), &key);
	const char *nick = place->channel != NULL
				   ? tr_map_get(&place->channel->roster, tr_buf_str(&key))
				   : NULL;
	struct tr_str text = tr_str_from(nick != NULL ? nick : ghost->remote_id);
	if (tr_utf8_valid(text)) {
		tr_buf_add(out, text);
	}
	tr_buf_finish(&key);
}

bool tr_irc_mention_nick(void *arg, struct tr_str user_id, struct tr_buf *out)
{
	const struct tr_irc_place *place = arg;
	struct tr_irc_network *network = place->network;
	const struct tr_ghost *ghost = tr_ghost_of(network->bridge, user_id);
	const struct tr_irc_session *session = tr_map_get(&network->sessions, user_id);
	size_t before = out->len;
	if (tr_str_eq_c(user_id, tr_bridge_bot_user_id(network->bridge))) {
		session = network->bot;
	}
	if (ghost != NULL) {
		add_ghost_nick(place, ghost, out);
	} else if (session != NULL) {
		tr_buf_add_c(out, nick_in_use(session));
	}
	return out->len > before;
}
