/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What users are told, by the bot, of their connection (sendConnectionMessages): that they have not
 * been connected for a while, though they should be, and that they are again; and the nick under
 * which they were connected for the first time, or for which theirs had to give way.
 *
 * Told is who has a chat with the bot, or has said something that waits. What lasts less than a
 * while is nobody's concern, and after an outage of thousands only a few are told a second: the
 * news are made of how things stand, not of what happened. What a user must act on (bans,
 * passwords) is told by those who see it, whatever the setting.
 */
#ifndef TRESTLE_IRC_CONNECTION_NOTICE_H
#define TRESTLE_IRC_CONNECTION_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

struct tr_irc_network;
struct tr_irc_session;

struct tr_irc_connection_notice {
	uint64_t out_ms; /* wanted and not connected since then; 0 = it is not so */
	bool out_told;
	bool new_nick; /* connected under a nick it had not before, and that is not told yet */
};

/* The session is connected as `nick`, and not noted as that yet (tr_irc_session_own_nick()). */
void tr_irc_connection_notice_online(struct tr_irc_session *session, const char *nick);
/* Tells what there is to tell. A tick of the network. */
void tr_irc_connection_notices_look(struct tr_irc_network *network);

#endif
