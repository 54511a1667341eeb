/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channels of one session: joining, rejoining after a loss, parting, and JOINs that nobody
 * answers. What the server says of them is read in session_lines.c.
 */
#include "bridges/irc/channel.h"
#include "bridges/irc/session_internal.h"
#include "core/base/clock.h"

enum { JOIN_TIMEOUT_MS = 30000 };

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

static void send_join(struct tr_irc_member *member)
{
	const struct tr_irc_channel *channel = member->channel;
	member->asked_ms = tr_clock_mono_ms();
	member->again_ms = 0;
	tr_irc_hearing_before_join(member->session, channel);
	tr_irc_send_words(member->session->connection, "JOIN", tr_str_from(channel->name),
		tr_str_from(channel->password), (struct tr_str){NULL, 0});
	if (!tr_timer_active(member->session->join_watch)) {
		tr_timer_start(member->session->join_watch, JOIN_TIMEOUT_MS);
	}
}

void tr_irc_session_join_again(struct tr_irc_member *member, uint64_t delay_ms)
{
	member->tries++;
	member->again_ms = tr_clock_mono_ms() + delay_ms;
	tr_timer_start(member->session->join_watch, delay_ms);
}

/* Looks at one that is not in yet; how long it can wait for the next look, 0 = it has failed. */
static uint64_t look_after_join(struct tr_irc_member *member, uint64_t now)
{
	if (member->again_ms > now) {
		return member->again_ms - now;
	}
	if (member->again_ms != 0) {
		send_join(member);
	}
	if (now < member->asked_ms + JOIN_TIMEOUT_MS) {
		return JOIN_TIMEOUT_MS / 3;
	}
	struct tr_error error;
	tr_error_set_class(&error, TR_E_TIMEOUT, TR_CLASS_PERMANENT,
		"%.100s could not be joined on IRC: the server does not answer",
		member->channel->name);
	tr_irc_session_join_failed(member, &error);
	return 0;
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
			send_join(member);
		}
	}
	return member;
}

struct tr_irc_member *tr_irc_session_joined(
	struct tr_irc_session *session, struct tr_irc_channel *channel)
{
	struct tr_irc_member *member = tr_irc_session_member(session, channel);
	member = member != NULL ? member : member_add(session, channel);
	member->state = TR_IRC_JOINED;
	member->tries = 0;
	return member;
}

void tr_irc_member_remove(struct tr_irc_member *member)
{
	struct tr_irc_channel *channel = member->channel;
	struct tr_irc_session *session = member->session;
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
		send_join(TR_LIST_ENTRY(node, struct tr_irc_member, node));
	}
}

void tr_irc_session_leave_all(struct tr_irc_session *session)
{
	struct tr_list *node;
	struct tr_list *following;
	session->nick_lost = false;
	TR_LIST_EACH (&session->members, node, following) {
		struct tr_irc_member *member = TR_LIST_ENTRY(node, struct tr_irc_member, node);
		member->state = TR_IRC_JOINING;
		member->tries = 0;
		tr_irc_channel_left(member->channel, session);
	}
}
