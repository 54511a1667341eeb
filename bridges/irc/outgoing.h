/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to IRC: split, paced, written, confirmed. outgoing.c takes and writes, outgoing_cut.c
 * makes lines that fit, outgoing_confirm.c hears what was delivered, outgoing_task.c ends messages
 * and lines, outgoing_store.c asks the store what it knows of a message, outgoing_compose.c makes
 * their text, outgoing_order.c knows whose turn it is.
 */
#ifndef TRESTLE_IRC_OUTGOING_H
#define TRESTLE_IRC_OUTGOING_H

#include "bridges/irc/session.h"

void tr_irc_outgoing_init(struct tr_irc_session *session);
void tr_irc_outgoing_finish(struct tr_irc_session *session);
/* Takes a message op. */
void tr_irc_outgoing_add(struct tr_irc_session *session, struct tr_op *op);
/* The message of an op was redacted: it is not written, or not on. */
void tr_irc_outgoing_take_back(struct tr_irc_session *session, const struct tr_op *op);
/* Writes what may be written now, of this session and of those whose turn that makes it; the same
 * in a later turn of the loop. */
void tr_irc_outgoing_pump(struct tr_irc_session *session);
void tr_irc_outgoing_pump_later(struct tr_irc_session *session);
/* Before the sessions are destroyed. */
void tr_irc_outgoing_pump_never(struct tr_irc_network *network);
/* Lets those write whose turn it is in the channel, in a later turn of the loop. */
void tr_irc_order_pump(struct tr_irc_channel *channel);
/* Timer of a channel: lines that nothing was heard of. */
void tr_irc_order_look(void *channel);
/* The connection is gone or nobody waits any more: all messages go back to their lanes. */
void tr_irc_outgoing_give_back(struct tr_irc_session *session, const struct tr_error *error);
/* All messages to this target end with a reason (a join was refused, the nick is not there). */
void tr_irc_outgoing_refuse_target(
	struct tr_irc_session *session, struct tr_str target, const struct tr_error *error);
/* The person of the portal with this id was `former` until now: what is not written yet goes to the
 * new nick, and what comes back because nobody has the former one is said again. */
void tr_irc_outgoing_retarget(
	struct tr_irc_session *session, struct tr_str former, const char *target);
/* Looks whether a line of the server confirms or refuses something; true = it was that and nothing
 * else. */
bool tr_irc_outgoing_line(struct tr_irc_session *session, const struct tr_irc_line *line);
/* Now and then, from a timer: forgets what is stored of messages that will never be sent again. */
void tr_irc_progress_sweep(struct tr_irc_network *network);
/* Forgets files that are being uploaded: only when nobody calls back any more. */
void tr_irc_uploads_finish(struct tr_irc_network *network);
bool tr_irc_outgoing_idle(const struct tr_irc_session *session);
/* Whether a message to this channel has not ended yet. */
bool tr_irc_outgoing_waits(
	const struct tr_irc_session *session, const struct tr_irc_channel *channel);

#endif
