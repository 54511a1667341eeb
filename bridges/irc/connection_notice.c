/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at all sessions each second, and tells a few of their users how they stand. */
#include "bridges/irc/connection_notice.h"

#include "bridges/irc/session.h"
#include "core/base/clock.h"
#include "core/base/log.h"

enum { OUT_MS = 20000, TOLD_AT_A_LOOK = 2, TEXT_MAX = 1536, KEY_MAX = 512 };

void tr_irc_connection_notice_online(struct tr_irc_session *session, const char *nick)
{
	struct tr_buf key = TR_BUF_INIT(KEY_MAX);
	tr_irc_fold_stable(tr_str_from(nick), &key);
	struct tr_str before = tr_str_from(session->own_key);
	session->notice.new_nick = !tr_str_eq(before, tr_buf_str(&key));
	tr_buf_finish(&key);
}

static bool has_chat(const struct tr_irc_session *session)
{
	return tr_bridge_has_management_room(session->network->bridge, session->user_id);
}

/* The bot knows best when nobody can connect: then the others have not even tried. */
static const char *reason_of(const struct tr_irc_session *session)
{
	const struct tr_irc_session *bot = session->network->bot;
	const struct tr_irc_session *knows =
		bot != NULL && !tr_irc_session_online(bot) ? bot : session;
	return knows->last_error.code != TR_E_OK ? knows->last_error.text
						 : "the server has not let you in yet";
}

static void tell(const struct tr_irc_session *session, struct tr_buf *text)
{
	tr_log_info("irc", "%s: told %s: %s", session->network->entry->address,
		tr_irc_session_who(session), tr_buf_c(text));
	tr_bridge_tell_user(session->network->bridge, session->user_id, tr_buf_c(text));
	tr_buf_finish(text);
}

static void tell_out(const struct tr_irc_session *session, uint64_t now)
{
	const struct tr_irc_network *network = session->network;
	int64_t limit = network->entry->drop_matrix_messages_after_seconds;
	struct tr_buf text = TR_BUF_INIT(TEXT_MAX);
	tr_buf_addf(&text, "You are not connected to %s since ", network->config->name);
	tr_clock_format_minute(&text, tr_clock_wall_ms() - (int64_t)(now - session->notice.out_ms));
	tr_buf_addf(&text,
		": %s. It is tried again by itself. What you say meanwhile is kept, and sent when "
		"you are connected",
		reason_of(session));
	if (limit > 0) {
		tr_buf_addf(
			&text, ", unless that takes longer than %lld seconds", (long long)limit);
	}
	tr_buf_add_c(&text, ".");
	tell(session, &text);
}

static void tell_in(const struct tr_irc_session *session, const char *again)
{
	struct tr_buf text = TR_BUF_INIT(TEXT_MAX);
	tr_buf_addf(&text, "You are connected to %s%s, as %s.", session->network->config->name,
		again, tr_irc_connection_nick(session->connection));
	tell(session, &text);
}

/* Whether there is something to tell of a session that is connected; with `tell_it` it is told. */
static bool news_of_connected(struct tr_irc_session *session, bool tell_it)
{
	struct tr_irc_connection_notice *notice = &session->notice;
	bool again = notice->out_told;
	bool news = again || (notice->new_nick && has_chat(session));
	notice->out_ms = 0;
	notice->new_nick = news && notice->new_nick;
	if (news && tell_it) {
		tell_in(session, again ? " again" : "");
		notice->out_told = false;
		notice->new_nick = false;
	}
	return news;
}

/* The same of one that should be connected and is not. */
static bool news_of_waiting(struct tr_irc_session *session, bool tell_it)
{
	struct tr_irc_connection_notice *notice = &session->notice;
	uint64_t now = tr_clock_mono_ms();
	notice->out_ms = notice->out_ms ? notice->out_ms : now;
	bool concerned = session->puppet.spoke_ms >= notice->out_ms ||
			 !tr_list_empty(&session->tasks) || has_chat(session);
	bool news = !notice->out_told && now - notice->out_ms >= OUT_MS && concerned;
	if (news && tell_it) {
		tell_out(session, now);
		notice->out_told = true;
	}
	return news;
}

static bool news_of(struct tr_irc_session *session, bool tell_it)
{
	switch (session->state) {
	case TR_IRC_ONLINE:
		return news_of_connected(session, tell_it);
	case TR_IRC_OFFLINE:
	case TR_IRC_BARRED:
		/* Not wanted, or its user was told why. */
		session->notice.out_ms = 0;
		session->notice.out_told = false;
		return false;
	default:
		return news_of_waiting(session, tell_it);
	}
}

void tr_irc_connection_notices_look(struct tr_irc_network *network)
{
	unsigned told = 0;
	if (!network->config->sendConnectionMessages || network->stopping) {
		return;
	}
	for (struct tr_map_entry *e = tr_map_first(&network->sessions); e; e = tr_map_next(e)) {
		told += news_of(tr_map_value(e), told < TOLD_AT_A_LOOK);
	}
}
