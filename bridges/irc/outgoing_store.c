/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store knows of a message on its way to IRC: what it reads like there, how that was cut
 * into lines, and how many of them an earlier attempt has delivered. A message waits for the
 * answer; when that comes the message may be gone.
 */
#include "bridges/irc/outgoing.h"
#include "bridges/irc/outgoing_internal.h"
#include "bridges/irc/session.h"
#include "core/base/clock.h"

#include <string.h>

static const struct tr_db_statement store_cut_row = {
	"INSERT INTO irc_progress(event_id, lines, width, said) VALUES ($1, 0, $2, $3)"
	" ON CONFLICT (event_id) DO UPDATE SET width = excluded.width, said = excluded.said"
	" WHERE irc_progress.lines = 0"};
static const struct tr_db_statement select_progress = {
	"SELECT lines, width, said FROM irc_progress WHERE event_id = $1"};

/* Of events that are done, or gone, or dead for longer than they may be sent again: refused by core
 * before they came here once more, or before the row was written. */
static const struct tr_db_statement delete_useless = {
	"DELETE FROM irc_progress WHERE NOT EXISTS (SELECT 1 FROM from_matrix"
	" WHERE from_matrix.event_id = irc_progress.event_id AND (from_matrix.state = 0 OR"
	" (from_matrix.state = 3 AND from_matrix.done_ms >= $1 AND from_matrix.origin_ts >= $2)))"};

enum { SWEEP_MS = 3600 * 1000 };

/* How a text is said is its first letter in the store: enum tr_message_kind. */
static const char kind_letters[] = "ten";

/* A question to the store about a message, which may be gone when the answer comes. */
struct lookup {
	struct tr_irc_task_name name;
	size_t width;
	char *said;
	bool refused; /* by the store, for good */
	struct tr_error error;
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

void tr_irc_task_name_of(struct tr_irc_task *task, struct tr_irc_task_name *name)
{
	name->network = task->session->network;
	name->user_id = tr_strdup(task->session->user_id);
	name->event_id = tr_strdup(task->op->event_id);
	task->state = TR_IRC_TASK_STORE;
}

struct tr_irc_task *tr_irc_task_named(const struct tr_irc_task_name *name)
{
	struct tr_irc_session *session =
		tr_map_get(&name->network->sessions, tr_str_from(name->user_id));
	struct tr_irc_task *task = session ? task_by_event(session, name->event_id) : NULL;
	return task != NULL && task->state == TR_IRC_TASK_STORE ? task : NULL;
}

void tr_irc_task_name_finish(struct tr_irc_task_name *name)
{
	tr_free(name->user_id);
	tr_free(name->event_id);
}

static struct tr_irc_task *lookup_end(struct lookup *lookup)
{
	struct tr_irc_task *task = tr_irc_task_named(&lookup->name);
	tr_irc_task_name_finish(&lookup->name);
	tr_free(lookup->said);
	tr_free(lookup);
	return task;
}

static struct lookup *lookup_begin(struct tr_irc_task *task)
{
	struct lookup *lookup = tr_alloc(sizeof(*lookup));
	tr_irc_task_name_of(task, &lookup->name);
	lookup->width = task->width;
	return lookup;
}

void tr_irc_progress_sweep(struct tr_irc_network *network)
{
	uint64_t now = tr_clock_mono_ms();
	int64_t died_ms;
	int64_t said_ms;
	if (now < network->sweep_ms) {
		return;
	}
	network->sweep_ms = now + SWEEP_MS;
	tr_bridge_again_since(network->bridge, &died_ms, &said_ms);
	struct tr_db_batch *batch = tr_db_batch_create(tr_bridge_db(network->bridge));
	TR_DB_ADD(batch, &delete_useless, TR_DB_N(died_ms), TR_DB_N(said_ms));
	tr_db_submit_take(batch, NULL, NULL);
}

static void write_cut(void *mark, struct tr_db_batch *batch)
{
	const struct lookup *lookup = mark;
	TR_DB_ADD(batch, &store_cut_row, TR_DB_TC(lookup->name.event_id),
		TR_DB_N((int64_t)lookup->width), TR_DB_TC(lookup->said));
}

static bool cut_refused(void *mark, const struct tr_error *error)
{
	struct lookup *lookup = mark;
	lookup->refused = true;
	lookup->error = *error;
	return false;
}

static void cut_settled(void *mark, bool durable)
{
	struct lookup *lookup = mark;
	size_t width = lookup->width;
	bool refused = lookup->refused;
	struct tr_error error = lookup->error;
	struct tr_irc_task *task = lookup_end(lookup);
	if (refused && task != NULL) {
		/* Said without it, a kill would leave half of it for ever. */
		tr_irc_task_refuse(task, &error);
	} else if (durable && task != NULL && task->width == width) {
		task->cut_stored = true;
		task->state = TR_IRC_TASK_READY;
		tr_irc_outgoing_pump(task->session);
	}
}

void tr_irc_task_store_cut(struct tr_irc_task *task)
{
	struct lookup *lookup = lookup_begin(task);
	lookup->said =
		tr_asprintf("%c%s", kind_letters[task->said.kind], tr_buf_c(&task->said.text));
	tr_marks_add_refusable(
		lookup->name.network->marks, write_cut, cut_settled, cut_refused, lookup);
}

/* An earlier attempt has written this, or was to. Before there was such a text, it was made anew.
 */
static void take_said(struct tr_irc_task *task, struct tr_str said)
{
	const char *letter = tr_str_empty(said) ? NULL : strchr(kind_letters, said.ptr[0]);
	if (letter != NULL && *letter != '\0') {
		tr_buf_init(&task->said.text, TR_IRC_COMPOSED_MAX);
		tr_buf_add(&task->said.text, tr_str_from_index(said, 1));
		task->said.kind = (enum tr_message_kind)(letter - kind_letters);
		task->composed = true;
	}
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
		task->final = true;
		take_said(task, tr_db_text(result, 0, 0, 2));
	}
	task->state = TR_IRC_TASK_READY;
	tr_irc_outgoing_pump(task->session);
}

void tr_irc_task_look_up(struct tr_irc_task *task)
{
	struct lookup *lookup = lookup_begin(task);
	struct tr_db_batch *batch = tr_db_batch_create(tr_bridge_db(lookup->name.network->bridge));
	TR_DB_ADD(batch, &select_progress, TR_DB_TC(task->op->event_id));
	tr_db_submit_take(batch, progress_known, lookup);
}
