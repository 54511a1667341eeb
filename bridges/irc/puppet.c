/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a Matrix user stays on IRC: a user name that no other has, and the nick it chose; its
 * display name as far as that is needed to connect; and away. Nicks are puppet_nick.c's, passwords
 * account.c's.
 */
#include "bridges/irc/puppet.h"

#include "bridges/irc/nick.h"
#include "bridges/irc/session.h"
#include "core/base/clock.h"
#include "core/base/grapheme.h"

#include <string.h>

enum { NAME_MAX = 512, ATTEMPTS_MAX = 9999 };

static const struct tr_db_statement store_identity = {
	"INSERT INTO irc_identity(user_id, username, nick, spoke_ms) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (user_id) DO UPDATE SET username = excluded.username, nick = excluded.nick,"
	" spoke_ms = excluded.spoke_ms"};

static void write_identity(void *mark, struct tr_db_batch *batch)
{
	const struct tr_irc_session *session = mark;
	const struct tr_irc_puppet *puppet = &session->puppet;
	TR_DB_ADD(batch, &store_identity, TR_DB_TC(session->user_id), TR_DB_TC(puppet->username),
		TR_DB_TC(puppet->chosen_nick ? puppet->chosen_nick : ""),
		TR_DB_N(puppet->spoke_wall_ms));
}

static void identity_settled(void *mark, bool durable)
{
	struct tr_irc_session *session = mark;
	session->puppet.storing--;
	if (durable && session->puppet.storing == 0) {
		tr_irc_session_prepared(session);
	}
}

static void own_username(struct tr_irc_session *session, char *username_take)
{
	tr_free(session->puppet.username);
	session->puppet.username = username_take;
	tr_map_set(&session->network->usernames, tr_str_from(username_take), session);
}

/* Takes a name in one step of the loop, so two users cannot be given the same. How far the numbers
 * of a name are used up is remembered: a thousand users with one beginning are no square. */
static void allocate_username(struct tr_irc_session *session)
{
	struct tr_irc_network *network = session->network;
	struct tr_buf base = TR_BUF_INIT(NAME_MAX);
	struct tr_buf name = TR_BUF_INIT(NAME_MAX);
	tr_irc_username_make(session->user_id, &base);
	struct tr_str key = tr_buf_str(&base);
	uintptr_t attempt = (uintptr_t)tr_map_get(&network->username_numbers, key);
	tr_buf_add(&name, key);
	while (attempt < ATTEMPTS_MAX &&
		(attempt > 0 || tr_map_get(&network->usernames, key) != NULL)) {
		attempt++;
		tr_buf_clear(&name);
		tr_irc_username_next(key, (unsigned)attempt, &name);
		if (tr_map_get(&network->usernames, tr_buf_str(&name)) == NULL) {
			break;
		}
	}
	if (attempt > 0) {
		tr_map_set(&network->username_numbers, key, (void *)attempt);
	}
	own_username(session, tr_buf_take(&name));
	tr_buf_finish(&base);
}

void tr_irc_puppet_load(struct tr_irc_session *session, struct tr_str username, struct tr_str nick,
	int64_t spoke_ms)
{
	own_username(session, tr_str_dup(username));
	tr_free(session->puppet.chosen_nick);
	session->puppet.chosen_nick = tr_str_empty(nick) ? NULL : tr_str_dup(nick);
	session->puppet.spoke_wall_ms = spoke_ms;
}

void tr_irc_puppet_store(struct tr_irc_session *session)
{
	if (session->puppet.username == NULL) {
		allocate_username(session);
	}
	session->puppet.storing++;
	tr_marks_add(session->network->marks, write_identity, identity_settled, session);
}

bool tr_irc_puppet_prepare(struct tr_irc_session *session)
{
	struct tr_irc_puppet *puppet = &session->puppet;
	if (session->user_id == NULL) {
		return true;
	}
	if (puppet->username == NULL) {
		tr_irc_puppet_store(session);
	}
	bool needs_name = puppet->chosen_nick == NULL &&
			  strstr(session->network->config->ircClients.nickTemplate, "$DISPLAY");
	if (needs_name && !puppet->asked_name && !puppet->name_failed &&
		tr_bridge_display_name(session->network->bridge, session->user_id) == NULL) {
		puppet->asked_name = true;
		tr_bridge_ask_display_name(session->network->bridge, session->user_id);
	}
	return puppet->storing == 0 && !puppet->asked_name;
}

void tr_irc_puppet_active(struct tr_irc_session *session)
{
	session->puppet.spoke_ms = tr_clock_mono_ms();
	session->puppet.spoke_wall_ms = tr_clock_wall_ms();
	session->puppet.spoke_unstored = true;
	session->puppet.departed = false;
}

/* AWAY is said when it changes. */
static void show_presence(struct tr_irc_session *session)
{
	struct tr_irc_puppet *puppet = &session->puppet;
	bool away = puppet->presence == TR_PRESENCE_AWAY || puppet->presence == TR_PRESENCE_OFFLINE;
	if (!session->network->entry->enable_presence || session->user_id == NULL ||
		!tr_irc_session_online(session) || away == puppet->away) {
		return;
	}
	puppet->away = away;
	const char *text = !away                                     ? NULL
			   : puppet->presence == TR_PRESENCE_OFFLINE ? "Offline on Matrix"
								     : "Away on Matrix";
	const struct tr_str none = {NULL, 0};
	struct tr_str reason = tr_str_from(text);
	size_t max = session->network->isupport.away_len;
	reason = tr_str_slice(reason, 0, tr_grapheme_fit(reason, max > 0 ? max : reason.len));
	tr_irc_send_words(session->connection, "AWAY", reason, none, none);
}

static void set_user_modes(struct tr_irc_session *session)
{
	const char *wanted = session->network->config->ircClients.userModes;
	if (session->user_id == NULL || wanted == NULL || wanted[0] == '\0') {
		return;
	}
	struct tr_buf modes = TR_BUF_INIT(64);
	tr_buf_addf(&modes, "+%s", wanted);
	tr_irc_send_words(session->connection, "MODE",
		tr_str_from(tr_irc_connection_nick(session->connection)), tr_buf_str(&modes),
		(struct tr_str){NULL, 0});
	tr_buf_finish(&modes);
}

void tr_irc_puppet_online(struct tr_irc_session *session)
{
	session->puppet.away = false;
	session->puppet.name_failed = false;
	if (session->puppet.spoke_ms == 0) {
		session->puppet.spoke_ms = tr_clock_mono_ms();
	}
	tr_irc_nick_taken(session, true);
	set_user_modes(session);
	show_presence(session);
}

void tr_irc_puppet_offline(struct tr_irc_session *session)
{
	tr_irc_nick_offline(session);
}

void tr_irc_puppet_hint(struct tr_irc_network *network, const struct tr_hint *hint)
{
	struct tr_irc_session *session = tr_map_get(&network->sessions, tr_str_from(hint->user_id));
	if (session == NULL) {
		return;
	}
	if (hint->kind == TR_HINT_DEPARTED) {
		tr_irc_puppet_departed(session);
		return;
	}
	if (hint->kind == TR_HINT_PRESENCE) {
		session->puppet.presence = hint->presence;
		show_presence(session);
		return;
	}
	if (session->puppet.asked_name) {
		session->puppet.asked_name = false;
		session->puppet.name_failed = hint->name == NULL; /* the localpart will do */
		tr_irc_session_prepared(session);
	} else {
		tr_irc_nick_wanted_changed(session);
	}
}

void tr_irc_puppet_finish(struct tr_irc_session *session)
{
	tr_irc_nick_finish(session);
	tr_free(session->puppet.username);
	tr_free(session->puppet.chosen_nick);
}
