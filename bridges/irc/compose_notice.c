/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told as "* somebody did this": files and stickers with the address to look at them,
 * reactions, redactions. Names and emoji come from strangers: they stay in the line.
 */
#include "bridges/irc/compose_internal.h"
#include "bridges/irc/text.h"

#include <string.h>

enum {
	NAME_BYTES = 200,
	EMOJI_CHARS = 20,
	KIB = 1024,
};

/* Without formatting, directions and line ends; cut between characters. */
static void add_name(struct tr_buf *out, const char *name, size_t max)
{
	struct tr_buf shown = TR_BUF_INIT(NAME_BYTES * 4);
	struct tr_str text = tr_str_from(name);
	tr_irc_text_name(tr_str_slice(text, 0, tr_utf8_fit(text, NAME_BYTES)), &shown);
	struct tr_str plain = tr_str_trim(tr_buf_str(&shown));
	tr_buf_add(out, tr_str_slice(plain, 0, tr_utf8_fit(plain, max)));
	tr_buf_finish(&shown);
}

static void add_size(struct tr_buf *out, int64_t bytes)
{
	if (bytes < 0) {
		return;
	}
	if (bytes < KIB) {
		tr_buf_addf(out, " (%lldB)", (long long)bytes);
	} else if (bytes < 10LL * KIB * KIB) {
		tr_buf_addf(out, " (%lldKiB)", (long long)((bytes + KIB / 2) / KIB));
	} else {
		tr_buf_addf(out, " (%lldMiB)", (long long)((bytes >> 20) + (bytes >> 19 & 1)));
	}
}

void tr_irc_compose_media(const struct tr_op *op, struct tr_buf *out)
{
	static const char *const deeds[] = {"", "uploaded an image", "uploaded a video",
		"uploaded an audio file", "uploaded a file", "sent a sticker"};
	const struct tr_op_media *media = &op->media;
	tr_buf_add_c(out, deeds[media->kind]);
	size_t start = out->len;
	tr_buf_add_c(out, ": ");
	size_t named = out->len;
	add_name(out, media->name, NAME_BYTES);
	if (out->len == named) {
		tr_buf_truncate(out, start);
	}
	if (media->kind != TR_MEDIA_STICKER) {
		add_size(out, media->size);
	}
	if (media->url[0] != '\0') {
		tr_buf_addf(out, " < %s >", media->url);
	}
	if (op->text[0] != '\0') {
		tr_buf_add_char(out, ' ');
		tr_buf_add_c(out, op->text);
	}
}

/* `of <nick> "what was said"`, as far as that is known. */
static void add_about(
	const struct tr_irc_composer *composer, const struct tr_op *op, struct tr_buf *out)
{
	struct tr_buf nick = TR_BUF_INIT(NAME_BYTES * 4);
	bool own = op->about.sender != NULL && strcmp(op->about.sender, op->sender) == 0;
	if (!own && tr_irc_add_about_nick(composer, op, &nick)) {
		tr_buf_addf(out, " of %s", tr_buf_c(&nick));
	}
	if (op->about.text != NULL) {
		tr_buf_add_c(out, ": \"");
		tr_irc_add_quote(tr_str_from(op->about.text),
			(size_t)composer->config->replySourceMaxLength, out);
		tr_buf_add_c(out, "\"");
	}
	tr_buf_finish(&nick);
}

void tr_irc_compose_reaction(
	const struct tr_irc_composer *composer, const struct tr_op *op, struct tr_buf *out)
{
	/* The emoji of a homeserver are pictures. */
	bool picture = strncmp(op->key, "mxc://", 6) == 0 || op->key[0] == '\0';
	tr_buf_add_c(out, "reacted with ");
	if (picture) {
		tr_buf_add_c(out, "a picture");
	} else {
		tr_irc_add_quote(tr_str_from(op->key), EMOJI_CHARS, out);
	}
	tr_buf_add_c(out, " to a message");
	add_about(composer, op, out);
}

void tr_irc_compose_redaction(
	const struct tr_irc_composer *composer, const struct tr_op *op, struct tr_buf *out)
{
	tr_buf_add_c(out, "removed a message");
	add_about(composer, op, out);
	if (op->reason[0] != '\0') {
		tr_buf_add_c(out, " (");
		tr_irc_add_quote(tr_str_from(op->reason), NAME_BYTES, out);
		tr_buf_add_c(out, ")");
	}
}
