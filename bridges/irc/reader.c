/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others say and do, as remote events: lines of a channel from its one reader, live or out of
 * the history, and private messages to a puppet. Our own lines only move the channel's place.
 */
#include "bridges/irc/reader.h"

#include "bridges/irc/channel.h"
#include "bridges/irc/channel_modes.h"
#include "bridges/irc/ctcp.h"
#include "bridges/irc/encoding.h"
#include "bridges/irc/history_place.h"
#include "bridges/irc/identity.h"
#include "bridges/irc/membership_lists.h"
#include "bridges/irc/roster.h"
#include "bridges/irc/session_internal.h"
#include "bridges/irc/talk.h"
#include "bridges/irc/text.h"
#include "bridges/irc/topic.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#include <string.h>

enum { NAME_MAX = 512, ID_MAX = 1024, TEXT_MAX = 64 * 1024, MSGID_MAX = 255, TOLD_MS = 10000 };

void tr_irc_msgid(const struct tr_irc_line *line, struct tr_buf *out)
{
	struct tr_str value;
	size_t start = out->len;
	if (tr_irc_tag(line, "msgid", &value) && value.len <= MSGID_MAX) {
		tr_irc_tag_unescape(value, out);
	}
	struct tr_str id = tr_str_from_index(tr_buf_str(out), start);
	bool usable = !tr_buf_failed(out) && tr_utf8_valid(id);
	for (size_t i = 0; i < id.len && usable; i++) {
		usable = (unsigned char)id.ptr[i] > ' ' && id.ptr[i] != 0x7f;
	}
	if (!usable) {
		tr_buf_truncate(out, start);
	}
}

/* A key of our own for a server without ids: unique for ever, but never the same twice. */
static void add_own_key(struct tr_irc_network *network, struct tr_buf *out)
{
	tr_buf_addf(out, "%s:%llu", network->epoch, (unsigned long long)++network->key_counter);
}

static int64_t time_of(const struct tr_irc_line *line)
{
	struct tr_str value;
	int64_t ms;
	if (tr_irc_tag(line, "time", &value) && tr_clock_parse(value, &ms)) {
		return ms;
	}
	return tr_clock_wall_ms();
}

/* The nick for people's eyes. */
void tr_irc_reader_name(struct tr_str nick, struct tr_buf *out)
{
	if (tr_irc_text_name(nick, out) == 0 && out->len == 0) {
		tr_irc_text_identity(nick, out);
	}
}

void tr_irc_reader_identity(struct tr_str nick, struct tr_buf *out)
{
	struct tr_buf folded = TR_BUF_INIT(NAME_MAX);
	tr_irc_fold_stable(nick, &folded);
	tr_irc_text_identity(tr_buf_str(&folded), out);
	tr_buf_finish(&folded);
}

/* A line of a channel whose becoming durable moves the place. */
struct storing {
	struct tr_irc_channel *channel;
	char *place;
};

static void durable(void *arg)
{
	struct storing *storing = arg;
	tr_irc_channel_stored(storing->channel, tr_str_from(storing->place));
	tr_free(storing->place);
	tr_free(storing);
}

static void hand_over(struct tr_irc_network *network, struct tr_portal *portal,
	const struct tr_irc_line *line, const struct tr_buf *known_by,
	const struct tr_irc_talk *talk, struct storing *storing)
{
	struct tr_buf key = TR_BUF_INIT(ID_MAX);
	struct tr_buf name = TR_BUF_INIT(NAME_MAX * 2);
	struct tr_buf identity = TR_BUF_INIT(NAME_MAX * 2);
	tr_irc_reader_name(line->nick, &name);
	tr_irc_reader_identity(line->nick, &identity);
	tr_buf_add(&key, tr_buf_str(known_by));
	if (key.len == 0) {
		add_own_key(network, &key);
	}
	const struct tr_remote_message message = {
		.portal = portal,
		.sender = tr_buf_str(&identity),
		.sender_name = tr_buf_str(&name),
		.remote_key = tr_buf_str(&key),
		.keep_mapping = known_by->len > 0,
		.kind = talk->kind,
		.text = tr_buf_str(&talk->body),
		.html = tr_buf_str(&talk->html),
		.mentions = talk->mentioned.users,
		.mention_count = talk->mentioned.count,
		.ts = time_of(line),
	};
	tr_bridge_message(network->bridge, &message, storing ? durable : NULL, storing);
	tr_buf_finish(&key);
	tr_buf_finish(&name);
	tr_buf_finish(&identity);
}

static struct storing *storing_of(struct tr_irc_channel *channel, struct tr_str place)
{
	struct storing *storing = tr_alloc(sizeof(*storing));
	storing->channel = channel;
	storing->place = tr_str_dup(place);
	tr_irc_channel_storing(channel, place);
	return storing;
}

static void channel_talk(
	struct tr_irc_channel *channel, const struct tr_irc_line *line, bool from_history)
{
	struct tr_buf key = TR_BUF_INIT(ID_MAX);
	struct tr_buf place = TR_BUF_INIT(ID_MAX);
	struct tr_irc_talk talk = {0};
	const struct tr_irc_place where = {.network = channel->network, .channel = channel};
	tr_irc_history_place_of(channel, line, &key, &place);
	bool person = !tr_str_empty(line->nick) &&
		      (!tr_str_empty(line->host) || !tr_str_empty(line->user));
	/* A server's own notice is nobody's message. */
	if (person && tr_irc_network_owner_of_line(channel->network, line, from_history) == NULL &&
		tr_irc_talk_read(&where, line, &talk)) {
		hand_over(channel->network, channel->portal, line, &key, &talk,
			storing_of(channel, tr_buf_str(&place)));
	} else {
		tr_irc_channel_passed(channel, tr_buf_str(&place));
	}
	tr_buf_finish(&key);
	tr_buf_finish(&place);
	tr_irc_talk_finish(&talk);
}

static void arrived(struct tr_irc_channel *channel, struct tr_str nick)
{
	if (tr_str_empty(nick)) {
		return;
	}
	struct tr_buf name = TR_BUF_INIT(NAME_MAX * 2);
	struct tr_buf identity = TR_BUF_INIT(NAME_MAX * 2);
	tr_irc_roster_add(channel, nick);
	tr_irc_reader_name(nick, &name);
	tr_irc_reader_identity(nick, &identity);
	if (tr_irc_lists_shows_changes(channel)) {
		tr_bridge_remote_join(channel->network->bridge, channel->portal,
			tr_buf_str(&identity), tr_buf_str(&name));
	}
	tr_buf_finish(&name);
	tr_buf_finish(&identity);
}

static void departed(
	struct tr_irc_channel *channel, struct tr_str nick, struct tr_str reason, uint64_t delay_ms)
{
	if (tr_str_empty(nick)) {
		return;
	}
	struct tr_buf name = TR_BUF_INIT(NAME_MAX * 2);
	struct tr_buf identity = TR_BUF_INIT(NAME_MAX * 2);
	struct tr_buf why = TR_BUF_INIT(TEXT_MAX);
	tr_irc_roster_remove(channel, nick);
	tr_irc_reader_name(nick, &name);
	tr_irc_reader_identity(nick, &identity);
	struct tr_buf decoded = TR_BUF_INIT(TR_IRC_DECODED_MAX(reason.len));
	tr_irc_decode(channel->network->encoding, reason, &decoded);
	tr_irc_text_plain(tr_buf_str(&decoded), &why);
	tr_buf_finish(&decoded);
	tr_bridge_remote_leave_later(channel->network->bridge, channel->portal,
		tr_buf_str(&identity), tr_buf_str(&why), delay_ms);
	tr_buf_finish(&name);
	tr_buf_finish(&identity);
	tr_buf_finish(&why);
}

/* 353: who is in the channel when the reader comes, so that their QUIT is known; who of them is
 * shown is decided when the list is complete (366). */
static void names(struct tr_irc_channel *channel, const struct tr_irc_line *line)
{
	struct tr_str rest = tr_irc_param(line, 3);
	struct tr_str entry;
	while (tr_str_word(&rest, &entry)) {
		struct tr_str nick = tr_irc_strip_prefix(&channel->network->isupport, entry);
		ptrdiff_t bang = tr_str_find_char(nick, '!');
		struct tr_str mask = {NULL, 0};
		if (bang > 0) { /* userhost-in-names */
			mask = tr_str_from_index(nick, (size_t)bang + 1);
			nick = tr_str_slice(nick, 0, (size_t)bang);
		}
		if (!tr_str_empty(nick) &&
			!tr_irc_network_is_own(channel->network, nick, (struct tr_str){NULL, 0})) {
			tr_irc_roster_add(channel, nick);
			tr_irc_roster_told(channel->network, nick, mask, NULL);
		}
	}
}

void tr_irc_reader_line(
	struct tr_irc_channel *channel, const struct tr_irc_line *line, bool from_history)
{
	if (tr_irc_is(line, "PRIVMSG") || tr_irc_is(line, "NOTICE")) {
		channel_talk(channel, line, from_history);
		return;
	}
	if (from_history) {
		return; /* who came and went meanwhile is told by NAMES */
	}
	if (tr_irc_topic_line(channel, line)) {
		return;
	}
	tr_irc_ranks_line(channel, line);
	if (line->numeric == 353) {
		names(channel, line);
	} else if (line->numeric == 366) {
		channel->named = true;
		tr_irc_lists_sync(channel);
	} else if (tr_irc_is(line, "KICK")) {
		struct tr_str target = tr_irc_param(line, 1);
		if (!tr_irc_network_is_own(channel->network, target, (struct tr_str){NULL, 0})) {
			departed(channel, target, tr_irc_param(line, 2), 0);
		}
	} else if (tr_str_empty(line->nick) ||
		   tr_irc_network_owner_of_line(channel->network, line, false) != NULL) {
		return;
	} else if (tr_irc_is(line, "JOIN")) {
		arrived(channel, line->nick);
		tr_irc_roster_line(channel->network, line, false,
			channel->reader != NULL &&
				tr_irc_session_has(channel->reader, TR_IRC_CAP_EXTENDED_JOIN));
	} else if (tr_irc_is(line, "PART")) {
		departed(channel, line->nick, tr_irc_param(line, 1), 0);
	}
}

/* A QUIT or NICK of somebody else, in one of the channels they are in. */
struct everywhere {
	const struct tr_irc_session *reader;
	const struct tr_irc_line *line;
	uint64_t delay_ms; /* of the leave */
};

static void gone_or_renamed(void *arg, struct tr_irc_channel *channel)
{
	const struct everywhere *everywhere = arg;
	const struct tr_irc_line *line = everywhere->line;
	if (channel->reader != everywhere->reader) {
		return;
	}
	bool nick_change = tr_irc_is(line, "NICK");
	struct tr_irc_person person = {.mask.len = 0};
	struct tr_buf known = TR_BUF_INIT(NAME_MAX);
	if (nick_change && tr_irc_roster_person(channel->network, line->nick, &person)) {
		tr_buf_add(&known, person.mask);
		tr_buf_add(&known, person.account);
	}
	size_t mask_len = person.mask.len;
	departed(channel, line->nick, nick_change ? TR_STR("Changed nick") : tr_irc_param(line, 0),
		everywhere->delay_ms);
	if (nick_change) {
		struct tr_str account = tr_str_from_index(tr_buf_str(&known), mask_len);
		arrived(channel, tr_irc_param(line, 0));
		tr_irc_roster_told(channel->network, tr_irc_param(line, 0),
			tr_str_slice(tr_buf_str(&known), 0, mask_len),
			account.len > 0 ? &account : NULL);
	}
	tr_buf_finish(&known);
}

void tr_irc_reader_everywhere(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_irc_network *network = session->network;
	struct everywhere everywhere = {session, line, 0};
	tr_irc_ranks_everywhere(session, line);
	if (tr_irc_network_owner_of_line(network, line, false) == NULL) {
		if (tr_irc_is(line, "QUIT")) {
			everywhere.delay_ms = tr_irc_quits_delay(&network->quits,
				&network->config->quitDebounce, tr_irc_param(line, 0),
				tr_irc_session_in_split(session, line), tr_clock_mono_ms());
		}
		tr_irc_roster_each_channel(network, line->nick, gone_or_renamed, &everywhere);
	}
}

/* Not more than now and then, and never in answer to a NOTICE (RFC 2812, 3.3.2). */
static void tell_no_private(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	uint64_t now = tr_clock_mono_ms();
	if (!tr_irc_is(line, "PRIVMSG") ||
		(session->told_no_private_ms != 0 && now - session->told_no_private_ms < TOLD_MS)) {
		return;
	}
	session->told_no_private_ms = now;
	tr_irc_send_words(session->connection, "NOTICE", line->nick,
		TR_STR("Private messages are switched off here: this was not passed on."),
		(struct tr_str){NULL, 0});
}

void tr_irc_reader_direct(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_irc_network *network = session->network;
	bool person = !tr_str_empty(line->nick) &&
		      (!tr_str_empty(line->host) || !tr_str_empty(line->user));
	if (!person || tr_irc_network_owner_of_line(network, line, false) != NULL ||
		tr_irc_ctcp_request(session, line) || session->user_id == NULL) {
		return;
	}
	if (!network->config->privateMessages.enabled) {
		tell_no_private(session, line);
		return;
	}
	struct tr_buf msgid = TR_BUF_INIT(ID_MAX);
	struct tr_irc_talk talk = {0};
	const struct tr_irc_place place = {.network = network, .puppet = session};
	struct tr_buf name = TR_BUF_INIT(NAME_MAX * 2);
	struct tr_buf identity = TR_BUF_INIT(NAME_MAX * 2);
	tr_irc_msgid(line, &msgid);
	if (tr_irc_talk_read(&place, line, &talk)) {
		tr_irc_reader_name(line->nick, &name);
		tr_irc_reader_identity(line->nick, &identity);
		struct tr_portal *portal = tr_portal_direct(
			network->bridge, tr_buf_str(&identity), tr_buf_c(&name), session->user_id);
		hand_over(network, portal, line, &msgid, &talk, NULL);
	}
	tr_buf_finish(&msgid);
	tr_irc_talk_finish(&talk);
	tr_buf_finish(&name);
	tr_buf_finish(&identity);
}
