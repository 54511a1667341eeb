/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a connection share: connection.c life, lines in and out; connection_register.c
 * from the open transport to the end of registration, with connection_caps.c (capabilities) and
 * connection_sasl.c and sasl_exchange.c (login); connection_ping.c whether the server is alive;
 * connection_error.c why it ends us.
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
	char *server_password;      /* NULL once registered */
	bool encrypted, identified; /* TLS / with a client certificate to log in with */
	struct tr_irc_isupport isupport;

	struct tr_buf partial; /* start of a line whose end has not come */
	struct tr_buf out;     /* lines of this turn, sent together */
	bool flushing;
	size_t too_long;
	unsigned depth; /* callbacks under way: the memory must stay */
	bool destroyed;
	bool failing;              /* on_close is on its way: nothing more comes in */
	bool quitting;             /* QUIT is sent: what the server says of it is no ban */
	bool resting;              /* for a moment */
	bool paused;               /* by the owner: silence is no sign then */
	struct tr_error *closing;  /* why it will be closed; NULL = not said */
	size_t user_len, host_len; /* of our prefix as others see it; 0 = not known */

	/* connection_caps.c; of enum tr_irc_cap */
	unsigned caps_wanted;
	unsigned caps;
	unsigned caps_offered; /* so far */
	unsigned caps_asked;   /* and not answered */
	unsigned caps_single;  /* of these, asked in a line of their own after a refusal */
	bool caps_listed;      /* the CAP LS is complete */
	bool cap_ended;

	/* connection_sasl.c */
	struct tr_irc_sasl *sasl; /* NULL = no login, or over */
	unsigned sasl_offered;    /* mechanisms */
	bool logged_in;

	/* connection_register.c */
	bool welcomed; /* 001 was there */
	struct tr_timer *register_timer;
	uint64_t register_timeout_ms;

	/* connection_ping.c */
	uint64_t ping_interval_ms, ping_timeout_ms;
	uint64_t heard_ms;
	bool pinged;
	struct tr_timer *ping_timer;
};

/* Callbacks of the stream: it is open, it has bytes (tests call them without a stream). */
void tr_irc_connection_opened(void *connection);
void tr_irc_connection_read(void *connection, struct tr_str bytes);
/* Ends the connection with this error; on_close comes in a later turn. The first call counts. */
void tr_irc_connection_fail(struct tr_irc_connection *connection, const struct tr_error *error);
/* "ERROR :text": ends the connection with what that means. */
void tr_irc_connection_take_error(struct tr_irc_connection *connection, struct tr_str text);
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

/* Whether it was one of CAP's lines. */
bool tr_irc_caps_line(struct tr_irc_connection *connection, const struct tr_irc_line *line);
/* Ends the negotiation when nothing is open any more. */
void tr_irc_caps_settle(struct tr_irc_connection *connection);

void tr_irc_sasl_init(
	struct tr_irc_connection *connection, const struct tr_irc_connection_options *options);
/* Wipes and forgets the login. */
void tr_irc_sasl_finish(struct tr_irc_connection *connection);
/* There is a login to make / it is under way. */
bool tr_irc_sasl_wanted(const struct tr_irc_connection *connection);
bool tr_irc_sasl_busy(const struct tr_irc_connection *connection);
/* The server and we have a mechanism in common. */
bool tr_irc_sasl_possible(const struct tr_irc_connection *connection);
/* The mechanisms that the server names; "" = it names none. */
void tr_irc_sasl_offered(struct tr_irc_connection *connection, struct tr_str list);
void tr_irc_sasl_begin(struct tr_irc_connection *connection);
/* The capability is granted, refused or taken back: goes on, or ends. */
void tr_irc_sasl_granted(struct tr_irc_connection *connection, bool granted);
/* The server cannot do it. */
void tr_irc_sasl_lacking(struct tr_irc_connection *connection, const char *why);
bool tr_irc_sasl_line(struct tr_irc_connection *connection, const struct tr_irc_line *line);
/* 001 is there: false = the login was not made, and the connection ends. */
bool tr_irc_sasl_welcomed(struct tr_irc_connection *connection);

/* Asks for this capability, after the registration. */
void tr_irc_caps_request(struct tr_irc_connection *connection, enum tr_irc_cap cap);

void tr_irc_ping_start(struct tr_irc_connection *connection);
void tr_irc_ping_heard(struct tr_irc_connection *connection);
bool tr_irc_ping_line(struct tr_irc_connection *connection, const struct tr_irc_line *line);
void tr_irc_ping_stop(struct tr_irc_connection *connection);
void tr_irc_ping_finish(struct tr_irc_connection *connection);

#endif
