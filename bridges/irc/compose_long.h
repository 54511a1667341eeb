/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages with more lines than a channel shall see: the whole goes into a file, and one line tells
 * where it is. Without the file the first lines are all there is.
 */
#ifndef TRESTLE_IRC_COMPOSE_LONG_H
#define TRESTLE_IRC_COMPOSE_LONG_H

#include "bridges/irc/compose.h"

/* The file: a name from who said it and when ("alice_2026-11-21T14-35-00.000Z.txt"), and the text.
 */
void tr_irc_long_file_name(const char *nick, const struct tr_op *op, struct tr_buf *out);
void tr_irc_long_file_text(const struct tr_op *op, struct tr_buf *out);

/* The composed message with its file at `url`: what fits of its first line into `width` bytes with
 * the template behind it; of nothing but a code block what language it is in. Replaces the text. */
void tr_irc_long_with_file(const struct tr_irc_matrix_handler *config, const struct tr_op *op,
	struct tr_irc_composed *composed, const char *url, size_t width);
/* Without one: the first `lines` - 1 lines (one at least) of those it was cut into at `width`, and
 * "...(truncated)". */
void tr_irc_long_without_file(struct tr_irc_composed *composed, size_t lines, size_t width);

#endif
