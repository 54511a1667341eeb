/* SPDX-License-Identifier: Apache-2.0 */
/* From the first line of a connection to 001 and the end of MOTD, and the commands about oneself:
 * NICK, USER, PASS, PING, PONG, QUIT. */
#include "dispatch.h"
#include "net.h"
#include "send.h"
#include "users.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void welcome(struct ircd_conn *conn)
{
	struct ircd_server *server = conn->server;
	const char *name = server->options.name;
	ircd_numeric(conn, 1, ":Welcome to the %s IRC Network %s", server->options.network,
		conn->user->prefix);
	ircd_numeric(conn, 2, ":Your host is %s, running version scripted-ircd", name);
	ircd_numeric(conn, 3, ":This server was created for a test");
	char deaf[2] = {server->limits.deaf, '\0'};
	ircd_numeric(conn, 4, "%s scripted-ircd i%s bklimnst%s bkl%s", name, deaf,
		server->limits.status_modes, server->limits.status_modes);
	ircd_isupport_send(conn);
	ircd_cmd_lusers(conn, NULL);
	ircd_cmd_motd(conn, NULL);
}

void ircd_try_register(struct ircd_conn *conn)
{
	struct ircd_server *server = conn->server;
	struct ircd_user *user = conn->user;
	if (user->registered || conn->cap_negotiating || !conn->nick_given || !conn->user_given ||
		conn->cookie) {
		return;
	}
	if (server->options.password && !conn->password_ok) {
		ircd_numeric(conn, 464, ":Password incorrect");
		ircd_conn_error(conn, "Bad password");
		return;
	}
	if (server->options.kline) {
		ircd_numeric(
			conn, 465, ":You are banned from this server- %s", server->options.kline);
		char *reason = ircd_printf("K-Lined: %s", server->options.kline);
		ircd_conn_error(conn, reason);
		free(reason);
		return;
	}
	if (server->options.require_sasl && !user->account) {
		ircd_conn_error(conn, "SASL access only");
		return;
	}
	ircd_user_set_name(server, user, user->name);
	user->registered = true;
	ircd_ledger_write(
		&server->ledger, "REGISTER", conn->id, user->nick, NULL, 0, "%s", user->prefix);
	welcome(conn);
}

static bool nick_is_good(struct ircd_server *server, const char *nick)
{
	static const char others[] = "[]\\`_^{|}";
	if (!*nick || (*nick >= '0' && *nick <= '9') || *nick == '-' ||
		strlen(nick) > server->limits.nick) {
		return false;
	}
	for (const char *c = nick; *c; c++) {
		bool alnum = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			     (*c >= '0' && *c <= '9');
		if (!alnum && *c != '-' && !strchr(others, *c)) {
			return false;
		}
	}
	return true;
}

static void send_cookie(struct ircd_conn *conn)
{
	conn->cookie = ircd_printf("cookie%" PRIu64, conn->id);
	char *line = ircd_printf("PING :%s\r\n", conn->cookie);
	ircd_conn_write(conn, line, strlen(line));
	free(line);
}

void ircd_cmd_nick(struct ircd_conn *conn, struct ircd_line *line)
{
	struct ircd_server *server = conn->server;
	char *nick = line->count ? line->params[0] : NULL;
	if (!nick || !*nick) {
		ircd_numeric(conn, 431, ":No nickname given");
		return;
	}
	if (server->options.cut_nicks && strlen(nick) > server->limits.nick) {
		nick[server->limits.nick] = '\0';
	}
	if (server->options.nick_erroneous > 0 || !nick_is_good(server, nick)) {
		server->options.nick_erroneous -= server->options.nick_erroneous > 0;
		ircd_numeric(conn, 432, "%s :Erroneous nickname", nick);
		return;
	}
	struct ircd_user *holder = ircd_user_find(server, nick);
	if (server->options.nick_in_use > 0 || (holder && holder != conn->user)) {
		server->options.nick_in_use -= server->options.nick_in_use > 0;
		ircd_numeric(conn, 433, "%s :Nickname is already in use.", nick);
		return;
	}
	if (conn->user->registered) {
		if (strcmp(conn->user->nick, nick) != 0) {
			ircd_rename(server, conn->user, nick);
		}
		return;
	}
	ircd_user_set_nick(server, conn->user, nick);
	if (!conn->nick_given && server->options.ping_cookie) {
		send_cookie(conn);
	}
	conn->nick_given = true;
	ircd_try_register(conn);
}

void ircd_cmd_user(struct ircd_conn *conn, struct ircd_line *line)
{
	struct ircd_user *user = conn->user;
	if (user->registered || conn->user_given) {
		ircd_numeric(conn, 462, ":You may not reregister");
		return;
	}
	/* the mask is made at the end of registration, when the nick is certain */
	free(user->name);
	user->name = ircd_dup(*line->params[0] ? line->params[0] : "user");
	user->real = ircd_dup(line->params[3]);
	conn->user_given = true;
	ircd_try_register(conn);
}

void ircd_cmd_pass(struct ircd_conn *conn, struct ircd_line *line)
{
	const char *password = conn->server->options.password;
	if (conn->user->registered) {
		ircd_numeric(conn, 462, ":You may not reregister");
		return;
	}
	conn->password_ok = password && strcmp(password, line->params[0]) == 0;
}

void ircd_cmd_quit(struct ircd_conn *conn, struct ircd_line *line)
{
	struct ircd_buf reason = {0};
	ircd_buf_printf(&reason, "Quit: %s", ircd_line_param(line, 0));
	ircd_conn_error(conn, reason.data);
	ircd_buf_free(&reason);
}

void ircd_cmd_ping(struct ircd_conn *conn, struct ircd_line *line)
{
	const char *token = ircd_line_param(line, 0);
	if (line->count < 1) {
		ircd_numeric(conn, 409, ":No origin specified");
		return;
	}
	ircd_reply(conn, "PONG %s :%s", conn->server->options.name, token);
	ircd_ledger_write(&conn->server->ledger, "PONG", conn->id, ircd_nick_of(conn->user), token,
		strlen(token), NULL);
}

void ircd_cmd_pong(struct ircd_conn *conn, struct ircd_line *line)
{
	conn->ping_sent = 0;
	if (conn->cookie && strcmp(conn->cookie, ircd_line_param(line, line->count - 1)) == 0) {
		free(conn->cookie);
		conn->cookie = NULL;
		ircd_try_register(conn);
	}
}

static void ping_one(struct ircd_conn *conn, int64_t now)
{
	struct ircd_options *options = &conn->server->options;
	if (conn->silent || !conn->user->registered) {
		return;
	}
	if (conn->ping_sent && now - conn->ping_sent > options->ping_timeout_ms) {
		ircd_conn_doom(conn, "Ping timeout");
	} else if (!conn->ping_sent && now - conn->last_read > options->ping_every_ms) {
		char *line = ircd_printf("PING :%s\r\n", options->name);
		conn->ping_sent = now;
		ircd_conn_write(conn, line, strlen(line));
		free(line);
	}
}

void ircd_ping_all(uv_timer_t *timer)
{
	struct ircd_server *server = timer->data;
	int64_t now = (int64_t)uv_now(server->loop);
	for (size_t i = 0; server->options.ping_every_ms > 0 && i < server->conn_count; i++) {
		ping_one(server->conns[i], now);
	}
}
