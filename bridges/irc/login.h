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

/* Always fills *login; finish it. */
void tr_irc_login_of(const struct tr_irc_session *session, struct tr_irc_login *login);
void tr_irc_login_finish(struct tr_irc_login *login);

#endif
