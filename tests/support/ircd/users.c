/* SPDX-License-Identifier: Apache-2.0 */
/* Joins, parts, kicks, topics, renames and fake users, with what everybody is told about them. */
#include "users.h"

#include "send.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAMES_BYTES 400

void ircd_send_topic(struct ircd_conn *conn, struct ircd_channel *channel)
{
	ircd_numeric(conn, 332, "%s :%s", channel->name, channel->topic);
	ircd_numeric(
		conn, 333, "%s %s %" PRId64, channel->name, channel->topic_by, channel->topic_time);
}

/* channel may be NULL: only the end of the list. */
void ircd_send_names(struct ircd_conn *conn, const char *name, struct ircd_channel *channel)
{
	struct ircd_server *server = conn->server;
	struct ircd_buf list = {0};
	bool member = channel && ircd_member_find(channel, conn->user);
	bool hidden = channel && ircd_channel_has_mode(channel, 's') && !member;
	for (size_t i = 0; channel && !hidden && i < channel->member_count; i++) {
		struct ircd_member *other = channel->members[i];
		bool host = conn->caps & IRCD_CAP_USERHOST;
		ircd_buf_printf(&list, "%s%s%s", list.len ? " " : "",
			ircd_member_signs(server, other, conn->caps & IRCD_CAP_MULTI_PREFIX),
			host ? other->user->prefix : other->user->nick);
		if (list.len > NAMES_BYTES - 100 || i + 1 == channel->member_count) {
			ircd_numeric(conn, 353, "%c %s :%s",
				ircd_channel_has_mode(channel, 's') ? '@' : '=', channel->name,
				list.data);
			list.len = 0;
		}
	}
	ircd_numeric(conn, 366, "%s :End of /NAMES list.", channel ? channel->name : name);
	ircd_buf_free(&list);
}

/* JOIN in the two forms: with account and real name for those who asked for extended-join. */
static void announce_join(
	struct ircd_server *server, struct ircd_user *user, struct ircd_channel *channel)
{
	struct ircd_msg plain = ircd_msg_from(server, user, "JOIN :%s", channel->name);
	struct ircd_msg extended = ircd_msg_from(server, user, "JOIN %s %s :%s", channel->name,
		user->account ? user->account : "*", user->real ? user->real : "");
	struct ircd_msg away =
		ircd_msg_from(server, user, "AWAY :%s", user->away ? user->away : "");
	for (size_t i = 0; i < channel->member_count; i++) {
		struct ircd_user *other = channel->members[i]->user;
		if (!other->conn) {
			continue;
		}
		bool wants = other->conn->caps & IRCD_CAP_EXTENDED_JOIN;
		ircd_send(other->conn, wants ? &extended : &plain, NULL);
		if (user->away && other->conn->caps & IRCD_CAP_AWAY_NOTIFY && other != user) {
			ircd_send(other->conn, &away, NULL);
		}
	}
}

void ircd_join(struct ircd_server *server, struct ircd_user *user, const char *name)
{
	struct ircd_channel *channel = ircd_channel_find(server, name);
	if (channel && ircd_member_find(channel, user)) {
		return;
	}
	if (!channel) {
		channel = ircd_channel_create(server, name);
	}
	struct ircd_member *member = ircd_member_add(channel, user);
	if (channel->member_count == 1) {
		const char *o = strchr(server->limits.status_modes, 'o');
		member->status = o ? 1u << (o - server->limits.status_modes) : 0;
	}
	void *invitation = ircd_map_get(&channel->invited, user->fold);
	if (invitation) {
		ircd_map_remove(&channel->invited, user->fold);
		free(invitation);
	}
	announce_join(server, user, channel);
	if (user->conn) {
		if (channel->topic) {
			ircd_send_topic(user->conn, channel);
		}
		ircd_send_names(user->conn, channel->name, channel);
	}
}

void ircd_part(struct ircd_server *server, struct ircd_member *member, const char *reason)
{
	struct ircd_msg msg =
		*reason ? ircd_msg_from(server, member->user, "PART %s :%s", member->channel->name,
				  reason)
			: ircd_msg_from(server, member->user, "PART %s", member->channel->name);
	ircd_send_channel(member->channel, &msg, NULL);
	ircd_member_remove(server, member);
}

void ircd_kick(
	struct ircd_server *server, const char *by, struct ircd_member *member, const char *reason)
{
	struct ircd_msg msg = ircd_msg_make(server, ":%s KICK %s %s :%s", by, member->channel->name,
		member->user->nick, reason);
	ircd_send_channel(member->channel, &msg, NULL);
	ircd_member_remove(server, member);
}

void ircd_set_topic(
	struct ircd_server *server, const char *by, struct ircd_channel *channel, const char *topic)
{
	free(channel->topic);
	free(channel->topic_by);
	channel->topic = NULL;
	channel->topic_by = NULL;
	struct ircd_buf cut = {0};
	ircd_buf_add(&cut, topic, strnlen(topic, server->limits.topic));
	struct ircd_msg msg =
		ircd_msg_make(server, ":%s TOPIC %s :%s", by, channel->name, cut.data);
	ircd_send_channel(channel, &msg, NULL);
	if (!cut.len) {
		ircd_buf_free(&cut);
		return;
	}
	channel->topic = cut.data;
	channel->topic_by = ircd_dup(by);
	channel->topic_time = time(NULL);
}

void ircd_rename(struct ircd_server *server, struct ircd_user *user, const char *nick)
{
	struct ircd_msg msg = ircd_msg_from(server, user, "NICK :%s", nick);
	ircd_ledger_write(&server->ledger, "NICK", user->conn ? user->conn->id : 0, user->nick,
		NULL, 0, "%s", nick);
	ircd_send_neighbours(server, user, &msg, true);
	ircd_user_set_nick(server, user, nick);
}

struct ircd_user *ircd_fake_user(struct ircd_server *server, const char *nick)
{
	struct ircd_user *user = ircd_user_find(server, nick);
	if (user) {
		return user->conn ? NULL : user;
	}
	user = ircd_user_create(NULL);
	user->name = ircd_dup("fake");
	user->host = ircd_dup("user.scripted.test");
	user->real = ircd_dup("A fake user");
	user->registered = true;
	ircd_user_set_nick(server, user, nick);
	return user;
}

void ircd_fake_quit(struct ircd_server *server, struct ircd_user *user, const char *reason)
{
	struct ircd_msg msg = ircd_msg_from(server, user, "QUIT :%s", reason);
	ircd_send_neighbours(server, user, &msg, false);
	ircd_user_destroy(server, user);
}
