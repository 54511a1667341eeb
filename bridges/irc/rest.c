/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that hear nothing but what another one reads rest for a moment: their sockets are not
 * looked at, and the lines of that time are read, and dropped, in one go. With 500 puppets in a
 * channel each line would else wake the loop 500 times. What is for the connection itself waits at
 * most as long.
 */
#include "bridges/irc/history.h"
#include "bridges/irc/network.h"
#include "bridges/irc/session.h"
#include "bridges/irc/session_internal.h"
#include "core/base/clock.h"

enum { REST_MS = 50 };

static void rouse_due(void *arg)
{
	struct tr_irc_network *network = arg;
	uint64_t now = tr_clock_mono_ms();
	struct tr_list *node;
	while ((node = tr_list_head(&network->resting)) != NULL) {
		struct tr_irc_session *session =
			TR_LIST_ENTRY(node, struct tr_irc_session, rest_node);
		if (session->rested_ms + REST_MS > now) {
			tr_timer_start(network->rouse, session->rested_ms + REST_MS - now);
			return;
		}
		tr_irc_session_rouse(session);
	}
}

void tr_irc_network_open_rest(struct tr_irc_network *network)
{
	tr_list_init(&network->resting);
	network->rouse = tr_timer_create(network->loop, rouse_due, network);
}

/* Nothing is awaited on this connection. */
static bool may_rest(const struct tr_irc_session *session)
{
	return session->reading + session->standing_by == 0 && tr_irc_session_online(session) &&
	       tr_list_empty(&session->tasks) && tr_list_empty(&session->in_flight) &&
	       !tr_irc_history_asked(session->history);
}

void tr_irc_session_rest(struct tr_irc_session *session)
{
	struct tr_irc_network *network = session->network;
	if (tr_list_linked(&session->rest_node) || !may_rest(session)) {
		return;
	}
	session->rested_ms = tr_clock_mono_ms();
	tr_list_append(&network->resting, &session->rest_node);
	tr_irc_connection_rest(session->connection, true);
	if (!tr_timer_active(network->rouse)) {
		tr_timer_start(network->rouse, REST_MS);
	}
}

void tr_irc_session_rouse(struct tr_irc_session *session)
{
	if (tr_list_linked(&session->rest_node)) {
		tr_list_remove(&session->rest_node);
		if (session->connection != NULL) {
			tr_irc_connection_rest(session->connection, false);
		}
	}
}
