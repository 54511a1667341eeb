/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question to the server and its answer: one line is written and a PING behind it; the numerics
 * that come up to the PONG are the answer. So an answer has an end on every server, whatever
 * numerics it uses. Questions of one session are answered in order.
 */
#ifndef TRESTLE_IRC_QUERY_H
#define TRESTLE_IRC_QUERY_H

#include "bridges/irc/session.h"

enum {
	TR_IRC_QUERY_LINES_MAX = 100, /* of one answer; the rest is left out */
	TR_IRC_QUERY_TIMEOUT_MS = 10000,
};

/* The numerics as raw lines, in order, borrowed for the call; error NULL = that was all of them.
 * With an error (connection lost, no answer in time) there are no lines. */
typedef void tr_irc_query_callback(
	void *arg, const struct tr_str *lines, size_t count, const struct tr_error *error);

/* 0: the callback comes once, in a later turn. Else a code of tr_irc_send(), and nothing comes. */
int tr_irc_query(struct tr_irc_session *session, const struct tr_irc_out *line,
	tr_irc_query_callback *callback, void *arg);
/* The number of the last question asked, and of the oldest that is not answered (0 = none). What is
 * written behind an unanswered question is answered behind it. */
uint64_t tr_irc_query_last(const struct tr_irc_session *session);
uint64_t tr_irc_query_open(const struct tr_irc_session *session);
/* Shows a line of the server; true = it was a PONG of ours and nothing else. */
bool tr_irc_query_line(struct tr_irc_session *session, const struct tr_irc_line *line);
/* The connection is gone: what is open ends with `error`. */
void tr_irc_query_reset(struct tr_irc_session *session, const struct tr_error *error);
/* Without callbacks; when the session goes. */
void tr_irc_query_finish(struct tr_irc_session *session);

#endif
