/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server says about our lines: the echo or the PONG that confirms them, the numerics that
 * refuse them.
 */
#include "bridges/irc/channel.h"
#include "bridges/irc/history_place.h"
#include "bridges/irc/outgoing.h"
#include "bridges/irc/outgoing_internal.h"
#include "bridges/irc/pong.h"
#include "bridges/irc/query.h"
#include "bridges/irc/reader.h"
#include "bridges/irc/session.h"

enum { ID_MAX = 1024, LABEL_MAX = 32, BATCHES_MAX = 64 };

/* The line is delivered. Of a message that was refused it is only forgotten. */
static void confirm(struct tr_irc_sent_line *line, char *msgid_take)
{
	struct tr_irc_task *task = line->task;
	size_t index = line->index;
	tr_irc_sent_line_free(line);
	if (task != NULL) {
		tr_irc_task_line_confirmed(task, index, msgid_take);
	} else {
		tr_free(msgid_take);
	}
}

/* It was written to a nick that its person had given up by then. */
static bool went_to_former_nick(const struct tr_irc_sent_line *line, int numeric)
{
	const struct tr_irc_task *task = line->task;
	return numeric == 401 && task != NULL && task->channel == NULL &&
	       !tr_irc_same(&task->session->network->isupport, tr_str_from(line->target),
		       tr_str_from(task->target));
}

/* The line will not be delivered, and so the rest of its message neither. */
static void refuse(struct tr_irc_sent_line *line, int numeric, struct tr_str why)
{
	struct tr_irc_task *task = line->task;
	struct tr_error error;
	if (went_to_former_nick(line, numeric)) {
		tr_error_set_class(&error, TR_E_UNAVAILABLE, TR_CLASS_RETRY,
			"%s is known as %s now", line->target, task->target);
		tr_irc_sent_line_free(line);
		tr_irc_task_retry(task, &error);
		return;
	}
	tr_error_set_class(&error, TR_E_DENIED, TR_CLASS_PERMANENT,
		"IRC does not take the message to %s: %.*s", line->target, TR_STR_ARG(why));
	error.status = numeric;
	tr_irc_sent_line_free(line);
	if (task != NULL) {
		tr_irc_task_refuse(task, &error);
	}
}

/* The label of a line, its own or that of the labeled-response batch it stands in. */
static struct tr_str label_of(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_str value;
	if (tr_irc_tag(line, "label", &value)) {
		return value;
	}
	if (tr_irc_tag(line, "batch", &value)) {
		return tr_str_from(tr_map_get(&session->label_batches, value));
	}
	return (struct tr_str){NULL, 0};
}

static struct tr_irc_sent_line *by_label(struct tr_irc_session *session, struct tr_str label)
{
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
		if (tr_irc_same(&session->network->isupport, tr_str_from(sent->target), target)) {
			return sent;
		}
	}
	return NULL;
}

/* What we hear of ourselves moves the place in the channel's history too. */
static void pass_echo(struct tr_irc_channel *channel, const struct tr_irc_line *line)
{
	struct tr_buf key = TR_BUF_INIT(ID_MAX);
	struct tr_buf place = TR_BUF_INIT(ID_MAX);
	tr_irc_history_place_of(channel, line, &key, &place);
	tr_irc_channel_passed(channel, tr_buf_str(&place));
	tr_buf_finish(&key);
	tr_buf_finish(&place);
}

static bool confirm_echo(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	bool echo = (tr_irc_is(line, "PRIVMSG") || tr_irc_is(line, "NOTICE")) &&
		    tr_irc_connection_is_me(session->connection, line->nick) &&
		    tr_irc_outgoing_has_echo(session);
	if (!echo) {
		return false;
	}
	struct tr_str text = tr_irc_param(line, 1);
	if (tr_irc_is(line, "NOTICE") && tr_str_starts(text, TR_STR("\x01"))) {
		return true; /* an answer to CTCP, which nobody waits for */
	}
	struct tr_irc_sent_line *sent = tr_irc_outgoing_has_labels(session)
						? by_label(session, label_of(session, line))
						: by_target(session, tr_irc_param(line, 0));
	if (sent != NULL) {
		struct tr_irc_channel *channel = sent->task ? sent->task->channel : NULL;
		struct tr_buf msgid = TR_BUF_INIT(ID_MAX);
		tr_irc_msgid(line, &msgid);
		if (channel != NULL && channel->reader == session && !channel->catching_up) {
			pass_echo(channel, line);
		}
		tr_irc_hearing_echoed(session);
		confirm(sent, tr_buf_take(&msgid));
		tr_irc_outgoing_pump(session);
	}
	return true;
}

/* The answer to the line is complete, without an echo. */
static void not_echoed(struct tr_irc_session *session, struct tr_irc_sent_line *sent)
{
	if (sent == NULL || !tr_irc_outgoing_has_echo(session)) {
		return;
	}
	if (tr_irc_hearing_missed_echo(session)) {
		confirm(sent, NULL);
		tr_irc_outgoing_pump(session);
	} else {
		refuse(sent, 0, TR_STR("it was not passed on"));
	}
}

/* "@label=x ACK": the server has nothing to say, and with echo-message that means that nobody got
 * the line. The same when a labeled-response batch ends without the echo. */
static bool labeled_end(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_str reference = tr_irc_param(line, 0);
	if (tr_irc_is(line, "ACK")) {
		struct tr_irc_sent_line *sent = by_label(session, label_of(session, line));
		not_echoed(session, sent);
		return true;
	}
	if (!tr_irc_is(line, "BATCH") || reference.len < 2) {
		return false;
	}
	struct tr_str name = tr_str_from_index(reference, 1);
	if (reference.ptr[0] == '+') {
		struct tr_str label = label_of(session, line);
		bool ours = tr_str_eq_nocase(tr_irc_param(line, 1), TR_STR("labeled-response")) &&
			    by_label(session, label) != NULL;
		if (ours && tr_map_count(&session->label_batches) < BATCHES_MAX) {
			tr_free(tr_map_set(&session->label_batches, name, tr_str_dup(label)));
		}
		return ours;
	}
	char *label = tr_map_remove(&session->label_batches, name);
	struct tr_irc_sent_line *sent = label ? by_label(session, tr_str_from(label)) : NULL;
	not_echoed(session, sent);
	tr_free(label);
	return label != NULL;
}

static bool confirm_pong(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	uint64_t number;
	if (!tr_irc_pong_number(line, TR_IRC_OUTGOING_LETTERS, &number)) {
		return false;
	}
	struct tr_list *node;
	while ((node = tr_list_head(&session->in_flight)) != NULL) {
		struct tr_irc_sent_line *sent = TR_LIST_ENTRY(node, struct tr_irc_sent_line, node);
		if (sent->ping == 0 || sent->ping > number) {
			break;
		}
		if (tr_irc_outgoing_has_echo(session) && !tr_irc_hearing_missed_echo(session)) {
			/* An echo comes before the PONG: this line's will never come. */
			refuse(sent, 0, TR_STR("it was not passed on"));
		} else {
			confirm(sent, NULL);
		}
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
	case 439: /* target change too fast */
	case 442: /* not on channel */
	case 477: /* registered users only */
	case 480:
	case 482: /* operators only */
	case 486: /* registered users may write only */
	case 489:
	case 492: /* no CTCP */
	case 494: /* own mode forbids it */
	case 513:
	case 519:
	case 530:
	case 531: /* cannot send to user */
	case 716: /* target has +g */
		return true;
	default:
		return false;
	}
}

/* A refusal without a label: of the oldest line to the target it speaks of, unless a question
 * stands before that and is not answered yet (MODE, TOPIC, KICK): then it is the answer to the
 * question. */
static struct tr_irc_sent_line *by_refusal(
	struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_irc_sent_line *sent = by_target(session, tr_irc_param(line, 1));
	uint64_t open = tr_irc_query_open(session);
	return sent != NULL && open != 0 && open <= sent->behind ? NULL : sent;
}

static bool refuse_line(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	bool fail = tr_irc_is(line, "FAIL");
	if (!fail && !refuses_message(line->numeric)) {
		return false;
	}
	struct tr_irc_sent_line *sent = by_label(session, label_of(session, line));
	if (sent == NULL && !fail) {
		sent = by_refusal(session, line);
	}
	if (sent == NULL) {
		return false;
	}
	refuse(sent, line->numeric, tr_irc_param(line, line->param_count - 1));
	tr_irc_outgoing_pump(session);
	return true;
}

bool tr_irc_outgoing_line(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	if (confirm_pong(session, line)) {
		return true;
	}
	return confirm_echo(session, line) || labeled_end(session, line) ||
	       refuse_line(session, line);
}
