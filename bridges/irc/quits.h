/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long the leave of somebody who quit is held back before the room sees it: in a netsplit most
 * people are back before long, and a thousand leaves and joins help nobody.
 */
#ifndef TRESTLE_IRC_QUITS_H
#define TRESTLE_IRC_QUITS_H

#include "bridges/irc/line.h"

struct tr_irc_quit_debounce;

/* The quits of the last second; zeroed = none. */
struct tr_irc_quits {
	uint64_t since_ms;
	int64_t count;
};

/* Counts a QUIT line and says for how many milliseconds its leave is held back; `batched` = it
 * stands in a batch that the server calls a netsplit. */
uint64_t tr_irc_quits_delay(struct tr_irc_quits *quits, const struct tr_irc_quit_debounce *config,
	struct tr_str reason, bool batched, uint64_t now_ms);
/* Whether a quit's reason is that of a netsplit: "hub.example leaf.example". */
bool tr_irc_is_netsplit(struct tr_str reason);

#endif
