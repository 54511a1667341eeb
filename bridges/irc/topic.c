/* SPDX-License-Identifier: Apache-2.0 */
/* Topics of IRC, and what is known of each channel's; those of Matrix are topic_set.c's. */
#include "bridges/irc/topic.h"

#include "bridges/irc/identity.h"
#include "bridges/irc/reader.h"
#include "bridges/irc/text.h"

enum { NAME_MAX = 512, TEXT_MAX = 16 * 1024 };

static const struct tr_db_statement select_all = {"SELECT name, topic FROM irc_topic"};
static const struct tr_db_statement store_topic = {
	"INSERT INTO irc_topic(name, topic) VALUES ($1, $2)"
	" ON CONFLICT (name) DO UPDATE SET topic = excluded.topic"};

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

bool tr_irc_topic_remember(struct tr_irc_channel *channel, struct tr_str topic)
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
	bool ours = live ? tr_irc_network_owner_of_line(channel->network, line, false) != NULL
			 : tr_irc_topic_is_asked(channel, raw);
	bool first = channel->topic == NULL;
	bool is_new = tr_irc_topic_remember(channel, tr_buf_str(&plain));
	/* A room that was just made has no topic: none on IRC is nothing new for it. */
	bool says = is_new && !ours && !(first && plain.len == 0);
	if (says && channel->portal != NULL && !channel->portal->configured) {
		show_in_matrix(channel, line, tr_buf_str(&plain));
	}
	if (live) {
		channel->topics_heard++;
		tr_irc_topic_forget_asked(channel);
	}
	tr_buf_finish(&plain);
	return true;
}
