/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user changes their nick (!nick): what is asked of the server, how it answers, and what is kept
 * for all connections to come. At most one change of a session is under way.
 */
#include "bridges/irc/nick.h"
#include "bridges/irc/puppet.h"
#include "bridges/irc/session.h"

#include <string.h>

enum { ANSWER_MS = 10000 };

struct tr_irc_nick_change {
	struct tr_irc_nick_change *next; /* among those that have ended */
	struct tr_irc_session *session;
	char *nick; /* "" = the template's */
	tr_irc_nick_callback *callback;
	void *arg;
	struct tr_timer *timer;
	struct tr_error error; /* code 0 = it is had */
};

static void change_free(struct tr_irc_nick_change *change)
{
	tr_timer_destroy(change->timer);
	tr_free(change->nick);
	tr_free(change);
}

static void call_back(void *arg)
{
	struct tr_irc_session *session = arg;
	while (session->puppet.changed != NULL) {
		struct tr_irc_nick_change *change = session->puppet.changed;
		session->puppet.changed = change->next;
		bool failed = change->error.code != TR_E_OK;
		const char *nick = tr_irc_session_online(session)
					   ? tr_irc_connection_nick(session->connection)
					   : session->nick;
		change->callback(change->arg, failed ? NULL : nick, failed ? &change->error : NULL);
		change_free(change);
	}
}

/* The callback comes in a later turn, whoever says how it ends. */
static void change_ends(struct tr_irc_nick_change *change)
{
	struct tr_irc_session *session = change->session;
	struct tr_loop *loop = session->network->loop;
	tr_timer_stop(change->timer);
	if (session->puppet.change == change) {
		session->puppet.change = NULL;
	}
	struct tr_irc_nick_change **last = &session->puppet.changed;
	while (*last != NULL) {
		last = &(*last)->next;
	}
	*last = change;
	tr_loop_defer_cancel(loop, call_back, session);
	tr_loop_defer(loop, call_back, session);
}

static void late(void *arg)
{
	struct tr_irc_nick_change *change = arg;
	tr_error_set(&change->error, TR_E_TIMEOUT, "The server did not answer within 10 seconds.");
	tr_free(change->session->puppet.trying);
	change->session->puppet.trying = NULL;
	change_ends(change);
}

/* It is the user's choice from now on. */
static void choose(struct tr_irc_session *session, const char *nick)
{
	tr_free(session->puppet.chosen_nick);
	session->puppet.chosen_nick = nick[0] != '\0' ? tr_strdup(nick) : NULL;
	tr_irc_puppet_store(session);
	tr_irc_nick_rethink(session);
}

void tr_irc_nick_change_taken(struct tr_irc_session *session)
{
	struct tr_irc_nick_change *change = session->puppet.change;
	if (change != NULL &&
		tr_irc_connection_is_me(session->connection, tr_str_from(change->nick))) {
		change_ends(change);
		choose(session, change->nick);
	}
}

static const char *why_refused(int numeric)
{
	switch (numeric) {
	case 432:
		return "the server does not allow it";
	case 433:
	case 436:
		return "somebody has it";
	case 437:
		return "it cannot be had for a while";
	case 438:
		return "nicks are changed too fast, wait a little";
	case 447:
		return "nicks cannot be changed while in one of the channels";
	default:
		return "the server says no";
	}
}

bool tr_irc_nick_change_refused(
	struct tr_irc_session *session, const char *tried, const struct tr_irc_line *line)
{
	struct tr_irc_nick_change *change = session->puppet.change;
	if (change == NULL || strcmp(change->nick, tried) != 0) {
		return false;
	}
	struct tr_str words = tr_irc_param(line, line->param_count - 1);
	words = tr_utf8_valid(words) ? words : (struct tr_str){NULL, 0};
	tr_error_set_class(&change->error, TR_E_DENIED, TR_CLASS_PERMANENT,
		"The nick %s cannot be yours: %s (%d %.*s).", tried, why_refused(line->numeric),
		line->numeric, TR_STR_ARG(tr_str_slice(words, 0, tr_utf8_fit(words, 80))));
	change->error.status = line->numeric;
	change_ends(change);
	return true;
}

void tr_irc_nick_change_lost(struct tr_irc_session *session)
{
	struct tr_irc_nick_change *change = session->puppet.change;
	if (change != NULL) {
		tr_error_set(
			&change->error, TR_E_CLOSED, "The connection was lost before the answer.");
		change_ends(change);
	}
}

/* Why it is not even asked for; false = nothing speaks against it. */
static bool is_impossible(
	const struct tr_irc_session *session, struct tr_str nick, struct tr_error *error)
{
	const struct tr_irc_network *network = session->network;
	const struct tr_irc_session *other = tr_irc_nick_claimant(network, nick);
	if (!network->config->ircClients.allowNickChanges) {
		tr_error_set(error, TR_E_DENIED, "Nicks are not changed on this bridge.");
	} else if (session->puppet.change != NULL) {
		tr_error_set(error, TR_E_EXISTS, "Your nick is being changed already.");
	} else if (tr_str_empty(nick)) {
		return false;
	} else if (!tr_irc_nick_valid(nick)) {
		tr_error_set(error, TR_E_INVALID,
			"That is no nick: letters, digits and []\\`_^{|}- only, and no digit or - first.");
	} else if (network->isupport_told && nick.len > network->isupport.nick_len) {
		tr_error_set(error, TR_E_INVALID, "That nick is too long: at most %u characters.",
			network->isupport.nick_len);
	} else if (other != NULL && other != session) {
		tr_error_set(error, TR_E_EXISTS, "The nick %.*s cannot be yours: somebody has it.",
			TR_STR_ARG(nick));
	} else {
		return false;
	}
	return true;
}

void tr_irc_puppet_set_nick(struct tr_irc_session *session, struct tr_str nick,
	tr_irc_nick_callback *callback, void *arg)
{
	struct tr_irc_nick_change *change = tr_alloc(sizeof(*change));
	change->session = session;
	change->nick = tr_str_dup(nick);
	change->callback = callback;
	change->arg = arg;
	change->timer = tr_timer_create(session->network->loop, late, change);
	if (is_impossible(session, nick, &change->error)) {
		change_ends(change);
	} else if (tr_str_empty(nick) || !tr_irc_session_online(session) ||
		   tr_irc_connection_is_me(session->connection, nick)) {
		change_ends(change);
		choose(session, change->nick);
	} else {
		session->puppet.change = change;
		tr_timer_start(change->timer, ANSWER_MS);
		tr_irc_nick_ask(session, change->nick);
	}
}

void tr_irc_nick_change_finish(struct tr_irc_session *session)
{
	tr_loop_defer_cancel(session->network->loop, call_back, session);
	if (session->puppet.change != NULL) {
		change_free(session->puppet.change);
	}
	while (session->puppet.changed != NULL) {
		struct tr_irc_nick_change *next = session->puppet.changed->next;
		change_free(session->puppet.changed);
		session->puppet.changed = next;
	}
}
