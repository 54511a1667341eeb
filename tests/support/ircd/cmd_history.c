/* SPDX-License-Identifier: Apache-2.0 */
/* CHATHISTORY (draft/chathistory): LATEST, BEFORE, AFTER, BETWEEN and AROUND by msgid or timestamp,
 * for a channel the client is in or a conversation of its own. */
#include "dispatch.h"
#include "history.h"
#include "send.h"

#include <stdlib.h>
#include <string.h>

/* A place between entries: `before` entries lie before the reference, `through` up to and with it.
 */
struct place {
	size_t before, through;
};

enum found {
	FOUND,
	UNKNOWN,   /* a msgid this history does not hold */
	MALFORMED, /* neither msgid= nor timestamp= */
};

static enum found find_place(
	const struct ircd_history *history, const char *reference, struct place *place)
{
	if (strncmp(reference, "msgid=", 6) == 0) {
		if (!history || !ircd_history_find_msgid(history, reference + 6, &place->before)) {
			return UNKNOWN;
		}
		place->through = place->before + 1;
		return FOUND;
	}
	int64_t time_ms =
		strncmp(reference, "timestamp=", 10) == 0 ? ircd_time_parse(reference + 10) : -1;
	if (time_ms < 0) {
		return MALFORMED;
	}
	place->before = ircd_history_find_time(history, time_ms, false);
	place->through = ircd_history_find_time(history, time_ms, true);
	return FOUND;
}

struct request {
	struct ircd_conn *conn;
	const char *command, *target;
	struct ircd_history *history;
	size_t limit;
	size_t first, end; /* the entries to send */
};

static void fail(const struct request *request, const char *code, const char *text)
{
	struct ircd_server *server = request->conn->server;
	struct ircd_msg msg = ircd_msg_make(server, ":%s FAIL CHATHISTORY %s %s %s :%s",
		server->options.name, code, *request->command ? request->command : "*",
		*request->target ? request->target : "*", text);
	ircd_send(request->conn, &msg, NULL);
}

static void keep_first(struct request *request)
{
	if (request->end - request->first > request->limit) {
		request->end = request->first + request->limit;
	}
}

static void keep_last(struct request *request)
{
	if (request->end - request->first > request->limit) {
		request->first = request->end - request->limit;
	}
}

static void choose_between(struct request *request, struct place from, struct place to)
{
	if (from.before <= to.before) {
		request->first = from.through;
		request->end = to.before > from.through ? to.before : from.through;
		keep_first(request);
	} else {
		request->first = to.through;
		request->end = from.before > to.through ? from.before : to.through;
		keep_last(request);
	}
}

static void choose_around(struct request *request, struct place at)
{
	size_t half = request->limit / 2;
	size_t count = ircd_history_count(request->history);
	request->first = at.before > half ? at.before - half : 0;
	request->end =
		request->first + request->limit < count ? request->first + request->limit : count;
}

/* Which entries a well-formed request means. false: FAIL was sent, or the reference is not known.
 */
static bool choose(struct request *request, const char *one, const char *two)
{
	struct ircd_server *server = request->conn->server;
	struct place from = {0};
	struct place to = {0};
	bool between = strcmp(request->command, "BETWEEN") == 0;
	bool everything = strcmp(request->command, "LATEST") == 0 && strcmp(one, "*") == 0;
	enum found found = everything ? FOUND : find_place(request->history, one, &from);
	if (found == FOUND && between) {
		found = find_place(request->history, two, &to);
	}
	if (found == MALFORMED) {
		fail(request, "INVALID_PARAMS", "Message reference is not understood");
		return false;
	}
	if (found == UNKNOWN && strcmp(server->options.history_unknown, "fail") == 0) {
		fail(request, "MESSAGE_ERROR", "Messages could not be retrieved");
		return false;
	}
	if (found == UNKNOWN && strcmp(server->options.history_unknown, "all") != 0) {
		return true; /* nothing: an empty batch */
	}
	request->first = from.through;
	request->end = ircd_history_count(request->history);
	if (strcmp(request->command, "LATEST") == 0) {
		keep_last(request);
	} else if (strcmp(request->command, "AFTER") == 0) {
		keep_first(request);
	} else if (strcmp(request->command, "BEFORE") == 0) {
		request->first = 0;
		request->end = from.before;
		keep_last(request);
	} else if (between) {
		choose_between(request, from, to);
	} else {
		choose_around(request, from);
	}
	return true;
}

static void send_entries(const struct request *request)
{
	char *type = ircd_printf("chathistory %s", request->target);
	const char *opened = ircd_batch_open(request->conn, type);
	char *batch = ircd_dup(opened);
	for (size_t i = request->first; i < request->end; i++) {
		struct ircd_msg msg = ircd_history_get(request->history, i);
		ircd_send(request->conn, &msg, batch);
	}
	ircd_batch_close(request->conn, batch);
	ircd_ledger_write(&request->conn->server->ledger, "HISTORY", request->conn->id,
		ircd_nick_of(request->conn->user), NULL, 0, "%s\t%s\t%zu", request->target,
		request->command, request->end - request->first);
	free(batch);
	free(type);
}

static bool find_history(struct request *request)
{
	struct ircd_server *server = request->conn->server;
	struct ircd_user *user = request->conn->user;
	if (ircd_is_channel_name(server, request->target)) {
		struct ircd_channel *channel = ircd_channel_find(server, request->target);
		if (!channel || !ircd_member_find(channel, user)) {
			return false;
		}
		request->history = ircd_history_find(server, channel->fold);
		return true;
	}
	struct ircd_user other = {.fold = ircd_fold(server, request->target)};
	char *key = ircd_history_pair(user, &other);
	request->history = ircd_history_find(server, key);
	free(key);
	free(other.fold);
	return true;
}

void ircd_cmd_chathistory(struct ircd_conn *conn, struct ircd_line *line)
{
	static const char *const known[] = {"LATEST", "BEFORE", "AFTER", "BETWEEN", "AROUND"};
	struct request request = {.conn = conn,
		.command = ircd_line_param(line, 0),
		.target = ircd_line_param(line, 1)};
	int params = strcmp(request.command, "BETWEEN") == 0 ? 5 : 4;
	bool understood = false;
	if (!(conn->caps & IRCD_CAP_CHATHISTORY)) {
		ircd_numeric(conn, 421, "CHATHISTORY :Unknown command");
		return;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		understood = understood || strcmp(known[i], request.command) == 0;
	}
	long long limit = strtoll(ircd_line_param(line, params - 1), NULL, 10);
	if (conn->server->options.history_errors > 0) {
		conn->server->options.history_errors--;
		fail(&request, "MESSAGE_ERROR", "Messages could not be retrieved");
	} else if (!understood) {
		fail(&request, "UNKNOWN_COMMAND", "Unknown subcommand");
	} else if (line->count < params) {
		fail(&request, "NEED_MORE_PARAMS", "Missing parameters");
	} else if (limit <= 0) {
		fail(&request, "INVALID_PARAMS", "Bad limit");
	} else if (!find_history(&request)) {
		fail(&request, "INVALID_TARGET", "Messages could not be retrieved");
	} else {
		size_t most = (size_t)conn->server->options.history_limit;
		request.limit = (size_t)limit < most ? (size_t)limit : most;
		if (choose(&request, line->params[2], ircd_line_param(line, 3))) {
			send_entries(&request);
		}
	}
}
