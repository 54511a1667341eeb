/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of the IRC module. Their first argument may be the network's address; with one network
 * it may be left out. Channel names are taken only if they obey the grammar, so nothing of a
 * command reaches a server as another line (CVE-2023-38690).
 */
#include "bridges/irc/commands.h"

#include "bridges/irc/channel.h"
#include "bridges/irc/session.h"

static struct tr_irc_network *network_of(void *self)
{
	return self;
}

/* Takes the argument after the network's name, if that was given. */
static bool take_argument(
	struct tr_irc_network *network, struct tr_command *command, struct tr_str *argument)
{
	if (!tr_command_argument(command, argument)) {
		return false;
	}
	if (tr_str_eq_nocase(*argument, tr_str_from(network->entry->address))) {
		return tr_command_argument(command, argument);
	}
	return true;
}

static bool is_in(const struct tr_irc_texts *list, struct tr_str text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (tr_str_eq_c(text, list->items[i])) {
			return true;
		}
	}
	return false;
}

/* Why this person may not open this channel, or NULL. */
static const char *join_forbidden(
	const struct tr_irc_network *network, const char *user_id, struct tr_str channel)
{
	const struct tr_irc_dynamic_channels *dynamic = &network->config->dynamicChannels;
	if (!dynamic->enabled) {
		return "Joining channels is switched off on this bridge (dynamicChannels).";
	}
	if (dynamic->joinRule == TR_IRC_JOIN_INVITE &&
		!is_in(&dynamic->whitelist, tr_str_from(user_id))) {
		return "You are not on the list of people who may open channels (dynamicChannels.whitelist).";
	}
	if (is_in(&dynamic->exclude, channel)) {
		return "This channel is excluded from bridging (dynamicChannels.exclude).";
	}
	return NULL;
}

static void joined(
	void *arg, struct tr_portal *portal, const char *room_id, const struct tr_error *error)
{
	struct tr_command *command = arg;
	if (error != NULL) {
		tr_command_reply(command, "The channel could not be opened: %s", error->text);
	} else {
		tr_command_reply(
			command, "%s is this room: https://matrix.to/#/%s", portal->name, room_id);
	}
	tr_command_end(command);
}

static void join(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = network_of(self);
	struct tr_str channel;
	struct tr_str key = {NULL, 0};
	if (!take_argument(network, command, &channel)) {
		tr_command_usage(command);
		return;
	}
	(void)tr_command_argument(command, &key);
	if (!tr_irc_is_channel(&network->isupport, channel) || !tr_utf8_valid(channel)) {
		tr_command_reply(command, "%.*s is not a channel name.", TR_STR_ARG(channel));
		tr_command_usage(command);
		return;
	}
	const char *forbidden = join_forbidden(network, tr_command_user(command), channel);
	if (forbidden != NULL) {
		tr_command_reply(command, "%s", forbidden);
		tr_command_end(command);
		return;
	}
	char *name = tr_str_dup(channel);
	struct tr_irc_channel *known = tr_irc_channel_open(network, name);
	if (!tr_str_empty(key) && known->portal == NULL) {
		tr_free(known->password);
		known->password = tr_str_dup(key);
	}
	tr_portal_open_channel(network->bridge, tr_str_from(known->key), name,
		tr_command_user(command), joined, command);
	tr_free(name);
}

static const char *state_text(const struct tr_irc_session *session)
{
	if (session == NULL) {
		return "not connected (you will be when you speak)";
	}
	switch (session->state) {
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
	return "not connected (you will be when you speak)";
}

static void status(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = network_of(self);
	const struct tr_irc_session *session =
		tr_map_get(&network->sessions, tr_str_from(tr_command_user(command)));
	struct tr_buf text = TR_BUF_INIT(16384);
	tr_buf_addf(&text, "%s: you are %s", network->config->name, state_text(session));
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
		network->bot ? state_text(network->bot) : "switched off");
	tr_command_reply(command, "%s", tr_buf_c(&text));
	tr_buf_finish(&text);
	tr_command_end(command);
}

static void reconnect(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = network_of(self);
	struct tr_irc_session *session =
		tr_map_get(&network->sessions, tr_str_from(tr_command_user(command)));
	if (session == NULL) {
		tr_command_reply(
			command, "You have no connection to %s yet.", network->config->name);
	} else {
		tr_irc_session_retry(session);
		tr_command_reply(command, "%s: %s.", network->config->name, state_text(session));
	}
	tr_command_end(command);
}

static const struct tr_command_row rows[] = {
	{"join", "[network] #channel [key]", "Opens the room of an IRC channel and invites you.",
		TR_PERMIT_USER, join},
	{"status", "", "Says whether you and the bot are connected, and where.", TR_PERMIT_USER,
		status},
	{"reconnect", "[network]", "Connects you again after you were refused or lost.",
		TR_PERMIT_USER, reconnect},
};

const struct tr_command_table tr_irc_commands = {rows, TR_ARRAY_LEN(rows)};
