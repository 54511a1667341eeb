/* SPDX-License-Identifier: Apache-2.0 */
/* The control command "say": a fake user speaks, once or as a load, at a rate or as fast as the
 * connections take it. */
#include "control.h"
#include "send.h"
#include "users.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURN_LINES  500        /* at most, in one turn of the loop */
#define BACKLOG_MAX (4u << 20) /* bytes waiting for one listener that hold a burst back */

struct ircd_say {
	struct ircd_say *next;
	struct ircd_server *server;
	uv_timer_t timer;
	char *nick, *target, *format, *command;
	uint64_t count, sent, first;
	double rate; /* lines a second; 0: a burst */
	uint64_t started;
	struct ircd_answer answer; /* for one who waits */
};

static void free_say(uv_handle_t *handle)
{
	struct ircd_say *say = handle->data;
	free(say->nick);
	free(say->target);
	free(say->format);
	free(say->command);
	free(say);
}

static void finish(struct ircd_say *say, const char *error)
{
	struct ircd_say **at = &say->server->says;
	while (*at != say) {
		at = &(*at)->next;
	}
	*at = say->next;
	if (say->answer.later) {
		if (error) {
			ircd_control_fail(&say->answer, "%s", error);
		}
		ircd_buf_printf(&say->answer.fields, ",\"said\":%" PRIu64, say->sent);
		ircd_control_answer(say->server, &say->answer);
	}
	uv_close((uv_handle_t *)&say->timer, free_say);
}

void ircd_says_stop(struct ircd_server *server)
{
	while (server->says) {
		finish(server->says, "stopped");
	}
}

/* {n}: the number of the line; {ns}: the monotonic time, as in the ledger. */
static void make_text(const struct ircd_say *say, struct ircd_buf *text)
{
	for (const char *c = say->format; *c; c++) {
		if (strncmp(c, "{n}", 3) == 0) {
			ircd_buf_printf(text, "%" PRIu64, say->first + say->sent);
			c += 2;
		} else if (strncmp(c, "{ns}", 4) == 0) {
			ircd_buf_printf(text, "%" PRIu64, uv_hrtime());
			c += 3;
		} else {
			ircd_buf_add(text, c, 1);
		}
	}
}

static const char *say_one(struct ircd_say *say)
{
	struct ircd_server *server = say->server;
	struct ircd_buf text = {0};
	const char *error = NULL;
	struct ircd_user *from = ircd_fake_user(server, say->nick);
	struct ircd_channel *channel = ircd_channel_find(server, say->target);
	struct ircd_user *to = channel ? NULL : ircd_user_find(server, say->target);
	ircd_buf_add(&text, "", 0);
	make_text(say, &text);
	if (!from) {
		error = "the nick is a client's";
	} else if (channel) {
		ircd_say_channel(
			server, from, channel, say->command, channel->name, text.data, NULL);
	} else if (to && to->registered) {
		ircd_say_user(server, from, to, say->command, text.data, NULL);
	} else {
		error = "no such target";
	}
	ircd_buf_free(&text);
	say->sent += error == NULL;
	return error;
}

static bool is_held_back(struct ircd_say *say)
{
	struct ircd_channel *channel = ircd_channel_find(say->server, say->target);
	for (size_t i = 0; channel && i < channel->member_count; i++) {
		const struct ircd_conn *conn = channel->members[i]->user->conn;
		if (conn && !conn->silent && conn->out.len > BACKLOG_MAX) {
			return true;
		}
	}
	return false;
}

static void on_turn(uv_timer_t *timer)
{
	struct ircd_say *say = timer->data;
	uint64_t due = say->count;
	if (say->rate > 0) {
		double elapsed = (double)(uv_hrtime() - say->started) / 1e9;
		due = (uint64_t)(elapsed * say->rate) + 1;
		due = due < say->count ? due : say->count;
	} else if (is_held_back(say)) {
		return;
	}
	for (int i = 0; i < TURN_LINES && say->sent < due; i++) {
		const char *error = say_one(say);
		if (error) {
			finish(say, error);
			return;
		}
	}
	if (say->sent == say->count) {
		finish(say, NULL);
	}
}

/* The fake user is made, and joined to the channel unless "outside" is set. */
static bool prepare(struct ircd_server *server, const struct ircd_json *request, const char *nick,
	const char *target, struct ircd_answer *answer)
{
	struct ircd_user *from = ircd_fake_user(server, nick);
	if (!from) {
		ircd_control_fail(answer, "the nick is a client's");
		return false;
	}
	if (ircd_is_channel_name(server, target) && !ircd_json_bool(request, "outside", false)) {
		ircd_join(server, from, target);
	}
	if (!ircd_channel_find(server, target) && !ircd_user_find(server, target)) {
		ircd_control_fail(answer, "no such channel or nick: '%s'", target);
		return false;
	}
	return true;
}

void ircd_control_say(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	const char *nick = ircd_json_text(request, "nick", "fake");
	const char *target = ircd_json_text(request, "channel", "");
	target = *target ? target : ircd_json_text(request, "target", "");
	if (!prepare(server, request, nick, target, answer)) {
		return;
	}
	struct ircd_say *say = ircd_alloc(sizeof(*say));
	say->server = server;
	say->nick = ircd_dup(nick);
	say->target = ircd_dup(target);
	say->format = ircd_dup(
		ircd_json_text(request, "format", ircd_json_text(request, "text", "line {n}")));
	say->command = ircd_dup(ircd_json_bool(request, "notice", false) ? "NOTICE" : "PRIVMSG");
	say->count = (uint64_t)ircd_json_number(request, "count", 1);
	say->first = (uint64_t)ircd_json_number(request, "first", 1);
	say->rate = ircd_json_number(request, "rate", 0);
	say->started = uv_hrtime();
	if (ircd_json_bool(request, "wait", true)) {
		answer->later = true;
		say->answer = *answer;
	}
	say->next = server->says;
	server->says = say;
	uv_timer_init(server->loop, &say->timer);
	say->timer.data = say;
	uv_timer_start(&say->timer, on_turn, 0, 1);
}
