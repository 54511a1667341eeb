/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a network: what is on its way is confirmed as long as there is time, then everybody
 * quits; and everything that the start made is given back.
 */
#include "bridges/irc/engine_parts.h"

#include "bridges/irc/account.h"
#include "bridges/irc/channel.h"
#include "bridges/irc/encoding.h"
#include "bridges/irc/feature.h"
#include "bridges/irc/outgoing.h"
#include "bridges/irc/reader.h"
#include "bridges/irc/session.h"
#include "bridges/irc/topic.h"
#include "core/base/clock.h"
#include "core/io/metrics.h"
#include "core/io/worker.h"

enum { STOP_POLL_MS = 10 };

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
		tr_irc_engine_each_session(network, quit);
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

void tr_irc_engine_stop(void *self, uint64_t timeout_ms, void (*stopped)(void *arg), void *arg)
{
	struct tr_irc_network *network = self;
	network->stopped = stopped;
	network->stopped_arg = arg;
	network->stop_deadline_ms = tr_clock_mono_ms() +
				    (timeout_ms > TR_IRC_QUIT_MS ? timeout_ms - TR_IRC_QUIT_MS : 0);
	network->stop_timer = tr_timer_create(network->loop, stop_step, network);
	tr_timer_start(network->stop_timer, 0);
}

void tr_irc_engine_destroy(void *self)
{
	struct tr_irc_network *network = self;
	tr_metrics_remove_collector(
		tr_bridge_metrics(network->bridge), tr_irc_engine_collect, network);
	tr_timer_destroy(network->stop_timer);
	tr_timer_destroy(network->places);
	tr_timer_destroy(network->rouse);
	network->destroying = true;
	tr_irc_outgoing_pump_never(network);
	tr_marks_destroy(network->marks);
	for (struct tr_map_entry *e = tr_map_first(&network->channels); e; e = tr_map_next(e)) {
		tr_irc_channel_forget_reader(tr_map_value(e));
	}
	tr_irc_engine_each_session(network, tr_irc_session_destroy);
	for (struct tr_map_entry *e = tr_map_first(&network->channels); e; e = tr_map_next(e)) {
		tr_irc_channel_destroy(tr_map_value(e));
	}
	tr_irc_uploads_finish(network);
	tr_map_finish(&network->sessions);
	tr_map_finish(&network->channels);
	tr_map_finish(&network->whereabouts);  /* empty by now */
	tr_map_finish(&network->rank_holders); /* too */
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
	tr_tls_identity_destroy(network->identity);
	tr_tls_destroy(network->tls);
	tr_irc_encoding_close(network->encoding);
	tr_free(network->epoch);
	tr_free(network);
}
