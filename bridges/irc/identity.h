/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose lines are our own: by the nicks that our sessions have or had (stored ones too) and the
 * user@host that others see of them.
 */
#ifndef TRESTLE_IRC_IDENTITY_H
#define TRESTLE_IRC_IDENTITY_H

#include "bridges/irc/network.h"

/* What an earlier run knew: lines of this nick and mask (as session->mask has it) are ours. */
void tr_irc_session_remember(
	struct tr_irc_session *session, struct tr_str nick, struct tr_str mask);
/* The nick is ours now: lines of it are. */
void tr_irc_session_own_nick(struct tr_irc_session *session, struct tr_str nick);
/* user@host as the server shows us to others now. The one before it stays ours too: lines said
 * under it may stand in the history when a cloak is set in the middle of a connection. */
void tr_irc_session_learn_mask(
	struct tr_irc_session *session, struct tr_str user, struct tr_str host);
/* The same from a 396 ("host" or "user@host"). */
void tr_irc_session_learn_cloak(struct tr_irc_session *session, const struct tr_irc_line *line);
/* Stores nick and mask, by which the lines of this puppet are known after a restart. */
void tr_irc_session_store_identity(struct tr_irc_session *session);

/* Whose of our own connections nick!mask is, now or (by what is stored) before; NULL = somebody
 * else's. `mask` may be empty. A live line of a nick in use is ours; in the history somebody else
 * may have had it, so there user@host decides where both are known. */
struct tr_irc_session *tr_irc_network_owner(const struct tr_irc_network *network,
	struct tr_str nick, struct tr_str mask, bool from_history);
struct tr_irc_session *tr_irc_network_owner_of_line(
	const struct tr_irc_network *network, const struct tr_irc_line *line, bool from_history);
bool tr_irc_network_is_own(
	const struct tr_irc_network *network, struct tr_str nick, struct tr_str mask);

#endif
