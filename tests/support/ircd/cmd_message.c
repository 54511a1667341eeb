/* SPDX-License-Identifier: Apache-2.0 */
/* PRIVMSG, NOTICE and TAGMSG: to whom they go, their message ids, the echo, history and ledger. */
#include "dispatch.h"
#include "history.h"
#include "send.h"
#include "users.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ircd_msg compose(struct ircd_server *server, struct ircd_user *from,
	const char *command, const char *target, const char *text, const char *client_tags)
{
	static char msgid[48];
	struct ircd_msg msg = text ? ircd_msg_from(server, from, "%s %s :%s", command, target, text)
				   : ircd_msg_from(server, from, "%s %s", command, target);
	msg.client_tags = client_tags;
	if (server->options.msgid) {
		snprintf(msgid, sizeof(msgid), "%s-%" PRIu64, server->boot, ++server->msgid_last);
		msg.msgid = msgid;
	}
	return msg;
}

/* Whether the bridge's reader hears what is said in the channel, or to the user. */
static const char *reader_mark(
	struct ircd_server *server, struct ircd_channel *channel, const struct ircd_user *to)
{
	if (to) {
		return to->conn ? "reader=1" : "reader=0";
	}
	if (!server->options.reader) {
		return "reader=-";
	}
	struct ircd_user *reader = ircd_user_find(server, server->options.reader);
	bool present = reader && reader->conn && !reader->deaf && ircd_member_find(channel, reader);
	return present ? "reader=1" : "reader=0";
}

static void record(struct ircd_server *server, const char *kind, struct ircd_user *from,
	const char *target, const struct ircd_msg *msg, const char *mark, const char *text)
{
	const char *shown = text ? text : "";
	ircd_ledger_write(&server->ledger, kind, from->conn ? from->conn->id : 0, from->nick, shown,
		strlen(shown), "%s\t%s\t%s", target, msg->msgid ? msg->msgid : "-", mark);
}

static void echo(struct ircd_server *server, struct ircd_user *from, const char *target,
	const struct ircd_msg *msg, const char *text)
{
	struct ircd_conn *conn = from->conn;
	bool swallowed = from->deaf && server->options.deaf_no_echo;
	if (conn && conn->caps & IRCD_CAP_ECHO && !swallowed) {
		const char *label = server->collect.conn == conn ? server->collect.label : NULL;
		struct ircd_buf mark = {0};
		ircd_buf_printf(&mark, "label=%s", label ? label : "-");
		ircd_send(conn, msg, NULL);
		record(server, "ECHO", from, target, msg, mark.data, text);
		ircd_buf_free(&mark);
	}
}

static bool hears_tags(const struct ircd_user *user)
{
	return user->conn && user->conn->caps & IRCD_CAP_TAGS;
}

/* TAGMSG goes to those who have negotiated tags only. */
static void send_tags_only(
	struct ircd_channel *channel, const struct ircd_msg *msg, const struct ircd_user *except)
{
	for (size_t i = 0; i < channel->member_count; i++) {
		struct ircd_user *user = channel->members[i]->user;
		if (user != except && hears_tags(user)) {
			ircd_send(user->conn, msg, NULL);
		}
	}
}

void ircd_say_channel(struct ircd_server *server, struct ircd_user *from,
	struct ircd_channel *channel, const char *command, const char *target, const char *text,
	const char *client_tags)
{
	struct ircd_msg msg = compose(server, from, command, target, text, client_tags);
	if (!text) {
		send_tags_only(channel, &msg, from);
		echo(server, from, target, &msg, text);
		return;
	}
	server->lines_said++;
	record(server, "SAID", from, channel->name, &msg, reader_mark(server, channel, NULL), text);
	ircd_history_add(server, channel->fold, &msg);
	ircd_send_said(channel, &msg, from);
	echo(server, from, channel->name, &msg, text);
}

void ircd_say_user(struct ircd_server *server, struct ircd_user *from, struct ircd_user *to,
	const char *command, const char *text, const char *client_tags)
{
	struct ircd_msg msg = compose(server, from, command, to->nick, text, client_tags);
	if (text) {
		char *key = ircd_history_pair(from, to);
		server->lines_said++;
		record(server, "SAID", from, to->nick, &msg, reader_mark(server, NULL, to), text);
		ircd_history_add(server, key, &msg);
		free(key);
	}
	if (to->conn && (text || hears_tags(to))) {
		ircd_send_apart(to->conn, &msg);
	}
	echo(server, from, to->nick, &msg, text);
}

/* Why the user may not speak in the channel, or NULL. */
static const char *refusal(
	struct ircd_server *server, struct ircd_user *user, struct ircd_channel *channel)
{
	struct ircd_member *member = ircd_member_find(channel, user);
	if (!member && ircd_channel_has_mode(channel, 'n')) {
		return "no external messages";
	}
	if (ircd_channel_has_mode(channel, 'm') && (!member || !member->status)) {
		return "+m is set";
	}
	if (ircd_channel_bans(server, channel, user) && (!member || !member->status)) {
		return "you are banned";
	}
	return NULL;
}

static void say(
	struct ircd_conn *conn, struct ircd_line *line, const char *target, const char *text)
{
	struct ircd_server *server = conn->server;
	bool quiet =
		strcmp(line->command, "NOTICE") == 0; /* RFC 2812 3.3.2: no answer to a NOTICE */
	const char *tags = conn->caps & IRCD_CAP_TAGS ? ircd_line_client_tags(line) : NULL;
	const char *name = target;
	while (*name && strchr(server->limits.status_signs, *name)) {
		name++;
	}
	if (ircd_is_channel_name(server, name)) {
		struct ircd_channel *channel = ircd_channel_find(server, name);
		const char *why =
			channel ? refusal(server, conn->user, channel) : "No such channel";
		if (!why) {
			ircd_say_channel(
				server, conn->user, channel, line->command, target, text, tags);
		} else if (!quiet && channel) {
			ircd_numeric(conn, 404, "%s :Cannot send to channel (%s)", name, why);
		} else if (!quiet) {
			ircd_numeric(conn, 403, "%s :%s", name, why);
		}
		return;
	}
	struct ircd_user *to = ircd_user_find(server, target);
	if (!to || !to->registered) {
		if (!quiet) {
			ircd_numeric(conn, 401, "%s :No such nick/channel", target);
		}
		return;
	}
	ircd_say_user(server, conn->user, to, line->command, text, tags);
	if (to->away && text && !quiet) {
		ircd_numeric(conn, 301, "%s :%s", to->nick, to->away);
	}
}

static void say_to_all(struct ircd_conn *conn, struct ircd_line *line)
{
	const char *text = ircd_line_param(line, 1);
	char *rest = line->params[0];
	char *target;
	if (line->count < 1) {
		ircd_numeric(conn, 411, ":No recipient given (%s)", line->command);
		return;
	}
	if (!*text) {
		ircd_numeric(conn, 412, ":No text to send");
		return;
	}
	while ((target = ircd_next_item(&rest, ','))) {
		say(conn, line, target, text);
	}
}

void ircd_cmd_privmsg(struct ircd_conn *conn, struct ircd_line *line)
{
	say_to_all(conn, line);
}

void ircd_cmd_notice(struct ircd_conn *conn, struct ircd_line *line)
{
	say_to_all(conn, line);
}

void ircd_cmd_tagmsg(struct ircd_conn *conn, struct ircd_line *line)
{
	if (!(conn->caps & IRCD_CAP_TAGS)) {
		ircd_numeric(conn, 421, "TAGMSG :Unknown command");
		return;
	}
	say(conn, line, line->params[0], NULL);
}
