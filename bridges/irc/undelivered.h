/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling a person on IRC that something of his did not get to Matrix: a NOTICE, which nothing
 * answers (RFC 2812, 3.3.2). In a direct chat it comes from the puppet he talks with, else from the
 * bot; without a connection it is only logged. Best effort: never queued, never confirmed.
 */
#ifndef TRESTLE_IRC_UNDELIVERED_H
#define TRESTLE_IRC_UNDELIVERED_H

#include "bridges/irc/network.h"

/* undelivered() of struct tr_protocol. */
void tr_irc_undelivered(
	void *network, const struct tr_portal *portal, struct tr_str remote_id, struct tr_str text);

#endif
