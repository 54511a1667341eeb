/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the IRC commands share. Each run function ends its command exactly once.
 *
 *   commands.c             the table, arguments, !status
 *   commands_channel.c     !join !part !listrooms
 *   commands_person.c      !whois !nick !feature !active
 *   commands_connection.c  !reconnect !quit !cmd
 *   commands_account.c     !username !storepass !removepass
 *   commands_certificate.c !certificate
 *   commands_retry.c       !retry
 */
#ifndef TRESTLE_IRC_COMMANDS_INTERNAL_H
#define TRESTLE_IRC_COMMANDS_INTERNAL_H

#include "bridges/irc/commands.h"
#include "bridges/irc/network.h"
#include "bridges/irc/session.h"

typedef void tr_irc_command_run(void *self, struct tr_command *command);

/* The argument after the network's name, if that was given first; false when there is none. */
bool tr_irc_command_argument(
	struct tr_irc_network *network, struct tr_command *command, struct tr_str *argument);
/* All that is left after the network's name, trimmed. */
struct tr_str tr_irc_command_rest(struct tr_irc_network *network, struct tr_command *command);
/* An argument that is a channel of this network in good form. Else the command has been answered
 * and ended, and this is false. */
bool tr_irc_command_channel(
	struct tr_irc_network *network, struct tr_command *command, struct tr_str *channel);
/* Answers with one sentence and ends. */
void tr_irc_command_end_with(struct tr_command *command, const char *text);
/* Of who gives the command; NULL when there never was one. */
struct tr_irc_session *tr_irc_command_session(
	struct tr_irc_network *network, const struct tr_command *command);
const char *tr_irc_command_state_text(const struct tr_irc_session *session);

tr_irc_command_run tr_irc_command_join, tr_irc_command_part, tr_irc_command_listrooms,
	tr_irc_command_nick, tr_irc_command_whois, tr_irc_command_feature, tr_irc_command_active,
	tr_irc_command_reconnect, tr_irc_command_quit, tr_irc_command_cmd, tr_irc_command_username,
	tr_irc_command_storepass, tr_irc_command_removepass, tr_irc_command_certificate,
	tr_irc_command_retry;

#endif
