/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of Matrix as text for IRC. The input is an event's content (JSON), behind it, after a
 * NUL, the text of what it refers to. Whatever comes out composes, and the lines that it is cut
 * into have no CR, LF, NUL or 0x01; made twice, it is the same.
 */
#include "bridges/irc/compose_long.h"
#include "bridges/irc/text.h"
#include "core/base/alloc.h"
#include "core/bridge/content.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WIDTH = 400, LINES = 50 };

static bool nick_of(void *arg, struct tr_str user_id, struct tr_buf *out)
{
	(void)arg;
	tr_buf_add_c(out, "nick");
	return user_id.len % 2 == 0;
}

static void check_lines(struct tr_str text)
{
	char **lines = NULL;
	bool cut;
	size_t count = tr_irc_text_split(text, WIDTH, LINES, &lines, &cut);
	for (size_t i = 0; i < count; i++) {
		TR_ASSERT(strlen(lines[i]) <= WIDTH && strpbrk(lines[i], "\r\n\x01") == NULL);
	}
	tr_irc_text_lines_free(lines, count);
}

static void compose(const struct tr_op *op)
{
	static char templates[][40] = {
		"$NICK: $REPLY", "<$NICK> \"$ORIGINAL\" <- $REPLY", "(at $URL)"};
	const struct tr_irc_matrix_handler config = {.shortReplyTemplate = templates[0],
		.longReplyTemplate = templates[1],
		.truncatedMessageTemplate = templates[2],
		.replySourceMaxLength = 32,
		.showStickers = true,
		.showReactions = true,
		.showRedactions = true};
	const struct tr_irc_composer composer = {&config, nick_of, NULL};
	struct tr_irc_composed first;
	struct tr_irc_composed second;
	bool says = tr_irc_compose(&composer, op, &first);
	TR_ASSERT(tr_irc_compose(&composer, op, &second) == says);
	TR_ASSERT(tr_str_eq(tr_buf_str(&first.text), tr_buf_str(&second.text)));
	check_lines(tr_buf_str(&first.text));
	if (says) {
		tr_irc_long_with_file(&config, op, &first, "https://hs/x", WIDTH);
		check_lines(tr_buf_str(&first.text));
		tr_irc_long_without_file(&second, 3, WIDTH);
		check_lines(tr_buf_str(&second.text));
	}
	tr_irc_composed_finish(&first);
	tr_irc_composed_finish(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *end = memchr(data, 0, size);
	size_t len = end ? (size_t)(end - (const char *)data) : size;
	char *before = tr_str_dup(end ? tr_str_of(end + 1, size - len - 1) : tr_str_of("", 0));
	struct tr_json *event = tr_json_new_object();
	tr_json_set_c(event, "type", size % 5 == 0 ? "m.sticker" : "m.room.message");
	struct tr_json *body = tr_json_parse(tr_str_of((const char *)data, len), NULL);
	struct tr_content content;
	if (body != NULL) {
		tr_json_set_take(event, "content", body);
	}
	if (tr_content_read(event, &content)) {
		struct tr_op op = {.kind = TR_OP_MESSAGE,
			.sender = "@alice:hs",
			.message = content.kind,
			.text = tr_buf_c(&content.text),
			.html = content.html,
			.relation = content.relation,
			.media = content.media,
			.key = before,
			.reason = before,
			.about = {.event_id = content.about, .sender = "@bob:hs", .text = before}};
		op.media.url = "";
		compose(&op);
		op.kind = TR_OP_REACTION;
		compose(&op);
		op.kind = TR_OP_REDACTION;
		compose(&op);
	}
	tr_content_finish(&content);
	tr_json_free(event);
	tr_free(before);
	return 0;
}
