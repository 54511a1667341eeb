/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edits as people write corrections on IRC, where nothing can be taken back:
 *
 *   s/teh/the/            up to three substitutions, s/a/b/, s/c/d/
 *   * you should never use    an insertion, with the two words before and behind it
 *   * the new text        what is short, or has changed too much
 *
 * A pure function of the two texts.
 */
#ifndef TRESTLE_IRC_COMPOSE_EDIT_H
#define TRESTLE_IRC_COMPOSE_EDIT_H

#include "core/base/buf.h"

enum tr_irc_correction {
	TR_IRC_CORRECTION_NONE,  /* both read the same */
	TR_IRC_CORRECTION_SHORT, /* appended: it says what changed */
	TR_IRC_CORRECTION_WHOLE, /* the whole new text is to be said; nothing appended */
};

enum tr_irc_correction tr_irc_compose_correction(
	struct tr_str before, struct tr_str after, struct tr_buf *out);

#endif
