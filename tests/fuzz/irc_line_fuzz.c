/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of a hostile server. However it is cut into pieces the same lines come out; each parses
 * into views of itself; what the writer takes of one reads back the same and is one line; texts in
 * it become valid UTF-8 and lines that fit. The first byte chooses how the stream is cut.
 */
#include "bridges/irc/line_mask.h"
#include "bridges/irc/text.h"
#include "core/base/alloc.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct tr_buf lines; /* each with LF */
	size_t too_long;
};

static bool inside(struct tr_str part, struct tr_str whole)
{
	return part.len == 0 ||
	       (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_views(const struct tr_irc_line *line)
{
	TR_ASSERT(line->param_count <= TR_IRC_PARAMS_MAX && line->tag_count <= TR_IRC_TAGS_MAX);
	TR_ASSERT(line->command.len > 0 && line->numeric >= 0 && line->numeric <= 999);
	TR_ASSERT(inside(line->prefix, line->raw) && inside(line->nick, line->prefix));
	TR_ASSERT(inside(line->user, line->prefix) && inside(line->host, line->prefix));
	for (size_t i = 0; i < line->param_count; i++) {
		TR_ASSERT(inside(line->params[i], line->raw));
		TR_ASSERT(i + 1 == line->param_count || tr_str_find_char(line->params[i], ' ') < 0);
	}
	for (size_t i = 0; i < line->tag_count; i++) {
		TR_ASSERT(inside(line->tags[i].key, line->raw));
		TR_ASSERT(inside(line->tags[i].value, line->raw));
	}
}

static void check_same(const struct tr_irc_line *a, const struct tr_irc_line *b)
{
	TR_ASSERT(tr_str_eq(a->command, b->command) && a->param_count == b->param_count);
	for (size_t i = 0; i < a->param_count; i++) {
		TR_ASSERT(tr_str_eq(a->params[i], b->params[i]));
	}
}

static void check_writing(const struct tr_irc_line *line, bool trailing)
{
	struct tr_buf out = TR_BUF_INIT(64 * 1024);
	struct tr_buf value = TR_BUF_INIT(64 * 1024);
	char *command = tr_str_dup(line->command);
	struct tr_irc_out_tag tag = {"t", {NULL, 0}};
	struct tr_irc_out again = {
		.command = command, .param_count = line->param_count, .trailing = trailing};
	memcpy(again.params, line->params, sizeof(again.params));
	if (line->tag_count > 0) {
		(void)tr_irc_tag_unescape(line->tags[0].value, &value);
		tag.value = tr_buf_str(&value);
		again.tags = &tag;
		again.tag_count = 1;
	}
	if (tr_irc_line_write(&out, &again, 16 * 1024) == 0) {
		struct tr_irc_line back;
		struct tr_str written = tr_buf_str(&out);
		TR_ASSERT(tr_str_ends(written, TR_STR("\r\n")));
		written.len -= 2;
		TR_ASSERT(
			tr_str_find_char(written, '\n') < 0 && tr_str_find_char(written, '\r') < 0);
		TR_ASSERT(tr_irc_line_parse(written, &back));
		check_same(line, &back);
		if (line->tag_count > 0) {
			struct tr_buf unescaped = TR_BUF_INIT(64 * 1024);
			struct tr_str got;
			TR_ASSERT(tr_irc_tag(&back, "t", &got));
			(void)tr_irc_tag_unescape(got, &unescaped);
			TR_ASSERT(tr_str_eq(tr_buf_str(&unescaped), tag.value));
			tr_buf_finish(&unescaped);
		}
	} else {
		TR_ASSERT(out.len == 0);
	}
	tr_free(command);
	tr_buf_finish(&value);
	tr_buf_finish(&out);
}

static void check_text(struct tr_str text)
{
	struct tr_buf out = TR_BUF_INIT(16 * text.len + 16);
	struct tr_str verb;
	struct tr_str rest;
	char **lines = NULL;
	bool cut = false;
	TR_ASSERT(tr_irc_text_plain(text, &out) == 0 && tr_utf8_valid(tr_buf_str(&out)));
	tr_buf_clear(&out);
	TR_ASSERT(tr_irc_text_name(text, &out) == 0 && tr_utf8_valid(tr_buf_str(&out)));
	tr_buf_clear(&out);
	TR_ASSERT(tr_irc_text_identity(text, &out) == 0 && tr_utf8_valid(tr_buf_str(&out)));
	TR_ASSERT(out.len >= text.len);
	if (tr_irc_ctcp(text, &verb, &rest)) {
		TR_ASSERT(inside(verb, text) && inside(rest, text));
	}
	size_t count = tr_irc_text_split(text, 20, 1000, &lines, &cut);
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(lines[i]);
		TR_ASSERT(len > 0 && len <= 20 && strpbrk(lines[i], "\r\n\x01") == NULL);
		TR_ASSERT(!tr_utf8_valid(text) || tr_utf8_valid(tr_str_from(lines[i])));
	}
	tr_irc_text_lines_free(lines, count);
	tr_buf_finish(&out);
}

static bool on_line(void *arg, struct tr_str text)
{
	struct seen *seen = arg;
	struct tr_irc_line line;
	TR_ASSERT(text.len > 0 && text.len <= TR_IRC_RECEIVED_MAX);
	TR_ASSERT(tr_str_find_char(text, '\n') < 0 && text.ptr[text.len - 1] != '\r');
	tr_buf_add(&seen->lines, text);
	tr_buf_add_char(&seen->lines, '\n');
	struct tr_buf masked = TR_BUF_INIT(TR_IRC_RECEIVED_MAX + 64);
	tr_irc_line_mask(text, &masked);
	TR_ASSERT(masked.len > 0 && !tr_buf_failed(&masked) && masked.len <= text.len + 32);
	tr_buf_finish(&masked);
	if (tr_irc_line_parse(text, &line)) {
		check_views(&line);
		check_writing(&line, false);
		check_writing(&line, true);
		check_text(tr_irc_param(&line, line.param_count - 1));
		check_text(line.nick);
	}
	return true;
}

static bool collect(void *arg, struct tr_str text)
{
	struct seen *seen = arg;
	tr_buf_add(&seen->lines, text);
	tr_buf_add_char(&seen->lines, '\n');
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2) {
		return 0;
	}
	struct tr_buf partial = TR_BUF_INIT(TR_IRC_PARTIAL_MAX);
	struct seen whole = {.lines = TR_BUF_INIT(2 * size + 2)};
	struct seen pieces = {.lines = TR_BUF_INIT(2 * size + 2)};
	struct tr_str rest = tr_str_of((const char *)data + 1, size - 1);
	size_t step = (size_t)data[0] + 1;

	TR_ASSERT(tr_irc_lines_feed(&partial, rest, &whole.too_long, on_line, &whole));
	tr_buf_finish(&partial);
	while (rest.len > 0) {
		struct tr_str piece = tr_str_slice(rest, 0, step);
		TR_ASSERT(tr_irc_lines_feed(&partial, piece, &pieces.too_long, collect, &pieces));
		rest = tr_str_from_index(rest, piece.len);
	}
	TR_ASSERT(tr_str_eq(tr_buf_str(&whole.lines), tr_buf_str(&pieces.lines)));
	TR_ASSERT(whole.too_long == pieces.too_long);
	tr_buf_finish(&partial);
	tr_buf_finish(&whole.lines);
	tr_buf_finish(&pieces.lines);
	return 0;
}
