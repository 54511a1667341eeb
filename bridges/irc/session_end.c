/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the end of a connection means: come back (and when), stay away until somebody speaks, or
 * give up because only a person can help. When everybody's turn is, is connects.c's.
 */
#include "bridges/irc/channel.h"
#include "bridges/irc/guest.h"
#include "bridges/irc/history.h"
#include "bridges/irc/identify.h"
#include "bridges/irc/login.h"
#include "bridges/irc/outgoing.h"
#include "bridges/irc/outgoing_internal.h"
#include "bridges/irc/query.h"
#include "bridges/irc/session_internal.h"
#include "bridges/irc/topic.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"

enum {
	AGAIN_FIRST_MS = 1000,
	AGAIN_MAX_MS = 120000,
	STEADY_MS = 60000, /* a connection that lasted so long was a good one */
	BANNED_MS = 20 * 60 * 1000,
	BANNED_SPREAD_MS = 20 * 60 * 1000,
	FULL_TRIES = 3, /* some seconds apart: it may be over at once, as after a restart */
	FULL_DOUBLINGS = 3,
};

uint64_t tr_irc_banned_bot_wait_ms(const struct tr_error *error)
{
	return error->code == TR_E_DENIED ? BANNED_MS + tr_random_below(BANNED_SPREAD_MS) : 0;
}

void tr_irc_session_wait_over(void *arg)
{
	struct tr_irc_session *session = arg;
	if (session->state == TR_IRC_BARRED) {
		tr_log_info("irc", "%s: %s tries again whether it is let in now",
			session->network->entry->address, tr_irc_session_who(session));
	}
	tr_irc_session_set_state(session, TR_IRC_OFFLINE);
	tr_irc_session_want(session);
}

/* The bot always comes back; a puppet while it is in a channel or has something to say. */
static bool wants_back(const struct tr_irc_session *session)
{
	return !session->network->stopping && !session->puppet.cycled && !session->dismissed &&
	       (session->user_id == NULL || !tr_list_empty(&session->members) ||
		       session->attempts < 3);
}

static bool anybody_online(const struct tr_irc_network *network)
{
	if (network->bot != NULL && tr_irc_session_online(network->bot)) {
		return true;
	}
	for (struct tr_map_entry *e = tr_map_first(&network->sessions); e; e = tr_map_next(e)) {
		if (tr_irc_session_online(tr_map_value(e))) {
			return true;
		}
	}
	return false;
}

static void kick(struct tr_irc_session *session, const struct tr_portal *portal)
{
	if (portal != NULL && portal->kind == TR_PORTAL_CHANNEL) {
		tr_bridge_remote_kick(session->network->bridge, (struct tr_portal *)portal,
			session->user_id, TR_STR("IRC connection failure."));
	}
}

/* Only of somebody whom the server has banned, and only while it lets others of us in: when it has
 * banned the bridge, or a password is wrong, nobody in the rooms has done anything. */
static void kick_banned(struct tr_irc_session *session, const struct tr_error *error)
{
	const struct tr_irc_network *network = session->network;
	if (!network->config->ircClients.kickOn.ircConnectionFailure || session->user_id == NULL ||
		error->code != TR_E_DENIED || !anybody_online(network)) {
		return;
	}
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->members, node, following) {
		kick(session, TR_LIST_ENTRY(node, struct tr_irc_member, node)->channel->portal);
	}
	TR_LIST_EACH (&session->tasks, node, following) {
		kick(session, TR_LIST_ENTRY(node, struct tr_irc_task, node)->op->portal);
	}
}

/* The bot serves everybody: bans end, and nobody may be there to say so. It stays barred while it
 * waits. */
static void bar_bot(struct tr_irc_session *session, const struct tr_error *error, uint64_t wait_ms)
{
	unsigned minutes = (unsigned)(wait_ms / 60000);
	tr_log_error("irc", "%s: the bot cannot connect and tries again in %u minutes: %s",
		session->network->entry->address, minutes, error->text);
	tr_error_set_class(&session->last_error, error->code, error->cls,
		"next try in some %u minutes: %s", minutes, error->text);
	tr_timer_start(session->reconnect, wait_ms);
}

static void bar(struct tr_irc_session *session, const struct tr_error *error)
{
	uint64_t wait_ms = session->user_id == NULL ? tr_irc_banned_bot_wait_ms(error) : 0;
	tr_irc_session_set_state(session, TR_IRC_BARRED);
	if (wait_ms > 0) {
		bar_bot(session, error, wait_ms);
		return;
	}
	tr_log_error("irc", "%s: %s cannot connect and does not try again: %s",
		session->network->entry->address, tr_irc_session_who(session), error->text);
	const char *advice = tr_irc_login_advice(session, error);
	if (session->user_id != NULL) {
		struct tr_buf text = TR_BUF_INIT(1024);
		tr_buf_addf(&text,
			"You cannot be connected to %s: %s. %s%sNothing is tried again until you say !reconnect.",
			session->network->config->name, error->text, advice,
			advice[0] != '\0' ? " " : "");
		tr_bridge_tell_user(session->network->bridge, session->user_id, tr_buf_c(&text));
		tr_buf_finish(&text);
	}
	kick_banned(session, error);
}

static bool at_once(struct tr_irc_session *session)
{
	tr_irc_session_set_state(session, TR_IRC_OFFLINE);
	tr_irc_session_want(session);
	return true;
}

/* Whether it is in the queue again already. */
static bool comes_at_once(
	struct tr_irc_session *session, const struct tr_error *error, bool was_online)
{
	session->returning = !session->recalled;
	if (session->recalled) {
		session->recalled = false;
		return at_once(session);
	}
	if (!was_online && tr_irc_connects_holds(error)) {
		/* Nobody can connect: the queue knows when to try. */
		session->attempts++;
		return at_once(session);
	}
	return false;
}

bool tr_irc_is_full(const struct tr_error *error)
{
	return error->code == TR_E_UNAVAILABLE && error->cls == TR_CLASS_RETRY_AFTER;
}

/* There is no room on the server: it is tried again after minutes, and later more of them. Until
 * then the session is barred: what it has to say is refused and kept for !retry, for else all who
 * speak in its rooms would wait with it. Only who has something to say need know. */
static void wait_for_room(struct tr_irc_session *session, const struct tr_error *error)
{
	unsigned doublings = session->attempts - FULL_TRIES;
	uint64_t delay = error->retry_after_ms
			 << (doublings < FULL_DOUBLINGS ? doublings : FULL_DOUBLINGS);
	unsigned minutes = (unsigned)(delay / 60000);
	const struct tr_irc_network *network = session->network;
	session->attempts++;
	session->returning = true;
	tr_irc_session_set_state(session, TR_IRC_BARRED);
	tr_timer_start(session->reconnect, delay);
	tr_log_warn("irc", "%s: %s is not connected, next try in %u minutes: %s",
		network->entry->address, tr_irc_session_who(session), minutes, error->text);
	if (session->user_id != NULL && !tr_list_empty(&session->tasks)) {
		struct tr_buf text = TR_BUF_INIT(1024);
		tr_buf_addf(&text,
			"You cannot be connected to %s for now: %s. In some %u minutes it is "
			"tried again, or when you say !reconnect; !retry then sends what could not be "
			"sent. If this lasts, the bridge's administrator has to ask the network's "
			"staff to let the bridge have more connections.",
			network->config->name, error->text, minutes);
		tr_bridge_tell_user(network->bridge, session->user_id, tr_buf_c(&text));
		tr_buf_finish(&text);
	}
}

/* Whether it stays full for somebody who still wants in, at every address of the network. */
static bool waits_for_room(const struct tr_irc_session *session, const struct tr_error *error)
{
	const struct tr_irc_network *network = session->network;
	bool wanted = session->user_id == NULL || !tr_list_empty(&session->members) ||
		      !tr_list_empty(&session->tasks);
	size_t addresses = network->config->additionalAddresses.count +
			   (network->config->onlyAdditionalAddresses ? 0 : 1);
	return tr_irc_is_full(error) && wanted && !network->stopping && !session->dismissed &&
	       !session->recalled && !session->puppet.cycled && session->attempts >= FULL_TRIES &&
	       session->attempts >= addresses;
}

/* Whether messages can wait for the connection. */
static enum tr_error_class class_for_messages(
	const struct tr_irc_session *session, const struct tr_error *error, bool refused)
{
	bool full = tr_irc_is_full(error);
	if (session->state == TR_IRC_BARRED) {
		return full ? TR_CLASS_PERMANENT : error->cls;
	}
	/* When to try again after a full server the session knows. */
	return refused || full ? TR_CLASS_RETRY : error->cls;
}

static void come_back(struct tr_irc_session *session, const struct tr_error *error, bool was_online,
	uint64_t login_delay_ms)
{
	if (waits_for_room(session, error)) {
		wait_for_room(session, error);
		return;
	}
	if (!wants_back(session)) {
		session->puppet.cycled = false;
		session->returning = false;
		tr_irc_session_set_state(session, TR_IRC_OFFLINE);
		return;
	}
	if (was_online && tr_clock_mono_ms() - session->online_ms >= STEADY_MS) {
		session->attempts = 0;
	}
	if (comes_at_once(session, error, was_online)) {
		return;
	}
	uint64_t delay = tr_backoff_ms(session->attempts++, AGAIN_FIRST_MS, AGAIN_MAX_MS);
	delay = login_delay_ms > delay ? login_delay_ms : delay;
	tr_irc_session_set_state(session, TR_IRC_WAITING);
	tr_timer_start(session->reconnect, delay);
	tr_log_info("irc", "%s: %s is not connected, next try in %llu ms: %s",
		session->network->entry->address, tr_irc_session_who(session),
		(unsigned long long)delay, error->text);
}

void tr_irc_session_closed(void *arg, const struct tr_error *error)
{
	struct tr_irc_session *session = arg;
	struct tr_irc_network *network = session->network;
	struct tr_error why = *error;
	bool was_online = tr_irc_session_online(session);
	uint64_t login_delay_ms = 0;
	session->last_error = *error;
	tr_irc_identify_stop(session);
	tr_irc_guest_stop(session);
	tr_irc_connection_destroy(session->connection);
	session->connection = NULL;
	if (was_online) {
		tr_irc_connects_lost(&network->connects, error);
	} else {
		tr_irc_connects_failed(&network->connects, error);
	}
	bool barred = error->cls == TR_CLASS_DENIED || error->cls == TR_CLASS_PERMANENT;
	if (barred && !network->stopping && !tr_irc_login_retry(session, error, &login_delay_ms)) {
		bar(session, error);
	} else {
		come_back(session, error, was_online, login_delay_ms);
	}
	why.cls = class_for_messages(session, error, barred);
	tr_irc_puppet_offline(session);
	tr_irc_session_leave_all(session);
	tr_map_finish(&session->splits);
	tr_irc_history_reset(session->history);
	tr_irc_query_reset(session, error);
	tr_irc_topic_give_back(session, &why);
	tr_irc_outgoing_give_back(session, &why);
}
