/* SPDX-License-Identifier: Apache-2.0 */
/* The capabilities on offer. */
#ifndef SCRIPTED_IRCD_CAP_H
#define SCRIPTED_IRCD_CAP_H

#include "server.h"

/* Makes server->offers from options.caps. Connections keep what they have. */
void ircd_caps_load(struct ircd_server *server);
/* CAP NEW or DEL to all who have cap-notify. */
void ircd_caps_announce(struct ircd_server *server, const char *verb, const char *list);

#endif
