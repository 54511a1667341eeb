/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of outgoing messages share: outgoing.c takes and writes, outgoing_cut.c makes
 * lines that fit, outgoing_confirm.c hears what was delivered, outgoing_task.c ends messages and
 * lines, outgoing_store.c asks the store what it knows of a message, outgoing_order.c knows whose
 * turn it is.
 */
#ifndef TRESTLE_IRC_OUTGOING_INTERNAL_H
#define TRESTLE_IRC_OUTGOING_INTERNAL_H

#include "bridges/irc/channel.h"
#include "bridges/irc/compose.h"
#include "bridges/irc/outgoing.h"

enum tr_irc_task_state {
	TR_IRC_TASK_STORE, /* waits for the store: what is known of it, or how it is cut; or for the
			      file of a long one */
	TR_IRC_TASK_READY,
};

/* A message on its way. */
struct tr_irc_task {
	struct tr_list node;       /* in session->tasks */
	struct tr_list order_node; /* in channel->order */
	struct tr_irc_session *session;
	struct tr_op *op;
	struct tr_irc_channel *channel; /* NULL = to a nick */
	char *target;
	enum tr_irc_task_state state;
	struct tr_irc_composed said; /* what it reads like on IRC, once `composed` */
	bool composed;
	bool final; /* it is not made shorter (any more): so an earlier attempt wrote it, or was
		       to */
	const void *upload; /* of its file, that it waits for; else NULL */
	bool claims;        /* its lines may stand in the channel's history */
	char **lines; /* NULL until the first can be written: then the length that fits is known */
	char **msgids;
	size_t count;
	size_t width;    /* bytes a line may have, as it was cut */
	bool cut_stored; /* `width` is durable: a message of several lines is not begun before */
	size_t progress; /* lines that an earlier attempt is known to have delivered, cut at `width`
			  */
	size_t written;
	size_t confirmed;
	size_t settled;      /* lines that no longer count in the window */
	uint64_t touched_ms; /* a line was written or confirmed last */
	bool overdue;        /* the server is late with it: others do not wait any more */
};

/* Of the PINGs that confirm lines (pong.h). */
#define TR_IRC_OUTGOING_LETTERS "tr"

/* A line written and not confirmed. When its message was refused it stays without it, so that what
 * the server still says of it is not taken for another line's. */
struct tr_irc_sent_line {
	struct tr_list node;
	struct tr_irc_task *task; /* or NULL */
	char *target;
	size_t index;
	uint64_t label;
	uint64_t ping;   /* confirmed by the PONG to this one; 0 = its PING is not written yet */
	uint64_t behind; /* the last question (query.h) that was asked before it */
};

/* Whether lines are confirmed by their echo, and whether the echo says which. */
bool tr_irc_outgoing_has_echo(const struct tr_irc_session *session);
bool tr_irc_outgoing_has_labels(const struct tr_irc_session *session);
/* The label of a line as it is written. */
void tr_irc_outgoing_label(uint64_t label, struct tr_buf *out);

/* PRIVMSG or NOTICE. */
const char *tr_irc_task_verb(const struct tr_irc_task *task);
/* Makes the lines if there are none yet. false: the message waits, or it has ended. */
bool tr_irc_task_have_lines(struct tr_irc_task *task);
/* Forgets them: they are to be made anew. */
void tr_irc_task_uncut(struct tr_irc_task *task);
/* Makes the text that the message is on IRC. false: there is none, and the message has ended. */
bool tr_irc_task_compose(struct tr_irc_task *task);
/* Has too many lines at its width: uploads it and says where it is instead. The message waits in
 * TR_IRC_TASK_STORE and is pumped then. */
void tr_irc_task_shorten(struct tr_irc_task *task);

/* A message by what it is, for answers that may come when it is gone. */
struct tr_irc_task_name {
	struct tr_irc_network *network;
	char *user_id;
	char *event_id;
};
/* The message waits in TR_IRC_TASK_STORE. */
void tr_irc_task_name_of(struct tr_irc_task *task, struct tr_irc_task_name *name);
/* The message if it waits still, else NULL. */
struct tr_irc_task *tr_irc_task_named(const struct tr_irc_task_name *name);
void tr_irc_task_name_finish(struct tr_irc_task_name *name);

/* Both leave the message in TR_IRC_TASK_STORE until the store has answered; then it is pumped.
 * What a message of several lines reads like and how it is cut must be known after a kill, or its
 * lines could not be found again; the same of what depends on more than its event. */
void tr_irc_task_store_cut(struct tr_irc_task *task);
/* What an earlier attempt is known to have delivered. */
void tr_irc_task_look_up(struct tr_irc_task *task);

/* The list of a channel's messages, in the order of the room. */
void tr_irc_order_add(struct tr_irc_task *task);
void tr_irc_order_remove(struct tr_irc_task *task);
/* Whether its next line may be written now. */
bool tr_irc_order_turn(const struct tr_irc_task *task);
/* A line of it was written or confirmed: the wait of the others begins anew. */
void tr_irc_order_touch(struct tr_irc_task *task);
/* The next message to the same channel or person, or NULL. */
struct tr_irc_task *tr_irc_order_follower(const struct tr_irc_task *task);
/* Writes for one session what may be written now; called once for each that was listed. */
void tr_irc_outgoing_write(struct tr_irc_session *session);

/* Lines written and not durably confirmed, of the connection and of the channel. */
void tr_irc_window_add(struct tr_irc_task *task, unsigned lines);
void tr_irc_window_remove(
	struct tr_irc_session *session, struct tr_irc_channel *channel, unsigned lines);

/* Ends of a message; it is freed. Back to its lane go all that follow it and are not begun: none
 * may overtake it. */
void tr_irc_task_free(struct tr_irc_task *task);
void tr_irc_task_done(struct tr_irc_task *task);
void tr_irc_task_refuse(struct tr_irc_task *task, const struct tr_error *error);
void tr_irc_task_retry(struct tr_irc_task *task, const struct tr_error *error);
/* Forgets what is on its way: the connection is gone. */
void tr_irc_outgoing_drop_lines(struct tr_irc_session *session);
void tr_irc_sent_line_free(struct tr_irc_sent_line *line);
/* Asks the server for a sign that it has taken all lines up to here. */
void tr_irc_outgoing_ping(struct tr_irc_session *session);
/* One line is delivered; with the last one the message is done and freed. */
void tr_irc_task_line_confirmed(struct tr_irc_task *task, size_t index, char *msgid_take);
/* Frees what waits to be settled; only when the session goes. */
void tr_irc_task_finish_session(struct tr_irc_session *session);

#endif
