/* SPDX-License-Identifier: Apache-2.0 */
/* A processed line to its command handler, and the handlers by the file they are in. */
#ifndef SCRIPTED_IRCD_DISPATCH_H
#define SCRIPTED_IRCD_DISPATCH_H

#include "line.h"
#include "server.h"

/* Takes one line (without line ending) of len bytes that is followed by a writable NUL. */
void ircd_dispatch(struct ircd_conn *conn, char *text, size_t len);

typedef void ircd_handler(struct ircd_conn *conn, struct ircd_line *line);

/* cmd_register.c */
ircd_handler ircd_cmd_nick, ircd_cmd_user, ircd_cmd_pass, ircd_cmd_quit, ircd_cmd_ping,
	ircd_cmd_pong;
/* cmd_cap.c */
ircd_handler ircd_cmd_cap, ircd_cmd_authenticate;
/* cmd_channel.c */
ircd_handler ircd_cmd_join, ircd_cmd_part, ircd_cmd_kick, ircd_cmd_topic, ircd_cmd_names,
	ircd_cmd_invite;
/* cmd_mode.c */
ircd_handler ircd_cmd_mode;
/* user_mode.c: MODE with a nick */
ircd_handler ircd_user_mode;
/* cmd_message.c */
ircd_handler ircd_cmd_privmsg, ircd_cmd_notice, ircd_cmd_tagmsg;
/* cmd_history.c */
ircd_handler ircd_cmd_chathistory;
/* cmd_query.c */
ircd_handler ircd_cmd_who, ircd_cmd_whois, ircd_cmd_list, ircd_cmd_away, ircd_cmd_ison,
	ircd_cmd_userhost, ircd_cmd_motd, ircd_cmd_lusers, ircd_cmd_version;

#endif
