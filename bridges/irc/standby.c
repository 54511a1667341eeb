/* SPDX-License-Identifier: Apache-2.0 */
/* Compares what the two connections of a channel have heard. Both hear the same lines in the same
 * order from one server, so a line heard by one is looked for at the head of what the other has not
 * had; on two servers of a network neighbours may be exchanged. */
#include "bridges/irc/standby.h"

#include "bridges/irc/channel_internal.h"
#include "bridges/irc/hearing.h"
#include "bridges/irc/history.h"
#include "bridges/irc/identity.h"
#include "bridges/irc/outgoing.h"
#include "bridges/irc/pong.h"
#include "bridges/irc/reader.h"
#include "bridges/irc/session_internal.h"
#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/log.h"

enum {
	LAG_MS = 5000, /* that the reader may be behind the standby */
	STALE_MS = 10000,
	HEARD_MAX = 2048, /* lines kept, each way */
};

static const char letters[] = "sb";

/* A line that one of the two has had and the other not. */
struct heard {
	struct tr_list node;
	uint64_t hash;
	uint64_t at_ms;
	char *raw; /* of the standby's lines; else NULL */
};

struct tr_irc_overlap {
	struct tr_list ahead;  /* what only the standby has had */
	struct tr_list behind; /* what only the reader has had */
	size_t ahead_count, behind_count;
	struct tr_timer *late;
	uint64_t token; /* of the PING that is not answered yet; 0 = none */
	bool synced;    /* the standby's lines of the time before it was chosen are through */
	bool skipping;  /* `behind` is what the new reader must leave out */
};

/* Who says what where. Tags, user and host may differ between two connections: an operator may be
 * shown more. */
static uint64_t hash_of(const struct tr_irc_line *line)
{
	struct tr_str text = line->raw;
	if (text.len > 0 && text.ptr[0] == '@') {
		text = tr_str_from_index(text, (size_t)(tr_str_find_char(text, ' ') + 1));
	}
	text = tr_str_from_index(text, (size_t)(tr_str_find_char(text, ' ') + 1));
	return tr_hash(line->nick) * 31 + tr_hash(text);
}

static void heard_free(struct heard *heard, size_t *count)
{
	tr_list_remove(&heard->node);
	tr_free(heard->raw);
	tr_free(heard);
	(*count)--;
}

static void forget(struct tr_list *list, size_t *count)
{
	struct tr_list *node;
	while ((node = tr_list_head(list)) != NULL) {
		heard_free(TR_LIST_ENTRY(node, struct heard, node), count);
	}
}

static void keep(struct tr_list *list, size_t *count, uint64_t hash, const struct tr_str *raw)
{
	if (*count >= HEARD_MAX) {
		heard_free(TR_LIST_ENTRY(list->next, struct heard, node), count);
	}
	struct heard *heard = tr_alloc(sizeof(*heard));
	heard->hash = hash;
	heard->at_ms = tr_clock_mono_ms();
	heard->raw = raw ? tr_str_dup(*raw) : NULL;
	tr_list_append(list, &heard->node);
	(*count)++;
}

/* Takes the line out if it is there, and old ones before it: they will not come any more. */
static bool match(struct tr_list *list, size_t *count, uint64_t hash)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (list, node, following) {
		struct heard *heard = TR_LIST_ENTRY(node, struct heard, node);
		if (heard->hash != hash) {
			continue;
		}
		uint64_t now = tr_clock_mono_ms();
		struct heard *first = TR_LIST_ENTRY(list->next, struct heard, node);
		while (first != heard && first->at_ms + STALE_MS < now) {
			heard_free(first, count);
			first = TR_LIST_ENTRY(list->next, struct heard, node);
		}
		heard_free(heard, count);
		return true;
	}
	return false;
}

/* One PING serves all the channels that a connection stands by or reads anew at a time: a line for
 * each would be a flood where those are hundreds. */
static void ping(struct tr_irc_channel *channel, struct tr_irc_session *session)
{
	if (session->overlap_next == 0) {
		session->overlap_next = ++channel->network->overlap_tokens;
		tr_irc_outgoing_pump_later(session);
	}
	channel->overlap->token = session->overlap_next;
}

void tr_irc_standby_write(struct tr_irc_session *session)
{
	if (session->overlap_next != 0 && session->overlap_asked == 0) {
		session->overlap_asked = session->overlap_next;
		session->overlap_next = 0;
		tr_irc_ping_number(session->connection, letters, session->overlap_asked);
	}
}

/* The reader has not had a line that the standby had long ago. */
static void look_for_lag(void *arg)
{
	struct tr_irc_channel *channel = arg;
	struct tr_list *node = tr_list_head(&channel->overlap->ahead);
	if (node == NULL || channel->standby == NULL) {
		return;
	}
	uint64_t age = tr_clock_mono_ms() - TR_LIST_ENTRY(node, struct heard, node)->at_ms;
	if (age < LAG_MS) {
		tr_timer_start(channel->overlap->late, LAG_MS - age);
		return;
	}
	tr_log_warn("irc", "%s: %s does not hear what others hear: %s reads now", channel->name,
		tr_irc_session_who(channel->reader), tr_irc_session_who(channel->standby));
	tr_irc_channel_replace_reader(channel);
}

static void open_overlap(struct tr_irc_channel *channel)
{
	struct tr_irc_overlap *overlap = channel->overlap;
	if (overlap == NULL) {
		overlap = tr_alloc(sizeof(*overlap));
		tr_list_init(&overlap->ahead);
		tr_list_init(&overlap->behind);
		overlap->late = tr_timer_create(channel->network->loop, look_for_lag, channel);
		channel->overlap = overlap;
	}
}

void tr_irc_standby_choose(struct tr_irc_channel *channel)
{
	bool skipping = channel->overlap != NULL && channel->overlap->skipping;
	if (channel->reader == NULL || channel->standby != NULL || skipping) {
		return;
	}
	struct tr_irc_session *standby = tr_irc_channel_elect(channel, channel->reader);
	if (standby == NULL || tr_irc_hearing_fitness(standby) == 0) {
		return;
	}
	open_overlap(channel);
	channel->standby = standby;
	standby->standing_by++;
	tr_irc_session_rouse(standby);
	tr_irc_hearing_wake(standby);
	ping(channel, standby);
}

bool tr_irc_standby_reader_line(struct tr_irc_channel *channel, const struct tr_irc_line *line)
{
	struct tr_irc_overlap *overlap = channel->overlap;
	if (overlap == NULL || (channel->standby == NULL && !overlap->skipping) ||
		tr_irc_network_owner_of_line(channel->network, line, false) != NULL) {
		return true;
	}
	uint64_t hash = hash_of(line);
	if (overlap->skipping) {
		return !match(&overlap->behind, &overlap->behind_count, hash);
	}
	if (!match(&overlap->ahead, &overlap->ahead_count, hash)) {
		keep(&overlap->behind, &overlap->behind_count, hash, NULL);
	}
	return true;
}

void tr_irc_standby_line(struct tr_irc_channel *channel, const struct tr_irc_line *line)
{
	struct tr_irc_overlap *overlap = channel->overlap;
	if (tr_irc_network_owner_of_line(channel->network, line, false) != NULL) {
		return;
	}
	uint64_t hash = hash_of(line);
	if (match(&overlap->behind, &overlap->behind_count, hash) || !overlap->synced) {
		return;
	}
	keep(&overlap->ahead, &overlap->ahead_count, hash, &line->raw);
	if (!tr_timer_active(overlap->late)) {
		tr_timer_start(overlap->late, LAG_MS);
	}
}

void tr_irc_standby_dismiss(struct tr_irc_channel *channel)
{
	struct tr_irc_overlap *overlap = channel->overlap;
	if (channel->standby != NULL) {
		channel->standby->standing_by--;
		channel->standby = NULL;
	}
	if (overlap != NULL) {
		tr_timer_stop(overlap->late);
		forget(&overlap->ahead, &overlap->ahead_count);
		forget(&overlap->behind, &overlap->behind_count);
		overlap->synced = overlap->skipping = false;
		overlap->token = 0;
	}
}

void tr_irc_standby_hand_on(struct tr_irc_channel *channel)
{
	struct tr_irc_overlap *overlap = channel->overlap;
	channel->standby->standing_by--;
	channel->standby = NULL;
	tr_timer_stop(overlap->late);
	if (tr_irc_history_available(channel->reader)) {
		tr_irc_standby_dismiss(channel);
		return;
	}
	struct tr_list *node;
	while ((node = tr_list_head(&overlap->ahead)) != NULL) {
		struct heard *heard = TR_LIST_ENTRY(node, struct heard, node);
		struct tr_irc_line line;
		if (tr_irc_line_parse(tr_str_from(heard->raw), &line)) {
			tr_irc_reader_line(channel, &line, false);
		}
		heard_free(heard, &overlap->ahead_count);
	}
	overlap->skipping = true;
	ping(channel, channel->reader);
}

static void answered(struct tr_irc_channel *channel)
{
	struct tr_irc_overlap *overlap = channel->overlap;
	overlap->token = 0;
	if (overlap->skipping) {
		tr_irc_standby_dismiss(channel);
		tr_irc_standby_choose(channel);
	} else {
		overlap->synced = true;
		tr_log_debug("irc", "%s: %s reads, %s stands by", channel->name,
			tr_irc_session_who(channel->reader), tr_irc_session_who(channel->standby));
	}
}

bool tr_irc_standby_pong(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	uint64_t number;
	if (!tr_irc_pong_number(line, letters, &number)) {
		return false;
	}
	if (number == session->overlap_asked) {
		session->overlap_asked = 0;
		tr_irc_outgoing_pump_later(session);
	}
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&session->members, node, following) {
		struct tr_irc_channel *channel =
			TR_LIST_ENTRY(node, struct tr_irc_member, node)->channel;
		bool ours = channel->reader == session || channel->standby == session;
		if (ours && channel->overlap != NULL && channel->overlap->token == number) {
			answered(channel);
		}
	}
	return true;
}

void tr_irc_standby_finish(struct tr_irc_channel *channel)
{
	struct tr_irc_overlap *overlap = channel->overlap;
	if (overlap == NULL) {
		return;
	}
	channel->standby = NULL;
	tr_irc_standby_dismiss(channel);
	tr_timer_destroy(overlap->late);
	tr_free(overlap);
	channel->overlap = NULL;
}
