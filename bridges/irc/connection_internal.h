/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a connection share: connection.c life, lines in and out; connection_register.c
 * CAP, SASL and nick up to the end of registration; connection_ping.c whether the server is alive.
 */
#ifndef TRESTLE_IRC_CONNECTION_INTERNAL_H
#define TRESTLE_IRC_CONNECTION_INTERNAL_H

#include "bridges/irc/connection.h"

enum tr_irc_connection_state {
	TR_IRC_CONNECTION_OPENING,     /* transport */
	TR_IRC_CONNECTION_REGISTERING, /* up to 376 or 422 */
	TR_IRC_CONNECTION_READY,
	TR_IRC_CONNECTION_CLOSED,
};

struct tr_irc_connection {
	struct tr_loop *loop;
	struct tr_stream *stream;
	const struct tr_irc_connection_handler *handler;
	void *arg;
	enum tr_irc_connection_state state;
	char *host, *nick, *username, *realname;
	char *server_password, *sasl_user, *sasl_password; /* NULL once registered */
	unsigned caps_wanted;
	unsigned caps;
	struct tr_irc_isupport isupport;

	struct tr_buf partial; /* start of a line whose end has not come */
	struct tr_buf out;     /* lines of this turn, sent together */
	bool flushing;
	size_t too_long;
	unsigned depth; /* callbacks under way: the memory must stay */
	bool destroyed;
	bool failing;              /* on_close is on its way: nothing more comes in */
	bool quitting;             /* QUIT is sent: what the server says of it is no ban */
	bool paused;               /* by the owner: silence is no sign then */
	struct tr_error closing;   /* why it will be closed; code 0 = not said */
	size_t user_len, host_len; /* of our prefix as others see it; 0 = not known */

	/* connection_register.c */
	unsigned caps_offered; /* while a CAP LS of several lines comes in */
	unsigned caps_asked;   /* CAP REQs that are not answered */
	bool cap_ended;
	bool caps_listed; /* the CAP LS is complete */
	bool sasl_asked, sasl_sent, sasl_done;
	bool welcomed; /* 001 was there */
	struct tr_timer *register_timer;
	uint64_t register_timeout_ms;

	/* connection_ping.c */
	uint64_t ping_interval_ms, ping_timeout_ms;
	uint64_t heard_ms;
	bool pinged;
	struct tr_timer *ping_timer;
};

/* Ends the connection with this error; on_close comes in a later turn. The first call counts. */
void tr_irc_connection_fail(struct tr_irc_connection *connection, const struct tr_error *error);
/* Registration is over: on_ready. */
void tr_irc_connection_become_ready(struct tr_irc_connection *connection);
/* The nick the server knows us by. */
void tr_irc_connection_set_nick(struct tr_irc_connection *connection, struct tr_str nick);

void tr_irc_register_start(struct tr_irc_connection *connection, uint64_t timeout_ms);
/* true = the line was registration's business and is not passed on. */
bool tr_irc_register_line(struct tr_irc_connection *connection, const struct tr_irc_line *line);
/* No timer any more; finish releases. */
void tr_irc_register_stop(struct tr_irc_connection *connection);
void tr_irc_register_finish(struct tr_irc_connection *connection);

void tr_irc_ping_start(struct tr_irc_connection *connection);
void tr_irc_ping_heard(struct tr_irc_connection *connection);
bool tr_irc_ping_line(struct tr_irc_connection *connection, const struct tr_irc_line *line);
void tr_irc_ping_stop(struct tr_irc_connection *connection);
void tr_irc_ping_finish(struct tr_irc_connection *connection);

#endif
