/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a channel share: channel.c its place and its reader, channel_history.c what the
 * history is used for. */
#ifndef TRESTLE_IRC_CHANNEL_INTERNAL_H
#define TRESTLE_IRC_CHANNEL_INTERNAL_H

#include "bridges/irc/channel.h"

/* Of the line read last, in this life or before; "" = none. */
const char *tr_irc_channel_newest_place(const struct tr_irc_channel *channel);
/* Appends the place of the line read last as CHATHISTORY takes it, or, before any, the time of the
 * first join; nothing when that is unknown too. `past` as in history_place.h. */
void tr_irc_channel_add_place(const struct tr_irc_channel *channel, bool past, struct tr_buf *out);
void tr_irc_channel_add_place_of_join(const struct tr_irc_channel *channel, struct tr_buf *out);

/* Asks for what comes after the newest line that was read; live lines wait until it is in. */
void tr_irc_channel_catch_up(struct tr_irc_channel *channel);
/* What was looked up of our own lines is void: somebody was lost, or another reads now. */
void tr_irc_channel_invalidate_own(struct tr_irc_channel *channel);
void tr_irc_channel_forget_held(struct tr_irc_channel *channel);

/* A member other than `other` that can read: the bot where it is in, else one that hears, else any;
 * or NULL. */
struct tr_irc_session *tr_irc_channel_elect(
	const struct tr_irc_channel *channel, const struct tr_irc_session *other);
/* Asks the server anew who is in the channel. */
void tr_irc_channel_find_people(struct tr_irc_channel *channel);
/* The standby reads from now on. */
void tr_irc_channel_replace_reader(struct tr_irc_channel *channel);
/* The session is not sent what is said any more, and nobody of us wanted that (hearing.h). */
void tr_irc_channel_deafened(struct tr_irc_channel *channel, struct tr_irc_session *session);

#endif
