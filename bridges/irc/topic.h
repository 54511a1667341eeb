/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topics both ways. From IRC (TOPIC, 331, 332): set in the rooms of channels that people opened
 * themselves, as whoever set it; a mapped room keeps its own. From Matrix: TOPIC by the puppet of
 * whoever set it, from any room. The topic that is known of a channel is stored, so that neither a
 * restart nor an own change comes back as a new one, also when the server has cut it.
 */
#ifndef TRESTLE_IRC_TOPIC_H
#define TRESTLE_IRC_TOPIC_H

#include "bridges/irc/channel.h"
#include "bridges/irc/session.h"

/* At start: records the question, and takes its rows. */
void tr_irc_topics_ask(struct tr_db_batch *batch);
void tr_irc_topics_load(
	struct tr_irc_network *network, const struct tr_db_result *result, size_t index);

/* TOPIC, 331 or 332 as the channel's reader hears it. true = it was one of them. */
bool tr_irc_topic_line(struct tr_irc_channel *channel, const struct tr_irc_line *line);

/* Takes a TR_OP_TOPIC. */
void tr_irc_topic_add(struct tr_irc_session *session, struct tr_op *op);
/* The session is online, or in another channel: asks for what waits. */
void tr_irc_topic_pump(struct tr_irc_session *session);
/* The connection is gone, or nobody waits any more: all go back to their lanes (refused when the
 * session is barred). */
void tr_irc_topic_give_back(struct tr_irc_session *session, const struct tr_error *error);
/* The channel cannot be joined. */
void tr_irc_topic_refuse(struct tr_irc_session *session, const struct tr_irc_channel *channel,
	const struct tr_error *error);
bool tr_irc_topic_idle(const struct tr_irc_session *session);
void tr_irc_topic_finish(struct tr_irc_session *session);

/* Between topic.c and topic_set.c: remembers what IRC says (false: it is known already); whether
 * this is what we have asked the server for and not heard since, or its beginning; no more. */
bool tr_irc_topic_remember(struct tr_irc_channel *channel, struct tr_str topic);
bool tr_irc_topic_is_asked(const struct tr_irc_channel *channel, struct tr_str raw);
void tr_irc_topic_forget_asked(struct tr_irc_channel *channel);

#endif
