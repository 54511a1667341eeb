/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A topic set in Matrix on its way to IRC: cut to what the server takes, asked for when the puppet
 * is in the channel, and what the server made of it. Which topic is known of a channel is
 * topic.c's.
 */
#include "bridges/irc/query.h"
#include "bridges/irc/text.h"
#include "bridges/irc/topic.h"
#include "core/base/grapheme.h"

#include <string.h>

enum { TEXT_MAX = 16 * 1024, LINE_TEXT_MAX = 380 };

/* A topic of Matrix on its way to the server. */
struct setting {
	struct tr_list node; /* in session->topics */
	struct tr_irc_session *session;
	struct tr_irc_channel *channel;
	struct tr_op *op;
	char *text;     /* as it is written */
	unsigned heard; /* channel->topics_heard, when it was */
	bool asked;
};

/* What the channel takes: TOPICLEN, and what fits the line in which others get it. */
static size_t room_for(const struct tr_irc_session *session, const char *channel)
{
	size_t line = tr_irc_session_online(session)
			      ? tr_irc_connection_text_max(
					session->connection, "TOPIC", tr_str_from(channel))
			      : LINE_TEXT_MAX;
	size_t topic = session->network->isupport.topic_len;
	return topic > 0 && topic < line ? topic : line;
}

/* One line that the server takes (CVE-2025-27146): what ends a line becomes a space. Owned. */
static char *flat(const struct tr_irc_session *session, const char *channel, const char *text)
{
	char *line = tr_strdup(text);
	for (char *c = line; *c != '\0'; c++) {
		unsigned char byte = (unsigned char)*c;
		bool style = byte == 0x02 || byte == 0x03 || byte == 0x0f || byte == 0x11 ||
			     byte == 0x16 || byte == 0x1d || byte == 0x1e || byte == 0x1f;
		*c = (byte < ' ' && !style) || byte == 0x7f ? ' ' : *c;
	}
	struct tr_str whole = tr_str_trim(tr_str_from(line));
	struct tr_str cut =
		tr_str_slice(whole, 0, tr_grapheme_fit(whole, room_for(session, channel)));
	char *out = tr_str_dup(tr_str_trim(cut));
	tr_free(line);
	return out;
}

bool tr_irc_topic_is_asked(const struct tr_irc_channel *channel, struct tr_str raw)
{
	struct tr_str asked = tr_str_from(channel->topic_asked);
	return channel->topic_asked != NULL && tr_str_starts(asked, raw) &&
	       (raw.len > 0 || asked.len == 0);
}

void tr_irc_topic_forget_asked(struct tr_irc_channel *channel)
{
	tr_free(channel->topic_asked);
	channel->topic_asked = NULL;
}

/* Known from now on, as the text that Matrix would get. */
static void remember_plain(struct tr_irc_channel *channel, struct tr_str raw)
{
	struct tr_buf plain = TR_BUF_INIT(TEXT_MAX);
	tr_irc_text_plain(raw, &plain);
	tr_irc_topic_remember(channel, tr_buf_str(&plain));
	tr_buf_finish(&plain);
}

static void setting_free(struct setting *setting)
{
	tr_list_remove(&setting->node);
	tr_free(setting->text);
	tr_free(setting);
}

static void setting_done(struct setting *setting)
{
	struct tr_op *op = setting->op;
	setting_free(setting);
	tr_op_done(op, NULL, 0, NULL, NULL);
}

static void setting_fail(struct setting *setting, const struct tr_error *error)
{
	struct tr_op *op = setting->op;
	bool again = error->cls == TR_CLASS_RETRY || error->cls == TR_CLASS_RETRY_AFTER;
	setting_free(setting);
	if (again) {
		tr_op_retry(op, error);
	} else {
		tr_op_refuse(op, error);
	}
}

/* The numeric among the answers that refuses it, if any. */
static bool find_refusal(const struct setting *setting, const struct tr_str *lines, size_t count,
	struct tr_error *error)
{
	const struct tr_irc_isupport *isupport = &setting->channel->network->isupport;
	for (size_t i = 0; i < count; i++) {
		struct tr_irc_line line;
		if (tr_irc_line_parse(lines[i], &line) && line.numeric >= 400 &&
			tr_irc_same(isupport, tr_irc_param(&line, 1),
				tr_str_from(setting->channel->name))) {
			tr_error_set_class(error, TR_E_DENIED, TR_CLASS_PERMANENT,
				"the topic of %s stays as it is on IRC: %.*s",
				setting->channel->name,
				TR_STR_ARG(tr_irc_param(&line, line.param_count - 1)));
			return true;
		}
	}
	return false;
}

/* What the server has made of it, unless somebody else was quicker. */
static void looked(
	void *arg, const struct tr_str *lines, size_t count, const struct tr_error *error)
{
	struct setting *setting = arg;
	struct tr_irc_channel *channel = setting->channel;
	for (size_t i = 0; error == NULL && i < count; i++) {
		struct tr_irc_line line;
		bool topic = tr_irc_line_parse(lines[i], &line) &&
			     (line.numeric == 331 || line.numeric == 332) &&
			     tr_irc_same(&channel->network->isupport, tr_irc_param(&line, 1),
				     tr_str_from(channel->name));
		struct tr_str raw =
			topic && line.numeric == 332 ? tr_irc_param(&line, 2) : TR_STR("");
		if (topic && setting->heard == channel->topics_heard &&
			tr_irc_topic_is_asked(channel, raw)) {
			remember_plain(channel, raw);
		}
	}
	if (setting->heard == channel->topics_heard) {
		tr_irc_topic_forget_asked(channel);
	}
	setting_done(setting);
}

/* The server has it. What it has cut off the reader hears from it; where nobody reads, or the
 * server says nothing because it had that topic already, it is asked: its next answer to a JOIN
 * must not come back as somebody's new topic. */
static void answered(
	void *arg, const struct tr_str *lines, size_t count, const struct tr_error *error)
{
	struct setting *setting = arg;
	struct tr_error refusal;
	const struct tr_irc_out question = {
		.command = "TOPIC",
		.params = {tr_str_from(setting->channel->name)},
		.param_count = 1,
	};
	if (error != NULL) {
		struct tr_error again = *error;
		again.cls = TR_CLASS_RETRY;
		setting_fail(setting, &again);
	} else if (find_refusal(setting, lines, count, &refusal)) {
		setting_fail(setting, &refusal);
	} else if (setting->heard != setting->channel->topics_heard ||
		   tr_irc_query(setting->session, &question, looked, setting) != 0) {
		setting_done(setting);
	}
}

static void ask(struct setting *setting)
{
	struct tr_irc_channel *channel = setting->channel;
	tr_free(setting->text);
	setting->text = flat(setting->session, channel->name, setting->op->text);
	setting->heard = channel->topics_heard;
	tr_free(channel->topic_asked);
	channel->topic_asked = tr_strdup(setting->text);
	const struct tr_irc_out line = {
		.command = "TOPIC",
		.params = {tr_str_from(setting->channel->name), tr_str_from(setting->text)},
		.param_count = 2,
		.trailing = true,
	};
	int failed = tr_irc_query(setting->session, &line, answered, setting);
	setting->asked = failed == 0;
	if (failed != 0 && failed != TR_E_CLOSED) {
		struct tr_error error;
		tr_error_set_class(&error, TR_E_INVALID, TR_CLASS_PERMANENT,
			"the topic cannot be written as a line of IRC");
		setting_fail(setting, &error);
	}
}

void tr_irc_topic_pump(struct tr_irc_session *session)
{
	struct tr_list *node;
	struct tr_list *following;
	if (!tr_irc_session_online(session) || session->topics.next == NULL) {
		return;
	}
	TR_LIST_EACH (&session->topics, node, following) {
		struct setting *setting = TR_LIST_ENTRY(node, struct setting, node);
		if (!setting->asked &&
			tr_irc_session_join(session, setting->channel)->state == TR_IRC_JOINED) {
			ask(setting);
		}
	}
}

static void pump_later(void *arg)
{
	tr_irc_topic_pump(arg);
}

static void nothing_new(void *arg)
{
	setting_done(arg);
}

void tr_irc_topic_add(struct tr_irc_session *session, struct tr_op *op)
{
	struct tr_irc_network *network = session->network;
	struct setting *setting = tr_alloc(sizeof(*setting));
	setting->session = session;
	setting->op = op;
	setting->channel = tr_irc_channel_open(network, op->portal->name);
	setting->text = flat(session, op->portal->name, op->text);
	if (session->topics.next == NULL) {
		tr_list_init(&session->topics);
	}
	tr_list_append(&session->topics, &setting->node);
	if (setting->channel->topic != NULL &&
		strcmp(setting->channel->topic, setting->text) == 0) {
		setting->asked = true;
		tr_loop_defer(network->loop, nothing_new, setting);
		return;
	}
	tr_irc_session_want(session);
	tr_loop_defer_cancel(network->loop, pump_later, session);
	tr_loop_defer(network->loop, pump_later, session);
}

/* Those that are asked end by their question. */
static void end_waiting(struct tr_irc_session *session, const struct tr_irc_channel *channel,
	const struct tr_error *error)
{
	struct tr_list *node;
	struct tr_list *following;
	if (session->topics.next == NULL) {
		return;
	}
	TR_LIST_EACH (&session->topics, node, following) {
		struct setting *setting = TR_LIST_ENTRY(node, struct setting, node);
		if (!setting->asked && (channel == NULL || setting->channel == channel)) {
			setting_fail(setting, error);
		}
	}
}

void tr_irc_topic_give_back(struct tr_irc_session *session, const struct tr_error *error)
{
	struct tr_error own = *error;
	if (session->state != TR_IRC_BARRED) {
		own.cls = TR_CLASS_RETRY;
	}
	end_waiting(session, NULL, &own);
}

void tr_irc_topic_refuse(struct tr_irc_session *session, const struct tr_irc_channel *channel,
	const struct tr_error *error)
{
	end_waiting(session, channel, error);
}

bool tr_irc_topic_idle(const struct tr_irc_session *session)
{
	return session->topics.next == NULL || tr_list_empty(&session->topics);
}

void tr_irc_topic_finish(struct tr_irc_session *session)
{
	struct tr_list *node;
	tr_loop_defer_cancel(session->network->loop, pump_later, session);
	while (session->topics.next != NULL && (node = tr_list_head(&session->topics)) != NULL) {
		struct setting *setting = TR_LIST_ENTRY(node, struct setting, node);
		tr_loop_defer_cancel(session->network->loop, nothing_new, setting);
		setting_free(setting);
	}
}
