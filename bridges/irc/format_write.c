/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans as text for IRC. Each line begins without style and writes the codes it needs itself, so a
 * line that is lost or quoted alone takes nothing along.
 */
#include "bridges/irc/format.h"

#include "bridges/irc/format_pen.h"
#include "core/base/alloc.h"
#include "core/base/encode.h"
#include "core/base/error.h"
#include "core/matrix/mxid.h"

enum {
	BLACK = 1,
	STYLES = TR_STYLE_BOLD | TR_STYLE_ITALIC | TR_STYLE_UNDERLINE | TR_STYLE_STRIKE |
		 TR_STYLE_CODE
};

struct writer {
	struct tr_buf *out;
	size_t start;                /* where our text begins in `out` */
	const struct tr_span *block; /* the first span of the block at hand */
	struct tr_irc_pen pen;       /* what is in force in this line */
	bool line_open;              /* the line has its marks */
	bool block_begun;            /* a line of the block was written */
	tr_irc_format_nick *nick_of;
	void *arg;
};

/* What the line begins with. Lines without text are never begun: IRC cannot send them. */
static void begin_line(struct writer *writer)
{
	const struct tr_span *block = writer->block;
	if (writer->out->len > writer->start) {
		tr_buf_add_char(writer->out, '\n');
	}
	writer->pen = (struct tr_irc_pen)TR_IRC_PEN_INIT;
	for (unsigned i = 0; i < block->quote; i++) {
		tr_buf_add_c(writer->out, "> ");
	}
	for (unsigned i = 1; block->block == TR_BLOCK_ITEM && i < block->level; i++) {
		tr_buf_add_c(writer->out, "  ");
	}
	if (block->block == TR_BLOCK_ITEM && writer->block_begun) {
		tr_buf_add_c(writer->out, "  ");
	} else if (block->block == TR_BLOCK_ITEM && block->number > 0) {
		tr_buf_addf(writer->out, "%u. ", block->number);
	} else if (block->block == TR_BLOCK_ITEM) {
		tr_buf_add_c(writer->out, "- ");
	}
	writer->line_open = true;
	writer->block_begun = true;
}

static int32_t colour_of(int32_t rgb)
{
	return rgb == TR_COLOUR_NONE ? TR_IRC_COLOUR_DEFAULT : tr_irc_colour_nearest(rgb);
}

/* A spoiler is black on black, as clients that hide text do it. Code blocks are plain lines: they
 * are there to be copied. */
static struct tr_irc_pen pen_of(const struct tr_span *span, enum tr_block block)
{
	struct tr_irc_pen pen = TR_IRC_PEN_INIT;
	pen.styles = span->styles & STYLES;
	if (block == TR_BLOCK_HEADING) {
		pen.styles |= TR_STYLE_BOLD;
	}
	if (span->styles & TR_STYLE_SPOILER) {
		pen.fg = BLACK;
		pen.bg = BLACK;
	} else {
		pen.fg = colour_of(span->fg);
		pen.bg = colour_of(span->bg);
	}
	if (pen.fg == pen.bg && pen.fg != TR_IRC_COLOUR_DEFAULT &&
		!(span->styles & TR_STYLE_SPOILER)) {
		pen.bg = TR_IRC_COLOUR_DEFAULT; /* two shades of one: nobody meant to hide it */
	}
	return pen;
}

static void add_run(struct writer *writer, struct tr_str text, const struct tr_span *span)
{
	if (tr_str_empty(text)) {
		return;
	}
	if (!writer->line_open) {
		begin_line(writer);
	}
	struct tr_irc_pen pen = pen_of(span, writer->block->block);
	tr_irc_pen_write(&writer->pen, &pen, text, writer->out);
	writer->pen = pen;
	tr_buf_add(writer->out, text);
}

static void add_text(struct writer *writer, struct tr_str text, const struct tr_span *span)
{
	struct tr_str rest = text;
	struct tr_str line;
	bool first = true;
	while (tr_str_split(&rest, '\n', &line)) {
		writer->line_open = writer->line_open && first;
		add_run(writer, line, span);
		first = false;
	}
}

static bool same_link(const struct tr_span *a, const struct tr_span *b)
{
	return a->block_id == b->block_id && tr_str_eq(a->href, b->href);
}

/* The user a pill stands for; false when the link is none. */
static bool pill_user(struct tr_str href, struct tr_buf *user_id)
{
	static const struct {
		struct tr_str prefix;
		const char *sigil;
	} forms[] = {{TR_STR("https://matrix.to/#/@"), "@"},
		{TR_STR("https://matrix.to/#/%40"), "@"}, {TR_STR("matrix:u/"), "@"}};
	for (size_t i = 0; i < TR_ARRAY_LEN(forms); i++) {
		if (!tr_str_starts(href, forms[i].prefix)) {
			continue;
		}
		struct tr_str id = tr_str_from_index(href, forms[i].prefix.len);
		ptrdiff_t query = tr_str_find_char(id, '?');
		id = query < 0 ? id : tr_str_slice(id, 0, (size_t)query);
		tr_buf_add_c(user_id, forms[i].sigil);
		return tr_percent_decode(user_id, id, false) == 0 &&
		       tr_user_id_parse(tr_buf_str(user_id), NULL);
	}
	return false;
}

/* Spans from `first` to before `end` are one link: a pill as a nick. */
static bool add_pill(struct writer *writer, const struct tr_span *first)
{
	struct tr_buf user_id = TR_BUF_INIT(TR_MXID_MAX);
	struct tr_buf nick = TR_BUF_INIT(TR_MXID_MAX);
	bool known = writer->nick_of != NULL && pill_user(first->href, &user_id) &&
		     writer->nick_of(writer->arg, tr_buf_str(&user_id), &nick) && nick.len > 0;
	if (known) {
		add_text(writer, tr_buf_str(&nick), first);
	}
	tr_buf_finish(&user_id);
	tr_buf_finish(&nick);
	return known;
}

static void add_link(struct writer *writer, const struct tr_span *first, const struct tr_span *end)
{
	struct tr_buf text = TR_BUF_INIT(TR_HTML_MAX_BYTES);
	if (add_pill(writer, first)) {
		return;
	}
	for (const struct tr_span *span = first; span < end; span++) {
		add_text(writer, span->text, span);
		tr_buf_add(&text, span->text);
	}
	if (!tr_href_is_said(first->href, tr_buf_str(&text))) {
		struct tr_span plain = *first;
		plain.styles = 0;
		plain.fg = TR_COLOUR_NONE;
		plain.bg = TR_COLOUR_NONE;
		bool blank = tr_str_empty(tr_str_trim(tr_buf_str(&text)));
		add_text(writer, blank ? TR_STR("(") : TR_STR(" ("), &plain);
		add_text(writer, first->href, &plain);
		add_text(writer, TR_STR(")"), &plain);
	}
	tr_buf_finish(&text);
}

int tr_irc_format_from_spans(
	const struct tr_spans *spans, tr_irc_format_nick *nick_of, void *arg, struct tr_buf *out)
{
	struct writer writer = {.out = out, .start = out->len, .nick_of = nick_of, .arg = arg};
	const struct tr_span *end = spans->items ? spans->items + spans->count : NULL;
	const struct tr_span *span = spans->items;
	while (span < end) {
		if (writer.block == NULL || writer.block->block_id != span->block_id) {
			writer.block = span;
			writer.block_begun = false;
			writer.line_open = false;
		}
		const struct tr_span *next = span + 1;
		if (tr_str_empty(span->href)) {
			add_text(&writer, span->text, span);
		} else {
			while (next < end && same_link(span, next)) {
				next++;
			}
			add_link(&writer, span, next);
		}
		span = next;
	}
	if (tr_buf_failed(out)) {
		return TR_E_TOO_BIG;
	}
	return 0;
}

int tr_irc_format_from_html(
	struct tr_str html, tr_irc_format_nick *nick_of, void *arg, struct tr_buf *out)
{
	struct tr_spans spans = {0};
	int failed = tr_html_parse(html, &spans);
	if (failed == 0) {
		failed = tr_irc_format_from_spans(&spans, nick_of, arg, out);
	}
	tr_spans_finish(&spans);
	return failed;
}
