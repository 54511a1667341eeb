/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is in which channel, but for our own connections: channel->roster by nick, and by nick the
 * channels, so that a QUIT or NICK finds them without a walk over all. Invariant: a nick stands in
 * a channel's roster exactly when the channel stands in the nick's list.
 *
 * Of each of these nicks the user@host and the account are kept as far as the server has told them.
 * A hostile server is heard for TR_IRC_ROSTER_NICKS nicks and bounded texts; more is left out.
 */
#ifndef TRESTLE_IRC_ROSTER_H
#define TRESTLE_IRC_ROSTER_H

#include "bridges/irc/channel.h"

enum { TR_IRC_ROSTER_NICKS = 250000, TR_IRC_MASK_MAX = 255, TR_IRC_ACCOUNT_MAX = 127 };

/* What is known of a nick; views that last until the roster changes. */
struct tr_irc_person {
	struct tr_str mask;    /* user@host; "" = not known */
	struct tr_str account; /* "" = none, or not known */
};

void tr_irc_roster_add(struct tr_irc_channel *channel, struct tr_str nick);
void tr_irc_roster_remove(struct tr_irc_channel *channel, struct tr_str nick);
void tr_irc_roster_forget(struct tr_irc_channel *channel);

/* Calls for every channel that the nick is in; the visitor may take it out of that channel, and add
 * other nicks. */
typedef void tr_irc_roster_channel_visitor(void *arg, struct tr_irc_channel *channel);
void tr_irc_roster_each_channel(struct tr_irc_network *network, struct tr_str nick,
	tr_irc_roster_channel_visitor *visitor, void *arg);

/* The server has told a nick's user@host (empty = it has not) or account (NULL = it has not; "" or
 * "*" = none). Nothing is kept of a nick that is in no channel. */
void tr_irc_roster_told(struct tr_irc_network *network, struct tr_str nick, struct tr_str mask,
	const struct tr_str *account);
/* False when the nick is in no channel. */
bool tr_irc_roster_person(
	const struct tr_irc_network *network, struct tr_str nick, struct tr_irc_person *person);
/* What a line of somebody says of him: the prefix, the account-tag (`tagged` = it was negotiated,
 * so that talk without it means no account), and JOIN with an account (`extended`), ACCOUNT,
 * CHGHOST. */
void tr_irc_roster_line(
	struct tr_irc_network *network, const struct tr_irc_line *line, bool tagged, bool extended);

/* Everybody in a channel. */
typedef void tr_irc_roster_visitor(void *arg, struct tr_str nick);
size_t tr_irc_roster_count(const struct tr_irc_channel *channel);
void tr_irc_roster_each(
	const struct tr_irc_channel *channel, tr_irc_roster_visitor *visitor, void *arg);

#endif
