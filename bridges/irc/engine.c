/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol table of IRC: start and stop of a network, and which part of the engine an operation
 * goes to.
 */
#include "bridges/irc/engine.h"

#include "bridges/irc/account.h"
#include "bridges/irc/channel.h"
#include "bridges/irc/commands.h"
#include "bridges/irc/compose.h"
#include "bridges/irc/dynamic.h"
#include "bridges/irc/encoding.h"
#include "bridges/irc/feature.h"
#include "bridges/irc/identity.h"
#include "bridges/irc/login.h"
#include "bridges/irc/member_op.h"
#include "bridges/irc/membership_lists.h"
#include "bridges/irc/outgoing.h"
#include "bridges/irc/reader.h"
#include "bridges/irc/schema.h"
#include "bridges/irc/session.h"
#include "bridges/irc/topic.h"
#include "bridges/irc/undelivered.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/io/metrics.h"
#include "core/io/worker.h"

#include <stdio.h>
#include <string.h>

enum { NAME_MAX = 512, STOP_POLL_MS = 10 };

static const struct tr_db_statement select_channels = {
	"SELECT name, last_msgid, joined_ms FROM irc_channel"};
static const struct tr_db_statement select_puppets = {"SELECT user_id, nick, mask FROM irc_puppet"};

static const struct tr_db_statement select_identities = {
	"SELECT user_id, username, nick, spoke_ms FROM irc_identity"};

static void collect(struct tr_metrics *metrics, void *arg);

static void every_second(void *arg)
{
	struct tr_irc_network *network = arg;
	tr_irc_nick_look(network);
	tr_irc_puppets_reap(network);
}

static void *create(struct tr_bridge *bridge, const void *config)
{
	struct tr_irc_network *network = tr_alloc(sizeof(*network));
	network->bridge = bridge;
	network->loop = tr_bridge_loop(bridge);
	network->entry = config;
	network->config = &network->entry->parameters;
	network->marks = tr_marks_create(network->loop, tr_bridge_journal(bridge), 0);
	tr_list_init(&network->uploads);
	tr_list_init(&network->to_pump);
	tr_irc_network_open_rest(network);
	tr_irc_network_open_places(network);
	network->epoch = tr_random_token(8);
	network->features = tr_irc_features_create(network->marks);
	network->accounts = tr_irc_accounts_create(tr_bridge_db(bridge), tr_bridge_seal(bridge));
	if (network->entry->globals.encodingFallback != NULL) {
		/* The configuration was checked: an error here leaves the usual one. */
		network->encoding =
			tr_irc_encoding_open(network->entry->globals.encodingFallback, NULL);
	}
	tr_irc_isupport_init(&network->isupport);
	tr_list_init(&network->nick_waiters);
	tr_irc_connects_init(&network->connects, network);
	network->second = tr_timer_create(network->loop, every_second, network);
	tr_metrics_add_collector(tr_bridge_metrics(bridge), collect, network);
	return network;
}

struct tr_worker *tr_irc_network_worker(struct tr_irc_network *network)
{
	if (network->worker == NULL) {
		network->worker = tr_worker_create(network->loop, "irc");
	}
	return network->worker;
}

struct starting {
	struct tr_irc_network *network;
	void (*started)(void *arg, const struct tr_error *error);
	void *arg;
};

static int create_tls(struct tr_irc_network *network, struct tr_error *error)
{
	if (!network->config->ssl) {
		return 0;
	}
	const struct tr_tls_options options = {
		.ca_file = network->config->ca_file,
		.ca_pem = network->config->ca_pem,
		.allow_self_signed = network->config->sslselfsign,
		.allow_expired = network->config->allowExpiredCerts,
	};
	network->tls = tr_tls_create(&options, error);
	if (network->tls == NULL) {
		return TR_E_TLS;
	}
	const char *certificate = network->config->botConfig.certificate;
	if (certificate != NULL) {
		network->bot_identity = tr_irc_login_read_certificate(certificate, error);
	}
	return certificate == NULL || network->bot_identity ? 0 : TR_E_CONFIG;
}

static void load_channels(struct tr_irc_network *network, const struct tr_db_result *result)
{
	for (size_t row = 0; row < tr_db_rows(result, 0); row++) {
		char *name = tr_str_dup(tr_db_text(result, 0, row, 0));
		struct tr_irc_channel *channel = tr_irc_channel_open(network, name);
		tr_free(channel->last_msgid);
		channel->last_msgid = tr_str_dup(tr_db_text(result, 0, row, 1));
		channel->joined_ms = tr_db_int(result, 0, row, 2);
		channel->join_stored = true;
		tr_free(name);
	}
}

/* Puppets of earlier runs: their nicks are ours in the history. */
static void load_puppets(struct tr_irc_network *network, const struct tr_db_result *result)
{
	for (size_t row = 0; row < tr_db_rows(result, 1); row++) {
		char *user_id = tr_str_dup(tr_db_text(result, 1, row, 0));
		struct tr_irc_session *session = tr_irc_session_of(network, user_id);
		tr_irc_session_remember(
			session, tr_db_text(result, 1, row, 1), tr_db_text(result, 1, row, 2));
		tr_free(user_id);
	}
}

static void load_identities(struct tr_irc_network *network, const struct tr_db_result *result)
{
	for (size_t row = 0; row < tr_db_rows(result, 4); row++) {
		char *user_id = tr_str_dup(tr_db_text(result, 4, row, 0));
		tr_irc_puppet_load(tr_irc_session_of(network, user_id),
			tr_db_text(result, 4, row, 1), tr_db_text(result, 4, row, 2),
			tr_db_int(result, 4, row, 3));
		tr_free(user_id);
	}
}

static struct tr_irc_channel *channel_of(struct tr_irc_network *network, struct tr_portal *portal)
{
	struct tr_irc_channel *channel = tr_irc_channel_open(network, portal->name);
	if (channel->portal == NULL) {
		channel->portal = portal;
	}
	return channel;
}

static void configure_mappings(struct tr_irc_network *network)
{
	for (size_t i = 0; i < network->config->mapping_count; i++) {
		const struct tr_irc_mapping *mapping = &network->config->mappings[i];
		struct tr_irc_channel *channel = tr_irc_channel_open(network, mapping->key);
		for (size_t room = 0; room < mapping->roomIds.count; room++) {
			channel->portal =
				tr_portal_configure(network->bridge, tr_str_from(channel->key),
					mapping->key, mapping->roomIds.items[room]);
		}
		tr_free(channel->password);
		channel->password = tr_strdup(mapping->channel_key);
	}
}

static bool open_portal(void *arg, struct tr_portal *portal)
{
	struct tr_irc_network *network = arg;
	if (portal->kind == TR_PORTAL_CHANNEL) {
		struct tr_irc_channel *channel = channel_of(network, portal);
		if (network->bot != NULL) {
			tr_irc_session_join(network->bot, channel);
		}
	}
	return true;
}

static void loaded(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct starting *starting = arg;
	struct tr_irc_network *network = starting->network;
	struct tr_error tls;
	if (error == NULL && create_tls(network, &tls) != 0) {
		error = &tls;
	}
	if (error == NULL) {
		load_channels(network, result);
		load_puppets(network, result);
		tr_irc_accounts_load(network->accounts, result, 2);
		tr_irc_features_load(network->features, result, 3);
		load_identities(network, result);
		tr_irc_topics_load(network, result, 5);
		tr_timer_repeat(network->second, 1000);
		configure_mappings(network);
		if (network->config->botConfig.enabled) {
			network->bot = tr_irc_session_create(network, NULL);
		}
		tr_portal_each(network->bridge, open_portal, network);
		if (network->bot != NULL) {
			tr_irc_session_want(network->bot);
		}
	}
	starting->started(starting->arg, error);
	tr_free(starting);
}

static void start(void *self, void (*started)(void *arg, const struct tr_error *error), void *arg)
{
	struct tr_irc_network *network = self;
	struct starting *starting = tr_alloc(sizeof(*starting));
	*starting = (struct starting){network, started, arg};
	struct tr_db_batch *batch = tr_db_batch_create(tr_bridge_db(network->bridge));
	tr_db_batch_add(batch, &select_channels, NULL, 0);
	tr_db_batch_add(batch, &select_puppets, NULL, 0);
	tr_irc_accounts_ask(batch);
	tr_irc_features_ask(batch);
	tr_db_batch_add(batch, &select_identities, NULL, 0);
	tr_irc_topics_ask(batch);
	tr_db_submit_take(batch, loaded, starting);
}

typedef void session_visitor(struct tr_irc_session *session);

static void each_session(struct tr_irc_network *network, session_visitor *visit)
{
	for (struct tr_map_entry *e = tr_map_first(&network->sessions); e; e = tr_map_next(e)) {
		visit(tr_map_value(e));
	}
	if (network->bot != NULL) {
		visit(network->bot);
	}
}

static void quit(struct tr_irc_session *session)
{
	struct tr_error error;
	tr_error_set(&error, TR_E_CANCELED, "the bridge is stopping");
	tr_irc_topic_give_back(session, &error);
	tr_irc_outgoing_give_back(session, &error);
	tr_irc_session_quit(session, "Bridge is stopping");
}

static bool all_sessions(
	struct tr_irc_network *network, bool (*is)(const struct tr_irc_session *session))
{
	bool all = network->bot == NULL || is(network->bot);
	for (struct tr_map_entry *e = tr_map_first(&network->sessions); e && all;
		e = tr_map_next(e)) {
		all = is(tr_map_value(e));
	}
	return all;
}

static bool is_gone(const struct tr_irc_session *session)
{
	return session->connection == NULL;
}

/* First what is on its way is confirmed, as long as there is time; then everybody quits. */
static void stop_step(void *arg)
{
	struct tr_irc_network *network = arg;
	bool late = tr_clock_mono_ms() >= network->stop_deadline_ms;
	if (!network->stopping && (late || all_sessions(network, tr_irc_outgoing_idle))) {
		network->stopping = true;
		network->stop_deadline_ms = tr_clock_mono_ms() + TR_IRC_QUIT_MS;
		tr_irc_network_flush_places(network);
		each_session(network, quit);
		late = false;
	}
	if (network->stopping && (late || all_sessions(network, is_gone))) {
		tr_timer_destroy(network->stop_timer);
		network->stop_timer = NULL;
		network->stopped(network->stopped_arg);
		return;
	}
	tr_timer_start(network->stop_timer, STOP_POLL_MS);
}

static void stop(void *self, uint64_t timeout_ms, void (*stopped)(void *arg), void *arg)
{
	struct tr_irc_network *network = self;
	network->stopped = stopped;
	network->stopped_arg = arg;
	network->stop_deadline_ms = tr_clock_mono_ms() +
				    (timeout_ms > TR_IRC_QUIT_MS ? timeout_ms - TR_IRC_QUIT_MS : 0);
	network->stop_timer = tr_timer_create(network->loop, stop_step, network);
	tr_timer_start(network->stop_timer, 0);
}

static void destroy(void *self)
{
	struct tr_irc_network *network = self;
	tr_metrics_remove_collector(tr_bridge_metrics(network->bridge), collect, network);
	tr_timer_destroy(network->stop_timer);
	tr_timer_destroy(network->places);
	tr_timer_destroy(network->rouse);
	network->destroying = true;
	tr_irc_outgoing_pump_never(network);
	tr_marks_destroy(network->marks);
	for (struct tr_map_entry *e = tr_map_first(&network->channels); e; e = tr_map_next(e)) {
		tr_irc_channel_forget_reader(tr_map_value(e));
	}
	each_session(network, tr_irc_session_destroy);
	for (struct tr_map_entry *e = tr_map_first(&network->channels); e; e = tr_map_next(e)) {
		tr_irc_channel_destroy(tr_map_value(e));
	}
	tr_irc_uploads_finish(network);
	tr_map_finish(&network->sessions);
	tr_map_finish(&network->channels);
	tr_map_finish(&network->whereabouts); /* empty by now */
	tr_map_finish(&network->own_nicks);
	tr_irc_features_destroy(network->features);
	tr_worker_destroy(network->worker);
	tr_map_finish(&network->nick_claims);
	tr_map_finish(&network->usernames);
	tr_map_finish(&network->username_numbers);
	tr_irc_connects_finish(&network->connects);
	tr_timer_destroy(network->second);
	tr_irc_accounts_destroy(network->accounts);
	tr_tls_identity_destroy(network->bot_identity);
	tr_tls_destroy(network->tls);
	tr_irc_encoding_close(network->encoding);
	tr_free(network->epoch);
	tr_free(network);
}

static void deliver_message(struct tr_irc_network *network, struct tr_op *op)
{
	if (op->portal->kind == TR_PORTAL_CHANNEL) {
		channel_of(network, op->portal);
	}
	const char *excluded = tr_irc_excluded(network, op->sender);
	if (excluded != NULL) {
		struct tr_error error;
		tr_error_set_class(&error, TR_E_DENIED, TR_CLASS_PERMANENT, "%s", excluded);
		tr_bridge_remote_kick(
			network->bridge, op->portal, op->sender, tr_str_from(excluded));
		tr_op_refuse(op, &error);
		return;
	}
	struct tr_irc_session *session = tr_irc_session_of(network, op->sender);
	tr_irc_puppet_active(session);
	tr_irc_outgoing_add(session, op);
	tr_irc_session_want(session);
}

/* The server takes the portal's channel for another one, which has rooms of its own: that one is
 * bridged, this one says so. */
static bool is_shadowed(struct tr_irc_network *network, const struct tr_op *op)
{
	const struct tr_irc_channel *channel =
		op->portal->kind == TR_PORTAL_CHANNEL
			? tr_irc_channel_find(network, tr_str_from(op->portal->name))
			: NULL;
	return channel != NULL && channel->portal != NULL && channel->portal != op->portal;
}

static void deliver(void *self, struct tr_op *op)
{
	const struct tr_irc_network *network = self;
	if (op->kind == TR_OP_MEMBER) {
		tr_irc_member_op(self, op);
	} else if (is_shadowed(self, op)) {
		struct tr_error error;
		tr_error_set_class(&error, TR_E_EXISTS, TR_CLASS_PERMANENT,
			"the IRC server takes %s for another channel, which is bridged to another room",
			op->portal->name);
		tr_op_refuse(op, &error);
	} else if (op->kind == TR_OP_TOPIC) {
		tr_irc_topic_add(tr_irc_session_of(self, op->sender), op);
	} else if (tr_irc_is_shown(&network->entry->globals.matrixHandler, op)) {
		deliver_message(self, op);
	} else {
		tr_op_done(op, NULL, 0, NULL, NULL);
	}
}

static void position(void *self, const struct tr_portal *portal, struct tr_buf *out)
{
	struct tr_irc_network *network = self;
	if (portal->kind == TR_PORTAL_CHANNEL) {
		const struct tr_irc_channel *channel =
			tr_irc_channel_find(network, tr_str_from(portal->name));
		if (channel != NULL) {
			tr_irc_channel_position(channel, out);
		}
	}
}

static bool remote_of_alias(void *self, struct tr_str channel, struct tr_buf *remote_id)
{
	return tr_irc_dynamic_alias(self, channel, remote_id);
}

static bool remote_of_name(void *self, struct tr_str name, struct tr_buf *remote_id)
{
	struct tr_irc_network *network = self;
	return network->config->privateMessages.enabled &&
	       tr_irc_could_be_nick(&network->isupport, name) &&
	       !tr_irc_network_is_own(network, name, (struct tr_str){NULL, 0}) &&
	       tr_irc_fold_stable(name, remote_id) == 0;
}

static bool name_of_user(
	void *self, const char *user_id, struct tr_buf *remote_id, struct tr_buf *name)
{
	const struct tr_irc_network *network = self;
	const struct tr_irc_session *session = tr_map_get(&network->sessions, tr_str_from(user_id));
	if (session == NULL || !tr_irc_session_online(session)) {
		return false;
	}
	struct tr_str nick = tr_str_from(tr_irc_connection_nick(session->connection));
	tr_irc_reader_name(nick, name);
	tr_irc_reader_identity(nick, remote_id);
	return !tr_buf_failed(name) && !tr_buf_failed(remote_id);
}

static void portal_opened(void *self, struct tr_portal *portal)
{
	if (portal->kind == TR_PORTAL_CHANNEL) {
		channel_of(self, portal)->publish_due = true;
	}
	open_portal(self, portal);
}

static void members_known(void *self, struct tr_portal *portal, const char *room_id)
{
	if (portal->kind == TR_PORTAL_CHANNEL) {
		tr_irc_lists_members_known(channel_of(self, portal), room_id);
	}
}

static void pause_session(struct tr_irc_session *session)
{
	if (session->connection != NULL) {
		tr_irc_connection_pause(session->connection, session->network->pressed);
	}
}

static void pressure(void *self, bool stop_reading)
{
	struct tr_irc_network *network = self;
	network->pressed = stop_reading;
	tr_log_info("irc", "%s: %s", network->entry->address,
		stop_reading ? "too much waits to be stored, reading stops" : "reading goes on");
	each_session(network, pause_session);
}

static void take_hint(void *self, const struct tr_hint *hint)
{
	tr_irc_puppet_hint(self, hint);
}

static bool status(void *self, struct tr_buf *sentence)
{
	const struct tr_irc_network *network = self;
	if (network->bot == NULL) {
		tr_buf_addf(sentence, "%s: the bot is switched off", network->entry->address);
		return true;
	}
	bool online = tr_irc_session_online(network->bot);
	tr_buf_addf(sentence, "%s: the bot is %s", network->entry->address,
		online ? "connected" : "not connected");
	if (!online && network->bot->last_error.code != TR_E_OK) {
		tr_buf_addf(sentence, " (%s)", network->bot->last_error.text);
	}
	return online;
}

static void collect(struct tr_metrics *metrics, void *arg)
{
	struct tr_irc_network *network = arg;
	size_t online = 0;
	for (struct tr_map_entry *e = tr_map_first(&network->sessions); e; e = tr_map_next(e)) {
		online += tr_irc_session_online(tr_map_value(e));
	}
	online += network->bot != NULL && tr_irc_session_online(network->bot);
	struct tr_buf labels = TR_BUF_INIT(NAME_MAX);
	tr_metrics_label(&labels, "bridge", tr_str_from(tr_bridge_name(network->bridge)));
	tr_metric_set(tr_metrics_get(metrics, TR_METRIC_GAUGE, "trestle_remote_connections",
			      tr_buf_c(&labels), "Connections to the network that are up"),
		(double)online);
	tr_buf_finish(&labels);
}

const struct tr_protocol tr_irc_protocol = {
	.abi = TR_PROTOCOL_ABI,
	.id = "irc",
	.display_name = "IRC",
	.capabilities = TR_CAN_PIPELINE | TR_CAN_ORDER | TR_CAN_DIRECT | TR_CAN_REDACT |
			TR_CAN_REACT | TR_CAN_TOPIC | TR_TELLS_UNDELIVERED | TR_TAKES_HINTS,
	.migrations = tr_irc_migrations,
	.migration_count = TR_IRC_MIGRATIONS,
	.commands = &tr_irc_commands,
	.create = create,
	.start = start,
	.stop = stop,
	.destroy = destroy,
	.deliver = deliver,
	.position = position,
	.remote_of_alias = remote_of_alias,
	.remote_of_name = remote_of_name,
	.name_of_user = name_of_user,
	.portal_opened = portal_opened,
	.members_known = members_known,
	.pressure = pressure,
	.undelivered = tr_irc_undelivered,
	.hint = take_hint,
	.status = status,
};
