/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server says about our lines: the echo or the PONG that confirms them, the numerics that
 * refuse them.
 */
#include "bridges/irc/outgoing_internal.h"

enum { ID_MAX = 1024, LABEL_MAX = 32 };

/* --- confirmation
 * ------------------------------------------------------------------------------------ */

static void confirm(struct tr_irc_sent_line *line, char *msgid_take)
{
	struct tr_irc_task *task = line->task;
	size_t index = line->index;
	tr_list_remove(&line->node);
	tr_free(line);
	tr_irc_task_line_confirmed(task, index, msgid_take);
}

static char *msgid_of(const struct tr_irc_line *line)
{
	struct tr_str value;
	if (!tr_irc_tag(line, "msgid", &value)) {
		return NULL;
	}
	struct tr_buf id = TR_BUF_INIT(ID_MAX);
	tr_irc_tag_unescape(value, &id);
	if (!tr_utf8_valid(tr_buf_str(&id))) {
		tr_buf_clear(&id);
	}
	return tr_buf_take(&id);
}

/* The line a label belongs to. */
static struct tr_irc_sent_line *by_label(
	struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_str label;
	if (!tr_irc_tag(line, "label", &label)) {
		return NULL;
	}
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->in_flight, node, following) {
		struct tr_irc_sent_line *sent = TR_LIST_ENTRY(node, struct tr_irc_sent_line, node);
		struct tr_buf number = TR_BUF_INIT(LABEL_MAX);
		tr_irc_outgoing_label(sent->label, &number);
		bool same = tr_str_eq(tr_buf_str(&number), label);
		tr_buf_finish(&number);
		if (same) {
			return sent;
		}
	}
	return NULL;
}

/* The oldest line on its way to this target. */
static struct tr_irc_sent_line *by_target(struct tr_irc_session *session, struct tr_str target)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->in_flight, node, following) {
		struct tr_irc_sent_line *sent = TR_LIST_ENTRY(node, struct tr_irc_sent_line, node);
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
		    tr_irc_connection_is_me(session->connection, line->nick) &&
		    tr_irc_outgoing_has_echo(session);
	if (!echo) {
		return false;
	}
	struct tr_irc_sent_line *sent = tr_irc_outgoing_has_labels(session)
						? by_label(session, line)
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
		struct tr_irc_sent_line *sent = TR_LIST_ENTRY(node, struct tr_irc_sent_line, node);
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
	struct tr_irc_sent_line *sent = by_label(session, line);
	if (sent == NULL && !fail) {
		sent = by_target(session, tr_irc_param(line, 1));
	}
	if (sent == NULL) {
		return false;
	}
	struct tr_irc_task *task = sent->task;
	struct tr_error error;
	tr_error_set_class(&error, TR_E_DENIED, TR_CLASS_PERMANENT,
		"IRC does not take the message to %s: %.*s", task->target,
		TR_STR_ARG(tr_irc_param(line, line->param_count - 1)));
	error.status = line->numeric;
	tr_irc_task_refuse(task, &error);
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
