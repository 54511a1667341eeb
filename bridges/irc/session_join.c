/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JOINs on their way: several channels in a line, the next line when the last is answered and lines
 * may be written (flood.h), again where the server refused one for a moment, and given up when it
 * never answers. A server ends whom it hears too many lines of, and works them off as slowly as it
 * likes; a bot may have hundreds of channels to go to.
 */
#include "bridges/irc/channel.h"
#include "bridges/irc/outgoing_internal.h"
#include "bridges/irc/pong.h"
#include "bridges/irc/session_internal.h"
#include "core/base/clock.h"

#include <string.h>

enum {
	JOIN_TIMEOUT_MS = 30000,
	LOOK_MS = 10000,  /* without an answer: has the server worked the line off? */
	LIST_MAX = 20,    /* channels in a line, where TARGMAX does not say fewer */
	LIST_BYTES = 400, /* .. and their names */
};

static const char letters[] = "tj";

/* The next line need not wait for this channel (any more). */
static void answered(struct tr_irc_member *member)
{
	if (member->unanswered) {
		member->unanswered = false;
		if (--member->session->joins_unanswered == 0) {
			tr_irc_outgoing_pump_later(member->session);
		}
	}
}

void tr_irc_session_ask_join(struct tr_irc_member *member)
{
	if (!member->due) {
		member->due = true;
		member->session->joins_due++;
	}
	tr_irc_outgoing_pump_later(member->session);
}

void tr_irc_session_unask_join(struct tr_irc_member *member)
{
	if (member->due) {
		member->due = false;
		member->session->joins_due--;
	}
	answered(member);
}

/* A channel with a key, and one that was not answered among others, has a line of its own. */
static bool goes_alone(const struct tr_irc_member *member)
{
	return member->listed || !tr_str_empty(tr_str_from(member->channel->password));
}

static unsigned list_max(const struct tr_irc_session *session)
{
	unsigned said = tr_irc_connection_isupport(session->connection)->targ_max_join;
	return said > 0 && said < LIST_MAX ? said : LIST_MAX;
}

/* Whoever waits to say something goes first. */
static struct tr_irc_member *first_due(const struct tr_irc_session *session)
{
	for (struct tr_list *node = session->tasks.next; node != &session->tasks;
		node = node->next) {
		const struct tr_irc_task *task = TR_LIST_ENTRY(node, struct tr_irc_task, node);
		struct tr_irc_member *member =
			task->channel ? tr_irc_session_member(task->session, task->channel) : NULL;
		if (member != NULL && member->due) {
			return member;
		}
	}
	for (struct tr_list *node = session->members.next; node != &session->members;
		node = node->next) {
		struct tr_irc_member *member = TR_LIST_ENTRY(node, struct tr_irc_member, node);
		if (member->due) {
			return member;
		}
	}
	return NULL;
}

static void add_to_line(struct tr_irc_member *member, struct tr_buf *names)
{
	tr_buf_add_c(names, names->len > 0 ? "," : "");
	tr_buf_add_c(names, member->channel->name);
	tr_irc_session_unask_join(member);
	member->unanswered = true;
	member->session->joins_unanswered++;
	member->asked_ms = tr_clock_mono_ms();
	member->again_ms = 0;
	tr_irc_hearing_before_join(member->session, member->channel);
}

static void add_others(struct tr_irc_session *session, struct tr_buf *names)
{
	unsigned left = list_max(session) - 1;
	struct tr_list *node = session->members.next;
	for (; node != &session->members && left > 0 && session->joins_due > 0; node = node->next) {
		struct tr_irc_member *member = TR_LIST_ENTRY(node, struct tr_irc_member, node);
		size_t length = names->len + 1 + strlen(member->channel->name);
		if (member->due && !goes_alone(member) && length <= LIST_BYTES) {
			add_to_line(member, names);
			member->listed = true;
			left--;
		}
	}
}

static void write_line(struct tr_irc_member *first)
{
	struct tr_irc_session *session = first->session;
	struct tr_buf names = TR_BUF_INIT(TR_IRC_LINE_BYTES);
	bool alone = goes_alone(first);
	add_to_line(first, &names);
	size_t length = names.len;
	if (!alone) {
		add_others(session, &names);
	}
	first->listed = names.len > length;
	tr_irc_send_words(session->connection, "JOIN", tr_buf_str(&names),
		tr_str_from(first->channel->password), (struct tr_str){NULL, 0});
	tr_buf_finish(&names);
}

void tr_irc_session_write_joins(struct tr_irc_session *session)
{
	if (session->joins_due == 0 || session->joins_unanswered > 0 ||
		!tr_irc_flood_take(session)) {
		return;
	}
	write_line(first_due(session));
	if (!tr_timer_active(session->join_watch)) {
		tr_timer_start(session->join_watch, LOOK_MS);
	}
}

void tr_irc_session_join_again(struct tr_irc_member *member, uint64_t delay_ms)
{
	answered(member);
	member->tries++;
	member->again_ms = tr_clock_mono_ms() + delay_ms;
	tr_timer_start(member->session->join_watch, delay_ms);
}

static void not_answered(struct tr_irc_member *member)
{
	struct tr_error error;
	tr_error_set_class(&error, TR_E_TIMEOUT, TR_CLASS_PERMANENT,
		"%.100s could not be joined on IRC: the server does not answer",
		member->channel->name);
	tr_irc_session_join_failed(member, &error);
}

/* Looks at one that is not in yet; how long it can wait for the next look, 0 = it has failed. */
static uint64_t look_after_join(struct tr_irc_member *member, uint64_t now)
{
	struct tr_irc_session *session = member->session;
	if (member->again_ms > now) {
		return member->again_ms - now;
	}
	if (member->again_ms != 0) {
		member->again_ms = 0;
		tr_irc_session_ask_join(member);
	}
	if (member->unanswered && now >= member->asked_ms + LOOK_MS && session->join_ping == 0) {
		session->join_ping = ++session->join_pings;
		tr_irc_ping_number(session->connection, letters, session->join_ping);
	}
	if (member->due || member->unanswered || now < member->asked_ms + JOIN_TIMEOUT_MS) {
		return LOOK_MS;
	}
	not_answered(member);
	return 0;
}

bool tr_irc_session_join_pong(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	uint64_t number;
	if (!tr_irc_pong_number(line, letters, &number)) {
		return false;
	}
	if (number != session->join_ping) {
		return true;
	}
	session->join_ping = 0;
	struct tr_list *node = session->members.next;
	for (; node != &session->members && session->joins_unanswered > 0; node = node->next) {
		struct tr_irc_member *member = TR_LIST_ENTRY(node, struct tr_irc_member, node);
		if (member->unanswered && member->listed) {
			tr_irc_session_ask_join(member);
		}
		answered(member);
	}
	return true;
}

void tr_irc_session_look_after_joins(void *arg)
{
	struct tr_irc_session *session = arg;
	uint64_t now = tr_clock_mono_ms();
	uint64_t wait = 0;
	struct tr_list *node = session->members.next;
	while (node != &session->members && tr_irc_session_online(session)) {
		struct tr_irc_member *member = TR_LIST_ENTRY(node, struct tr_irc_member, node);
		node = node->next;
		if (member->state == TR_IRC_JOINING) {
			uint64_t delay = look_after_join(member, now);
			wait = delay > 0 && (wait == 0 || delay < wait) ? delay : wait;
		}
	}
	if (wait > 0) {
		tr_timer_start(session->join_watch, wait);
	}
}
