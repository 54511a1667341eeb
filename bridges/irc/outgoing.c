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
#include "bridges/irc/network.h"
#include "bridges/irc/text.h"
#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/log.h"

#include <string.h>

enum {
	WINDOW = 16,
	LINES_MAX = 500, /* of one message */
	NAME_MAX = 512,
};

enum task_state {
	TASK_LOOKING_UP, /* how many of its lines are confirmed already */
	TASK_READY,
};

/* A message on its way. */
struct task {
	struct tr_list node;
	struct tr_irc_session *session;
	struct tr_op *op;
	struct tr_irc_channel *channel; /* NULL = to a nick */
	char *target;
	enum task_state state;
	bool claims;  /* its lines may stand in the channel's history */
	char **lines; /* NULL until the first can be written: then the length that fits is known */
	char **msgids;
	size_t count;
	size_t written;
	size_t confirmed;
	size_t settled; /* lines that no longer count in the window */
};

/* A line written and not confirmed. */
struct sent_line {
	struct tr_list node;
	struct task *task;
	size_t index;
	uint64_t label;
	uint64_t ping; /* confirmed by the PONG to this one; 0 = its PING is not written yet */
};

/* Confirmed lines whose confirmation is on its way into the store. */
struct settlement {
	struct tr_list node;
	struct tr_irc_session *session; /* NULL when the session is gone */
	unsigned lines;
	char *event_id; /* of a progress mark */
	size_t progress;
};

static const struct tr_db_statement store_progress = {
	"INSERT INTO irc_progress(event_id, lines) VALUES ($1, $2)"
	" ON CONFLICT (event_id) DO UPDATE SET lines = excluded.lines"};
static const struct tr_db_statement delete_progress = {
	"DELETE FROM irc_progress WHERE event_id = $1"};
static const struct tr_db_statement select_progress = {
	"SELECT lines FROM irc_progress WHERE event_id = $1"};

static bool has_echo(const struct tr_irc_session *session)
{
	return tr_irc_session_has(session, TR_IRC_CAP_ECHO_MESSAGE);
}

static bool has_labels(const struct tr_irc_session *session)
{
	return tr_irc_session_has(session, TR_IRC_CAP_LABELED_RESPONSE | TR_IRC_CAP_BATCH);
}

static const char *verb_of(const struct tr_op *op)
{
	return op->message == TR_MESSAGE_NOTICE ? "NOTICE" : "PRIVMSG";
}

/* --- tasks
 * ------------------------------------------------------------------------------------------- */

static void task_free(struct task *task)
{
	tr_list_remove(&task->node);
	for (size_t i = 0; i < task->count; i++) {
		tr_free(task->msgids[i]);
	}
	tr_free(task->msgids);
	tr_irc_text_lines_free(task->lines, task->count);
	tr_free(task->target);
	tr_free(task);
}

/* Forgets the lines of the task that are on their way; a confirmation that still comes finds
 * nothing. */
static void forget_lines(struct task *task)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&task->session->in_flight, node, following) {
		struct sent_line *line = TR_LIST_ENTRY(node, struct sent_line, node);
		if (line->task == task) {
			tr_list_remove(node);
			tr_free(line);
		}
	}
}

/* Lines of the task that count in the window and will never be settled by a mark. */
static void release_window(struct task *task)
{
	task->session->window_used -= (unsigned)(task->written - task->settled);
}

static void task_refuse(struct task *task, const struct tr_error *error)
{
	struct tr_op *op = task->op;
	forget_lines(task);
	release_window(task);
	task_free(task);
	tr_op_refuse(op, error);
}

static void task_retry(struct task *task, const struct tr_error *error)
{
	struct tr_op *op = task->op;
	forget_lines(task);
	release_window(task);
	task_free(task);
	tr_op_retry(op, error);
}

/* --- settling
 * ---------------------------------------------------------------------------------------- */

static void settlement_end(struct settlement *settlement)
{
	struct tr_irc_session *session = settlement->session;
	tr_list_remove(&settlement->node);
	if (session != NULL) {
		session->window_used -= settlement->lines;
	}
	tr_free(settlement->event_id);
	tr_free(settlement);
	if (session != NULL) {
		tr_irc_outgoing_pump(session);
	}
}

static struct settlement *settlement_create(struct task *task)
{
	struct settlement *settlement = tr_alloc(sizeof(*settlement));
	settlement->session = task->session;
	settlement->lines = (unsigned)(task->written - task->settled);
	task->settled = task->written;
	tr_list_append(&task->session->unsettled, &settlement->node);
	return settlement;
}

static void done_is_durable(void *arg)
{
	settlement_end(arg);
}

static void write_progress(void *mark, struct tr_db_batch *batch)
{
	struct settlement *settlement = mark;
	TR_DB_ADD(batch, &store_progress, TR_DB_TC(settlement->event_id),
		TR_DB_N((int64_t)settlement->progress));
}

static void progress_settled(void *mark, bool durable)
{
	struct settlement *settlement = mark;
	if (!durable) {
		settlement->session = NULL;
	}
	settlement_end(settlement);
}

static void task_done(struct task *task)
{
	struct tr_op *op = task->op;
	struct tr_irc_network *network = task->session->network;
	struct tr_str *ids = tr_alloc_array(task->count + 1, sizeof(*ids));
	for (size_t i = 0; i < task->count; i++) {
		ids[i] = tr_str_from(task->msgids[i]);
	}
	if (task->count > 1) {
		TR_DB_ADD(tr_journal_batch(tr_bridge_journal(network->bridge)), &delete_progress,
			TR_DB_TC(op->event_id));
	}
	struct settlement *settlement = settlement_create(task);
	tr_op_done(op, ids, task->count, done_is_durable, settlement);
	tr_free(ids);
	task_free(task);
}

/* One line is delivered. Those of a message of several lines are stored one by one: each is a line
 * that a kill could double. */
static void line_confirmed(struct task *task, size_t index, char *msgid_take)
{
	tr_free(task->msgids[index]);
	task->msgids[index] = msgid_take;
	task->confirmed++;
	if (task->confirmed == task->count) {
		task_done(task);
		return;
	}
	struct settlement *settlement = tr_alloc(sizeof(*settlement));
	settlement->session = task->session;
	settlement->lines = 1;
	settlement->event_id = tr_strdup(task->op->event_id);
	settlement->progress = task->confirmed;
	task->settled++;
	tr_list_append(&task->session->unsettled, &settlement->node);
	tr_marks_add(task->session->network->marks, write_progress, progress_settled, settlement);
}

/* --- writing
 * ----------------------------------------------------------------------------------------- */

static bool split(struct task *task)
{
	struct tr_irc_connection *connection = task->session->connection;
	const char *verb = verb_of(task->op);
	size_t max = tr_irc_connection_text_max(connection, verb, tr_str_from(task->target));
	const size_t action = sizeof("\x01"
				     "ACTION \x01") -
			      1;
	max -= task->op->message == TR_MESSAGE_EMOTE ? action : 0;
	bool cut = false;
	task->count =
		tr_irc_text_split(tr_str_from(task->op->text), max, LINES_MAX, &task->lines, &cut);
	task->msgids = tr_alloc_array(task->count, sizeof(*task->msgids));
	if (cut) {
		tr_log_warn("irc", "a message of %s has more than %d lines: the rest is left out",
			task->op->sender, LINES_MAX);
		tr_bridge_tell_room(task->session->network->bridge, task->op->room_id,
			"Your message was too long for IRC: only its first 500 lines were sent.");
	}
	return task->count > 0;
}

/* The last parameter as it goes out. */
static void add_line_text(const struct task *task, size_t index, struct tr_buf *out)
{
	bool emote = task->op->message == TR_MESSAGE_EMOTE;
	tr_buf_add_c(out, emote ? "\x01"
				  "ACTION "
				: "");
	tr_buf_add_c(out, task->lines[index]);
	tr_buf_add_c(out, emote ? "\x01" : "");
}

static int write_line(struct task *task, size_t index, uint64_t label)
{
	struct tr_irc_session *session = task->session;
	char label_text[24] = "";
	struct tr_buf text = TR_BUF_INIT(TR_IRC_LINE_BYTES * 64);
	add_line_text(task, index, &text);
	struct tr_buf number = TR_BUF_INIT(sizeof(label_text));
	tr_buf_addf(&number, "t%llx", (unsigned long long)label);
	const struct tr_irc_out_tag tag = {"label", tr_buf_str(&number)};
	const struct tr_irc_out line = {
		.tags = &tag,
		.tag_count = has_labels(session) ? 1 : 0,
		.command = verb_of(task->op),
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

static void pace_over(void *arg)
{
	tr_irc_outgoing_pump(arg);
}

/* Takes a token of the flood pacing; false starts the timer that will pump again. */
static bool take_token(struct tr_irc_session *session)
{
	const struct tr_irc_flood_pacing *pacing =
		&session->network->config->ircClients.floodPacing;
	if (!pacing->enabled || pacing->perSecond <= 0) {
		return true;
	}
	uint64_t now = tr_clock_mono_ms();
	session->tokens += (double)(now - session->tokens_at_ms) * pacing->perSecond / 1000.0;
	session->tokens_at_ms = now;
	if (session->tokens > (double)pacing->burst) {
		session->tokens = (double)pacing->burst;
	}
	if (session->tokens < 1.0) {
		tr_timer_start(session->pace,
			(uint64_t)((1.0 - session->tokens) * 1000.0 / pacing->perSecond) + 1);
		return false;
	}
	session->tokens -= 1.0;
	return true;
}

enum go { GO_ON, GO_NEXT_TASK, GO_STOP };

/* Writes the task's next line. GO_STOP: nothing more can be written on this connection now. */
static enum go task_write_next(struct task *task)
{
	struct tr_irc_session *session = task->session;
	if (session->window_used >= window(session) ||
		!tr_irc_connection_writable(session->connection) || !take_token(session)) {
		return GO_STOP;
	}
	uint64_t label = ++session->label_counter;
	int failed = write_line(task, task->written, label);
	if (failed == TR_E_CLOSED || failed == TR_E_TOO_BIG) {
		return GO_STOP;
	}
	if (failed) {
		struct tr_error error;
		tr_error_set_class(&error, TR_E_INVALID, TR_CLASS_BUG,
			"the message cannot be written as an IRC line");
		task_refuse(task, &error);
		return GO_NEXT_TASK;
	}
	struct sent_line *line = tr_alloc(sizeof(*line));
	line->task = task;
	line->index = task->written++;
	line->label = label;
	tr_list_append(&session->in_flight, &line->node);
	session->window_used++;
	session->ping_due = session->ping_due || !has_echo(session);
	return GO_ON;
}

/* What an earlier attempt wrote, as far as the history shows it. true = the task is done. */
static bool task_claim(struct task *task)
{
	struct tr_irc_session *session = task->session;
	struct tr_str nick = tr_str_from(session->own_key);
	while (task->claims && task->written < task->count) {
		struct tr_buf text = TR_BUF_INIT(TR_IRC_LINE_BYTES * 64);
		add_line_text(task, task->written, &text);
		char *msgid = tr_irc_channel_claim(task->channel, nick, tr_buf_str(&text));
		tr_buf_finish(&text);
		if (msgid == NULL) {
			break;
		}
		tr_log_debug("irc", "%s: line %zu of %s stands in the history already",
			task->target, task->written, task->op->event_id);
		bool last = task->written + 1 == task->count;
		session->window_used++;
		line_confirmed(task, task->written++, msgid);
		if (last) {
			return true;
		}
	}
	task->claims = false;
	return false;
}

/* Whether the task's target can be written to now; starts what is missing. */
static bool target_ready(struct task *task)
{
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
	tr_irc_channel_fetch_own(task->channel, task->op->position);
	return false;
}

/* Goes on after the lines that an earlier attempt is known to have delivered. false: that was all.
 */
static bool skip_confirmed(struct task *task)
{
	if (task->confirmed >= task->count) {
		task->confirmed = task->count;
	}
	task->written = task->confirmed;
	task->settled = task->confirmed;
	if (task->confirmed == task->count) {
		task_done(task);
		return false;
	}
	return true;
}

static enum go task_pump(struct task *task)
{
	if (task->state == TASK_LOOKING_UP || !target_ready(task)) {
		return GO_NEXT_TASK;
	}
	if (task->lines == NULL && !split(task)) {
		struct tr_error error;
		tr_error_set_class(
			&error, TR_E_INVALID, TR_CLASS_PERMANENT, "the message is empty on IRC");
		task_refuse(task, &error);
		return GO_NEXT_TASK;
	}
	if (task->claims) {
		task->confirmed = 0; /* the history tells it line by line */
	}
	if (task->written < task->confirmed && !skip_confirmed(task)) {
		return GO_NEXT_TASK;
	}
	if (task_claim(task)) {
		return GO_NEXT_TASK;
	}
	return task->written < task->count ? task_write_next(task) : GO_NEXT_TASK;
}

/* One PING confirms all lines written before it. */
static void write_ping(struct tr_irc_session *session)
{
	session->ping_due = false;
	session->ping_counter++;
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->in_flight, node, following) {
		struct sent_line *line = TR_LIST_ENTRY(node, struct sent_line, node);
		line->ping = line->ping ? line->ping : session->ping_counter;
	}
	struct tr_buf token = TR_BUF_INIT(32);
	tr_buf_addf(&token, "tr%llx", (unsigned long long)session->ping_counter);
	tr_irc_send_words(session->connection, "PING", tr_buf_str(&token), (struct tr_str){NULL, 0},
		(struct tr_str){NULL, 0});
	tr_buf_finish(&token);
}

/* A task of the same target further ahead that is not written whole: order holds per target. */
static bool is_blocked(const struct task *task)
{
	const struct tr_list *head = &task->session->tasks;
	for (const struct tr_list *node = head->next; node != &task->node; node = node->next) {
		const struct task *ahead = TR_LIST_ENTRY(node, struct task, node);
		if ((ahead->lines == NULL || ahead->written < ahead->count) &&
			strcmp(ahead->target, task->target) == 0) {
			return true;
		}
	}
	return false;
}

void tr_irc_outgoing_pump(struct tr_irc_session *session)
{
	if (!tr_irc_session_online(session)) {
		return;
	}
	struct tr_list *node = session->tasks.next;
	while (node != &session->tasks) {
		struct tr_list *next = node->next;
		struct task *task = TR_LIST_ENTRY(node, struct task, node);
		enum go go = is_blocked(task) ? GO_NEXT_TASK : task_pump(task);
		if (go == GO_STOP) {
			break;
		}
		if (go == GO_NEXT_TASK) {
			node = next;
		}
	}
	if (session->ping_due) {
		write_ping(session);
	}
}

/* --- confirmation
 * ------------------------------------------------------------------------------------ */

static void confirm(struct sent_line *line, char *msgid_take)
{
	struct task *task = line->task;
	size_t index = line->index;
	tr_list_remove(&line->node);
	tr_free(line);
	line_confirmed(task, index, msgid_take);
}

static char *msgid_of(const struct tr_irc_line *line)
{
	struct tr_str value;
	if (!tr_irc_tag(line, "msgid", &value)) {
		return NULL;
	}
	struct tr_buf id = TR_BUF_INIT(NAME_MAX);
	tr_irc_tag_unescape(value, &id);
	if (!tr_utf8_valid(tr_buf_str(&id))) {
		tr_buf_clear(&id);
	}
	return tr_buf_take(&id);
}

/* The line a label belongs to. */
static struct sent_line *by_label(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_str label;
	if (!tr_irc_tag(line, "label", &label)) {
		return NULL;
	}
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->in_flight, node, following) {
		struct sent_line *sent = TR_LIST_ENTRY(node, struct sent_line, node);
		char text[24];
		struct tr_buf number = TR_BUF_INIT(sizeof(text));
		tr_buf_addf(&number, "t%llx", (unsigned long long)sent->label);
		bool same = tr_str_eq(tr_buf_str(&number), label);
		tr_buf_finish(&number);
		if (same) {
			return sent;
		}
	}
	return NULL;
}

/* The oldest line on its way to this target. */
static struct sent_line *by_target(struct tr_irc_session *session, struct tr_str target)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->in_flight, node, following) {
		struct sent_line *sent = TR_LIST_ENTRY(node, struct sent_line, node);
		if (tr_irc_same(
			    &session->network->isupport, tr_str_from(sent->task->target), target)) {
			return sent;
		}
	}
	return NULL;
}

static bool confirm_echo(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	bool echo = (tr_irc_is(line, "PRIVMSG") || tr_irc_is(line, "NOTICE")) &&
		    tr_irc_connection_is_me(session->connection, line->nick) && has_echo(session);
	if (!echo) {
		return false;
	}
	struct sent_line *sent = has_labels(session) ? by_label(session, line)
						     : by_target(session, tr_irc_param(line, 0));
	if (sent != NULL) {
		struct tr_irc_channel *channel = sent->task->channel;
		char *msgid = msgid_of(line);
		if (channel != NULL && channel->reader == session) {
			tr_irc_channel_own_seen(channel, tr_str_from(msgid));
		}
		confirm(sent, msgid);
		tr_irc_outgoing_pump(session);
	}
	return true;
}

static bool confirm_pong(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_str token = tr_irc_param(line, line->param_count > 1 ? 1 : 0);
	if (!tr_irc_is(line, "PONG") || !tr_str_starts(token, TR_STR("tr"))) {
		return false;
	}
	uint64_t number = 0;
	for (size_t i = 2; i < token.len && i < 18; i++) {
		char c = token.ptr[i];
		number = number * 16 + (uint64_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	struct tr_list *node;
	while ((node = tr_list_head(&session->in_flight)) != NULL) {
		struct sent_line *sent = TR_LIST_ENTRY(node, struct sent_line, node);
		if (sent->ping == 0 || sent->ping > number) {
			break;
		}
		confirm(sent, NULL);
	}
	tr_irc_outgoing_pump(session);
	return true;
}

/* Numerics that refuse a PRIVMSG or NOTICE; the target is the second parameter. */
static bool refuses_message(int numeric)
{
	switch (numeric) {
	case 401: /* no such nick */
	case 402:
	case 403: /* no such channel */
	case 404: /* cannot send to channel */
	case 407: /* too many targets */
	case 408: /* colours not allowed */
	case 411:
	case 412:
	case 413:
	case 414:
	case 415:
	case 417: /* line too long */
	case 442: /* not on channel */
	case 477: /* registered users only */
	case 489:
	case 531: /* cannot send to user */
	case 716: /* target has +g */
		return true;
	default:
		return false;
	}
}

static bool refuse_line(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	bool fail = tr_irc_is(line, "FAIL");
	if (!fail && !refuses_message(line->numeric)) {
		return false;
	}
	struct sent_line *sent = by_label(session, line);
	if (sent == NULL && !fail) {
		sent = by_target(session, tr_irc_param(line, 1));
	}
	if (sent == NULL) {
		return false;
	}
	struct task *task = sent->task;
	struct tr_error error;
	tr_error_set_class(&error, TR_E_DENIED, TR_CLASS_PERMANENT,
		"IRC does not take the message to %s: %.*s", task->target,
		TR_STR_ARG(tr_irc_param(line, line->param_count - 1)));
	error.status = line->numeric;
	task_refuse(task, &error);
	tr_irc_outgoing_pump(session);
	return true;
}

bool tr_irc_outgoing_line(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	if (confirm_pong(session, line)) {
		return true;
	}
	return confirm_echo(session, line) || refuse_line(session, line);
}

/* --- taking and giving back
 * -------------------------------------------------------------------------- */

struct lookup {
	struct tr_irc_network *network;
	char *user_id;
	char *event_id;
};

static struct task *task_by_event(struct tr_irc_session *session, const char *event_id)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->tasks, node, following) {
		struct task *task = TR_LIST_ENTRY(node, struct task, node);
		if (strcmp(task->op->event_id, event_id) == 0) {
			return task;
		}
	}
	return NULL;
}

static void progress_known(
	void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct lookup *lookup = arg;
	struct tr_irc_session *session =
		tr_map_get(&lookup->network->sessions, tr_str_from(lookup->user_id));
	struct task *task = session ? task_by_event(session, lookup->event_id) : NULL;
	tr_free(lookup->user_id);
	tr_free(lookup->event_id);
	tr_free(lookup);
	if (task == NULL || task->state != TASK_LOOKING_UP) {
		return;
	}
	if (error != NULL) {
		task_retry(task, error);
		return;
	}
	task->confirmed = tr_db_rows(result, 0) ? (size_t)tr_db_int(result, 0, 0, 0) : 0;
	task->state = TASK_READY;
	tr_irc_outgoing_pump(session);
}

static void look_up_progress(struct task *task)
{
	struct tr_irc_network *network = task->session->network;
	struct lookup *lookup = tr_alloc(sizeof(*lookup));
	lookup->network = network;
	lookup->user_id = tr_strdup(task->session->user_id);
	lookup->event_id = tr_strdup(task->op->event_id);
	task->state = TASK_LOOKING_UP;
	struct tr_db_batch *batch = tr_db_batch_create(tr_bridge_db(network->bridge));
	TR_DB_ADD(batch, &select_progress, TR_DB_TC(task->op->event_id));
	tr_db_submit_take(batch, progress_known, lookup);
}

static void pump_later(void *arg)
{
	struct tr_irc_session *session = arg;
	if (session->state == TR_IRC_BARRED) {
		tr_irc_outgoing_give_back(session, &session->last_error);
	} else {
		tr_irc_outgoing_pump(session);
	}
}

void tr_irc_outgoing_add(struct tr_irc_session *session, struct tr_op *op)
{
	struct tr_irc_network *network = session->network;
	struct task *task = tr_alloc(sizeof(*task));
	task->session = session;
	task->op = op;
	task->state = TASK_READY;
	bool to_channel = op->portal->kind == TR_PORTAL_CHANNEL;
	task->channel = to_channel ? tr_irc_channel_open(network, op->portal->name) : NULL;
	task->target = tr_strdup(op->portal->name);
	task->claims = op->maybe_sent && task->channel != NULL;
	tr_list_append(&session->tasks, &task->node);
	if (op->maybe_sent && strchr(op->text, '\n') != NULL) {
		look_up_progress(task);
	} else if (op->maybe_sent && strlen(op->text) > TR_IRC_LINE_BYTES / 2) {
		look_up_progress(task); /* long enough to have been cut */
	}
	tr_loop_defer_cancel(network->loop, pump_later, session);
	tr_loop_defer(network->loop, pump_later, session);
}

void tr_irc_outgoing_give_back(struct tr_irc_session *session, const struct tr_error *error)
{
	session->ping_due = false;
	tr_timer_stop(session->pace);
	struct tr_list *node;
	while ((node = tr_list_head(&session->tasks)) != NULL) {
		struct task *task = TR_LIST_ENTRY(node, struct task, node);
		if (session->state == TR_IRC_BARRED) {
			task_refuse(task, error);
		} else {
			task_retry(task, error);
		}
	}
}

void tr_irc_outgoing_refuse_target(
	struct tr_irc_session *session, struct tr_str target, const struct tr_error *error)
{
	struct tr_list *node = session->tasks.next;
	while (node != &session->tasks) {
		struct task *task = TR_LIST_ENTRY(node, struct task, node);
		node = node->next;
		if (tr_irc_same(&session->network->isupport, tr_str_from(task->target), target)) {
			task_refuse(task, error);
		}
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
	session->pace = tr_timer_create(session->network->loop, pace_over, session);
	session->tokens = (double)session->network->config->ircClients.floodPacing.burst;
	session->tokens_at_ms = tr_clock_mono_ms();
}

void tr_irc_outgoing_finish(struct tr_irc_session *session)
{
	tr_loop_defer_cancel(session->network->loop, pump_later, session);
	tr_timer_destroy(session->pace);
	struct tr_list *node;
	while ((node = tr_list_head(&session->tasks)) != NULL) {
		struct task *task = TR_LIST_ENTRY(node, struct task, node);
		forget_lines(task);
		task_free(task);
	}
	while ((node = tr_list_head(&session->unsettled)) != NULL) {
		struct settlement *settlement = TR_LIST_ENTRY(node, struct settlement, node);
		tr_list_remove(node);
		tr_free(settlement->event_id);
		tr_free(settlement);
	}
}
