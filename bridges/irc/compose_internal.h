/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of composing share: compose.c messages and replies, compose_notice.c what is told
 * about other things (files, stickers, reactions, redactions). */
#ifndef TRESTLE_IRC_COMPOSE_INTERNAL_H
#define TRESTLE_IRC_COMPOSE_INTERNAL_H

#include "bridges/irc/compose.h"

/* "uploaded an image: name (20KiB) < address >", and the caption behind it. */
void tr_irc_compose_media(const struct tr_op *op, struct tr_buf *out);
/* "reacted with :) to <nick> "what was said.."". */
void tr_irc_compose_reaction(
	const struct tr_irc_composer *composer, const struct tr_op *op, struct tr_buf *out);
/* "removed a message". */
void tr_irc_compose_redaction(
	const struct tr_irc_composer *composer, const struct tr_op *op, struct tr_buf *out);

/* The sender of what the operation is about, as IRC calls him; false and nothing = not known. */
bool tr_irc_add_about_nick(
	const struct tr_irc_composer *composer, const struct tr_op *op, struct tr_buf *out);
/* The beginning of a text in one line, at most `chars` characters, "..." behind what was cut. */
void tr_irc_add_quote(struct tr_str text, size_t chars, struct tr_buf *out);

#endif
