/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a network has given an automatic answer lately: one to a host in a few seconds, and only so
 * many hosts at a time, however many puppets are asked.
 */
#ifndef TRESTLE_IRC_ANSWERED_H
#define TRESTLE_IRC_ANSWERED_H

#include "core/base/str.h"

enum { TR_IRC_ANSWERED_MAX = 32, TR_IRC_ANSWER_MS = 5000 /* between two to one host */ };

/* A zeroed struct is empty. */
struct tr_irc_answered {
	struct {
		uint64_t host; /* a hash */
		uint64_t until_ms;
	} sources[TR_IRC_ANSWERED_MAX];
};

/* Whether a source may have an answer now; if so it counts as given. */
bool tr_irc_answer_allowed(struct tr_irc_answered *answered, struct tr_str source, uint64_t now_ms);

#endif
