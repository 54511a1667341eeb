/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server does not let one of ours into a channel: what that means, what the user can do, and
 * whether it is tried again. Messages for the channel are refused with that sentence, which is told
 * in the room; only a ban of the user alone puts the user out of the room (kickOn).
 */
#include "bridges/irc/channel.h"
#include "bridges/irc/outgoing.h"
#include "bridges/irc/session_internal.h"
#include "bridges/irc/topic.h"
#include "core/base/log.h"

enum {
	AGAIN_FIRST_MS = 1500,
	AGAIN_TRIES = 3, /* a lane waits meanwhile: not for long */
	BOT_AGAIN_MS = 60000,
	BOT_DOUBLINGS = 5,
	WORDS_MAX = 100,
};

struct refusal {
	int numeric;
	bool passes;      /* in a moment: tried again at once */
	const char *name; /* as other bots know it */
	const char *step; /* what helps */
};

/* RFC 2812 section 5.2 and what servers have added. */
static const struct refusal refusals[] = {
	{403, false, "err_nosuchchannel", "There is no such channel on this server."},
	{405, false, "err_toomanychannels",
		"You are in as many channels as the server allows; leave one of them."},
	{407, true, "err_toomanytargets", "Try again in a moment."},
	{437, true, "err_unavailresource",
		"The channel cannot be had for a while; try again later."},
	{447, false, "err_forbiddenchannel", "The server does not allow this channel."},
	{448, false, "err_forbiddenchannel", "The server does not allow this channel."},
	{470, false, "err_linkchannel", "The channel sends people elsewhere."},
	{471, false, "err_channelisfull",
		"The channel is full; say it again when somebody has left."},
	{473, false, "err_inviteonlychan",
		"It is open to invited people only; ask an operator there to invite your nick."},
	{474, false, "err_bannedfromchan", "You are banned there; its operators can lift that."},
	{475, false, "err_badchannelkey",
		"It needs a key, or another one; say !join with the channel and its key to the bot."},
	{476, false, "err_badchanmask", "The server takes no such name."},
	{477, false, "err_needreggednick",
		"It is open to registered nicks only; register yours with the services, then say"
		" !storepass with its password and !reconnect to the bot."},
	{479, false, "err_badchanname", "The server takes no such name."},
	{480, true, "err_throttle", "Try again in a moment."},
	{485, false, "err_cannotjoin", "The server does not say more."},
	{489, false, "err_secureonlychan",
		"It is open to encrypted connections only; the bridge's administrator can use ssl."},
	{495, true, "err_delayrejoin", "You were kicked a moment ago; try again in a moment."},
	{500, true, "err_toomanyjoins", "Too many join at once; try again in a moment."},
	{520, false, "err_operonly", "It is open to the network's operators only."},
	{609, false, "err_cannotjoin", "The server does not say more."},
	{926, false, "err_badchannel", "The network has closed this channel."},
};

static const struct refusal *refusal_of(int numeric)
{
	for (size_t i = 0; i < TR_ARRAY_LEN(refusals); i++) {
		if (refusals[i].numeric == numeric) {
			return &refusals[i];
		}
	}
	return NULL;
}

/* The bot tries again by itself, at longer and longer intervals; the room is told once. */
static void bot_failed(
	struct tr_irc_session *bot, struct tr_irc_channel *channel, const struct tr_error *error)
{
	if (channel->portal->room_count > 0 && !channel->refusal_told) {
		tr_bridge_tell_room(bot->network->bridge, channel->portal->rooms[0], error->text);
	}
	channel->refusal_told = true;
	unsigned doublings = bot->refusals < BOT_DOUBLINGS ? bot->refusals : BOT_DOUBLINGS;
	bot->refusals++;
	tr_irc_session_rejoin_later(bot, (uint64_t)BOT_AGAIN_MS << doublings);
}

void tr_irc_session_join_failed(struct tr_irc_member *member, const struct tr_error *error)
{
	struct tr_irc_session *session = member->session;
	struct tr_irc_channel *channel = member->channel;
	tr_log_warn("irc", "%s: %s", tr_irc_session_who(session), error->text);
	tr_irc_member_remove(member);
	tr_irc_outgoing_refuse_target(session, tr_str_from(channel->name), error);
	tr_irc_topic_refuse(session, channel, error);
	if (session->user_id == NULL) {
		bot_failed(session, channel, error);
	}
}

/* Somebody who is banned while others of us are let in can take no part in the room. When nobody is
 * let in it is the bridge that is banned, and no user has done anything. */
static void kick_banned(struct tr_irc_session *session, struct tr_irc_channel *channel,
	const struct refusal *refusal)
{
	if (refusal->numeric != 474 || session->user_id == NULL || channel->reader == NULL ||
		!session->network->config->ircClients.kickOn.channelJoinFailure) {
		return;
	}
	struct tr_buf reason = TR_BUF_INIT(512);
	tr_buf_addf(&reason, "IRC error on %s: %s", channel->name, refusal->name);
	tr_bridge_remote_kick(
		session->network->bridge, channel->portal, session->user_id, tr_buf_str(&reason));
	tr_buf_finish(&reason);
}

bool tr_irc_session_join_refused(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	const struct refusal *refusal = refusal_of(line->numeric);
	struct tr_irc_channel *channel =
		refusal ? tr_irc_channel_find(session->network, tr_irc_param(line, 1)) : NULL;
	struct tr_irc_member *member = channel ? tr_irc_session_member(session, channel) : NULL;
	if (member == NULL || member->state != TR_IRC_JOINING || channel->portal == NULL) {
		return false;
	}
	if (refusal->passes && member->tries < AGAIN_TRIES) {
		tr_irc_session_join_again(member, (uint64_t)AGAIN_FIRST_MS << member->tries);
		return true;
	}
	struct tr_str words = tr_irc_param(line, line->param_count - 1);
	words = tr_utf8_valid(words) ? tr_str_slice(words, 0, tr_utf8_fit(words, WORDS_MAX))
				     : TR_STR("?");
	struct tr_str name = tr_str_from(channel->name);
	struct tr_error error;
	tr_error_set_class(&error, TR_E_DENIED, TR_CLASS_PERMANENT,
		"%.*s could not be joined on IRC. %s (%d: %.*s)",
		TR_STR_ARG(tr_str_slice(name, 0, tr_utf8_fit(name, 50))), refusal->step,
		line->numeric, TR_STR_ARG(words));
	error.status = line->numeric;
	kick_banned(session, channel, refusal);
	tr_irc_session_join_failed(member, &error);
	return true;
}
