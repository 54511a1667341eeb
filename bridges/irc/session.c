/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection kept up for a Matrix user or for the bot: wanted, connecting, ready. What its end
 * means is session_end.c's, its channels are session_channels.c's, what goes out is outgoing.c's,
 * what comes in is session_lines.c's.
 */
#include "bridges/irc/session.h"

#include "bridges/irc/channel.h"
#include "bridges/irc/guest.h"
#include "bridges/irc/history.h"
#include "bridges/irc/identify.h"
#include "bridges/irc/identity.h"
#include "bridges/irc/login.h"
#include "bridges/irc/nick.h"
#include "bridges/irc/outgoing.h"
#include "bridges/irc/query.h"
#include "bridges/irc/session_internal.h"
#include "bridges/irc/topic.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"

#include <string.h>

enum { NAME_MAX = 512 };

const char *tr_irc_session_who(const struct tr_irc_session *session)
{
	return session->user_id ? session->user_id : "the bot";
}

bool tr_irc_session_online(const struct tr_irc_session *session)
{
	return session->state == TR_IRC_ONLINE;
}

bool tr_irc_session_has(const struct tr_irc_session *session, unsigned caps)
{
	return session->connection != NULL &&
	       (tr_irc_connection_caps(session->connection) & caps) == caps;
}

void tr_irc_session_set_state(struct tr_irc_session *session, enum tr_irc_session_state state)
{
	static const char *const names[] = {
		"offline", "queued", "connecting", "online", "waiting", "barred"};
	if (session->state != state) {
		tr_log_debug("irc", "%s: %s -> %s", tr_irc_session_who(session),
			names[session->state], names[state]);
		session->state = state;
	}
}

static void on_ready(void *arg)
{
	struct tr_irc_session *session = arg;
	struct tr_irc_network *network = session->network;
	tr_irc_network_set_isupport(network, tr_irc_connection_isupport(session->connection));
	session->login_failures = 0;
	network->isupport_told = true;
	session->online_ms = tr_clock_mono_ms();
	tr_irc_session_set_state(session, TR_IRC_ONLINE);
	tr_irc_hearing_reset(session);
	tr_irc_connects_ready(&network->connects);
	tr_irc_connection_notice_online(session, tr_irc_connection_nick(session->connection));
	tr_irc_session_own_nick(session, tr_str_from(tr_irc_connection_nick(session->connection)));
	tr_irc_session_store_identity(session);
	tr_log_info("irc", "%s: %s is connected as %s", network->entry->address,
		tr_irc_session_who(session), tr_irc_connection_nick(session->connection));
	tr_irc_puppet_online(session);
	if (network->pressed) {
		tr_irc_connection_pause(session->connection, true);
	}
	if (!tr_irc_identify_begin(session)) {
		tr_irc_session_rejoin_all(session);
		tr_irc_outgoing_pump(session);
		tr_irc_topic_pump(session);
	}
	if (tr_irc_connection_has_sasl(session->connection)) {
		tr_irc_guest_sasl(session); /* it may have come just now */
	}
	tr_bridge_wake(network->bridge);
}

static bool on_nick_refused(void *arg, const char *refused, int numeric, struct tr_buf *nick)
{
	(void)refused;
	return tr_irc_nick_refused(arg, numeric, nick);
}

static void on_drain(void *arg)
{
	tr_irc_outgoing_pump(arg);
}

static const struct tr_irc_connection_handler handler = {
	.on_ready = on_ready,
	.on_line = tr_irc_session_line,
	.drops = tr_irc_session_drops,
	.on_nick_refused = on_nick_refused,
	.on_sasl = tr_irc_guest_sasl,
	.on_login = tr_irc_guest_login,
	.on_drain = on_drain,
	.on_close = tr_irc_session_closed,
};

/* One of the configured addresses; after a failure the next one. */
static const char *pick_address(struct tr_irc_session *session)
{
	const struct tr_irc_network *network = session->network;
	const struct tr_irc_texts *more = &network->config->additionalAddresses;
	size_t own = network->config->onlyAdditionalAddresses && more->count > 0 ? 0 : 1;
	size_t count = more->count + own;
	session->address = session->attempts == 0 ? tr_random_below((uint32_t)count)
						  : (session->address + 1) % count;
	return session->address < own ? network->entry->address
				      : more->items[session->address - own];
}

enum {
	CAPS = TR_IRC_CAP_MESSAGE_TAGS | TR_IRC_CAP_SERVER_TIME | TR_IRC_CAP_BATCH |
	       TR_IRC_CAP_ECHO_MESSAGE | TR_IRC_CAP_LABELED_RESPONSE | TR_IRC_CAP_CHATHISTORY |
	       TR_IRC_CAP_CHGHOST | TR_IRC_CAP_CAP_NOTIFY,
	/* What tells who others are: only of use, and paid for in lines, to who reads. Puppets that
	 * read where the bot does not have the prefixes of lines. */
	CAPS_OF_READER = TR_IRC_CAP_MULTI_PREFIX | TR_IRC_CAP_USERHOST_IN_NAMES |
			 TR_IRC_CAP_ACCOUNT_TAG | TR_IRC_CAP_ACCOUNT_NOTIFY |
			 TR_IRC_CAP_EXTENDED_JOIN,
};

void tr_irc_session_connect(struct tr_irc_session *session)
{
	struct tr_irc_network *network = session->network;
	const struct tr_irc_server_config *config = network->config;
	struct tr_buf nick = TR_BUF_INIT(NAME_MAX);
	struct tr_buf realname = TR_BUF_INIT(NAME_MAX);
	bool is_bot = session->user_id == NULL;
	if (is_bot) {
		tr_buf_add_c(&realname, config->botConfig.username);
	} else {
		tr_irc_realname_make(session->user_id,
			config->ircClients.realnameFormat == TR_IRC_REALNAME_REVERSE_MXID,
			&realname);
	}
	tr_irc_nick_begin(session, &nick);
	struct tr_irc_login login;
	tr_irc_login_of(session, &login);
	struct tr_irc_connection_options options = {
		.host = pick_address(session),
		.port = (uint16_t)config->port,
		.tls = network->tls,
		.tls_name = config->tls_servername,
		.nick = tr_buf_c(&nick),
		.username = login.username ? login.username : session->puppet.username,
		.realname = tr_buf_c(&realname),
		.caps_wanted = is_bot || network->bot == NULL ? CAPS | CAPS_OF_READER : CAPS,
		.ping_interval_ms = (uint64_t)config->ircClients.pingRateMs,
		.ping_timeout_ms = (uint64_t)config->ircClients.pingTimeoutMs,
	};
	session->dismissed = false;
	tr_irc_login_apply(&login, config, &options);
	options.identity = options.identity ? options.identity : network->identity;
	if (options.sasl_password != NULL) {
		options.worker = tr_irc_network_worker(network);
	}
	tr_irc_session_set_state(session, TR_IRC_CONNECTING);
	tr_irc_connects_began(&network->connects);
	session->connection = tr_irc_connection_create(network->loop, &options, &handler, session);
	tr_irc_login_finish(&login);
	tr_buf_finish(&nick);
	tr_buf_finish(&realname);
}

void tr_irc_session_prepared(struct tr_irc_session *session)
{
	if (session->state != TR_IRC_QUEUED) {
		return;
	}
	if (session->user_id != NULL &&
		tr_irc_excluded(session->network, session->user_id) != NULL) {
		tr_irc_session_stand_back(session);
	} else if (tr_irc_puppet_prepare(session)) {
		tr_irc_connects_add(&session->network->connects, session);
	}
}

void tr_irc_session_want(struct tr_irc_session *session)
{
	if (session->state == TR_IRC_QUEUED) {
		tr_irc_connects_hurry(&session->network->connects, session);
	} else if (session->state == TR_IRC_OFFLINE && !session->network->stopping) {
		tr_irc_session_set_state(session, TR_IRC_QUEUED);
		tr_irc_session_prepared(session);
	}
}

void tr_irc_session_retry(struct tr_irc_session *session)
{
	tr_timer_stop(session->reconnect);
	session->login_refused = false;
	session->login_failures = 0;
	if (session->state == TR_IRC_WAITING || session->state == TR_IRC_BARRED) {
		tr_irc_session_set_state(session, TR_IRC_OFFLINE);
	}
	tr_irc_session_want(session);
}

void tr_irc_session_stand_back(struct tr_irc_session *session)
{
	tr_irc_connects_remove(&session->network->connects, session);
	session->returning = false;
	tr_irc_session_set_state(session, TR_IRC_OFFLINE);
}

void tr_irc_session_quit(struct tr_irc_session *session, const char *reason)
{
	tr_timer_stop(session->reconnect);
	if (session->connection != NULL) {
		tr_irc_connection_quit(session->connection, tr_str_from(reason));
	} else {
		tr_irc_session_stand_back(session);
	}
}

void tr_irc_session_dismiss(struct tr_irc_session *session, const char *reason)
{
	struct tr_list *node;
	while ((node = tr_list_head(&session->members)) != NULL) {
		tr_irc_member_remove(TR_LIST_ENTRY(node, struct tr_irc_member, node));
	}
	session->dismissed = true;
	tr_irc_session_quit(session, reason);
}

void tr_irc_session_reconnect(struct tr_irc_session *session, const char *reason)
{
	session->attempts = 0;
	session->login_refused = false;
	if (session->connection != NULL) {
		session->recalled = true;
		tr_irc_connection_quit(session->connection, tr_str_from(reason));
	} else {
		tr_irc_session_retry(session);
	}
}

struct tr_irc_session *tr_irc_session_create(struct tr_irc_network *network, const char *user_id)
{
	struct tr_irc_session *session = tr_alloc(sizeof(*session));
	session->network = network;
	session->user_id = tr_strdup(user_id);
	session->mask = tr_strdup("");
	session->reconnect = tr_timer_create(network->loop, tr_irc_session_wait_over, session);
	session->rejoin = tr_timer_create(network->loop, tr_irc_session_rejoin_missing, session);
	session->join_watch =
		tr_timer_create(network->loop, tr_irc_session_look_after_joins, session);
	tr_list_init(&session->members);
	session->history = tr_irc_history_create(session);
	tr_irc_outgoing_init(session);
	tr_irc_nick_rethink(session);
	if (user_id != NULL) {
		tr_map_set(&network->sessions, tr_str_from(user_id), session);
	}
	return session;
}

struct tr_irc_session *tr_irc_session_of(struct tr_irc_network *network, const char *user_id)
{
	struct tr_irc_session *session = tr_map_get(&network->sessions, tr_str_from(user_id));
	return session ? session : tr_irc_session_create(network, user_id);
}

void tr_irc_session_destroy(struct tr_irc_session *session)
{
	if (session == NULL) {
		return;
	}
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->members, node, following) {
		struct tr_irc_member *member = TR_LIST_ENTRY(node, struct tr_irc_member, node);
		tr_list_remove(&member->node);
		tr_list_remove(&member->channel_node);
		tr_free(member);
	}
	tr_irc_identify_stop(session);
	tr_irc_guest_stop(session);
	tr_irc_connection_destroy(session->connection);
	tr_irc_connects_remove(&session->network->connects, session);
	tr_irc_puppet_finish(session);
	tr_irc_history_destroy(session->history);
	tr_irc_query_finish(session);
	tr_irc_topic_finish(session);
	tr_irc_outgoing_finish(session);
	tr_timer_destroy(session->reconnect);
	tr_timer_destroy(session->rejoin);
	tr_timer_destroy(session->join_watch);
	tr_map_finish(&session->splits);
	tr_free(session->user_id);
	tr_free(session->nick);
	tr_free(session->own_key);
	tr_free(session->mask);
	tr_free(session);
}
