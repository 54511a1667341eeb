/* SPDX-License-Identifier: Apache-2.0 */
/* Users, channels and memberships: the data only. Who is told about a change is the business of the
 * command handlers and of control.c. */
#include "server.h"

#include "history.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

char *ircd_fold(struct ircd_server *server, const char *name)
{
	char *fold = ircd_dup(name);
	char last = server->limits.casemapping == IRCD_CASE_ASCII    ? 'Z'
		    : server->limits.casemapping == IRCD_CASE_STRICT ? ']'
								     : '^';
	for (char *c = fold; *c; c++) {
		if (*c >= 'A' && *c <= last) {
			*c = (char)(*c + 32);
		}
	}
	return fold;
}

bool ircd_mask_matches(struct ircd_server *server, const char *mask, const char *text)
{
	char *m = ircd_fold(server, mask);
	char *t = ircd_fold(server, text);
	const char *at = m;
	const char *in = t;
	const char *star = NULL;
	const char *retry = NULL;
	while (*in) {
		if (*at == '*') {
			star = at++;
			retry = in;
		} else if (*at == '?' || *at == *in) {
			at++;
			in++;
		} else if (star) {
			at = star + 1;
			in = ++retry;
		} else {
			break;
		}
	}
	while (*at == '*') {
		at++;
	}
	bool matches = !*in && !*at;
	free(m);
	free(t);
	return matches;
}

struct ircd_user *ircd_user_create(struct ircd_conn *conn)
{
	struct ircd_user *user = ircd_alloc(sizeof(*user));
	user->conn = conn;
	return user;
}

void ircd_user_destroy(struct ircd_server *server, struct ircd_user *user)
{
	if (!user) {
		return;
	}
	while (user->member_count) {
		ircd_member_remove(server, user->members[user->member_count - 1]);
	}
	if (user->fold && ircd_map_get(&server->users, user->fold) == user) {
		ircd_map_remove(&server->users, user->fold);
	}
	for (size_t i = 0; i < user->lost_count; i++) {
		free(user->lost_channels[i]);
	}
	free(user->lost_channels);
	free(user->members);
	free(user->nick);
	free(user->fold);
	free(user->name);
	free(user->host);
	free(user->real);
	free(user->prefix);
	free(user->account);
	free(user->away);
	free(user);
}

struct ircd_user *ircd_user_find(struct ircd_server *server, const char *nick)
{
	char *fold = ircd_fold(server, nick);
	struct ircd_user *user = ircd_map_get(&server->users, fold);
	free(fold);
	return user;
}

static void set_prefix(struct ircd_user *user)
{
	free(user->prefix);
	user->prefix = ircd_printf("%s!%s@%s", user->nick ? user->nick : "*",
		user->name ? user->name : "*", user->host ? user->host : "*");
}

void ircd_user_set_nick(struct ircd_server *server, struct ircd_user *user, const char *nick)
{
	char *copy = ircd_dup(nick);
	if (user->fold) {
		ircd_map_remove(&server->users, user->fold);
	}
	free(user->fold);
	free(user->nick);
	user->nick = copy;
	user->fold = ircd_fold(server, nick);
	ircd_map_put(&server->users, user->fold, user);
	set_prefix(user);
}

/* user and host as the server shows them: options.user_host with %u and %n filled in. */
void ircd_user_set_name(struct ircd_server *server, struct ircd_user *user, const char *name)
{
	struct ircd_buf mask = {0};
	for (const char *c = server->options.user_host; *c; c++) {
		if (c[0] == '%' && c[1] == 'u') {
			ircd_buf_add(&mask, name, strnlen(name, server->limits.user));
			c++;
		} else if (c[0] == '%' && c[1] == 'n') {
			ircd_buf_puts(&mask, ircd_nick_of(user));
			c++;
		} else {
			ircd_buf_add(&mask, c, 1);
		}
	}
	ircd_buf_add(&mask, "", 0);
	char *at = strchr(mask.data, '@');
	free(user->name);
	free(user->host);
	user->host = ircd_dup(at ? at + 1 : "localhost");
	if (at) {
		*at = '\0';
	}
	user->name = mask.data;
	set_prefix(user);
}

const char *ircd_nick_of(const struct ircd_user *user)
{
	return user && user->nick ? user->nick : "*";
}

bool ircd_is_channel_name(struct ircd_server *server, const char *name)
{
	return *name && strchr(server->limits.chantypes, *name);
}

struct ircd_channel *ircd_channel_find(struct ircd_server *server, const char *name)
{
	char *fold = ircd_fold(server, name);
	struct ircd_channel *channel = ircd_map_get(&server->channels, fold);
	free(fold);
	return channel;
}

struct ircd_channel *ircd_channel_create(struct ircd_server *server, const char *name)
{
	struct ircd_channel *channel = ircd_alloc(sizeof(*channel));
	channel->name = ircd_dup(name);
	channel->fold = ircd_fold(server, name);
	channel->created = time(NULL);
	for (const char *c = server->options.channel_modes; *c; c++) {
		size_t len = strlen(channel->modes);
		if (strchr("imnst", *c) && !strchr(channel->modes, *c)) {
			channel->modes[len] = *c;
		}
	}
	ircd_map_put(&server->channels, channel->fold, channel);
	return channel;
}

static void free_value(void *value, void *data)
{
	(void)data;
	free(value);
}

static void channel_destroy(struct ircd_server *server, struct ircd_channel *channel)
{
	ircd_map_remove(&server->channels, channel->fold);
	ircd_map_each(&channel->invited, free_value, NULL);
	ircd_map_free(&channel->invited);
	for (size_t i = 0; i < channel->ban_count; i++) {
		free(channel->bans[i]);
	}
	free(channel->bans);
	free(channel->key);
	free(channel->topic);
	free(channel->topic_by);
	free(channel->members);
	free(channel->name);
	free(channel->fold);
	free(channel);
}

struct ircd_member *ircd_member_find(struct ircd_channel *channel, struct ircd_user *user)
{
	for (size_t i = 0; i < user->member_count; i++) {
		if (user->members[i]->channel == channel) {
			return user->members[i];
		}
	}
	return NULL;
}

static void push_member(
	struct ircd_member ***list, size_t *count, size_t *room, struct ircd_member *member)
{
	if (*count == *room) {
		*room = *room ? *room * 2 : 4;
		*list = ircd_resize(*list, *room * sizeof(**list));
	}
	(*list)[(*count)++] = member;
}

struct ircd_member *ircd_member_add(struct ircd_channel *channel, struct ircd_user *user)
{
	struct ircd_member *member = ircd_alloc(sizeof(*member));
	member->channel = channel;
	member->user = user;
	member->index = channel->member_count;
	push_member(&channel->members, &channel->member_count, &channel->member_room, member);
	push_member(&user->members, &user->member_count, &user->member_room, member);
	return member;
}

void ircd_member_remove(struct ircd_server *server, struct ircd_member *member)
{
	struct ircd_channel *channel = member->channel;
	struct ircd_user *user = member->user;
	channel->members[member->index] = channel->members[--channel->member_count];
	channel->members[member->index]->index = member->index;
	for (size_t i = 0; i < user->member_count; i++) {
		if (user->members[i] == member) {
			user->members[i] = user->members[--user->member_count];
			break;
		}
	}
	free(member);
	if (channel->member_count == 0) {
		channel_destroy(server, channel);
	}
}

bool ircd_channel_has_mode(const struct ircd_channel *channel, char mode)
{
	return strchr(channel->modes, mode) != NULL;
}

bool ircd_channel_bans(
	struct ircd_server *server, struct ircd_channel *channel, const struct ircd_user *user)
{
	for (size_t i = 0; i < channel->ban_count; i++) {
		if (ircd_mask_matches(server, channel->bans[i], user->prefix)) {
			return true;
		}
	}
	return false;
}

const char *ircd_member_signs(
	struct ircd_server *server, const struct ircd_member *member, bool multi)
{
	static char signs[IRCD_STATUS_MAX + 1];
	size_t n = 0;
	for (size_t i = 0; server->limits.status_signs[i]; i++) {
		if (member->status & (1u << i) && (multi || n == 0)) {
			signs[n++] = server->limits.status_signs[i];
		}
	}
	signs[n] = '\0';
	return signs;
}

bool ircd_member_is_operator(struct ircd_server *server, const struct ircd_member *member)
{
	const char *o = strchr(server->limits.status_modes, 'o');
	if (!member || !o) {
		return member != NULL;
	}
	unsigned upto = (2u << (o - server->limits.status_modes)) - 1;
	return (member->status & upto) != 0;
}

static void free_history(void *value, void *data)
{
	(void)data;
	ircd_history_destroy(value);
}

static void destroy_all_users(struct ircd_server *server, struct ircd_map *map)
{
	void **users = ircd_map_values(map);
	for (size_t i = 0; users[i]; i++) {
		ircd_user_destroy(server, users[i]);
	}
	free(users);
	ircd_map_free(map);
}

void ircd_server_finish(struct ircd_server *server)
{
	destroy_all_users(server, &server->users);
	destroy_all_users(server, &server->split);
	ircd_map_each(&server->histories, free_history, NULL);
	ircd_map_free(&server->histories);
	ircd_map_free(&server->channels);
	free(server->conns);
	free(server->collect.lines);
	ircd_buf_free(&server->collect.text);
	for (size_t i = 0; i < server->offer_count; i++) {
		free(server->offers[i].name);
		free(server->offers[i].value);
	}
	free(server->offers);
	struct ircd_options *options = &server->options;
	for (int i = 0; i < options->isupport_count; i++) {
		free(options->isupport[i]);
	}
	free(options->tls_cert);
	free(options->tls_key);
	free(options->caps);
	free(options->reader);
	free(options->kline);
	free(options->refuse_text);
	ircd_ledger_close(&server->ledger);
}
