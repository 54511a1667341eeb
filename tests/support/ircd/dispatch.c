/* SPDX-License-Identifier: Apache-2.0 */
/* Writes each processed line to the ledger as taken, checks its length, finds its command, and
 * holds the answers together when it carries a label. */
#include "dispatch.h"

#include "net.h"
#include "send.h"

#include <string.h>

#define TAGS_MAX 4096 /* of a client, with '@' and the space */

struct command {
	const char *name;
	ircd_handler *handler;
	int params;      /* fewer give 461 */
	bool registered; /* only after 001, else 451 */
};

static const struct command commands[] = {
	{"PRIVMSG", ircd_cmd_privmsg, 0, true},
	{"NOTICE", ircd_cmd_notice, 0, true},
	{"TAGMSG", ircd_cmd_tagmsg, 1, true},
	{"PING", ircd_cmd_ping, 0, true},
	{"PONG", ircd_cmd_pong, 0, false},
	{"JOIN", ircd_cmd_join, 1, true},
	{"PART", ircd_cmd_part, 1, true},
	{"NICK", ircd_cmd_nick, 0, false},
	{"USER", ircd_cmd_user, 4, false},
	{"PASS", ircd_cmd_pass, 1, false},
	{"CAP", ircd_cmd_cap, 1, false},
	{"AUTHENTICATE", ircd_cmd_authenticate, 1, false},
	{"QUIT", ircd_cmd_quit, 0, false},
	{"CHATHISTORY", ircd_cmd_chathistory, 0, true},
	{"MODE", ircd_cmd_mode, 1, true},
	{"TOPIC", ircd_cmd_topic, 1, true},
	{"NAMES", ircd_cmd_names, 0, true},
	{"KICK", ircd_cmd_kick, 2, true},
	{"INVITE", ircd_cmd_invite, 2, true},
	{"WHO", ircd_cmd_who, 0, true},
	{"WHOIS", ircd_cmd_whois, 0, true},
	{"LIST", ircd_cmd_list, 0, true},
	{"AWAY", ircd_cmd_away, 0, true},
	{"ISON", ircd_cmd_ison, 1, true},
	{"USERHOST", ircd_cmd_userhost, 1, true},
	{"MOTD", ircd_cmd_motd, 0, true},
	{"LUSERS", ircd_cmd_lusers, 0, true},
	{"VERSION", ircd_cmd_version, 0, true},
};

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			return &commands[i];
		}
	}
	return NULL;
}

static void run(struct ircd_conn *conn, struct ircd_line *line)
{
	const struct command *command = find(line->command);
	bool cap_unknown =
		command && !conn->server->options.caps &&
		(strcmp(command->name, "CAP") == 0 || strcmp(command->name, "AUTHENTICATE") == 0);
	if (!command || cap_unknown) {
		if (conn->user->registered || cap_unknown) {
			ircd_numeric(conn, 421, "%s :Unknown command", line->command);
		} else {
			ircd_numeric(conn, 451, ":You have not registered");
		}
	} else if (command->registered && !conn->user->registered) {
		ircd_numeric(conn, 451, ":You have not registered");
	} else if (line->count < command->params) {
		ircd_numeric(conn, 461, "%s :Not enough parameters", line->command);
	} else {
		command->handler(conn, line);
	}
}

/* Enforces the two limits of a client's line; true when it may be processed. */
static bool check_length(struct ircd_conn *conn, char *text, size_t len)
{
	char *body = text;
	if (*text == '@') {
		char *space = memchr(text, ' ', len);
		body = space ? space + 1 : text + len;
	}
	size_t limit = conn->server->limits.line - 2;
	size_t body_len = len - (size_t)(body - text);
	if (body - text > TAGS_MAX || (body_len > limit && !conn->server->options.cut_long)) {
		ircd_numeric(conn, 417, ":Input line was too long");
		return false;
	}
	if (body_len > limit) {
		body[limit] = '\0';
	}
	return true;
}

void ircd_dispatch(struct ircd_conn *conn, char *text, size_t len)
{
	struct ircd_server *server = conn->server;
	struct ircd_line line;
	server->lines_taken++;
	ircd_ledger_write(
		&server->ledger, "TAKEN", conn->id, ircd_nick_of(conn->user), text, len, NULL);
	if (!check_length(conn, text, len)) {
		return;
	}
	ircd_line_parse(&line, text);
	if (!*line.command) {
		return;
	}
	const char *label = conn->caps & IRCD_CAP_LABEL ? ircd_line_tag(&line, "label") : NULL;
	if (label && *label) {
		ircd_collect_begin(conn, label);
		run(conn, &line);
		ircd_collect_end(server);
	} else {
		run(conn, &line);
	}
}
