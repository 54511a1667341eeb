/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection kept up for a Matrix user or for the bot: connecting, taking a nick, waiting after
 * a loss, giving up where only a person can help. Its channels are session_channels.c's, what goes
 * out is outgoing.c's, what comes in is session_lines.c's.
 */
#include "bridges/irc/session.h"

#include "bridges/irc/channel.h"
#include "bridges/irc/history.h"
#include "bridges/irc/identify.h"
#include "bridges/irc/identity.h"
#include "bridges/irc/login.h"
#include "bridges/irc/nick.h"
#include "bridges/irc/outgoing.h"
#include "bridges/irc/query.h"
#include "bridges/irc/session_internal.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"

#include <string.h>

enum {
	NAME_MAX = 512,
	RECONNECT_FIRST_MS = 1000,
	RECONNECT_MAX_MS = 120000,
	NICK_TRIES_MAX = 20,
};

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

/* One function changes the state. */
static void set_state(struct tr_irc_session *session, enum tr_irc_session_state state)
{
	static const char *const names[] = {"offline", "connecting", "online", "waiting", "barred"};
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
	session->attempts = 0;
	session->login_failures = 0;
	session->nick_tries = 0;
	set_state(session, TR_IRC_ONLINE);
	tr_irc_session_own_nick(session, tr_str_from(tr_irc_connection_nick(session->connection)));
	tr_irc_session_store_identity(session);
	tr_log_info("irc", "%s: %s is connected as %s", network->entry->address,
		tr_irc_session_who(session), tr_irc_connection_nick(session->connection));
	if (network->config->ircClients.userModes != NULL &&
		network->config->ircClients.userModes[0] != '\0' && session->user_id != NULL) {
		struct tr_buf modes = TR_BUF_INIT(64);
		tr_buf_addf(&modes, "+%s", network->config->ircClients.userModes);
		tr_irc_send_words(session->connection, "MODE",
			tr_str_from(tr_irc_connection_nick(session->connection)),
			tr_buf_str(&modes), (struct tr_str){NULL, 0});
		tr_buf_finish(&modes);
	}
	if (network->pressed) {
		tr_irc_connection_pause(session->connection, true);
	}
	if (!tr_irc_identify_begin(session)) {
		tr_irc_session_rejoin_all(session);
		tr_irc_outgoing_pump(session);
	}
	tr_bridge_wake(network->bridge);
}

static bool on_nick_refused(void *arg, const char *refused, int numeric, struct tr_buf *nick)
{
	struct tr_irc_session *session = arg;
	(void)refused;
	if (++session->nick_tries > NICK_TRIES_MAX) {
		return false;
	}
	tr_log_info("irc", "%s: the nick %s is not to be had (%d), trying another",
		tr_irc_session_who(session), session->nick, numeric);
	unsigned max = session->network->isupport.nick_len;
	tr_irc_nick_next(tr_str_from(session->nick), session->nick_tries, max < 9 ? 9 : max, nick);
	return true;
}

static void on_drain(void *arg)
{
	tr_irc_outgoing_pump(arg);
}

static void reconnect_now(void *arg)
{
	struct tr_irc_session *session = arg;
	set_state(session, TR_IRC_OFFLINE);
	tr_irc_session_want(session);
}

/* The bot always comes back; a puppet while it is in a channel or has something to say. */
static bool wants_back(const struct tr_irc_session *session)
{
	return !session->network->stopping && !session->dismissed &&
	       (session->user_id == NULL || !tr_list_empty(&session->members) ||
		       session->attempts < 3);
}

static void bar(struct tr_irc_session *session, const struct tr_error *error)
{
	set_state(session, TR_IRC_BARRED);
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
}

static void wait_or_give_up(
	struct tr_irc_session *session, const struct tr_error *error, uint64_t login_delay_ms)
{
	if (!wants_back(session)) {
		set_state(session, TR_IRC_OFFLINE);
		return;
	}
	uint64_t delay = tr_backoff_ms(session->attempts++, RECONNECT_FIRST_MS, RECONNECT_MAX_MS);
	if (login_delay_ms > delay) {
		delay = login_delay_ms;
	}
	if (error->cls == TR_CLASS_RETRY_AFTER && error->retry_after_ms > delay) {
		delay = error->retry_after_ms;
	}
	set_state(session, TR_IRC_WAITING);
	tr_timer_start(session->reconnect, delay);
	tr_log_info("irc", "%s: %s is not connected, next try in %llu ms: %s",
		session->network->entry->address, tr_irc_session_who(session),
		(unsigned long long)delay, error->text);
}

static void on_close(void *arg, const struct tr_error *error)
{
	struct tr_irc_session *session = arg;
	struct tr_error why = *error;
	session->last_error = *error;
	tr_irc_identify_stop(session);
	tr_irc_connection_destroy(session->connection);
	session->connection = NULL;
	bool barred = error->cls == TR_CLASS_DENIED || error->cls == TR_CLASS_PERMANENT;
	uint64_t login_delay_ms = 0;
	if (barred && !session->network->stopping &&
		!tr_irc_login_retry(session, error, &login_delay_ms)) {
		bar(session, error);
	} else {
		why.cls = barred ? TR_CLASS_RETRY : why.cls;
		wait_or_give_up(session, error, login_delay_ms);
	}
	tr_irc_session_leave_all(session);
	tr_irc_history_reset(session->history);
	tr_irc_query_reset(session, error);
	tr_irc_outgoing_give_back(session, &why);
}

static const struct tr_irc_connection_handler handler = {
	.on_ready = on_ready,
	.on_line = tr_irc_session_line,
	.drops = tr_irc_session_drops,
	.on_nick_refused = on_nick_refused,
	.on_drain = on_drain,
	.on_close = on_close,
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

static void make_nick(struct tr_irc_session *session)
{
	const struct tr_irc_network *network = session->network;
	struct tr_buf nick = TR_BUF_INIT(NAME_MAX);
	if (session->user_id == NULL) {
		tr_buf_add_c(&nick, network->config->botConfig.nick);
	} else {
		unsigned max = network->isupport.nick_len < 30 ? 30 : network->isupport.nick_len;
		tr_irc_nick_make(network->config->ircClients.nickTemplate, session->user_id, NULL,
			max, &nick);
	}
	tr_free(session->nick);
	session->nick = tr_buf_take(&nick);
}

enum {
	CAPS = TR_IRC_CAP_MESSAGE_TAGS | TR_IRC_CAP_SERVER_TIME | TR_IRC_CAP_BATCH |
	       TR_IRC_CAP_ECHO_MESSAGE | TR_IRC_CAP_LABELED_RESPONSE | TR_IRC_CAP_CHATHISTORY |
	       TR_IRC_CAP_CHGHOST | TR_IRC_CAP_CAP_NOTIFY,
};

static void connect_now(struct tr_irc_session *session)
{
	struct tr_irc_network *network = session->network;
	const struct tr_irc_server_config *config = network->config;
	struct tr_buf username = TR_BUF_INIT(NAME_MAX);
	struct tr_buf realname = TR_BUF_INIT(NAME_MAX);
	bool is_bot = session->user_id == NULL;
	if (is_bot) {
		tr_buf_add_c(&username, config->botConfig.username);
		tr_buf_add_c(&realname, config->botConfig.username);
	} else {
		tr_irc_username_make(session->user_id, &username);
		tr_irc_realname_make(session->user_id,
			config->ircClients.realnameFormat == TR_IRC_REALNAME_REVERSE_MXID,
			&realname);
	}
	struct tr_irc_login login;
	tr_irc_login_of(session, &login);
	struct tr_irc_connection_options options = {
		.host = pick_address(session),
		.port = (uint16_t)config->port,
		.tls = network->tls,
		.tls_name = config->tls_servername,
		.nick = session->nick,
		.username = login.username ? login.username : tr_buf_c(&username),
		.realname = tr_buf_c(&realname),
		.caps_wanted = CAPS,
		.ping_interval_ms = (uint64_t)config->ircClients.pingRateMs,
		.ping_timeout_ms = (uint64_t)config->ircClients.pingTimeoutMs,
	};
	session->dismissed = false;
	tr_irc_login_apply(&login, config, &options);
	if (options.sasl_password != NULL) {
		options.worker = tr_irc_network_worker(network);
	}
	set_state(session, TR_IRC_CONNECTING);
	session->connection = tr_irc_connection_create(network->loop, &options, &handler, session);
	tr_irc_login_finish(&login);
	tr_buf_finish(&username);
	tr_buf_finish(&realname);
}

void tr_irc_session_want(struct tr_irc_session *session)
{
	if (session->state == TR_IRC_OFFLINE && !session->network->stopping) {
		session->nick_tries = 0;
		connect_now(session);
	}
}

void tr_irc_session_retry(struct tr_irc_session *session)
{
	tr_timer_stop(session->reconnect);
	session->login_refused = false;
	session->login_failures = 0;
	if (session->state == TR_IRC_WAITING || session->state == TR_IRC_BARRED) {
		set_state(session, TR_IRC_OFFLINE);
	}
	tr_irc_session_want(session);
}

void tr_irc_session_quit(struct tr_irc_session *session, const char *reason)
{
	tr_timer_stop(session->reconnect);
	if (session->connection != NULL) {
		tr_irc_connection_quit(session->connection, tr_str_from(reason));
	} else {
		set_state(session, TR_IRC_OFFLINE);
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
	session->reconnect = tr_timer_create(network->loop, reconnect_now, session);
	session->rejoin = tr_timer_create(network->loop, tr_irc_session_rejoin_missing, session);
	session->join_watch =
		tr_timer_create(network->loop, tr_irc_session_look_after_joins, session);
	tr_list_init(&session->members);
	session->history = tr_irc_history_create(session);
	tr_irc_outgoing_init(session);
	make_nick(session);
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
	tr_irc_connection_destroy(session->connection);
	tr_irc_history_destroy(session->history);
	tr_irc_query_finish(session);
	tr_irc_outgoing_finish(session);
	tr_timer_destroy(session->reconnect);
	tr_timer_destroy(session->rejoin);
	tr_timer_destroy(session->join_watch);
	tr_free(session->user_id);
	tr_free(session->nick);
	tr_free(session->own_key);
	tr_free(session->mask);
	tr_free(session);
}
