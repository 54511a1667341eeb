/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The services password where SASL cannot be had: after the registration NickServ is told it, and
 * when it was not there, later (guest.h). Only where SASL is wanted (`sasl: true`) and only to a
 * nick that the server shows as an operator's, as services are: a password is not for whoever has
 * taken the name. Channels are joined and messages sent when the answer is there, or has not come
 * for some seconds. A password that was refused is not said again until it is changed or the user
 * says !reconnect.
 */
#ifndef TRESTLE_IRC_IDENTIFY_H
#define TRESTLE_IRC_IDENTIFY_H

#include "bridges/irc/session.h"

/* The session is registered. true = it is busy identifying and joins its channels afterwards. */
bool tr_irc_identify_begin(struct tr_irc_session *session);
/* The same later, on a connection that has been in use as a guest's; nothing waits for it, and only
 * a refusal or success is told. */
void tr_irc_identify_again(struct tr_irc_session *session);
/* Every line of the session; true = it was an answer to a question of ours, for nobody else. */
bool tr_irc_identify_line(struct tr_irc_session *session, const struct tr_irc_line *line);
/* The connection is gone. */
void tr_irc_identify_stop(struct tr_irc_session *session);

#endif
