/* SPDX-License-Identifier: Apache-2.0 */
/* Puts together what a line says: encoding, CTCP, styles, mentions. */
#include "bridges/irc/talk.h"

#include "bridges/irc/encoding.h"
#include "bridges/irc/format.h"
#include "bridges/irc/text.h"

enum { TEXT_MAX = 64 * 1024 };

static bool body_of(const struct tr_spans *spans, struct tr_buf *body)
{
	for (size_t i = 0; i < spans->count; i++) {
		tr_buf_add(body, spans->items[i].text);
	}
	return !tr_buf_failed(body) && body->len > 0;
}

bool tr_irc_talk_read(
	const struct tr_irc_place *place, const struct tr_irc_line *line, struct tr_irc_talk *talk)
{
	struct tr_str raw = tr_irc_param(line, 1);
	struct tr_str verb;
	struct tr_str rest;
	struct tr_spans plain = {0};
	struct tr_buf decoded = TR_BUF_INIT(TR_IRC_DECODED_MAX(raw.len));
	*talk = (struct tr_irc_talk){
		.kind = tr_irc_is(line, "NOTICE") ? TR_MESSAGE_NOTICE : TR_MESSAGE_TEXT,
		.body = TR_BUF_INIT(TEXT_MAX),
		.html = TR_BUF_INIT(TEXT_MAX),
	};
	if (tr_irc_ctcp(raw, &verb, &rest)) {
		if (!tr_str_eq_nocase(verb, TR_STR("ACTION"))) {
			return false;
		}
		talk->kind = TR_MESSAGE_EMOTE;
		raw = rest;
	}
	tr_irc_decode(place->network->encoding, raw, &decoded);
	tr_irc_format_read(tr_buf_str(&decoded), &plain);
	tr_irc_mention_people(place, &plain, &talk->spans, &talk->mentioned);
	if (tr_spans_formatted(&talk->spans) && tr_spans_to_html(&talk->spans, &talk->html) != 0) {
		tr_buf_clear(&talk->html);
	}
	tr_spans_finish(&plain);
	tr_buf_finish(&decoded);
	return body_of(&talk->spans, &talk->body);
}

void tr_irc_talk_finish(struct tr_irc_talk *talk)
{
	tr_spans_finish(&talk->spans);
	tr_buf_finish(&talk->body);
	tr_buf_finish(&talk->html);
}
