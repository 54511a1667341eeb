/* SPDX-License-Identifier: Apache-2.0 */
/* Topics both ways, see the header. */
#include "bridges/irc/topic.h"

#include "bridges/irc/identity.h"
#include "bridges/irc/query.h"
#include "bridges/irc/reader.h"
#include "bridges/irc/text.h"
#include "core/base/log.h"

#include <string.h>

enum { NAME_MAX = 512, TEXT_MAX = 16 * 1024, LINE_TEXT_MAX = 380 };

static const struct tr_db_statement select_all = {"SELECT name, topic FROM irc_topic"};
static const struct tr_db_statement store_topic = {
	"INSERT INTO irc_topic(name, topic) VALUES ($1, $2)"
	" ON CONFLICT (name) DO UPDATE SET topic = excluded.topic"};

/* A topic of Matrix on its way to the server. */
struct setting {
	struct tr_list node; /* in session->topics */
	struct tr_irc_session *session;
	struct tr_irc_channel *channel;
	struct tr_op *op;
	char *text;
	bool asked;
};

void tr_irc_topics_ask(struct tr_db_batch *batch)
{
	tr_db_batch_add(batch, &select_all, NULL, 0);
}

void tr_irc_topics_load(
	struct tr_irc_network *network, const struct tr_db_result *result, size_t index)
{
	for (size_t row = 0; row < tr_db_rows(result, index); row++) {
		char *name = tr_str_dup(tr_db_text(result, index, row, 0));
		struct tr_irc_channel *channel = tr_irc_channel_open(network, name);
		tr_free(channel->topic);
		channel->topic = tr_str_dup(tr_db_text(result, index, row, 1));
		tr_free(name);
	}
}

/* What holds when it is written: an older one that has to be written again does not come back. */
static void write_topic(void *mark, struct tr_db_batch *batch)
{
	const struct tr_irc_channel *channel = mark;
	TR_DB_ADD(batch, &store_topic, TR_DB_TC(channel->key), TR_DB_TC(channel->topic));
}

static void topic_settled(void *mark, bool durable)
{
	(void)mark;
	(void)durable;
}

/* false: it is the topic already. */
static bool remember(struct tr_irc_channel *channel, struct tr_str topic)
{
	if (channel->topic != NULL && tr_str_eq_c(topic, channel->topic)) {
		return false;
	}
	tr_free(channel->topic);
	channel->topic = tr_str_dup(topic);
	tr_marks_add(channel->network->marks, write_topic, topic_settled, channel);
	return true;
}

static void show_in_matrix(
	struct tr_irc_channel *channel, const struct tr_irc_line *line, struct tr_str topic)
{
	struct tr_irc_network *network = channel->network;
	struct tr_buf key = TR_BUF_INIT(NAME_MAX * 2);
	struct tr_buf name = TR_BUF_INIT(NAME_MAX * 2);
	struct tr_buf identity = TR_BUF_INIT(NAME_MAX * 2);
	bool by_person = tr_irc_is(line, "TOPIC") && !tr_str_empty(line->nick) &&
			 (!tr_str_empty(line->user) || !tr_str_empty(line->host));
	if (by_person) {
		tr_irc_reader_name(line->nick, &name);
		tr_irc_reader_identity(line->nick, &identity);
	}
	tr_buf_addf(
		&key, "topic:%s:%llu", network->epoch, (unsigned long long)++network->key_counter);
	const struct tr_remote_topic remote = {
		.portal = channel->portal,
		.sender = tr_buf_str(&identity),
		.sender_name = tr_buf_str(&name),
		.remote_key = tr_buf_str(&key),
		.text = topic,
	};
	tr_bridge_remote_topic(network->bridge, &remote, NULL, NULL);
	tr_buf_finish(&key);
	tr_buf_finish(&name);
	tr_buf_finish(&identity);
}

bool tr_irc_topic_line(struct tr_irc_channel *channel, const struct tr_irc_line *line)
{
	bool live = tr_irc_is(line, "TOPIC");
	if (!live && line->numeric != 331 && line->numeric != 332) {
		return false;
	}
	struct tr_buf plain = TR_BUF_INIT(TEXT_MAX);
	struct tr_str raw = line->numeric == 331 ? TR_STR("")
						 : tr_irc_param(line, line->numeric == 332 ? 2 : 1);
	tr_irc_text_plain(raw, &plain);
	bool ours = live && tr_irc_network_owner_of_line(channel->network, line, false) != NULL;
	bool first = channel->topic == NULL;
	bool is_new = remember(channel, tr_buf_str(&plain));
	/* A room that was just made has no topic: none on IRC is nothing new for it. */
	bool says = is_new && !ours && !(first && plain.len == 0);
	if (says && channel->portal != NULL && !channel->portal->configured) {
		show_in_matrix(channel, line, tr_buf_str(&plain));
	}
	tr_buf_finish(&plain);
	return true;
}

/* One line that the server takes (CVE-2025-27146): what ends a line becomes a space. */
static char *flat(const struct tr_irc_network *network, const char *text)
{
	size_t max = network->isupport.topic_len ? network->isupport.topic_len : LINE_TEXT_MAX;
	max = max < LINE_TEXT_MAX ? max : LINE_TEXT_MAX;
	struct tr_str whole = tr_str_trim(tr_str_from(text));
	char *out = tr_str_dup(tr_str_slice(whole, 0, tr_utf8_fit(whole, max)));
	for (char *c = out; *c != '\0'; c++) {
		unsigned char byte = (unsigned char)*c;
		bool style = byte == 0x02 || byte == 0x03 || byte == 0x0f || byte == 0x11 ||
			     byte == 0x16 || byte == 0x1d || byte == 0x1e || byte == 0x1f;
		*c = (byte < ' ' && !style) || byte == 0x7f ? ' ' : *c;
	}
	return out;
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

static void answered(
	void *arg, const struct tr_str *lines, size_t count, const struct tr_error *error)
{
	struct setting *setting = arg;
	struct tr_error refusal;
	if (error != NULL) {
		struct tr_error again = *error;
		again.cls = TR_CLASS_RETRY;
		setting_fail(setting, &again);
	} else if (find_refusal(setting, lines, count, &refusal)) {
		setting_fail(setting, &refusal);
	} else {
		/* Where nobody heard it yet: the reader corrects what the server has cut. */
		remember(setting->channel, tr_str_from(setting->text));
		setting_done(setting);
	}
}

static void ask(struct setting *setting)
{
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
	setting->text = flat(network, op->text);
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
