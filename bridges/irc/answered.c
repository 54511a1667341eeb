/* SPDX-License-Identifier: Apache-2.0 */
/* A small table of sources: when it is full of fresh ones nobody else is answered. */
#include "bridges/irc/answered.h"

#include "core/base/hash.h"

bool tr_irc_answer_allowed(struct tr_irc_answered *answered, struct tr_str source, uint64_t now_ms)
{
	uint64_t host = tr_hash(source);
	size_t chosen = TR_IRC_ANSWERED_MAX;
	for (size_t i = 0; i < TR_IRC_ANSWERED_MAX; i++) {
		bool over = answered->sources[i].until_ms <= now_ms;
		if (!over && answered->sources[i].host == host) {
			return false;
		}
		chosen = over ? i : chosen;
	}
	if (chosen == TR_IRC_ANSWERED_MAX) {
		return false; /* so many hosts at once are a flood */
	}
	answered->sources[chosen].host = host;
	answered->sources[chosen].until_ms = now_ms + TR_IRC_ANSWER_MS;
	return true;
}
