/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to IRC on one connection. Written is not delivered: a message is done when every one of
 * its lines has been confirmed, by its echo (echo-message, labeled-response) or, where the server
 * has none, by the PONG to a PING written after it. At most WINDOW lines (one with flood pacing)
 * are written and not durably confirmed, so a kill can double no more; where the server keeps a
 * history even those are looked up before they are written again.
 *
 * A message that was perhaps written before a loss waits for that look-up (channel.c) or, when it
 * has several lines, for what is stored of its progress.
 */
#include "bridges/irc/outgoing.h"

#include "bridges/irc/channel.h"
#include "bridges/irc/outgoing_internal.h"
#include "bridges/irc/pong.h"
#include "bridges/irc/query.h"
#include "bridges/irc/session.h"
#include "bridges/irc/session_internal.h"
#include "bridges/irc/standby.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#include <string.h>

enum {
	WINDOW = 16,
	LATE_MS = 10000, /* without an echo: ask whether the server has taken the lines */
	LABEL_MAX = 32,
};

const char *tr_irc_task_verb(const struct tr_irc_task *task)
{
	return task->said.kind == TR_MESSAGE_NOTICE ? "NOTICE" : "PRIVMSG";
}

/* The last parameter as it goes out. */
static void add_line_text(const struct tr_irc_task *task, size_t index, struct tr_buf *out)
{
	bool emote = task->said.kind == TR_MESSAGE_EMOTE;
	tr_buf_add_c(out, emote ? "\x01"
				  "ACTION "
				: "");
	tr_buf_add_c(out, task->lines[index]);
	tr_buf_add_c(out, emote ? "\x01" : "");
}

static int write_line(struct tr_irc_task *task, size_t index, uint64_t label)
{
	struct tr_irc_session *session = task->session;
	struct tr_buf text = TR_BUF_INIT(TR_IRC_LINE_BYTES * 64);
	add_line_text(task, index, &text);
	struct tr_buf number = TR_BUF_INIT(LABEL_MAX);
	tr_irc_outgoing_label(label, &number);
	const struct tr_irc_out_tag tag = {"label", tr_buf_str(&number)};
	const struct tr_irc_out line = {
		.tags = &tag,
		.tag_count = tr_irc_outgoing_has_labels(session) ? 1 : 0,
		.command = tr_irc_task_verb(task),
		.params = {tr_str_from(task->target), tr_buf_str(&text)},
		.param_count = 2,
		.trailing = true,
	};
	int failed = tr_irc_send(session->connection, &line);
	tr_buf_finish(&number);
	tr_buf_finish(&text);
	return failed;
}

static unsigned window(const struct tr_irc_session *session)
{
	return session->network->config->ircClients.floodPacing.enabled ? 1 : WINDOW;
}

enum go { GO_ON, GO_NEXT_TASK, GO_STOP };

/* Writes the task's next line. GO_STOP: nothing more can be written on this connection now. */
static enum go task_write_next(struct tr_irc_task *task)
{
	struct tr_irc_session *session = task->session;
	if (session->window_used >= window(session) ||
		!tr_irc_connection_writable(session->connection) || !tr_irc_flood_take(session)) {
		return GO_STOP;
	}
	uint64_t label = ++session->label_counter;
	int failed = write_line(task, task->written, label);
	if (failed == TR_E_CLOSED) {
		return GO_STOP;
	}
	if (failed) {
		struct tr_error error;
		tr_error_set_class(&error, TR_E_INVALID, TR_CLASS_PERMANENT,
			"the message to %s cannot be written as an IRC line", task->target);
		tr_irc_task_refuse(task, &error);
		return GO_NEXT_TASK;
	}
	struct tr_irc_sent_line *line = tr_alloc(sizeof(*line));
	line->task = task;
	line->target = tr_strdup(task->target);
	line->index = task->written++;
	line->label = label;
	line->behind = tr_irc_query_last(session);
	tr_list_append(&session->in_flight, &line->node);
	tr_irc_window_add(task, 1);
	tr_irc_order_touch(task);
	session->ping_due = session->ping_due || !tr_irc_outgoing_has_echo(session);
	if (!tr_timer_active(session->late)) {
		tr_timer_start(session->late, LATE_MS);
	}
	return GO_ON;
}

/* What an earlier attempt wrote, as far as the history shows it. true = the task is done. */
static bool task_claim(struct tr_irc_task *task)
{
	struct tr_irc_session *session = task->session;
	while (task->claims && task->written < task->count) {
		struct tr_buf text = TR_BUF_INIT(TR_IRC_LINE_BYTES * 64);
		add_line_text(task, task->written, &text);
		char *msgid = tr_irc_channel_claim(task->channel, session, tr_buf_str(&text));
		tr_buf_finish(&text);
		if (msgid == NULL) {
			break;
		}
		tr_log_debug("irc", "%s: line %zu of %s stands in the history already",
			task->target, task->written, task->op->event_id);
		bool last = task->written + 1 == task->count;
		tr_irc_window_add(task, 1);
		tr_irc_task_line_confirmed(task, task->written++, msgid);
		if (last) {
			return true;
		}
	}
	task->claims = false;
	return false;
}

/* Whether the task's target can be written to now; starts what is missing. */
static bool target_ready(struct tr_irc_task *task)
{
	if (task->session->identities_pending > 0) {
		return false; /* after a kill our lines could not be told from other people's */
	}
	if (task->channel == NULL) {
		return true;
	}
	struct tr_irc_member *member = tr_irc_session_join(task->session, task->channel);
	if (member->state != TR_IRC_JOINED || !tr_irc_channel_writable(task->channel)) {
		return false;
	}
	if (!task->claims || task->channel->own_state == TR_IRC_OWN_KNOWN) {
		return true;
	}
	if (!tr_irc_channel_has_history(task->channel)) {
		/* Without a reader nobody can say yet whether there is a history. */
		if (task->channel->reader != NULL) {
			task->claims = false;
		}
		return task->channel->reader != NULL;
	}
	if (task->channel->window_used ==
		0) { /* else lines that are known already would be taken for unclaimed ones */
		tr_irc_channel_fetch_own(task->channel, task->op->position);
	}
	return false;
}

/* Goes on after the lines that an earlier attempt is known to have delivered. true = that was all.
 */
static bool skip_delivered(struct tr_irc_task *task)
{
	if (task->progress <= task->written) {
		return false;
	}
	task->written = task->progress < task->count ? task->progress : task->count;
	task->confirmed = task->written;
	task->settled = task->written;
	if (task->written < task->count) {
		return false;
	}
	tr_irc_task_done(task);
	return true;
}

/* Looks for what an earlier attempt has written. true = that was all of it. */
static bool written_before(struct tr_irc_task *task)
{
	bool whole = task->claims && !task->cut_stored;
	if (whole && task->count > 1) {
		task->claims = false;
	}
	if (task_claim(task) || skip_delivered(task)) {
		return true;
	}
	if (whole) {
		tr_irc_task_uncut(task);
	}
	return false;
}

static enum go task_pump(struct tr_irc_task *task)
{
	if (task->state == TR_IRC_TASK_STORE || !target_ready(task) ||
		!tr_irc_task_have_lines(task) || written_before(task) ||
		!tr_irc_task_have_lines(task)) {
		return GO_NEXT_TASK;
	}
	if ((task->count > 1 || task->said.depends) && !task->cut_stored) {
		tr_irc_task_store_cut(task);
		return GO_NEXT_TASK;
	}
	return task->written < task->count ? task_write_next(task) : GO_NEXT_TASK;
}

void tr_irc_outgoing_ping(struct tr_irc_session *session)
{
	session->ping_due = false;
	session->ping_counter++;
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->in_flight, node, following) {
		struct tr_irc_sent_line *line = TR_LIST_ENTRY(node, struct tr_irc_sent_line, node);
		line->ping = line->ping ? line->ping : session->ping_counter;
	}
	tr_irc_ping_number(session->connection, TR_IRC_OUTGOING_LETTERS, session->ping_counter);
}

void tr_irc_outgoing_write(struct tr_irc_session *session)
{
	struct tr_list *node = session->tasks.next;
	tr_irc_standby_write(session);
	tr_irc_session_write_joins(session);
	while (node != &session->tasks) {
		struct tr_list *next = node->next;
		struct tr_irc_task *task = TR_LIST_ENTRY(node, struct tr_irc_task, node);
		enum go go = GO_NEXT_TASK;
		if (tr_irc_order_turn(task)) {
			go = task_pump(task);
		} else if (task->channel != NULL) {
			tr_irc_session_join(session, task->channel); /* meanwhile */
		}
		if (go == GO_STOP) {
			break;
		}
		if (go == GO_NEXT_TASK) {
			node = next;
		}
	}
	if (session->ping_due) {
		tr_irc_outgoing_ping(session);
	}
	tr_irc_flood_write_questions(session);
	tr_irc_connection_flush(session->connection);
}

void tr_irc_outgoing_add(struct tr_irc_session *session, struct tr_op *op)
{
	struct tr_irc_network *network = session->network;
	struct tr_irc_task *task = tr_alloc(sizeof(*task));
	task->session = session;
	task->op = op;
	task->state = TR_IRC_TASK_READY;
	bool to_channel = op->portal->kind == TR_PORTAL_CHANNEL;
	task->channel = to_channel ? tr_irc_channel_open(network, op->portal->name) : NULL;
	/* The name of a chat may be what the ghost is called in Matrix: its id is the nick. */
	task->target = tr_strdup(to_channel ? op->portal->name : op->portal->remote_id);
	task->claims = op->maybe_sent && task->channel != NULL;
	task->said.kind = TR_MESSAGE_TEXT;
	tr_list_append(&session->tasks, &task->node);
	tr_irc_session_rouse(session);
	tr_irc_order_add(task);
	if (op->maybe_sent) {
		tr_irc_task_look_up(task);
	}
	tr_irc_outgoing_pump_later(session);
}

static void forget_batches(struct tr_irc_session *session)
{
	for (struct tr_map_entry *e = tr_map_first(&session->label_batches); e;
		e = tr_map_next(e)) {
		tr_free(tr_map_value(e));
	}
	tr_map_finish(&session->label_batches);
}

void tr_irc_outgoing_give_back(struct tr_irc_session *session, const struct tr_error *error)
{
	session->ping_due = false;
	tr_irc_flood_stop(session);
	tr_timer_stop(session->late);
	tr_irc_outgoing_drop_lines(session);
	forget_batches(session);
	struct tr_list *node;
	while ((node = tr_list_head(&session->tasks)) != NULL) {
		struct tr_irc_task *task = TR_LIST_ENTRY(node, struct tr_irc_task, node);
		if (session->state == TR_IRC_BARRED) {
			tr_irc_task_refuse(task, error);
		} else {
			tr_irc_task_retry(task, error);
		}
	}
}

void tr_irc_outgoing_refuse_target(
	struct tr_irc_session *session, struct tr_str target, const struct tr_error *error)
{
	struct tr_list *node = session->tasks.next;
	while (node != &session->tasks) {
		struct tr_irc_task *task = TR_LIST_ENTRY(node, struct tr_irc_task, node);
		node = node->next;
		if (tr_irc_same(&session->network->isupport, tr_str_from(task->target), target)) {
			tr_irc_task_refuse(task, error);
		}
	}
}

void tr_irc_outgoing_retarget(
	struct tr_irc_session *session, struct tr_str former, const char *target)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->tasks, node, following) {
		struct tr_irc_task *task = TR_LIST_ENTRY(node, struct tr_irc_task, node);
		if (task->channel != NULL || !tr_irc_same(&session->network->isupport,
						     tr_str_from(task->target), former)) {
			continue;
		}
		tr_free(task->target);
		task->target = tr_strdup(target);
		if (task->state == TR_IRC_TASK_READY && task->written == 0 && task->progress == 0) {
			/* What fits into a line is another length now. */
			tr_irc_task_uncut(task);
			task->cut_stored = false;
		}
	}
}

/* Lines are written and no echo has come for long: the PONG will tell whether it ever will. */
static void nothing_heard(void *arg)
{
	struct tr_irc_session *session = arg;
	if (!tr_list_empty(&session->in_flight) && tr_irc_session_online(session)) {
		tr_irc_outgoing_ping(session);
	}
}

bool tr_irc_outgoing_idle(const struct tr_irc_session *session)
{
	return tr_list_empty(&session->tasks) && tr_list_empty(&session->unsettled);
}

void tr_irc_outgoing_init(struct tr_irc_session *session)
{
	tr_list_init(&session->tasks);
	tr_list_init(&session->in_flight);
	tr_list_init(&session->unsettled);
	session->late = tr_timer_create(session->network->loop, nothing_heard, session);
	tr_irc_flood_init(session);
}

void tr_irc_outgoing_finish(struct tr_irc_session *session)
{
	tr_list_remove(&session->pump_node);
	tr_list_remove(&session->rest_node);
	tr_irc_flood_finish(session);
	tr_timer_destroy(session->late);
	tr_irc_outgoing_drop_lines(session);
	forget_batches(session);
	struct tr_list *node;
	while ((node = tr_list_head(&session->tasks)) != NULL) {
		tr_irc_task_free(TR_LIST_ENTRY(node, struct tr_irc_task, node));
	}
	tr_irc_task_finish_session(session);
}
