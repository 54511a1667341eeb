/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a session share: session.c its connection, session_end.c the end of one,
 * session_channels.c its channels, session_join.c the way into them, session_lines.c what comes in,
 * rest.c when it is not looked at.
 */
#ifndef TRESTLE_IRC_SESSION_INTERNAL_H
#define TRESTLE_IRC_SESSION_INTERNAL_H

#include "bridges/irc/session.h"

/* The server does not let us in: messages for the channel are refused; the bot tries again later.
 */
void tr_irc_session_join_failed(struct tr_irc_member *member, const struct tr_error *error);

/* Whether the line refuses a JOIN of this session; then that is seen to. */
bool tr_irc_session_join_refused(struct tr_irc_session *session, const struct tr_irc_line *line);
/* JOIN is sent once more after this time. */
void tr_irc_session_join_again(struct tr_irc_member *member, uint64_t delay_ms);

/* Its JOIN is to be written, as soon as lines may be / is not to be written any more. */
void tr_irc_session_ask_join(struct tr_irc_member *member);
void tr_irc_session_unask_join(struct tr_irc_member *member);
/* Writes those that may be written now. */
void tr_irc_session_write_joins(struct tr_irc_session *session);
/* Whether the line says that the server has worked them off. */
bool tr_irc_session_join_pong(struct tr_irc_session *session, const struct tr_irc_line *line);

/* The server says that it is in: the member, made if need be. Nothing is sent: behind a PART that
 * is on its way a JOIN would bring it back. */
struct tr_irc_member *tr_irc_session_joined(
	struct tr_irc_session *session, struct tr_irc_channel *channel);
/* The bot was put out of a channel or not let in: it tries all its channels again after a while. */
void tr_irc_session_rejoin_later(struct tr_irc_session *session, uint64_t delay_ms);

/* One function changes the state. */
void tr_irc_session_set_state(struct tr_irc_session *session, enum tr_irc_session_state state);

/* Timer: it has waited long enough. */
void tr_irc_session_wait_over(void *session);

/* Callbacks of the connection; `arg` is the session. */
void tr_irc_session_closed(void *arg, const struct tr_error *error);
void tr_irc_session_line(void *arg, const struct tr_irc_line *line);
bool tr_irc_session_drops(void *arg, struct tr_str text);

/* The connection's socket is not looked at for a moment, if nothing is awaited on it; and again. */
void tr_irc_session_rest(struct tr_irc_session *session);
void tr_irc_session_rouse(struct tr_irc_session *session);

/* Keeps the references of netsplit batches (IRCv3 netsplit) while they are open. */
void tr_irc_session_batch(struct tr_irc_session *session, const struct tr_irc_line *line);
bool tr_irc_session_in_split(const struct tr_irc_session *session, const struct tr_irc_line *line);

/* After how long the bot, refused with this error, tries again: about half an hour after a ban; 0 =
 * never, as after a wrong password. */
uint64_t tr_irc_banned_bot_wait_ms(const struct tr_error *error);

/* The server has no room for this session. */
bool tr_irc_is_full(const struct tr_error *error);

/* Timers: the bot, out of channels that it should be in, joins them; JOINs that have had no answer
 * for too long fail. */
void tr_irc_session_rejoin_missing(void *session);
void tr_irc_session_look_after_joins(void *session);
/* The connection is ready: into all channels again; it is gone: nobody is in a channel, but all
 * want back. */
void tr_irc_session_rejoin_all(struct tr_irc_session *session);
void tr_irc_session_leave_all(struct tr_irc_session *session);

#endif
