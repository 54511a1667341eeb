/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of the IRC module: the table, what their arguments have in common, and !status. Their
 * first argument may be the network's address; a bridge has one network, so it may be left out.
 * Nothing of a command reaches a server but through the typed writer (CVE-2023-38690).
 */
#include "bridges/irc/commands_internal.h"

#include "bridges/irc/channel.h"

static bool is_network(const struct tr_irc_network *network, struct tr_str word)
{
	return tr_str_eq_nocase(word, tr_str_from(network->entry->address)) ||
	       tr_str_eq_nocase(word, tr_str_from(network->config->networkId));
}

bool tr_irc_command_argument(
	struct tr_irc_network *network, struct tr_command *command, struct tr_str *argument)
{
	return tr_command_argument(command, argument) &&
	       (!is_network(network, *argument) || tr_command_argument(command, argument));
}

struct tr_str tr_irc_command_rest(struct tr_irc_network *network, struct tr_command *command)
{
	struct tr_str rest = tr_command_rest(command);
	struct tr_str after = rest;
	struct tr_str word;
	return tr_str_word(&after, &word) && is_network(network, word) ? tr_str_trim(after) : rest;
}

bool tr_irc_command_channel(
	struct tr_irc_network *network, struct tr_command *command, struct tr_str *channel)
{
	struct tr_str next;
	if (!tr_irc_command_argument(network, command, channel)) {
		tr_command_usage(command);
		return false;
	}
	if (tr_irc_is_channel(&network->isupport, *channel) && tr_utf8_valid(*channel)) {
		return true;
	}
	if (tr_command_argument(command, &next) && tr_irc_is_channel(&network->isupport, next)) {
		tr_command_reply(command, "There is no network %.*s here, only %s.",
			TR_STR_ARG(*channel), network->entry->address);
	} else {
		tr_command_reply(command, "%.*s is not a channel name.", TR_STR_ARG(*channel));
	}
	tr_command_end(command);
	return false;
}

void tr_irc_command_end_with(struct tr_command *command, const char *text)
{
	tr_command_reply(command, "%s", text);
	tr_command_end(command);
}

struct tr_irc_session *tr_irc_command_session(
	struct tr_irc_network *network, const struct tr_command *command)
{
	return tr_map_get(&network->sessions, tr_str_from(tr_command_user(command)));
}

const char *tr_irc_command_state_text(const struct tr_irc_session *session)
{
	static const char idle[] = "not connected (you will be when you speak)";
	switch (session ? session->state : TR_IRC_OFFLINE) {
	case TR_IRC_QUEUED:
	case TR_IRC_CONNECTING:
		return "connecting";
	case TR_IRC_WAITING:
		return "not connected, trying again soon";
	case TR_IRC_BARRED:
		return "refused";
	case TR_IRC_ONLINE:
		return "connected";
	case TR_IRC_OFFLINE:
		break;
	}
	return session != NULL && session->user_id == NULL ? "not connected" : idle;
}

static void status(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = self;
	const struct tr_irc_session *session = tr_irc_command_session(network, command);
	struct tr_buf text = TR_BUF_INIT(16384);
	tr_buf_addf(
		&text, "%s: you are %s", network->config->name, tr_irc_command_state_text(session));
	if (session != NULL && tr_irc_session_online(session)) {
		tr_buf_addf(&text, " as %s", tr_irc_connection_nick(session->connection));
	} else if (session != NULL && session->state != TR_IRC_OFFLINE &&
		   session->last_error.code != TR_E_OK) {
		tr_buf_addf(&text, ": %s", session->last_error.text);
	}
	for (const struct tr_list *node = session ? session->members.next : NULL;
		node && node != &session->members; node = node->next) {
		const struct tr_irc_member *member =
			TR_LIST_ENTRY(node, struct tr_irc_member, node);
		tr_buf_addf(&text, "\n%s: %s", member->channel->name,
			member->state == TR_IRC_JOINED ? "joined" : "joining");
	}
	tr_buf_addf(&text, "\nThe bot is %s.",
		network->bot ? tr_irc_command_state_text(network->bot) : "switched off");
	tr_command_reply(command, "%s", tr_buf_c(&text));
	tr_buf_finish(&text);
	tr_command_end(command);
}

#define ROW(word, words, sentence, function)                                         \
 {                                                                                   \
  .name = (word), .arguments = (words), .help = (sentence), .level = TR_PERMIT_USER, \
  .run = (function)                                                                  \
 }

static const struct tr_command_row rows[] = {
	ROW("join", "[network] #channel [key]", "Opens the room of an IRC channel and invites you.",
		tr_irc_command_join),
	ROW("part", "[network] #channel", "Takes you out of a channel and out of its room.",
		tr_irc_command_part),
	ROW("listrooms", "[network]", "Lists the channels you are in, and their rooms.",
		tr_irc_command_listrooms),
	{.name = "nick",
		.arguments = "[network] nick",
		.help = "Takes another nick on IRC, for good.",
		.level = TR_PERMIT_USER,
		.run = tr_irc_command_nick,
		.in_room = true},
	ROW("whois", "[network] nick|@user:server",
		"Says who somebody on IRC is, or who a Matrix user is on IRC.",
		tr_irc_command_whois),
	ROW("feature", "mentions [on|off|default]",
		"Says or sets whether your nick in a line of IRC mentions you here.",
		tr_irc_command_feature),
	ROW("retry", "[network]", "Sends again what IRC has refused of yours.",
		tr_irc_command_retry),
	ROW("active", "", "Marks you as active.", tr_irc_command_active),
	ROW("status", "", "Says whether you and the bot are connected, and where.", status),
	ROW("reconnect", "[network]", "Connects you to IRC anew.", tr_irc_command_reconnect),
	ROW("quit", "[network] [reason]",
		"Disconnects you from IRC and takes you out of its rooms.", tr_irc_command_quit),
	ROW("cmd", "[network] COMMAND [arguments]",
		"Sends a command of the IRC protocol and shows the answer.", tr_irc_command_cmd),
	ROW("username", "[network] name",
		"Sets the user name, which is the account's name too, for the next connection.",
		tr_irc_command_username),
	ROW("storepass", "[network] password",
		"Stores the password of your account on IRC, sealed, for the next connection.",
		tr_irc_command_storepass),
	ROW("removepass", "[network]", "Forgets that password.", tr_irc_command_removepass),
	ROW("certificate", "[network] [new|remove]",
		"Makes, shows or forgets a client certificate that logs you in on IRC.",
		tr_irc_command_certificate),
};

const struct tr_command_table tr_irc_commands = {rows, TR_ARRAY_LEN(rows)};
