/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a line that could be nicks. Internal to mention*.c and its tests. */
#ifndef TRESTLE_IRC_MENTION_WORDS_H
#define TRESTLE_IRC_MENTION_WORDS_H

#include "core/base/str.h"

/* A zeroed struct with `text` set is the beginning. */
struct tr_irc_words {
	struct tr_str text;
	struct tr_str word; /* the one at hand, a view of `text` */
	bool addressed;     /* it is spoken to: "@word", or "word:" at the beginning */
	size_t at;          /* reading goes on here */
	size_t token_end;   /* of what stands between spaces */
};

/* The next word that stands as a nick may: alone, quoted, possessive, with a comma or colon behind
 * it; not in addresses, ids, paths and names of channels. false = no more. */
bool tr_irc_words_next(struct tr_irc_words *words);
/* Without the brackets and the like around it, which a nick may have too; false when it has none.
 */
bool tr_irc_word_trim(struct tr_str *word);

#endif
