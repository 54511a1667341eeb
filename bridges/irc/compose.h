/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operation of Matrix reads like on IRC: one text, its lines separated by LF, before it is
 * cut to the length of IRC's lines. Replies, edits, files, reactions and redactions become what
 * people write there. Functions of their arguments; nothing is asked and nothing kept here.
 *
 * Text of other people stands in templates as it is: no "$" in it means anything. What must stay in
 * one line (names, quotations) has no line end and no formatting left.
 */
#ifndef TRESTLE_IRC_COMPOSE_H
#define TRESTLE_IRC_COMPOSE_H

#include "bridges/irc/format.h"
#include "bridges/irc/irc_config.h"
#include "core/base/buf.h"
#include "core/bridge/protocol.h"

enum { TR_IRC_COMPOSED_MAX = 512 * 1024 };

/* How this network composes. */
struct tr_irc_composer {
	const struct tr_irc_matrix_handler *config;
	/* What a Matrix user or ghost is called on IRC now. */
	tr_irc_format_nick *nick_of;
	void *nick_arg;
};

struct tr_irc_composed {
	enum tr_message_kind kind;
	struct tr_buf text;
	/* Made of what may be another thing later (a nick, an older message): to be the same on
	 * every attempt it must be stored before it is written. */
	bool depends;
};

/* false: the operation says nothing on IRC (an edit that changes nothing, what the settings leave
 * out). To be finished whatever came out. */
bool tr_irc_compose(const struct tr_irc_composer *composer, const struct tr_op *op,
	struct tr_irc_composed *composed);
void tr_irc_composed_finish(struct tr_irc_composed *composed);

/* Whether it can say anything at all, by its kind and the settings. */
bool tr_irc_is_shown(const struct tr_irc_matrix_handler *config, const struct tr_op *op);

#endif
