/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start of a network: what the configuration and the store say becomes channels, puppets and
 * portals, and the bot is wanted online. Its end is engine_stop.c's.
 */
#include "bridges/irc/engine_parts.h"

#include "bridges/irc/account.h"
#include "bridges/irc/channel.h"
#include "bridges/irc/encoding.h"
#include "bridges/irc/feature.h"
#include "bridges/irc/identity.h"
#include "bridges/irc/irc_tls.h"
#include "bridges/irc/login.h"
#include "bridges/irc/outgoing.h"
#include "bridges/irc/session.h"
#include "bridges/irc/topic.h"
#include "core/base/digest.h"
#include "core/io/metrics.h"
#include "core/io/worker.h"

static const struct tr_db_statement select_channels = {
	"SELECT name, last_msgid, joined_ms FROM irc_channel"};
static const struct tr_db_statement select_puppets = {"SELECT user_id, nick, mask FROM irc_puppet"};

static const struct tr_db_statement select_identities = {
	"SELECT user_id, username, nick, spoke_ms FROM irc_identity"};

static void every_second(void *arg)
{
	struct tr_irc_network *network = arg;
	tr_irc_nick_look(network);
	tr_irc_puppets_reap(network);
	tr_irc_progress_sweep(network);
	tr_irc_departed_look(network);
	tr_irc_connection_notices_look(network);
}

void *tr_irc_engine_create(struct tr_bridge *bridge, const void *config)
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
	tr_metrics_add_collector(tr_bridge_metrics(bridge), tr_irc_engine_collect, network);
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
	if (tr_irc_tls_create(network->config, &network->tls, &network->identity, error) != 0) {
		return TR_E_TLS;
	}
	if (tr_irc_tls_trusts_all(network->config)) {
		tr_log_warn("irc",
			"%s: any certificate of the server is taken (%s): whoever stands in between "
			"can read everything",
			network->entry->address,
			network->config->sslselfsign ? "sslselfsign"
						     : "tlsOptions.rejectUnauthorized");
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
		tr_free(channel->last_place);
		channel->last_place = tr_str_dup(tr_db_text(result, 0, row, 1));
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
		tr_portal_each(network->bridge, tr_irc_engine_open_portal, network);
		if (network->bot != NULL) {
			tr_irc_session_want(network->bot);
		}
	}
	starting->started(starting->arg, error);
	tr_free(starting);
}

void tr_irc_engine_start(
	void *self, void (*started)(void *arg, const struct tr_error *error), void *arg)
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
