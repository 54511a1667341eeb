/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PINGs of our own with a numbered token: a server works the lines of a connection off in order, so
 * the PONG says that everything written before the PING is done with. Each asker has two letters of
 * its own, and counts from 1.
 */
#ifndef TRESTLE_IRC_PONG_H
#define TRESTLE_IRC_PONG_H

#include "bridges/irc/connection.h"

void tr_irc_ping_number(struct tr_irc_connection *connection, const char *letters, uint64_t number);
/* Whether the line is the PONG to a PING of this asker's; then with its number, which is never 0. A
 * token that nobody can have asked with (not decimal, too great, 0) is no such PONG: the answer is
 * false, and `number` untouched. */
bool tr_irc_pong_number(const struct tr_irc_line *line, const char *letters, uint64_t *number);

#endif
