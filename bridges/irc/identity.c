/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By which nick and mask the lines of our own connections are known, now and in the history. Which
 * nick a puppet shall have is not decided here.
 */
#include "bridges/irc/identity.h"

#include "bridges/irc/outgoing.h"
#include "bridges/irc/session.h"

enum { NAME_MAX = 512 };

static const struct tr_db_statement store_puppet = {
	"INSERT INTO irc_puppet(nick, user_id, mask) VALUES ($1, $2, $3) ON CONFLICT (nick)"
	" DO UPDATE SET user_id = excluded.user_id, mask = excluded.mask"};

/* The nick of `session` is `nick` now. What it was before stays ours too: lines of it may stand in
 * the history. */
void tr_irc_session_own_nick(struct tr_irc_session *session, struct tr_str nick)
{
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold_stable(nick, &key);
	tr_map_set(&session->network->own_nicks, tr_buf_str(&key), session);
	tr_free(session->own_key);
	session->own_key = tr_buf_take(&key);
}

/* Whether it is the session's mask, or was before that. */
static bool had_mask(const struct tr_irc_session *session, struct tr_str mask)
{
	struct tr_str known = tr_str_from(session->mask);
	struct tr_str word;
	while (tr_str_word(&known, &word)) {
		if (tr_str_eq(mask, word)) {
			return true;
		}
	}
	return false;
}

struct tr_irc_session *tr_irc_network_owner(const struct tr_irc_network *network,
	struct tr_str nick, struct tr_str mask, bool from_history)
{
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold_stable(nick, &key);
	struct tr_irc_session *session = tr_map_get(&network->own_nicks, tr_buf_str(&key));
	bool ours = session != NULL;
	if (ours) {
		bool in_use = session->state == TR_IRC_ONLINE &&
			      tr_irc_connection_is_me(session->connection, nick);
		bool comparable = !tr_str_empty(mask) && session->mask[0] != '\0';
		bool same = comparable && had_mask(session, mask);
		ours = from_history && comparable ? same : in_use || same;
	}
	tr_buf_finish(&key);
	return ours ? session : NULL;
}

bool tr_irc_network_is_own(
	const struct tr_irc_network *network, struct tr_str nick, struct tr_str mask)
{
	return tr_irc_network_owner(network, nick, mask, false) != NULL;
}

struct tr_irc_session *tr_irc_network_owner_of_line(
	const struct tr_irc_network *network, const struct tr_irc_line *line, bool from_history)
{
	struct tr_buf mask = TR_BUF_INIT(NAME_MAX);
	if (!tr_str_empty(line->host)) {
		tr_buf_add(&mask, line->user);
		tr_buf_add_char(&mask, '@');
		tr_buf_add(&mask, line->host);
	}
	struct tr_irc_session *owner =
		tr_irc_network_owner(network, line->nick, tr_buf_str(&mask), from_history);
	tr_buf_finish(&mask);
	return owner;
}

void tr_irc_session_remember(struct tr_irc_session *session, struct tr_str nick, struct tr_str mask)
{
	tr_irc_session_own_nick(session, nick);
	tr_free(session->mask);
	session->mask = tr_str_dup(mask);
}

void tr_irc_session_learn_mask(
	struct tr_irc_session *session, struct tr_str user, struct tr_str host)
{
	struct tr_str rest = tr_str_from(session->mask);
	struct tr_str before = {NULL, 0};
	struct tr_buf mask = TR_BUF_INIT(NAME_MAX * 2);
	tr_str_word(&rest, &before);
	tr_buf_add(&mask, user);
	tr_buf_add_char(&mask, '@');
	tr_buf_add(&mask, host);
	bool fits =
		!tr_buf_failed(&mask) && mask.len <= NAME_MAX && tr_db_text_fits(tr_buf_str(&mask));
	if (!tr_str_empty(host) && fits && !tr_str_eq(tr_buf_str(&mask), before)) {
		if (!tr_str_empty(before)) {
			tr_buf_add_char(&mask, ' ');
			tr_buf_add(&mask, before);
		}
		tr_free(session->mask);
		session->mask = tr_buf_take(&mask);
		tr_irc_session_store_identity(session);
	}
	tr_buf_finish(&mask);
}

void tr_irc_session_learn_cloak(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_str known = tr_str_from(session->mask);
	struct tr_str host = tr_irc_param(line, 1);
	ptrdiff_t at = tr_str_rfind_char(host, '@');
	struct tr_str user = tr_str_slice(at < 0 ? known : host, 0,
		at < 0 ? (size_t)(tr_str_find_char(known, '@') + 1) : (size_t)at + 1);
	if (tr_str_ends(user, TR_STR("@"))) { /* else the JOIN will tell */
		tr_irc_session_learn_mask(session, tr_str_slice(user, 0, user.len - 1),
			tr_str_from_index(host, (size_t)(at + 1)));
	}
}

/* A nick that cannot be stored is known as ours in this run only. */
static void write_identity(void *mark, struct tr_db_batch *batch)
{
	const struct tr_irc_session *session = mark;
	if (!tr_db_text_fits(tr_str_from(session->own_key))) {
		return;
	}
	TR_DB_ADD(batch, &store_puppet, TR_DB_TC(session->own_key), TR_DB_TC(session->user_id),
		TR_DB_TC(session->mask));
}

static void identity_settled(void *mark, bool durable)
{
	struct tr_irc_session *session = mark;
	session->identities_pending--;
	if (durable) {
		tr_irc_outgoing_pump(session);
	}
}

void tr_irc_session_store_identity(struct tr_irc_session *session)
{
	if (session->user_id != NULL) {
		session->identities_pending++;
		tr_marks_add(session->network->marks, write_identity, identity_settled, session);
	}
}
