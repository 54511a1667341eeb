/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to users and channels and who is told of it, the same whether a client asked for it
 * or the control port made it so. */
#ifndef SCRIPTED_IRCD_USERS_H
#define SCRIPTED_IRCD_USERS_H

#include "server.h"

/* Everybody in the channel sees the JOIN; a client also gets topic and names. */
void ircd_join(struct ircd_server *server, struct ircd_user *user, const char *channel);
void ircd_part(struct ircd_server *server, struct ircd_member *member, const char *reason);
/* by: prefix of whoever does it, a server or a user. */
void ircd_kick(
	struct ircd_server *server, const char *by, struct ircd_member *member, const char *reason);
void ircd_set_topic(struct ircd_server *server, const char *by, struct ircd_channel *channel,
	const char *topic);
/* Changes a registered user's nick; the caller has checked that it is free. */
void ircd_rename(struct ircd_server *server, struct ircd_user *user, const char *nick);
void ircd_send_names(struct ircd_conn *conn, const char *name, struct ircd_channel *channel);
void ircd_send_topic(struct ircd_conn *conn, struct ircd_channel *channel);
/* Applies mode letters with their parameters and tells the channel; who is told of mistakes may be
 * NULL. */
void ircd_change_modes(struct ircd_server *server, const char *by, struct ircd_channel *channel,
	const char *modes, char **params, int count, struct ircd_conn *who);
/* A fake user of this nick, registered; NULL when the nick is a client's. */
struct ircd_user *ircd_fake_user(struct ircd_server *server, const char *nick);
void ircd_fake_quit(struct ircd_server *server, struct ircd_user *user, const char *reason);
/* Ends registration if all is there. */
void ircd_try_register(struct ircd_conn *conn);
/* Timer: PINGs those who have been quiet, and ends those who have not answered. */
void ircd_ping_all(uv_timer_t *timer);

/* Says a line to a channel: tags, history, ledger, echo. command is PRIVMSG, NOTICE or TAGMSG. */
void ircd_say_channel(struct ircd_server *server, struct ircd_user *from,
	struct ircd_channel *channel, const char *command, const char *target, const char *text,
	const char *client_tags);
void ircd_say_user(struct ircd_server *server, struct ircd_user *from, struct ircd_user *to,
	const char *command, const char *text, const char *client_tags);

/* Modes of a user, as "+d-i", asked for by somebody (a prefix). */
void ircd_change_user_modes(
	struct ircd_server *server, const char *by, struct ircd_user *user, const char *modes);
#endif
