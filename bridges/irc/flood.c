/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token bucket of a connection, the word to those whose text waits for it, and questions that
 * have no hurry. What is written and when it counts as delivered is outgoing.c's.
 */
#include "bridges/irc/flood.h"

#include "bridges/irc/outgoing_internal.h"
#include "bridges/irc/pong.h"
#include "bridges/irc/session.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#include <string.h>

enum {
	TELL_FROM_S = 10,
	TEXT_MAX = 512,
	AT_ONCE = 5, /* questions that the server has not worked off */
};

static const char letters[] = "tf";

struct question {
	struct tr_list node;
	const char *command; /* a literal */
	char *target;
};

static void token_there(void *arg)
{
	tr_irc_outgoing_pump(arg);
}

/* Lines that wait, as far as messages are cut into lines yet. */
static size_t waiting_lines(const struct tr_irc_session *session)
{
	size_t lines = 0;
	for (const struct tr_list *node = session->tasks.next; node != &session->tasks;
		node = node->next) {
		const struct tr_irc_task *task = TR_LIST_ENTRY(node, struct tr_irc_task, node);
		lines += task->lines ? task->count - task->written : 1;
	}
	return lines;
}

static void tell(struct tr_irc_session *session, double per_second)
{
	size_t lines = waiting_lines(session);
	double seconds = (double)lines / per_second;
	if (session->flood.told || session->user_id == NULL || seconds < TELL_FROM_S) {
		return;
	}
	session->flood.told = true;
	struct tr_buf text = TR_BUF_INIT(TEXT_MAX);
	tr_buf_addf(&text,
		"Your messages go to %s slowly, as a server wants it of everybody: at least %zu lines "
		"wait, for %.0f seconds. None is lost.",
		session->network->config->name, lines, seconds);
	tr_log_info("irc", "%s: %zu lines of %s wait for the flood pacing",
		session->network->entry->address, lines, session->user_id);
	tr_bridge_tell_user(session->network->bridge, session->user_id, tr_buf_c(&text));
	tr_buf_finish(&text);
}

bool tr_irc_flood_take(struct tr_irc_session *session)
{
	const struct tr_irc_flood_pacing *pacing =
		&session->network->config->ircClients.floodPacing;
	struct tr_irc_flood *flood = &session->flood;
	if (!pacing->enabled || pacing->perSecond <= 0) {
		return true;
	}
	uint64_t now = tr_clock_mono_ms();
	flood->tokens += (double)(now - flood->tokens_at_ms) * pacing->perSecond / 1000.0;
	flood->tokens_at_ms = now;
	if (flood->tokens >= (double)pacing->burst) {
		flood->tokens = (double)pacing->burst;
		flood->told = false;
	}
	if (flood->tokens < 1.0) {
		if (flood->timer == NULL) {
			flood->timer =
				tr_timer_create(session->network->loop, token_there, session);
		}
		tr_timer_start(flood->timer,
			(uint64_t)((1.0 - flood->tokens) * 1000.0 / pacing->perSecond) + 1);
		tell(session, pacing->perSecond);
		return false;
	}
	flood->tokens -= 1.0;
	return true;
}

static struct question *question_of(const struct tr_list *node)
{
	return TR_LIST_ENTRY(node, struct question, node);
}

static void question_free(struct question *question)
{
	tr_list_remove(&question->node);
	tr_free(question->target);
	tr_free(question);
}

static bool is_asked(const struct tr_irc_flood *flood, const char *command, const char *target)
{
	const struct tr_list *head = &flood->questions;
	for (const struct tr_list *node = head->next; node != head; node = node->next) {
		const struct question *question = question_of(node);
		if (strcmp(question->command, command) == 0 &&
			strcmp(question->target, target) == 0) {
			return true;
		}
	}
	return false;
}

void tr_irc_flood_ask(struct tr_irc_session *session, const char *command, const char *target)
{
	if (is_asked(&session->flood, command, target)) {
		return;
	}
	struct question *question = tr_alloc(sizeof(*question));
	question->command = command;
	question->target = tr_strdup(target);
	tr_list_append(&session->flood.questions, &question->node);
	tr_irc_outgoing_pump_later(session);
}

static void write_question(struct tr_irc_session *session, struct question *question)
{
	const struct tr_str none = {NULL, 0};
	struct tr_irc_flood *flood = &session->flood;
	tr_irc_send_words(
		session->connection, question->command, tr_str_from(question->target), none, none);
	question_free(question);
	if (++flood->asked >= AT_ONCE) {
		flood->asked = 0;
		flood->ping = ++flood->pings;
		tr_irc_ping_number(session->connection, letters, flood->ping);
	}
}

void tr_irc_flood_write_questions(struct tr_irc_session *session)
{
	struct tr_list *node;
	while ((node = tr_list_head(&session->flood.questions)) != NULL &&
		session->flood.ping == 0 && session->joins_due + session->joins_unanswered == 0 &&
		tr_irc_flood_take(session)) {
		write_question(session, question_of(node));
	}
}

bool tr_irc_flood_pong(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	uint64_t number;
	if (!tr_irc_pong_number(line, letters, &number)) {
		return false;
	}
	if (number == session->flood.ping) {
		session->flood.ping = 0;
		tr_irc_outgoing_pump_later(session);
	}
	return true;
}

static void forget_questions(struct tr_irc_flood *flood)
{
	struct tr_list *node;
	while ((node = tr_list_head(&flood->questions)) != NULL) {
		question_free(question_of(node));
	}
	flood->asked = 0;
	flood->ping = 0;
}

void tr_irc_flood_init(struct tr_irc_session *session)
{
	tr_list_init(&session->flood.questions);
	session->flood.tokens = (double)session->network->config->ircClients.floodPacing.burst;
	session->flood.tokens_at_ms = tr_clock_mono_ms();
}

void tr_irc_flood_stop(struct tr_irc_session *session)
{
	forget_questions(&session->flood);
	if (session->flood.timer != NULL) {
		tr_timer_stop(session->flood.timer);
	}
}

void tr_irc_flood_finish(struct tr_irc_session *session)
{
	forget_questions(&session->flood);
	tr_timer_destroy(session->flood.timer);
}
