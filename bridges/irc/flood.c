/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token bucket of a connection and the word to those whose text waits for it. What is written
 * and when it counts as delivered is outgoing.c's.
 */
#include "bridges/irc/flood.h"

#include "bridges/irc/outgoing_internal.h"
#include "bridges/irc/session.h"
#include "core/base/clock.h"
#include "core/base/log.h"

enum { TELL_FROM_S = 10, TEXT_MAX = 512 };

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

void tr_irc_flood_init(struct tr_irc_session *session)
{
	session->flood.tokens = (double)session->network->config->ircClients.floodPacing.burst;
	session->flood.tokens_at_ms = tr_clock_mono_ms();
}

void tr_irc_flood_stop(struct tr_irc_session *session)
{
	if (session->flood.timer != NULL) {
		tr_timer_stop(session->flood.timer);
	}
}

void tr_irc_flood_finish(struct tr_irc_session *session)
{
	tr_timer_destroy(session->flood.timer);
}
