/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operation of Matrix reads like on IRC: one text, its lines separated by LF, before it is
 * cut to the length of IRC's lines. Replies, edits, files, reactions and redactions become what
 * people write there.
 */
#ifndef TRESTLE_IRC_COMPOSE_H
#define TRESTLE_IRC_COMPOSE_H

#include "core/base/buf.h"
#include "core/bridge/protocol.h"

enum { TR_IRC_COMPOSED_MAX = 512 * 1024 };

/* Appends the text and says how it is said. */
enum tr_message_kind tr_irc_compose(const struct tr_op *op, struct tr_buf *out);

#endif
