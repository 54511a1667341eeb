/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands about a user's own connection: anew, away, and commands of the protocol itself. What a
 * user sends goes through the typed writer, and what the bridge keeps account of itself (nick,
 * channels, messages, capabilities, the connection) has commands of its own and is refused here.
 */
#include "bridges/irc/commands_internal.h"

#include "bridges/irc/channel.h"
#include "bridges/irc/query.h"
#include "bridges/irc/text.h"

enum { VERB_MAX = 32, REASON_MAX = 300, ANSWER_MAX = 12 * 1024 };

void tr_irc_command_reconnect(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = self;
	struct tr_irc_session *session = tr_irc_command_session(network, command);
	struct tr_str wrong;
	if (tr_irc_command_argument(network, command, &wrong)) {
		tr_command_usage(command);
	} else if (session == NULL ||
		   (session->state == TR_IRC_OFFLINE && session->attempts == 0)) {
		tr_irc_command_end_with(
			command, "No clients connected to this network, not reconnecting");
	} else {
		tr_irc_session_reconnect(session, "Reconnecting");
		tr_irc_command_end_with(command, "Reconnecting to network...");
	}
}

void tr_irc_command_quit(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = self;
	struct tr_irc_session *session = tr_irc_command_session(network, command);
	struct tr_str given = tr_irc_command_rest(network, command);
	if (session == NULL || session->state == TR_IRC_OFFLINE) {
		tr_irc_command_end_with(command, "You are not connected to any networks.");
		return;
	}
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->members, node, following) {
		struct tr_portal *portal =
			TR_LIST_ENTRY(node, struct tr_irc_member, node)->channel->portal;
		if (portal != NULL && network->config->ircClients.kickOn.userQuit) {
			tr_bridge_remote_kick(network->bridge, portal, session->user_id,
				TR_STR("issued !quit command"));
		}
	}
	char *reason = tr_str_empty(given)
			       ? tr_strdup("issued !quit command")
			       : tr_str_dup(tr_str_slice(given, 0, tr_utf8_fit(given, REASON_MAX)));
	tr_irc_session_dismiss(session, reason);
	tr_free(reason);
	tr_command_reply(command, "You have been disconnected from %s.", network->config->name);
	tr_command_end(command);
}

/* What has another way, and which; NULL = it may be sent. */
static const char *other_way(struct tr_str verb)
{
	static const struct {
		const char *verb;
		const char *way;
	} ways[] = {
		{"NICK", "Use !nick."},
		{"JOIN", "Use !join."},
		{"PART", "Use !part, or leave the room."},
		{"QUIT", "Use !quit, or !reconnect."},
		{"PRIVMSG", "Write in the room, or start a direct chat with the person."},
		{"NOTICE", "Write in the room, or start a direct chat with the person."},
		{"TAGMSG", "Write in the room, or start a direct chat with the person."},
		{"PASS", "Use !storepass and !reconnect."},
		{"AUTHENTICATE", "Use !storepass and !reconnect."},
		{"USER", "Use !username and !reconnect."},
		{"CAP", "The bridge settles that itself."},
		{"PROTOCTL", "The bridge settles that itself."},
		{"BATCH", "The bridge settles that itself."},
		{"CHATHISTORY", "The bridge settles that itself."},
		{"PING", "The bridge settles that itself."},
		{"PONG", "The bridge settles that itself."},
		{"STARTTLS", "The bridge settles that itself."},
		{"WEBIRC", "The bridge settles that itself."},
		{"SERVER", "The bridge is no server."},
		{"SERVICE", "The bridge is no server."},
		{"ERROR", "The bridge is no server."},
	};
	for (size_t i = 0; i < TR_ARRAY_LEN(ways); i++) {
		if (tr_str_eq_c(verb, ways[i].verb)) {
			return ways[i].way;
		}
	}
	return NULL;
}

static bool is_verb(struct tr_str word)
{
	for (size_t i = 0; i < word.len; i++) {
		if (word.ptr[i] < 'A' || word.ptr[i] > 'Z') {
			return false;
		}
	}
	return word.len > 0 && word.len < VERB_MAX;
}

static void cmd_answered(
	void *arg, const struct tr_str *lines, size_t count, const struct tr_error *error)
{
	struct tr_command *command = arg;
	struct tr_buf text = TR_BUF_INIT(ANSWER_MAX);
	for (size_t i = 0; i < count; i++) {
		struct tr_irc_line line;
		struct tr_buf plain = TR_BUF_INIT(ANSWER_MAX);
		if (!tr_irc_line_parse(lines[i], &line)) {
			continue;
		}
		for (size_t param = 1; param < line.param_count; param++) {
			tr_buf_add_c(&plain, param > 1 ? " " : "");
			tr_irc_text_plain(line.params[param], &plain);
		}
		tr_buf_addf(&text, "%s%s", text.len > 0 ? "\n" : "", tr_buf_c(&plain));
		tr_buf_finish(&plain);
	}
	if (error != NULL) {
		tr_command_reply(command, "The server did not answer: %s", error->text);
	} else if (text.len > 0) {
		tr_command_reply(command, "%s", tr_buf_c(&text));
	}
	tr_buf_finish(&text);
	tr_command_end(command);
}

/* The arguments as IRC takes them: words, the last behind ':' may have spaces. false = too many. */
static bool take_params(struct tr_command *command, struct tr_irc_out *line)
{
	struct tr_str rest = tr_command_rest(command);
	while (!tr_str_empty(rest)) {
		if (line->param_count == TR_IRC_PARAMS_MAX) {
			return false;
		}
		struct tr_str *param = &line->params[line->param_count++];
		if (tr_str_starts(rest, TR_STR(":"))) {
			*param = tr_str_from_index(rest, 1);
			line->trailing = true;
			return true;
		}
		if (!tr_str_word(&rest, param)) {
			line->param_count--;
		}
		rest = tr_str_trim(rest);
	}
	return true;
}

void tr_irc_command_cmd(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = self;
	struct tr_irc_session *session = tr_irc_command_session(network, command);
	struct tr_str verb;
	if (!tr_irc_command_argument(network, command, &verb)) {
		tr_command_usage(command);
		return;
	}
	if (!is_verb(verb)) {
		tr_irc_command_end_with(
			command, "Malformed command: a command is written in capitals.");
		return;
	}
	const char *way = other_way(verb);
	if (way != NULL) {
		tr_command_reply(command, "%.*s is not sent. %s", TR_STR_ARG(verb), way);
		tr_command_end(command);
		return;
	}
	if (session == NULL || !tr_irc_session_online(session)) {
		tr_irc_command_end_with(command, "You are not connected to any networks.");
		return;
	}
	char *copy = tr_str_dup(verb);
	struct tr_irc_out line = {.command = copy};
	int failed = take_params(command, &line)
			     ? tr_irc_query(session, &line, cmd_answered, command)
			     : TR_E_INVALID;
	tr_free(copy);
	if (failed == TR_E_CLOSED) {
		tr_irc_command_end_with(command, "You are not connected to any networks.");
	} else if (failed) {
		tr_irc_command_end_with(command, "Malformed command: this is no line of IRC.");
	}
}
