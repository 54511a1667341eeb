/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ends of outgoing messages and of their lines: done, refused, back to the lane; and the
 * window, which opens again only when a confirmation is durable.
 */
#include "bridges/irc/outgoing.h"
#include "bridges/irc/outgoing_internal.h"
#include "bridges/irc/session.h"
#include "core/base/log.h"

/* Confirmed lines whose confirmation is on its way into the store. */
struct settlement {
	struct tr_list node;
	struct tr_irc_session *session; /* NULL when the session is gone */
	struct tr_irc_channel *channel; /* or NULL */
	unsigned lines;
	char *event_id; /* of which something is stored, else NULL */
	size_t progress, width;
	bool refused;
};

/* A mark that had to be written again may come after a later one: progress never goes back. */
static const struct tr_db_statement store_progress = {
	"INSERT INTO irc_progress(event_id, lines, width) VALUES ($1, $2, $3)"
	" ON CONFLICT (event_id) DO UPDATE SET lines = excluded.lines, width = excluded.width"
	" WHERE excluded.lines > irc_progress.lines"};
static const struct tr_db_statement delete_progress = {
	"DELETE FROM irc_progress WHERE event_id = $1"};

bool tr_irc_outgoing_has_echo(const struct tr_irc_session *session)
{
	return tr_irc_session_has(session, TR_IRC_CAP_ECHO_MESSAGE);
}

bool tr_irc_outgoing_has_labels(const struct tr_irc_session *session)
{
	return tr_irc_session_has(session, TR_IRC_CAP_LABELED_RESPONSE | TR_IRC_CAP_BATCH);
}

void tr_irc_outgoing_label(uint64_t label, struct tr_buf *out)
{
	tr_buf_addf(out, "t%llx", (unsigned long long)label);
}

void tr_irc_task_free(struct tr_irc_task *task)
{
	tr_list_remove(&task->node);
	tr_irc_order_remove(task);
	tr_irc_task_uncut(task);
	tr_irc_composed_finish(&task->said);
	tr_free(task->target);
	tr_free(task);
}

void tr_irc_sent_line_free(struct tr_irc_sent_line *line)
{
	tr_list_remove(&line->node);
	tr_free(line->target);
	tr_free(line);
}

void tr_irc_outgoing_drop_lines(struct tr_irc_session *session)
{
	struct tr_list *node;
	while ((node = tr_list_head(&session->in_flight)) != NULL) {
		tr_irc_sent_line_free(TR_LIST_ENTRY(node, struct tr_irc_sent_line, node));
	}
}

static void part_with_lines(struct tr_irc_task *task)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&task->session->in_flight, node, following) {
		struct tr_irc_sent_line *line = TR_LIST_ENTRY(node, struct tr_irc_sent_line, node);
		line->task = line->task == task ? NULL : line->task;
	}
}

void tr_irc_window_add(struct tr_irc_task *task, unsigned lines)
{
	task->session->window_used += lines;
	if (task->channel != NULL) {
		task->channel->window_used += lines;
	}
}

void tr_irc_window_remove(
	struct tr_irc_session *session, struct tr_irc_channel *channel, unsigned lines)
{
	session->window_used -= lines;
	if (channel != NULL) {
		channel->window_used -= lines;
		if (channel->window_used == 0) {
			tr_irc_order_pump(channel);
		}
	}
}

/* Lines of the task that count in the window and will never be settled by a mark. */
static void release_window(struct tr_irc_task *task)
{
	tr_irc_window_remove(
		task->session, task->channel, (unsigned)(task->written - task->settled));
}

/* Once the message is done for good. Before that a kill may make it begin again (its copies for
 * sibling rooms are stored first), and only what is stored of it finds it in the history. */
static void forget_progress(const struct tr_irc_session *session, const char *event_id)
{
	struct tr_journal *journal = tr_bridge_journal(session->network->bridge);
	TR_DB_ADD(tr_journal_batch(journal), &delete_progress, TR_DB_TC(event_id));
	tr_journal_join(journal, NULL, NULL);
}

/* What is stored of its lines stays: sent again (!retry) it goes on behind those that were said. */
void tr_irc_task_refuse(struct tr_irc_task *task, const struct tr_error *error)
{
	struct tr_op *op = task->op;
	part_with_lines(task);
	release_window(task);
	tr_irc_task_free(task);
	tr_op_refuse(op, error);
}

void tr_irc_outgoing_take_back(struct tr_irc_session *session, const struct tr_op *op)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->tasks, node, following) {
		struct tr_irc_task *task = TR_LIST_ENTRY(node, struct tr_irc_task, node);
		bool waits = task->lines == NULL || task->written < task->count;
		if (task->op == op && waits) {
			struct tr_error error;
			tr_error_set_class(&error, TR_E_CANCELED, TR_CLASS_PERMANENT,
				"the message was redacted");
			if (task->cut_stored) {
				forget_progress(session, op->event_id);
			}
			tr_irc_task_refuse(task, &error);
			tr_irc_outgoing_pump_later(session);
			return;
		}
	}
}

static void retry_one(struct tr_irc_task *task, const struct tr_error *error)
{
	struct tr_op *op = task->op;
	part_with_lines(task);
	release_window(task);
	tr_irc_task_free(task);
	tr_op_retry(op, error);
}

void tr_irc_task_retry(struct tr_irc_task *task, const struct tr_error *error)
{
	while (task != NULL) {
		struct tr_irc_task *next = tr_irc_order_follower(task);
		while (next != NULL && next->written > 0) {
			next = tr_irc_order_follower(next);
		}
		retry_one(task, error);
		task = next;
	}
}

static void settlement_end(struct settlement *settlement)
{
	struct tr_irc_session *session = settlement->session;
	tr_list_remove(&settlement->node);
	if (session != NULL) {
		tr_irc_window_remove(session, settlement->channel, settlement->lines);
	}
	tr_free(settlement->event_id);
	tr_free(settlement);
	if (session != NULL) {
		tr_irc_outgoing_pump(session);
	}
}

static struct settlement *settlement_create(struct tr_irc_task *task)
{
	struct settlement *settlement = tr_alloc(sizeof(*settlement));
	settlement->session = task->session;
	settlement->channel = task->channel;
	settlement->lines = (unsigned)(task->written - task->settled);
	task->settled = task->written;
	tr_list_append(&task->session->unsettled, &settlement->node);
	return settlement;
}

static void done_is_durable(void *arg)
{
	const struct settlement *settlement = arg;
	/* Of a session that is gone it is swept. */
	if (settlement->session != NULL && settlement->event_id != NULL) {
		forget_progress(settlement->session, settlement->event_id);
	}
	settlement_end(arg);
}

static void write_progress(void *mark, struct tr_db_batch *batch)
{
	struct settlement *settlement = mark;
	TR_DB_ADD(batch, &store_progress, TR_DB_TC(settlement->event_id),
		TR_DB_N((int64_t)settlement->progress), TR_DB_N((int64_t)settlement->width));
}

static void progress_settled(void *mark, bool durable)
{
	struct settlement *settlement = mark;
	if (!durable && !settlement->refused) {
		settlement->session = NULL;
	}
	settlement_end(settlement);
}

/* A kill could double the line then, but nothing may stand in the window for ever. */
static bool progress_refused(void *mark, const struct tr_error *error)
{
	struct settlement *settlement = mark;
	tr_log_error("irc", "event %s: the store refuses which of its lines were said: %s",
		settlement->event_id, error->text);
	settlement->refused = true;
	return false;
}

void tr_irc_task_done(struct tr_irc_task *task)
{
	struct tr_op *op = task->op;
	struct tr_str *ids = tr_alloc_array(task->count + 1, sizeof(*ids));
	for (size_t i = 0; i < task->count; i++) {
		ids[i] = tr_str_from(task->msgids[i]);
	}
	struct settlement *settlement = settlement_create(task);
	settlement->event_id = task->cut_stored ? tr_strdup(op->event_id) : NULL;
	tr_op_done(op, ids, task->count, done_is_durable, settlement);
	tr_free(ids);
	tr_irc_task_free(task);
}

/* One line is delivered. Those of a message of several lines are stored one by one: each is a line
 * that a kill could double. */
void tr_irc_task_line_confirmed(struct tr_irc_task *task, size_t index, char *msgid_take)
{
	tr_free(task->msgids[index]);
	task->msgids[index] = msgid_take;
	task->confirmed++;
	tr_irc_order_touch(task);
	if (task->confirmed == task->count) {
		tr_irc_task_done(task);
		return;
	}
	struct settlement *settlement = tr_alloc(sizeof(*settlement));
	settlement->session = task->session;
	settlement->channel = task->channel;
	settlement->lines = 1;
	settlement->event_id = tr_strdup(task->op->event_id);
	settlement->progress = task->confirmed;
	settlement->width = task->width;
	task->settled++;
	tr_list_append(&task->session->unsettled, &settlement->node);
	tr_marks_add_refusable(task->session->network->marks, write_progress, progress_settled,
		progress_refused, settlement);
}

void tr_irc_task_finish_session(struct tr_irc_session *session)
{
	struct tr_list *node;
	while ((node = tr_list_head(&session->unsettled)) != NULL) {
		struct settlement *settlement = TR_LIST_ENTRY(node, struct settlement, node);
		tr_list_remove(node);
		tr_free(settlement->event_id);
		tr_free(settlement);
	}
}
