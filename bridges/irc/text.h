/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text between IRC and Matrix: cutting a message into lines that fit, and making what comes in
 * plain. Styles in both directions are format.h's.
 */
#ifndef TRESTLE_IRC_TEXT_H
#define TRESTLE_IRC_TEXT_H

#include "bridges/irc/line.h"

/* The lines a message becomes: owned texts, each at most `max` bytes (4 at least), none blank,
 * without CR, LF (both end a line), control characters other than styles and TAB, and overrides of
 * writing direction. Long ones are cut at a space where there is one in the last third, else
 * between what people see as characters (UAX #29), whose parts stay together unless they are longer
 * than a line; never inside a code of formatting. What is open at a cut (of a line that was too
 * long; LF ends all) is opened anew behind it. Besides that one space nothing is lost. The same
 * arguments always give the same lines. Returns how many (at most `lines_max`; what is beyond is
 * left out and *cut set), and the array in *lines (tr_irc_text_lines_free()). */
size_t tr_irc_text_split(
	struct tr_str text, size_t max, size_t lines_max, char ***lines, bool *cut);
void tr_irc_text_lines_free(char **lines, size_t count);

/* Appends `text` as plain UTF-8: mIRC colours and styles taken out, control characters (C0, DEL,
 * C1) and the overrides of writing direction too, tabs as spaces; when it is not UTF-8 it is read
 * by encoding.h's habit. */
int tr_irc_text_plain(struct tr_str text, struct tr_buf *out);
/* Appends the character at *index of a text (UTF-8), which is no code of formatting, as people may
 * see it (perhaps nothing), and moves *index past it. */
void tr_irc_text_add_shown(struct tr_str text, size_t *index, struct tr_buf *out);
/* The same for what stands for a person: all marks of writing direction and what has no width go
 * too, so that no name can change how its surroundings look or look like another one by them. May
 * append nothing. For people's eyes only: two names may give one text. */
int tr_irc_text_name(struct tr_str name, struct tr_buf *out);
/* Appends a nick as UTF-8 so that different nicks stay different: each byte that is not UTF-8, and
 * each control character, as "!" and two hex digits ('!' cannot be in a nick). */
int tr_irc_text_identity(struct tr_str nick, struct tr_buf *out);

/* Whether two texts say the same, formatting left out: channels may strip colours (mode +c). */
bool tr_irc_text_same(struct tr_str a, struct tr_str b);

/* "\x01VERB rest\x01" (the last mark may be missing): false when `text` is no CTCP message. */
bool tr_irc_ctcp(struct tr_str text, struct tr_str *verb, struct tr_str *rest);

#endif
