/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to an IRC server: transport, CAP LS 302 negotiation, SASL, registration, ISUPPORT,
 * PING both ways. It ends at the line: what lines mean is the owner's business.
 *
 * Life: create -> connecting -> registering -> ready -> closed. on_ready comes at the end of
 * registration (376 or 422 after 001, so ISUPPORT is complete), at most once; on_close exactly once
 * and last, unless the owner destroys first. There is no reconnecting here. A refused nick (431,
 * 432, 433, 436, 437) before 001 is tried again with on_nick_refused()'s answer.
 *
 * Login: with sasl_user and a password or a certificate (sasl_external) by SASL, each mechanism at
 * most once. A refused login ends the connection with TR_E_AUTH, class denied, the numeric in
 * `status`; it is never tried again as a guest. A server without SASL is refused too, unless
 * sasl_optional says that it may let us in as a guest (tr_irc_connection_logged_in() tells). Who is
 * one can log in later, with tr_irc_connection_login(); a refusal then is on_login()'s and ends
 * nothing.
 *
 * Capabilities may come and go at any time (cap-notify): ask tr_irc_connection_caps() when it
 * matters and keep no copy.
 */
#ifndef TRESTLE_IRC_CONNECTION_H
#define TRESTLE_IRC_CONNECTION_H

#include "bridges/irc/isupport.h"
#include "core/io/stream.h"

struct tr_irc_connection;
struct tr_worker;

enum tr_irc_cap {
	TR_IRC_CAP_MESSAGE_TAGS = 1 << 0,
	TR_IRC_CAP_SERVER_TIME = 1 << 1,
	TR_IRC_CAP_BATCH = 1 << 2,
	TR_IRC_CAP_ECHO_MESSAGE = 1 << 3,
	TR_IRC_CAP_LABELED_RESPONSE = 1 << 4,
	TR_IRC_CAP_CHATHISTORY = 1 << 5, /* draft/chathistory */
	TR_IRC_CAP_SASL = 1 << 6,
	TR_IRC_CAP_MULTI_PREFIX = 1 << 7,
	TR_IRC_CAP_ACCOUNT_TAG = 1 << 8,
	TR_IRC_CAP_USERHOST_IN_NAMES = 1 << 9,
	TR_IRC_CAP_CHGHOST = 1 << 10,
	TR_IRC_CAP_CAP_NOTIFY = 1 << 11,
	TR_IRC_CAP_EVENT_PLAYBACK = 1 << 12,
	TR_IRC_CAP_ACCOUNT_NOTIFY = 1 << 13,
	TR_IRC_CAP_EXTENDED_JOIN = 1 << 14,
	TR_IRC_CAP_AWAY_NOTIFY = 1 << 15,
	TR_IRC_CAP_SETNAME = 1 << 16,
	TR_IRC_CAP_INVITE_NOTIFY = 1 << 17,
	TR_IRC_CAP_STANDARD_REPLIES = 1 << 18,
	TR_IRC_CAP_NO_IMPLICIT_NAMES = 1 << 19, /* draft/no-implicit-names */
};

struct tr_irc_connection_handler {
	/* Registered: nick, caps and ISUPPORT are known. */
	void (*on_ready)(void *arg);
	/* Every line that is not the connection's own business (PING, CAP, AUTHENTICATE,
	 * registration). A 005 and NICK lines of our own nick are taken in and passed on.
	 * Destroying the connection inside is legal. */
	void (*on_line)(void *arg, const struct tr_irc_line *line);
	/* Each line's raw text before it is parsed; true = drop it now (a line that another
	 * connection reads). May be NULL. */
	bool (*drops)(void *arg, struct tr_str text);
	/* The nick was refused before registration: append another and return true, or false to
	 * give up. */
	bool (*on_nick_refused)(void *arg, const char *refused, int numeric, struct tr_buf *nick);
	/* SASL can be had from now on (CAP NEW after the registration). May be NULL. */
	void (*on_sasl)(void *arg);
	/* How the tr_irc_connection_login() ended; error NULL = logged in. Class denied: refused;
	 * TR_E_UNSUPPORTED: not with this server. May be NULL if none is asked for. */
	void (*on_login)(void *arg, const struct tr_error *error);
	/* The socket takes bytes again after tr_irc_send() had filled it. May be NULL. */
	void (*on_drain)(void *arg);
	/* The end. Class denied: banned, K-lined or wrong password; retry after: throttled, or with
	 * TR_E_UNAVAILABLE: full for us, whoever of us it is; else retry. */
	void (*on_close)(void *arg, const struct tr_error *error);
};

/* Strings are copied. */
struct tr_irc_connection_options {
	const char *host;
	uint16_t port;
	struct tr_tls *tls;               /* NULL = plain */
	const char *tls_name;             /* that the certificate must be for; NULL = host */
	struct tr_tls_identity *identity; /* client certificate, or NULL */
	const char *nick, *username, *realname;
	const char *server_password;  /* PASS, or NULL */
	const char *sasl_user;        /* the account; NULL = no SASL */
	const char *sasl_password;    /* for SCRAM-SHA-256 and PLAIN, or NULL */
	bool sasl_external;           /* log in with `identity` */
	bool sasl_optional;           /* a server without SASL is fine */
	struct tr_worker *worker;     /* computes SCRAM; NULL = no SCRAM. Outlives us */
	unsigned caps_wanted;         /* of enum tr_irc_cap */
	uint64_t ping_interval_ms;    /* idle time before a PING; 0 = 60,000 */
	uint64_t ping_timeout_ms;     /* no byte for this long = dead; 0 = 180,000 */
	uint64_t register_timeout_ms; /* 0 = 60,000 */
};

struct tr_irc_connection *tr_irc_connection_create(struct tr_loop *loop,
	const struct tr_irc_connection_options *options,
	const struct tr_irc_connection_handler *handler, void *arg);
/* Ends at once, without a callback. NULL is fine. */
void tr_irc_connection_destroy(struct tr_irc_connection *connection);
/* Sends QUIT, flushes, closes; on_close comes. */
void tr_irc_connection_quit(struct tr_irc_connection *connection, struct tr_str reason);

/* The only way out: 0, TR_E_INVALID (would break the framing, or is not UTF-8 on a server with
 * UTF8ONLY), TR_E_TOO_BIG (line or queue),
 * TR_E_CLOSED. */
int tr_irc_send(struct tr_irc_connection *connection, const struct tr_irc_out *line);
/* Short forms: command and up to three parameters; an empty view ends the list. The last may have
 * spaces. */
int tr_irc_send_words(struct tr_irc_connection *connection, const char *command, struct tr_str a,
	struct tr_str b, struct tr_str c);
/* Lines go out at the end of the turn; this writes those that wait now. */
void tr_irc_connection_flush(struct tr_irc_connection *connection);
bool tr_irc_connection_writable(const struct tr_irc_connection *connection);
void tr_irc_connection_pause(struct tr_irc_connection *connection, bool paused);
/* The same for a moment, apart from the pause: its socket is not looked at. */
void tr_irc_connection_rest(struct tr_irc_connection *connection, bool resting);

bool tr_irc_connection_ready(const struct tr_irc_connection *connection);
const char *tr_irc_connection_nick(const struct tr_irc_connection *connection);
bool tr_irc_connection_is_me(const struct tr_irc_connection *connection, struct tr_str nick);
unsigned tr_irc_connection_caps(const struct tr_irc_connection *connection);
/* By SASL, or as the server says (900, 901). */
bool tr_irc_connection_logged_in(const struct tr_irc_connection *connection);
/* The server offers SASL now. */
bool tr_irc_connection_has_sasl(const struct tr_irc_connection *connection);
/* Logs in by SASL on a connection that is ready, with `sasl_user`, `sasl_password`, `sasl_external`
 * and `worker` of the options. 0: on_login comes once, in a later turn, unless it is stopped or the
 * connection ends. TR_E_CLOSED; TR_E_EXISTS: one is under way; TR_E_UNSUPPORTED: the server has no
 * SASL, or no mechanism that we have. There is no time limit. */
int tr_irc_connection_login(
	struct tr_irc_connection *connection, const struct tr_irc_connection_options *options);
/* Gives a login up; no callback comes. */
void tr_irc_connection_login_stop(struct tr_irc_connection *connection);
const struct tr_irc_isupport *tr_irc_connection_isupport(
	const struct tr_irc_connection *connection);
/* Bytes of text that fit a PRIVMSG or NOTICE to `target`, after the server has put our full prefix
 * before it (learned from JOIN echoes, CHGHOST, 396; before that the longest is assumed). */
size_t tr_irc_connection_text_max(
	const struct tr_irc_connection *connection, const char *command, struct tr_str target);
uint16_t tr_irc_connection_local_port(const struct tr_irc_connection *connection);

/* At most `max` bytes of what a server says, for a sentence to people; or words instead where it is
 * not UTF-8. */
struct tr_str tr_irc_readable(struct tr_str text, size_t max);

#endif
