/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts the mode on and takes it off, and follows what the server shows of it. Who reads a channel
 * is channel.c's matter. Lines of one connection are worked off in order, so after the mode's end
 * was written, an answer to anything written later has everything behind it that was said since.
 */
#include "bridges/irc/hearing.h"

#include "bridges/irc/channel_internal.h"
#include "bridges/irc/pong.h"
#include "bridges/irc/session.h"
#include "core/base/log.h"

enum { FAILURES_MAX = 3 };

static const char letters[] = "dh";
static const struct tr_str none = {NULL, 0};

void tr_irc_hearing_reset(struct tr_irc_session *session)
{
	session->hearing = (struct tr_irc_hearing){
		.state = TR_IRC_HEARS,
		.letter = tr_irc_connection_isupport(session->connection)->deaf_mode,
	};
}

int tr_irc_hearing_fitness(const struct tr_irc_session *session)
{
	return session->hearing.fails ? 0 : session->hearing.state == TR_IRC_HEARS ? 2 : 1;
}

static void set_state(struct tr_irc_session *session, enum tr_irc_hearing_state state)
{
	static const char *const names[] = {"hears", "goes deaf", "is deaf", "wakes"};
	if (session->hearing.state != state) {
		tr_log_debug("irc", "%s %s", tr_irc_session_who(session), names[state]);
		session->hearing.state = state;
	}
}

static void write_mode(struct tr_irc_session *session, char sign)
{
	char mode[2] = {sign, session->hearing.letter};
	tr_irc_send_words(session->connection, "MODE",
		tr_str_from(tr_irc_connection_nick(session->connection)),
		tr_str_of(mode, sizeof(mode)), none);
}

static void take_off(struct tr_irc_session *session)
{
	session->hearing.token = ++session->network->hearing_tokens;
	set_state(session, TR_IRC_WAKING);
	write_mode(session, '-');
	tr_irc_ping_number(session->connection, letters, session->hearing.token);
}

void tr_irc_hearing_wake(struct tr_irc_session *session)
{
	bool deaf = session->hearing.state == TR_IRC_DEAF ||
		    session->hearing.state == TR_IRC_GOING_DEAF;
	if (deaf && !session->hearing.fails && tr_irc_session_online(session)) {
		take_off(session);
	}
}

/* How many others hear what is said in the channel; not counted beyond what is needed. */
static unsigned others_that_hear(
	const struct tr_irc_channel *channel, const struct tr_irc_session *session)
{
	unsigned count = 0;
	const struct tr_list *node = channel->members.next;
	for (; node != &channel->members && count < TR_IRC_LISTENERS; node = node->next) {
		const struct tr_irc_member *member =
			TR_LIST_ENTRY(node, struct tr_irc_member, channel_node);
		bool hears = member->state == TR_IRC_JOINED && member->session != session &&
			     tr_irc_session_online(member->session) &&
			     tr_irc_hearing_fitness(member->session) == 2;
		count += hears ? 1 : 0;
	}
	return count;
}

void tr_irc_hearing_before_join(
	struct tr_irc_session *session, const struct tr_irc_channel *channel)
{
	if (session->hearing.state != TR_IRC_HEARS &&
		others_that_hear(channel, session) < TR_IRC_LISTENERS) {
		tr_irc_hearing_wake(session);
	}
}

static bool may_be_deaf(const struct tr_irc_session *session)
{
	const struct tr_irc_network *network = session->network;
	if (network->config->ircClients.deaf == TR_IRC_DEAF_OFF || network->deaf_is_bad ||
		network->stopping || session->user_id == NULL || session->hearing.letter == '\0' ||
		!tr_irc_session_online(session) || session->hearing.left_alone ||
		session->hearing.fails || session->reading + session->standing_by > 0) {
		return false;
	}
	const struct tr_list *node = session->members.next;
	for (; node != &session->members; node = node->next) {
		const struct tr_irc_member *member =
			TR_LIST_ENTRY(node, struct tr_irc_member, node);
		if (others_that_hear(member->channel, session) < TR_IRC_LISTENERS) {
			return false;
		}
	}
	return !tr_list_empty(&session->members);
}

void tr_irc_hearing_rest(struct tr_irc_session *session)
{
	if (session->hearing.state == TR_IRC_HEARS && may_be_deaf(session)) {
		set_state(session, TR_IRC_GOING_DEAF);
		write_mode(session, '+');
	}
}

void tr_irc_hearing_relieve(struct tr_irc_channel *channel)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&channel->members, node, following) {
		tr_irc_hearing_rest(
			TR_LIST_ENTRY(node, struct tr_irc_member, channel_node)->session);
	}
}

void tr_irc_hearing_keep(struct tr_irc_channel *channel)
{
	const struct tr_irc_network *network = channel->network;
	unsigned count = others_that_hear(channel, NULL);
	struct tr_list *node;
	struct tr_list *following;
	if (count >= TR_IRC_LISTENERS || network->stopping || network->destroying) {
		return;
	}
	TR_LIST_EACH (&channel->members, node, following) {
		const struct tr_irc_member *member =
			TR_LIST_ENTRY(node, struct tr_irc_member, channel_node);
		if (member->state == TR_IRC_JOINED && tr_irc_session_online(member->session) &&
			tr_irc_hearing_fitness(member->session) == 1) {
			tr_irc_hearing_wake(member->session);
			if (++count == TR_IRC_LISTENERS) {
				return;
			}
		}
	}
}

/* It hears now: those who did so meanwhile, in its place, may be more than are needed. */
static void relieve_others(struct tr_irc_session *session)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->members, node, following) {
		tr_irc_hearing_relieve(TR_LIST_ENTRY(node, struct tr_irc_member, node)->channel);
	}
}

/* The roles of a connection that is deaf go to others. */
static void pass_roles_on(struct tr_irc_session *session)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->members, node, following) {
		tr_irc_channel_deafened(
			TR_LIST_ENTRY(node, struct tr_irc_member, node)->channel, session);
	}
}

static void fail(struct tr_irc_session *session)
{
	tr_log_warn("irc", "%s: %s is kept from hearing channels by user mode %c",
		session->network->entry->address, tr_irc_session_who(session),
		session->hearing.letter);
	session->hearing.fails = true;
	set_state(session, TR_IRC_DEAF);
}

static void put_on(struct tr_irc_session *session)
{
	bool ours = session->hearing.state == TR_IRC_GOING_DEAF;
	session->hearing.mode = true;
	if (session->hearing.state == TR_IRC_WAKING) {
		return; /* the PONG will show what came of it */
	}
	set_state(session, TR_IRC_DEAF);
	if (ours) {
		return;
	}
	if (++session->hearing.failures > FAILURES_MAX) {
		fail(session);
	}
	pass_roles_on(session);
}

static void taken_off(struct tr_irc_session *session)
{
	session->hearing.mode = false;
	if (session->hearing.state == TR_IRC_DEAF) {
		session->hearing.left_alone = true; /* it was not us */
	}
	if (session->hearing.state != TR_IRC_GOING_DEAF) {
		session->hearing.fails = false;
		set_state(session, TR_IRC_HEARS);
		relieve_others(session);
	}
}

/* Of all changes in one line the last one counts. */
static void mode_shown(struct tr_irc_session *session, struct tr_str modes)
{
	bool add = true;
	int last = -1;
	for (size_t i = 0; i < modes.len; i++) {
		char c = modes.ptr[i];
		if (c == '+' || c == '-') {
			add = c == '+';
		} else if (c == session->hearing.letter) {
			last = add;
		}
	}
	if (last == 1) {
		put_on(session);
	} else if (last == 0) {
		taken_off(session);
	}
}

/* The attempt to take it off is through. */
static void answered(struct tr_irc_session *session)
{
	if (session->hearing.state != TR_IRC_WAKING) {
		return;
	}
	if (!session->hearing.mode) {
		/* It never was put on: the server does not know it after all. */
		session->network->deaf_is_bad = true;
		set_state(session, TR_IRC_HEARS);
	} else if (++session->hearing.failures <= FAILURES_MAX) {
		take_off(session);
	} else {
		fail(session);
		pass_roles_on(session);
	}
}

static bool pong(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	uint64_t number;
	if (!tr_irc_pong_number(line, letters, &number)) {
		return false;
	}
	if (number == session->hearing.token) {
		answered(session);
	}
	return true;
}

bool tr_irc_hearing_line(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	if (session->hearing.letter == '\0') {
		return false;
	}
	if (tr_irc_is(line, "MODE") &&
		tr_irc_connection_is_me(session->connection, tr_irc_param(line, 0))) {
		mode_shown(session, tr_irc_param(line, 1));
		return false;
	}
	return pong(session, line);
}

void tr_irc_hearing_echoed(struct tr_irc_session *session)
{
	if (session->hearing.state == TR_IRC_DEAF) {
		session->network->deaf_echoes = true;
	}
}

bool tr_irc_hearing_missed_echo(struct tr_irc_session *session)
{
	struct tr_irc_network *network = session->network;
	if (session->hearing.state == TR_IRC_HEARS || network->deaf_echoes) {
		return false;
	}
	if (!network->deaf_is_bad) {
		network->deaf_is_bad = true;
		tr_log_warn("irc",
			"%s: user mode %c takes away the echo of what is said: it is not used",
			network->entry->address, session->hearing.letter);
		for (struct tr_map_entry *e = tr_map_first(&network->sessions); e != NULL;
			e = tr_map_next(e)) {
			tr_irc_hearing_wake(tr_map_value(e));
		}
	}
	return true;
}
