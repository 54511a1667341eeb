/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which nick a session asks for. What is wanted is the nick its user chose, else the template's;
 * the bot wants the configured one. Two of ours never ask for the same: each holds a claim. A
 * session that had to take another nick keeps looking for the wanted one (MONITOR, WATCH, else ISON
 * now and then, and whenever somebody is seen to leave it) and takes it back when it is free.
 *
 * What names look like is nick.c's, how the server is asked before registration connection's.
 */
#include "bridges/irc/nick.h"
#include "bridges/irc/puppet.h"
#include "bridges/irc/session.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#include <string.h>

enum {
	NAME_MAX = 512,
	UNTOLD_NICK_LEN = 30, /* until a server has said its NICKLEN */
	REFUSALS_MAX = 20,    /* of a registration */
	NUMBERS_MAX = 10000,
	LOOK_MS = 30000,       /* between two ISONs, and between tries to take a nick back */
	FORCED_MS = 600000,    /* .. after somebody else took it from us (services) */
	CHANGE_GAP_MS = 10000, /* between NICKs that nobody asked for: servers count them */
};

static unsigned nick_max(const struct tr_irc_network *network)
{
	return network->isupport_told ? network->isupport.nick_len : UNTOLD_NICK_LEN;
}

/* Appends the nick that the session should have. */
static void add_wanted(const struct tr_irc_session *session, struct tr_buf *out)
{
	const struct tr_irc_network *network = session->network;
	const struct tr_irc_puppet *puppet = &session->puppet;
	struct tr_str fixed = {NULL, 0};
	if (session->user_id == NULL) {
		fixed = tr_str_from(network->config->botConfig.nick);
	} else if (puppet->chosen_nick != NULL) {
		fixed = tr_str_from(puppet->chosen_nick);
	} else if (puppet->plain) {
		tr_irc_nick_plain(session->user_id, out);
		return;
	}
	if (!tr_str_empty(fixed)) {
		tr_buf_add(out, tr_str_slice(fixed, 0, nick_max(network)));
		return;
	}
	tr_irc_nick_make(network->config->ircClients.nickTemplate, session->user_id,
		tr_bridge_display_name(network->bridge, session->user_id), nick_max(network), out);
}

struct tr_irc_session *tr_irc_nick_claimant(
	const struct tr_irc_network *network, struct tr_str nick)
{
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold(&network->isupport, nick, &key);
	struct tr_irc_session *found = tr_map_get(&network->nick_claims, tr_buf_str(&key));
	tr_buf_finish(&key);
	return found;
}

static void unclaim(struct tr_irc_session *session)
{
	struct tr_irc_puppet *puppet = &session->puppet;
	if (puppet->claim != NULL) {
		tr_map_remove(&session->network->nick_claims, tr_str_from(puppet->claim));
		tr_free(puppet->claim);
		puppet->claim = NULL;
	}
}

static void claim(struct tr_irc_session *session, struct tr_str nick)
{
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	unclaim(session);
	tr_irc_fold(&session->network->isupport, nick, &key);
	struct tr_irc_session *other = tr_map_get(&session->network->nick_claims, tr_buf_str(&key));
	if (other != NULL) {
		unclaim(other); /* the server says that it is ours */
	}
	session->puppet.claim = tr_buf_take(&key);
	tr_map_set(&session->network->nick_claims, tr_str_from(session->puppet.claim), session);
}

/* The wanted nick, or from puppet->number on the next that no other session of ours claims. */
static void add_candidate(struct tr_irc_session *session, struct tr_buf *out)
{
	struct tr_irc_puppet *puppet = &session->puppet;
	struct tr_str wanted = tr_str_from(session->nick);
	struct tr_buf nick = TR_BUF_INIT(NAME_MAX);
	for (;; puppet->number++) {
		tr_buf_clear(&nick);
		if (puppet->number == 0) {
			tr_buf_add(&nick, wanted);
		} else {
			tr_irc_nick_next(wanted, puppet->number, nick_max(session->network), &nick);
		}
		const struct tr_irc_session *other =
			tr_irc_nick_claimant(session->network, tr_buf_str(&nick));
		if (other == NULL || other == session || puppet->number >= NUMBERS_MAX) {
			break;
		}
	}
	claim(session, tr_buf_str(&nick));
	tr_buf_add(out, tr_buf_str(&nick));
	tr_buf_finish(&nick);
}

static void set_wanted(struct tr_irc_session *session)
{
	struct tr_buf nick = TR_BUF_INIT(NAME_MAX);
	add_wanted(session, &nick);
	tr_free(session->nick);
	session->nick = tr_buf_take(&nick);
}

void tr_irc_nick_begin(struct tr_irc_session *session, struct tr_buf *nick)
{
	session->puppet.plain = false;
	session->puppet.number = 0;
	session->nick_tries = 0;
	set_wanted(session);
	add_candidate(session, nick);
}

bool tr_irc_nick_refused(struct tr_irc_session *session, int numeric, struct tr_buf *nick)
{
	struct tr_irc_puppet *puppet = &session->puppet;
	if (++session->nick_tries > REFUSALS_MAX) {
		return false;
	}
	tr_log_info("irc", "%s: the nick %s is not to be had (%d), trying another",
		tr_irc_session_who(session), session->nick, numeric);
	bool erroneous = numeric == 432 || numeric == 431;
	if (erroneous && !puppet->plain && session->user_id != NULL &&
		puppet->chosen_nick == NULL) {
		puppet->plain = true;
		puppet->number = 0;
		set_wanted(session);
	} else if (erroneous) {
		tr_free(session->nick);
		session->nick = tr_strdup("M");
		puppet->number++;
	} else {
		puppet->number++;
	}
	add_candidate(session, nick);
	return true;
}

static bool has_wanted(const struct tr_irc_session *session)
{
	return tr_irc_connection_is_me(session->connection, tr_str_from(session->nick));
}

void tr_irc_nick_ask(struct tr_irc_session *session, const char *nick)
{
	const struct tr_str none = {NULL, 0};
	tr_free(session->puppet.trying);
	session->puppet.trying = tr_strdup(nick);
	tr_irc_send_words(session->connection, "NICK", tr_str_from(nick), none, none);
}

/* Asks for the wanted nick when no other of ours has it and nothing else is asked for. */
static void take_back(struct tr_irc_session *session)
{
	struct tr_irc_puppet *puppet = &session->puppet;
	const struct tr_irc_session *other =
		tr_irc_nick_claimant(session->network, tr_str_from(session->nick));
	if (tr_irc_session_online(session) && !has_wanted(session) && puppet->trying == NULL &&
		(other == NULL || other == session)) {
		tr_log_debug("irc", "%s: taking the nick %s back", tr_irc_session_who(session),
			session->nick);
		tr_irc_nick_ask(session, session->nick);
	}
}

static void watch(struct tr_irc_session *session, bool on)
{
	const struct tr_irc_isupport *isupport = &session->network->isupport;
	struct tr_str nick = tr_str_from(session->nick);
	const struct tr_str none = {NULL, 0};
	if (isupport->monitor_max > 0) {
		tr_irc_send_words(
			session->connection, "MONITOR", on ? TR_STR("+") : TR_STR("-"), nick, none);
		session->puppet.monitored = on;
	} else if (isupport->watch_max > 0) {
		struct tr_buf word = TR_BUF_INIT(NAME_MAX);
		tr_buf_addf(&word, "%c%s", on ? '+' : '-', session->nick);
		tr_irc_send_words(session->connection, "WATCH", tr_buf_str(&word), none, none);
		tr_buf_finish(&word);
		session->puppet.monitored = on;
	}
}

static void stop_waiting(struct tr_irc_session *session)
{
	struct tr_irc_puppet *puppet = &session->puppet;
	tr_list_remove(&puppet->waiting);
	if (puppet->monitored && tr_irc_session_online(session)) {
		watch(session, false);
	}
	puppet->monitored = false;
}

/* Its turn to look comes after `delay_ms`; where the server tells us itself, at once, unless it is
 * to be later than usual. */
static void start_waiting(struct tr_irc_session *session, uint64_t delay_ms)
{
	struct tr_irc_puppet *puppet = &session->puppet;
	puppet->look_ms = tr_clock_mono_ms() + delay_ms;
	if (!tr_list_linked(&puppet->waiting)) {
		tr_list_append(&session->network->nick_waiters, &puppet->waiting);
		if (delay_ms <= LOOK_MS) {
			watch(session, true);
		}
	}
}

void tr_irc_nick_rethink(struct tr_irc_session *session)
{
	session->puppet.plain = false;
	if (tr_irc_session_online(session)) {
		stop_waiting(session);
	}
	set_wanted(session);
	if (tr_irc_session_online(session) && !has_wanted(session)) {
		start_waiting(session, LOOK_MS);
		take_back(session);
	}
}

void tr_irc_nick_taken(struct tr_irc_session *session, bool registered)
{
	struct tr_irc_puppet *puppet = &session->puppet;
	struct tr_str now = tr_str_from(tr_irc_connection_nick(session->connection));
	bool forced = !registered && puppet->trying == NULL;
	claim(session, now);
	tr_free(puppet->trying);
	puppet->trying = NULL;
	tr_irc_nick_change_taken(session);
	if (has_wanted(session)) {
		stop_waiting(session);
	} else {
		start_waiting(session, forced ? FORCED_MS : LOOK_MS);
	}
}

static bool refuses_nick(int numeric)
{
	switch (numeric) {
	case 431:
	case 432:
	case 433:
	case 436:
	case 437:
	case 438:
	case 447:
	case 484:
		return true;
	default:
		return false;
	}
}

static void refused_online(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_irc_puppet *puppet = &session->puppet;
	char *tried = puppet->trying;
	puppet->trying = NULL;
	if (!tr_irc_nick_change_refused(session, tried, line) && !has_wanted(session)) {
		start_waiting(session, LOOK_MS);
	}
	tr_free(tried);
}

/* RPL_ISON: the names of those asked for that are there. */
static bool is_named(const struct tr_irc_session *session, struct tr_str list)
{
	struct tr_str name;
	while (tr_str_word(&list, &name)) {
		ptrdiff_t bang = tr_str_find_char(name, '!');
		name = bang > 0 ? tr_str_slice(name, 0, (size_t)bang) : name;
		if (tr_irc_same(&session->network->isupport, name, tr_str_from(session->nick))) {
			return true;
		}
	}
	return false;
}

bool tr_irc_nick_line(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_irc_puppet *puppet = &session->puppet;
	if (puppet->trying != NULL && refuses_nick(line->numeric) &&
		!tr_irc_is_channel(&session->network->isupport, tr_irc_param(line, 1))) {
		refused_online(session, line);
		return true;
	}
	if (!tr_list_linked(&puppet->waiting) || line->param_count == 0) {
		return false;
	}
	switch (line->numeric) {
	case 303: /* RPL_ISON */
		if (!is_named(session, tr_irc_param(line, line->param_count - 1))) {
			take_back(session);
		}
		return true;
	case 731: /* RPL_MONOFFLINE */
		take_back(session);
		return true;
	case 601: /* RPL_LOGOFF */
	case 605: /* RPL_NOWOFF */
		take_back(session);
		return true;
	case 730: /* RPL_MONONLINE */
	case 600: /* RPL_LOGON */
	case 604: /* RPL_NOWON */
		return true;
	case 734: /* ERR_MONLISTFULL */
	case 512: /* ERR_TOOMANYWATCH */
		puppet->monitored = false;
		return true;
	default:
		return false;
	}
}

void tr_irc_nick_freed(struct tr_irc_network *network, struct tr_str nick)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&network->nick_waiters, node, following) {
		struct tr_irc_puppet *puppet = TR_LIST_ENTRY(node, struct tr_irc_puppet, waiting);
		struct tr_irc_session *session =
			TR_CONTAINER_OF(puppet, struct tr_irc_session, puppet);
		if (tr_irc_same(&network->isupport, nick, tr_str_from(session->nick))) {
			take_back(session);
		}
	}
}

void tr_irc_nick_look(struct tr_irc_network *network)
{
	uint64_t now = tr_clock_mono_ms();
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&network->nick_waiters, node, following) {
		struct tr_irc_puppet *puppet = TR_LIST_ENTRY(node, struct tr_irc_puppet, waiting);
		struct tr_irc_session *session =
			TR_CONTAINER_OF(puppet, struct tr_irc_session, puppet);
		const struct tr_str none = {NULL, 0};
		if (now < puppet->look_ms) {
			continue;
		}
		puppet->look_ms = now + (puppet->monitored ? 2 * LOOK_MS : LOOK_MS);
		tr_free(puppet->trying); /* an answer that never came */
		puppet->trying = NULL;
		tr_irc_send_words(
			session->connection, "ISON", tr_str_from(session->nick), none, none);
	}
}

void tr_irc_nick_wanted_changed(struct tr_irc_session *session)
{
	struct tr_irc_puppet *puppet = &session->puppet;
	if (!session->network->config->ircClients.allowNickChanges || session->user_id == NULL ||
		puppet->chosen_nick != NULL || !tr_irc_session_online(session)) {
		return;
	}
	uint64_t now = tr_clock_mono_ms();
	stop_waiting(session);
	puppet->plain = false;
	set_wanted(session);
	if (has_wanted(session)) {
		return;
	}
	bool soon = puppet->changed_ms != 0 && now - puppet->changed_ms < CHANGE_GAP_MS;
	if (soon) {
		start_waiting(session, CHANGE_GAP_MS);
	} else {
		puppet->changed_ms = now;
		start_waiting(session, LOOK_MS);
		take_back(session);
	}
}

void tr_irc_nick_offline(struct tr_irc_session *session)
{
	struct tr_irc_puppet *puppet = &session->puppet;
	char *had = puppet->claim;
	puppet->claim = NULL;
	if (had != NULL) {
		tr_map_remove(&session->network->nick_claims, tr_str_from(had));
	}
	stop_waiting(session);
	tr_free(puppet->trying);
	puppet->trying = NULL;
	if (had != NULL) {
		tr_irc_nick_freed(session->network, tr_str_from(had));
		tr_free(had);
	}
	tr_irc_nick_change_lost(session);
}

void tr_irc_nick_finish(struct tr_irc_session *session)
{
	tr_irc_nick_change_finish(session);
	tr_list_remove(&session->puppet.waiting);
	tr_free(session->puppet.claim);
	tr_free(session->puppet.trying);
}
