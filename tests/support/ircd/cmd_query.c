/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that change nothing, and AWAY: WHO, WHOIS, LIST, ISON, USERHOST, MOTD, LUSERS, VERSION.
 */
#include "dispatch.h"
#include "send.h"

#include <stdlib.h>
#include <string.h>

static void who_line(struct ircd_conn *conn, const char *channel, const char *signs,
	const struct ircd_user *user)
{
	ircd_numeric(conn, 352, "%s %s %s %s %s %c%s :0 %s", channel, user->name, user->host,
		conn->server->options.name, user->nick, user->away ? 'G' : 'H', signs,
		user->real ? user->real : "");
}

void ircd_cmd_who(struct ircd_conn *conn, struct ircd_line *line)
{
	struct ircd_server *server = conn->server;
	const char *mask = line->count ? line->params[0] : "*";
	struct ircd_channel *channel = ircd_channel_find(server, mask);
	struct ircd_user *user = ircd_user_find(server, mask);
	for (size_t i = 0; channel && i < channel->member_count; i++) {
		struct ircd_member *member = channel->members[i];
		who_line(conn, channel->name,
			ircd_member_signs(server, member, conn->caps & IRCD_CAP_MULTI_PREFIX),
			member->user);
	}
	if (user && user->registered) {
		who_line(conn, "*", "", user);
	}
	ircd_numeric(conn, 315, "%s :End of /WHO list.", mask);
}

void ircd_cmd_whois(struct ircd_conn *conn, struct ircd_line *line)
{
	struct ircd_server *server = conn->server;
	const char *nick = ircd_line_param(line, line->count > 1 ? 1 : 0);
	struct ircd_user *user = ircd_user_find(server, nick);
	if (!*nick) {
		ircd_numeric(conn, 431, ":No nickname given");
		return;
	}
	if (!user || !user->registered) {
		ircd_numeric(conn, 401, "%s :No such nick", nick);
		ircd_numeric(conn, 318, "%s :End of /WHOIS list.", nick);
		return;
	}
	ircd_numeric(conn, 311, "%s %s %s * :%s", user->nick, user->name, user->host,
		user->real ? user->real : "");
	struct ircd_buf channels = {0};
	for (size_t i = 0; i < user->member_count; i++) {
		ircd_buf_printf(&channels, "%s%s%s", i ? " " : "",
			ircd_member_signs(server, user->members[i], true),
			user->members[i]->channel->name);
	}
	if (channels.len) {
		ircd_numeric(conn, 319, "%s :%s", user->nick, channels.data);
	}
	ircd_buf_free(&channels);
	ircd_numeric(
		conn, 312, "%s %s :%s", user->nick, server->options.name, server->options.network);
	if (user->away) {
		ircd_numeric(conn, 301, "%s :%s", user->nick, user->away);
	}
	if (user->account) {
		ircd_numeric(conn, 330, "%s %s :is logged in as", user->nick, user->account);
	}
	if (user->conn && user->conn->tls) {
		ircd_numeric(conn, 671, "%s :is using a secure connection", user->nick);
	}
	ircd_numeric(conn, 318, "%s :End of /WHOIS list.", user->nick);
}

static void list_one(void *value, void *data)
{
	struct ircd_channel *channel = value;
	if (!ircd_channel_has_mode(channel, 's')) {
		ircd_numeric(data, 322, "%s %zu :%s", channel->name, channel->member_count,
			channel->topic ? channel->topic : "");
	}
}

void ircd_cmd_list(struct ircd_conn *conn, struct ircd_line *line)
{
	(void)line;
	ircd_numeric(conn, 321, "Channel :Users Name");
	ircd_map_each(&conn->server->channels, list_one, conn);
	ircd_numeric(conn, 323, ":End of channel list.");
}

static void tell_away(struct ircd_conn *conn)
{
	struct ircd_user *user = conn->user;
	struct ircd_msg msg = user->away ? ircd_msg_from(conn->server, user, "AWAY :%s", user->away)
					 : ircd_msg_from(conn->server, user, "AWAY");
	uint64_t mark = ++conn->server->mark;
	user->mark = mark;
	for (size_t i = 0; i < user->member_count; i++) {
		struct ircd_channel *channel = user->members[i]->channel;
		for (size_t j = 0; j < channel->member_count; j++) {
			struct ircd_user *other = channel->members[j]->user;
			if (other->mark != mark && other->conn &&
				other->conn->caps & IRCD_CAP_AWAY_NOTIFY) {
				other->mark = mark;
				ircd_send(other->conn, &msg, NULL);
			}
		}
	}
}

void ircd_cmd_away(struct ircd_conn *conn, struct ircd_line *line)
{
	const char *text = ircd_line_param(line, 0);
	free(conn->user->away);
	conn->user->away = *text ? ircd_dup(text) : NULL;
	if (*text) {
		ircd_numeric(conn, 306, ":You have been marked as being away");
	} else {
		ircd_numeric(conn, 305, ":You are no longer marked as being away");
	}
	tell_away(conn);
}

static void each_nick(struct ircd_conn *conn, struct ircd_line *line, int number, bool host)
{
	struct ircd_buf found = {0};
	ircd_buf_add(&found, "", 0);
	for (int i = 0; i < line->count; i++) {
		char *rest = line->params[i];
		char *nick;
		while ((nick = ircd_next_item(&rest, ' '))) {
			struct ircd_user *user = ircd_user_find(conn->server, nick);
			if (!user || !user->registered) {
				continue;
			}
			ircd_buf_printf(&found, "%s%s", found.len ? " " : "", user->nick);
			if (host) {
				ircd_buf_printf(&found, "=%c%s@%s", user->away ? '-' : '+',
					user->name, user->host);
			}
		}
	}
	ircd_numeric(conn, number, ":%s", found.data);
	ircd_buf_free(&found);
}

void ircd_cmd_ison(struct ircd_conn *conn, struct ircd_line *line)
{
	each_nick(conn, line, 303, false);
}

void ircd_cmd_userhost(struct ircd_conn *conn, struct ircd_line *line)
{
	each_nick(conn, line, 302, true);
}

void ircd_cmd_motd(struct ircd_conn *conn, struct ircd_line *line)
{
	(void)line;
	ircd_numeric(conn, 375, ":%s message of the day", conn->server->options.name);
	ircd_numeric(conn, 372, ":- A scripted server. It does as it is told.");
	ircd_numeric(conn, 376, ":End of message of the day.");
}

void ircd_cmd_lusers(struct ircd_conn *conn, struct ircd_line *line)
{
	(void)line;
	ircd_numeric(conn, 251, ":There are %zu users and 0 invisible on 1 servers",
		conn->server->users.count);
	ircd_numeric(conn, 254, "%zu :channels formed", conn->server->channels.count);
	ircd_numeric(conn, 255, ":I have %zu clients and 0 servers", conn->server->conn_count);
}

void ircd_cmd_version(struct ircd_conn *conn, struct ircd_line *line)
{
	(void)line;
	ircd_numeric(conn, 351, "scripted-ircd %s :", conn->server->options.name);
	ircd_isupport_send(conn);
}
