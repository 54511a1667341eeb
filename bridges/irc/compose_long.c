/* SPDX-License-Identifier: Apache-2.0 */
/* Shortens messages that are too long for a channel; uploading is outgoing_compose.c's. */
#include "bridges/irc/compose_long.h"

#include "bridges/irc/text.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/matrix/html.h"
#include "core/matrix/template.h"

#include <string.h>

enum {
	LANGUAGE_MAX = 20,
	NAME_MAX_BYTES = 60,
	PREVIEW_MIN = 16, /* bytes below which no preview is worth it */
	LINES_MAX = 500,
	RESET = 0x0f,
};

static bool is_plain_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '-' || c == '.' || c == '#' || c == '_';
}

void tr_irc_long_file_name(const char *nick, const struct tr_op *op, struct tr_buf *out)
{
	for (size_t i = 0; nick[i] != '\0' && i < NAME_MAX_BYTES; i++) {
		tr_buf_add_char(out, is_plain_name(nick[i]) && nick[i] != '#' ? nick[i] : '_');
	}
	size_t start = out->len;
	tr_buf_add_char(out, '_');
	tr_clock_format(out, op->origin_ts);
	for (size_t i = start; i < out->len; i++) {
		out->data[i] = out->data[i] == ':' ? '-' : out->data[i]; /* it will be in a URL */
	}
	tr_buf_add_c(out, ".txt");
}

/* The language of a message that is one block of code, "" when it says none; NULL = it is not. */
static const char *code_language(const struct tr_op *op, char language[LANGUAGE_MAX + 1])
{
	static const char mark[] = "class=\"language-";
	struct tr_spans spans = {0};
	bool code = op->html[0] != '\0' && tr_html_parse(tr_str_from(op->html), &spans) == 0 &&
		    spans.count > 0;
	for (size_t i = 0; i < spans.count && code; i++) {
		code = spans.items[i].block == TR_BLOCK_PRE;
	}
	tr_spans_finish(&spans);
	const char *at = code ? strstr(op->html, mark) : NULL;
	size_t len = 0;
	for (const char *c = at ? at + sizeof(mark) - 1 : "";
		is_plain_name(*c) && len < LANGUAGE_MAX; c++) {
		language[len++] = *c;
	}
	language[len] = '\0';
	return code ? language : NULL;
}

/* Without the fence that Markdown puts around it. */
void tr_irc_long_file_text(const struct tr_op *op, struct tr_buf *out)
{
	char language[LANGUAGE_MAX + 1];
	struct tr_str text = tr_str_trim(tr_str_from(op->text));
	if (code_language(op, language) != NULL && tr_str_starts(text, TR_STR("```")) &&
		tr_str_ends(text, TR_STR("```"))) {
		ptrdiff_t first = tr_str_find_char(text, '\n');
		ptrdiff_t last = tr_str_rfind_char(text, '\n');
		if (first >= 0 && last > first) {
			text = tr_str_slice(text, (size_t)first + 1, (size_t)(last - first));
		}
	}
	tr_buf_add(out, text);
	tr_buf_add_c(out, tr_str_ends(text, TR_STR("\n")) ? "" : "\n");
}

/* The line so far with as much of the text as fits before `rest`. */
static void add_preview(struct tr_buf *out, struct tr_str text, struct tr_str rest, size_t width)
{
	static const char dots[] = "...";
	size_t taken = rest.len + sizeof(dots);
	char **lines = NULL;
	bool cut;
	size_t count = width < taken + PREVIEW_MIN
			       ? 0
			       : tr_irc_text_split(text, width - taken - 1, 1, &lines, &cut);
	if (count > 0) {
		bool styled = false;
		for (const char *c = lines[0]; *c != '\0'; c++) {
			styled = styled || (unsigned char)*c < ' ';
		}
		tr_buf_add_c(out, lines[0]);
		if (styled) {
			tr_buf_add_char(out, RESET);
		}
		tr_buf_add_c(out, dots);
		tr_buf_add_char(out, ' ');
	}
	tr_irc_text_lines_free(lines, count);
	tr_buf_add(out, rest);
}

void tr_irc_long_with_file(const struct tr_irc_matrix_handler *config, const struct tr_op *op,
	struct tr_irc_composed *composed, const char *url, size_t width)
{
	char language[LANGUAGE_MAX + 1];
	struct tr_buf line = TR_BUF_INIT(TR_IRC_COMPOSED_MAX);
	if (op->relation == TR_RELATION_NONE && code_language(op, language) != NULL) {
		composed->kind = TR_MESSAGE_EMOTE;
		tr_buf_addf(&line, "sent a %s%scode block: %s", language,
			language[0] != '\0' ? " " : "", url);
	} else {
		const struct tr_template_value values[] = {{"URL", tr_str_from(url)}};
		struct tr_buf rest = TR_BUF_INIT(TR_IRC_COMPOSED_MAX);
		tr_template_expand(&rest, tr_str_from(config->truncatedMessageTemplate), values,
			TR_ARRAY_LEN(values));
		add_preview(&line, tr_buf_str(&composed->text), tr_buf_str(&rest), width);
		tr_buf_finish(&rest);
	}
	tr_buf_finish(&composed->text);
	composed->text = line;
	composed->depends = true;
}

void tr_irc_long_without_file(struct tr_irc_composed *composed, size_t lines, size_t width)
{
	static const char mark[] = "...(truncated)";
	char **cut_lines = NULL;
	bool cut;
	size_t keep = lines > 1 ? lines - 1 : 1;
	struct tr_buf text = TR_BUF_INIT(TR_IRC_COMPOSED_MAX);
	size_t fit = lines > 1 ? width : width - (width > sizeof(mark) ? sizeof(mark) : 0);
	size_t count = tr_irc_text_split(tr_buf_str(&composed->text), fit,
		keep < LINES_MAX ? keep : LINES_MAX, &cut_lines, &cut);
	for (size_t i = 0; i < count; i++) {
		tr_buf_add_c(&text, cut_lines[i]);
		tr_buf_add_c(&text, i + 1 < count || lines > 1 ? "\n" : "");
	}
	tr_buf_add_c(&text, mark);
	tr_irc_text_lines_free(cut_lines, count);
	tr_buf_finish(&composed->text);
	composed->text = text;
	composed->depends = true;
}
