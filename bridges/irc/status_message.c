/* SPDX-License-Identifier: Apache-2.0 */
/* Knows messages to the ranks of a channel and answers them, within the limits of other automatic
 * answers. */
#include "bridges/irc/status_message.h"

#include "bridges/irc/channel.h"
#include "bridges/irc/identity.h"
#include "bridges/irc/outgoing_internal.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#include <string.h>

enum { ANSWER_MAX = 400 };

/* Without labels the echo of a notice would be taken for that of a message to the same nick. */
static bool may_answer(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	return tr_irc_is(line, "PRIVMSG") && !tr_str_empty(line->nick) &&
	       !tr_str_empty(line->host) &&
	       tr_irc_network_owner_of_line(session->network, line, false) == NULL &&
	       (!tr_irc_outgoing_has_echo(session) || tr_irc_outgoing_has_labels(session)) &&
	       tr_irc_answer_allowed(&session->network->answered, line->host, tr_clock_mono_ms());
}

bool tr_irc_status_message(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_irc_network *network = session->network;
	struct tr_str target = tr_irc_param(line, 0);
	struct tr_str name = target;
	while (name.len > 0 && name.ptr[0] != '\0' &&
		strchr(network->isupport.status_msg, name.ptr[0]) != NULL) {
		name = tr_str_from_index(name, 1);
	}
	if (name.len == target.len || tr_irc_channel_find(network, target) != NULL) {
		return false;
	}
	struct tr_irc_channel *channel = tr_irc_channel_find(network, name);
	if (channel == NULL || channel->reader != session || !may_answer(session, line)) {
		return true;
	}
	struct tr_buf answer = TR_BUF_INIT(ANSWER_MAX);
	tr_buf_addf(&answer,
		"Your message to %.*s was not carried to Matrix: everybody in the room would read "
		"it.",
		TR_STR_ARG(target));
	if (!tr_buf_failed(&answer)) {
		tr_irc_send_words(session->connection, "NOTICE", line->nick, tr_buf_str(&answer),
			(struct tr_str){NULL, 0});
	}
	tr_buf_finish(&answer);
	tr_log_info("irc", "a message to the ranks of %s stays on IRC", channel->name);
	return true;
}
