/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session logs in with: of the bot by the configuration, of a Matrix user by what is stored
 * (account.h). Secrets are opened for one connection and wiped.
 */
#ifndef TRESTLE_IRC_LOGIN_H
#define TRESTLE_IRC_LOGIN_H

#include "bridges/irc/session.h"

struct tr_irc_login {
	char *username;                   /* for USER; NULL = to be made from the Matrix id */
	char *account;                    /* whose password it is */
	char *password;                   /* NULL = none */
	struct tr_tls_identity *identity; /* client certificate, NULL = none */
};

/* Whether it has a password or a certificate to log in with. */
bool tr_irc_login_exists(const struct tr_irc_session *session);
/* Always fills *login; finish it. */
void tr_irc_login_of(const struct tr_irc_session *session, struct tr_irc_login *login);
void tr_irc_login_finish(struct tr_irc_login *login);
/* Puts it into the connection's options, which borrow it: with `sasl` for SASL, else as the
 * server's password. */
void tr_irc_login_apply(const struct tr_irc_login *login, const struct tr_irc_server_config *config,
	struct tr_irc_connection_options *options);
/* A client certificate of the configuration (a PEM file, read now); NULL = see *error. */
struct tr_tls_identity *tr_irc_login_read_certificate(const char *file, struct tr_error *error);

/* A login was refused: true = it is tried once more after *delay_ms. Counts. */
bool tr_irc_login_retry(
	struct tr_irc_session *session, const struct tr_error *error, uint64_t *delay_ms);
/* What the user can do about this error, as sentences; "" when nobody knows. */
const char *tr_irc_login_advice(const struct tr_irc_session *session, const struct tr_error *error);

#endif
