/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a message as lines that fit: how long they may be, and how many there are. */
#include "bridges/irc/outgoing_internal.h"
#include "bridges/irc/session.h"
#include "bridges/irc/text.h"
#include "core/base/log.h"

enum {
	LINES_MAX = 500, /* of one message */
	WHOLE = 1 << 16, /* bytes; longer than any line */
};

void tr_irc_task_uncut(struct tr_irc_task *task)
{
	for (size_t i = 0; i < task->count; i++) {
		tr_free(task->msgids[i]);
	}
	tr_free(task->msgids);
	tr_irc_text_lines_free(task->lines, task->count);
	task->lines = NULL;
	task->msgids = NULL;
	task->count = 0;
}

/* Bytes of text that a line has room for. How a message was cut is stored before one of several
 * lines is begun, so an earlier attempt without that can only have written it whole. */
static size_t width_of(const struct tr_irc_task *task)
{
	static const char marks[] = "\x01"
				    "ACTION \x01";
	if (task->cut_stored) {
		return task->width;
	}
	if (task->claims) {
		return WHOLE;
	}
	size_t width = tr_irc_connection_text_max(
		task->session->connection, tr_irc_task_verb(task), tr_str_from(task->target));
	return width - (task->said.kind == TR_MESSAGE_EMOTE ? sizeof(marks) - 1 : 0);
}

static size_t line_limit(const struct tr_irc_task *task)
{
	return (size_t)task->session->network->config->ircClients.lineLimit;
}

static void tell_cut(const struct tr_irc_task *task)
{
	tr_log_warn("irc", "a message of %s has more than %d lines: the rest is left out",
		task->op->sender, LINES_MAX);
	if (!task->op->maybe_sent) {
		tr_bridge_tell_room(task->session->network->bridge, task->op->room_id,
			"Your message was too long for IRC: only its first 500 lines were sent.");
	}
}

/* Cuts the message into lines. One with too many waits until it has been made shorter. */
static void split(struct tr_irc_task *task)
{
	bool cut = false;
	task->width = width_of(task);
	task->count = tr_irc_text_split(
		tr_buf_str(&task->said.text), task->width, LINES_MAX, &task->lines, &cut);
	task->msgids = tr_alloc_array(task->count, sizeof(*task->msgids));
	if (task->count > line_limit(task) && !task->final && task->width != WHOLE) {
		tr_irc_task_uncut(task);
		tr_irc_task_shorten(task);
	} else if (cut) {
		tell_cut(task);
	}
}

bool tr_irc_task_have_lines(struct tr_irc_task *task)
{
	if (task->lines != NULL) {
		return true;
	}
	if (!task->composed && !tr_irc_task_compose(task)) {
		return false;
	}
	split(task);
	if (task->count > 0 || task->state == TR_IRC_TASK_STORE) {
		return task->count > 0;
	}
	struct tr_error error;
	tr_error_set_class(&error, TR_E_INVALID, TR_CLASS_PERMANENT, "the message is empty on IRC");
	tr_irc_task_refuse(task, &error);
	return false;
}
