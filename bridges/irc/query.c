/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the server, see the header. What their answers mean is their asker's business. */
#include "bridges/irc/query.h"

#include "bridges/irc/pong.h"
#include "core/base/clock.h"

struct query {
	struct tr_list node;
	uint64_t number; /* in its PING */
	uint64_t asked_ms;
	char *lines[TR_IRC_QUERY_LINES_MAX];
	size_t count;
	tr_irc_query_callback *callback;
	void *arg;
};

struct tr_irc_queries {
	struct tr_irc_session *session;
	struct tr_list open; /* in the order they were asked */
	uint64_t counter;
	struct tr_timer *timer;
};

static const char letters[] = "tq";

static void query_free(struct query *query)
{
	tr_list_remove(&query->node);
	for (size_t i = 0; i < query->count; i++) {
		tr_free(query->lines[i]);
	}
	tr_free(query);
}

static void query_end(struct query *query, const struct tr_error *error)
{
	struct tr_str lines[TR_IRC_QUERY_LINES_MAX];
	size_t count = error ? 0 : query->count;
	for (size_t i = 0; i < count; i++) {
		lines[i] = tr_str_from(query->lines[i]);
	}
	tr_list_remove(&query->node);
	query->callback(query->arg, lines, count, error);
	query_free(query);
}

static struct query *oldest(const struct tr_irc_queries *queries)
{
	struct tr_list *node = queries ? tr_list_head(&queries->open) : NULL;
	return node ? TR_LIST_ENTRY(node, struct query, node) : NULL;
}

/* Ends what has waited too long, and waits for the next. */
static void look(void *arg)
{
	struct tr_irc_queries *queries = arg;
	uint64_t now = tr_clock_mono_ms();
	struct tr_error error;
	tr_error_set(&error, TR_E_TIMEOUT, "the server did not answer in time");
	struct query *query;
	while ((query = oldest(queries)) != NULL) {
		uint64_t age = now - query->asked_ms;
		if (age < TR_IRC_QUERY_TIMEOUT_MS) {
			tr_timer_start(queries->timer, TR_IRC_QUERY_TIMEOUT_MS - age);
			return;
		}
		query_end(query, &error);
	}
}

static struct tr_irc_queries *queries_of(struct tr_irc_session *session)
{
	if (session->queries == NULL) {
		session->queries = tr_alloc(sizeof(*session->queries));
		session->queries->session = session;
		session->queries->timer =
			tr_timer_create(session->network->loop, look, session->queries);
		tr_list_init(&session->queries->open);
	}
	return session->queries;
}

int tr_irc_query(struct tr_irc_session *session, const struct tr_irc_out *line,
	tr_irc_query_callback *callback, void *arg)
{
	if (!tr_irc_session_online(session)) {
		return TR_E_CLOSED;
	}
	int failed = tr_irc_send(session->connection, line);
	if (failed) {
		return failed;
	}
	struct tr_irc_queries *queries = queries_of(session);
	struct query *query = tr_alloc(sizeof(*query));
	query->number = ++queries->counter;
	query->asked_ms = tr_clock_mono_ms();
	query->callback = callback;
	query->arg = arg;
	tr_list_append(&queries->open, &query->node);
	tr_irc_ping_number(session->connection, letters, query->number);
	if (!tr_timer_active(queries->timer)) {
		tr_timer_start(queries->timer, TR_IRC_QUERY_TIMEOUT_MS);
	}
	return 0;
}

uint64_t tr_irc_query_last(const struct tr_irc_session *session)
{
	return session->queries ? session->queries->counter : 0;
}

uint64_t tr_irc_query_open(const struct tr_irc_session *session)
{
	const struct query *query = oldest(session->queries);
	return query ? query->number : 0;
}

/* What is asked is answered in order: with a PONG everything asked up to it is over. */
static void pong(struct tr_irc_queries *queries, uint64_t number)
{
	struct query *query;
	while ((query = oldest(queries)) != NULL && query->number <= number) {
		query_end(query, NULL);
	}
}

bool tr_irc_query_line(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct query *query = oldest(session->queries);
	uint64_t number;
	if (tr_irc_pong_number(line, letters, &number)) {
		if (session->queries != NULL) {
			pong(session->queries, number);
		}
		return true;
	}
	if (query != NULL && line->numeric != 0 && query->count < TR_IRC_QUERY_LINES_MAX) {
		query->lines[query->count++] = tr_str_dup(line->raw);
	}
	return false;
}

void tr_irc_query_reset(struct tr_irc_session *session, const struct tr_error *error)
{
	struct query *query;
	while ((query = oldest(session->queries)) != NULL) {
		query_end(query, error);
	}
}

void tr_irc_query_finish(struct tr_irc_session *session)
{
	struct query *query;
	if (session->queries == NULL) {
		return;
	}
	while ((query = oldest(session->queries)) != NULL) {
		query_free(query);
	}
	tr_timer_destroy(session->queries->timer);
	tr_free(session->queries);
	session->queries = NULL;
}
