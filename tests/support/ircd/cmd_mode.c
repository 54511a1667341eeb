/* SPDX-License-Identifier: Apache-2.0 */
/* MODE of a channel: modes with and without parameter, member status, the ban list. A user's own
 * are user_mode.c's. */
#include "dispatch.h"
#include "send.h"
#include "users.h"

#include <stdlib.h>
#include <string.h>

/* A change on its way: what is applied is collected and announced in one line. */
struct change {
	struct ircd_server *server;
	struct ircd_channel *channel;
	struct ircd_conn *who; /* told of mistakes; may be NULL */
	bool plus;
	char sign; /* the last one written to letters */
	struct ircd_buf letters, params;
};

static void applied(struct change *change, char letter, const char *param)
{
	char sign = change->plus ? '+' : '-';
	if (sign != change->sign) {
		ircd_buf_add(&change->letters, &sign, 1);
		change->sign = sign;
	}
	ircd_buf_add(&change->letters, &letter, 1);
	if (param) {
		ircd_buf_printf(&change->params, " %s", param);
	}
}

static void set_status(struct change *change, char letter, unsigned bit, const char *nick)
{
	struct ircd_user *user = ircd_user_find(change->server, nick);
	struct ircd_member *member = user ? ircd_member_find(change->channel, user) : NULL;
	if (!member) {
		if (change->who) {
			ircd_numeric(change->who, user ? 441 : 401, "%s :No such nick here", nick);
		}
		return;
	}
	member->status = change->plus ? member->status | bit : member->status & ~bit;
	applied(change, letter, user->nick);
}

static void set_ban(struct change *change, const char *mask)
{
	struct ircd_channel *channel = change->channel;
	size_t i = 0;
	while (i < channel->ban_count && strcmp(channel->bans[i], mask) != 0) {
		i++;
	}
	if (change->plus && i == channel->ban_count) {
		channel->bans = ircd_resize(
			channel->bans, (channel->ban_count + 1) * sizeof(*channel->bans));
		channel->bans[channel->ban_count++] = ircd_dup(mask);
	} else if (!change->plus && i < channel->ban_count) {
		free(channel->bans[i]);
		channel->bans[i] = channel->bans[--channel->ban_count];
	} else {
		return;
	}
	applied(change, 'b', mask);
}

static void set_flag(struct change *change, char letter)
{
	char *found = strchr(change->channel->modes, letter);
	if (change->plus == (found != NULL)) {
		return;
	}
	if (change->plus) {
		size_t len = strlen(change->channel->modes);
		change->channel->modes[len] = letter;
		change->channel->modes[len + 1] = '\0';
	} else {
		memmove(found, found + 1, strlen(found));
	}
	applied(change, letter, NULL);
}

static void set_one(struct change *change, char letter, const char *param)
{
	const char *status = strchr(change->server->limits.status_modes, letter);
	struct ircd_channel *channel = change->channel;
	if (status) {
		set_status(change, letter, 1u << (status - change->server->limits.status_modes),
			param);
	} else if (letter == 'b') {
		set_ban(change, param);
	} else if (letter == 'k') {
		free(channel->key);
		channel->key = change->plus ? ircd_dup(param) : NULL;
		applied(change, letter, param);
	} else if (letter == 'l') {
		channel->limit = change->plus ? (size_t)strtoul(param, NULL, 10) : 0;
		applied(change, letter, change->plus ? param : NULL);
	} else if (strchr("imnst", letter)) {
		set_flag(change, letter);
	} else if (change->who) {
		ircd_numeric(change->who, 472, "%c :is not a recognised channel mode.", letter);
	}
}

static void list_bans(struct ircd_conn *conn, struct ircd_channel *channel)
{
	for (size_t i = 0; i < channel->ban_count; i++) {
		ircd_numeric(conn, 367, "%s %s %s 0", channel->name, channel->bans[i],
			conn->server->options.name);
	}
	ircd_numeric(conn, 368, "%s :End of channel ban list", channel->name);
}

void ircd_change_modes(struct ircd_server *server, const char *by, struct ircd_channel *channel,
	const char *modes, char **params, int count, struct ircd_conn *who)
{
	struct change change = {.server = server, .channel = channel, .who = who, .plus = true};
	int next = 0;
	for (const char *c = modes; *c; c++) {
		if (*c == '+' || *c == '-') {
			change.plus = *c == '+';
			continue;
		}
		bool takes = strchr(server->limits.status_modes, *c) || *c == 'b' || *c == 'k' ||
			     (*c == 'l' && change.plus);
		if (takes && next >= count) {
			if (who && *c == 'b') {
				list_bans(who, channel);
			} else if (who) {
				ircd_numeric(who, 461, "MODE :Not enough parameters");
			}
			continue;
		}
		set_one(&change, *c, takes ? params[next++] : NULL);
	}
	if (change.letters.len) {
		struct ircd_msg msg = ircd_msg_make(server, ":%s MODE %s %s%s", by, channel->name,
			change.letters.data, change.params.len ? change.params.data : "");
		ircd_send_channel(channel, &msg, NULL);
	}
	ircd_buf_free(&change.letters);
	ircd_buf_free(&change.params);
}

static void show_modes(struct ircd_conn *conn, struct ircd_channel *channel)
{
	struct ircd_buf modes = {0};
	bool member = ircd_member_find(channel, conn->user) != NULL;
	ircd_buf_printf(&modes, "+%s%s%s", channel->modes, channel->key ? "k" : "",
		channel->limit ? "l" : "");
	if (channel->key) {
		ircd_buf_printf(&modes, " %s", member ? channel->key : "*");
	}
	if (channel->limit) {
		ircd_buf_printf(&modes, " %zu", channel->limit);
	}
	ircd_numeric(conn, 324, "%s %s", channel->name, modes.data);
	ircd_numeric(conn, 329, "%s %lld", channel->name, (long long)channel->created);
	ircd_buf_free(&modes);
}

void ircd_cmd_mode(struct ircd_conn *conn, struct ircd_line *line)
{
	if (!ircd_is_channel_name(conn->server, line->params[0])) {
		ircd_user_mode(conn, line);
		return;
	}
	struct ircd_channel *channel = ircd_channel_find(conn->server, line->params[0]);
	const char *modes = ircd_line_param(line, 1);
	if (!channel) {
		ircd_numeric(conn, 403, "%s :No such channel", line->params[0]);
	} else if (line->count == 1) {
		show_modes(conn, channel);
	} else if (line->count == 2 && (strcmp(modes, "b") == 0 || strcmp(modes, "+b") == 0)) {
		list_bans(conn, channel);
	} else if (!ircd_member_is_operator(conn->server, ircd_member_find(channel, conn->user))) {
		ircd_numeric(conn, 482, "%s :You must be a channel operator", channel->name);
	} else {
		ircd_change_modes(conn->server, conn->user->prefix, channel, modes,
			line->params + 2, line->count - 2, conn);
	}
}
