/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IRC module's own tables.
 *
 *   irc_channel   what is known of a channel across restarts: the id of the last message that is
 * stored (the place from which the server's history is read on) and the time of the first join
 *   irc_puppet    each nick that was ever a Matrix user's, with the user@host it had last: by these
 * our own lines are known in a history
 *   irc_progress  what a message reads like on IRC, and how many of its lines are confirmed, while
 * it is not done: of messages of several lines, and of those that depend on more than their event
 *   irc_identity  the user name made for a Matrix user (no other has it), the nick it chose ("" =
 * the template's), when it last spoke (ms, 0 = never)
 *   irc_account   user name, sealed password and sealed certificate of a Matrix user (account.h)
 *   irc_topic     the topic of a channel as IRC said it last (topic.h)
 *   irc_feature   what a Matrix user has switched on or off (feature.h)
 */
#ifndef TRESTLE_IRC_SCHEMA_H
#define TRESTLE_IRC_SCHEMA_H

#include "core/store/migrate.h"

enum { TR_IRC_MIGRATIONS = 6 };
extern const struct tr_migration tr_irc_migrations[TR_IRC_MIGRATIONS];

#endif
