/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CHATHISTORY, page by page.
 */
#ifndef TRESTLE_IRC_HISTORY_H
#define TRESTLE_IRC_HISTORY_H

#include "bridges/irc/session.h"

enum { TR_IRC_HISTORY_LINES_MAX = 1000 }; /* of one answer */

/* The lines of one answer, oldest first, as raw text; error NULL = complete. Borrowed for the call.
 */
typedef void tr_irc_history_callback(void *arg, const struct tr_str *lines, size_t count, bool more,
	const struct tr_error *error);

struct tr_irc_history *tr_irc_history_create(struct tr_irc_session *session);
/* Requests still open end with an error (callbacks come). */
void tr_irc_history_reset(struct tr_irc_history *history);
void tr_irc_history_destroy(struct tr_irc_history *history);
bool tr_irc_history_available(const struct tr_irc_session *session);
/* The server can be asked by time only, not by msgid. */
bool tr_irc_history_by_time_only(const struct tr_irc_session *session);
/* One page after `position` ("msgid=.." or "timestamp=.."); `more` says that the page was full. */
void tr_irc_history_after(struct tr_irc_history *history, const char *target, const char *position,
	tr_irc_history_callback *callback, void *arg);
/* An answer is awaited. */
bool tr_irc_history_asked(const struct tr_irc_history *history);
/* Whether the line belongs to an answer (BATCH, lines of the batch, FAIL CHATHISTORY). */
bool tr_irc_history_line(struct tr_irc_history *history, const struct tr_irc_line *line);

#endif
