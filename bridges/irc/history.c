/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CHATHISTORY AFTER (IRCv3 draft/chathistory), one page at a time: asks, collects the batch that
 * answers, hands its lines on. Requests of a session go out one after the other, so every answer
 * belongs to the one that is open.
 */
#include "bridges/irc/history.h"

#include "bridges/irc/session.h"
#include "core/base/log.h"

enum {
	PAGE = 100,
	ANSWER_TIMEOUT_MS = 30000,
	AGAIN_FIRST_MS = 1000, /* after MESSAGE_ERROR; then twice as long each time */
	AGAIN_MAX = 5,
	BYTES_MAX = 8 * 1024 * 1024, /* of one page */
};

struct request {
	struct tr_list node;
	char *target;
	char *position;
	tr_irc_history_callback *callback;
	void *arg;
};

struct tr_irc_history {
	struct tr_irc_session *session;
	struct tr_list requests; /* the first is the one asked */
	bool asked;
	char *batch;    /* reference of the answer being received, or NULL */
	char *playback; /* of a batch nobody asked for (servers that play back at a join), or NULL
			 */
	char **lines;
	size_t count, room, bytes;
	struct tr_timer *timeout;
	bool pausing;   /* the timer ends a pause before the first is asked again */
	unsigned again; /* how often it was */
};

enum {
	NEEDED = TR_IRC_CAP_CHATHISTORY | TR_IRC_CAP_BATCH | TR_IRC_CAP_MESSAGE_TAGS |
		 TR_IRC_CAP_SERVER_TIME
};

bool tr_irc_history_available(const struct tr_irc_session *session)
{
	return tr_irc_session_online(session) && tr_irc_session_has(session, NEEDED);
}

bool tr_irc_history_by_time_only(const struct tr_irc_session *session)
{
	return tr_irc_connection_isupport(session->connection)->history_by_time_only;
}

static unsigned page_size(const struct tr_irc_history *history)
{
	unsigned max = tr_irc_connection_isupport(history->session->connection)->chathistory_max;
	return max > 0 && max < PAGE ? max : PAGE;
}

static void answered(struct tr_irc_history *history, const struct tr_error *error);

static void not_asked(void *arg)
{
	struct tr_error error;
	tr_error_set_class(&error, TR_E_INVALID, TR_CLASS_PERMANENT,
		"the place in the history cannot be written as IRC");
	answered(arg, &error);
}

static void ask_next(struct tr_irc_history *history)
{
	struct tr_list *node = tr_list_head(&history->requests);
	if (node == NULL || history->asked || !tr_irc_session_online(history->session)) {
		return;
	}
	const struct request *request = TR_LIST_ENTRY(node, struct request, node);
	struct tr_buf limit = TR_BUF_INIT(16);
	tr_buf_addf(&limit, "%u", page_size(history));
	const struct tr_irc_out line = {
		.command = "CHATHISTORY",
		.params = {TR_STR("AFTER"), tr_str_from(request->target),
			tr_str_from(request->position), tr_buf_str(&limit)},
		.param_count = 4,
	};
	history->asked = true;
	int failed = tr_irc_send(history->session->connection, &line);
	tr_buf_finish(&limit);
	if (failed == TR_E_INVALID || failed == TR_E_TOO_BIG) {
		tr_loop_defer(history->session->network->loop, not_asked, history);
	} else {
		tr_timer_start(history->timeout, ANSWER_TIMEOUT_MS);
	}
}

static void set_text(char **field, struct tr_str text)
{
	tr_free(*field);
	*field = tr_str_empty(text) ? NULL : tr_str_dup(text);
}

static void forget_lines(struct tr_irc_history *history)
{
	for (size_t i = 0; i < history->count; i++) {
		tr_free(history->lines[i]);
	}
	tr_free(history->lines);
	history->lines = NULL;
	history->count = history->room = history->bytes = 0;
	tr_free(history->batch);
	history->batch = NULL;
}

/* Ends the request that is open and asks the next one. */
static void answered(struct tr_irc_history *history, const struct tr_error *error)
{
	struct tr_list *node = tr_list_head(&history->requests);
	if (node == NULL) {
		return;
	}
	struct request *request = TR_LIST_ENTRY(node, struct request, node);
	tr_list_remove(node);
	tr_timer_stop(history->timeout);
	history->pausing = history->asked = false;
	history->again = 0;
	size_t count = history->count;
	struct tr_str *lines = tr_alloc_array(count, sizeof(*lines));
	for (size_t i = 0; i < count; i++) {
		lines[i] = tr_str_from(history->lines[i]);
	}
	/* A server may give less than was asked for although there is more: only an empty page is
	 * the end. */
	bool more = error == NULL && count > 0;
	request->callback(request->arg, lines, count, more, error);
	tr_free(lines);
	forget_lines(history);
	tr_free(request->target);
	tr_free(request->position);
	tr_free(request);
	ask_next(history);
}

/* What cannot be read now is not given up at once: what is skipped would never be fetched. */
static bool pause_and_ask_again(struct tr_irc_history *history)
{
	if (history->again == AGAIN_MAX) {
		return false;
	}
	forget_lines(history);
	history->pausing = true;
	tr_timer_start(history->timeout, (uint64_t)AGAIN_FIRST_MS << history->again++);
	return true;
}

static void timed_out(void *arg)
{
	struct tr_irc_history *history = arg;
	struct tr_error error;
	if (history->pausing) {
		history->pausing = history->asked = false;
		ask_next(history);
		return;
	}
	tr_error_set(&error, TR_E_TIMEOUT, "the server does not answer CHATHISTORY");
	answered(history, &error);
}

struct tr_irc_history *tr_irc_history_create(struct tr_irc_session *session)
{
	struct tr_irc_history *history = tr_alloc(sizeof(*history));
	history->session = session;
	history->timeout = tr_timer_create(session->network->loop, timed_out, history);
	tr_list_init(&history->requests);
	return history;
}

void tr_irc_history_reset(struct tr_irc_history *history)
{
	struct tr_error error;
	tr_error_set(&error, TR_E_CLOSED, "the connection was lost");
	history->asked = true; /* nothing is asked any more */
	while (!tr_list_empty(&history->requests)) {
		answered(history, &error);
		history->asked = true;
	}
	history->asked = false;
	forget_lines(history);
	set_text(&history->playback, (struct tr_str){NULL, 0});
	tr_loop_defer_cancel(history->session->network->loop, not_asked, history);
}

void tr_irc_history_destroy(struct tr_irc_history *history)
{
	if (history == NULL) {
		return;
	}
	struct tr_list *node;
	while ((node = tr_list_head(&history->requests)) != NULL) {
		struct request *request = TR_LIST_ENTRY(node, struct request, node);
		tr_list_remove(node);
		tr_free(request->target);
		tr_free(request->position);
		tr_free(request);
	}
	forget_lines(history);
	tr_free(history->playback);
	tr_loop_defer_cancel(history->session->network->loop, not_asked, history);
	tr_timer_destroy(history->timeout);
	tr_free(history);
}

void tr_irc_history_after(struct tr_irc_history *history, const char *target, const char *position,
	tr_irc_history_callback *callback, void *arg)
{
	struct request *request = tr_alloc(sizeof(*request));
	request->target = tr_strdup(target);
	request->position = tr_strdup(position);
	request->callback = callback;
	request->arg = arg;
	tr_list_append(&history->requests, &request->node);
	ask_next(history);
}

bool tr_irc_history_asked(const struct tr_irc_history *history)
{
	return history->asked;
}

static bool is_asked_target(struct tr_irc_history *history, struct tr_str target)
{
	struct tr_list *node = history->asked ? tr_list_head(&history->requests) : NULL;
	if (node == NULL) {
		return false;
	}
	const struct request *request = TR_LIST_ENTRY(node, struct request, node);
	return tr_irc_same(
		&history->session->network->isupport, target, tr_str_from(request->target));
}

/* "BATCH +ref chathistory target" and "BATCH -ref" */
static bool batch_line(struct tr_irc_history *history, const struct tr_irc_line *line)
{
	struct tr_str reference = tr_irc_param(line, 0);
	if (reference.len < 2) {
		return false;
	}
	struct tr_str name = tr_str_from_index(reference, 1);
	bool begins = reference.ptr[0] == '+';
	if (begins && tr_str_eq_nocase(tr_irc_param(line, 1), TR_STR("chathistory"))) {
		if (is_asked_target(history, tr_irc_param(line, 2))) {
			forget_lines(history);
			set_text(&history->batch, name);
		} else {
			set_text(&history->playback, name);
		}
		return true;
	}
	if (!begins && history->playback != NULL && tr_str_eq_c(name, history->playback)) {
		set_text(&history->playback, (struct tr_str){NULL, 0});
		return true;
	}
	if (!begins && history->batch != NULL && tr_str_eq_c(name, history->batch)) {
		answered(history, NULL);
		return true;
	}
	return false;
}

static void keep_line(struct tr_irc_history *history, struct tr_str raw)
{
	history->bytes += raw.len;
	if (history->bytes > BYTES_MAX || history->count == TR_IRC_HISTORY_LINES_MAX) {
		return; /* more than was asked for: the next page begins where this one ends */
	}
	if (history->count == history->room) {
		history->room = history->room ? history->room * 2 : PAGE;
		history->lines =
			tr_realloc_array(history->lines, history->room, sizeof(*history->lines));
	}
	history->lines[history->count++] = tr_str_dup(raw);
}

bool tr_irc_history_line(struct tr_irc_history *history, const struct tr_irc_line *line)
{
	struct tr_str batch;
	if (tr_irc_is(line, "BATCH")) {
		return batch_line(history, line);
	}
	bool in_batch = tr_irc_tag(line, "batch", &batch);
	if (in_batch && history->playback != NULL && tr_str_eq_c(batch, history->playback)) {
		return true; /* not asked for: what is missing is asked for by its place */
	}
	if (!history->asked) {
		return false;
	}
	if (in_batch && history->batch != NULL && tr_str_eq_c(batch, history->batch)) {
		keep_line(history, line->raw);
		return true;
	}
	bool refused = tr_irc_is(line, "FAIL") &&
		       tr_str_eq_nocase(tr_irc_param(line, 0), TR_STR("CHATHISTORY"));
	if (refused || (line->numeric == 421 &&
			       tr_str_eq_nocase(tr_irc_param(line, 1), TR_STR("CHATHISTORY")))) {
		struct tr_error error;
		if (refused && tr_str_eq(tr_irc_param(line, 1), TR_STR("MESSAGE_ERROR")) &&
			pause_and_ask_again(history)) {
			return true;
		}
		tr_error_set_class(&error, TR_E_PROTOCOL, TR_CLASS_PERMANENT,
			"the server refuses CHATHISTORY: %.*s",
			TR_STR_ARG(tr_irc_param(line, line->param_count - 1)));
		answered(history, &error);
		return true;
	}
	return false;
}
