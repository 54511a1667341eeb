/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channels of one session: which it is in, wants back into after a loss, and parts. JOINs are
 * written in session_join.c; what the server says of channels is read in session_lines.c.
 */
#include "bridges/irc/channel.h"
#include "bridges/irc/session_internal.h"

struct tr_irc_member *tr_irc_session_member(
	struct tr_irc_session *session, const struct tr_irc_channel *channel)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->members, node, following) {
		struct tr_irc_member *member = TR_LIST_ENTRY(node, struct tr_irc_member, node);
		if (member->channel == channel) {
			return member;
		}
	}
	return NULL;
}

static struct tr_irc_member *member_add(
	struct tr_irc_session *session, struct tr_irc_channel *channel)
{
	struct tr_irc_member *member = tr_alloc(sizeof(*member));
	member->session = session;
	member->channel = channel;
	member->state = TR_IRC_JOINING;
	tr_list_append(&session->members, &member->node);
	tr_list_append(&channel->members, &member->channel_node);
	return member;
}

struct tr_irc_member *tr_irc_session_join(
	struct tr_irc_session *session, struct tr_irc_channel *channel)
{
	struct tr_irc_member *member = tr_irc_session_member(session, channel);
	if (member == NULL) {
		member = member_add(session, channel);
		if (tr_irc_session_online(session)) {
			tr_irc_session_ask_join(member);
		}
	}
	return member;
}

struct tr_irc_member *tr_irc_session_joined(
	struct tr_irc_session *session, struct tr_irc_channel *channel)
{
	struct tr_irc_member *member = tr_irc_session_member(session, channel);
	member = member != NULL ? member : member_add(session, channel);
	tr_irc_session_unask_join(member);
	member->state = TR_IRC_JOINED;
	member->tries = 0;
	return member;
}

void tr_irc_member_remove(struct tr_irc_member *member)
{
	struct tr_irc_channel *channel = member->channel;
	struct tr_irc_session *session = member->session;
	tr_irc_session_unask_join(member);
	tr_list_remove(&member->node);
	tr_list_remove(&member->channel_node);
	tr_free(member);
	tr_irc_channel_left(channel, session);
}

void tr_irc_session_part(
	struct tr_irc_session *session, struct tr_irc_channel *channel, const char *reason)
{
	struct tr_irc_member *member = tr_irc_session_member(session, channel);
	if (member == NULL) {
		return;
	}
	if (tr_irc_session_online(session)) {
		tr_irc_send_words(session->connection, "PART", tr_str_from(channel->name),
			tr_str_from(reason), (struct tr_str){NULL, 0});
	}
	tr_irc_member_remove(member);
}

void tr_irc_session_rejoin_missing(void *arg)
{
	struct tr_irc_session *session = arg;
	struct tr_map_entry *e = tr_map_first(&session->network->channels);
	for (; e != NULL; e = tr_map_next(e)) {
		struct tr_irc_channel *channel = tr_map_value(e);
		if (channel->portal != NULL) {
			tr_irc_session_join(session, channel);
		}
	}
}

void tr_irc_session_rejoin_later(struct tr_irc_session *session, uint64_t delay_ms)
{
	if (!tr_timer_active(session->rejoin)) {
		tr_timer_start(session->rejoin, delay_ms);
	}
}

void tr_irc_session_rejoin_all(struct tr_irc_session *session)
{
	struct tr_list *node;
	struct tr_list *following;
	tr_irc_hearing_rest(session);
	TR_LIST_EACH (&session->members, node, following) {
		tr_irc_session_ask_join(TR_LIST_ENTRY(node, struct tr_irc_member, node));
	}
}

void tr_irc_session_leave_all(struct tr_irc_session *session)
{
	struct tr_list *node;
	struct tr_list *following;
	session->nick_lost = false;
	session->join_ping = 0;
	session->overlap_next = session->overlap_asked = 0;
	TR_LIST_EACH (&session->members, node, following) {
		struct tr_irc_member *member = TR_LIST_ENTRY(node, struct tr_irc_member, node);
		tr_irc_session_unask_join(member);
		member->state = TR_IRC_JOINING;
		member->tries = 0;
		member->listed = false;
		tr_irc_channel_left(member->channel, session);
	}
}
