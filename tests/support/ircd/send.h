/* SPDX-License-Identifier: Apache-2.0 */
/* From a message to the line one connection gets: which tags it has negotiated, cutting at the line
 * limit, batches, and the answers to a labeled command. Nothing here decides who is told what. */
#ifndef SCRIPTED_IRCD_SEND_H
#define SCRIPTED_IRCD_SEND_H

#include "clock.h"
#include "server.h"

/* A line before tags. body is valid until eight further messages were made; the rest is borrowed.
 */
struct ircd_msg {
	const char *body;
	size_t len;
	int64_t time_ms; /* Unix time */
	const char *msgid;
	const char *account;
	const char *client_tags;
};

/* The formatted body, cut to the line limit; time is now. */
struct ircd_msg ircd_msg_make(struct ircd_server *server, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same with ":prefix " of the user before it, and the user's account. */
struct ircd_msg ircd_msg_from(struct ircd_server *server, const struct ircd_user *user,
	const char *format, ...) __attribute__((format(printf, 3, 4)));

/* To one connection; collected when it answers a labeled command. batch is NULL or a reference. */
void ircd_send(struct ircd_conn *conn, const struct ircd_msg *msg, const char *batch);
/* Never collected: what others say to the connection while its own command runs. */
void ircd_send_apart(struct ircd_conn *conn, const struct ircd_msg *msg);
/* ":server NNN nick ..." */
void ircd_numeric(struct ircd_conn *conn, int number, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* ":server ..." */
void ircd_reply(struct ircd_conn *conn, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* To all members with a connection but one user (or NULL). */
void ircd_send_channel(
	struct ircd_channel *channel, const struct ircd_msg *msg, const struct ircd_user *except);
/* The same for what is said: not to those who are deaf. */
void ircd_send_said(
	struct ircd_channel *channel, const struct ircd_msg *msg, const struct ircd_user *except);
/* To everybody who shares a channel with the user, once each, and to the user when told so. */
void ircd_send_neighbours(
	struct ircd_server *server, struct ircd_user *user, const struct ircd_msg *msg, bool self);

/* Opens a batch and returns its reference, valid until the next one; NULL without the capability.
 */
const char *ircd_batch_open(struct ircd_conn *conn, const char *type_and_params);
void ircd_batch_close(struct ircd_conn *conn, const char *reference);

void ircd_collect_begin(struct ircd_conn *conn, const char *label);
/* Sends what was collected, with the label. */
void ircd_collect_end(struct ircd_server *server);

#endif
