/* SPDX-License-Identifier: Apache-2.0 */
/* Control commands on users and channels: fake users, joins and kicks, modes, and netsplits. */
#include "control.h"
#include "line.h"
#include "send.h"
#include "users.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *by_of(struct ircd_server *server, const struct ircd_json *request)
{
	const char *by = ircd_json_text(request, "by", NULL);
	struct ircd_user *user = by ? ircd_user_find(server, by) : NULL;
	return user ? user->prefix : by ? by : server->options.name;
}

static struct ircd_user *user_of(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	struct ircd_user *user = ircd_user_find(server, ircd_json_text(request, "nick", ""));
	if (!user || !user->registered) {
		ircd_control_fail(answer, "no such nick");
		return NULL;
	}
	return user;
}

static struct ircd_channel *channel_of(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	struct ircd_channel *channel =
		ircd_channel_find(server, ircd_json_text(request, "channel", ""));
	if (!channel) {
		ircd_control_fail(answer, "no such channel");
	}
	return channel;
}

/* One fake user "nick", or "count" of them as prefix1, prefix2 ..., in "channel" if given. */
void ircd_control_fake(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	const char *nick = ircd_json_text(request, "nick", NULL);
	const char *prefix = ircd_json_text(request, "prefix", "fake");
	const char *channel = ircd_json_text(request, "channel", NULL);
	const char *account = ircd_json_text(request, "account", NULL);
	int count = nick ? 1 : (int)ircd_json_number(request, "count", 1);
	for (int i = 1; i <= count; i++) {
		char *name = nick ? ircd_dup(nick) : ircd_printf("%s%d", prefix, i);
		struct ircd_user *user = ircd_fake_user(server, name);
		free(name);
		if (!user) {
			ircd_control_fail(answer, "the nick is a client's");
			return;
		}
		if (account) {
			ircd_option_set_text(&user->account, account);
		}
		if (channel) {
			ircd_join(server, user, channel);
		}
	}
}

void ircd_control_join(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	const char *channel = ircd_json_text(request, "channel", "");
	struct ircd_user *user = user_of(server, request, answer);
	if (user && ircd_is_channel_name(server, channel)) {
		ircd_join(server, user, channel);
	} else if (user) {
		ircd_control_fail(answer, "not a channel name");
	}
}

static struct ircd_member *member_of(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	struct ircd_user *user = user_of(server, request, answer);
	struct ircd_channel *channel = user ? channel_of(server, request, answer) : NULL;
	struct ircd_member *member = channel ? ircd_member_find(channel, user) : NULL;
	if (channel && !member) {
		ircd_control_fail(answer, "not in the channel");
	}
	return member;
}

void ircd_control_part(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	struct ircd_member *member = member_of(server, request, answer);
	if (member) {
		ircd_part(server, member, ircd_json_text(request, "reason", ""));
	}
}

void ircd_control_kick(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	struct ircd_member *member = member_of(server, request, answer);
	if (member) {
		ircd_kick(server, by_of(server, request), member,
			ircd_json_text(request, "reason", "kicked by the script"));
	}
}

void ircd_control_quit(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	struct ircd_user *user = user_of(server, request, answer);
	if (user && user->conn) {
		ircd_control_fail(answer, "a client: use close or kill");
	} else if (user) {
		ircd_fake_quit(server, user, ircd_json_text(request, "reason", "Quit"));
	}
}

void ircd_control_nick(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	const char *to = ircd_json_text(request, "to", "");
	struct ircd_user *user = user_of(server, request, answer);
	struct ircd_user *holder = ircd_user_find(server, to);
	if (user && *to && (!holder || holder == user)) {
		ircd_rename(server, user, to);
	} else if (user) {
		ircd_control_fail(answer, "give a free nick as 'to'");
	}
}

void ircd_control_account(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	const char *account = ircd_json_text(request, "account", NULL);
	struct ircd_user *user = user_of(server, request, answer);
	if (!user) {
		return;
	}
	ircd_option_set_text(&user->account, account);
	struct ircd_msg msg = ircd_msg_from(server, user, "ACCOUNT %s", account ? account : "*");
	for (size_t i = 0; i < server->conn_count; i++) {
		struct ircd_conn *conn = server->conns[i];
		bool shares = conn->user == user;
		for (size_t j = 0; j < user->member_count; j++) {
			shares = shares || ircd_member_find(user->members[j]->channel, conn->user);
		}
		if (shares && conn->caps & IRCD_CAP_ACCOUNT_NOTIFY) {
			ircd_send(conn, &msg, NULL);
		}
	}
}

/* "modes" as a client writes them: "+ob nick *!*@host". */
void ircd_control_mode(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	struct ircd_channel *channel = channel_of(server, request, answer);
	char *text = ircd_dup(ircd_json_text(request, "modes", ""));
	char *params[32];
	int count = 0;
	char *modes = text;
	char *rest = strchr(text, ' ');
	if (rest) {
		*rest++ = '\0';
	}
	while (count < 32 && (params[count] = ircd_next_item(&rest, ' '))) {
		count++;
	}
	if (channel) {
		ircd_change_modes(
			server, by_of(server, request), channel, modes, params, count, NULL);
	}
	free(text);
}

void ircd_control_umode(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	struct ircd_user *user = ircd_user_find(server, ircd_json_text(request, "nick", ""));
	if (user) {
		ircd_change_user_modes(
			server, by_of(server, request), user, ircd_json_text(request, "modes", ""));
	} else {
		ircd_control_fail(answer, "no such nick");
	}
}

void ircd_control_topic(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	struct ircd_channel *channel = channel_of(server, request, answer);
	if (channel) {
		ircd_set_topic(server, by_of(server, request), channel,
			ircd_json_text(request, "text", ""));
	}
}

/* Netsplits: fake users leave for every client in one batch, and come back in another. */

static bool shares_channel(const struct ircd_conn *conn, const struct ircd_user *user)
{
	for (size_t i = 0; i < user->member_count; i++) {
		if (ircd_member_find(user->members[i]->channel, conn->user)) {
			return true;
		}
	}
	return false;
}

static void tell_split(
	struct ircd_conn *conn, struct ircd_user **gone, size_t count, const char *servers)
{
	char *type = ircd_printf("netsplit %s", servers);
	char *batch = ircd_dup(ircd_batch_open(conn, type));
	for (size_t i = 0; i < count; i++) {
		if (shares_channel(conn, gone[i])) {
			struct ircd_msg msg =
				ircd_msg_from(conn->server, gone[i], "QUIT :%s", servers);
			ircd_send(conn, &msg, batch);
		}
	}
	ircd_batch_close(conn, batch);
	free(batch);
	free(type);
}

static void move_behind_split(struct ircd_server *server, struct ircd_user *user)
{
	user->lost_channels = ircd_alloc((user->member_count + 1) * sizeof(char *));
	while (user->member_count) {
		struct ircd_member *member = user->members[user->member_count - 1];
		user->lost_channels[user->lost_count++] = ircd_dup(member->channel->name);
		ircd_member_remove(server, member);
	}
	struct ircd_user *earlier = ircd_map_get(&server->split, user->fold);
	if (earlier) {
		/* a second fake user took the nick of one who is away: the first stays lost */
		ircd_map_remove(&server->split, user->fold);
		ircd_user_destroy(server, earlier);
	}
	ircd_map_remove(&server->users, user->fold);
	ircd_map_put(&server->split, user->fold, user);
}

static struct ircd_user **fake_users(
	struct ircd_map *map, const char *prefix, size_t most, size_t *count)
{
	struct ircd_user **users = (struct ircd_user **)ircd_map_values(map);
	size_t kept = 0;
	for (size_t i = 0; users[i]; i++) {
		if (!users[i]->conn && strncmp(users[i]->nick, prefix, strlen(prefix)) == 0 &&
			kept < most) {
			users[kept++] = users[i];
		}
	}
	*count = kept;
	return users;
}

void ircd_control_split(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	const char *servers = ircd_json_text(request, "servers", "hub.net leaf.split");
	size_t count = 0;
	struct ircd_user **users = fake_users(&server->users, ircd_json_text(request, "prefix", ""),
		(size_t)ircd_json_number(request, "count", 1e9), &count);
	for (size_t i = 0; i < server->conn_count; i++) {
		if (server->conns[i]->user->registered) {
			tell_split(server->conns[i], users, count, servers);
		}
	}
	for (size_t i = 0; i < count; i++) {
		move_behind_split(server, users[i]);
	}
	free(users);
	ircd_buf_printf(&answer->fields, ",\"users\":%zu", count);
}

static void tell_rejoin(
	struct ircd_conn *conn, struct ircd_user **back, size_t count, const char *servers)
{
	char *type = ircd_printf("netjoin %s", servers);
	char *batch = ircd_dup(ircd_batch_open(conn, type));
	bool extended = conn->caps & IRCD_CAP_EXTENDED_JOIN;
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < back[i]->member_count; j++) {
			struct ircd_channel *channel = back[i]->members[j]->channel;
			if (!ircd_member_find(channel, conn->user)) {
				continue;
			}
			struct ircd_msg msg =
				extended ? ircd_msg_from(conn->server, back[i], "JOIN %s %s :%s",
						   channel->name,
						   back[i]->account ? back[i]->account : "*",
						   back[i]->real)
					 : ircd_msg_from(conn->server, back[i], "JOIN :%s",
						   channel->name);
			ircd_send(conn, &msg, batch);
		}
	}
	ircd_batch_close(conn, batch);
	free(batch);
	free(type);
}

static void come_back(struct ircd_server *server, struct ircd_user *user)
{
	ircd_map_remove(&server->split, user->fold);
	ircd_map_put(&server->users, user->fold, user);
	for (size_t i = 0; i < user->lost_count; i++) {
		const char *name = user->lost_channels[i];
		struct ircd_channel *channel = ircd_channel_find(server, name);
		ircd_member_add(channel ? channel : ircd_channel_create(server, name), user);
		free(user->lost_channels[i]);
	}
	free(user->lost_channels);
	user->lost_channels = NULL;
	user->lost_count = 0;
}

void ircd_control_rejoin(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	const char *servers = ircd_json_text(request, "servers", "hub.net leaf.split");
	size_t count = 0;
	size_t kept = 0;
	struct ircd_user **users = fake_users(&server->split, ircd_json_text(request, "prefix", ""),
		(size_t)ircd_json_number(request, "count", 1e9), &count);
	for (size_t i = 0; i < count; i++) {
		if (!ircd_map_get(&server->users, users[i]->fold)) {
			come_back(server, users[i]);
			users[kept++] = users[i];
		} /* else a client took the nick meanwhile: it stays away */
	}
	for (size_t i = 0; i < server->conn_count; i++) {
		if (server->conns[i]->user->registered) {
			tell_rejoin(server->conns[i], users, kept, servers);
		}
	}
	free(users);
	ircd_buf_printf(&answer->fields, ",\"users\":%zu", kept);
}
