/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose turn it is. Messages of one channel stand in one list in the order of the room, whoever
 * sends them: further ones of the same sender may be written behind each other, one of the next
 * sender when everything before it was seen by the server. The wait has an end: where nothing has
 * been heard of written lines for a while, the next sender goes on. And the sessions that have
 * something to do, each pumped once.
 */
#include "bridges/irc/outgoing.h"
#include "bridges/irc/outgoing_internal.h"
#include "bridges/irc/session.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#include <string.h>

enum { SEEN_WAIT_MS = 2000 };

static struct tr_irc_task *task_of(const struct tr_list *node)
{
	return TR_LIST_ENTRY(node, struct tr_irc_task, order_node);
}

static bool written_whole(const struct tr_irc_task *task)
{
	return task->lines != NULL && task->written == task->count;
}

/* A message to a person: order holds per target, and all of them are this session's. */
static bool is_first_to_target(const struct tr_irc_task *task)
{
	const struct tr_list *head = &task->session->tasks;
	for (const struct tr_list *node = head->next; node != &task->node; node = node->next) {
		const struct tr_irc_task *ahead = TR_LIST_ENTRY(node, struct tr_irc_task, node);
		if (!written_whole(ahead) && strcmp(ahead->target, task->target) == 0) {
			return false;
		}
	}
	return true;
}

bool tr_irc_order_turn(const struct tr_irc_task *task)
{
	if (task->channel == NULL) {
		return is_first_to_target(task);
	}
	const struct tr_list *head = &task->channel->order;
	for (const struct tr_list *node = head->next; node != &task->order_node;
		node = node->next) {
		const struct tr_irc_task *ahead = task_of(node);
		if (ahead->session == task->session ? !written_whole(ahead) : !ahead->overdue) {
			return false;
		}
	}
	return true;
}

void tr_irc_order_pump(struct tr_irc_channel *channel)
{
	for (struct tr_list *node = channel->order.next; node != &channel->order;
		node = node->next) {
		tr_irc_outgoing_pump_later(task_of(node)->session);
		if (!task_of(node)->overdue) {
			return;
		}
	}
}

/* Lines are written, and neither did they come through nor did any other follow them for long. */
static bool is_stuck(const struct tr_irc_task *task, uint64_t now)
{
	return task->written > task->confirmed && now - task->touched_ms >= SEEN_WAIT_MS;
}

void tr_irc_order_look(void *arg)
{
	struct tr_irc_channel *channel = arg;
	uint64_t now = tr_clock_mono_ms();
	bool again = false;
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&channel->order, node, following) {
		struct tr_irc_task *task = task_of(node);
		if (!task->overdue && is_stuck(task, now)) {
			tr_log_info("irc",
				"%s: the server is late with a message of %s: others go on",
				channel->name, task->op->sender);
			task->overdue = true;
		}
		again = again || (!task->overdue && task->written > task->confirmed);
	}
	tr_irc_order_pump(channel);
	if (again) {
		tr_timer_start(channel->order_timer, SEEN_WAIT_MS / 4);
	}
}

void tr_irc_order_touch(struct tr_irc_task *task)
{
	struct tr_irc_channel *channel = task->channel;
	if (channel == NULL) {
		return;
	}
	task->touched_ms = tr_clock_mono_ms();
	if (channel->order_timer == NULL) {
		channel->order_timer =
			tr_timer_create(channel->network->loop, tr_irc_order_look, channel);
	}
	if (!tr_timer_active(channel->order_timer)) {
		tr_timer_start(channel->order_timer, SEEN_WAIT_MS);
	}
}

void tr_irc_order_add(struct tr_irc_task *task)
{
	if (task->channel != NULL) {
		tr_list_append(&task->channel->order, &task->order_node);
	}
}

void tr_irc_order_remove(struct tr_irc_task *task)
{
	if (task->channel == NULL) {
		return;
	}
	bool was_first = task->channel->order.next == &task->order_node;
	tr_list_remove(&task->order_node);
	if (was_first && !task->channel->network->destroying) {
		tr_irc_order_pump(task->channel);
	}
}

bool tr_irc_outgoing_waits(
	const struct tr_irc_session *session, const struct tr_irc_channel *channel)
{
	const struct tr_list *order = &channel->order;
	for (const struct tr_list *node = order->next; node != order; node = node->next) {
		if (task_of(node)->session == session) {
			return true;
		}
	}
	return false;
}

struct tr_irc_task *tr_irc_order_follower(const struct tr_irc_task *task)
{
	if (task->channel != NULL) {
		struct tr_list *node = task->order_node.next;
		return node == &task->channel->order ? NULL : task_of(node);
	}
	const struct tr_list *tasks = &task->session->tasks;
	for (struct tr_list *node = task->node.next; node != tasks; node = node->next) {
		struct tr_irc_task *next = TR_LIST_ENTRY(node, struct tr_irc_task, node);
		if (strcmp(next->target, task->target) == 0) {
			return next;
		}
	}
	return NULL;
}

static void pump_all(struct tr_irc_network *network)
{
	struct tr_list *node;
	network->pumping = true;
	while ((node = tr_list_head(&network->to_pump)) != NULL) {
		tr_list_remove(node);
		struct tr_irc_session *session =
			TR_LIST_ENTRY(node, struct tr_irc_session, pump_node);
		if (session->state == TR_IRC_BARRED) {
			tr_irc_outgoing_give_back(session, &session->last_error);
		} else if (tr_irc_session_online(session)) {
			tr_irc_outgoing_write(session);
		}
	}
	network->pumping = false;
}

static void pump_all_now(void *arg)
{
	struct tr_irc_network *network = arg;
	network->pump_deferred = false;
	pump_all(network);
}

static void list_session(struct tr_irc_session *session)
{
	if (!tr_list_linked(&session->pump_node)) {
		tr_list_append(&session->network->to_pump, &session->pump_node);
	}
}

void tr_irc_outgoing_pump_later(struct tr_irc_session *session)
{
	struct tr_irc_network *network = session->network;
	list_session(session);
	if (!network->pumping && !network->pump_deferred) {
		network->pump_deferred = true;
		tr_loop_defer(network->loop, pump_all_now, network);
	}
}

void tr_irc_outgoing_pump(struct tr_irc_session *session)
{
	list_session(session);
	if (!session->network->pumping) {
		pump_all(session->network);
	}
}

void tr_irc_outgoing_pump_never(struct tr_irc_network *network)
{
	tr_loop_defer_cancel(network->loop, pump_all_now, network);
}
