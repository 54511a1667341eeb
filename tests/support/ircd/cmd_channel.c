/* SPDX-License-Identifier: Apache-2.0 */
/* What a client asks about channels: JOIN, PART, KICK, TOPIC, NAMES, INVITE, and what it is
 * refused. */
#include "dispatch.h"
#include "send.h"
#include "users.h"

#include <stdlib.h>
#include <string.h>

static bool name_is_good(struct ircd_server *server, const char *name)
{
	return ircd_is_channel_name(server, name) && name[1] && !strpbrk(name, "\a ,") &&
	       strlen(name) <= server->limits.channel;
}

static bool may_join(struct ircd_conn *conn, struct ircd_channel *channel, const char *key)
{
	struct ircd_server *server = conn->server;
	const char *name = channel->name;
	bool invited = ircd_map_get(&channel->invited, conn->user->fold) != NULL;
	if (channel->key && (!key || strcmp(channel->key, key) != 0)) {
		ircd_numeric(conn, 475, "%s :Cannot join channel (incorrect channel key)", name);
	} else if (channel->limit && channel->member_count >= channel->limit) {
		ircd_numeric(conn, 471, "%s :Cannot join channel (channel is full)", name);
	} else if (ircd_channel_has_mode(channel, 'i') && !invited) {
		ircd_numeric(conn, 473, "%s :Cannot join channel (invite only)", name);
	} else if (ircd_channel_bans(server, channel, conn->user) && !invited) {
		ircd_numeric(conn, 474, "%s :Cannot join channel (you're banned)", name);
	} else {
		return true;
	}
	return false;
}

static void part_all(struct ircd_conn *conn)
{
	struct ircd_user *user = conn->user;
	while (user->member_count) {
		ircd_part(conn->server, user->members[user->member_count - 1], "");
	}
}

void ircd_cmd_join(struct ircd_conn *conn, struct ircd_line *line)
{
	struct ircd_server *server = conn->server;
	char *names = line->params[0];
	char *keys = line->count > 1 ? line->params[1] : NULL;
	char *name;
	if (strcmp(names, "0") == 0) {
		part_all(conn);
		return;
	}
	for (int left = server->options.join_list; left > 0 && (name = ircd_next_item(&names, ','));
		left--) {
		const char *key = ircd_next_item(&keys, ',');
		struct ircd_channel *channel = ircd_channel_find(server, name);
		if (!name_is_good(server, name)) {
			ircd_numeric(conn, 403, "%s :No such channel", name);
		} else if (!channel || ircd_member_find(channel, conn->user) ||
			   may_join(conn, channel, key)) {
			ircd_join(server, conn->user, name);
		}
	}
}

/* The channel a client names; NULL after 403 or, when it must be in it, 442. */
static struct ircd_channel *channel_for(struct ircd_conn *conn, const char *name, bool inside)
{
	struct ircd_channel *channel = ircd_channel_find(conn->server, name);
	if (!channel) {
		ircd_numeric(conn, 403, "%s :No such channel", name);
		return NULL;
	}
	if (inside && !ircd_member_find(channel, conn->user)) {
		ircd_numeric(conn, 442, "%s :You're not on that channel!", channel->name);
		return NULL;
	}
	return channel;
}

static bool needs_operator(struct ircd_conn *conn, struct ircd_channel *channel)
{
	struct ircd_member *member = ircd_member_find(channel, conn->user);
	if (ircd_member_is_operator(conn->server, member)) {
		return true;
	}
	ircd_numeric(conn, 482, "%s :You must be a channel operator", channel->name);
	return false;
}

void ircd_cmd_part(struct ircd_conn *conn, struct ircd_line *line)
{
	char *names = line->params[0];
	char *name;
	while ((name = ircd_next_item(&names, ','))) {
		struct ircd_channel *channel = channel_for(conn, name, true);
		if (channel) {
			ircd_part(conn->server, ircd_member_find(channel, conn->user),
				ircd_line_param(line, 1));
		}
	}
}

void ircd_cmd_kick(struct ircd_conn *conn, struct ircd_line *line)
{
	struct ircd_channel *channel = channel_for(conn, line->params[0], true);
	if (!channel || !needs_operator(conn, channel)) {
		return;
	}
	char *nicks = line->params[1];
	char *nick;
	/* the channel goes when the last member is kicked: look it up again each time */
	while ((nick = ircd_next_item(&nicks, ',')) &&
		(channel = ircd_channel_find(conn->server, line->params[0]))) {
		struct ircd_user *user = ircd_user_find(conn->server, nick);
		struct ircd_member *member = user ? ircd_member_find(channel, user) : NULL;
		if (!user) {
			ircd_numeric(conn, 401, "%s :No such nick", nick);
		} else if (!member) {
			ircd_numeric(conn, 441, "%s %s :They are not on that channel", nick,
				channel->name);
		} else {
			ircd_kick(conn->server, conn->user->prefix, member,
				line->count > 2 ? line->params[2] : conn->user->nick);
		}
	}
}

void ircd_cmd_topic(struct ircd_conn *conn, struct ircd_line *line)
{
	struct ircd_channel *channel = channel_for(conn, line->params[0], line->count > 1);
	if (!channel) {
		return;
	}
	if (line->count > 1) {
		if (!ircd_channel_has_mode(channel, 't') || needs_operator(conn, channel)) {
			ircd_set_topic(conn->server, conn->user->prefix, channel, line->params[1]);
		}
	} else if (channel->topic) {
		ircd_send_topic(conn, channel);
	} else {
		ircd_numeric(conn, 331, "%s :No topic is set.", channel->name);
	}
}

void ircd_cmd_names(struct ircd_conn *conn, struct ircd_line *line)
{
	char *names = line->count ? line->params[0] : NULL;
	char *name;
	if (!names) {
		ircd_send_names(conn, "*", NULL);
	}
	while ((name = ircd_next_item(&names, ','))) {
		ircd_send_names(conn, name, ircd_channel_find(conn->server, name));
	}
}

void ircd_cmd_invite(struct ircd_conn *conn, struct ircd_line *line)
{
	struct ircd_server *server = conn->server;
	struct ircd_user *user = ircd_user_find(server, line->params[0]);
	if (!user || !user->registered) {
		ircd_numeric(conn, 401, "%s :No such nick", line->params[0]);
		return;
	}
	struct ircd_channel *channel = channel_for(conn, line->params[1], true);
	if (!channel) {
		return;
	}
	if (ircd_member_find(channel, user)) {
		ircd_numeric(conn, 443, "%s %s :is already on channel", user->nick, channel->name);
		return;
	}
	if (ircd_channel_has_mode(channel, 'i') && !needs_operator(conn, channel)) {
		return;
	}
	if (!ircd_map_get(&channel->invited, user->fold)) {
		char *fold = ircd_dup(user->fold);
		ircd_map_put(&channel->invited, fold, fold);
	}
	ircd_numeric(conn, 341, "%s %s", user->nick, channel->name);
	if (user->conn) {
		struct ircd_msg msg = ircd_msg_from(
			server, conn->user, "INVITE %s :%s", user->nick, channel->name);
		ircd_send_apart(user->conn, &msg);
	}
}
