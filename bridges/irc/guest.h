/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests: sessions that are connected without the login they have, because services were away. They
 * are logged in on the same connection when that can be: by SASL as soon as the server offers it
 * (CAP NEW), else NickServ is asked now and then whether it is back. Bounded and spaced: thousands
 * do not come in one second, tries of one connection are counted, and a password that was refused
 * is not said again until its user acts.
 */
#ifndef TRESTLE_IRC_GUEST_H
#define TRESTLE_IRC_GUEST_H

#include "bridges/irc/session.h"

/* It has not been logged in, for a reason that may pass: tried again after a while. */
void tr_irc_guest_wait(struct tr_irc_session *session);
/* NickServ has taken the password. */
void tr_irc_guest_logged_in(struct tr_irc_session *session);
/* Callbacks of the connection: SASL can be had; how a login ended. `arg` is the session. */
void tr_irc_guest_sasl(void *arg);
void tr_irc_guest_login(void *arg, const struct tr_error *error);
/* The connection is gone. */
void tr_irc_guest_stop(struct tr_irc_session *session);

#endif
