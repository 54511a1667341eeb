/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Matrix user came, left, was kicked or banned: its puppet follows. A ghost was kicked or banned:
 * whoever did it kicks on IRC, as far as IRC lets them. What IRC people do is reader.c's.
 */
#include "bridges/irc/member_op.h"

#include "bridges/irc/channel.h"
#include "bridges/irc/membership_lists.h"
#include "bridges/irc/puppet.h"
#include "bridges/irc/query.h"
#include "bridges/irc/session.h"
#include "core/base/grapheme.h"
#include "core/base/log.h"
#include "core/bridge/ghost.h"

#include <string.h>

enum { REASON_MAX = 1024, REASON_BYTES = 300 };

/* "Kicked by @u:hs : why", "why", or nothing. No control characters: it is one parameter of a line.
 */
static void add_reason(const struct tr_op *op, struct tr_buf *out)
{
	struct tr_str reason = tr_str_from(op->reason);
	reason = tr_str_slice(reason, 0, tr_grapheme_fit(reason, REASON_BYTES));
	if (op->change == TR_MEMBER_KICK || op->change == TR_MEMBER_BAN) {
		tr_buf_addf(out, "%s by %s", op->change == TR_MEMBER_BAN ? "Banned" : "Kicked",
			op->sender);
		tr_buf_add_c(out, tr_str_empty(reason) ? "" : " : ");
	}
	tr_buf_add(out, reason);
	for (size_t i = 0; i < out->len; i++) {
		unsigned char byte = (unsigned char)out->data[i];
		out->data[i] = byte < ' ' || byte == 0x7f ? ' ' : out->data[i];
	}
}

/* The Matrix user is out of the room: out of the channel too. What the bot does it does for a
 * reason of IRC's, which nobody there needs to be told. */
static void leave(struct tr_irc_network *network, const struct tr_op *op)
{
	struct tr_irc_session *session = tr_map_get(&network->sessions, tr_str_from(op->target));
	struct tr_irc_channel *channel =
		tr_irc_channel_find(network, tr_str_from(op->portal->name));
	if (session == NULL || channel == NULL) {
		return;
	}
	struct tr_buf reason = TR_BUF_INIT(REASON_MAX);
	if (strcmp(op->sender, tr_bridge_bot_user_id(network->bridge)) != 0) {
		add_reason(op, &reason);
	}
	tr_irc_session_part(session, channel,
		reason.len > 0 && !tr_buf_failed(&reason) ? tr_buf_c(&reason) : "Left the room");
	tr_buf_finish(&reason);
}

static bool is_in(struct tr_irc_session *session, const struct tr_irc_channel *channel)
{
	const struct tr_irc_member *member = session != NULL && tr_irc_session_online(session)
						     ? tr_irc_session_member(session, channel)
						     : NULL;
	return member != NULL && member->state == TR_IRC_JOINED;
}

/* KICKLEN, and what fits the line in which others get it. */
static size_t room_for_kick(const struct tr_irc_session *session,
	const struct tr_irc_channel *channel, const struct tr_op *op)
{
	size_t line =
		tr_irc_connection_text_max(session->connection, "KICK", tr_str_from(channel->name));
	size_t target = strlen(op->target_remote) + 1;
	size_t kick = session->network->isupport.kick_len;
	line = line > target ? line - target : 1;
	return kick > 0 && kick < line ? kick : line;
}

/* Only asked so that a refusal is not taken for that of a message behind it. */
static void kicked(
	void *arg, const struct tr_str *lines, size_t count, const struct tr_error *error)
{
	(void)arg;
	(void)error;
	for (size_t i = 0; i < count; i++) {
		tr_log_info("irc", "the answer to a kick: %.*s", TR_STR_ARG(lines[i]));
	}
}

/* One of the ghosts was kicked in Matrix: the puppet of who did it kicks on IRC; if that is not in
 * the channel, the bot does it in its name. The server says whether they may. */
static void kick(struct tr_irc_network *network, const struct tr_irc_channel *channel,
	const struct tr_op *op)
{
	struct tr_irc_session *session = tr_map_get(&network->sessions, tr_str_from(op->sender));
	session = is_in(session, channel) ? session : network->bot;
	if (!is_in(session, channel)) {
		return;
	}
	struct tr_buf reason = TR_BUF_INIT(REASON_MAX);
	add_reason(op, &reason);
	size_t room = room_for_kick(session, channel, op);
	struct tr_str shown =
		tr_str_slice(tr_buf_str(&reason), 0, tr_grapheme_fit(tr_buf_str(&reason), room));
	const struct tr_irc_out line = {
		.command = "KICK",
		.params = {tr_str_from(channel->name), tr_str_from(op->target_remote), shown},
		.param_count = shown.len > 0 ? 3 : 2,
	};
	(void)tr_irc_query(session, &line, kicked, NULL);
	tr_buf_finish(&reason);
}

static void came(
	struct tr_irc_network *network, struct tr_irc_channel *channel, const struct tr_op *op)
{
	const char *excluded = tr_irc_excluded(network, op->target);
	if (excluded != NULL) {
		tr_bridge_remote_kick(
			network->bridge, op->portal, op->target, tr_str_from(excluded));
		return;
	}
	tr_irc_lists_member_joined(channel, op->room_id, op->target);
}

void tr_irc_member_op(struct tr_irc_network *network, struct tr_op *op)
{
	if (op->portal->kind == TR_PORTAL_CHANNEL) {
		struct tr_irc_channel *channel = tr_irc_channel_open(network, op->portal->name);
		channel->portal = op->portal;
		bool out = op->change == TR_MEMBER_KICK || op->change == TR_MEMBER_BAN;
		if (op->target_remote != NULL && out) {
			kick(network, channel, op);
		} else if (op->target_remote == NULL && op->change != TR_MEMBER_JOIN) {
			leave(network, op);
		} else if (op->target_remote == NULL) {
			came(network, channel, op);
		}
	}
	tr_op_done(op, NULL, 0, NULL, NULL);
}
