/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store knows of a message on its way to IRC: how it was cut into lines, and how many of
 * them an earlier attempt has delivered. A message waits for the answer; when that comes the
 * message may be gone.
 */
#include "bridges/irc/outgoing.h"
#include "bridges/irc/outgoing_internal.h"
#include "bridges/irc/session.h"

#include <string.h>

static const struct tr_db_statement store_cut_row = {
	"INSERT INTO irc_progress(event_id, lines, width) VALUES ($1, 0, $2)"
	" ON CONFLICT (event_id) DO UPDATE SET width = excluded.width WHERE irc_progress.lines = 0"};
static const struct tr_db_statement select_progress = {
	"SELECT lines, width FROM irc_progress WHERE event_id = $1"};

/* A question to the store about a message, which may be gone when the answer comes. */
struct lookup {
	struct tr_irc_network *network;
	char *user_id;
	char *event_id;
	size_t width;
};

static struct tr_irc_task *task_by_event(struct tr_irc_session *session, const char *event_id)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->tasks, node, following) {
		struct tr_irc_task *task = TR_LIST_ENTRY(node, struct tr_irc_task, node);
		if (strcmp(task->op->event_id, event_id) == 0) {
			return task;
		}
	}
	return NULL;
}

static struct tr_irc_task *lookup_end(struct lookup *lookup)
{
	struct tr_irc_session *session =
		tr_map_get(&lookup->network->sessions, tr_str_from(lookup->user_id));
	struct tr_irc_task *task = session ? task_by_event(session, lookup->event_id) : NULL;
	tr_free(lookup->user_id);
	tr_free(lookup->event_id);
	tr_free(lookup);
	return task != NULL && task->state == TR_IRC_TASK_STORE ? task : NULL;
}

static struct lookup *lookup_begin(struct tr_irc_task *task)
{
	struct lookup *lookup = tr_alloc(sizeof(*lookup));
	lookup->network = task->session->network;
	lookup->user_id = tr_strdup(task->session->user_id);
	lookup->event_id = tr_strdup(task->op->event_id);
	lookup->width = task->width;
	task->state = TR_IRC_TASK_STORE;
	return lookup;
}

static void write_cut(void *mark, struct tr_db_batch *batch)
{
	const struct lookup *lookup = mark;
	TR_DB_ADD(
		batch, &store_cut_row, TR_DB_TC(lookup->event_id), TR_DB_N((int64_t)lookup->width));
}

static void cut_settled(void *mark, bool durable)
{
	struct lookup *lookup = mark;
	size_t width = lookup->width;
	struct tr_irc_task *task = lookup_end(lookup);
	if (durable && task != NULL && task->width == width) {
		task->cut_stored = true;
		task->state = TR_IRC_TASK_READY;
		tr_irc_outgoing_pump(task->session);
	}
}

void tr_irc_task_store_cut(struct tr_irc_task *task)
{
	struct lookup *lookup = lookup_begin(task);
	tr_marks_add(lookup->network->marks, write_cut, cut_settled, lookup);
}

static void progress_known(
	void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct tr_irc_task *task = lookup_end(arg);
	if (task == NULL) {
		return;
	}
	if (error != NULL) {
		tr_irc_task_retry(task, error);
		return;
	}
	if (tr_db_rows(result, 0) > 0) {
		task->progress = (size_t)tr_db_int(result, 0, 0, 0);
		task->width = (size_t)tr_db_int(result, 0, 0, 1);
		task->cut_stored = true;
	}
	task->state = TR_IRC_TASK_READY;
	tr_irc_outgoing_pump(task->session);
}

void tr_irc_task_look_up(struct tr_irc_task *task)
{
	struct lookup *lookup = lookup_begin(task);
	struct tr_db_batch *batch = tr_db_batch_create(tr_bridge_db(lookup->network->bridge));
	TR_DB_ADD(batch, &select_progress, TR_DB_TC(task->op->event_id));
	tr_db_submit_take(batch, progress_known, lookup);
}
