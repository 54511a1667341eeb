/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS side of a connection over memory BIOs, and its faults. */
#ifndef SCRIPTED_IRCD_TLS_H
#define SCRIPTED_IRCD_TLS_H

#include "server.h"

/* Loads options.tls_cert and tls_key for the connections to come; 0, or -1 and why in *error (owned
 * by the caller). */
int ircd_tls_load(struct ircd_server *server, char **error);
void ircd_tls_unload(struct ircd_server *server);
void ircd_tls_attach(struct ircd_conn *conn);
/* Bytes from the wire; plain ones go to ircd_conn_input. -1: the connection is to be closed. */
int ircd_tls_feed(struct ircd_conn *conn, const char *data, size_t len);
bool ircd_tls_is_ready(const struct ircd_tls *tls);
/* Encrypts onto the wire; only once ready. */
void ircd_tls_write(struct ircd_conn *conn, const char *data, size_t len);
void ircd_tls_say_goodbye(struct ircd_conn *conn); /* close_notify */
void ircd_tls_destroy(struct ircd_tls *tls);
/* What the client showed: "" when it did not. */
const char *ircd_tls_sni(const struct ircd_tls *tls);
const char *ircd_tls_fingerprint(const struct ircd_tls *tls);

#endif
