/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages, replies and edits as text for IRC. How styles are written is format.h's, how a
 * correction reads compose_edit.h's.
 */
#include "bridges/irc/compose.h"

#include "bridges/irc/compose_edit.h"
#include "bridges/irc/compose_internal.h"
#include "bridges/irc/text.h"
#include "core/base/alloc.h"
#include "core/base/grapheme.h"
#include "core/matrix/template.h"

#include <string.h>

enum { QUOTE_BYTES = 4096 };

/* What was said, with its styles; the plain text where there are none. */
static void add_said(
	const struct tr_irc_composer *composer, const struct tr_op *op, struct tr_buf *out)
{
	size_t start = out->len;
	if (op->html[0] != '\0' && tr_irc_format_from_html(tr_str_from(op->html), composer->nick_of,
					   composer->nick_arg, out) != 0) {
		tr_buf_truncate(out, start);
	}
	if (out->len == start) {
		tr_buf_add_c(out, op->text);
	}
}

/* Whether who is meant is written as he is called at that moment. */
static bool has_pill(const struct tr_op *op)
{
	return strstr(op->html, "matrix.to/#/") != NULL || strstr(op->html, "matrix:u") != NULL;
}

bool tr_irc_add_about_nick(
	const struct tr_irc_composer *composer, const struct tr_op *op, struct tr_buf *out)
{
	const struct tr_about *about = &op->about;
	if (about->sender == NULL) {
		return false;
	}
	size_t start = out->len;
	if (!composer->nick_of(composer->nick_arg, tr_str_from(about->sender), out) &&
		about->sender_name != NULL) {
		tr_irc_text_name(tr_str_from(about->sender_name), out);
	}
	return out->len > start;
}

void tr_irc_add_quote(struct tr_str text, size_t chars, struct tr_buf *out)
{
	struct tr_str rest = tr_str_trim(text);
	ptrdiff_t end = tr_str_find_char(rest, '\n');
	struct tr_str line = end < 0 ? rest : tr_str_trim(tr_str_slice(rest, 0, (size_t)end));
	struct tr_buf plain = TR_BUF_INIT(QUOTE_BYTES);
	tr_irc_text_plain(tr_str_slice(line, 0, tr_utf8_fit(line, QUOTE_BYTES / 2)), &plain);
	struct tr_str shown = tr_buf_str(&plain);
	size_t at = 0;
	for (size_t i = 0; i < chars && at < shown.len; i++) {
		at += tr_grapheme_length(shown, at);
	}
	tr_buf_add(out, tr_str_slice(shown, 0, at));
	tr_buf_add_c(out, at < shown.len || line.len < rest.len ? "..." : "");
	tr_buf_finish(&plain);
}

/* "nick: hello" says whom it answers already. */
static bool addresses(struct tr_str text, struct tr_str nick)
{
	char next = text.len > nick.len ? text.ptr[nick.len] : '\0';
	return tr_str_eq_nocase(tr_str_slice(text, 0, nick.len), nick) &&
	       (next == ':' || next == ',');
}

/* What was said a moment ago needs no quotation. Times that are not known are long ago. */
static bool is_recent(const struct tr_irc_composer *composer, const struct tr_op *op)
{
	int64_t limit_ms = composer->config->shortReplyTresholdSeconds > INT64_MAX / 1000
				   ? INT64_MAX
				   : composer->config->shortReplyTresholdSeconds * 1000;
	return op->about.origin_ts > 0 && op->origin_ts - op->about.origin_ts <= limit_ms;
}

static void add_reply(
	const struct tr_irc_composer *composer, const struct tr_op *op, struct tr_buf *out)
{
	struct tr_buf said = TR_BUF_INIT(TR_IRC_COMPOSED_MAX);
	struct tr_buf nick = TR_BUF_INIT(QUOTE_BYTES);
	struct tr_buf original = TR_BUF_INIT(QUOTE_BYTES);
	bool is_long = op->about.text != NULL && !is_recent(composer, op);
	add_said(composer, op, &said);
	bool known = tr_irc_add_about_nick(composer, op, &nick);
	bool own = known && strcmp(op->about.sender, op->sender) == 0;
	if (!known || (!is_long && (own || addresses(tr_buf_str(&said), tr_buf_str(&nick))))) {
		tr_buf_add(out, tr_buf_str(&said));
	} else {
		if (is_long) {
			tr_irc_add_quote(tr_str_from(op->about.text),
				(size_t)composer->config->replySourceMaxLength, &original);
		}
		const struct tr_template_value values[] = {
			{"NICK", tr_buf_str(&nick)},
			{"REPLY", tr_buf_str(&said)},
			{"ORIGINAL", tr_buf_str(&original)},
		};
		const char *form = is_long ? composer->config->longReplyTemplate
					   : composer->config->shortReplyTemplate;
		tr_template_expand(out, tr_str_from(form), values, TR_ARRAY_LEN(values));
	}
	tr_buf_finish(&said);
	tr_buf_finish(&nick);
	tr_buf_finish(&original);
}

/* false: nothing has changed. */
static bool add_edit(
	const struct tr_irc_composer *composer, const struct tr_op *op, struct tr_buf *out)
{
	struct tr_str before = tr_str_from(op->about.text);
	enum tr_irc_correction correction = TR_IRC_CORRECTION_WHOLE;
	if (op->about.text != NULL && op->text[0] != '\0') {
		correction = tr_irc_compose_correction(before, tr_str_from(op->text), out);
	}
	if (correction == TR_IRC_CORRECTION_WHOLE) {
		tr_buf_add_c(out, "* ");
		if (op->media.kind != TR_MEDIA_NONE && op->text[0] == '\0') {
			tr_irc_compose_media(op, out);
		} else {
			add_said(composer, op, out);
		}
	}
	return correction != TR_IRC_CORRECTION_NONE;
}

static bool compose_message(const struct tr_irc_composer *composer, const struct tr_op *op,
	struct tr_irc_composed *composed)
{
	struct tr_buf *out = &composed->text;
	composed->kind = op->message;
	composed->depends = op->relation != TR_RELATION_NONE || has_pill(op);
	if (op->relation == TR_RELATION_EDIT) {
		/* "/me s/a/b/" would read oddly. */
		composed->kind =
			op->message == TR_MESSAGE_NOTICE ? TR_MESSAGE_NOTICE : TR_MESSAGE_TEXT;
		return add_edit(composer, op, out);
	}
	if (op->media.kind != TR_MEDIA_NONE) {
		composed->kind = TR_MESSAGE_EMOTE;
		composed->depends = true; /* the address is by the configuration */
		tr_irc_compose_media(op, out);
	} else if (op->relation == TR_RELATION_REPLY && op->message != TR_MESSAGE_EMOTE) {
		add_reply(composer, op, out);
	} else {
		add_said(composer, op, out);
	}
	return true;
}

bool tr_irc_is_shown(const struct tr_irc_matrix_handler *config, const struct tr_op *op)
{
	switch (op->kind) {
	case TR_OP_MESSAGE:
		return op->media.kind != TR_MEDIA_STICKER || config->showStickers;
	case TR_OP_REACTION:
		return config->showReactions;
	case TR_OP_REDACTION:
		return config->showRedactions && !op->about.is_reaction;
	case TR_OP_MEMBER:
	case TR_OP_TOPIC:
		break;
	}
	return false;
}

bool tr_irc_compose(const struct tr_irc_composer *composer, const struct tr_op *op,
	struct tr_irc_composed *composed)
{
	*composed = (struct tr_irc_composed){.kind = TR_MESSAGE_EMOTE, .depends = true};
	tr_buf_init(&composed->text, TR_IRC_COMPOSED_MAX);
	if (!tr_irc_is_shown(composer->config, op)) {
		return false;
	}
	if (op->kind == TR_OP_REACTION) {
		tr_irc_compose_reaction(composer, op, &composed->text);
	} else if (op->kind == TR_OP_REDACTION) {
		tr_irc_compose_redaction(composer, op, &composed->text);
	} else {
		return compose_message(composer, op, composed);
	}
	return true;
}

void tr_irc_composed_finish(struct tr_irc_composed *composed)
{
	tr_buf_finish(&composed->text);
}
