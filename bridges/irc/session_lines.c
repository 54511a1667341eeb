/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a line of a session's connection goes: the history, the confirmation of what we wrote, our
 * own joins and parts, or the reader. Lines that another session reads are dropped before they are
 * parsed.
 */
#include "bridges/irc/channel.h"
#include "bridges/irc/channel_modes.h"
#include "bridges/irc/concern.h"
#include "bridges/irc/dynamic.h"
#include "bridges/irc/history.h"
#include "bridges/irc/identify.h"
#include "bridges/irc/identity.h"
#include "bridges/irc/outgoing.h"
#include "bridges/irc/query.h"
#include "bridges/irc/reader.h"
#include "bridges/irc/renamed.h"
#include "bridges/irc/roster.h"
#include "bridges/irc/session.h"
#include "bridges/irc/session_internal.h"
#include "bridges/irc/standby.h"
#include "bridges/irc/status_message.h"
#include "bridges/irc/topic.h"
#include "core/base/log.h"

#include <string.h>

enum { NAME_MAX = 512, KICKED_REJOIN_MS = 5000, SPLITS_MAX = 16, REFERENCE_MAX = 64 };

void tr_irc_session_batch(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_str reference = tr_irc_param(line, 0);
	if (!tr_irc_is(line, "BATCH") || reference.len < 2 || reference.len > REFERENCE_MAX) {
		return;
	}
	struct tr_str name = tr_str_from_index(reference, 1);
	if (reference.ptr[0] == '-') {
		tr_map_remove(&session->splits, name);
	} else if (tr_map_count(&session->splits) < SPLITS_MAX &&
		   tr_str_eq_nocase(tr_irc_param(line, 1), TR_STR("netsplit"))) {
		tr_map_set(&session->splits, name, session);
	}
}

bool tr_irc_session_in_split(const struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_str reference;
	return tr_map_count(&session->splits) > 0 && tr_irc_tag(line, "batch", &reference) &&
	       tr_map_get(&session->splits, reference) != NULL;
}

static void own_join(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_irc_channel *channel =
		tr_irc_channel_find(session->network, tr_irc_param(line, 0));
	if (channel == NULL || channel->portal == NULL) {
		/* Forced into a channel that is no portal, or sent on to one: nobody would read it.
		 */
		tr_irc_send_words(session->connection, "PART", tr_irc_param(line, 0),
			TR_STR("Not bridged"), (struct tr_str){NULL, 0});
		return;
	}
	tr_irc_session_learn_mask(session, line->user, line->host);
	tr_irc_session_joined(session, channel);
	if (session->user_id == NULL) {
		channel->refusal_told = false;
		session->refusals = 0;
	}
	tr_irc_channel_joined(channel, session, line);
	if (session->user_id == NULL) {
		tr_irc_hearing_relieve(channel);
	} else {
		tr_irc_hearing_rest(session);
	}
	tr_irc_outgoing_pump(session);
	tr_irc_topic_pump(session);
	tr_irc_ranks_puppet_joined(channel);
}

static void own_departure(
	struct tr_irc_session *session, const struct tr_irc_line *line, bool kicked)
{
	struct tr_irc_channel *channel =
		tr_irc_channel_find(session->network, tr_irc_param(line, 0));
	struct tr_irc_member *member = channel ? tr_irc_session_member(session, channel) : NULL;
	if (member == NULL) {
		return;
	}
	if (kicked && session->user_id != NULL) {
		struct tr_buf reason = TR_BUF_INIT(NAME_MAX * 2);
		tr_buf_addf(&reason, "%.*s has kicked this user from %s (%.*s)",
			TR_STR_ARG(line->nick), channel->name, TR_STR_ARG(tr_irc_param(line, 2)));
		if (!tr_utf8_valid(tr_buf_str(&reason))) {
			tr_buf_clear(&reason);
		}
		tr_bridge_remote_kick(session->network->bridge, channel->portal, session->user_id,
			tr_buf_str(&reason));
		tr_buf_finish(&reason);
	}
	tr_irc_member_remove(member);
	if (session->user_id == NULL) {
		tr_irc_session_rejoin_later(session, KICKED_REJOIN_MS);
	}
}

static void own_line(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	if (tr_irc_is(line, "JOIN")) {
		own_join(session, line);
	} else if (tr_irc_is(line, "PART")) {
		own_departure(session, line, false);
	} else if (tr_irc_is(line, "NICK")) {
		tr_irc_session_own_nick(
			session, tr_str_from(tr_irc_connection_nick(session->connection)));
		tr_irc_session_store_identity(session);
		tr_irc_nick_taken(session, false);
		tr_irc_ranks_puppet_renamed(session);
	} else if (tr_irc_is(line, "CHGHOST")) {
		/* the prefix still is the old one */
		tr_irc_session_learn_mask(session, tr_irc_param(line, 0), tr_irc_param(line, 1));
	}
}

/* Who somebody else is, from a connection that reads. */
static void learn_person(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_str batch;
	if (session->reading > 0 && !tr_str_empty(line->nick) && !tr_irc_is(line, "QUIT") &&
		!tr_irc_is(line, "JOIN") && /* the reader knows when that counts */
		!tr_irc_tag(line, "batch", &batch)) {
		tr_irc_roster_line(session->network, line,
			tr_irc_session_has(session, TR_IRC_CAP_ACCOUNT_TAG),
			tr_irc_session_has(session, TR_IRC_CAP_EXTENDED_JOIN));
	}
}

static bool is_talk(const struct tr_irc_line *line)
{
	return tr_irc_is(line, "PRIVMSG") || tr_irc_is(line, "NOTICE");
}

static void others_line(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_str target = tr_irc_param(line, 0);
	if (is_talk(line) && tr_irc_connection_is_me(session->connection, target)) {
		tr_irc_reader_direct(session, line);
		return;
	}
	if (is_talk(line) && tr_irc_status_message(session, line)) {
		return;
	}
	if (tr_irc_is(line, "KICK") &&
		tr_irc_connection_is_me(session->connection, tr_irc_param(line, 1))) {
		own_departure(session, line, true);
		return;
	}
	if (tr_irc_is(line, "INVITE") && tr_irc_connection_is_me(session->connection, target)) {
		tr_irc_dynamic_invited(session, line);
		return;
	}
	if (tr_irc_is(line, "QUIT") || tr_irc_is(line, "NICK")) {
		tr_irc_nick_freed(session->network, line->nick);
		if (tr_irc_is(line, "NICK")) {
			tr_irc_renamed(session, line);
		}
		tr_irc_reader_everywhere(session, line);
		return;
	}
	bool second = line->numeric == 324 || line->numeric == 331 || line->numeric == 332 ||
		      line->numeric == 366;
	struct tr_str name = line->numeric == 353 ? tr_irc_param(line, 2)
			     : second             ? tr_irc_param(line, 1)
						  : target;
	struct tr_irc_channel *channel = tr_irc_channel_find(session->network, name);
	if (channel != NULL && channel->reader == session) {
		if (!is_talk(line) || tr_irc_standby_reader_line(channel, line)) {
			tr_irc_channel_line(channel, line);
		}
	} else if (channel != NULL && channel->standby == session && is_talk(line)) {
		tr_irc_standby_line(channel, line);
	}
}

void tr_irc_session_line(void *arg, const struct tr_irc_line *line)
{
	struct tr_irc_session *session = arg;
	if (line->numeric == 5) {
		tr_irc_network_set_isupport(
			session->network, tr_irc_connection_isupport(session->connection));
		return;
	}
	tr_irc_session_batch(session, line);
	if (line->numeric == 396) {
		tr_irc_session_learn_cloak(session, line);
	}
	if (tr_irc_hearing_line(session, line) || tr_irc_standby_pong(session, line) ||
		tr_irc_session_join_pong(session, line) || tr_irc_flood_pong(session, line) ||
		tr_irc_identify_line(session, line) ||
		tr_irc_history_line(session->history, line) || tr_irc_nick_line(session, line) ||
		tr_irc_outgoing_line(session, line) || tr_irc_session_join_refused(session, line) ||
		tr_irc_query_line(session, line)) {
		return;
	}
	if (!tr_str_empty(line->nick) && tr_irc_connection_is_me(session->connection, line->nick)) {
		own_line(session, line);
	}
	others_line(session, line);
	learn_person(session, line);
}

static bool reads(const struct tr_irc_session *session, struct tr_str name)
{
	const struct tr_list *node = session->members.next;
	for (; node != &session->members; node = node->next) {
		const struct tr_irc_channel *channel =
			TR_LIST_ENTRY(node, const struct tr_irc_member, node)->channel;
		if ((channel->reader == session || channel->standby == session) &&
			tr_irc_same(
				&session->network->isupport, tr_str_from(channel->name), name)) {
			return true;
		}
	}
	return false;
}

/* Lines of channels that another session reads are dropped before they are parsed. The bot reads
 * nearly all that it hears, and is in too many channels to look. */
bool tr_irc_session_drops(void *arg, struct tr_str text)
{
	struct tr_irc_session *session = arg;
	struct tr_str channel;
	bool listens = session->reading + session->standing_by > 0;
	if (listens && session->user_id == NULL) {
		return false;
	}
	enum tr_irc_concern concern = tr_irc_concern(&session->network->isupport,
		tr_str_from(tr_irc_connection_nick(session->connection)),
		tr_irc_history_asked(session->history), text, &channel);
	if (concern == TR_IRC_CONCERNS || (concern == TR_IRC_OF_OTHERS && session->reading > 0) ||
		(concern == TR_IRC_OF_OTHERS && tr_irc_renamed_concerns(session, text)) ||
		(concern == TR_IRC_OF_CHANNEL && listens && reads(session, channel))) {
		return false;
	}
	tr_irc_session_rest(session);
	return true;
}
