/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is disconnected without having asked for it: who has said nothing for idleTimeout, and who
 * has been silent longest when one more would be too many (maxClients). Neither leaves the room in
 * Matrix; both are connected again, into their channels, when they speak.
 */
#include "bridges/irc/outgoing.h"
#include "bridges/irc/puppet.h"
#include "bridges/irc/session.h"
#include "core/base/clock.h"
#include "core/base/log.h"

enum { TEXT_MAX = 128, STORE_MS = 60000 };

/* A reader is the channel's ear: without it nothing of the channel would reach Matrix. */
static bool may_go(const struct tr_irc_session *session)
{
	return tr_irc_session_online(session) && session->user_id != NULL &&
	       session->reading == 0 && !session->puppet.cycled && tr_list_empty(&session->tasks) &&
	       tr_irc_outgoing_idle(session);
}

static void retire(struct tr_irc_session *session, const char *reason)
{
	tr_log_info("irc", "%s: %s is disconnected: %s", session->network->entry->address,
		tr_irc_session_who(session), reason);
	session->puppet.cycled = true;
	tr_irc_session_quit(session, reason);
}

static bool is_idle(const struct tr_irc_session *session, uint64_t now, uint64_t timeout_ms)
{
	return may_go(session) && now - session->puppet.spoke_ms >= timeout_ms;
}

/* When people spoke, now and then and together: a commit for each message would cost more than it
 * is worth. */
static void store_spoken(struct tr_irc_network *network, uint64_t now)
{
	if (now < network->spoken_store_ms) {
		return;
	}
	network->spoken_store_ms = now + STORE_MS;
	for (struct tr_map_entry *e = tr_map_first(&network->sessions); e; e = tr_map_next(e)) {
		struct tr_irc_session *session = tr_map_value(e);
		if (session->puppet.spoke_unstored) {
			session->puppet.spoke_unstored = false;
			tr_irc_puppet_store(session);
		}
	}
}

void tr_irc_puppets_reap(struct tr_irc_network *network)
{
	const struct tr_irc_server_config *config = network->config;
	const struct tr_irc_membership_lists *lists = &config->membershipLists;
	uint64_t now = tr_clock_mono_ms();
	int64_t timeout = config->ircClients.idleTimeout;
	store_spoken(network, now);
	if (timeout <= 0 || timeout > INT64_MAX / 1000 ||
		(lists->enabled && (lists->global.matrixToIrc.initial ||
					   lists->global.ircToMatrix.requireMatrixJoined))) {
		return;
	}
	char *reason = tr_asprintf("Idle timeout reached: %llds", (long long)timeout);
	for (struct tr_map_entry *e = tr_map_first(&network->sessions); e; e = tr_map_next(e)) {
		struct tr_irc_session *session = tr_map_value(e);
		if (is_idle(session, now, (uint64_t)timeout * 1000)) {
			retire(session, reason);
		}
	}
	tr_free(reason);
}

bool tr_irc_puppets_full(const struct tr_irc_network *network)
{
	int64_t max = network->config->ircClients.maxClients;
	/* The bot's place is kept for it while it is away. */
	unsigned bot = network->bot != NULL && network->bot->connection == NULL ? 1 : 0;
	return max > 0 && network->connects.connected + bot >= (uint64_t)max;
}

bool tr_irc_puppets_room(struct tr_irc_network *network)
{
	if (!tr_irc_puppets_full(network)) {
		return true;
	}
	struct tr_irc_session *oldest = NULL;
	for (struct tr_map_entry *e = tr_map_first(&network->sessions); e; e = tr_map_next(e)) {
		struct tr_irc_session *session = tr_map_value(e);
		if (session->puppet.cycled) {
			return false; /* one is on its way out */
		}
		if (may_go(session) &&
			(oldest == NULL || session->puppet.spoke_ms < oldest->puppet.spoke_ms)) {
			oldest = session;
		}
	}
	if (oldest != NULL) {
		char *reason = tr_asprintf("Client limit exceeded: %lld",
			(long long)network->config->ircClients.maxClients);
		retire(oldest, reason);
		tr_free(reason);
	}
	return false;
}
