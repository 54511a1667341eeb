/* SPDX-License-Identifier: Apache-2.0 */
/* Names of a puppet on IRC: nick, user name and real name from a Matrix user id, within what
 * servers take. */
#ifndef TRESTLE_IRC_NICK_H
#define TRESTLE_IRC_NICK_H

#include "bridges/irc/isupport.h"

/* The nick for `user_id` by a template with $DISPLAY, $LOCALPART, $USERID. $DISPLAY falls back to
 * the localpart when the display name has no character that a nick may have. Illegal characters are
 * left out, an illegal first one gets 'M' before it, the whole is cut to `max` bytes. Never empty.
 * Appends to `out`. */
int tr_irc_nick_make(const char *template_text, const char *user_id, const char *display_name,
	unsigned max, struct tr_buf *out);
/* Another one when `nick` is taken: its end gives way to the number `attempt` (from 1). */
int tr_irc_nick_next(struct tr_str nick, unsigned attempt, unsigned max, struct tr_buf *out);
/* The user name: localpart and server of the id in lower case, legal characters only, at most 10.
 */
int tr_irc_username_make(const char *user_id, struct tr_buf *out);
/* Another one when `username` is taken: "name_1" .. "name_9", "name_10" .. (the incumbent's); the
 * end gives way to the number. `attempt` is from 1 to 9999. */
int tr_irc_username_next(struct tr_str username, unsigned attempt, struct tr_buf *out);
/* Whether a Matrix user may have it as the nick of their own choice. */
bool tr_irc_nick_valid(struct tr_str nick);
/* A nick that every server takes, for when it has called another one erroneous: letters and digits
 * of the localpart behind an 'M', at most 9. */
int tr_irc_nick_plain(const char *user_id, struct tr_buf *out);
/* The real name: the id in ASCII, at most 48 bytes; `reverse` = server name first, backwards by its
 * parts. */
int tr_irc_realname_make(const char *user_id, bool reverse, struct tr_buf *out);

#endif
