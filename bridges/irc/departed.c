/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puppets of users who have left Matrix, or every room of the bridge (core/bridge/departed.h): they
 * are disconnected as soon as everything they have said is confirmed, and connect again only if
 * their users say something more.
 */
#include "bridges/irc/outgoing.h"
#include "bridges/irc/puppet.h"
#include "bridges/irc/session.h"
#include "bridges/irc/topic.h"
#include "core/base/log.h"

void tr_irc_puppet_departed(struct tr_irc_session *session)
{
	session->puppet.departed = true;
	session->network->departed++;
}

/* Whether that is settled, one way or the other. */
static bool settle(struct tr_irc_session *session)
{
	if (!tr_irc_outgoing_idle(session) || !tr_irc_topic_idle(session)) {
		return false;
	}
	session->puppet.departed = false;
	tr_log_info("irc", "%s: %s has left Matrix and is disconnected",
		session->network->entry->address, tr_irc_session_who(session));
	tr_irc_session_dismiss(session, "Left Matrix");
	return true;
}

void tr_irc_departed_look(struct tr_irc_network *network)
{
	if (network->departed == 0) {
		return;
	}
	network->departed = 0;
	for (struct tr_map_entry *e = tr_map_first(&network->sessions); e; e = tr_map_next(e)) {
		struct tr_irc_session *session = tr_map_value(e);
		network->departed += session->puppet.departed && !settle(session);
	}
}
