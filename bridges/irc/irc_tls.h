/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS towards a network as its configuration says: whom to trust, what to speak, and the client
 * certificate that all connections show which have none of their own (tlsOptions.cert and .key,
 * with the meaning that Node's tls.connect() gives them).
 */
#ifndef TRESTLE_IRC_TLS_H
#define TRESTLE_IRC_TLS_H

#include "bridges/irc/irc_config.h"
#include "core/io/stream.h"

/* Reads the files that are named. 0, or a code with the key to mend in *error. *identity is NULL
 * where there is none. */
int tr_irc_tls_create(const struct tr_irc_server_config *config, struct tr_tls **tls,
	struct tr_tls_identity **identity, struct tr_error *error);
/* The certificate alone, and what to speak, without whom to trust: what can be said of them before
 * the start. */
int tr_irc_tls_check(const struct tr_irc_server_config *config, struct tr_error *error);
/* Whether any certificate of the server is taken. */
bool tr_irc_tls_trusts_all(const struct tr_irc_server_config *config);

#endif
